//! Single logout (Core §3.7, Single Logout Profile): what we send, and what we get, verified.
//!
//! A logout is signed, always: by the query of HTTP-Redirect or by an XML signature in HTTP-POST. What is not
//! signed ends nobody's session.

use super::keys::PeerKey;
use super::message::{Common, Kind, NAME_CHARS_MAX, NameId, Outgoing, Status, head, is_recent, issuer};
use super::names::{DS, SAML, SAMLP};
use super::redirect::RedirectMessage;
use super::signature::{self, SignatureFault};
use super::time;
use super::write::Writer;
use super::xml::{self, El, MESSAGE, Tree, XmlFault};
use crate::ambient::UnixSecs;

/// Session indexes of one request.
pub const SESSION_INDEXES_MAX: usize = 100;

/// A logout request of ours.
#[derive(Debug, Clone, Copy)]
pub struct LogoutRequest<'a> {
    /// Id, issuer, destination, instant.
    pub common: Common<'a>,
    /// Whose session, with all qualifiers of the assertion.
    pub name_id: &'a NameId,
    /// Which sessions; none: all of the person.
    pub session_indexes: &'a [&'a str],
    /// After this the request must not be honoured.
    pub not_on_or_after: UnixSecs,
}

impl LogoutRequest<'_> {
    /// The message.
    pub fn build(&self) -> Outgoing {
        let until = time::format(self.not_on_or_after);
        let mut writer = Writer::new();
        self.name_id.write(&mut writer);
        for index in self.session_indexes {
            writer.leaf("samlp:SessionIndex", &[], index);
        }
        writer.close("samlp:LogoutRequest");
        Outgoing {
            kind: Kind::Request,
            id: self.common.id.to_owned(),
            head: head("LogoutRequest", &self.common, &[("NotOnOrAfter", &until)]),
            tail: writer.finish(),
        }
    }
}

/// A logout response of ours.
#[derive(Debug, Clone, Copy)]
pub struct LogoutResponse<'a> {
    /// Id, issuer, destination, instant.
    pub common: Common<'a>,
    /// The id of the request.
    pub in_response_to: &'a str,
    /// What became of it.
    pub status: &'a Status,
}

impl LogoutResponse<'_> {
    /// The message.
    pub fn build(&self) -> Outgoing {
        let mut writer = Writer::new();
        self.status.write(&mut writer);
        writer.close("samlp:LogoutResponse");
        Outgoing {
            kind: Kind::Response,
            id: self.common.id.to_owned(),
            head: head("LogoutResponse", &self.common, &[("InResponseTo", self.in_response_to)]),
            tail: writer.finish(),
        }
    }
}

/// A message as a binding brought it.
#[derive(Debug, Clone, Copy)]
pub enum Incoming<'a> {
    /// The value of the form field: base64.
    Post(&'a str),
    /// By query, see [`super::redirect::decode`].
    Redirect(&'a RedirectMessage),
}

/// What a logout message must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The peer's entity id.
    pub issuer: &'a str,
    /// Its keys, from its metadata.
    pub keys: &'a [PeerKey],
    /// Where we received it, exactly.
    pub destination: &'a str,
    /// Clock difference allowed, in seconds.
    pub skew_secs: u64,
}

/// Why a logout message is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutRefusal {
    /// The document.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// The signature.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// Another message, or something in it is missing, unknown or in disorder.
    #[error("the message is not the logout message that the standard has")]
    Form,
    /// Not version 2.0.
    #[error("the version is not 2.0")]
    Version,
    /// An instant that is none, or not UTC.
    #[error("an instant is not an xs:dateTime in UTC")]
    Time,
    /// Issued too long ago or in the future.
    #[error("it was issued too long ago or in the future (is a clock wrong?)")]
    IssueInstant,
    /// Past NotOnOrAfter.
    #[error("the logout request has expired")]
    Expired,
    /// Meant for another place.
    #[error("the message is meant for another destination")]
    Destination,
    /// From somebody else.
    #[error("the issuer is another, or none")]
    Issuer,
    /// It answers another request.
    #[error("it answers another request than ours")]
    InResponseTo,
    /// Nobody is named, or in a way we cannot read.
    #[error("the request names nobody whom we could know")]
    NameId,
}

