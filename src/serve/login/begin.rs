//! Sending a person to sign in: the plan, the pre-flight, the sealed cookie.

use std::time::Duration;

use http::StatusCode;

use super::circles;
use super::pending::{PENDING_BYTES_MAX, PENDING_MAX, PENDING_SECS, Pending, Return};
use crate::ambient::UnixSecs;
use crate::connector::continuity::config::LastResort;
use crate::connector::{Begin, BeginRequest, Fault};
use crate::continuity::choose::Candidate as View;
use crate::continuity::state::Observation;
use crate::continuity::{Login, Step, Why};
use crate::health::Reason;
use crate::model::{Candidate, SignIn};
use crate::serve::edge::pages::{Page, Post};
use crate::serve::edge::{Context, Response, answer};
use crate::serve::session::cookie;
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Seconds after which a client may try again when every provider is down.
pub const RETRY_AFTER_SECS: u64 = 10;

/// A sign-in to begin, or to begin again.
pub struct Start<'a> {
    /// App that asks.
    pub app: &'a str,
    /// Who may serve.
    pub sign_in: &'a SignIn,
    /// Where the person wanted to go.
    pub back: Return,
    /// The person must authenticate after this instant.
    pub fresh_after: Option<UnixSecs>,
    /// Providers tried in vain before.
    pub tried: Vec<String>,
    /// Go to this provider, whose health was just checked, and count one more try there.
    pub again_at: Option<(String, u8)>,
    /// When it arrived, in the count of the board; set where it begins.
    arrived: u64,
}

impl<'a> Start<'a> {
    /// The first attempt.
    pub fn new(app: &'a str, sign_in: &'a SignIn, back: Return) -> Self {
        Start { app, sign_in, back, fresh_after: None, tried: Vec::new(), again_at: None, arrived: 0 }
    }
}

/// Begins a sign-in. The answer sends the browser to a provider, or says that none is there.
pub async fn begin(state: &State, context: &Context, mut start: Start<'_>) -> Response {
    if start.tried.is_empty()
        && start.again_at.is_none()
        && let Some(page) = circles::stop(state, context, start.app)
    {
        return page;
    }
    let deployment = &state.deployment;
    let candidates = deployment.candidates(start.sign_in);
    let name_of = |i: usize| deployment.idp(candidates[i].idp).name.as_str();
    let arrived = state.board.arrive();
    start.arrived = arrived;
    let mut login = Login::new(start.sign_in.minimum_assurance);
    for (i, _) in candidates.iter().enumerate() {
        if start.tried.iter().any(|tried| tried == name_of(i)) {
            login.give_up_on(i);
        }
    }
    if let Some((again, retries)) = &start.again_at
        && let Some(i) = (0..candidates.len()).find(|i| name_of(*i) == again)
        && let Some(response) =
            send(state, context, &start, &candidates, i, Why::SameAgain.code(), *retries, &login).await
    {
        return response;
    }
    loop {
        let members = state.board.members(candidates.iter().map(|c| c.idp));
        let views: Vec<View<'_>> = candidates
            .iter()
            .zip(&members)
            .map(|(c, m)| View { member: Some(m), assurance: deployment.idp(c.idp).assurance, tried: false })
            .collect();
        let asks_first = |i: usize| pre_flight(state, &candidates[i]).is_some();
        let (member, why) = match login.next(&views, asks_first) {
            Step::Exhausted => break,
            Step::Send(member, why) => (member, why),
            Step::PreFlight(member, why) => {
                let (budget, max_age) = pre_flight(state, &candidates[member]).unwrap_or_default();
                let well = state.board.ask(candidates[member].idp, arrived, budget, max_age).await;
                match login.asked(member, well) {
                    Some(_) => (member, why),
                    None => continue,
                }
            }
        };
        if let Some(response) = send(state, context, &start, &candidates, member, why.code(), 0, &login).await
        {
            return response;
        }
        login.give_up_on(member);
    }
    let sent_anyway = |i: usize| {
        let through = candidates[i].through;
        through.is_some_and(|group| deployment.continuity(group).last_resort == LastResort::Primary)
    };
    let views: Vec<View<'_>> = candidates
        .iter()
        .map(|c| View { member: None, assurance: deployment.idp(c.idp).assurance, tried: false })
        .collect();
    if let Some((primary, why)) = login.last_resort(&views, sent_anyway)
        && let Some(response) =
            send(state, context, &start, &candidates, primary, why.code(), 0, &login).await
    {
        return response;
    }
    let through = candidates.iter().find_map(|candidate| candidate.through);
    let continuity = through.map(|t| deployment.continuity(t).name.as_str());
    state.telling.tell(&Event::Exhausted { app: start.app, continuity });
    let page = Page::new(
        "Sign-in is not possible right now",
        "None of the services that could confirm who you are is answering at the moment.",
    )
    .more("You have done nothing wrong, and nothing of yours is lost. Please try again in a few seconds.");
    let page = match &start.back {
        Return::Page { origin, target, .. } => page.link(format!("{origin}{target}"), "Try again"),
        // A restart in the middle: the address at hand is that of a callback, which is spent.
        Return::Authorize(_) if !start.tried.is_empty() => {
            page.more("Then go back to the application and sign in again.")
        }
        Return::Authorize(_) => page.link(context.path_and_query(), "Try again"),
    };
    answer::with_retry_after(answer::page(StatusCode::SERVICE_UNAVAILABLE, &page), RETRY_AFTER_SECS)
}

