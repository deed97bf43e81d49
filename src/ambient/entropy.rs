//! Random bytes: the system's generator, or a counted stream that makes a test repeatable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A source of random bytes.
#[derive(Debug, Clone)]
pub struct Entropy(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Counted(Arc<AtomicU64>),
}

impl Entropy {
    /// The operating system's generator, by way of aws-lc.
    pub fn system() -> Self {
        Entropy(Source::System)
    }

    /// A predictable stream for tests and drills; never for `serve`.
    pub fn counted(seed: u64) -> Self {
        Entropy(Source::Counted(Arc::new(AtomicU64::new(seed))))
    }

    /// `N` random bytes.
    ///
    /// # Panics
    /// When the operating system cannot give randomness: going on without it would be worse.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        match &self.0 {
            Source::System => {
                aws_lc_rs::rand::fill(&mut out).expect("the operating system has no random bytes to give");
            }
            Source::Counted(state) => {
                for chunk in out.chunks_mut(8) {
                    // SplitMix64: full period, good enough to look random in a test.
                    let mut z = state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
                    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                    let bytes = (z ^ (z >> 31)).to_le_bytes();
                    chunk.copy_from_slice(&bytes[..chunk.len()]);
                }
            }
        }
        out
    }

    /// 256 random bits as 43 base64url characters: ids, codes, nonces, PKCE verifiers.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A number below `bound` (0 when `bound` is 0); the bias of a 64-bit remainder is of no matter here.
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_le_bytes(self.bytes::<8>()).checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_streams_repeat_and_system_ones_do_not() {
        assert_eq!(Entropy::counted(7).token(), Entropy::counted(7).token());
        assert_ne!(Entropy::counted(7).token(), Entropy::counted(8).token());
        assert_ne!(Entropy::system().token(), Entropy::system().token());
        assert_eq!(Entropy::system().token().len(), 43);
    }
}
