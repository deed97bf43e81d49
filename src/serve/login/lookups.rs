//! Asking providers about a person after the sign-in (`attrProviders`): when an app first needs it, and once for
//! the session.
//!
//! A directory that is down takes nobody's sign-in away and opens no door: the app goes on without the
//! attributes, an event says so, it is asked again after a while, and until then no rule that reads them
//! decides, neither "yes" nor "no" ([`Attributes::of`]).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::connector::Fault;
use crate::continuity::state::Standing;
use crate::health::Reason;
use crate::model::app::Lookup;
use crate::model::attributes::{text_of, within_limits};
use crate::model::rules::Attributes;
use crate::serve::session::lookups::{Answered, Failed, Question};
use crate::serve::session::{Authentication, Session};
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// How long a request waits for all its look-ups together, which are asked at once, in milliseconds.
pub const LOOKUP_MILLIS: u64 = 3_000;
/// How long after a failure a session asks again, in milliseconds.
pub const AGAIN_MILLIS: u64 = 30_000;
/// Longest name of a person that is asked for, in bytes.
const USERNAME_BYTES_MAX: usize = 256;

/// What an app sees of a person: what sign-ins said, and what was looked up.
pub struct Seen<'a> {
    said: &'a dyn Attributes,
    looked_up: Vec<(&'a str, Arc<Answered>)>,
    /// Whether a provider could not be asked just now, so that asking again may help.
    pub is_waiting: bool,
}

impl Seen<'_> {
    fn answer(&self, connector: &str) -> Option<&Answered> {
        self.looked_up.iter().find(|(name, _)| *name == connector).map(|(_, answer)| &**answer)
    }
}

impl Attributes for Seen<'_> {
    fn of(&self, connector: &str) -> Option<&Map<String, Value>> {
        match self.answer(connector) {
            Some(answer) => answer.found(),
            None => self.said.of(connector),
        }
    }

    fn is_whole(&self, connector: &str) -> bool {
        self.answer(connector).is_some() || self.said.is_whole(connector)
    }

    fn signed_in(&self, connector: &str) -> bool {
        self.said.signed_in(connector)
    }
}

/// Sees to it that what an app looks up is looked up. `by` is the sign-in that serves it: a provider that signed
/// the person in itself has said everything already.
pub async fn seen<'a>(
    state: &'a State,
    app: &str,
    lookups: &'a [Lookup],
    session: &Session,
    by: Option<&Authentication>,
    said: &'a dyn Attributes,
) -> Seen<'a> {
    let mut seen = Seen { said, looked_up: Vec::new(), is_waiting: false };
    let mut asking: JoinSet<()> = JoinSet::new();
    for lookup in lookups.iter().filter(|lookup| by.is_none_or(|by| by.idp != lookup.name)) {
        let username = lookup.by.value(said).filter(|value| !value.is_array());
        let username = username.map(|value| text_of(&value).into_owned());
        let question = Question {
            provider: lookup.name.clone(),
            username: username.filter(|name| name.len() <= USERNAME_BYTES_MAX).unwrap_or_default(),
            asked_as: state.opened[lookup.idp.0].provider,
        };
        let answer = session.looked_up.place(question.clone());
        if answer.found().is_none() {
            let ask = Ask::new(state, app, lookup, question.username, answer.clone());
            asking.spawn(ask.fill());
        }
        seen.looked_up.push((lookup.name.as_str(), answer));
    }
    while asking.join_next().await.is_some() {}
    for (_, answer) in &seen.looked_up {
        if answer.found().is_none() {
            let failed = answer.turn.try_lock().ok().and_then(|failed| *failed);
            seen.is_waiting |= failed.is_none_or(|failed| failed.passing);
        }
    }
    seen
}

/// One question to one provider.
struct Ask {
    app: String,
    provider: String,
    username: String,
    connector: Arc<dyn crate::connector::Connector>,
    /// Why it would be in vain: its probes fail.
    unhealthy: Option<Reason>,
    clock: crate::ambient::Clock,
    answer: Arc<Answered>,
}

impl Ask {
    fn new(state: &State, app: &str, lookup: &Lookup, username: String, answer: Arc<Answered>) -> Self {
        let member = state.board.member(lookup.idp);
        let unhealthy = member.standing() == Standing::Unhealthy;
        Ask {
            app: app.to_owned(),
            provider: lookup.name.clone(),
            username,
            connector: state.connectors[lookup.idp.0].clone(),
            unhealthy: unhealthy.then(|| member.last_reason().unwrap_or(Reason::Timeout)),
            clock: state.clock.clone(),
            answer,
        }
    }

    /// Asks, unless somebody just did.
    async fn fill(self) {
        let budget = Duration::from_millis(LOOKUP_MILLIS);
        // Whoever asks has this long, too, so this is waiting for one question, not for a queue of them.
        let Ok(mut turn) = tokio::time::timeout(budget, self.answer.turn.lock()).await else { return };
        let now = self.clock.millis();
        let failed_lately = turn.is_some_and(|failed| now.since(failed.at) < AGAIN_MILLIS);
        if self.answer.found().is_some() || failed_lately {
            return;
        }
        let (passing, reason, detail) = match self.ask(budget).await {
            Ok(found) => {
                *turn = None;
                return self.answer.keep(found);
            }
            Err(failure) => failure,
        };
        *turn = Some(Failed { at: self.clock.millis(), passing });
        Event::LookupFailed { app: &self.app, connector: &self.provider, reason, detail: &detail }.log();
    }

    async fn ask(&self, budget: Duration) -> Result<Map<String, Value>, (bool, &'static str, String)> {
        if self.username.is_empty() {
            let detail = "the sign-in gave no single value for usernameMapping";
            return Err((false, "no-username", detail.into()));
        }
        if let Some(reason) = self.unhealthy {
            return Err((true, reason.code(), "its probes fail, so it was not asked".into()));
        }
        let found = match tokio::time::timeout(budget, self.connector.look_up(&self.username)).await {
            Ok(Ok(found)) => found,
            Ok(Err(Fault::Unwell(unwell))) => return Err((true, unwell.reason.code(), unwell.detail)),
            Ok(Err(Fault::Denied(denial))) => return Err((false, denial.code(), denial.to_string())),
            Ok(Err(fault)) => return Err((false, "answer-refused", fault.to_string())),
            Err(_) => return Err((true, Reason::Timeout.code(), format!("no answer in {LOOKUP_MILLIS} ms"))),
        };
        match within_limits(&found) {
            Ok(()) => Ok(found),
            Err(fault) => Err((false, "bad-attributes", fault.to_string())),
        }
    }
}
