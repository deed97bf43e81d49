//! The answer of a provider, verified (Core §3.3.3, Web Browser SSO Profile §4.1.4.3).
//!
//! The order matters. First the form, on one tree and without cryptography; then every signature; then the
//! outer claims; then the assertion, decrypted if need be and judged again as a document of its own; and only
//! below an element that a signature covers is anything read.

use super::assertion::{self, VerifiedAssertion};
use super::encryption::{self, EncryptionFault};
use super::keys::{OwnKey, PeerKey};
use super::message::{NAME_CHARS_MAX, Status, is_recent, issuer};
use super::names::{DS, SAML, SAMLP, status};
use super::signature::{self, SignatureFault};
use super::time;
use super::xml::{self, El, MESSAGE, Tree, XmlFault};
use crate::ambient::UnixSecs;

/// What the answer must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Our entity id, which must be an audience.
    pub entity_id: &'a str,
    /// Where we receive, exactly.
    pub acs: &'a str,
    /// The id of our request; `None` when the provider may begin, and then it must answer none.
    pub request_id: Option<&'a str>,
    /// The provider's entity id.
    pub idp_entity_id: &'a str,
    /// Its keys, from its metadata.
    pub idp_keys: &'a [PeerKey],
    /// Our keys to decrypt with: the current one, and during a change the other.
    pub decryption_keys: &'a [OwnKey],
    /// Clock difference allowed, in seconds; [`super::message::SKEW_SECS`] by default.
    pub skew_secs: u64,
    /// With ForceAuthn: when we asked. The person must have proved who they are after that.
    pub authenticated_after: Option<UnixSecs>,
    /// Authentication contexts, one of which it must be; none: any.
    pub authn_contexts: &'a [&'a str],
    /// The whole response must be signed; otherwise a signed assertion is enough.
    pub signed_response: bool,
}

/// What a status other than success means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The provider knows the person and refuses, or could not make sure of them.
    Denied,
    /// The person would have to be asked.
    NeedsPerson,
    /// The provider says that it cannot: a hint that it is unwell.
    Unwell,
    /// The provider found fault with our request.
    OurRequest,
}

/// Why a response is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The document.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// A signature.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// The encryption.
    #[error("{0}")]
    Encryption(#[from] EncryptionFault),
    /// The provider says no. Unless `signed`, anybody may have said so, and it is a hint at most.
    #[error("the provider answers with a status: {} {}", .status.code, .status.detail.as_deref().unwrap_or_default())]
    Status {
        /// What it means.
        meaning: Meaning,
        /// What it is.
        status: Status,
        /// Whether the provider signed it.
        signed: bool,
    },
    /// Not a Response, or something in it is missing, unknown or in disorder.
    #[error("the message is not a Response of the form that the standard has")]
    Form,
    /// Not one assertion.
    #[error("the response has not exactly one assertion, as its child")]
    Assertions,
    /// Not version 2.0.
    #[error("the version is not 2.0")]
    Version,
    /// An instant that is none, or not UTC.
    #[error("an instant is not an xs:dateTime in UTC")]
    Time,
    /// Issued too long ago or in the future.
    #[error("it was issued too long ago or in the future (is a clock wrong?)")]
    IssueInstant,
    /// Meant for another place.
    #[error("the response is meant for another destination")]
    Destination,
    /// From somebody else.
    #[error("the issuer is another, or none")]
    Issuer,
    /// It answers another request, or none, or nobody asked.
    #[error("it answers another request than ours")]
    InResponseTo,
    /// No bearer confirmation, or one that lacks something or has a NotBefore.
    #[error("the subject is not confirmed as the bearer's")]
    Confirmation,
    /// Confirmed for another place.
    #[error("the subject is confirmed for another recipient")]
    Recipient,
    /// Meant for others.
    #[error("the assertion is not restricted to us as audience")]
    Audience,
    /// Past NotOnOrAfter.
    #[error("the assertion has expired")]
    Expired,
    /// Before NotBefore.
    #[error("the assertion is not valid yet (is a clock wrong?)")]
    NotYet,
    /// A condition nobody here knows.
    #[error("the assertion has a condition that is not known here")]
    Condition,
    /// The name is empty, too long or encrypted.
    #[error("the subject's name cannot be used")]
    NameId,
    /// None, or two, or without an instant.
    #[error("the assertion has not exactly one complete AuthnStatement")]
    AuthnStatement,
    /// In the future, or before we asked for a new one.
    #[error("the person was authenticated before it was asked for, or in the future")]
    AuthnInstant,
    /// Past SessionNotOnOrAfter.
    #[error("the provider's session has ended already")]
    SessionExpired,
    /// Another than was asked for.
    #[error("the person was authenticated in another way than was asked for")]
    AuthnContext,
    /// An attribute without a name, with values that are no text, or too many.
    #[error("an attribute cannot be used")]
    Attribute,
}

