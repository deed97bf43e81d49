//! The simple bind (RFC 4511 §4.2), written by hand: no copy of the password stays behind in a message tree. Its answer
//! is read by hand as well: a directory may answer with results that no list has, and says things beside the result
//! ([`Policy`]).

use zeroize::Zeroizing;

use super::ber::{self, OCTET_STRING, SEQUENCE};
use super::policy::{PASSWORD_POLICY, Policy};

/// Longest part of a directory's message that is kept, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 512;

/// The bytes of a simple bind. `None` when name or password is empty: a bind without a password succeeds as nobody
/// (RFC 4513 §5.1.2) and would look like the right password, and one without a name is anonymous. With
/// `asks_policy` the directory is asked what its policy says of the password; one that knows no such thing passes
/// over it.
pub fn simple(id: i32, name: &str, password: &str, asks_policy: bool) -> Option<Zeroizing<Vec<u8>>> {
    if name.is_empty() || password.is_empty() {
        return None;
    }
    const VERSION: [u8; 3] = [0x02, 0x01, 0x03];
    const SIMPLE: u8 = 0x80;
    const BIND: u8 = 0x60;
    let id = integer(id);
    let inside = VERSION.len() + element_bytes(name.len()) + element_bytes(password.len());
    let control = element_bytes(PASSWORD_POLICY.len());
    let controls = if asks_policy { element_bytes(element_bytes(control)) } else { 0 };
    let whole = id.len() + element_bytes(inside) + controls;
    // Room for everything at once: a buffer that grows would leave its former self behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(element_bytes(whole)));
    header(&mut bytes, SEQUENCE, whole);
    bytes.extend_from_slice(&id);
    header(&mut bytes, BIND, inside);
    bytes.extend_from_slice(&VERSION);
    header(&mut bytes, OCTET_STRING, name.len());
    bytes.extend_from_slice(name.as_bytes());
    header(&mut bytes, SIMPLE, password.len());
    bytes.extend_from_slice(password.as_bytes());
    if asks_policy {
        header(&mut bytes, CONTROLS, element_bytes(control));
        header(&mut bytes, SEQUENCE, control);
        header(&mut bytes, OCTET_STRING, PASSWORD_POLICY.len());
        bytes.extend_from_slice(PASSWORD_POLICY.as_bytes());
    }
    Some(bytes)
}

/// Controls of a message.
const CONTROLS: u8 = 0xa0;

/// The answer to a bind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Id of the request it answers.
    pub id: i32,
    /// Number of the result, also one that no standard has.
    pub code: i32,
    /// What the directory adds for people, as far as it is kept.
    pub message: String,
    /// What it says about the password.
    pub policy: Policy,
}

impl Answer {
    /// Reads a whole message; `None` when it is no answer to a bind.
    pub fn read(frame: &[u8]) -> Option<Self> {
        const BIND_RESPONSE: u8 = 0x61;
        let (message, after) = ber::expect(SEQUENCE, frame)?;
        let (id, message) = ber::expect(ber::INTEGER, message)?;
        let (result, mut rest) = ber::expect(BIND_RESPONSE, message)?;
        let (code, result) = ber::expect(ber::ENUMERATED, result)?;
        let (_matched, result) = ber::expect(OCTET_STRING, result)?;
        let (text, mut more) = ber::expect(OCTET_STRING, result)?;
        // Referrals and what SASL would need: nobody follows the ones or asked for the other.
        while !more.is_empty() {
            (_, _, more) = ber::element(more)?;
        }
        let text = text.get(..MESSAGE_BYTES_MAX).unwrap_or(text);
        let mut policy = Policy::default();
        while !rest.is_empty() {
            let (tag, inside, next) = ber::element(rest)?;
            if tag == CONTROLS {
                controls(inside, &mut policy)?;
            }
            rest = next;
        }
        after.is_empty().then_some(Answer {
            id: ber::integer(id)?,
            code: ber::integer(code)?,
            message: String::from_utf8_lossy(text).into_owned(),
            policy,
        })
    }
}

