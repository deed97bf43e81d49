//! Requests of services (Core §3.4, Web Browser SSO Profile §4.1.4.1): which may be answered, and where. The
//! answers are made in [`super::issue`].

use super::keys::PeerKey;
use super::logout::Incoming;
use super::message::{Kind, NAME_CHARS_MAX, is_recent, issuer};
use super::names::{BINDING_POST, DS, SAML, SAMLP};
use super::signature::{self, SignatureFault};
use super::time;
use super::xml::{self, El, MESSAGE, Tree, XmlFault};
use crate::ambient::UnixSecs;

/// Authentication contexts of one request.
pub const CONTEXTS_MAX: usize = 20;

/// A service provider as we know it.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// Its entity id.
    pub entity_id: &'a str,
    /// Its keys.
    pub keys: &'a [PeerKey],
    /// Its assertion consumer services by HTTP-POST; the first is the one that serves when none is named.
    pub acs: &'a [&'a str],
    /// Whether its requests must be signed.
    pub signs_requests: bool,
}

/// Why a request is refused. None of these is answered to the address in the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// The document.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// The signature.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// Another message, or something in it is missing, unknown or in disorder.
    #[error("the message is not an AuthnRequest of the form that the standard has")]
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
    /// Meant for another place.
    #[error("the request is meant for another destination")]
    Destination,
    /// From a service that nobody here knows.
    #[error("the service is not known here")]
    Service,
    /// To be answered where that service is not.
    #[error("the request wants its answer at an address that is not the service's")]
    Acs,
    /// To be answered otherwise than by HTTP-POST.
    #[error("the request wants its answer by another binding than HTTP-POST")]
    Binding,
}

impl RequestRefusal {
    /// The stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            RequestRefusal::Xml(fault) => fault.code(),
            RequestRefusal::Signature(fault) => fault.code(),
            RequestRefusal::Form => "request-form",
            RequestRefusal::Version => "version",
            RequestRefusal::Time => "time",
            RequestRefusal::IssueInstant => "issue-instant",
            RequestRefusal::Destination => "destination",
            RequestRefusal::Service => "request-service",
            RequestRefusal::Acs => "request-acs",
            RequestRefusal::Binding => "request-binding",
        }
    }

    /// Every code of its own, in the order of the cases.
    pub const CODES: &[&str] = &[
        "request-form",
        "version",
        "time",
        "issue-instant",
        "destination",
        "request-service",
        "request-acs",
        "request-binding",
    ];
}

/// A request that may be answered. Only [`read_request`] makes it.
#[derive(Debug, Clone)]
pub struct AcceptedRequest {
    id: String,
    service: String,
    acs: String,
    force_authn: bool,
    is_passive: bool,
    name_id_format: Option<String>,
    authn_contexts: Vec<String>,
    was_signed: bool,
}

impl AcceptedRequest {
    /// Its id, which the answer repeats.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The service's entity id.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Where the answer goes: one of the service's own addresses.
    pub fn acs(&self) -> &str {
        &self.acs
    }

    /// The person is to prove who they are again.
    pub fn force_authn(&self) -> bool {
        self.force_authn
    }

    /// The person must not be asked.
    pub fn is_passive(&self) -> bool {
        self.is_passive
    }

    /// The format of the name wanted.
    pub fn name_id_format(&self) -> Option<&str> {
        self.name_id_format.as_deref()
    }

    /// Authentication contexts, one of which is wanted.
    pub fn authn_contexts(&self) -> &[String] {
        &self.authn_contexts
    }

    /// Whether its signature was verified.
    pub fn was_signed(&self) -> bool {
        self.was_signed
    }
}