impl Refusal {
    /// The stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Xml(fault) => fault.code(),
            Refusal::Signature(fault) => fault.code(),
            Refusal::Encryption(fault) => fault.code(),
            Refusal::Status { meaning: Meaning::Denied, .. } => "status-denied",
            Refusal::Status { meaning: Meaning::NeedsPerson, .. } => "status-needs-person",
            Refusal::Status { meaning: Meaning::Unwell, .. } => "status-unwell",
            Refusal::Status { meaning: Meaning::OurRequest, .. } => "status-our-request",
            Refusal::Form => "response-form",
            Refusal::Assertions => "assertions",
            Refusal::Version => "version",
            Refusal::Time => "time",
            Refusal::IssueInstant => "issue-instant",
            Refusal::Destination => "destination",
            Refusal::Issuer => "issuer",
            Refusal::InResponseTo => "in-response-to",
            Refusal::Confirmation => "confirmation",
            Refusal::Recipient => "recipient",
            Refusal::Audience => "audience",
            Refusal::Expired => "expired",
            Refusal::NotYet => "not-yet",
            Refusal::Condition => "condition",
            Refusal::NameId => "name-id",
            Refusal::AuthnStatement => "authn-statement",
            Refusal::AuthnInstant => "authn-instant",
            Refusal::SessionExpired => "session-expired",
            Refusal::AuthnContext => "authn-context",
            Refusal::Attribute => "attribute",
        }
    }

    /// Every code, in the order of the cases.
    pub const CODES: &[&str] = &[
        "status-denied",
        "status-needs-person",
        "status-unwell",
        "status-our-request",
        "response-form",
        "assertions",
        "version",
        "time",
        "issue-instant",
        "destination",
        "issuer",
        "in-response-to",
        "confirmation",
        "recipient",
        "audience",
        "expired",
        "not-yet",
        "condition",
        "name-id",
        "authn-statement",
        "authn-instant",
        "session-expired",
        "authn-context",
        "attribute",
    ];
}

/// Verifies the value of a form field `SAMLResponse` (Bindings §3.5.4).
pub fn verify_post(
    field: &str,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<VerifiedAssertion, Refusal> {
    let bytes = xml::base64(field, MESSAGE.bytes_max)?;
    verify(std::str::from_utf8(&bytes).map_err(|_| XmlFault::Encoding)?, expected, now)
}

/// The issuer that a posted response claims, for finding out whom it may concern; nothing of it is verified.
pub fn unverified_issuer(field: &str) -> Option<String> {
    let bytes = xml::base64(field, MESSAGE.bytes_max).ok()?;
    let tree = Tree::parse(std::str::from_utf8(&bytes).ok()?, &MESSAGE).ok()?;
    let children = tree.root().elements().ok()?;
    issuer(*children.iter().find(|el| el.is(SAML, "Issuer"))?).ok()?
}

/// The children of a response, each where the schema has it.
struct Parts<'t> {
    issuer: Option<El<'t>>,
    status: El<'t>,
    assertions: Vec<El<'t>>,
}

/// Verifies the XML of a response.
pub fn verify(text: &str, expected: &Expected<'_>, now: UnixSecs) -> Result<VerifiedAssertion, Refusal> {
    let tree = Tree::parse(text, &MESSAGE)?;
    let response = tree.root();
    let parts = parts(response)?;
    let mut homes = vec![response];
    homes.extend(parts.assertions.iter().filter(|el| el.is(SAML, "Assertion")));
    let signed = signature::verify(&tree, &homes, expected.idp_keys)?;
    outer(response, &parts, signed.covers(response), expected, now)?;
    let status = Status::read(parts.status).ok_or(Refusal::Form)?;
    if !status.is_success() {
        let meaning = meaning(&status);
        return Err(Refusal::Status { meaning, status, signed: signed.covers(response) });
    }
    let [only] = parts.assertions[..] else { return Err(Refusal::Assertions) };
    if expected.signed_response && !signed.covers(response) {
        return Err(SignatureFault::Missing.into());
    }
    if only.is(SAML, "EncryptedAssertion") {
        return encrypted(only, signed.covers(response), expected, now);
    }
    // A signature over the response covers its child; `only` is one, of this very tree.
    if !signed.covers(response) && !signed.covers(only) {
        return Err(SignatureFault::Missing.into());
    }
    assertion::read(only, expected, now)
}

