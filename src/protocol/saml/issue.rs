//! Answers of an identity provider (Core §3.3.3, Web Browser SSO Profile §4.1.4.2): signed, and encrypted if
//! the service wants it. Which requests are answered is [`super::accept`]'s.

use super::encryption;
use super::keys::{OwnKey, PeerKey};
use super::message::{Common, Kind, NameId, Outgoing, Status, head};
use super::names::{BEARER, SAML, XSI};
use super::signature::{self, CannotSign};
use super::time;
use super::write::Writer;
use crate::ambient::{Entropy, UnixSecs};

/// Longest life of an assertion, in seconds.
pub const LIFE_SECS_MAX: u64 = 300;

/// Something said about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedAttribute {
    /// `Name`
    pub name: String,
    /// `NameFormat`, a URI.
    pub name_format: String,
    /// `FriendlyName`
    pub friendly_name: Option<String>,
    /// One `AttributeValue` each, never joined; `None` is nil.
    pub values: Vec<Option<String>>,
}

/// A successful answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The response's id, our entity id, the address of the assertion consumer service, and now.
    pub common: Common<'a>,
    /// The assertion's id.
    pub assertion_id: &'a str,
    /// The id of the request; none when nobody asked.
    pub in_response_to: Option<&'a str>,
    /// The service's entity id.
    pub audience: &'a str,
    /// Who it is.
    pub name_id: Option<&'a NameId>,
    /// What is said about them.
    pub attributes: &'a [IssuedAttribute],
    /// When they proved who they are.
    pub authn_instant: UnixSecs,
    /// How, a URI.
    pub authn_context: &'a str,
    /// Our name of the session, for a logout.
    pub session_index: &'a str,
    /// When the service's session must end.
    pub session_not_on_or_after: Option<UnixSecs>,
    /// How long the answer may be used, in seconds; at most [`LIFE_SECS_MAX`].
    pub life_secs: u64,
}

/// How an answer is protected. Signing neither of the two is no answer.
#[derive(Debug, Clone, Copy)]
pub struct Protection<'a> {
    /// What signs.
    pub key: &'a OwnKey,
    /// The assertion is signed.
    pub assertion: bool,
    /// The response is signed.
    pub response: bool,
    /// The assertion is encrypted to the holder of this certificate.
    pub encrypt_to: Option<&'a PeerKey>,
}

/// Why an answer is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueFault {
    /// Nothing would be signed.
    #[error("neither the response nor the assertion would be signed")]
    Unsigned,
    /// The library failed.
    #[error(transparent)]
    Sign(#[from] CannotSign),
    /// The certificate's key is not RSA.
    #[error("the service's certificate is not one that can be encrypted to")]
    Encrypt,
}

impl Answer<'_> {
    /// The XML of the response.
    pub fn issue(&self, protection: &Protection<'_>, entropy: &Entropy) -> Result<String, IssueFault> {
        if !protection.assertion && !protection.response {
            return Err(IssueFault::Unsigned);
        }
        let (assertion_head, assertion_tail) = self.assertion();
        let mut assertion = match protection.assertion {
            true => signature::sign(&assertion_head, &assertion_tail, self.assertion_id, protection.key)?,
            false => format!("{assertion_head}{assertion_tail}"),
        };
        if let Some(to) = protection.encrypt_to {
            assertion = encryption::encrypt(&assertion, to, entropy).ok_or(IssueFault::Encrypt)?;
        }
        let mut tail = Writer::new();
        Status::of(super::names::status::SUCCESS, None).write(&mut tail);
        tail.raw(&assertion).close("samlp:Response");
        let message = response(&self.common, self.in_response_to, tail);
        Ok(match protection.response {
            true => message.signed(protection.key)?,
            false => message.unsigned(),
        })
    }

    /// The assertion up to its Issuer, and the rest.
    fn assertion(&self) -> (String, String) {
        let now = self.common.issued;
        let (issued, until) = (time::format(now), time::format(now.plus(self.life_secs.min(LIFE_SECS_MAX))));
        let mut head = Writer::new();
        head.open(
            "saml:Assertion",
            &[("xmlns:saml", SAML), ("ID", self.assertion_id), ("Version", "2.0"), ("IssueInstant", &issued)],
        )
        .leaf("saml:Issuer", &[], self.common.issuer);
        let mut tail = Writer::new();
        tail.open("saml:Subject", &[]);
        if let Some(name) = self.name_id {
            name.write(&mut tail);
        }
        let mut data = vec![("NotOnOrAfter", until.as_str()), ("Recipient", self.common.destination)];
        if let Some(id) = self.in_response_to {
            data.push(("InResponseTo", id));
        }
        tail.open("saml:SubjectConfirmation", &[("Method", BEARER)])
            .empty("saml:SubjectConfirmationData", &data)
            .close("saml:SubjectConfirmation")
            .close("saml:Subject")
            .open("saml:Conditions", &[("NotBefore", &issued), ("NotOnOrAfter", &until)])
            .open("saml:AudienceRestriction", &[])
            .leaf("saml:Audience", &[], self.audience)
            .close("saml:AudienceRestriction")
            .close("saml:Conditions");
        self.statements(&mut tail);
        tail.close("saml:Assertion");
        (head.finish(), tail.finish())
    }

    fn statements(&self, tail: &mut Writer) {
        let at = time::format(self.authn_instant);
        let ends = self.session_not_on_or_after.map(time::format);
        let mut attributes = vec![("AuthnInstant", at.as_str()), ("SessionIndex", self.session_index)];
        if let Some(ends) = &ends {
            attributes.push(("SessionNotOnOrAfter", ends));
        }
        tail.open("saml:AuthnStatement", &attributes)
            .open("saml:AuthnContext", &[])
            .leaf("saml:AuthnContextClassRef", &[], self.authn_context)
            .close("saml:AuthnContext")
            .close("saml:AuthnStatement");
        if self.attributes.is_empty() {
            return;
        }
        tail.open("saml:AttributeStatement", &[]);
        for attribute in self.attributes {
            let mut names = vec![("Name", attribute.name.as_str()), ("NameFormat", &attribute.name_format)];
            if let Some(friendly) = &attribute.friendly_name {
                names.push(("FriendlyName", friendly));
            }
            tail.open("saml:Attribute", &names);
            for value in &attribute.values {
                match value {
                    Some(value) => tail.leaf("saml:AttributeValue", &[], value),
                    None => tail.empty("saml:AttributeValue", &[("xmlns:xsi", XSI), ("xsi:nil", "true")]),
                };
            }
            tail.close("saml:Attribute");
        }
        tail.close("saml:AttributeStatement");
    }
}

/// An answer without an assertion: why there is none.
pub fn refuse(common: &Common<'_>, in_response_to: Option<&str>, status: &Status) -> Outgoing {
    let mut tail = Writer::new();
    status.write(&mut tail);
    tail.close("samlp:Response");
    response(common, in_response_to, tail)
}

fn response(common: &Common<'_>, in_response_to: Option<&str>, tail: Writer) -> Outgoing {
    let extra: Vec<(&str, &str)> = in_response_to.map(|id| ("InResponseTo", id)).into_iter().collect();
    Outgoing {
        kind: Kind::Response,
        id: common.id.to_owned(),
        head: head("Response", common, &extra),
        tail: tail.finish(),
    }
}
