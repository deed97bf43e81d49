//! What a result code means: whose fault it is, and in Active Directory's case why (RFC 4511 appendix A).

use ldap3_proto::proto::LdapResultCode;

use super::bind::Answer;

/// Why a bind did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// These credentials are not accepted. Another server of the directory would say the same.
    Credentials(Why),
    /// This server cannot serve at the moment; another one may.
    Unavailable(i32),
    /// The directory does not do what was asked: by its policy, or because it is none.
    Unwilling(i32),
}

/// What is known of refused credentials: for the operator's log, never for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are those of `Why::word`")]
pub enum Why {
    WrongCredentials,
    NoSuchUser,
    AmbiguousUser,
    WrongPassword,
    NotAtThisTime,
    NotFromHere,
    PasswordExpired,
    AccountDisabled,
    AccountExpired,
    PasswordMustChange,
    AccountLocked,
    Unwilling,
    UnreadableEntry,
    ServiceAccount,
    TooManyTries,
    UnreadablePolicy,
    UnknownResult,
    Refused,
}

impl Why {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Why::WrongCredentials => "wrong-credentials",
            Why::NoSuchUser => "no-such-user",
            Why::AmbiguousUser => "ambiguous-user",
            Why::WrongPassword => "wrong-password",
            Why::NotAtThisTime => "not-at-this-time",
            Why::NotFromHere => "not-from-here",
            Why::PasswordExpired => "password-expired",
            Why::AccountDisabled => "account-disabled",
            Why::AccountExpired => "account-expired",
            Why::PasswordMustChange => "password-must-change",
            Why::AccountLocked => "account-locked",
            Why::Unwilling => "unwilling",
            Why::UnreadableEntry => "unreadable-entry",
            Why::ServiceAccount => "service-account",
            Why::TooManyTries => "too-many-tries",
            Why::UnreadablePolicy => "unreadable-policy",
            Why::UnknownResult => "unknown-result",
            Why::Refused => "refused",
        }
    }
}

/// What the answer to a bind means. Only `success` is success: a referral, a step of SASL nobody asked for and
/// whatever else is not.
pub fn of_bind(answer: &Answer) -> Result<(), Refusal> {
    match answer.code {
        SUCCESS => Ok(()),
        INVALID_CREDENTIALS => Err(Refusal::Credentials(active_directory(&answer.message))),
        // No entry, no password on it, a locked account (389 Directory Server), a name that cannot be one: about
        // this name, not about the directory.
        NO_SUCH_OBJECT
        | INAPPROPRIATE_AUTHENTICATION
        | CONSTRAINT_VIOLATION
        | INVALID_DN_SYNTAX
        | NAMING_VIOLATION
        | INSUFFICIENT_ACCESS_RIGHTS => Err(Refusal::Credentials(Why::Refused)),
        BUSY | UNAVAILABLE => Err(Refusal::Unavailable(answer.code)),
        other => Err(Refusal::Unwilling(other)),
    }
}

/// What the answer to a bind as a person means: as [`of_bind`], but for two results that are about this person. That
/// a directory is unwilling (53) to bind is what 389 Directory Server says of an inactivated account, before it looks at
/// the password; and a result that no standard has says that there is a directory, which does not take this bind. A
/// success counts only if the directory's policy lets the person do more than change the password.
pub fn of_persons_bind(answer: &Answer) -> Result<(), Refusal> {
    match of_bind(answer) {
        Ok(()) => answer.policy.of_success(),
        Err(Refusal::Unwilling(UNWILLING_TO_PERFORM)) => Err(Refusal::Credentials(Why::Unwilling)),
        Err(Refusal::Unwilling(code)) if !is_known(code) => Err(Refusal::Credentials(Why::UnknownResult)),
        // What its policy says is the better reason, where Active Directory's words are not there.
        Err(Refusal::Credentials(why @ (Why::WrongCredentials | Why::Refused))) => {
            Err(Refusal::Credentials(answer.policy.of_failure().unwrap_or(why)))
        }
        refused => refused,
    }
}

// Results (RFC 4511 appendix A).
const SUCCESS: i32 = 0;
const CONSTRAINT_VIOLATION: i32 = 19;
const NO_SUCH_OBJECT: i32 = 32;
const INVALID_DN_SYNTAX: i32 = 34;
const INAPPROPRIATE_AUTHENTICATION: i32 = 48;
const INVALID_CREDENTIALS: i32 = 49;
const INSUFFICIENT_ACCESS_RIGHTS: i32 = 50;
const BUSY: i32 = 51;
const UNAVAILABLE: i32 = 52;
const UNWILLING_TO_PERFORM: i32 = 53;
const NAMING_VIOLATION: i32 = 64;

