//! A value that must not be seen: prints as a placeholder, compared in constant time, wiped on drop.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret. The only way to its content is [`Secret::expose`], a word one can search for.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// The value itself. Never log, format or store what comes out.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl Secret<String> {
    /// Equality in time that does not depend on where the two differ.
    pub fn matches(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret.matches("hunter2") && !secret.matches("hunter3") && !secret.matches(""));
    }
}
