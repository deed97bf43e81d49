//! What all messages have: ids, the frame of what we send, and the outer checks of what we get.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::OwnKey;
use super::names::{SAML, SAMLP, name_id};
use super::signature::{self, CannotSign};
use super::time;
use super::write::Writer;
use super::xml::{El, XmlFault};
use crate::ambient::{Entropy, UnixSecs};

/// Clock difference allowed between us and a peer, in seconds, unless configured.
pub const SKEW_SECS: u64 = 180;
/// Largest clock difference that may be configured, in seconds.
pub const SKEW_SECS_MAX: u64 = 300;
/// How old a message may be, in seconds, besides the clock difference.
pub const AGE_SECS_MAX: u64 = 300;
/// Longest name of an entity, in characters (Metadata §2.2.1).
pub const ENTITY_ID_CHARS_MAX: usize = 1024;
/// Longest value of a name identifier or id, in characters.
pub const NAME_CHARS_MAX: usize = 1024;
/// Longest status message kept, in characters.
pub const STATUS_MESSAGE_CHARS_MAX: usize = 200;

/// A fresh id of 160 random bits, which is an XML name.
pub fn new_id(entropy: &Entropy) -> String {
    use std::fmt::Write as _;
    entropy.bytes::<20>().iter().fold("_".to_owned(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Whether a message asks or answers, which is the name of its parameter in the bindings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `SAMLRequest`
    Request,
    /// `SAMLResponse`
    Response,
}

impl Kind {
    /// The name of the form field or query parameter.
    pub fn parameter(self) -> &'static str {
        match self {
            Kind::Request => "SAMLRequest",
            Kind::Response => "SAMLResponse",
        }
    }
}

/// A message of ours, to be sent by a binding: [`super::redirect::encode`] or [`Outgoing::post`].
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// Up to and including `Issuer`, behind which a signature goes.
    pub(super) head: String,
    pub(super) tail: String,
}

impl Outgoing {
    /// Its id, to compare with `InResponseTo` of the answer.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Request or response.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The XML without a signature.
    pub fn unsigned(&self) -> String {
        format!("{}{}", self.head, self.tail)
    }

    /// The XML with a signature over all of it.
    pub fn signed(&self, key: &OwnKey) -> Result<String, CannotSign> {
        signature::sign(&self.head, &self.tail, &self.id, key)
    }

    /// The value of the form field named [`Kind::parameter`] (Bindings §3.5.4); signed when there is a key.
    pub fn post(&self, key: Option<&OwnKey>) -> Result<String, CannotSign> {
        let xml = match key {
            Some(key) => self.signed(key)?,
            None => self.unsigned(),
        };
        Ok(STANDARD.encode(xml))
    }
}

/// The start of a protocol message: `samlp:{element}` with the common attributes and `extra` ones, and `Issuer`.
pub(super) fn head(element: &str, common: &Common<'_>, extra: &[(&str, &str)]) -> String {
    let issued = time::format(common.issued);
    let mut attributes = vec![
        ("xmlns:samlp", SAMLP),
        ("xmlns:saml", SAML),
        ("ID", common.id),
        ("Version", "2.0"),
        ("IssueInstant", issued.as_str()),
        ("Destination", common.destination),
    ];
    attributes.extend_from_slice(extra);
    let mut writer = Writer::new();
    writer.open(&format!("samlp:{element}"), &attributes).leaf("saml:Issuer", &[], common.issuer);
    writer.finish()
}

/// What every message of ours says.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    /// Its id, see [`new_id`].
    pub id: &'a str,
    /// Our entity id.
    pub issuer: &'a str,
    /// Where it goes.
    pub destination: &'a str,
    /// Now.
    pub issued: UnixSecs,
}

/// The text of an issuer: an entity's name, without a qualifier.
pub(super) fn issuer(element: El<'_>) -> Result<Option<String>, XmlFault> {
    let odd = element.attr("Format").is_some_and(|format| format != name_id::ENTITY)
        || ["NameQualifier", "SPNameQualifier", "SPProvidedID"]
            .iter()
            .any(|name| element.attr(name).is_some());
    let name = element.token()?;
    Ok((!odd && !name.is_empty() && name.chars().count() <= ENTITY_ID_CHARS_MAX).then_some(name))
}

/// Whether an instant of issue is near enough to now.
pub(super) fn is_recent(issued: UnixSecs, now: UnixSecs, skew_secs: u64) -> bool {
    issued <= now.plus(skew_secs) && now.since(issued) <= skew_secs + AGE_SECS_MAX
}

/// A name identifier with its qualifiers, which a logout must repeat.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NameId {
    /// The name.
    pub value: String,
    /// Its format, when said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The provider in whose names it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_qualifier: Option<String>,
    /// The service for which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_name_qualifier: Option<String>,
    /// The name that the service gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_provided_id: Option<String>,
}

impl NameId {
    /// A name of a format.
    pub fn new(value: &str, format: &str) -> Self {
        NameId {
            value: value.to_owned(),
            format: Some(format.to_owned()),
            name_qualifier: None,
            sp_name_qualifier: None,
            sp_provided_id: None,
        }
    }

