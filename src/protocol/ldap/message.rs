//! One message in a stream of bytes (RFC 4511 §5.1): its length is known, and refused, before anything is kept of it.

use bytes::{Bytes, BytesMut};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::LdapMsg;
use tokio_util::codec::{Decoder, Encoder};

use super::ber;

/// Longest message a directory may send, in bytes: an entry with all its values.
pub const RESPONSE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Most elements (values, names, and the lists they are in) of all messages that answer one request: what is made of an
/// empty one takes many times its two bytes.
pub const ELEMENTS_MAX: usize = 100_000;
/// Deepest nesting of a message.
pub const DEPTH_MAX: usize = 32;
/// Most bytes of a length field.
const LENGTH_BYTES_MAX: usize = 8;

/// What arrived is not LDAP, or more than is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not an LDAP message.
    #[error("what came is not LDAP")]
    NotLdap,
    /// A message beyond the limit.
    #[error("a message of {0} bytes is more than is read")]
    TooLarge(u64),
    /// More values, names and lists than this.
    #[error("more than {0} elements are more than is read")]
    TooMany(usize),
}

/// Length of the message that begins `bytes`, its own header included. `None` while the header is not complete.
pub fn frame_bytes(bytes: &[u8], max: usize) -> Result<Option<usize>, Malformed> {
    const SEQUENCE: u8 = 0x30;
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    if first != SEQUENCE {
        return Err(Malformed::NotLdap);
    }
    let Some((&short, rest)) = rest.split_first() else { return Ok(None) };
    if short < 0x80 {
        return Ok(Some(2 + usize::from(short)));
    }
    // 0x80 is the indefinite form, which LDAP does not have.
    let count = usize::from(short & 0x7f);
    if count == 0 || count > LENGTH_BYTES_MAX {
        return Err(Malformed::NotLdap);
    }
    let Some(digits) = rest.get(..count) else { return Ok(None) };
    let length = digits.iter().fold(0u64, |sum, digit| sum << 8 | u64::from(*digit));
    match usize::try_from(length).ok().and_then(|length| length.checked_add(2 + count)) {
        Some(whole) if whole <= max => Ok(Some(whole)),
        _ => Err(Malformed::TooLarge(length)),
    }
}

/// Whether a message is an answer or request of a kind RFC 4511 has: of others the reader would write to the
/// standard output, which belongs to the program.
fn is_of_a_known_kind(frame: &[u8]) -> bool {
    let operation = || {
        let (message, _) = ber::expect(ber::SEQUENCE, frame)?;
        let (_, _, operation) = ber::element(message)?;
        operation.first().copied()
    };
    // Application tags: constructed, but for the requests to unbind, to delete and to abandon.
    operation().is_some_and(|tag| matches!(tag, 0x60 | 0x61 | 0x63..=0x69 | 0x6b..=0x6f | 0x73 | 0x77..=0x79 | 0x42 | 0x4a | 0x50))
}

/// Reads one whole message.
pub fn decode(frame: &[u8]) -> Result<LdapMsg, Malformed> {
    decode_within(frame, ELEMENTS_MAX).map(|(message, _)| message)
}

/// The same for one of several that share a bound: of so many elements. How many it has comes with it.
pub fn decode_within(frame: &[u8], elements_max: usize) -> Result<(LdapMsg, usize), Malformed> {
    if !is_of_a_known_kind(frame) {
        return Err(Malformed::NotLdap);
    }
    let elements = ber::count(frame, elements_max)?;
    let mut codec = LdapCodec::new(Some(RESPONSE_BYTES_MAX), Some(DEPTH_MAX));
    let mut buffer = BytesMut::from(frame);
    match codec.decode(&mut buffer) {
        Ok(Some(message)) if buffer.is_empty() => Ok((message, elements)),
        _ => Err(Malformed::NotLdap),
    }
}

