//! Short-lived values: codes, tokens, spent marks. One contract: `get`, `put`, `put_if_absent`, `take`. A
//! code is taken and a spent mark is set by one atomic operation, so whoever comes second finds nothing.

pub mod memory;

pub use memory::Memory;

/// Name of a value: a kind and a hash, so that a dump of the cache has no usable code or token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of `secret` among values of `kind`.
    pub fn of(kind: &str, secret: &str) -> Self {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        context.update(kind.as_bytes());
        context.update(b"\0");
        context.update(secret.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        Key(key)
    }

    /// The hash.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
