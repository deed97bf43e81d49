//! What a result code means: whose fault it is, and in Active Directory's case why (RFC 4511 appendix A).

use ldap3_proto::proto::{LdapResult, LdapResultCode};

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
            Why::Refused => "refused",
        }
    }
}

/// What the answer to a bind means. Only `success` is success: a referral, a step of SASL nobody asked for and
/// whatever else is not.
pub fn of_bind(result: &LdapResult) -> Result<(), Refusal> {
    use LdapResultCode as Code;
    match &result.code {
        Code::Success => Ok(()),
        Code::InvalidCredentials => Err(Refusal::Credentials(active_directory(&result.message))),
        // No entry, no password on it, a locked account (389 Directory Server), a name that cannot be one: about
        // this name, not about the directory.
        Code::NoSuchObject
        | Code::InappropriateAuthentication
        | Code::ConstraintViolation
        | Code::InvalidDNSyntax
        | Code::NamingViolation
        | Code::InsufficentAccessRights => Err(Refusal::Credentials(Why::Refused)),
        Code::Busy | Code::Unavailable => Err(Refusal::Unavailable(number(&result.code))),
        other => Err(Refusal::Unwilling(number(other))),
    }
}

/// What the answer to a bind as a person means: as [`of_bind`], but that a directory is unwilling (53) to bind is
/// about this person. 389 Directory Server says so of an inactivated account, before it looks at the password.
pub fn of_persons_bind(result: &LdapResult) -> Result<(), Refusal> {
    match result.code {
        LdapResultCode::UnwillingToPerform => Err(Refusal::Credentials(Why::Unwilling)),
        _ => of_bind(result),
    }
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

    fn result(code: LdapResultCode, message: &str) -> LdapResult {
        LdapResult { code, matcheddn: String::new(), message: message.into(), referral: Vec::new() }
    }

    #[test]
    fn only_success_is_success() {
        use LdapResultCode as Code;
        for (code, want) in [
            (Code::Success, Ok(())),
            (Code::InvalidCredentials, Err(Refusal::Credentials(Why::WrongCredentials))),
            (Code::NoSuchObject, Err(Refusal::Credentials(Why::Refused))),
            (Code::ConstraintViolation, Err(Refusal::Credentials(Why::Refused))),
            (Code::Busy, Err(Refusal::Unavailable(51))),
            (Code::Unavailable, Err(Refusal::Unavailable(52))),
            (Code::UnwillingToPerform, Err(Refusal::Unwilling(53))),
            (Code::Referral, Err(Refusal::Unwilling(10))),
            (Code::SaslBindInProgress, Err(Refusal::Unwilling(14))),
            (Code::ConfidentialityRequired, Err(Refusal::Unwilling(13))),
            (Code::CompareTrue, Err(Refusal::Unwilling(6))),
        ] {
            assert_eq!(of_bind(&result(code.clone(), "")), want, "{code:?}");
        }
        let unwilling = of_persons_bind(&result(Code::UnwillingToPerform, ""));
        assert_eq!(
            unwilling,
            Err(Refusal::Credentials(Why::Unwilling)),
            "an inactivated person, not a directory"
        );
        assert_eq!(of_persons_bind(&result(Code::Busy, "")), Err(Refusal::Unavailable(51)));
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
            let got = of_bind(&result(LdapResultCode::InvalidCredentials, &says(data)));
            assert_eq!(got, Err(Refusal::Credentials(why)), "{data}");
        }
    }
}
