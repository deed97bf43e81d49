//! An ID token of ours that comes back as `id_token_hint` (OpenID Connect RP-Initiated Logout §2): proof that a
//! relying party once signed somebody in, however long ago.

use serde_json::Value;

use crate::protocol::jose::KeySet;
use crate::protocol::jose::token::{ACCEPTED, TokenError, verify};

/// Why a hint is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// The signature or form.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// An access token, a logout token: of ours, and no ID token.
    #[error("the hint is not an ID token")]
    Type,
    /// `iss` is not us.
    #[error("the hint comes from another issuer")]
    Issuer,
    /// A claim is missing or has the wrong type.
    #[error("the hint has no usable `{0}`")]
    Missing(&'static str),
}

/// A hint that passed every check of [`verify_hint`], which alone makes it.
#[derive(Debug, Clone)]
pub struct VerifiedHint {
    client_id: String,
    session: Option<String>,
}

impl VerifiedHint {
    /// The client it was issued to.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `sid`, when it has one.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }
}

/// Verifies a hint with the keys of ours, those that do not sign any more among them. Its age does not matter:
/// it says who asks, not that somebody is signed in.
pub fn verify_hint(token: &str, keys: &KeySet, issuer: &str) -> Result<VerifiedHint, HintError> {
    let jws = verify(token, keys, ACCEPTED)?;
    if jws.header().get("typ").and_then(Value::as_str) != Some("JWT") {
        return Err(HintError::Type);
    }
    let text = |name: &'static str| jws.claims().get(name).and_then(Value::as_str);
    if text("iss").ok_or(HintError::Missing("iss"))? != issuer {
        return Err(HintError::Issuer);
    }
    let client_id = text("aud").ok_or(HintError::Missing("aud"))?.to_owned();
    Ok(VerifiedHint { client_id, session: text("sid").map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::jose::SigningKey;

    #[test]
    fn age_does_not_matter_and_everything_else_does() {
        let (key, other) = (SigningKey::generate_es256(), SigningKey::generate_es256());
        let keys = KeySet::parse(&json!({"keys":[other.public_jwk(), key.public_jwk()]})).unwrap();
        let jwt = json!({"typ": "JWT"});
        let claims = json!({"iss": "https://us", "aud": "rp", "sub": "a", "sid": "s", "exp": 1, "iat": 0});
        let sign = |header: &Value, claims: &Value| key.sign(header, claims).unwrap();
        let hint = verify_hint(&sign(&jwt, &claims), &keys, "https://us").unwrap();
        assert_eq!((hint.client_id(), hint.session()), ("rp", Some("s")));
        for typ in ["at+jwt", "logout+jwt"] {
            let token = sign(&json!({"typ": typ}), &claims);
            assert_eq!(verify_hint(&token, &keys, "https://us").err(), Some(HintError::Type));
        }
        let token = sign(&jwt, &claims);
        assert_eq!(verify_hint(&token, &keys, "https://else").err(), Some(HintError::Issuer));
        let many = json!({"iss": "https://us", "aud": ["rp"]});
        assert_eq!(
            verify_hint(&sign(&jwt, &many), &keys, "https://us").err(),
            Some(HintError::Missing("aud"))
        );
        let stranger = SigningKey::generate_es256().sign(&jwt, &claims).unwrap();
        assert!(matches!(verify_hint(&stranger, &keys, "https://us"), Err(HintError::Token(_))));
    }
}