/// The assertion within an encrypted one: a document of its own, with all rules again.
fn encrypted(
    element: El<'_>,
    response_signed: bool,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<VerifiedAssertion, Refusal> {
    let plain = encryption::decrypt(element, expected.decryption_keys)?;
    let tree = Tree::parse(&plain, &MESSAGE)?;
    let children = tree.root().elements()?;
    let [only] = children[..] else { return Err(Refusal::Assertions) };
    if !only.is(SAML, "Assertion") || assertions_below(only) > 0 {
        return Err(Refusal::Assertions);
    }
    let signed = signature::verify(&tree, &[only], expected.idp_keys)?;
    if !response_signed && !signed.covers(only) {
        return Err(SignatureFault::Missing.into());
    }
    let mut verified = assertion::read(only, expected, now)?;
    verified.was_encrypted = true;
    Ok(verified)
}

fn assertions_below(element: El<'_>) -> usize {
    element.descendants().filter(|el| el.is(SAML, "Assertion") || el.is(SAML, "EncryptedAssertion")).count()
}

/// Core §3.2.2: Issuer?, Signature?, Extensions?, Status, then assertions; and no assertion anywhere else.
fn parts<'t>(response: El<'t>) -> Result<Parts<'t>, Refusal> {
    if !response.is(SAMLP, "Response") {
        return Err(Refusal::Form);
    }
    let mut children = response.elements()?.into_iter().peekable();
    let issuer = children.next_if(|el| el.is(SAML, "Issuer"));
    children.next_if(|el| el.is(DS, "Signature"));
    children.next_if(|el| el.is(SAMLP, "Extensions"));
    let status = children.next_if(|el| el.is(SAMLP, "Status"));
    let assertions: Vec<El<'_>> = children.collect();
    let right = |el: &El<'_>| el.is(SAML, "Assertion") || el.is(SAML, "EncryptedAssertion");
    // What is no assertion may be a second signature, or what a wrapping left over.
    if assertions.iter().any(|el| el.is(DS, "Signature")) {
        return Err(SignatureFault::Misplaced.into());
    }
    let status = status.ok_or(Refusal::Form)?;
    if !assertions.iter().all(right) {
        return Err(Refusal::Form);
    }
    if assertions.len() > 1 || assertions_below(response) != assertions.len() {
        return Err(Refusal::Assertions);
    }
    Ok(Parts { issuer, status, assertions })
}

fn outer(
    response: El<'_>,
    parts: &Parts<'_>,
    signed: bool,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<(), Refusal> {
    if response.attr("Version") != Some("2.0") {
        return Err(Refusal::Version);
    }
    if response.attr("ID").is_none_or(|id| id.chars().count() > NAME_CHARS_MAX) {
        return Err(Refusal::Form);
    }
    match parts.issuer {
        Some(element) if issuer(element)?.as_deref() == Some(expected.idp_entity_id) => {}
        // Required when signed (Profiles §4.1.4.2); the assertion's own issuer is compared in any case.
        None if !signed => {}
        _ => return Err(Refusal::Issuer),
    }
    match response.attr("Destination") {
        Some(destination) if destination == expected.acs => {}
        None if !signed => {}
        _ => return Err(Refusal::Destination),
    }
    if response.attr("InResponseTo") != expected.request_id {
        return Err(Refusal::InResponseTo);
    }
    let issued = response.attr("IssueInstant").ok_or(Refusal::Form)?;
    if !is_recent(time::parse(issued).ok_or(Refusal::Time)?, now, expected.skew_secs) {
        return Err(Refusal::IssueInstant);
    }
    Ok(())
}

fn meaning(status: &Status) -> Meaning {
    match (status.code.as_str(), status.detail.as_deref()) {
        (_, Some(status::AUTHN_FAILED | status::REQUEST_DENIED)) => Meaning::Denied,
        (_, Some(status::NO_PASSIVE)) => Meaning::NeedsPerson,
        (status::RESPONDER, None) => Meaning::Unwell,
        (status::RESPONDER, Some(detail)) if detail != status::NO_AUTHN_CONTEXT => Meaning::Unwell,
        _ => Meaning::OurRequest,
    }
}
