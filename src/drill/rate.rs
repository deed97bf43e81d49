//! How many logins come: `5/s`, `300/m`, `0.5/s`, `0`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// Most logins a second.
pub const LOGINS_PER_SEC_MAX: u64 = 10_000;

/// Logins in a time. Whole numbers inside, so that the same text gives the same arrivals everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    thousandths: u64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    fn millis(self) -> u64 {
        match self {
            Unit::Second => 1_000,
            Unit::Minute => 60_000,
            Unit::Hour => 3_600_000,
        }
    }
}

impl Rate {
    /// None at all.
    pub const NONE: Rate = Rate { thousandths: 0, unit: Unit::Second };
    /// One a second.
    pub const ONE_A_SECOND: Rate = Rate { thousandths: 1_000, unit: Unit::Second };

    /// When the share of the time of the login with this number begins, in milliseconds; `None` when nobody
    /// comes.
    pub fn start_of(self, number: u64) -> Option<u64> {
        let millis = u128::from(number) * u128::from(self.unit.millis()) * 1_000;
        u64::try_from(millis.checked_div(u128::from(self.thousandths))?).ok()
    }

    /// Logins in this many milliseconds.
    pub fn within(self, millis: u64) -> u64 {
        let logins =
            u128::from(millis) * u128::from(self.thousandths) / u128::from(self.unit.millis()) / 1_000;
        u64::try_from(logins).unwrap_or(u64::MAX)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` is not a rate: write 5/s, 300/m or 1000/h");
        if text == "0" {
            return Ok(Rate::NONE);
        }
        let (number, unit) = text.split_once('/').ok_or_else(form)?;
        let unit = match unit {
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            _ => return Err(form()),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return Err(form());
        }
        let whole: u64 = whole.parse().map_err(|_| form())?;
        let part: u64 = format!("{part:0<3}").parse().map_err(|_| form())?;
        let rate = Rate { thousandths: whole.saturating_mul(1_000).saturating_add(part), unit };
        if rate.thousandths / unit.millis() > LOGINS_PER_SEC_MAX {
            return Err(format!("`{text}` is more than {LOGINS_PER_SEC_MAX} logins a second"));
        }
        Ok(rate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
        };
        match self.thousandths % 1_000 {
            0 => write!(f, "{}/{unit}", self.thousandths / 1_000),
            part => {
                let part = format!("{part:03}");
                write!(f, "{}.{}/{unit}", self.thousandths / 1_000, part.trim_end_matches('0'))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^(0|[0-9]+(\.[0-9]{1,3})?/[smh])$",
            "examples": ["5/s", "300/m"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_refusals() {
        for (text, tenth, minute) in [
            ("5/s", Some(2_000), 300),
            ("300/m", Some(2_000), 300),
            ("0.5/s", Some(20_000), 30),
            ("1000/h", Some(36_000), 16),
            ("0/s", None, 0),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), text);
            assert_eq!((rate.start_of(10), rate.within(60_000)), (tenth, minute), "{text}");
        }
        assert_eq!("0".parse(), Ok(Rate::NONE));
        for text in
            ["5", "5/d", "-1/s", "1.2345/s", "x/s", "/s", "1e3/s", "20000/s", "99999999999999999999/s"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