/// Writes one message.
pub fn encode(message: LdapMsg) -> Result<Bytes, Malformed> {
    let mut buffer = BytesMut::new();
    LdapCodec::default().encode(message, &mut buffer).map_err(|_| Malformed::NotLdap)?;
    Ok(buffer.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ldap3_proto::proto::{LdapOp, LdapResultCode};

    #[test]
    fn lengths_are_known_before_anything_is_kept() {
        let table: &[(&[u8], Result<Option<usize>, Malformed>)] = &[
            (&[], Ok(None)),
            (&[0x30], Ok(None)),
            (&[0x30, 0x05], Ok(Some(7))),
            (&[0x30, 0x84, 0, 0, 1], Ok(None)),
            (&[0x30, 0x84, 0, 0, 1, 0], Ok(Some(262))),
            (&[0x30, 0x80], Err(Malformed::NotLdap)),
            (&[0x30, 0x89], Err(Malformed::NotLdap)),
            (&[0x31, 0x05], Err(Malformed::NotLdap)),
            (b"HTTP/1.1 400", Err(Malformed::NotLdap)),
            (&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], Err(Malformed::TooLarge(0xffff_ffff))),
            (
                &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                Err(Malformed::TooLarge(u64::MAX)),
            ),
        ];
        for (bytes, want) in table {
            assert_eq!(frame_bytes(bytes, RESPONSE_BYTES_MAX), *want, "{bytes:02x?}");
        }
    }

    #[test]
    fn what_is_not_a_message_is_refused() {
        for bytes in
            [&[0x30, 0x00][..], &[0x30, 0x03, 0x02, 0x01, 0x01], &[0x30, 0x05, 0x02, 0x01, 0x01, 0x61, 0x00]]
        {
            assert!(decode(bytes).is_err(), "{bytes:02x?}");
        }
        let deep: Vec<u8> = (0..60).rev().flat_map(|n: u8| [0x30, n * 2]).collect();
        assert!(decode(&deep).is_err());
    }

    #[test]
    fn kinds_nobody_knows_do_not_reach_the_reader() {
        for (tag, is_known) in
            [(0x61, true), (0x64, true), (0x42, true), (0x7e, false), (0x51, false), (0x04, false)]
        {
            for frame in [&[0x30, 5, 2, 1, 1, tag, 0][..], &[0x30, 0x81, 6, 2, 0x81, 1, 1, tag, 0]] {
                assert_eq!(is_of_a_known_kind(frame), is_known, "{frame:02x?}");
            }
        }
        assert!(
            !is_of_a_known_kind(&[])
                && !is_of_a_known_kind(&[0x30, 0x81])
                && !is_of_a_known_kind(&[0x30, 3, 2, 9, 1])
        );
    }

    #[test]
    fn a_message_of_nothing_but_empty_values_is_refused_before_it_is_read() {
        let values = |count: usize| {
            let element = |tag: u8, inside: &[u8]| {
                let length = u32::try_from(inside.len()).expect("small").to_be_bytes();
                [&[tag, 0x84][..], &length, inside].concat()
            };
            let list =
                element(0x30, &[element(0x04, b"cn"), element(0x31, &vec![[4, 0]; count].concat())].concat());
            let entry = [element(0x04, b"cn=a"), element(0x30, &list)].concat();
            element(0x30, &[vec![2, 1, 1], element(0x64, &entry)].concat())
        };
        assert!(matches!(decode(&values(1_000)).expect("an entry").op, LdapOp::SearchResultEntry(_)));
        let many = values(ELEMENTS_MAX);
        assert!(frame_bytes(&many, RESPONSE_BYTES_MAX).is_ok());
        assert_eq!(decode(&many).err(), Some(Malformed::TooMany(ELEMENTS_MAX)));
    }

    #[test]
    fn a_result_is_read() {
        let bytes = [0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x31, 0x04, 0x00, 0x04, 0x00];
        let LdapOp::BindResponse(answer) = decode(&bytes).expect("a message").op else {
            panic!("no bind response")
        };
        assert_eq!(answer.res.code, LdapResultCode::InvalidCredentials);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = crate::protocol::ldap::read_foreign(&bytes);
            // The same behind a header that fits, so that the inside is reached.
            let mut framed = vec![0x30, 0x81, bytes.len() as u8];
            framed.extend(&bytes);
            let _ = crate::protocol::ldap::read_foreign(&framed);
            let mut entry = vec![0x30, 0x82, 0, bytes.len() as u8 + 5, 2, 1, 1, 0x64, bytes.len() as u8 & 0x7f];
            entry.extend(&bytes);
            let _ = crate::protocol::ldap::read_foreign(&entry);
        }
    }
}
