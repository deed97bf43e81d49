//! A verified identity to a session: attributes in our words, the subject, a new id, and back.

use std::collections::BTreeMap;

use serde_json::json;

use super::callback::{over, rejected, sign_in_of};
use super::circles;
use super::pending::{PENDING_SECS, Pending, Return};
use crate::ambient::UnixSecs;
use crate::connector::Identity;
use crate::model::IdpIndex;
use crate::model::attributes::{AttributeFault, normalise, subject};
use crate::serve::app::oidc::authorize;
use crate::serve::cache::Key;
use crate::serve::edge::{Context, Response, answer};
use crate::serve::logout;
use crate::serve::session::{Authentication, Session, SessionKey};
use crate::serve::state::State;
use crate::serve::telemetry::Event;

/// Most identities whose last account is remembered; the oldest are forgotten first.
pub const ACCOUNTS_MAX: usize = 100_000;

/// Most things that work once whose use is remembered, for the few minutes in which they would still work.
pub const ONCE_MAX: usize = 200_000;

/// Opens a session and sends the person where he wanted to go.
pub(super) async fn finish(
    state: &State,
    context: &Context,
    pending: Pending,
    index: IdpIndex,
    identity: Identity,
) -> Response {
    let Some(sign_in) = sign_in_of(state, &pending) else { return over(Some(&pending)) };
    let through = state
        .deployment
        .candidates(sign_in)
        .into_iter()
        .find(|candidate| candidate.idp == index)
        .map(|candidate| candidate.through);
    let Some(through) = through else { return over(Some(&pending)) };
    // What works once is used up by whoever brings it, even if the rest of the sign-in fails.
    if let Some(once) = &identity.once {
        let seen = Key::of("once", &json!([identity.issuer, once.id]).to_string());
        if !state.once.put_if_absent(seen, *b"", once.until, state.now()) {
            Event::CallbackReplayed { app: &pending.app, connector: &pending.idp }.log();
            let detail = "what vouches for the person was used before";
            return rejected(state, &pending, "answer-replayed", detail);
        }
    }
    let authentication = match authentication(state, &pending, index, through, identity) {
        Ok(authentication) => authentication,
        Err(fault) => return rejected(state, &pending, "bad-attributes", &fault.to_string()),
    };
    let now = state.now();
    if let Some(group) = through.map(|t| state.deployment.continuity(t))
        && group.identity.is_some()
        && !is_the_same_account(state, group.name.as_str(), &authentication, false)
    {
        Event::Collision { app: &pending.app, connector: &pending.idp }.log();
        let detail = "the provider gave this identity to another account lately";
        return rejected(state, &pending, "identity-collision", detail);
    }
    let previous = state.session(&context.parts.headers);
    // CH06: asked to prove again who he is, the person must be the same, also when another member asks.
    let before = previous.as_ref().map(|(_, session)| session.authentications.as_slice()).unwrap_or_default();
    let another = |old: &Authentication| {
        old.idp != authentication.idp
            && authentication.subjects.iter().any(|(voice, subject)| {
                *voice != authentication.idp && old.subjects.get(voice).is_some_and(|was| was != subject)
            })
    };
    if pending.fresh_after.is_some() && before.iter().any(another) {
        Event::Mismatch { app: &pending.app, connector: &pending.idp }.log();
        let detail = "another person than the one who was signed in";
        return rejected(state, &pending, "identity-mismatch", detail);
    }
    let mut went_on = false;
    let (id, session) =
        state.sessions.open(previous.as_ref().map(|(key, _)| *key), &state.entropy, |before| {
            went_on |= before.is_some();
            Session::with(before, authentication.clone(), state.entropy.token(), now)
        });
    // Its place was taken: by another person, or while its end was announced.
    if let (true, Some((key, before))) = (went_on, &previous)
        && before.sid != session.sid
    {
        logout::ended(state, key, before, "replaced");
    }
    let begun = UnixSecs(pending.until.0.saturating_sub(PENDING_SECS));
    if logout::received::is_ended(state, &authentication, begun) {
        if let Some(key) = SessionKey::of(&id) {
            logout::end(state, &key, "announced-by-provider");
        }
        let detail = "the session at the provider ended during the sign-in";
        return rejected(state, &pending, "session-ended", detail);
    }
    if let Some(group) = through.map(|t| state.deployment.continuity(t)).filter(|g| g.identity.is_some()) {
        is_the_same_account(state, group.name.as_str(), &authentication, true);
    }
    let shown = SessionKey::of(&id).map(|k| k.shown()).unwrap_or_default();
    state.telling.tell(&Event::Completed {
        app: &pending.app,
        continuity: through.map(|t| state.deployment.continuity(t).name.as_str()),
        connector: &pending.idp,
        subject: authentication.shown_subject(),
        session: &shown,
        why: &pending.why,
    });
    let response = match &pending.back {
        Return::Page { origin, target, .. } => {
            if *origin == context.origin() {
                answer::redirect(target)
            } else {
                answer::redirect(&format!("{origin}{target}"))
            }
        }
        Return::Authorize(request) => authorize::grant(state, request, &authentication, &session).await,
    };
    let response = answer::with_cookie(response, &state.cookies.session(&id));
    let response = answer::with_cookie(response, &circles::one_more(state, &context.parts.headers));
    answer::with_cookie(response, &state.cookies.pending_gone(&pending.id))
}

/// ID05: whether the account at this provider is the one that had the same identity there the last time. An
/// identity that changes hands (a recycled address or number) must not reach what its former holder still has
/// open, so it is remembered for as long as a session may live.
/// With `remember` it is the last one from now on.
fn is_the_same_account(state: &State, group: &str, new: &Authentication, remember: bool) -> bool {
    // A provider that was replaced knows other accounts, and starts anew.
    let of = format!("{group}\0{}\0{:?}\0{}", new.idp, new.realm, new.subject(group));
    let identity = Key::of("identity", &of);
    let account = Key::of("account", &format!("{}\0{}", new.issuer, new.provider_subject));
    let now = state.now();
    let until = now.plus(state.deployment.session.lifetime.max_timeout.as_secs());
    if state.accounts.get(&identity, now).is_some_and(|known| *known != *account.bytes()) {
        return false;
    }
    if remember {
        state.accounts.put(identity, account.bytes().to_vec(), until);
    }
    true
}

fn authentication(
    state: &State,
    pending: &Pending,
    index: IdpIndex,
    through: Option<crate::model::ContinuityIndex>,
    identity: Identity,
) -> Result<Authentication, AttributeFault> {
    let idp = state.deployment.idp(index);
    let mut attributes = BTreeMap::new();
    let mut subjects = BTreeMap::new();
    let own = subject(&identity.issuer, &identity.subject, None, &identity.attributes)?;
    subjects.insert(idp.name.0.clone(), own);
    if let Some(group) = through.map(|t| state.deployment.continuity(t)) {
        let common = normalise(group, index, &identity.attributes)?;
        let of_group = Some((group, index, &common));
        let subject = subject(&identity.issuer, &identity.subject, of_group, &identity.attributes)?;
        subjects.insert(group.name.0.clone(), subject);
        attributes.insert(group.name.0.clone(), common);
    }
    attributes.insert(idp.name.0.clone(), identity.attributes);
    Ok(Authentication {
        idp: idp.name.0.clone(),
        issuer: identity.issuer,
        provider_subject: identity.subject,
        subjects,
        at: identity.authenticated_at.unwrap_or(state.now()),
        realm: state.opened[index.0].realm,
        until: identity.until,
        why: pending.why.clone(),
        attributes,
        kept: identity.kept,
    })
}
