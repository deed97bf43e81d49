//! LDAP (RFC 4511 to 4516), as far as a client of directories needs it: bytes in, values out. Nothing here opens
//! a connection; `net/ldap.rs` does.

pub mod address;
pub mod attributes;
pub mod ber;
pub mod bind;
pub mod dn;
pub mod filter;
pub mod message;
pub mod outcome;
pub mod policy;
pub mod search;

pub use address::Address;
pub use attributes::Entry;
pub use dn::Dn;
pub use filter::Filter;

/// Reads whatever a peer may have sent as one message and, where it is an entry, its attributes: the whole way from
/// foreign bytes to what a session may keep. For fuzzing; it must return for every input.
pub fn read_foreign(bytes: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    let length = message::frame_bytes(bytes, message::RESPONSE_BYTES_MAX).ok()??;
    let frame = bytes.get(..length)?;
    if let Some(answer) = bind::Answer::read(frame) {
        let _ = (outcome::of_bind(&answer), outcome::of_persons_bind(&answer));
        return None;
    }
    let message = message::decode(frame).ok()?;
    match message.op {
        ldap3_proto::proto::LdapOp::SearchResultEntry(entry) => {
            let entry = Entry::from(entry);
            let _ = (Dn::parse(&entry.dn), entry.missing_ranges());
            Some(entry.attributes())
        }
        _ => None,
    }
}

/// Whether a text is an attribute description without options: a short name or a dotted number (RFC 4512 §1.4).
pub fn is_attribute_name(text: &str) -> bool {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let is_number = text.contains('.')
        && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= ATTRIBUTE_NAME_BYTES_MAX && (is_name || is_number)
}

/// Longest name of an attribute, in bytes.
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_attributes() {
        for (text, is_one) in [
            ("uid", true),
            ("sAMAccountName", true),
            ("msDS-User", true),
            ("2.5.4.3", true),
            ("", false),
            ("uid)(x", false),
            ("cn;lang-de", false),
            ("2.5..3", false),
            ("1a", false),
        ] {
            assert_eq!(is_attribute_name(text), is_one, "{text}");
        }
    }
}
