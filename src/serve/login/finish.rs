//! A verified identity to a session: attributes in our words, the subject, a new id, and back.

use std::collections::BTreeMap;

use serde_json::json;

use super::callback::{over, rejected, sign_in_of};
use super::circles;
use super::pending::{PENDING_SECS, Pending, Return};
use super::unsolicited;
use crate::ambient::UnixSecs;
use crate::connector::Identity;
use crate::connector::account::Account;
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
    let account = identity.account.clone();
    let authentication = match authentication(state, &pending, index, through, identity) {
        Ok(authentication) => authentication,
        Err(fault) => return rejected(state, &pending, "bad-attributes", &fault.to_string()),
    };
    let now = state.now();
    if let Some(group) = through.map(|t| state.deployment.continuity(t))
        && group.identity.is_some()
        && !is_the_same_account(state, group.name.as_str(), &authentication, account.as_ref(), false)
    {
        Event::Collision { app: &pending.app, connector: &pending.idp }.log();
        let detail = "the provider gave this identity to another account lately";
        return rejected(state, &pending, "identity-collision", detail);
    }
    let previous = state.session(&context.parts.headers);
    // CH06: asked to prove again who he is, the person must be the same, also when another member asks.
    let before = previous.as_ref().map(|(_, session)| session.authentications.as_slice()).unwrap_or_default();
    let another = |old: &Authentication| {
        old.until.is_none_or(|until| now < until)
            && old.idp != authentication.idp
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
    // One that the provider began may be as old as what vouches for it: no announced end is older than that.
    let begun = match pending.why == unsolicited::WHY {
        true => UnixSecs(0),
        false => UnixSecs(pending.until.0.saturating_sub(PENDING_SECS)),
    };
    if logout::received::is_ended(state, &authentication, begun) {
        if let Some(key) = SessionKey::of(&id) {
            logout::end(state, &key, "announced-by-provider");
        }
        let detail = "the session at the provider ended during the sign-in";
        return rejected(state, &pending, "session-ended", detail);
    }
    if let Some(group) = through.map(|t| state.deployment.continuity(t)).filter(|g| g.identity.is_some()) {
        is_the_same_account(state, group.name.as_str(), &authentication, account.as_ref(), true);
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
fn is_the_same_account(
    state: &State,
    group: &str,
    new: &Authentication,
    account: Option<&Account>,
    remember: bool,
) -> bool {
    // A provider that was replaced knows other accounts, and starts anew.
    let of = format!("{group}\0{}\0{:?}\0{}", new.idp, new.realm, new.subject(group));
    let identity = Key::of("identity", &of);
    // Who has no id to be read this time may have one the next: it is not forgotten over that.
    let has_id = account.is_none_or(|account| account.id != account.name);
    let account = AccountMark::of(&new.issuer, &new.provider_subject, account);
    let now = state.now();
    let until = now.plus(state.deployment.session.lifetime.max_timeout.as_secs());
    let known = state.accounts.get(&identity, now);
    if known.as_ref().is_some_and(|known| !account.is_of(known)) {
        return false;
    }
    if remember {
        let mark = known.filter(|_| !has_id).map_or(account.0, |known| known.to_vec());
        state.accounts.put(identity, mark, until);
    }
    true
}

/// What is remembered of an account: hashes of its kind of id, of its id and of its name.
#[derive(Debug)]
struct AccountMark(Vec<u8>);

impl AccountMark {
    fn of(issuer: &str, subject: &str, account: Option<&Account>) -> Self {
        let (kind, id, name) = match account {
            Some(account) => (account.kind, account.id.as_str(), account.name.as_str()),
            None => ("subject", subject, subject),
        };
        let hash =
            |part: &str, value: &str| *Key::of("account", &json!([issuer, part, value]).to_string()).bytes();
        AccountMark([hash("kind", kind), hash(kind, id), hash("name", name)].concat())
    }

    /// Whether it is the account that was remembered: the same id, or where one of the two has no such id to compare,
    /// the same name.
    fn is_of(&self, known: &[u8]) -> bool {
        const HASH: usize = 32;
        let [kind, id, name] = [0, 1, 2].map(|i| i * HASH..(i + 1) * HASH);
        let same = |part: std::ops::Range<usize>| known.get(part.clone()) == self.0.get(part);
        known.len() == self.0.len() && if same(kind) { same(id) } else { same(name) }
    }
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
        is_whole: identity.incomplete.is_none(),
        words: through.map(|t| state.deployment.continuity(t).words).unwrap_or_default(),
        kept: identity.kept,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_its_id_and_not_its_spelling() {
        let of = |kind: &'static str, id: &str, name: &str| {
            let account = Account { kind, id: id.into(), name: name.into() };
            AccountMark::of("dir", &name.to_uppercase(), Some(&account))
        };
        let before = of("uuid", "u-1", "uid=ann,dc=x");
        for (what, now, want) in [
            ("the same", of("uuid", "u-1", "uid=ann,dc=x"), true),
            ("it moved", of("uuid", "u-1", "uid=ann,ou=left,dc=x"), true),
            ("its name went to somebody else", of("uuid", "u-2", "uid=ann,dc=x"), false),
            ("another id under the same name", of("guid", "01ff", "uid=ann,dc=x"), true),
            ("the same value of another kind", of("guid", "u-1", "uid=bob,dc=x"), false),
            ("no id to be read now", of("dn", "uid=ann,dc=x", "uid=ann,dc=x"), true),
            ("no id and another name", of("dn", "uid=bob,dc=x", "uid=bob,dc=x"), false),
        ] {
            assert_eq!((now.is_of(&before.0), before.is_of(&now.0)), (want, want), "{what}");
        }
        let spelled = |subject| {
            let name = "uid=ann,dc=x".to_owned();
            let account = Account { kind: "dn", id: name.clone(), name };
            AccountMark::of("dir", subject, Some(&account))
        };
        assert!(spelled("UID=Ann,DC=x").is_of(&spelled("uid=ann, dc=x").0), "the spelling does not count");
        assert!(!before.is_of(&[]) && !before.is_of(&before.0[..64]));
    }

    #[test]
    fn a_subject_is_an_account_where_nothing_else_is() {
        let of = |issuer: &str, subject: &str| AccountMark::of(issuer, subject, None);
        assert!(of("https://a", "1").is_of(&of("https://a", "1").0));
        assert!(!of("https://a", "1").is_of(&of("https://a", "2").0));
        assert!(!of("https://a", "1").is_of(&of("https://b", "1").0));
    }
}
