//! What was measured of each fault, beside the closed form of `lint`; and whether what was expected held.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Rehearsal;
use super::fault::Fault;
use super::plan::{Plan, Seat};
use super::record::{FaultRecord, Record};
use super::weather::Window;
use super::words::span;
use crate::value::Duration;

/// A fault and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Place of the member.
    pub member: usize,
    /// What was wrong.
    pub fault: Fault,
    /// From the start of the drill, in milliseconds.
    pub from: u64,
    /// Its end, in milliseconds; `None` when it lasted to the end of the drill.
    pub until: Option<u64>,
    /// How long it lasted within the drill, in milliseconds.
    pub lasted: u64,
    /// Milliseconds, as they came.
    pub seen: FaultRecord,
    /// Longest time until probes alone notice it, by the closed form; `None` when they do not, or by chance.
    pub noticed_at_worst: Option<Duration>,
    /// Longest time until it is trusted again, by the closed form, without damping; `None` when nobody
    /// watches it.
    pub recovered_at_worst: Option<Duration>,
}

pub(super) fn faults(plan: &Plan, record: &Record) -> Vec<Measured> {
    let measured = |window: &Window| {
        let seat = &plan.seats[window.member];
        Measured {
            member: window.member,
            fault: window.fault,
            from: window.from,
            until: Some(window.until).filter(|until| *until < plan.duration),
            lasted: window.until.min(plan.duration) - window.from,
            seen: record.faults[window.fault_number],
            noticed_at_worst: noticed_at_worst(seat, window.fault),
            recovered_at_worst: seat.times.map(|times| times.failback),
        }
    };
    plan.windows.iter().map(measured).collect()
}

/// Probes count until their threshold; a custom endpoint's definite "no" counts at once.
fn noticed_at_worst(seat: &Seat, fault: Fault) -> Option<Duration> {
    let times = seat.times?;
    match fault {
        Fault::Http(_) if seat.says_no => Some(Duration::from_millis(seat.pace.interval)),
        // A custom endpoint knows nothing of issuers.
        Fault::WrongIssuer if seat.says_no => None,
        Fault::Refused | Fault::Http(_) | Fault::WrongIssuer => Some(times.worst_refused),
        Fault::Blackhole => Some(times.worst),
        Fault::Slow(time) => {
            let probe = time.as_millis().saturating_mul(seat.questions.probe().len() as u64);
            (probe > seat.pace.timeout).then_some(times.worst)
        }
        Fault::Flap { .. } => None,
    }
}

/// What makes a drill pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Expect {
    /// Logins avoid a faulty provider within this time.
    pub max_detect: Option<Duration>,
    /// At most this many logins fail.
    pub max_failed: Option<u64>,
}

/// One expectation, and whether it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which: `max-detect` or `max-failed`.
    pub name: &'static str,
    /// Whether it held.
    pub held: bool,
    /// What was seen, for people.
    pub words: String,
}

pub(super) fn checks(rehearsals: &[Rehearsal], expect: &Expect) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(expect.max_detect.map(|most| detected(rehearsals, most)));
    checks.extend(expect.max_failed.map(|most| failed(rehearsals, most)));
    checks
}

/// A fault that was over before it had to be noticed may go unnoticed.
fn detected(rehearsals: &[Rehearsal], most: Duration) -> Check {
    let name = "max-detect";
    let faults = || rehearsals.iter().flat_map(|r| r.faults.iter().map(move |fault| (r, fault)));
    let is_late = |fault: &Measured| match fault.seen.noticed {
        Some(millis) => millis > most.as_millis(),
        None => fault.lasted > most.as_millis(),
    };
    let late = faults().find(|(_, fault)| is_late(fault));
    if let Some((rehearsal, fault)) = late {
        let member = &rehearsal.members[fault.member];
        let at = Duration::from_millis(fault.from);
        let when = match fault.seen.noticed {
            Some(millis) => format!("noticed after {}", span(millis)),
            None => "never noticed".to_owned(),
        };
        let words = format!("{} of {member} at {at} was {when}; at most {most} was expected", fault.fault);
        return Check { name, held: false, words };
    }
    if faults().next().is_none() {
        return Check { name, held: true, words: "there was no fault to notice".to_owned() };
    }
    let slowest = faults().filter_map(|(_, fault)| fault.seen.noticed).max().unwrap_or_default();
    let words = format!("every fault was noticed within {most}; the slowest after {}", span(slowest));
    Check { name, held: true, words }
}

fn failed(rehearsals: &[Rehearsal], most: u64) -> Check {
    let failed: u64 = rehearsals.iter().map(|rehearsal| rehearsal.record.logins.failures()).sum();
    let words = format!("{failed} logins failed; at most {most} were expected");
    Check { name: "max-failed", held: failed <= most, words }
}
