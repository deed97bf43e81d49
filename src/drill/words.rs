//! What happened, in the words of all formats, and times as people read them.

use super::Rehearsal;
use super::record::What;
use crate::continuity::Change;
use crate::health::Reason;
use crate::value::Duration;

/// An event in stable words, shared by all formats.
pub(super) struct Words {
    /// What it is about: a member or the continuity connector.
    pub(super) subject: String,
    /// Stable code: as in the log of `serve` where that has the event too.
    pub(super) event: &'static str,
    /// State, member or fault before.
    pub(super) from: Option<String>,
    /// State, member or fault now.
    pub(super) to: Option<String>,
    /// Reason code.
    pub(super) reason: Option<&'static str>,
    /// For people.
    pub(super) sentence: String,
}

pub(super) fn words(rehearsal: &Rehearsal, what: What) -> Words {
    let member = |place: usize| rehearsal.members[place].clone();
    let of = |subject: String, event, reason: Option<&'static str>, sentence: String| Words {
        subject,
        event,
        from: None,
        to: None,
        reason,
        sentence,
    };
    match what {
        What::FaultBegins(fault) => {
            let fault = &rehearsal.faults[fault];
            let lasting = match fault.until {
                Some(_) => format!(" for {}", Duration::from_millis(fault.lasted)),
                None => " to the end".to_owned(),
            };
            let sentence = format!("fault begins: {}{lasting}", fault.fault);
            let to = Some(fault.fault.to_string());
            Words { to, ..of(member(fault.member), "fault.begins", None, sentence) }
        }
        What::FaultEnds(fault) => {
            let fault = &rehearsal.faults[fault];
            let from = Some(fault.fault.to_string());
            let sentence = format!("fault ends: {}", fault.fault);
            Words { from, ..of(member(fault.member), "fault.ends", None, sentence) }
        }
        What::Changed(place, change) => {
            let subject = member(place);
            match change {
                Change::Standing { from, to, reason } => {
                    let reason = reason.map_or("recovered", Reason::code);
                    let sentence = format!("{} -> {} ({reason})", from.word(), to.word());
                    let (from, to) = (Some(from.word().to_owned()), Some(to.word().to_owned()));
                    Words { from, to, ..of(subject, "health.state.changed", Some(reason), sentence) }
                }
                Change::Suspected(reason) => {
                    let sentence = format!("suspect ({reason}): new logins skip it until a probe succeeds");
                    of(subject, "health.suspected", Some(reason.code()), sentence)
                }
                Change::Cleared => {
                    of(subject, "health.cleared", None, "no longer suspect (a probe succeeded)".to_owned())
                }
                Change::Damped(factor) => {
                    let sentence = format!("flaps: its healthy threshold is multiplied by {factor}");
                    let to = Some(factor.to_string());
                    Words { to, ..of(subject, "health.flapping", None, sentence) }
                }
            }
        }
        What::Serves { from, to, why } => {
            let event = if to == 0 { "continuity.failback" } else { "continuity.failover" };
            let (from, to) = (member(from), member(to));
            let sentence = format!("logins go to {to} instead of {from} ({})", why.code());
            let name = rehearsal.name.clone();
            Words { from: Some(from), to: Some(to), ..of(name, event, Some(why.code()), sentence) }
        }
        What::Restarted(place, reason) => {
            let from = member(place);
            let sentence = format!("a login under way leaves {from} ({reason})");
            let name = rehearsal.name.clone();
            let code = Some(reason.code());
            Words { from: Some(from), ..of(name, "continuity.login.restarted", code, sentence) }
        }
        What::Exhausted => {
            let sentence = "nobody is available".to_owned();
            of(rehearsal.name.clone(), "continuity.exhausted", None, sentence)
        }
        What::ServesAgain(place, why) => {
            let to = member(place);
            let sentence = format!("logins go to {to} again ({})", why.code());
            let name = rehearsal.name.clone();
            Words { to: Some(to), ..of(name, "continuity.available", Some(why.code()), sentence) }
        }
    }
}

/// A measured time: `910ms`, `2.769s`, `1m8.297s`.
pub(super) fn span(millis: u64) -> String {
    match (millis / 60_000, millis % 60_000) {
        (0, millis @ 0..1_000) => format!("{millis}ms"),
        (minutes, rest) => {
            let minutes = if minutes > 0 { format!("{minutes}m") } else { String::new() };
            let part = format!("{}.{:03}", rest / 1_000, rest % 1_000);
            format!("{minutes}{}s", part.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

/// Hours, minutes, seconds and milliseconds from the start.
pub(super) fn clock(millis: u64) -> String {
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_exact() {
        for (millis, text) in [
            (0, "0ms"),
            (910, "910ms"),
            (2_000, "2s"),
            (2_769, "2.769s"),
            (68_297, "1m8.297s"),
            (60_000, "1m0s"),
        ] {
            assert_eq!(span(millis), text);
        }
        assert_eq!(clock(36_061_007), "10:01:01.007");
    }
}
