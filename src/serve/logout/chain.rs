//! Each provider of the session that ended, in turn, and then the end page. What is left to do is kept here, not
//! in a cookie: the hints are too large for one.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::received;
use crate::connector::{Begin, Fault, Kept, LogoutRequest};
use crate::health::Reason;
use crate::model::IdpIndex;
use crate::protocol::oauth::Params;
use crate::serve::cache::Key;
use crate::serve::edge::pages::{Page, Post};
use crate::serve::edge::{Context, Response, answer};
use crate::serve::login::held;
use crate::serve::session::{SessionKey, cookie};
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// How long a browser may stay at a provider, in seconds: some ask the person there.
pub const UNDER_WAY_SECS: u64 = 600;
/// Most logouts under way; the oldest are forgotten first, and end with the plain page.
pub const UNDER_WAY_MAX: usize = 4_096;
/// Budget of the question whether a provider is there, in milliseconds.
pub const ASK_MILLIS_MAX: u64 = 3_000;
/// Budget of all such questions within one request, in milliseconds: less than what endpoints have.
pub const ASK_ALL_MILLIS_MAX: u64 = 8_000;

/// Value of the cookie that ties a logout to its browser; its name has the state.
const TIE: &str = "logout";

/// A logout under way.
#[derive(Debug, Default, Serialize, Deserialize)]
struct UnderWay {
    /// What the connector kept of the provider where the browser is.
    at: Option<Visit>,
    /// Providers still to be visited; the last comes first.
    left: Vec<Visit>,
    /// Providers whose session may still be open, and whether because they are down.
    open: Vec<(String, bool)>,
    /// Where the person goes in the end.
    after: Option<String>,
}

/// A provider, and what its sign-in or its logout kept.
#[derive(Debug, Serialize, Deserialize)]
struct Visit {
    idp: String,
    kept: Kept,
}

/// Ends a session, and sends the browser to its providers. `after` is where the person goes in the end: an
/// address that was configured or registered.
pub async fn begin(
    state: &State,
    context: &Context,
    key: &SessionKey,
    why: &'static str,
    after: Option<String>,
) -> Response {
    let (mut left, mut open): (Vec<Visit>, Vec<(String, bool)>) = Default::default();
    // Ended in another tab at the same moment: that one visits the providers.
    if let Some(session) = super::end(state, key, why) {
        for authentication in &session.authentications {
            if state.provider_of(authentication).is_none() {
                // What it kept is for the provider that it was kept for, and that one is not here any more.
                incomplete(&authentication.idp, None, "not configured any more");
                open.push((authentication.idp.clone(), false));
                continue;
            }
            let visit = Visit { idp: authentication.idp.clone(), kept: authentication.kept.clone() };
            match index_of(state, &visit.idp).map(|index| state.deployment.idp(index)) {
                Some(idp) if !idp.facts.protocol.keeps_sessions() => {}
                // From there is no way back, so it comes last.
                Some(idp) if idp.config.logout_callbacks().is_empty() => left.insert(0, visit),
                _ => left.push(visit),
            }
        }
    }
    let response = go_on(state, context, UnderWay { left, open, after, ..UnderWay::default() }).await;
    without_cookies(state, context, response)
}

/// Nobody is signed in: the same end as for somebody who just was. Anybody can have a browser ask for it, so
/// sign-ins and logouts under way keep their cookies.
pub fn nobody(state: &State, after: Option<String>) -> Response {
    finish(state, &UnderWay { after, ..UnderWay::default() })
}