impl LogoutRefusal {
    /// The stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            LogoutRefusal::Xml(fault) => fault.code(),
            LogoutRefusal::Signature(fault) => fault.code(),
            LogoutRefusal::Form => "logout-form",
            LogoutRefusal::Version => "version",
            LogoutRefusal::Time => "time",
            LogoutRefusal::IssueInstant => "issue-instant",
            LogoutRefusal::Expired => "expired",
            LogoutRefusal::Destination => "destination",
            LogoutRefusal::Issuer => "issuer",
            LogoutRefusal::InResponseTo => "in-response-to",
            LogoutRefusal::NameId => "name-id",
        }
    }

    /// Every code of its own, in the order of the cases.
    pub const CODES: &[&str] = &[
        "logout-form",
        "version",
        "time",
        "issue-instant",
        "expired",
        "destination",
        "issuer",
        "in-response-to",
        "name-id",
    ];
}

/// A logout request that passed every check of [`verify_request`], which alone makes it. Whether it was seen
/// before is for the caller, who remembers issuer and id until [`VerifiedLogoutRequest::replay_until`].
#[derive(Debug, Clone)]
pub struct VerifiedLogoutRequest {
    issuer: String,
    id: String,
    name_id: NameId,
    session_indexes: Vec<String>,
    replay_until: UnixSecs,
}

impl VerifiedLogoutRequest {
    /// The peer's entity id.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its id, which the answer repeats.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose session.
    pub fn name_id(&self) -> &NameId {
        &self.name_id
    }

    /// Which sessions; none: all of the person.
    pub fn session_indexes(&self) -> &[String] {
        &self.session_indexes
    }

    /// From then on it would be refused for its age.
    pub fn replay_until(&self) -> UnixSecs {
        self.replay_until
    }
}

/// A logout response that passed every check of [`verify_response`], which alone makes it.
#[derive(Debug, Clone)]
pub struct VerifiedLogoutResponse {
    id: String,
    status: Status,
}

impl VerifiedLogoutResponse {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What became of our request.
    pub fn status(&self) -> &Status {
        &self.status
    }
}

/// Verifies a logout request.
pub fn verify_request(
    incoming: Incoming<'_>,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<VerifiedLogoutRequest, LogoutRefusal> {
    let text = text(incoming, Kind::Request)?;
    let tree = Tree::parse(&text, &MESSAGE)?;
    let (root, rest) = outer(&tree, "LogoutRequest", incoming, expected, now)?;
    let until =
        root.attr("NotOnOrAfter").map(|text| time::parse(text).ok_or(LogoutRefusal::Time)).transpose()?;
    if until.is_some_and(|until| now >= until.plus(expected.skew_secs)) {
        return Err(LogoutRefusal::Expired);
    }
    let [name, indexes @ ..] = &rest[..] else { return Err(LogoutRefusal::NameId) };
    if !name.is(SAML, "NameID") {
        return Err(LogoutRefusal::NameId);
    }
    if indexes.len() > SESSION_INDEXES_MAX || !indexes.iter().all(|el| el.is(SAMLP, "SessionIndex")) {
        return Err(LogoutRefusal::Form);
    }
    let session_indexes: Vec<String> = indexes.iter().map(El::token).collect::<Result<_, _>>()?;
    Ok(VerifiedLogoutRequest {
        issuer: expected.issuer.to_owned(),
        id: id(root)?,
        name_id: NameId::read(*name)?.ok_or(LogoutRefusal::NameId)?,
        session_indexes,
        // By then its instant of issue is too old, whatever it says itself.
        replay_until: now.plus(2 * expected.skew_secs + super::message::AGE_SECS_MAX + 1),
    })
}

