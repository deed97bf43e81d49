//! Sealing: AES-256-GCM over small values that travel through a browser, so that any node with the key can
//! open what another sealed, and nobody else can read or change it.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ambient::Entropy;
use crate::secrets::sealing;
use crate::value::Secret;

/// Seals with the current key, opens with the current and the old ones.
pub struct Sealer {
    current: Arc<LessSafeKey>,
    old: Vec<Arc<LessSafeKey>>,
    entropy: Entropy,
}

/// Why a key is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a sealing key is 64 hexadecimal digits")]
pub struct BadKey;

impl Sealer {
    /// A key of this process alone: what it seals, no other node can open.
    pub fn random(entropy: &Entropy) -> Self {
        let current = key(&entropy.bytes::<32>());
        Sealer { current, old: Vec::new(), entropy: entropy.clone() }
    }

    /// Keys of 64 hexadecimal digits.
    pub fn new(current: &Secret<String>, old: &[Secret<String>], entropy: &Entropy) -> Result<Self, BadKey> {
        let parse = |text: &Secret<String>| sealing::key_bytes(text).map(|bytes| key(&bytes)).ok_or(BadKey);
        Ok(Sealer {
            current: parse(current)?,
            old: old.iter().map(parse).collect::<Result<_, _>>()?,
            entropy: entropy.clone(),
        })
    }

    /// The same, which also opens what `before` seals.
    pub fn opens_also(mut self, before: &Sealer) -> Self {
        self.old.push(before.current.clone());
        self
    }

    /// Seals `plain` for one purpose (`purpose` must be the same when opening).
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Option<String> {
        let nonce: [u8; NONCE_LEN] = self.entropy.bytes();
        let mut out = plain.to_vec();
        self.current
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut out,
            )
            .ok()?;
        let mut sealed = nonce.to_vec();
        sealed.extend_from_slice(&out);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what some node sealed for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, cipher) = bytes.split_at_checked(NONCE_LEN)?;
        std::iter::once(&self.current).chain(&self.old).find_map(|key| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut buffer = cipher.to_vec();
            let plain = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut buffer).ok()?;
            Some(plain.to_vec())
        })
    }
}

fn key(bytes: &[u8; 32]) -> Arc<LessSafeKey> {
    Arc::new(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are an AES-256 key")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(c: char) -> Secret<String> {
        Secret::new(c.to_string().repeat(64))
    }

    #[test]
    fn other_nodes_open_it_and_nobody_changes_it() {
        let entropy = Entropy::counted(3);
        let a = Sealer::new(&secret('a'), &[], &entropy).unwrap();
        let rotated = Sealer::new(&secret('b'), &[secret('a')], &entropy).unwrap();
        let sealed = a.seal("tx", b"hello").unwrap();
        assert_eq!(rotated.open("tx", &sealed).unwrap(), b"hello");
        assert!(a.open("other purpose", &sealed).is_none());
        assert!(Sealer::new(&secret('b'), &[], &entropy).unwrap().open("tx", &sealed).is_none());
        for i in 0..sealed.len() {
            let mut forged: Vec<char> = sealed.chars().collect();
            forged[i] = if forged[i] == 'A' { 'B' } else { 'A' };
            let forged: String = forged.into_iter().collect();
            assert!(forged == sealed || a.open("tx", &forged).is_none(), "byte {i}");
        }
        assert!(a.open("tx", "").is_none() && a.open("tx", "!!").is_none());
        assert!(Sealer::new(&Secret::new("zz".repeat(32)), &[], &entropy).is_err());
    }
}
