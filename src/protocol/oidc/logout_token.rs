//! Logout tokens (OpenID Connect Back-Channel Logout §2.4 to §2.6): those of a provider, verified into a type
//! nobody else can make, and the claims of our own.

use serde_json::{Map, Value, json};

use super::id_token::{CLAIMS_MAX, IdTokenError, SKEW_SECS, SUBJECT_CHARS_MAX, audience, instant};
use crate::ambient::UnixSecs;
use crate::protocol::jose::KeySet;
use crate::protocol::jose::token::{Alg, TokenError, verify};

/// The one member that `events` has.
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// `typ` of our own, and the only one accepted where a token names one.
pub const TYP: &str = "logout+jwt";
/// Life of our own, in seconds.
pub const LIFE_SECS: u64 = 120;
/// Oldest `iat` accepted, in seconds: together with the clock difference, how long a token must be remembered
/// so that it does not work twice.
pub const AGE_SECS_MAX: u64 = 600;

/// What the token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`, exactly.
    pub issuer: &'a str,
    /// Our client id, which must be `aud`.
    pub client_id: &'a str,
    /// Now.
    pub now: UnixSecs,
}

/// Why a logout token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutTokenError {
    /// The signature or form.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// `typ` is that of another kind of token.
    #[error("the token is of another type than {TYP}")]
    Type,
    /// A claim is missing or has the wrong type.
    #[error("the logout token has no usable `{0}`")]
    Missing(&'static str),
    /// `iss` is another.
    #[error("the logout token comes from another issuer")]
    Issuer,
    /// `aud` is not us.
    #[error("the logout token is meant for another client")]
    Audience,
    /// Past `exp`.
    #[error("the logout token has expired")]
    Expired,
    /// `iat` in the future.
    #[error("the logout token is not valid yet (is a clock wrong?)")]
    NotYet,
    /// `iat` too long ago.
    #[error("the logout token was issued too long ago")]
    Stale,
    /// `events` does not announce a logout.
    #[error("the token announces no logout")]
    Event,
    /// It has a `nonce`, so it may be an ID token.
    #[error("the logout token has a nonce")]
    Nonce,
    /// Neither `sub` nor `sid`.
    #[error("the logout token names neither a person nor a session")]
    Nobody,
    /// Too many claims.
    #[error("the logout token has more than {CLAIMS_MAX} claims")]
    TooManyClaims,
}

/// A logout token that passed every check of [`verify_logout_token`], which alone makes it. Whether it was seen
/// before is for the caller, who remembers.
#[derive(Debug, Clone)]
pub struct VerifiedLogoutToken {
    issuer: String,
    subject: Option<String>,
    session: Option<String>,
    id: String,
    until: UnixSecs,
}

impl VerifiedLogoutToken {
    /// `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`, when given; there is this, or the session, or both.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `sid`, when given.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// `jti`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// From then on it would be refused for its age, so it need not be remembered any longer.
    pub fn until(&self) -> UnixSecs {
        self.until
    }
}

/// Verifies a logout token (Back-Channel Logout §2.6).
pub fn verify_logout_token(
    token: &str,
    keys: &KeySet,
    accepted: &[Alg],
    expected: &Expected<'_>,
) -> Result<VerifiedLogoutToken, LogoutTokenError> {
    use LogoutTokenError as E;
    let jws = verify(token, keys, accepted)?;
    if jws.header().get("typ").is_some_and(|typ| !typ.as_str().is_some_and(is_logout_type)) {
        return Err(E::Type);
    }
    let claims = jws.into_claims();
    if claims.len() > CLAIMS_MAX {
        return Err(E::TooManyClaims);
    }
    if claims.get("iss").and_then(Value::as_str).ok_or(E::Missing("iss"))? != expected.issuer {
        return Err(E::Issuer);
    }
    audience(&claims, expected.client_id).map_err(|error| match error {
        IdTokenError::Missing(name) => E::Missing(name),
        _ => E::Audience,
    })?;
    let time =
        |name: &'static str| instant(&claims, name).ok().flatten().ok_or(LogoutTokenError::Missing(name));
    let (issued, expires, now) = (time("iat")?, time("exp")?, expected.now);
    if now >= expires.plus(SKEW_SECS) {
        return Err(E::Expired);
    }
    if issued > now.plus(SKEW_SECS) {
        return Err(E::NotYet);
    }
    if now.since(issued) > AGE_SECS_MAX + SKEW_SECS {
        return Err(E::Stale);
    }
    let events = claims.get("events").and_then(Value::as_object).ok_or(E::Missing("events"))?;
    if !events.get(EVENT).is_some_and(Value::is_object) {
        return Err(E::Event);
    }
    if claims.contains_key("nonce") {
        return Err(E::Nonce);
    }
    let (subject, session) = (text(&claims, "sub")?, text(&claims, "sid")?);
    if subject.is_none() && session.is_none() {
        return Err(E::Nobody);
    }
    Ok(VerifiedLogoutToken {
        issuer: expected.issuer.to_owned(),
        subject,
        session,
        id: text(&claims, "jti")?.ok_or(E::Missing("jti"))?,
        until: issued.plus(AGE_SECS_MAX + 2 * SKEW_SECS),
    })
}