/// Whether RFC 4511 has the result (appendix A.1).
fn is_known(code: i32) -> bool {
    matches!(code, 0..=8 | 10..=14 | 16..=21 | 32..=34 | 36 | 48..=54 | 64..=69 | 71 | 80)
}

/// The number of a result code.
pub fn number(code: &LdapResultCode) -> i32 {
    code.clone() as i32
}

/// What Active Directory says beside code 49: `... AcceptSecurityContext error, data 52e, v4563`.
fn active_directory(message: &str) -> Why {
    // The message comes from the peer: only the number is looked at.
    let data = message.split_once(" data ").map(|(_, rest)| rest);
    let digits: Option<String> =
        data.map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).take(8).collect());
    match digits.as_deref() {
        Some("525") => Why::NoSuchUser,
        Some("52e" | "52E") => Why::WrongPassword,
        Some("530") => Why::NotAtThisTime,
        Some("531") => Why::NotFromHere,
        Some("532") => Why::PasswordExpired,
        Some("533") => Why::AccountDisabled,
        Some("701") => Why::AccountExpired,
        Some("773") => Why::PasswordMustChange,
        Some("775") => Why::AccountLocked,
        _ => Why::WrongCredentials,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ldap::policy::Policy;

    fn answer(code: i32, message: &str) -> Answer {
        Answer { id: 1, code, message: message.into(), policy: Policy::default() }
    }

    #[test]
    fn only_success_is_success() {
        let wrong = Refusal::Credentials(Why::WrongCredentials);
        let refused = Refusal::Credentials(Why::Refused);
        let unwilling = Refusal::Credentials(Why::Unwilling);
        let unknown = Refusal::Credentials(Why::UnknownResult);
        for (code, of_service, of_person) in [
            (49, wrong, wrong),
            (32, refused, refused),
            (19, refused, refused),
            (51, Refusal::Unavailable(51), Refusal::Unavailable(51)),
            (52, Refusal::Unavailable(52), Refusal::Unavailable(52)),
            (53, Refusal::Unwilling(53), unwilling),
            (10, Refusal::Unwilling(10), Refusal::Unwilling(10)),
            (14, Refusal::Unwilling(14), Refusal::Unwilling(14)),
            (13, Refusal::Unwilling(13), Refusal::Unwilling(13)),
            (6, Refusal::Unwilling(6), Refusal::Unwilling(6)),
            (9, Refusal::Unwilling(9), unknown),
            (70, Refusal::Unwilling(70), unknown),
            (-1, Refusal::Unwilling(-1), unknown),
            (i32::MAX, Refusal::Unwilling(i32::MAX), unknown),
        ] {
            assert_eq!(of_bind(&answer(code, "")), Err(of_service), "{code}");
            assert_eq!(of_persons_bind(&answer(code, "")), Err(of_person), "{code}");
        }
        assert_eq!((of_bind(&answer(0, "")), of_persons_bind(&answer(0, ""))), (Ok(()), Ok(())));
    }

    #[test]
    fn a_policy_makes_a_success_none_and_gives_a_reason() {
        let reset = Policy { error: Some(2), ..Policy::default() };
        let must_change = Answer { policy: reset, ..answer(0, "") };
        assert_eq!(of_persons_bind(&must_change), Err(Refusal::Credentials(Why::PasswordMustChange)));
        let locked = Policy { error: Some(1), ..Policy::default() };
        for code in [49, 19] {
            let refused = of_persons_bind(&Answer { policy: locked, ..answer(code, "") });
            assert_eq!(refused, Err(Refusal::Credentials(Why::AccountLocked)), "{code}");
        }
        let both = Answer { policy: locked, ..answer(49, "x, data 533, v1") };
        assert_eq!(of_persons_bind(&both), Err(Refusal::Credentials(Why::AccountDisabled)));
    }

    #[test]
    fn active_directory_says_why() {
        let says = |data: &str| {
            format!(
                "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data {data}, v4563\0"
            )
        };
        for (data, why) in [
            ("525", Why::NoSuchUser),
            ("52e", Why::WrongPassword),
            ("530", Why::NotAtThisTime),
            ("531", Why::NotFromHere),
            ("532", Why::PasswordExpired),
            ("533", Why::AccountDisabled),
            ("701", Why::AccountExpired),
            ("773", Why::PasswordMustChange),
            ("775", Why::AccountLocked),
            ("7750000000000000", Why::WrongCredentials),
            ("", Why::WrongCredentials),
        ] {
            let got = of_bind(&answer(49, &says(data)));
            assert_eq!(got, Err(Refusal::Credentials(why)), "{data}");
        }
    }
}