    /// Reads a `NameID`; `None` when it is empty, or anything of it too long.
    pub(super) fn read(element: El<'_>) -> Result<Option<Self>, XmlFault> {
        let value = element.text()?;
        if value.trim().is_empty() || value.chars().count() > NAME_CHARS_MAX {
            return Ok(None);
        }
        let names = ["Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"];
        if names
            .iter()
            .filter_map(|name| element.attr(name))
            .any(|text| text.chars().count() > NAME_CHARS_MAX)
        {
            return Ok(None);
        }
        let attr = |name| element.attr(name).map(str::to_owned);
        Ok(Some(NameId {
            value,
            format: attr("Format"),
            name_qualifier: attr("NameQualifier"),
            sp_name_qualifier: attr("SPNameQualifier"),
            sp_provided_id: attr("SPProvidedID"),
        }))
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let mut attributes = Vec::new();
        for (name, value) in [
            ("Format", &self.format),
            ("NameQualifier", &self.name_qualifier),
            ("SPNameQualifier", &self.sp_name_qualifier),
            ("SPProvidedID", &self.sp_provided_id),
        ] {
            if let Some(value) = value {
                attributes.push((name, value.as_str()));
            }
        }
        writer.leaf("saml:NameID", &attributes, &self.value);
    }
}

/// A status: what became of what was asked (Core §3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The first code, a URI.
    pub code: String,
    /// The second code, which is often the one that says something.
    pub detail: Option<String>,
    /// Words of the peer, cut to [`STATUS_MESSAGE_CHARS_MAX`] and without control characters.
    pub message: Option<String>,
}

impl Status {
    /// A status of ours.
    pub fn of(code: &str, detail: Option<&str>) -> Self {
        Status { code: code.to_owned(), detail: detail.map(str::to_owned), message: None }
    }

    /// Whether what was asked was done.
    pub fn is_success(&self) -> bool {
        self.code == super::names::status::SUCCESS
    }

    /// Reads a `Status`; `None` when it has not the form of one.
    pub(super) fn read(element: El<'_>) -> Option<Self> {
        let children = element.elements().ok()?;
        let [code, rest @ ..] = &children[..] else { return None };
        if !code.is(SAMLP, "StatusCode") {
            return None;
        }
        let message = rest.iter().find(|el| el.is(SAMLP, "StatusMessage"));
        if rest.iter().any(|el| !el.is(SAMLP, "StatusMessage") && !el.is(SAMLP, "StatusDetail")) {
            return None;
        }
        let inner = code.elements().ok()?;
        let detail = match &inner[..] {
            [] => None,
            [detail] if detail.is(SAMLP, "StatusCode") => Some(detail.attr("Value")?),
            _ => return None,
        };
        let cut = |text: &str| -> String {
            text.chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(STATUS_MESSAGE_CHARS_MAX)
                .collect()
        };
        Some(Status {
            code: cut(code.attr("Value")?),
            detail: detail.map(cut),
            message: message.and_then(|el| el.text().ok()).map(|text| cut(text.trim())),
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.open("samlp:Status", &[]).open("samlp:StatusCode", &[("Value", &self.code)]);
        if let Some(detail) = &self.detail {
            writer.empty("samlp:StatusCode", &[("Value", detail)]);
        }
        writer.close("samlp:StatusCode");
        if let Some(message) = &self.message {
            writer.leaf("samlp:StatusMessage", &[], message);
        }
        writer.close("samlp:Status");
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::{MESSAGE, Tree};
    use super::*;

    #[test]
    fn ids_are_names_and_differ() {
        let (one, two) = (new_id(&Entropy::system()), new_id(&Entropy::system()));
        assert_ne!(one, two);
        for id in [one, two] {
            let hex = id.strip_prefix('_').expect("a name begins with a letter or a line");
            assert_eq!((hex.len(), hex.bytes().all(|b| b.is_ascii_hexdigit())), (40, true));
        }
    }

    #[test]
    fn a_message_is_recent_within_both_clocks() {
        let now = UnixSecs(10_000);
        for (issued, want) in [(9_520, true), (9_519, false), (10_180, true), (10_181, false), (10_000, true)]
        {
            assert_eq!(is_recent(UnixSecs(issued), now, 180), want, "{issued}");
        }
    }

    #[test]
    fn a_status_is_read_as_it_is_written() {
        let mut status = Status::of("urn:a", Some("urn:b"));
        status.message = Some("it is <so>".to_owned());
        for status in [Status::of("urn:a", None), status] {
            let mut writer = Writer::new();
            writer.open("x", &[("xmlns:samlp", SAMLP)]);
            status.write(&mut writer);
            writer.close("x");
            let xml = writer.finish();
            let tree = Tree::parse(&xml, &MESSAGE).unwrap();
            assert_eq!(Status::read(tree.root().elements().unwrap()[0]), Some(status));
        }
        for odd in [
            "",
            "<StatusMessage/>",
            "<StatusCode/>",
            "<StatusCode Value='a'/><StatusCode Value='b'/>",
            "<StatusCode Value='a'><StatusCode/></StatusCode>",
            "<StatusCode Value='a'><x/></StatusCode>",
            "<StatusCode Value='a'/>text",
        ] {
            let xml = format!("<Status xmlns='{SAMLP}'>{odd}</Status>");
            assert_eq!(Status::read(Tree::parse(&xml, &MESSAGE).unwrap().root()), None, "{odd}");
        }
    }
}