/// Media types have no case, and `application/` may be left out (RFC 7515 §4.1.9).
fn is_logout_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TYP
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, LogoutTokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.chars().count() <= SUBJECT_CHARS_MAX => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(LogoutTokenError::Missing(name)),
    }
}

/// Claims of a logout token of ours (§2.4), to be signed with `typ` [`TYP`].
pub fn claims(issuer: &str, client_id: &str, subject: &str, session: &str, id: &str, now: UnixSecs) -> Value {
    json!({
        "iss": issuer, "aud": client_id, "sub": subject, "sid": session, "jti": id,
        "iat": now.0, "exp": now.plus(LIFE_SECS).0, "events": {EVENT: {}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::jose::SigningKey;
    use crate::protocol::jose::token::ACCEPTED;

    const NOW: u64 = 1_800_000_000;

    fn check(header: &Value, claims: &Value) -> Result<VerifiedLogoutToken, LogoutTokenError> {
        let key = SigningKey::generate_es256();
        let keys = KeySet::parse(&json!({"keys":[key.public_jwk()]})).unwrap();
        let expected = Expected { issuer: "https://idp", client_id: "me", now: UnixSecs(NOW) };
        verify_logout_token(&key.sign(header, claims).unwrap(), &keys, ACCEPTED, &expected)
    }

    fn base() -> Value {
        claims("https://idp", "me", "alice", "s1", "j1", UnixSecs(NOW))
    }

    #[test]
    fn our_own_is_one() {
        let token = check(&json!({"typ": TYP}), &base()).unwrap();
        assert_eq!(
            (token.issuer(), token.subject(), token.session(), token.id()),
            ("https://idp", Some("alice"), Some("s1"), "j1")
        );
        assert!(
            token.until() > UnixSecs(NOW + AGE_SECS_MAX + SKEW_SECS),
            "remembered for as long as it works"
        );
        for typ in [json!({}), json!({"typ": "LOGOUT+JWT"}), json!({"typ": "application/logout+jwt"})] {
            assert!(check(&typ, &base()).is_ok(), "{typ}");
        }
    }

    #[test]
    fn each_mutation_has_its_refusal() {
        use LogoutTokenError as E;
        for (name, value, want) in [
            ("iss", json!("https://idp/"), E::Issuer),
            ("iss", json!(null), E::Missing("iss")),
            ("aud", json!("other"), E::Audience),
            ("aud", json!(["me", "other"]), E::Audience),
            ("aud", json!(null), E::Missing("aud")),
            ("iat", json!(null), E::Missing("iat")),
            ("iat", json!("now"), E::Missing("iat")),
            ("iat", json!(NOW + 61), E::NotYet),
            ("iat", json!(NOW - AGE_SECS_MAX - 61), E::Stale),
            ("exp", json!(null), E::Missing("exp")),
            ("exp", json!(NOW - 60), E::Expired),
            ("jti", json!(null), E::Missing("jti")),
            ("jti", json!(7), E::Missing("jti")),
            ("nonce", json!("n"), E::Nonce),
            ("nonce", json!(""), E::Nonce),
            ("events", json!(null), E::Missing("events")),
            ("events", json!([EVENT]), E::Missing("events")),
            ("events", json!({}), E::Event),
            ("events", json!({EVENT: true}), E::Event),
            ("events", json!({"http://schemas.openid.net/event/other": {}}), E::Event),
            ("sub", json!(7), E::Missing("sub")),
            ("sub", json!("x".repeat(256)), E::Missing("sub")),
            ("sid", json!(""), E::Missing("sid")),
        ] {
            let mut claims = base();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
            assert_eq!(check(&json!({"typ": TYP}), &claims).unwrap_err(), want, "{name} = {value}");
        }
        let mut nobody = base();
        for (have, name) in [(true, "sub"), (false, "sid")] {
            nobody.as_object_mut().unwrap().remove(name);
            assert_eq!(check(&json!({}), &nobody).is_ok(), have, "without {name}");
        }
        assert_eq!(check(&json!({}), &nobody).unwrap_err(), E::Nobody);
        for typ in [json!("JWT"), json!("at+jwt"), json!(""), json!(7)] {
            assert_eq!(check(&json!({"typ": typ}), &base()).unwrap_err(), E::Type, "{typ}");
        }
    }
}
