//! A sign-in that a provider began (protocol row SP16): only where a landing page is configured, and only to it,
//! whatever the answer says about where to go.

use http::StatusCode;

use super::callback::{Asked, settle};
use super::pending::{PENDING_SECS, Pending, Return};
use crate::connector::{CallbackAddress, Fault, Identity, Kept};
use crate::model::IdpIndex;
use crate::protocol::oauth::Params;
use crate::serve::edge::pages::Page;
use crate::serve::edge::router::{Route, proxy_app};
use crate::serve::edge::{Context, Response, answer};
use crate::serve::state::State;
use crate::serve::telemetry::Event;
use crate::value::WebUrl;

/// Why such a provider serves.
pub const WHY: &str = "began-there";

/// Completes the sign-in. `None` when no provider at this address may begin one.
pub async fn unsolicited(state: &State, context: &Context, params: &Params) -> Option<Response> {
    let mut last: Option<(Pending, IdpIndex, Result<Identity, Fault>)> = None;
    for (index, landing) in landings(state, &context.path) {
        let Some(pending) = pending(state, index, landing) else { continue };
        let result = state.connectors[index.0].unsolicited(params).await;
        // Several may share an address, and only one of them is whose answer this is.
        let is_good = result.is_ok();
        last = Some((pending, index, result));
        if is_good {
            break;
        }
    }
    let (pending, index, result) = last?;
    if let Ok(identity) = &result
        && is_another(state, context, index, identity)
    {
        return Some(refuse_another(state, &pending));
    }
    Some(settle(state, context, pending, index, result, Asked::NotYet).await)
}

/// Whether somebody is signed in in this browser as another person, or at another provider. Anybody can have a
/// browser post an answer about himself; that must neither take the place of what the person has open here nor
/// mingle with it.
fn is_another(state: &State, context: &Context, index: IdpIndex, identity: &Identity) -> bool {
    let Some((_, session)) = state.session(&context.parts.headers) else { return false };
    // What has ended at its provider is nobody's any more.
    let now = state.now();
    let mut lasting =
        session.authentications.iter().filter(|known| known.until.is_none_or(|until| now < until));
    lasting.any(|known| {
        state.provider_of(known) != Some(index)
            || known.issuer != identity.issuer
            || known.provider_subject != identity.subject
    })
}

fn refuse_another(state: &State, pending: &Pending) -> Response {
    let detail = "somebody is signed in in this browser as another person or at another provider";
    let reference = state.entropy.token()[..8].to_owned();
    state.telling.tell(&Event::Rejected {
        app: &pending.app,
        continuity: None,
        connector: &pending.idp,
        reason: "signed-in-already",
        detail,
        reference: &reference,
    });
    let mut page = Page::new(
        "You are signed in already",
        "Your identity provider sent you here, and somebody is signed in in this browser already, perhaps as another person.",
    )
    .more("Sign out first if you want to go on as the other one.");
    if let Return::Page { origin, target, .. } = &pending.back {
        page = page.link(format!("{origin}{target}"), "Go on as who you are now");
    }
    page.reference = Some(reference);
    answer::page(StatusCode::CONFLICT, &page)
}

/// Providers whose answers arrive at a path and may come unasked, with their landing pages.
fn landings<'s>(state: &'s State, path: &str) -> impl Iterator<Item = (IdpIndex, &'s WebUrl)> {
    state.deployment.idps.iter().enumerate().filter_map(move |(i, idp)| {
        let (_, landing) = idp.config.landing()?;
        let here = idp.config.callbacks().iter().any(|at| match at {
            CallbackAddress::Url(url) => url.path() == path,
            CallbackAddress::Path(at) => at == path,
        });
        here.then_some((IdpIndex(i), landing))
    })
}

/// A sign-in as if the person had opened the landing page. `None` when it is no page behind a sign-in of ours.
fn pending(state: &State, index: IdpIndex, landing: &WebUrl) -> Option<Pending> {
    let Some(Route::Proxy(app)) = state.router.find(&landing.authority(), landing.path()) else {
        return None;
    };
    let app = proxy_app(&state.deployment, app)?;
    let policy = app.policies.find(landing.path())?;
    policy.sign_in.as_ref()?;
    let query = landing.url().query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(Pending {
        id: state.entropy.token(),
        app: app.name.0.clone(),
        idp: state.deployment.idp(index).name.0.clone(),
        why: WHY.to_owned(),
        tried: Vec::new(),
        retries: 0,
        kept: Kept::new(),
        back: Return::Page {
            origin: landing.url().origin().ascii_serialization(),
            target: format!("{}{query}", landing.path()),
            location: policy.location.clone(),
        },
        fresh_after: None,
        until: state.now().plus(PENDING_SECS),
    })
}
