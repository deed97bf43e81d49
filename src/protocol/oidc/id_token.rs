//! ID tokens (OpenID Connect Core §2, §3.1.3.7): verified into a type nobody else can make.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use crate::ambient::UnixSecs;
use crate::protocol::jose::KeySet;
use crate::protocol::jose::token::{Alg, TokenError, VerifiedJws, verify};

/// Clock difference tolerated, in seconds.
pub const SKEW_SECS: u64 = 60;
/// Oldest `iat` of a token from a fresh sign-in, in seconds.
pub const FRESH_SECS_MAX: u64 = 600;
/// Longest subject (Core §2).
pub const SUBJECT_CHARS_MAX: usize = 255;
/// Most claims of one token.
pub const CLAIMS_MAX: usize = 512;

/// What the token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`, exactly.
    pub issuer: &'a str,
    /// Our client id, which must be in `aud`.
    pub client_id: &'a str,
    /// `nonce` of the request, when one was sent.
    pub nonce: Option<&'a str>,
    /// Access token that came with it, for `at_hash`.
    pub access_token: Option<&'a str>,
    /// The person had to authenticate after this instant (`max_age`, `prompt=login`).
    pub authenticated_after: Option<UnixSecs>,
    /// Now.
    pub now: UnixSecs,
}

/// Why an ID token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// The signature or form.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// A claim is missing or has the wrong type.
    #[error("the ID token has no usable `{0}`")]
    Missing(&'static str),
    /// `iss` is another.
    #[error("the ID token comes from another issuer")]
    Issuer,
    /// `aud` or `azp` is not us.
    #[error("the ID token is meant for another client")]
    Audience,
    /// Past `exp`.
    #[error("the ID token has expired")]
    Expired,
    /// Before `nbf`, or `iat` in the future, by this many seconds.
    #[error("the ID token is not valid yet: the provider's clock is {ahead_secs} s ahead of ours")]
    NotYet {
        /// How far the clocks differ at least.
        ahead_secs: u64,
    },
    /// `iat` too long ago.
    #[error("the ID token was issued too long ago for a fresh sign-in")]
    Stale,
    /// `nonce` differs.
    #[error("the ID token answers another request")]
    Nonce,
    /// `at_hash` differs.
    #[error("the access token does not belong to the ID token")]
    AccessTokenHash,
    /// The person did not authenticate as freshly as asked.
    #[error("the provider did not authenticate the person again")]
    NotFresh,
    /// More than [`CLAIMS_MAX`].
    #[error("the ID token has more than {CLAIMS_MAX} claims")]
    TooManyClaims,
}

/// An ID token that passed every check of [`verify_id_token`], which alone makes it.
#[derive(Debug, Clone)]
pub struct VerifiedIdToken {
    issuer: String,
    subject: String,
    auth_time: Option<UnixSecs>,
    claims: Map<String, Value>,
}

impl VerifiedIdToken {
    /// `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `auth_time`, when given.
    pub fn auth_time(&self) -> Option<UnixSecs> {
        self.auth_time
    }

    /// All claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// Verifies an ID token from the token endpoint, in the order of protocol rows RV02 to RV10.
pub fn verify_id_token(
    token: &str,
    keys: &KeySet,
    accepted: &[Alg],
    expected: &Expected<'_>,
) -> Result<VerifiedIdToken, IdTokenError> {
    let jws: VerifiedJws = verify(token, keys, accepted)?;
    let alg = jws.alg();
    let claims = jws.into_claims();
    let text = |name: &'static str| claims.get(name).and_then(Value::as_str);
    let time = |name: &'static str| instant(&claims, name);
    if claims.len() > CLAIMS_MAX {
        return Err(IdTokenError::TooManyClaims);
    }
    if text("iss").ok_or(IdTokenError::Missing("iss"))? != expected.issuer {
        return Err(IdTokenError::Issuer);
    }
    audience(&claims, expected.client_id)?;
    let now = expected.now;
    let expires = time("exp")?.ok_or(IdTokenError::Missing("exp"))?;
    let issued = time("iat")?.ok_or(IdTokenError::Missing("iat"))?;
    if now >= expires.plus(SKEW_SECS) {
        return Err(IdTokenError::Expired);
    }
    let begins = time("nbf")?.map_or(issued, |nbf| nbf.max(issued));
    if begins > now.plus(SKEW_SECS) {
        return Err(IdTokenError::NotYet { ahead_secs: begins.since(now) });
    }
    if now.since(issued) > FRESH_SECS_MAX + SKEW_SECS {
        return Err(IdTokenError::Stale);
    }
    let subject = text("sub")
        .filter(|sub| !sub.is_empty() && sub.chars().count() <= SUBJECT_CHARS_MAX)
        .ok_or(IdTokenError::Missing("sub"))?
        .to_owned();
    if let Some(nonce) = expected.nonce {
        let have = text("nonce").unwrap_or_default();
        if !bool::from(have.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err(IdTokenError::Nonce);
        }
    }
    if let (Some(hash), Some(access_token)) = (text("at_hash"), expected.access_token)
        && half_hash(alg, access_token) != hash
    {
        return Err(IdTokenError::AccessTokenHash);
    }
    let auth_time = time("auth_time")?;
    if let Some(after) = expected.authenticated_after
        && auth_time.is_none_or(|at| at.plus(SKEW_SECS) < after)
    {
        return Err(IdTokenError::NotFresh);
    }
    Ok(VerifiedIdToken { issuer: expected.issuer.to_owned(), subject, auth_time, claims })
}

/// A claim that is an instant; whole or broken seconds.
pub(super) fn instant(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<UnixSecs>, IdTokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .or_else(|| value.as_f64().filter(|f| *f >= 0.0).map(|f| f as u64))
            .map(|secs| Some(UnixSecs(secs)))
            .ok_or(IdTokenError::Missing(name)),
    }
}