/// `SEQUENCE { controlType OCTET STRING, criticality BOOLEAN DEFAULT FALSE, controlValue OCTET STRING OPTIONAL }`, each.
fn controls(mut list: &[u8], policy: &mut Policy) -> Option<()> {
    while !list.is_empty() {
        let (control, next) = ber::expect(SEQUENCE, list)?;
        let (oid, mut rest) = ber::expect(OCTET_STRING, control)?;
        if let Some((_, after)) = ber::expect(ber::BOOLEAN, rest) {
            rest = after;
        }
        let value = match rest.is_empty() {
            true => None,
            false => Some(ber::expect(OCTET_STRING, rest)?.0),
        };
        policy.take(oid, value);
        list = next;
    }
    Some(())
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
    use crate::protocol::ldap::policy::PASSWORD_EXPIRED;
    use ldap3_proto::control::LdapControl;
    use ldap3_proto::proto::{
        LdapBindCred, LdapBindRequest, LdapBindResponse, LdapMsg, LdapOp, LdapResult, LdapResultCode,
    };

    #[test]
    fn another_reader_sees_the_same_bind() {
        for (id, name, password) in [
            (1, "cn=a,dc=x".to_owned(), "secret".to_owned()),
            (127, "n".repeat(127), "p".repeat(128)),
            (128, "n".repeat(300), "pässword\0".to_owned()),
            (i32::MAX, "n".repeat(70_000), "p".to_owned()),
        ] {
            for asks in [false, true] {
                let bytes = simple(id, &name, &password, asks).expect("a bind");
                assert_eq!(bytes.len(), bytes.capacity(), "nothing was moved");
                let read = message::decode(&bytes).expect("a message");
                let cred = LdapBindCred::Simple(password.clone());
                let op = LdapOp::BindRequest(LdapBindRequest { version: 3, dn: name.clone(), cred });
                let asked = LdapControl::PasswordPolicyRequest { criticality: false };
                let ctrl = if asks { vec![asked] } else { Vec::new() };
                assert_eq!(read, LdapMsg { msgid: id, op, ctrl });
            }
        }
    }

    #[test]
    fn a_bind_that_would_succeed_as_nobody_cannot_be_written() {
        assert!(
            simple(1, "cn=a", "", true).is_none()
                && simple(1, "", "secret", true).is_none()
                && simple(1, "", "", false).is_none()
        );
    }

    fn control(oid: &str, value: Option<&[u8]>) -> LdapControl {
        LdapControl::Unknown {
            oid: oid.into(),
            criticality: value.is_none(),
            value: value.map(<[u8]>::to_vec),
        }
    }

    fn written(code: LdapResultCode, message: &str, referral: &[&str], ctrl: Vec<LdapControl>) -> Vec<u8> {
        let referral = referral.iter().map(|to| (*to).to_owned()).collect();
        let res = LdapResult { code, matcheddn: "dc=x".into(), message: message.into(), referral };
        let op = LdapOp::BindResponse(LdapBindResponse { res, saslcreds: Some(vec![1]) });
        message::encode(LdapMsg { msgid: 300, op, ctrl }).expect("a message").to_vec()
    }

    #[test]
    fn an_answer_is_read_with_what_it_says_beside() {
        use LdapResultCode as Code;
        let bytes = written(Code::InvalidCredentials, "data 52e", &["ldap://x"], Vec::new());
        let want = Answer { id: 300, code: 49, message: "data 52e".into(), policy: Policy::default() };
        assert_eq!(Answer::read(&bytes), Some(want));
        let long = "x".repeat(70_000);
        let bytes = written(
            Code::Success,
            &long,
            &[],
            vec![control("1.2.3", Some(b"?")), control(PASSWORD_EXPIRED, None)],
        );
        let read = Answer::read(&bytes).expect("an answer");
        assert_eq!((read.code, read.message.len(), read.policy.is_expired), (0, MESSAGE_BYTES_MAX, true));
        let reset = control(PASSWORD_POLICY, Some(&[0x30, 3, 0x81, 1, 2]));
        let read = Answer::read(&written(Code::Success, "", &[], vec![reset])).expect("an answer");
        assert_eq!(read.policy, Policy { error: Some(2), ..Policy::default() });
        // A result that no list has.
        let odd = [0x30, 0x0c, 2, 1, 1, 0x61, 7, 10, 1, 70, 4, 0, 4, 0];
        assert_eq!(Answer::read(&odd).map(|answer| answer.code), Some(70));
        assert!(message::decode(&odd).is_err());
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for bytes in [
            &[][..],
            &[0x30, 0],
            &[0x30, 0x0c, 2, 1, 1, 0x65, 7, 10, 1, 0, 4, 0, 4, 0],
            &[0x30, 0x0a, 2, 1, 1, 0x61, 5, 10, 1, 0, 4, 0],
            &[0x30, 0x0c, 2, 1, 1, 0x61, 7, 2, 1, 0, 4, 0, 4, 0],
            &[0x30, 0x0b, 2, 1, 1, 0x61, 6, 10, 0, 4, 0, 4, 0],
            &[0x30, 0x0c, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0, 0],
            &[0x30, 0x0e, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, 1],
            &[0x30, 0x10, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, 2, 4, 0],
            &[0x30, 0x10, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, 2, 0x30, 0],
            &[0x30, 0x14, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, 6, 0x30, 4, 4, 0, 2, 0],
        ] {
            assert_eq!(Answer::read(bytes), None, "{bytes:02x?}");
        }
    }

    proptest::proptest! {
        /// Whatever is sent: another reader that takes it reads the same result.
        #[test]
        fn two_readers_agree(inside in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60), code in 0u8..130) {
            let mut op = vec![10, 1, code, 4, 0, 4, 0];
            op.extend(&inside);
            let mut frame = vec![0x30, op.len() as u8 + 5, 2, 1, 7, 0x61, op.len() as u8];
            frame.extend(&op);
            if let (Some(ours), Ok(theirs)) = (Answer::read(&frame), message::decode(&frame)) {
                let LdapOp::BindResponse(theirs) = theirs.op else { panic!("another operation") };
                proptest::prop_assert_eq!(ours.code, theirs.res.code as i32);
            }
        }
    }
}
