//! Durations as the configuration writes them: `30s`, `1h30m`, `1.5h`, `1d`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A non-negative span of time. Millisecond resolution is all anything here needs; finer units round up,
/// so that a positive duration never becomes "off".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Duration {
    millis: u64,
}

/// Longest duration accepted: a hundred years, in milliseconds. Above it arithmetic would need care.
pub const MILLIS_MAX: u64 = 100 * 366 * 24 * 3_600_000;

impl Duration {
    /// Whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Duration { millis: secs * 1000 }
    }

    /// Milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Duration { millis }
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// In seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.millis / 1000
    }

    /// As the standard library's type.
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.millis)
    }

    /// Whether it is nothing at all, which several keys read as "off".
    pub const fn is_zero(self) -> bool {
        self.millis == 0
    }
}

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A bare number.
    #[error("`{0}` has no unit: write it as `{0}s`, `{0}m` or `{0}h`")]
    NoUnit(String),
    /// A sign.
    #[error("a duration cannot be negative")]
    Negative,
    /// Anything else.
    #[error("`{0}` is not a duration: write numbers with units, such as `30s`, `5m` or `1h30m`")]
    Malformed(String),
    /// More than a hundred years.
    #[error("`{0}` is longer than a hundred years")]
    TooLong(String),
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || DurationError::Malformed(text.to_owned());
        if text == "0" {
            return Ok(Duration::default());
        }
        if text.starts_with('-') {
            return Err(DurationError::Negative);
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(DurationError::NoUnit(text.to_owned()));
        }
        let mut rest = text;
        let mut millis = 0f64;
        if rest.is_empty() {
            return Err(malformed());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
            let number: f64 = rest[..digits].parse().map_err(|_| malformed())?;
            rest = &rest[digits..];
            let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
            let factor = match &rest[..unit_end] {
                "ns" => 1e-6,
                "us" | "µs" | "μs" => 1e-3,
                "ms" => 1.0,
                "s" => 1e3,
                "m" => 6e4,
                "h" => 3.6e6,
                "d" => 8.64e7,
                _ => return Err(malformed()),
            };
            rest = &rest[unit_end..];
            millis += number * factor;
        }
        if millis > MILLIS_MAX as f64 {
            return Err(DurationError::TooLong(text.to_owned()));
        }
        Ok(Duration { millis: millis.ceil() as u64 })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.millis;
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+)$",
            "examples": ["30s"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_refusals() {
        for (text, millis) in
            [("30s", 30_000), ("1h30m", 5_400_000), ("1d", 86_400_000), ("0", 0), ("1.5s", 1500), ("10us", 1)]
        {
            assert_eq!(text.parse::<Duration>().unwrap().as_millis(), millis, "{text}");
        }
        for (text, words) in [
            ("30", "no unit"),
            ("-1s", "negative"),
            ("1 s", "not a duration"),
            ("", "not"),
            ("900000d", "longer"),
        ] {
            let error = text.parse::<Duration>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        assert_eq!("90m".parse::<Duration>().unwrap().to_string(), "1h30m");
    }
}
