//! Elements of BER as LDAP uses it (RFC 4511 §5.1: definite lengths, tags of one byte), read in place: nothing is kept
//! of what is not asked for.

use super::message::{DEPTH_MAX, Malformed};

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// The bit of a tag whose element has elements inside.
const CONSTRUCTED: u8 = 0x20;
/// Most bytes of a length field.
const LENGTH_BYTES_MAX: usize = 8;

/// The first element: its tag, what is inside, and what follows. `None` when the bytes do not begin with a whole one.
pub fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..0x80 => (usize::from(short), rest),
        _ => {
            // 0x80 is the indefinite form, which LDAP does not have.
            let count = usize::from(short & 0x7f);
            if count == 0 || count > LENGTH_BYTES_MAX {
                return None;
            }
            let (digits, rest) = rest.split_at_checked(count)?;
            let length = digits.iter().fold(0u64, |sum, digit| sum << 8 | u64::from(*digit));
            (usize::try_from(length).ok()?, rest)
        }
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((tag, inside, after))
}

/// What is inside of the first element when it has this tag, and what follows.
pub fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, _, _)| *found == tag).map(|(_, inside, after)| (inside, after))
}

/// The value of an INTEGER or an ENUMERATED; `None` when it does not fit.
pub fn integer(inside: &[u8]) -> Option<i32> {
    let (&first, _) = inside.split_first().filter(|_| inside.len() <= 4)?;
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Some(inside.iter().fold(sign, |sum, byte| sum << 8 | i32::from(*byte)))
}

/// Counts the elements of a message, those inside of others included. A reader that makes values of them needs many
/// times the bytes of an empty one.
pub fn count(bytes: &[u8], max: usize) -> Result<usize, Malformed> {
    let mut count = 0;
    let mut levels = vec![bytes];
    while let Some(level) = levels.last_mut() {
        if level.is_empty() {
            levels.pop();
            continue;
        }
        let (tag, inside, after) = element(level).ok_or(Malformed::NotLdap)?;
        *level = after;
        count += 1;
        if count > max {
            return Err(Malformed::TooMany(max));
        }
        if tag & CONSTRUCTED != 0 {
            if levels.len() > DEPTH_MAX {
                return Err(Malformed::NotLdap);
            }
            levels.push(inside);
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_whole_or_none() {
        type Parts<'a> = Option<(u8, &'a [u8], &'a [u8])>;
        let table: &[(&[u8], Parts<'_>)] = &[
            (&[0x04, 0], Some((4, &[], &[]))),
            (&[0x04, 1, 9, 8], Some((4, &[9], &[8]))),
            (&[0x04, 0x81, 1, 9], Some((4, &[9], &[]))),
            (&[0x04, 0x84, 0, 0, 0, 1, 9], Some((4, &[9], &[]))),
            (&[], None),
            (&[0x04], None),
            (&[0x04, 2, 9], None),
            (&[0x04, 0x80, 0, 0], None),
            (&[0x04, 0x81], None),
            (&[0x04, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0x04, 0x88, 255, 255, 255, 255, 255, 255, 255, 255, 0], None),
        ];
        for (bytes, want) in table {
            assert_eq!(element(bytes), *want, "{bytes:02x?}");
        }
        assert_eq!(expect(OCTET_STRING, &[4, 1, 9, 8]), Some((&[9][..], &[8][..])));
        assert_eq!(expect(SEQUENCE, &[4, 1, 9, 8]), None);
    }

    #[test]
    fn numbers_have_a_sign_and_a_bound() {
        for (bytes, want) in [
            (&[0][..], Some(0)),
            (&[0x7f], Some(127)),
            (&[0xff], Some(-1)),
            (&[0, 0x80], Some(128)),
            (&[0x10, 0], Some(4096)),
            (&[0x7f, 0xff, 0xff, 0xff], Some(i32::MAX)),
            (&[0x80, 0, 0, 0], Some(i32::MIN)),
            (&[], None),
            (&[0, 0, 0, 0, 1], None),
        ] {
            assert_eq!(integer(bytes), want, "{bytes:02x?}");
        }
    }

    #[test]
    fn every_element_counts_and_none_sticks_out_of_another() {
        assert_eq!(count(&[0x30, 7, 2, 1, 1, 0x61, 2, 4, 0], 10), Ok(4));
        assert_eq!(count(&[0x30, 4, 4, 0, 4, 0], 3), Ok(3));
        assert_eq!(count(&[0x30, 4, 4, 0, 4, 0], 2), Err(Malformed::TooMany(2)));
        for bytes in [&[0x30, 3, 0x30, 2, 4, 0][..], &[0x30, 2, 4, 1, 4, 0], &[0x30, 1, 4], &[0x30]] {
            assert_eq!(count(bytes, 10), Err(Malformed::NotLdap), "{bytes:02x?}");
        }
        let deep: Vec<u8> = (0..60).rev().flat_map(|n: u8| [0x30, n * 2]).collect();
        assert_eq!(count(&deep, 100), Err(Malformed::NotLdap));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_counted(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            if let Ok(count) = count(&bytes, 50) {
                proptest::prop_assert!(count <= 50 && count * 2 <= bytes.len());
            }
        }
    }
}
