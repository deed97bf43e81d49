//! What a directory says about a password beside the result of a bind: the response control of
//! draft-behera-ldap-password-policy-10 (§6.2), and the older one of Netscape's directories, which 389 Directory Server
//! still sends.

use super::ber;
use super::outcome::{Refusal, Why};

/// Request and response of the draft.
pub const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// The password has expired, or must be changed first (draft-vchu-ldap-pwd-policy §4.1.1).
pub const PASSWORD_EXPIRED: &str = "2.16.840.1.113730.3.4.4";

/// What was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// [`PASSWORD_EXPIRED`] came.
    pub is_expired: bool,
    /// `error` of the draft.
    pub error: Option<i32>,
    /// How often the person may still come with a password that has expired.
    pub grace: Option<i32>,
    /// The value of the draft's control is none.
    pub is_unreadable: bool,
}

impl Policy {
    /// Takes a response control.
    pub(super) fn take(&mut self, oid: &[u8], value: Option<&[u8]>) {
        if oid == PASSWORD_EXPIRED.as_bytes() {
            self.is_expired = true;
        } else if oid == PASSWORD_POLICY.as_bytes() {
            // No value at all is nothing said.
            match value.filter(|value| !value.is_empty()).map_or(Some((None, None)), read) {
                Some((grace, error)) => {
                    self.grace = grace.or(self.grace);
                    self.error = error.or(self.error);
                }
                None => self.is_unreadable = true,
            }
        }
    }

    /// Whether a bind that succeeded lets the person in.
    ///
    /// The draft has two things beside a success (§8.1.2, §9.1): the password must be changed before anything else, so
    /// the directory would let the person do nothing but that; and it has expired, but this time, of a number of times,
    /// counts. The second is a sign-in by the directory's own policy, also where it says "expired" in so many words.
    /// Whatever else it says is wrong with the password is no success.
    pub fn of_success(&self) -> Result<(), Refusal> {
        let why = match (self.error, self.grace) {
            _ if self.is_unreadable => Why::UnreadablePolicy,
            (None | Some(EXPIRED), Some(_)) => return Ok(()),
            (None, None) if self.is_expired => Why::PasswordMustChange,
            (None, None) => return Ok(()),
            (Some(error), _) => why(error),
        };
        Err(Refusal::Credentials(why))
    }

    /// Why a bind did not succeed, where that was said.
    pub fn of_failure(&self) -> Option<Why> {
        match self.error {
            Some(error @ (EXPIRED | LOCKED | CHANGE_AFTER_RESET)) => Some(why(error)),
            _ => self.is_expired.then_some(Why::PasswordExpired),
        }
    }
}

const EXPIRED: i32 = 0;
const LOCKED: i32 = 1;
const CHANGE_AFTER_RESET: i32 = 2;

fn why(error: i32) -> Why {
    match error {
        EXPIRED => Why::PasswordExpired,
        LOCKED => Why::AccountLocked,
        CHANGE_AFTER_RESET => Why::PasswordMustChange,
        _ => Why::Refused,
    }
}

