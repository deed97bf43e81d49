//! What happened, for programs and for the page.

use schemars::JsonSchema;
use serde::Serialize;

use super::report::Moment;
use crate::health::Reason;
use crate::serve::continuity::history::{Turn as Remembered, What};
use crate::serve::state::State;
use crate::serve::telemetry::kinds;

/// What moved logins, or could: `/api/history`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Of this shape: 1.
    pub version: u8,
    /// Newest first.
    pub turns: Vec<Turn>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// When.
    pub at: Moment,
    /// Name of the event.
    pub event: &'static str,
    /// Provider it is about.
    pub connector: Option<String>,
    /// Continuity connector whose logins moved.
    pub continuity: Option<String>,
    /// App that nobody could sign in to.
    pub app: Option<String>,
    /// Who served, or how it stood.
    pub from: Option<String>,
    /// Who serves, or how it stands.
    pub to: Option<String>,
    /// Why: a code.
    pub reason: Option<&'static str>,
    /// What ailed the one who served: a reason code.
    pub because: Option<&'static str>,
    /// How often.
    pub times: Option<u32>,
}

/// What is remembered, newest first.
pub fn history(state: &State) -> History {
    let turn = |turn: Remembered| {
        let mut out = Turn {
            at: turn.at.into(),
            event: "",
            connector: None,
            continuity: None,
            app: None,
            from: None,
            to: None,
            reason: None,
            because: None,
            times: None,
        };
        let kind = match turn.what {
            What::Served { continuity, from, to, failback, why, because } => {
                (out.continuity, out.from, out.to) = (Some(continuity), Some(from), Some(to));
                out.reason = Some(why);
                out.because = because.map(|why| why.because().map_or(why.code(), Reason::code));
                if failback { &kinds::FAILBACK } else { &kinds::FAILOVER }
            }
            What::Standing { connector, from, to, reason } => {
                out.connector = Some(connector);
                (out.from, out.to) = (Some(from.word().into()), Some(to.word().into()));
                out.reason = Some(reason.map_or("recovered", Reason::code));
                &kinds::STATE_CHANGED
            }
            What::Suspected { connector, reason } => {
                (out.connector, out.reason) = (Some(connector), Some(reason.code()));
                &kinds::SUSPECTED
            }
            What::Cleared { connector } => {
                out.connector = Some(connector);
                &kinds::CLEARED
            }
            What::Damped { connector, factor } => {
                (out.connector, out.times) = (Some(connector), Some(factor));
                &kinds::FLAPPING
            }
            What::Exhausted { app, times } => {
                (out.app, out.times) = (Some(app), Some(times));
                &kinds::EXHAUSTED
            }
        };
        out.event = kind.name;
        out
    };
    let turns = state.telling.history.turns();
    History { version: 1, turns: turns.into_iter().rev().map(turn).collect() }
}
