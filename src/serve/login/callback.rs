//! The return: match, spend, complete. What a failure means is decided by a request of ours.

use std::time::Duration;

use http::{Method, StatusCode};

use super::begin::{Start, begin};
use super::finish::finish;
use super::held;
use super::pending::{Pending, Return};
use super::unsolicited::unsolicited;
use crate::connector::{CompleteRequest, Connector, Denial, Fault, Identity, Input};
use crate::continuity::Login;
use crate::continuity::pace::{self, DOUBT_AGAIN_MILLIS, DOUBT_MILLIS};
use crate::continuity::transaction::AfterCheck;
use crate::model::{App, IdpIndex, SignIn};
use crate::protocol::oauth::{OAuthError, Params};
use crate::serve::app::oidc::authorize;
use crate::serve::edge::pages::Page;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Answers a callback: GET with a query, or POST with a form.
pub async fn callback(state: &State, context: &Context, form: Option<Params>) -> Response {
    let query = match Params::lenient(context.query()) {
        Ok(query) => query,
        Err(_) => return unknown("bad-parameters"),
    };
    let posted = context.parts.method == Method::POST;
    let held = if posted { None } else { held::fetch(state, &query) };
    let by_form = posted || held.is_some();
    let params = form.or(held).unwrap_or(query);
    let id = state.connectors.iter().find_map(|connector| connector.answered_state(&params));
    let Some(pending) = id.and_then(|id| Pending::open(state, &context.parts.headers, id)) else {
        if posted
            && id.is_some()
            && let Some(response) = held::hold(state, context, &params)
        {
            return response;
        }
        if by_form && let Some(response) = unsolicited(state, context, &params).await {
            return response;
        }
        return unknown(if id.is_some() { "no-sign-in" } else { "no-state" });
    };
    let Some(index) =
        state.deployment.idps.iter().position(|idp| idp.name.as_str() == pending.idp).map(IdpIndex)
    else {
        Event::CallbackUnknown { reason: "no-provider" }.log();
        return over(Some(&pending));
    };
    // The answer must arrive where it was asked to (RP05).
    let expected = pending.kept.get("redirect_uri").and_then(|uri| url::Url::parse(uri).ok());
    if expected.is_some_and(|uri| uri.path() != context.parts.uri.path()) {
        let detail = "the answer arrived at another address than it was asked to";
        return rejected(state, &pending, "wrong-address", detail);
    }
    if !pending.spend(state) {
        Event::CallbackReplayed { app: &pending.app, connector: &pending.idp }.log();
        return over(Some(&pending));
    }
    let input = if by_form { Input::Form(&params) } else { Input::Query(&params) };
    let request = CompleteRequest { input, kept: &pending.kept, authenticated_after: pending.fresh_after };
    let (result, asked) = complete_or_doubt(state, index, request).await;
    settle(state, context, pending, index, result, asked).await
}

/// Completes at the provider. When it takes long, we ask it ourselves meanwhile; if it does not answer that
/// either, we do not wait any longer, and need not ask a second time.
pub(super) async fn complete_or_doubt(
    state: &State,
    index: IdpIndex,
    request: CompleteRequest<'_>,
) -> (Result<Identity, Fault>, Asked) {
    let connector: &dyn Connector = &*state.connectors[index.0];
    let completing = connector.complete(request);
    tokio::pin!(completing);
    let mut patience = Duration::from_millis(DOUBT_MILLIS);
    loop {
        let doubting = async {
            tokio::time::sleep(patience).await;
            check(state, index).await
        };
        tokio::select! {
            biased;
            result = &mut completing => return (result, Asked::NotYet),
            well = doubting => {
                if !well {
                    let reason = state.board.member(index).last_reason().unwrap_or(crate::health::Reason::Timeout);
                    let unwell = crate::health::Unwell::new(reason, "no answer to a code in time");
                    return (Err(Fault::Unwell(unwell)), Asked::AndUnwell);
                }
                // Well a moment ago, and still no answer: it may stop at any later step as well.
                patience = Duration::from_millis(DOUBT_AGAIN_MILLIS);
            }
        }
    }
}

/// Whether a request of ours has told already how the provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// What failed carried something from the person, so it is no evidence.
    NotYet,
    /// It was asked after the person came back, and did not answer.
    AndUnwell,
}

/// A request of ours, begun now, that carries nothing from the person.
async fn check(state: &State, index: IdpIndex) -> bool {
    let budget = pace::check_budget(state.deployment.pre_flights(index));
    state.board.check(index, budget.std()).await
}

/// What the result of a sign-in leads to.
pub(super) async fn settle(
    state: &State,
    context: &Context,
    pending: Pending,
    index: IdpIndex,
    result: Result<Identity, Fault>,
    asked: Asked,
) -> Response {
    let result = result.and_then(|identity| match &identity.incomplete {
        Some(unwell) if !is_complete(state, &pending, index, &identity) => Err(Fault::Unwell(unwell.clone())),
        _ => Ok(identity),
    });
    match result {
        Ok(identity) => finish(state, context, pending, index, identity).await,
        Err(Fault::Denied(denial)) => denied(state, &pending, denial),
        Err(Fault::Unwell(unwell)) => {
            Event::Doubted { connector: &pending.idp, unwell: &unwell }.log();
            let well = asked == Asked::NotYet && check(state, index).await;
            moved(state, context, pending, well, unwell.reason.code()).await
        }
        Err(fault @ Fault::Unsupported(_)) => {
            rejected(state, &pending, "unsupported-answer", &fault.to_string())
        }
        Err(fault) => rejected(state, &pending, "answer-refused", &fault.to_string()),
    }
}

