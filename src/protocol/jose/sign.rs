//! Signing with a kept key. The key is parsed once; `jsonwebtoken::encode` would parse it at every call.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;

use super::token::Alg;

/// A private key with the public facts that go with it.
pub struct SigningKey {
    pair: Pair,
    alg: Alg,
    kid: String,
    public: Value,
}

enum Pair {
    Rsa(Box<rsa::KeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
}

/// Why a private key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM with a private key inside.
    #[error("is not a PEM private key")]
    NotPem,
    /// A kind or size we do not sign with.
    #[error("is not an RSA (2048 bits or more), P-256, P-384 or Ed25519 key")]
    Unusable,
    /// The algorithm asked for does not go with the key.
    #[error("cannot sign with {0}")]
    WrongAlg(&'static str),
}

impl SigningKey {
    /// Reads a PEM private key (PKCS#8, PKCS#1 or SEC 1). `alg` is the configured algorithm; without one it
    /// follows the key: RS256, ES256, ES384, EdDSA.
    pub fn from_pem(pem: &[u8], alg: Option<Alg>) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)?;
        let ec = |der: &[u8], sec1: bool| {
            [(&ECDSA_P256_SHA256_FIXED_SIGNING, Alg::ES256), (&ECDSA_P384_SHA384_FIXED_SIGNING, Alg::ES384)]
                .into_iter()
                .find_map(|(kind, alg)| {
                    let pair = if sec1 {
                        EcdsaKeyPair::from_private_key_der(kind, der)
                    } else {
                        EcdsaKeyPair::from_pkcs8(kind, der)
                    };
                    pair.ok().map(|pair| (Pair::Ec(Box::new(pair)), alg))
                })
        };
        let rsa = |pair: Result<rsa::KeyPair, _>| {
            pair.ok()
                .filter(|p| p.public_modulus_len() * 8 >= super::key::RSA_BITS_MIN)
                .map(|p| (Pair::Rsa(Box::new(p)), Alg::RS256))
        };
        let found = match &der {
            PrivateKeyDer::Pkcs1(der) => rsa(rsa::KeyPair::from_der(der.secret_pkcs1_der())),
            PrivateKeyDer::Sec1(der) => ec(der.secret_sec1_der(), true),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let ed = || {
                    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
                    Some((Pair::Ed(Box::new(pair)), Alg::EdDSA))
                };
                rsa(rsa::KeyPair::from_pkcs8(der)).or_else(|| ec(der, false)).or_else(ed)
            }
            _ => None,
        };
        let (pair, natural) = found.ok_or(KeyError::Unusable)?;
        let alg = match (alg, natural) {
            (None, natural) => natural,
            (Some(Alg::PS256), Alg::RS256) => Alg::PS256,
            (Some(wanted), natural) if wanted == natural => natural,
            (Some(wanted), _) => return Err(KeyError::WrongAlg(wanted.name())),
        };
        Self::of(pair, alg).ok_or(KeyError::Unusable)
    }

    /// A new P-256 key, for tests and the demo.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn generate_es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("key generation");
        Self::of(Pair::Ec(Box::new(pair)), Alg::ES256).expect("a P-256 key has a public half")
    }

    /// A new RSA key of 2048 bits as PKCS#8 PEM, for the demo.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn generate_rsa_pem() -> String {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("key generation");
        let der = pair.as_der().expect("a new key can be written");
        let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    fn of(pair: Pair, alg: Alg) -> Option<Self> {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // Members of the thumbprint, in the order RFC 7638 §3.2 asks for.
        let (thumbprinted, mut public) = match &pair {
            Pair::Rsa(pair) => {
                let (_, key) = RSAPublicKey::from_der(pair.public_key().as_ref()).ok()?;
                let trim = |n: &[u8]| b64(&n[n.iter().position(|b| *b != 0).unwrap_or(0)..]);
                let (n, e) = (trim(key.modulus), trim(key.exponent));
                (format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#), json!({"kty":"RSA","n":n,"e":e}))
            }
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                let half = (point.len() - 1) / 2;
                let (x, y) = (b64(&point[1..=half]), b64(&point[half + 1..]));
                let curve = if alg == Alg::ES384 { "P-384" } else { "P-256" };
                (
                    format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#),
                    json!({"kty":"EC","crv":curve,"x":x,"y":y}),
                )
            }
            Pair::Ed(pair) => {
                let x = b64(pair.public_key().as_ref());
                (
                    format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
                    json!({"kty":"OKP","crv":"Ed25519","x":x}),
                )
            }
        };
        let kid =
            b64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, thumbprinted.as_bytes()).as_ref());
        public["kid"] = json!(kid);
        public["use"] = json!("sig");
        public["alg"] = json!(alg.name());
        Some(SigningKey { pair, alg, kid, public })
    }

    /// The public half as a JWK with `kid` (RFC 7638 thumbprint), `use` and `alg`.
    pub fn public_jwk(&self) -> Value {
        self.public.clone()
    }

    /// Key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Algorithm.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// Signs claims into a compact JWS (RFC 7515 §3.1). `header` may add `typ` and the like; `alg` and `kid`
    /// are set here. `None` when the key refuses to sign.
    pub fn sign(&self, header: &Value, claims: &Value) -> Option<String> {
        let mut full = json!({"alg": self.alg.name(), "kid": self.kid});
        if let (Value::Object(full), Value::Object(extra)) = (&mut full, header) {
            for (key, value) in extra {
                full.entry(key.clone()).or_insert(value.clone());
            }
        }
        let mut token = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(full.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let scheme = if self.alg == Alg::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(scheme, &random, token.as_bytes(), &mut signature).ok()?;
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, token.as_bytes()).ok()?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(token.as_bytes()).as_ref().to_vec(),
        };
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Some(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.alg.name(), self.kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::jose::KeySet;
    use crate::protocol::jose::token::{ACCEPTED, verify};

    #[test]
    fn rsa_and_ec_round_trip_through_the_published_half() {
        let rsa = SigningKey::from_pem(SigningKey::generate_rsa_pem().as_bytes(), None).unwrap();
        let pss = SigningKey::from_pem(SigningKey::generate_rsa_pem().as_bytes(), Some(Alg::PS256)).unwrap();
        for key in [rsa, pss, SigningKey::generate_es256()] {
            let set = KeySet::parse(&json!({"keys": [key.public_jwk()]})).unwrap();
            let token = key.sign(&json!({"typ": "JWT"}), &json!({"a": 1})).unwrap();
            let verified = verify(&token, &set, ACCEPTED).unwrap();
            assert_eq!((verified.claims()["a"].clone(), verified.alg()), (json!(1), key.alg()));
        }
    }

    #[test]
    fn the_published_half_has_nothing_private() {
        let jwk = SigningKey::from_pem(SigningKey::generate_rsa_pem().as_bytes(), None).unwrap().public_jwk();
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(jwk.get(member).is_none(), "{member}");
        }
    }

    #[test]
    fn wrong_keys_are_refused() {
        assert_eq!(SigningKey::from_pem(b"x", None).err(), Some(KeyError::NotPem));
        let pem = SigningKey::generate_rsa_pem();
        assert_eq!(
            SigningKey::from_pem(pem.as_bytes(), Some(Alg::ES256)).err(),
            Some(KeyError::WrongAlg("ES256"))
        );
    }
}