/// Verifies a logout response to our request of that id.
pub fn verify_response(
    incoming: Incoming<'_>,
    request_id: &str,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<VerifiedLogoutResponse, LogoutRefusal> {
    let text = text(incoming, Kind::Response)?;
    let tree = Tree::parse(&text, &MESSAGE)?;
    let (root, rest) = outer(&tree, "LogoutResponse", incoming, expected, now)?;
    if root.attr("InResponseTo") != Some(request_id) {
        return Err(LogoutRefusal::InResponseTo);
    }
    let [status] = &rest[..] else { return Err(LogoutRefusal::Form) };
    if !status.is(SAMLP, "Status") {
        return Err(LogoutRefusal::Form);
    }
    Ok(VerifiedLogoutResponse { id: id(root)?, status: Status::read(*status).ok_or(LogoutRefusal::Form)? })
}

/// The XML of a message of the right kind.
fn text(incoming: Incoming<'_>, kind: Kind) -> Result<String, LogoutRefusal> {
    match incoming {
        Incoming::Post(field) => {
            let bytes = xml::base64(field, MESSAGE.bytes_max)?;
            String::from_utf8(bytes).map_err(|_| XmlFault::Encoding.into())
        }
        Incoming::Redirect(message) if message.kind() == kind => Ok(message.xml().to_owned()),
        Incoming::Redirect(_) => Err(LogoutRefusal::Form),
    }
}

fn id(root: El<'_>) -> Result<String, LogoutRefusal> {
    let id = root.attr("ID").filter(|id| id.chars().count() <= NAME_CHARS_MAX);
    id.map(str::to_owned).ok_or(LogoutRefusal::Form)
}

/// The signature and what both messages have; gives the root and what follows Issuer, Signature and Extensions.
fn outer<'t>(
    tree: &'t Tree<'_>,
    element: &str,
    incoming: Incoming<'_>,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<(El<'t>, Vec<El<'t>>), LogoutRefusal> {
    let root = tree.root();
    if !root.is(SAMLP, element) {
        return Err(LogoutRefusal::Form);
    }
    let signed = signature::verify(tree, &[root], expected.keys)?;
    match incoming {
        Incoming::Post(_) if !signed.covers(root) => return Err(SignatureFault::Missing.into()),
        Incoming::Post(_) => {}
        // Inside a query, a signature belongs to the query and none to the XML (Bindings §3.4.4.1).
        Incoming::Redirect(_) if signed.covers(root) => return Err(SignatureFault::Misplaced.into()),
        Incoming::Redirect(message) => message.signed_by(expected.keys)?,
    }
    if root.attr("Version") != Some("2.0") {
        return Err(LogoutRefusal::Version);
    }
    match (root.attr("Destination"), incoming) {
        (Some(destination), _) if destination == expected.destination => {}
        // Entra ID answers without it. What a query's signature covers and InResponseTo names is no less tied to us.
        (None, Incoming::Redirect(_)) if element == "LogoutResponse" => {}
        _ => return Err(LogoutRefusal::Destination),
    }
    let issued = root.attr("IssueInstant").ok_or(LogoutRefusal::Form)?;
    if !is_recent(time::parse(issued).ok_or(LogoutRefusal::Time)?, now, expected.skew_secs) {
        return Err(LogoutRefusal::IssueInstant);
    }
    let mut children = root.elements()?.into_iter().peekable();
    let from = children.next_if(|el| el.is(SAML, "Issuer")).ok_or(LogoutRefusal::Issuer)?;
    if issuer(from)?.as_deref() != Some(expected.issuer) {
        return Err(LogoutRefusal::Issuer);
    }
    children.next_if(|el| el.is(DS, "Signature"));
    children.next_if(|el| el.is(SAMLP, "Extensions"));
    Ok((root, children.collect()))
}