/// Whether every attribute that is mapped for this member is there although a part of them could not be
/// fetched (FM06). Without a mapping nobody can say what is missing.
fn is_complete(state: &State, pending: &Pending, index: IdpIndex, identity: &Identity) -> bool {
    let through = sign_in_of(state, pending).and_then(|sign_in| {
        state.deployment.candidates(sign_in).into_iter().find(|c| c.idp == index)?.through
    });
    let rules = through.and_then(|t| state.deployment.continuity(t).attributes.as_ref());
    rules.is_some_and(|rules| {
        rules
            .iter()
            .flat_map(|rule| rule.mapping.iter().filter(|(member, _)| *member == index))
            .all(|(_, path)| crate::model::attributes::find(&identity.attributes, path).is_some())
    })
}

/// The provider seemed unwell: what our own request found (`well`) decides whether the person may try it again or goes to the next.
async fn moved(
    state: &State,
    context: &Context,
    pending: Pending,
    well: bool,
    reason: &'static str,
) -> Response {
    let mut login = Login::resume(None, Vec::new(), 0, pending.retries);
    let Some(sign_in) = sign_in_of(state, &pending) else { return over(Some(&pending)) };
    let mut start = Start::new(&pending.app, sign_in, pending.back.clone());
    start.fresh_after = pending.fresh_after;
    start.tried.clone_from(&pending.tried);
    match login.checked(0, well) {
        AfterCheck::SameMember(_) => {
            Event::Unconfirmed { app: &pending.app, connector: &pending.idp, reason }.log();
            start.again_at = Some((pending.idp.clone(), login.retries()));
        }
        AfterCheck::Another => {
            let continuity = through(state, &pending);
            state.telling.tell(&Event::Restarted {
                app: &pending.app,
                continuity,
                from: &pending.idp,
                reason,
            });
            start.tried.push(pending.idp.clone());
        }
        AfterCheck::GiveUp => {
            let detail = "the provider is well and yet fails this sign-in";
            return rejected(state, &pending, "fails-again", detail);
        }
    }
    let response = begin(state, context, start).await;
    answer::with_cookie(response, &state.cookies.pending_gone(&pending.id))
}

/// Who may serve a pending sign-in, looked up anew: the configuration may have changed meanwhile.
pub(super) fn sign_in_of<'s>(state: &'s State, pending: &Pending) -> Option<&'s SignIn> {
    let app = state.deployment.apps.iter().find(|app| app.name().as_str() == pending.app)?;
    match (app, &pending.back) {
        (App::Oidc(app), _) => Some(&app.sign_in),
        (App::Proxy(app), Return::Page { location, .. }) => {
            app.policies.all().find(|p| p.location == *location)?.sign_in.as_ref()
        }
        (App::Proxy(_), Return::Authorize(_)) => None,
    }
}

/// Name of the continuity connector a pending sign-in goes through.
fn through<'s>(state: &'s State, pending: &Pending) -> Option<&'s str> {
    let deployment = &state.deployment;
    let candidates = deployment.candidates(sign_in_of(state, pending)?);
    let candidate = candidates.iter().find(|c| deployment.idp(c.idp).name.as_str() == pending.idp)?;
    candidate.through.map(|t| deployment.continuity(t).name.as_str())
}

/// A callback without a sign-in of this browser.
fn unknown(reason: &'static str) -> Response {
    Event::CallbackUnknown { reason }.log();
    over(None)
}

/// The sign-in is not there any more: never a session, always a way on where we know one.
pub(super) fn over(pending: Option<&Pending>) -> Response {
    let mut page = Page::new("This sign-in is over", "It was finished in another tab, or it took too long.");
    match pending.map(|p| &p.back) {
        Some(Return::Page { origin, target, .. }) => {
            page = page.link(format!("{origin}{target}"), "Continue")
        }
        _ => page = page.more("Please go back to the application and try again."),
    }
    answer::page(StatusCode::BAD_REQUEST, &page)
}

fn denied(state: &State, pending: &Pending, denial: Denial) -> Response {
    tell_denied(state, pending, denial);
    let response = match &pending.back {
        Return::Authorize(request) => {
            authorize::error(state, request, OAuthError::AccessDenied, "the sign-in was denied")
        }
        Return::Page { origin, target, .. } => {
            let page = Page::new("You were not signed in", "Your identity provider denied the sign-in.")
                .link(format!("{origin}{target}"), "Try again");
            answer::page(StatusCode::FORBIDDEN, &page)
        }
    };
    answer::with_cookie(response, &state.cookies.pending_gone(&pending.id))
}

/// A decision about a person, told.
pub(super) fn tell_denied(state: &State, pending: &Pending, denial: Denial) {
    state.telling.tell(&Event::Denied {
        app: &pending.app,
        continuity: through(state, pending),
        connector: &pending.idp,
        reason: denial.code(),
        detail: &denial.to_string(),
    });
}

/// An answer that is not acceptable. `reason` is a stable code. The person always reads the same words; the log has the reason.
pub(super) fn rejected(state: &State, pending: &Pending, reason: &'static str, detail: &str) -> Response {
    let reference = state.entropy.token()[..8].to_owned();
    state.telling.tell(&Event::Rejected {
        app: &pending.app,
        continuity: through(state, pending),
        connector: &pending.idp,
        reason,
        detail,
        reference: &reference,
    });
    let mut page = Page::new(
        "The sign-in could not be completed",
        "What came back from the identity provider could not be accepted.",
    );
    if let Return::Page { origin, target, .. } = &pending.back {
        page = page.link(format!("{origin}{target}"), "Try again");
    } else {
        page = page.more("Please go back to the application and try again.");
    }
    page.reference = Some(reference);
    let response = answer::page(StatusCode::BAD_REQUEST, &page);
    answer::with_cookie(response, &state.cookies.pending_gone(&pending.id))
}