/// Whether `aud` and `azp` are us and nobody else.
pub(super) fn audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), IdTokenError> {
    let ours_alone = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => {
            // Further audiences must be trusted, and we have no list of such: only ourselves.
            !many.is_empty() && many.iter().all(|a| a.as_str() == Some(client_id))
        }
        _ => return Err(IdTokenError::Missing("aud")),
    };
    let party = claims.get("azp").is_none_or(|azp| azp.as_str() == Some(client_id));
    if ours_alone && party { Ok(()) } else { Err(IdTokenError::Audience) }
}

/// The left half of the hash that goes with `alg`, base64url (Core §3.1.3.6).
pub fn half_hash(alg: Alg, text: &str) -> String {
    use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
    let algorithm = match alg {
        Alg::RS256 | Alg::PS256 | Alg::ES256 => &SHA256,
        Alg::RS384 | Alg::ES384 => &SHA384,
        Alg::RS512 | Alg::EdDSA => &SHA512,
    };
    let hash = digest(algorithm, text.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::jose::SigningKey;
    use crate::protocol::jose::token::ACCEPTED;

    const NOW: u64 = 1_800_000_000;

    fn base() -> Value {
        json!({"iss":"https://idp","aud":"me","sub":"alice","exp":NOW+300,"iat":NOW,"nonce":"n"})
    }

    fn check(claims: &Value) -> Result<VerifiedIdToken, IdTokenError> {
        let key = SigningKey::generate_es256();
        let keys = KeySet::parse(&json!({"keys":[key.public_jwk()]})).unwrap();
        let expected = Expected {
            issuer: "https://idp",
            client_id: "me",
            nonce: Some("n"),
            access_token: Some("at"),
            authenticated_after: None,
            now: UnixSecs(NOW),
        };
        verify_id_token(&key.sign(&json!({}), claims).unwrap(), &keys, ACCEPTED, &expected)
    }

    #[test]
    fn a_good_token_is_verified() {
        let token = check(&base()).unwrap();
        assert_eq!((token.issuer(), token.subject()), ("https://idp", "alice"));
        let mut hashed = base();
        hashed["at_hash"] = json!(half_hash(Alg::ES256, "at"));
        assert!(check(&hashed).is_ok());
    }

    #[test]
    fn each_mutation_has_its_refusal() {
        use IdTokenError as E;
        for (name, value, want) in [
            ("iss", json!("https://idp/"), E::Issuer),
            ("iss", json!(null), E::Missing("iss")),
            ("aud", json!("other"), E::Audience),
            ("aud", json!(["me", "other"]), E::Audience),
            ("aud", json!([]), E::Audience),
            ("aud", json!(null), E::Missing("aud")),
            ("azp", json!("other"), E::Audience),
            ("exp", json!(NOW - 61), E::Expired),
            ("exp", json!("soon"), E::Missing("exp")),
            ("iat", json!(NOW + 61), E::NotYet { ahead_secs: 61 }),
            ("iat", json!(NOW - 700), E::Stale),
            ("iat", json!(null), E::Missing("iat")),
            ("nbf", json!(NOW + 75), E::NotYet { ahead_secs: 75 }),
            ("sub", json!(""), E::Missing("sub")),
            ("sub", json!("x".repeat(256)), E::Missing("sub")),
            ("nonce", json!("m"), E::Nonce),
            ("nonce", json!(null), E::Nonce),
            ("at_hash", json!("AAAA"), E::AccessTokenHash),
        ] {
            let mut claims = base();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
            assert_eq!(check(&claims).unwrap_err(), want, "{name} = {value}");
        }
    }
}