/// The browser comes back from a provider, or brings its announcement of a logout.
pub async fn callback(state: &State, context: &Context, form: Option<Params>) -> Response {
    let posted = context.parts.method == Method::POST;
    match context.parts.method {
        Method::GET => {}
        // Who announces logouts through browsers also posts.
        Method::POST if received::is_heard_at(state, &context.path) => {}
        _ => return answer::method_not_allowed("GET"),
    }
    let Ok(query) = Params::lenient(context.query()) else { return lost(state, context) };
    let held = if posted { None } else { held::fetch(state, &query) };
    let params = form.or(held).unwrap_or(query);
    let id = state.connectors.iter().find_map(|connector| connector.answered_state(&params));
    let Some(id) = id else {
        let announced = received::by_browser(state, context, &params).await;
        return announced.unwrap_or_else(|| lost(state, context));
    };
    if !is_tied(context, id) {
        let held = posted.then(|| held::hold(state, context, &params)).flatten();
        return held.unwrap_or_else(|| lost(state, context));
    }
    let key = Key::of("logout", id);
    let way = state.logouts.under_way.get(&key, state.now());
    let way = way.and_then(|bytes| serde_json::from_slice::<UnderWay>(&bytes).ok());
    let Some((mut way, at)) = way.and_then(|mut way| way.at.take().map(|at| (way, at))) else {
        return lost(state, context);
    };
    // It must arrive where it was asked to, and once.
    let expected = at.kept.get("redirect_uri").and_then(|uri| url::Url::parse(uri).ok());
    if expected.is_none_or(|uri| uri.path() != context.parts.uri.path())
        || state.logouts.under_way.take(&key, state.now()).is_none()
    {
        return lost(state, context);
    }
    if let Some(index) = index_of(state, &at.idp)
        && let Err(fault) = state.connectors[index.0].logout_complete(&params, &at.kept).await
    {
        incomplete(&at.idp, None, &fault.to_string());
        way.open.push((at.idp, false));
    }
    let response = go_on(state, context, way).await;
    answer::with_cookie(response, &state.cookies.pending_gone(id))
}

/// The session at a provider may still be open: because it is not well (`down`), or for another reason.
fn incomplete(connector: &str, down: Option<Reason>, detail: &str) {
    let reason = down.map_or("not-possible", Reason::code);
    Event::LogoutIncomplete { connector, reason, detail }.log();
}

/// Whether this browser is the one that was sent away with a state.
fn is_tied(context: &Context, id: &str) -> bool {
    let name = cookie::pending_name(id);
    id.len() == 43 && cookie::values(&context.parts.headers, &name).any(|value| value == TIE)
}

/// A return that belongs to no logout of this browser (protocol row RL01): no error, since there is nothing the
/// person could do about it.
fn lost(state: &State, context: &Context) -> Response {
    if state.session(&context.parts.headers).is_none() {
        return nobody(state, None);
    }
    let page = Page::new("You are signed in", "This logout was finished before, or took too long.")
        .more("You are signed in here, perhaps since then.");
    answer::page(StatusCode::OK, &page)
}

/// The next provider that can be visited, or the end.
async fn go_on(state: &State, context: &Context, mut way: UnderWay) -> Response {
    let deadline = Instant::now() + Duration::from_millis(ASK_ALL_MILLIS_MAX);
    while let Some(visit) = way.left.pop() {
        let id = state.entropy.token();
        let begun = match send(state, context, &visit, &id, deadline).await {
            Ok(begun) => begun,
            Err((down, reason)) => {
                incomplete(&visit.idp, down, &reason);
                way.open.push((visit.idp, down.is_some()));
                continue;
            }
        };
        let (Begin::Redirect { kept, .. } | Begin::FormPost { kept, .. } | Begin::AskPassword { kept, .. }) =
            &begun;
        let returns = kept.contains_key("redirect_uri");
        if !returns && (way.after.is_some() || !way.open.is_empty() || !way.left.is_empty()) {
            incomplete(&visit.idp, None, "no address to return to is configured");
            way.open.push((visit.idp, false));
            continue;
        }
        way.at = Some(Visit { idp: visit.idp, kept: kept.clone() });
        let Ok(bytes) = serde_json::to_vec(&way) else { break };
        let response = match begun {
            Begin::Redirect { url, .. } => answer::redirect(&url),
            Begin::FormPost { action, fields, .. } => {
                let mut page = Page::new("One moment", "You are being signed out at your identity provider.");
                page.post = Some(Post { action, fields, leads_on: true });
                answer::page(StatusCode::OK, &page)
            }
            Begin::AskPassword { action, .. } => answer::redirect(&action),
        };
        if !returns {
            return response;
        }
        state.logouts.under_way.put(Key::of("logout", &id), bytes, state.now().plus(UNDER_WAY_SECS));
        return answer::with_cookie(response, &state.cookies.pending(&id, TIE, UNDER_WAY_SECS));
    }
    finish(state, &way)
}

