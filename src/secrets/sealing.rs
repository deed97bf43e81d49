//! Keys that are written as 64 hexadecimal digits, and keys derived from them.

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;

use crate::value::Secret;

/// The 256 bits of a key; `None` when the text is not 64 hexadecimal digits.
pub fn key_bytes(text: &Secret<String>) -> Option<[u8; 32]> {
    let digits = text.expose().trim();
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

/// A key for HMAC-SHA-256, derived (HKDF, RFC 5869) for one purpose, so that a key has one use.
pub fn mac_key(text: &Secret<String>, purpose: &str) -> Option<hmac::Key> {
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(&key_bytes(text)?);
    let info = [purpose.as_bytes()];
    Some(hmac::Key::from(extracted.expand(&info, HKDF_SHA256.hmac_algorithm()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_64_digits_and_one_purpose() {
        let key = |text: &str| Secret::new(text.to_owned());
        let good = "0123456789abcdefABCDEF".repeat(3)[..64].to_owned();
        assert_eq!(key_bytes(&key(&format!(" {good}\n"))).map(|b| b[1]), Some(0x23));
        for bad in
            ["", "zz".repeat(32).as_str(), &good[1..], "+1".repeat(32).as_str(), "é".repeat(32).as_str()]
        {
            assert!(key_bytes(&key(bad)).is_none(), "{bad}");
        }
        let tag = |purpose| hmac::sign(&mac_key(&key(&good), purpose).unwrap(), b"x").as_ref().to_vec();
        assert_eq!(tag("a"), tag("a"));
        assert_ne!(tag("a"), tag("b"));
    }
}
