//! Compact tokens: the checks before anything in them is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::key::{KeySet, NoKey};
use crate::protocol::strict_json;

/// Longest token read.
pub const TOKEN_BYTES_MAX: usize = 128 * 1024;

/// Signature algorithms we know. There is no `none` and no HMAC here, so neither can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of RFC 7518")]
pub enum Alg {
    RS256,
    RS384,
    RS512,
    PS256,
    ES256,
    ES384,
    EdDSA,
}

/// What a relying party accepts unless told otherwise.
pub const ACCEPTED: &[Alg] = &[Alg::RS256, Alg::PS256, Alg::ES256, Alg::ES384, Alg::EdDSA];

impl Alg {
    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Alg::RS256 => "RS256",
            Alg::RS384 => "RS384",
            Alg::RS512 => "RS512",
            Alg::PS256 => "PS256",
            Alg::ES256 => "ES256",
            Alg::ES384 => "ES384",
            Alg::EdDSA => "EdDSA",
        }
    }

    /// By registered name.
    pub fn parse(name: &str) -> Option<Self> {
        [Alg::RS256, Alg::RS384, Alg::RS512, Alg::PS256, Alg::ES256, Alg::ES384, Alg::EdDSA]
            .into_iter()
            .find(|alg| alg.name() == name)
    }

    fn library(self) -> Algorithm {
        match self {
            Alg::RS256 => Algorithm::RS256,
            Alg::RS384 => Algorithm::RS384,
            Alg::RS512 => Algorithm::RS512,
            Alg::PS256 => Algorithm::PS256,
            Alg::ES256 => Algorithm::ES256,
            Alg::ES384 => Algorithm::ES384,
            Alg::EdDSA => Algorithm::EdDSA,
        }
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with JSON objects inside.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// An algorithm we do not accept.
    #[error("the signature algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// A `crit` header member: something we must understand and do not.
    #[error("the token has critical header members")]
    Critical,
    /// No key of the set fits.
    #[error("no key of the set fits the token ({0:?})")]
    Key(NoKey),
    /// The signature is wrong.
    #[error("the signature does not verify")]
    Signature,
}

/// A token whose signature was verified: made by [`verify`] and nowhere else.
#[derive(Debug, Clone)]
pub struct VerifiedJws {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    alg: Alg,
}

impl VerifiedJws {
    /// The protected header.
    pub fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// The claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claims, taken out.
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }

    /// The algorithm it was signed with.
    pub fn alg(&self) -> Alg {
        self.alg
    }
}

/// Verifies a compact JWS (RFC 7515 §5.2) with the keys of one provider. Keys offered by the token itself
/// (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
pub fn verify(token: &str, keys: &KeySet, accepted: &[Alg]) -> Result<VerifiedJws, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed("too long"));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Malformed("not three parts"));
    };
    let decode =
        |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed("not base64url"));
    let header_json = strict_json::object(&decode(header)?)
        .ok_or(TokenError::Malformed("the header is not one JSON object"))?;
    let name = header_json.get("alg").and_then(Value::as_str).unwrap_or_default();
    let alg = Alg::parse(name).filter(|alg| accepted.contains(alg)).ok_or_else(|| {
        TokenError::Algorithm(name.chars().filter(char::is_ascii_graphic).take(16).collect())
    })?;
    if header_json.contains_key("crit") {
        return Err(TokenError::Critical);
    }
    let kid = match header_json.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.as_str()),
        Some(_) => return Err(TokenError::Malformed("`kid` is not text")),
    };
    let key = keys.find(kid, alg).map_err(TokenError::Key)?;
    decode(signature)?;
    let message = &token[..header.len() + 1 + payload.len()];
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, alg.library()) {
        Ok(true) => {}
        _ => return Err(TokenError::Signature),
    }
    let claims = strict_json::object(&decode(payload)?)
        .ok_or(TokenError::Malformed("the claims are not one JSON object"))?;
    Ok(VerifiedJws { header: header_json, claims, alg })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::jose::SigningKey;

    fn set(keys: &[&SigningKey]) -> KeySet {
        KeySet::parse(&json!({"keys": keys.iter().map(|k| k.public_jwk()).collect::<Vec<_>>()})).unwrap()
    }

    fn with_header(token: &str, header: &Value) -> String {
        let rest = token.split_once('.').unwrap().1;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn what_is_refused_and_why() {
        let key = SigningKey::generate_es256();
        let keys = set(&[&key]);
        let token = key.sign(&json!({}), &json!({"sub": "a"})).unwrap();
        assert_eq!(verify(&token, &keys, ACCEPTED).unwrap().claims()["sub"], "a");

        let kid = key.kid().to_owned();
        let mut tampered = token.clone();
        tampered.replace_range(token.len() - 4.., "AAAA");
        for (bad, want) in [
            (with_header(&token, &json!({"alg":"none"})), "not accepted"),
            (with_header(&token, &json!({"alg":"HS256","kid":kid})), "not accepted"),
            (with_header(&token, &json!({"alg":"RS256","kid":kid})), "no key"),
            (with_header(&token, &json!({"alg":"ES256","kid":"other"})), "no key"),
            (with_header(&token, &json!({"alg":"ES256","kid":kid,"crit":["x"]})), "critical"),
            (with_header(&token, &json!({"alg":"ES256","kid":7})), "malformed"),
            (format!("{token}."), "three parts"),
            (format!("{token}="), "base64url"),
            (tampered, "does not verify"),
            ("a.b".into(), "three parts"),
            (String::new(), "three parts"),
        ] {
            let error = verify(&bad, &keys, ACCEPTED).unwrap_err().to_string();
            assert!(error.contains(want), "{bad}: {error}");
        }
        assert!(verify(&token, &keys, &[Alg::RS256]).is_err(), "an algorithm off the list");
        assert!(verify(&token, &set(&[&SigningKey::generate_es256()]), ACCEPTED).is_err(), "another key");
    }
}
