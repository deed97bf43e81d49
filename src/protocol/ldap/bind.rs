//! The simple bind (RFC 4511 §4.2), written by hand: no copy of the password stays behind in a message tree.

use zeroize::Zeroizing;

/// The bytes of a simple bind. `None` when name or password is empty: a bind without a password succeeds as nobody
/// (RFC 4513 §5.1.2) and would look like the right password, and one without a name is anonymous.
pub fn simple(id: i32, name: &str, password: &str) -> Option<Zeroizing<Vec<u8>>> {
    if name.is_empty() || password.is_empty() {
        return None;
    }
    const VERSION: [u8; 3] = [0x02, 0x01, 0x03];
    const OCTET_STRING: u8 = 0x04;
    const SIMPLE: u8 = 0x80;
    const BIND: u8 = 0x60;
    let id = integer(id);
    let inside = VERSION.len() + element_bytes(name.len()) + element_bytes(password.len());
    let whole = id.len() + element_bytes(inside);
    // Room for everything at once: a buffer that grows would leave its former self behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(element_bytes(whole)));
    header(&mut bytes, 0x30, whole);
    bytes.extend_from_slice(&id);
    header(&mut bytes, BIND, inside);
    bytes.extend_from_slice(&VERSION);
    header(&mut bytes, OCTET_STRING, name.len());
    bytes.extend_from_slice(name.as_bytes());
    header(&mut bytes, SIMPLE, password.len());
    bytes.extend_from_slice(password.as_bytes());
    Some(bytes)
}

/// An INTEGER that is not negative, in its fewest bytes.
fn integer(value: i32) -> Vec<u8> {
    let all = value.max(0).to_be_bytes();
    let skipped = (0..3).take_while(|i| all[*i] == 0 && all[*i + 1] < 0x80).count();
    let digits = &all[skipped..];
    let mut bytes = vec![0x02, digits.len() as u8];
    bytes.extend_from_slice(digits);
    bytes
}

fn length_bytes(length: usize) -> usize {
    if length < 0x80 { 1 } else { 1 + length.to_be_bytes().iter().skip_while(|digit| **digit == 0).count() }
}

fn element_bytes(length: usize) -> usize {
    1 + length_bytes(length) + length
}

fn header(bytes: &mut Vec<u8>, tag: u8, length: usize) {
    bytes.push(tag);
    if length < 0x80 {
        bytes.push(length as u8);
        return;
    }
    bytes.push(0x80 | (length_bytes(length) - 1) as u8);
    bytes.extend(length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ldap::message;
    use ldap3_proto::proto::{LdapBindCred, LdapBindRequest, LdapOp};

    #[test]
    fn another_reader_sees_the_same_bind() {
        for (id, name, password) in [
            (1, "cn=a,dc=x".to_owned(), "secret".to_owned()),
            (127, "n".repeat(127), "p".repeat(128)),
            (128, "n".repeat(300), "pässword\0".to_owned()),
            (i32::MAX, "n".repeat(70_000), "p".to_owned()),
        ] {
            let bytes = simple(id, &name, &password).expect("a bind");
            assert_eq!(bytes.len(), bytes.capacity(), "nothing was moved");
            let read = message::decode(&bytes).expect("a message");
            assert_eq!(read.msgid, id);
            let want = LdapBindRequest { version: 3, dn: name, cred: LdapBindCred::Simple(password) };
            assert_eq!(read.op, LdapOp::BindRequest(want));
        }
    }

    #[test]
    fn a_bind_that_would_succeed_as_nobody_cannot_be_written() {
        assert!(
            simple(1, "cn=a", "").is_none()
                && simple(1, "", "secret").is_none()
                && simple(1, "", "").is_none()
        );
    }
}
