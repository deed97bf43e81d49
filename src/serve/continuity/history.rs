//! What happened lately, for the operator: the last probes of each provider, and who served whom and why.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ambient::UnixSecs;
use crate::continuity::Why;
use crate::continuity::state::{Change, Standing};
use crate::health::Reason;
use crate::serve::telemetry::Event;

/// Probes remembered of each provider.
pub const PROBES_MAX: usize = 120;
/// Turns remembered altogether.
pub const TURNS_MAX: usize = 200;
/// Providers remembered; more than a configuration can have.
const PROVIDERS_MAX: usize = 10_000;

/// What was remembered. By name, so that it survives a reload.
#[derive(Debug, Default)]
pub struct History {
    probes: Mutex<BTreeMap<String, VecDeque<Probed>>>,
    turns: Mutex<VecDeque<Turn>>,
}

/// One scheduled probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probed {
    /// When its answer came, or its time was over.
    pub at: UnixSecs,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Why the provider was not well; `None` when it was.
    pub reason: Option<Reason>,
}

/// Something that moved logins, or could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// When.
    pub at: UnixSecs,
    /// What.
    pub what: What,
}

/// What a turn was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Logins of a continuity connector go to another member.
    Served {
        /// The continuity connector.
        continuity: String,
        /// Who served.
        from: String,
        /// Who serves.
        to: String,
        /// Whether that is the first member again.
        failback: bool,
        /// Why it serves: a code of [`Why`].
        why: &'static str,
        /// What ailed the former then.
        because: Option<Why>,
    },
    /// A provider's standing changed.
    Standing {
        /// The provider.
        connector: String,
        /// From.
        from: Standing,
        /// To.
        to: Standing,
        /// Why, unless it recovered.
        reason: Option<Reason>,
    },
    /// New logins skip a provider.
    Suspected {
        /// The provider.
        connector: String,
        /// Why.
        reason: Reason,
    },
    /// And do not skip it any more.
    Cleared {
        /// The provider.
        connector: String,
    },
    /// A provider flaps.
    Damped {
        /// The provider.
        connector: String,
        /// Factor of its healthy threshold.
        factor: u32,
    },
    /// Somebody could not sign in at all.
    Exhausted {
        /// To this app.
        app: String,
        /// How often in a row nothing else happened.
        times: u32,
    },
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn push<T>(ring: &mut VecDeque<T>, value: T, max: usize) {
    if ring.len() == max {
        ring.pop_front();
    }
    ring.push_back(value);
}

impl History {
    /// Remembers a probe.
    pub fn probed(&self, connector: &str, probed: Probed) {
        let mut probes = lock(&self.probes);
        if let Some(ring) = probes.get_mut(connector) {
            push(ring, probed, PROBES_MAX);
        } else if probes.len() < PROVIDERS_MAX {
            probes.insert(connector.to_owned(), VecDeque::from([probed]));
        }
    }

    /// Remembers an event, where it moves logins or could.
    pub fn take(&self, event: &Event<'_>, at: UnixSecs) {
        let what = match *event {
            Event::Served { continuity, from, to, primary, why, because } => What::Served {
                continuity: continuity.to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
                failback: primary,
                why,
                because,
            },
            Event::Changed { connector, change } => {
                let connector = connector.to_owned();
                match *change {
                    Change::Standing { from, to, reason } => What::Standing { connector, from, to, reason },
                    Change::Suspected(reason) => What::Suspected { connector, reason },
                    Change::Cleared => What::Cleared { connector },
                    Change::Damped(factor) => What::Damped { connector, factor },
                }
            }
            Event::Exhausted { app, .. } => What::Exhausted { app: app.to_owned(), times: 1 },
            _ => return,
        };
        let mut turns = lock(&self.turns);
        // An outage under load must not push out how it began.
        if let (
            What::Exhausted { app, .. },
            Some(Turn { at: last, what: What::Exhausted { app: same, times } }),
        ) = (&what, turns.back_mut())
            && app == same
        {
            (*last, *times) = (at, times.saturating_add(1));
            return;
        }
        push(&mut turns, Turn { at, what }, TURNS_MAX);
    }

    /// The probes of a provider, oldest first.
    pub fn probes(&self, connector: &str) -> Vec<Probed> {
        lock(&self.probes).get(connector).map(|ring| ring.iter().copied().collect()).unwrap_or_default()
    }

    /// The turns, oldest first.
    pub fn turns(&self) -> Vec<Turn> {
        lock(&self.turns).iter().cloned().collect()
    }

    /// Since when a provider is suspect, if it was remembered.
    pub fn suspect_since(&self, connector: &str) -> Option<UnixSecs> {
        lock(&self.turns).iter().rev().find_map(|turn| match &turn.what {
            What::Suspected { connector: name, .. } if name == connector => Some(turn.at),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_bounded_and_keep_the_newest() {
        let history = History::default();
        for i in 0..PROBES_MAX as u64 + 5 {
            history.probed("a", Probed { at: UnixSecs(i), millis: i, reason: None });
        }
        let probes = history.probes("a");
        assert_eq!((probes.len(), probes[0].at, history.probes("b").len()), (PROBES_MAX, UnixSecs(5), 0));
        for i in 0..TURNS_MAX as u64 + 5 {
            let change = Change::Suspected(Reason::Timeout);
            history.take(&Event::Changed { connector: "a", change: &change }, UnixSecs(i));
        }
        assert_eq!((history.turns().len(), history.turns()[0].at), (TURNS_MAX, UnixSecs(5)));
        assert_eq!(history.suspect_since("a"), Some(UnixSecs(TURNS_MAX as u64 + 4)));
    }

    #[test]
    fn an_outage_under_load_is_one_turn() {
        let history = History::default();
        let because = Some(Why::Suspect(Reason::Timeout));
        let served =
            Event::Served { continuity: "ha", from: "a", to: "b", primary: false, why: "failover", because };
        history.take(&served, UnixSecs(1));
        for i in 0..500 {
            history.take(&Event::Exhausted { app: "page", continuity: Some("ha") }, UnixSecs(i));
        }
        let turns = history.turns();
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[1].what, What::Exhausted { app: "page".into(), times: 500 });
        assert!(matches!(&turns[0].what, What::Served { to, because: Some(_), .. } if to == "b"));
    }
}