/// Asks a provider whether it is there, and where the browser has to go. Otherwise whether it is down, and a
/// reason for the log.
async fn send(
    state: &State,
    context: &Context,
    visit: &Visit,
    id: &str,
    deadline: Instant,
) -> Result<Begin, (Option<Reason>, String)> {
    let index = index_of(state, &visit.idp).ok_or((None, "not configured any more".to_owned()))?;
    let unavailable = || {
        let reason = state.board.member(index).last_reason().unwrap_or(Reason::Timeout);
        (Some(reason), "it did not answer our own question".to_owned())
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let there = match asks_first(state, index) {
        // A question with less than its time would hold our hurry against the provider: none is asked.
        Some(budget) if budget > left => {
            return Err((None, "not asked: other providers took the time".to_owned()));
        }
        Some(budget) => state.board.ask(index, state.board.arrive(), budget, Duration::ZERO).await,
        None => state.board.member(index).is_available(),
    };
    if !there {
        return Err(unavailable());
    }
    let origin = context.origin();
    let request = LogoutRequest { session: &visit.kept, state: id, origin: &origin };
    state.connectors[index.0].logout_begin(request).await.map_err(|fault| match fault {
        Fault::Unwell(unwell) => (Some(unwell.reason), unwell.detail),
        other => (None, other.to_string()),
    })
}

/// The budget of the question before a browser is sent to a provider: that of its continuity connector where
/// that gives more, and no question where it asks none.
fn asks_first(state: &State, index: IdpIndex) -> Option<Duration> {
    let groups = state.deployment.continuity.iter();
    let mut settings = groups
        .filter(|group| group.members.iter().any(|m| *m == index))
        .map(|group| &group.pre_flight)
        .peekable();
    let alone = settings.peek().is_none();
    let longest = settings.filter(|s| !s.disabled).map(|s| s.timeout.std()).max();
    let usual = Duration::from_millis(ASK_MILLIS_MAX);
    longest.map(|timeout| timeout.max(usual)).or(alone.then_some(usual))
}

fn index_of(state: &State, name: &str) -> Option<IdpIndex> {
    state.deployment.idps.iter().position(|idp| idp.name.as_str() == name).map(IdpIndex)
}

/// The end: what is true, and a way on.
fn finish(state: &State, way: &UnderWay) -> Response {
    if way.open.is_empty() {
        return match &way.after {
            Some(address) => answer::redirect(address),
            None => {
                answer::page(StatusCode::OK, &Page::new("You are signed out", "Your session here has ended."))
            }
        };
    }
    let mut page =
        Page::new("You are signed out here, but perhaps not everywhere", "Your session here has ended.");
    for (idp, down) in &way.open {
        let host = index_of(state, idp).and_then(|i| state.deployment.idp(i).facts.hosts.first());
        let name = host.map_or_else(|| idp.clone(), |host| format!("{idp} ({host})"));
        let because =
            if *down { "it is not answering at the moment" } else { "it offers no way to end it from here" };
        page = page.more(format!(
            "Your session at {name}, which signed you in, may still be open: {because}. Whoever uses this browser next could be signed in as you without a password."
        ));
    }
    let down = way.open.iter().any(|(_, down)| *down);
    page = page.more(if down {
        "On a computer that others use, close all windows of this browser now, and sign out there yourself once it answers again."
    } else {
        "On a computer that others use, sign out there yourself, and close all windows of this browser."
    });
    if let Some(address) = &way.after {
        page = page.link(address, "Continue");
    }
    answer::page(StatusCode::OK, &page)
}

/// Takes our cookies from the browser: the session's, and those of sign-ins it had begun.
fn without_cookies(state: &State, context: &Context, mut response: Response) -> Response {
    let headers = &context.parts.headers;
    if cookie::values(headers, &state.cookies.name).next().is_some() {
        response = answer::with_cookie(response, &state.cookies.session_gone());
    }
    for (name, _) in cookie::pending_held(headers) {
        if let Some(id) = name.strip_prefix(cookie::PENDING_PREFIX) {
            response = answer::with_cookie(response, &state.cookies.pending_gone(id));
        }
    }
    response
}
