//! What goes wrong, at which provider, from when until when: the words of `--fail`, `--fault` and scenarios.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::connector::facts::Protocol;
use crate::model::Idp;
use crate::value::Duration;

/// What a provider does instead of what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing listens: every request ends at once.
    #[default]
    Refused,
    /// Nothing ever comes back: every request takes its whole budget.
    Blackhole,
    /// Every answer takes this long.
    Slow(Duration),
    /// Every answer has this status.
    Http(u16),
    /// Down (refused) or well, drawn anew for each period; the interval of its probes without one.
    Flap {
        /// Of a hundred periods, how many it is down.
        percent: u8,
        /// Length of a period.
        period: Option<Duration>,
    },
    /// Its documents and tokens name another issuer: pages work, and nobody can be verified.
    WrongIssuer,
}

/// What to write where a fault does not fit.
pub const FIT_EVERYWHERE: &str = "refused, blackhole, slow:9s and flap:50% go with every provider";

/// Faults as they are written, for messages.
pub const FORMS: &str = "refused, blackhole, slow:9s, http:500, flap:50%, flap:50%/20s or wrong-issuer";

impl Fault {
    /// Why a provider cannot have it, in words; `None` where it can.
    pub fn unfit(self, idp: &Idp) -> Option<String> {
        let why = match (self, idp.facts.protocol) {
            (Fault::Refused | Fault::Blackhole | Fault::Slow(_) | Fault::Flap { .. }, _)
            | (_, Protocol::Oidc | Protocol::Saml) => return None,
            (Fault::Http(_), Protocol::Ldap) => "a directory answers without HTTP statuses",
            (Fault::WrongIssuer, Protocol::Ldap) => "a directory names no issuer",
            (_, Protocol::Local) => "a file of people has neither statuses nor issuers",
        };
        let (name, kind) = (&idp.name, &idp.type_name);
        Some(format!("`{self}` means nothing for `{name}`, which is of type {kind}: {why}"))
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("`{text}` is not a fault: write {FORMS}");
        match text.split_once(':') {
            None => match text {
                // The second names are those of the demo's switches.
                "refused" | "refuse" => Ok(Fault::Refused),
                "blackhole" | "hang" => Ok(Fault::Blackhole),
                "wrong-issuer" => Ok(Fault::WrongIssuer),
                _ => Err(unknown()),
            },
            Some(("slow", time)) => Ok(Fault::Slow(duration(time)?)),
            Some(("http", status)) => match status.parse() {
                Ok(status @ 400..=599) => Ok(Fault::Http(status)),
                _ => Err(format!("`{text}`: a status of a failure has the form http:500, from 400 to 599")),
            },
            Some(("flap", rest)) => {
                let (share, period) = match rest.split_once('/') {
                    Some((share, period)) => (share, Some(duration(period)?)),
                    None => (rest, None),
                };
                let percent = share.strip_suffix('%').and_then(|share| share.parse().ok());
                let percent = percent.filter(|percent| (1..=99).contains(percent));
                if period.is_some_and(Duration::is_zero) {
                    return Err(format!("`{text}`: a period must be longer than nothing"));
                }
                match percent {
                    Some(percent) => Ok(Fault::Flap { percent, period }),
                    None => Err(format!("`{text}`: a share of the time has the form flap:50%, from 1 to 99")),
                }
            }
            Some(_) => Err(unknown()),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse().map_err(|error: crate::value::duration::DurationError| error.to_string())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused => f.write_str("refused"),
            Fault::Blackhole => f.write_str("blackhole"),
            Fault::Slow(time) => write!(f, "slow:{time}"),
            Fault::Http(status) => write!(f, "http:{status}"),
            Fault::Flap { percent, period: None } => write!(f, "flap:{percent}%"),
            Fault::Flap { percent, period: Some(period) } => write!(f, "flap:{percent}%/{period}"),
            Fault::WrongIssuer => f.write_str("wrong-issuer"),
        }
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Fault {
    fn schema_name() -> Cow<'static, str> {
        "Fault".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // What is wrong with a near miss is told when it is read; editors get the forms as examples.
        json_schema!({
            "type": "string",
            "minLength": 1,
            "examples": ["refused", "blackhole", "slow:9s", "http:500", "flap:50%", "flap:50%/20s", "wrong-issuer"],
        })
    }
}

/// A fault of one provider in one stretch of time: `okta-idp@60s+10m`, `okta-idp@60s+10m=slow:9s`, to the end
/// of the drill without `+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The connector.
    pub idp: String,
    /// When it begins, from the start of the drill.
    pub at: Duration,
    /// How long it lasts; to the end without.
    pub length: Option<Duration>,
    /// What is wrong; whatever `--fault` says without.
    pub fault: Option<Fault>,
}

impl FromStr for Outage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (window, fault) = match text.split_once('=') {
            Some((window, fault)) => (window, Some(fault.parse()?)),
            None => (text, None),
        };
        let form = || format!("`{text}` is not an outage: write NAME@START+LENGTH, such as okta-idp@60s+10m");
        let (idp, time) = window.split_once('@').filter(|(idp, _)| !idp.is_empty()).ok_or_else(form)?;
        let (at, length) = match time.split_once('+') {
            Some((at, length)) => (at, Some(duration(length)?)),
            None => (time, None),
        };
        if length.is_some_and(Duration::is_zero) {
            return Err(format!("`{text}`: an outage must be longer than nothing"));
        }
        Ok(Outage { idp: idp.to_owned(), at: duration(at)?, length, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written() {
        for text in ["refused", "blackhole", "slow:9s", "http:503", "flap:50%", "flap:1%/20s", "wrong-issuer"]
        {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for (text, words) in [
            ("down", "is not a fault"),
            ("slow", "is not a fault"),
            ("slow:9", "no unit"),
            ("http:200", "from 400 to 599"),
            ("http:x", "from 400 to 599"),
            ("flap:0%", "from 1 to 99"),
            ("flap:50", "from 1 to 99"),
            ("flap:50%/0", "longer than nothing"),
            ("fast:1s", "is not a fault"),
        ] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn outages_are_read_as_they_are_written() {
        let outage: Outage = "okta-idp@60s+10m=slow:9s".parse().unwrap();
        assert_eq!(outage.idp, "okta-idp");
        assert_eq!((outage.at, outage.length), (Duration::from_secs(60), Some(Duration::from_secs(600))));
        assert_eq!(outage.fault, Some(Fault::Slow(Duration::from_secs(9))));
        let outage: Outage = "a@0".parse().unwrap();
        assert_eq!((outage.length, outage.fault), (None, None));
        for (text, words) in [
            ("okta-idp", "NAME@START+LENGTH"),
            ("@60s", "NAME@START+LENGTH"),
            ("a@60", "no unit"),
            ("a@1s+", "not a duration"),
            ("a@1s+0", "longer than nothing"),
            ("a@1s=down", "is not a fault"),
        ] {
            let error = text.parse::<Outage>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