/// Budget and accepted age of evidence, when the candidate is asked before a browser is sent there.
fn pre_flight(state: &State, candidate: &Candidate) -> Option<(Duration, Duration)> {
    let settings = &state.deployment.continuity(candidate.through?).pre_flight;
    (!settings.disabled).then(|| (settings.timeout.std(), settings.max_age.std()))
}

/// Sends the browser to a candidate. `None` when the candidate cannot even begin.
#[expect(clippy::too_many_arguments, reason = "the facts of one hop; a struct would only rename them")]
async fn send(
    state: &State,
    context: &Context,
    start: &Start<'_>,
    candidates: &[Candidate],
    member: usize,
    why: &'static str,
    retries: u8,
    login: &Login,
) -> Option<Response> {
    let candidate = &candidates[member];
    let idp = state.deployment.idp(candidate.idp);
    let id = state.entropy.token();
    let request = BeginRequest {
        state: id.clone(),
        origin: context.origin(),
        force_login: start.fresh_after.is_some(),
        // Asking for an age as well makes providers say when the person authenticated.
        max_age: start.fresh_after.map(|_| 0),
    };
    let begun = match state.connectors[candidate.idp.0].begin(&request).await {
        Ok(begun) => begun,
        Err(Fault::Unwell(unwell)) => {
            let (connector, reason, detail) = (idp.name.as_str(), unwell.reason, unwell.detail.as_str());
            state.telling.tell(&Event::PreFlightFailed { connector, reason, detail, millis: None });
            if unwell.reason != Reason::OurLimit {
                state.board.observe(candidate.idp, Observation::PreFlightFailed(unwell.reason));
            }
            return None;
        }
        Err(fault) => {
            Event::BeginFailed { connector: idp.name.as_str(), detail: &fault.to_string() }.log();
            return None;
        }
    };
    let continuity = candidate.through.map(|t| state.deployment.continuity(t).name.as_str());
    Event::Selected { app: start.app, connector: idp.name.as_str(), continuity, why }.log();
    if let Some(through) = candidate.through {
        state.board.serves(&state.deployment, through, candidate.idp, why, start.arrived);
    }
    let (Begin::Redirect { kept, .. } | Begin::FormPost { kept, .. } | Begin::AskPassword { kept, .. }) =
        &begun;
    let pending = Pending {
        id: id.clone(),
        app: start.app.to_owned(),
        idp: idp.name.0.clone(),
        why: why.to_owned(),
        tried: login
            .tried()
            .iter()
            .map(|i| state.deployment.idp(candidates[*i].idp).name.0.clone())
            .chain(start.tried.iter().cloned())
            .collect(),
        retries,
        kept: kept.clone(),
        back: start.back.clone(),
        fresh_after: start.fresh_after,
        until: state.now().plus(PENDING_SECS),
    };
    let Some(sealed) = pending.seal(&state.sealer) else {
        let page = Page::new(
            "This address is too long",
            "The address you opened is too long to be kept while you sign in.",
        )
        .more("Please open a shorter one first, sign in, and then come back to this one.");
        return Some(answer::page(StatusCode::URI_TOO_LONG, &page));
    };
    let response = match begun {
        Begin::Redirect { url, .. } => answer::redirect(&url),
        Begin::FormPost { action, fields, .. } => {
            let mut page = Page::new("One moment", "You are being sent to your identity provider.");
            // Providers lead on from there to wherever they show their form.
            page.post = Some(Post { action, fields, leads_on: true });
            answer::page(StatusCode::OK, &page)
        }
        Begin::AskPassword { action, .. } => answer::redirect(&format!("{action}?state={id}")),
    };
    let mut response = answer::with_cookie(response, &state.cookies.pending(&id, &sealed, PENDING_SECS));
    // A browser that collects pending sign-ins loses the ones it sent first.
    let held = cookie::pending_held(&context.parts.headers);
    let mut count = held.len() + 1;
    let mut bytes = sealed.len() + held.iter().map(|(_, size)| size).sum::<usize>();
    for (name, size) in held {
        if count <= PENDING_MAX && bytes <= PENDING_BYTES_MAX {
            break;
        }
        (count, bytes) = (count - 1, bytes - size);
        if let Some(id) = name.strip_prefix(cookie::PENDING_PREFIX) {
            response = answer::with_cookie(response, &state.cookies.pending_gone(id));
        }
    }
    Some(response)
}
