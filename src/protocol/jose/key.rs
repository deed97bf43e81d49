//! Key sets of providers (RFC 7517): which keys we can verify with.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use serde_json::Value;

use super::token::Alg;

/// Keys read from one set; more is not a provider, it is an attack.
pub const KEYS_MAX: usize = 100;
/// Smallest RSA modulus accepted, in bits (RFC 7518 §3.3).
pub const RSA_BITS_MIN: usize = 2048;

/// The keys of a provider that we can verify with.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<VerifyKey>,
}

/// One key.
#[derive(Clone)]
struct VerifyKey {
    kid: Option<String>,
    algs: Vec<Alg>,
    key: DecodingKey,
}

/// Which key of a set a token asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// The set has no key of that id.
    UnknownKid,
    /// The token names no key and several would fit (OpenID Connect Core §10.1).
    Ambiguous,
}

impl KeySet {
    /// Reads a JWKS document, skipping what we cannot use: unknown types, encryption keys, symmetric keys,
    /// short RSA keys. The error says why the document as a whole is not one.
    pub fn parse(document: &Value) -> Result<Self, String> {
        let list = document.get("keys").and_then(Value::as_array).ok_or("there is no list `keys`")?;
        if list.len() > KEYS_MAX {
            return Err(format!("{} keys; at most {KEYS_MAX} are read", list.len()));
        }
        Ok(KeySet { keys: list.iter().filter_map(verify_key).collect() })
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many of them have an id.
    pub fn key_ids(&self) -> usize {
        self.keys.iter().filter(|key| key.kid.is_some()).count()
    }

    /// Algorithms that some key can verify, each once, in the order of the keys.
    pub fn algorithms(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = Vec::new();
        for alg in self.keys.iter().flat_map(|key| &key.algs) {
            if !names.contains(&alg.name()) {
                names.push(alg.name());
            }
        }
        names
    }

    /// Whether none can.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key for a token: by `kid` when it names one, the only fitting one otherwise.
    pub fn find(&self, kid: Option<&str>, alg: Alg) -> Result<&DecodingKey, NoKey> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|k| k.algs.contains(&alg))
            .filter(|k| kid.is_none_or(|kid| k.kid.as_deref() == Some(kid)));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Ok(&one.key),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) => Err(NoKey::UnknownKid),
        }
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|k| &k.kid)).finish()
    }
}

fn verify_key(value: &Value) -> Option<VerifyKey> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|u| *u != PublicKeyUse::Signature) {
        return None;
    }
    let mut algs = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            use base64::Engine as _;
            let modulus = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
            let bits = modulus.iter().skip_while(|b| **b == 0).count() * 8;
            if bits < RSA_BITS_MIN {
                return None;
            }
            vec![Alg::RS256, Alg::PS256, Alg::RS384, Alg::RS512]
        }
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => vec![Alg::ES256],
            EllipticCurve::P384 => vec![Alg::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => vec![Alg::EdDSA],
        _ => return None,
    };
    if let Some(named) = value.get("alg").and_then(Value::as_str) {
        algs.retain(|alg| alg.name() == named);
    }
    if algs.is_empty() {
        return None;
    }
    Some(VerifyKey { kid: jwk.common.key_id.clone(), algs, key: DecodingKey::from_jwk(&jwk).ok()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::jose::SigningKey;

    #[test]
    fn unusable_keys_are_skipped() {
        let good = SigningKey::generate_es256().public_jwk();
        let mut encryption = good.clone();
        encryption["use"] = json!("enc");
        let short = json!({"kty":"RSA","n":"AQAB","e":"AQAB","kid":"short"});
        let set = json!({"keys":[good, encryption, short, {"kty":"oct","k":"c2VjcmV0"}, {"kty":"XX"}]});
        assert_eq!(KeySet::parse(&set).unwrap().len(), 1);
        assert!(KeySet::parse(&json!({})).is_err());
        assert!(KeySet::parse(&json!({"keys": vec![json!({}); 101]})).is_err());
    }

    #[test]
    fn a_token_without_kid_needs_a_single_candidate() {
        let (a, b) = (SigningKey::generate_es256().public_jwk(), SigningKey::generate_es256().public_jwk());
        let one = KeySet::parse(&json!({"keys":[a]})).unwrap();
        let two = KeySet::parse(&json!({"keys":[a, b]})).unwrap();
        assert!(one.find(None, Alg::ES256).is_ok());
        assert_eq!(two.find(None, Alg::ES256).err(), Some(NoKey::Ambiguous));
        assert_eq!(two.find(Some("zz"), Alg::ES256).err(), Some(NoKey::UnknownKid));
        assert_eq!(one.find(None, Alg::RS256).err(), Some(NoKey::UnknownKid));
    }
}