/// `graceAuthNsRemaining` and `error` of a response value:
/// `SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0], graceAuthNsRemaining [1] } OPTIONAL, error [1] OPTIONAL }`.
fn read(value: &[u8]) -> Option<(Option<i32>, Option<i32>)> {
    const WARNING: u8 = 0xa0;
    const TIME: u8 = 0x80;
    const GRACE: u8 = 0x81;
    const ERROR: u8 = 0x81;
    let (mut rest, after) = ber::expect(ber::SEQUENCE, value)?;
    let (mut grace, mut error) = (None, None);
    if let Some((warning, next)) = ber::expect(WARNING, rest) {
        let (tag, number, end) = ber::element(warning)?;
        let number = ber::integer(number)?;
        match tag {
            GRACE => grace = Some(number),
            TIME => {}
            _ => return None,
        }
        rest = next;
        end.is_empty().then_some(())?;
    }
    if let Some((number, next)) = ber::expect(ERROR, rest) {
        error = Some(ber::integer(number)?);
        rest = next;
    }
    (rest.is_empty() && after.is_empty()).then_some((grace, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: Option<&[u8]>) -> Policy {
        let mut policy = Policy::default();
        policy.take(PASSWORD_POLICY.as_bytes(), value);
        policy
    }

    #[test]
    fn values_of_the_draft() {
        for (value, grace, error) in [
            (&[0x30, 0][..], None, None),
            (&[0x30, 3, 0x81, 1, 2], None, Some(2)),
            (&[0x30, 5, 0xa0, 3, 0x81, 1, 4], Some(4), None),
            (&[0x30, 6, 0xa0, 4, 0x80, 2, 1, 0], None, None),
            (&[0x30, 8, 0xa0, 3, 0x81, 1, 0, 0x81, 1, 0], Some(0), Some(0)),
        ] {
            assert_eq!(read(value), Some((grace, error)), "{value:02x?}");
        }
    }

    #[test]
    fn what_is_no_value_lets_nobody_in() {
        for value in [
            &[0x30][..],
            &[0x30, 1],
            &[0x31, 0],
            &[0x30, 0, 0],
            &[0x30, 0x80, 0, 0],
            &[0x30, 2, 0x81, 0],
            &[0x30, 7, 0x81, 5, 0, 0, 0, 0, 2],
            &[0x30, 3, 0x82, 1, 2],
            &[0x30, 2, 0xa0, 0],
            &[0x30, 5, 0xa0, 3, 0x82, 1, 4],
            &[0x30, 8, 0xa0, 6, 0x81, 1, 4, 0x80, 1, 4],
            &[0x30, 8, 0x81, 1, 2, 0xa0, 3, 0x81, 1, 4],
            &[0x30, 6, 0x81, 1, 2, 0x81, 1, 0],
            &[0x02, 1, 2],
        ] {
            assert_eq!(read(value), None, "{value:02x?}");
            let refused = said(Some(value)).of_success();
            assert_eq!(refused, Err(Refusal::Credentials(Why::UnreadablePolicy)), "{value:02x?}");
        }
    }

    #[test]
    fn only_a_success_that_is_one_lets_in() {
        let policy = |is_expired, error, grace| Policy { is_expired, error, grace, is_unreadable: false };
        for (said, want) in [
            (policy(false, None, None), Ok(())),
            (policy(false, None, Some(3)), Ok(())),
            (policy(false, Some(0), Some(0)), Ok(())),
            (policy(true, None, Some(3)), Ok(())),
            (policy(true, None, None), Err(Why::PasswordMustChange)),
            (policy(true, Some(2), None), Err(Why::PasswordMustChange)),
            (policy(false, Some(2), None), Err(Why::PasswordMustChange)),
            (policy(false, Some(2), Some(3)), Err(Why::PasswordMustChange)),
            (policy(false, Some(0), None), Err(Why::PasswordExpired)),
            (policy(false, Some(1), Some(3)), Err(Why::AccountLocked)),
            (policy(false, Some(8), None), Err(Why::Refused)),
            (policy(false, Some(-1), None), Err(Why::Refused)),
        ] {
            assert_eq!(said.of_success(), want.map_err(Refusal::Credentials), "{said:?}");
        }
        assert_eq!(said(None).of_success(), Ok(()), "no value is nothing said");
        assert_eq!(policy(false, Some(1), None).of_failure(), Some(Why::AccountLocked));
        assert_eq!(policy(true, None, None).of_failure(), Some(Why::PasswordExpired));
        assert_eq!(policy(false, Some(5), None).of_failure(), None);
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_read(value in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..20)) {
            let _ = read(&value);
            let mut framed = vec![0x30, value.len() as u8];
            framed.extend(&value);
            let _ = read(&framed);
        }
    }
}
