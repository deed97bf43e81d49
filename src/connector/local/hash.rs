//! Password hashes: argon2id with the least parameters we accept (OWASP's recommendation).

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

use super::people::{MEMORY_KIB_MIN, PASSES_MIN};
use crate::ambient::Entropy;

/// A PHC string of a password, with a fresh salt. `None` when the hash cannot be made.
pub fn password(password: &str, entropy: &Entropy) -> Option<String> {
    let params = Params::new(MEMORY_KIB_MIN, PASSES_MIN, 1, None).ok()?;
    let salt: [u8; 16] = entropy.bytes();
    let hash: PasswordHash =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_with_salt(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;

    use super::*;

    #[test]
    fn what_is_hashed_verifies_and_salts_differ() {
        let entropy = Entropy::counted(1);
        let (a, b) = (password("pässword", &entropy).unwrap(), password("pässword", &entropy).unwrap());
        assert_ne!(a, b);
        let parsed = PasswordHash::new(&a).unwrap();
        assert!(Argon2::default().verify_password("pässword".as_bytes(), &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"other", &parsed).is_err());
    }
}