/// Reads a request that was received at `destination`. `service` finds a service by its entity id.
pub fn read_request<'s>(
    incoming: Incoming<'_>,
    destination: &str,
    skew_secs: u64,
    service: impl FnOnce(&str) -> Option<Service<'s>>,
    now: UnixSecs,
) -> Result<AcceptedRequest, RequestRefusal> {
    use RequestRefusal as R;
    let text = match incoming {
        Incoming::Post(field) => {
            let bytes = xml::base64(field, MESSAGE.bytes_max)?;
            String::from_utf8(bytes).map_err(|_| XmlFault::Encoding)?
        }
        Incoming::Redirect(message) if message.kind() == Kind::Request => message.xml().to_owned(),
        Incoming::Redirect(_) => return Err(R::Form),
    };
    let tree = Tree::parse(&text, &MESSAGE)?;
    let root = tree.root();
    if !root.is(SAMLP, "AuthnRequest") {
        return Err(R::Form);
    }
    let mut children = root.elements()?.into_iter().peekable();
    let from = children.next_if(|el| el.is(SAML, "Issuer")).ok_or(R::Service)?;
    let service = issuer(from)?.and_then(|name| service(&name).filter(|s| s.entity_id == name));
    let service = service.ok_or(R::Service)?;
    let was_signed = signed(&tree, root, incoming, &service)?;
    children.next_if(|el| el.is(DS, "Signature"));
    if root.attr("Version") != Some("2.0") {
        return Err(R::Version);
    }
    match root.attr("Destination") {
        Some(named) if named == destination => {}
        None if !was_signed => {}
        _ => return Err(R::Destination),
    }
    let issued = time::parse(root.attr("IssueInstant").ok_or(R::Form)?).ok_or(R::Time)?;
    if !is_recent(issued, now, skew_secs) {
        return Err(R::IssueInstant);
    }
    let acs = acs(root, &service)?;
    let (name_id_format, authn_contexts) = wishes(children)?;
    let id = root.attr("ID").filter(|id| id.chars().count() <= NAME_CHARS_MAX).ok_or(R::Form)?;
    Ok(AcceptedRequest {
        id: id.to_owned(),
        service: service.entity_id.to_owned(),
        acs,
        force_authn: flag(root, "ForceAuthn")?,
        is_passive: flag(root, "IsPassive")?,
        name_id_format,
        authn_contexts,
        was_signed,
    })
}

fn signed(
    tree: &Tree<'_>,
    root: El<'_>,
    incoming: Incoming<'_>,
    service: &Service<'_>,
) -> Result<bool, RequestRefusal> {
    let inside = signature::verify(tree, &[root], service.keys)?.covers(root);
    let signed = match incoming {
        Incoming::Post(_) => inside,
        Incoming::Redirect(_) if inside => return Err(SignatureFault::Misplaced.into()),
        // A signature that is there must be right, asked for or not.
        Incoming::Redirect(message) if message.has_signature() => {
            message.signed_by(service.keys)?;
            true
        }
        Incoming::Redirect(_) => false,
    };
    if service.signs_requests && !signed {
        return Err(SignatureFault::Missing.into());
    }
    Ok(signed)
}

/// Where the answer goes (Core §3.4.1): an address named must be the service's own, exactly.
fn acs(root: El<'_>, service: &Service<'_>) -> Result<String, RequestRefusal> {
    if root.attr("ProtocolBinding").is_some_and(|binding| binding != BINDING_POST) {
        return Err(RequestRefusal::Binding);
    }
    let place = match (root.attr("AssertionConsumerServiceURL"), root.attr("AssertionConsumerServiceIndex")) {
        (Some(url), None) => service.acs.iter().find(|known| **known == url),
        (None, Some(index)) => index.parse().ok().and_then(|index: usize| service.acs.get(index)),
        (None, None) => service.acs.first(),
        (Some(_), Some(_)) => None,
    };
    place.map(|url| (*url).to_owned()).ok_or(RequestRefusal::Acs)
}

fn flag(element: El<'_>, name: &str) -> Result<bool, RequestRefusal> {
    match element.attr(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(RequestRefusal::Form),
    }
}

fn wishes<'t>(
    children: impl Iterator<Item = El<'t>>,
) -> Result<(Option<String>, Vec<String>), RequestRefusal> {
    let (mut format, mut contexts) = (None, Vec::new());
    for child in children {
        if child.is(SAMLP, "NameIDPolicy") {
            format = child.attr("Format").map(str::to_owned);
        } else if child.is(SAMLP, "RequestedAuthnContext") {
            for context in child.elements()? {
                contexts.push(context.token()?);
            }
        } else if !["Extensions", "Scoping"].iter().any(|name| child.is(SAMLP, name))
            && !["Subject", "Conditions"].iter().any(|name| child.is(SAML, name))
        {
            return Err(RequestRefusal::Form);
        }
    }
    if contexts.len() > CONTEXTS_MAX {
        return Err(RequestRefusal::Form);
    }
    Ok((format, contexts))
}
