//! What an assertion says, read below the element whose signature was verified (Core §2, Web Browser SSO
//! Profile §4.1.4.3). [`super::response`] calls this, after it knows who signed.

use super::message::{AGE_SECS_MAX, NAME_CHARS_MAX, NameId, SKEW_SECS_MAX, is_recent, issuer};
use super::names::{BEARER, SAML, XSI};
use super::response::{Expected, Refusal};
use super::time;
use super::xml::El;
use crate::ambient::UnixSecs;

/// Attributes of one assertion.
pub const ATTRIBUTES_MAX: usize = 500;
/// Values of all its attributes together.
pub const VALUES_MAX: usize = 2_000;

/// An attribute, by the name that identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    name: String,
    name_format: Option<String>,
    friendly_name: Option<String>,
    values: Vec<Option<String>>,
}

impl Attribute {
    /// `Name`, the only thing to compare.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `NameFormat`, when said.
    pub fn name_format(&self) -> Option<&str> {
        self.name_format.as_deref()
    }

    /// `FriendlyName`, for a person's eyes only: a provider may give any attribute any friendly name.
    pub fn friendly_name(&self) -> Option<&str> {
        self.friendly_name.as_deref()
    }

    /// Its values, as many as there are; `None` is one that `xsi:nil` declares to be none.
    pub fn values(&self) -> &[Option<String>] {
        &self.values
    }
}

/// An assertion that passed every check of [`super::response::verify`], which alone makes it. Whether it was
/// seen before is for the caller, who remembers issuer and id until [`VerifiedAssertion::replay_until`].
#[derive(Debug, Clone)]
pub struct VerifiedAssertion {
    pub(super) issuer: String,
    pub(super) id: String,
    pub(super) issued_at: UnixSecs,
    pub(super) name_id: Option<NameId>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) authn_instant: UnixSecs,
    pub(super) authn_context: Option<String>,
    pub(super) session_index: Option<String>,
    pub(super) session_not_on_or_after: Option<UnixSecs>,
    pub(super) replay_until: UnixSecs,
    pub(super) was_encrypted: bool,
    pub(super) in_response_to: Option<String>,
}

impl VerifiedAssertion {
    /// The provider's entity id.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its id: with the issuer, what must not be seen twice.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was issued, by the provider's clock.
    pub fn issued_at(&self) -> UnixSecs {
        self.issued_at
    }

    /// Who it is about, when it says so by a name.
    pub fn name_id(&self) -> Option<&NameId> {
        self.name_id.as_ref()
    }

    /// Everything it says about the person, in its order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The values of all attributes of this name, whatever the format of the name; `None` when there is no such
    /// attribute.
    pub fn values(&self, name: &str) -> Option<Vec<Option<&str>>> {
        let mut found = None;
        for attribute in self.attributes.iter().filter(|attribute| attribute.name == name) {
            found.get_or_insert_with(Vec::new).extend(attribute.values.iter().map(Option::as_deref));
        }
        found
    }

    /// When the person proved who they are.
    pub fn authn_instant(&self) -> UnixSecs {
        self.authn_instant
    }

    /// How they did, a URI.
    pub fn authn_context(&self) -> Option<&str> {
        self.authn_context.as_deref()
    }

    /// The provider's name for the session, which a logout must repeat.
    pub fn session_index(&self) -> Option<&str> {
        self.session_index.as_deref()
    }

    /// When the session must end at the latest, if the provider says so.
    pub fn session_not_on_or_after(&self) -> Option<UnixSecs> {
        self.session_not_on_or_after
    }

    /// Until then, exclusively, it must be remembered so that it does not work twice.
    pub fn replay_until(&self) -> UnixSecs {
        self.replay_until
    }

    /// Whether it came encrypted.
    pub fn was_encrypted(&self) -> bool {
        self.was_encrypted
    }

    /// The request it answers; `None` when nobody asked.
    pub fn in_response_to(&self) -> Option<&str> {
        self.in_response_to.as_deref()
    }
}

/// The children of an assertion, each where the schema has it.
struct Parts<'t> {
    issuer: El<'t>,
    subject: El<'t>,
    conditions: El<'t>,
    authn: El<'t>,
    attributes: Vec<El<'t>>,
}

/// Reads an assertion whose signature is verified.
pub(super) fn read(
    assertion: El<'_>,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<VerifiedAssertion, Refusal> {
    let id = assertion.attr("ID").filter(|id| id.chars().count() <= NAME_CHARS_MAX).ok_or(Refusal::Form)?;
    if assertion.attr("Version") != Some("2.0") {
        return Err(Refusal::Version);
    }
    let issued = instant(assertion, "IssueInstant")?.ok_or(Refusal::Form)?;
    if !is_recent(issued, now, expected.skew_secs) {
        return Err(Refusal::IssueInstant);
    }
    let parts = parts(assertion)?;
    if issuer(parts.issuer)?.as_deref() != Some(expected.idp_entity_id) {
        return Err(Refusal::Issuer);
    }
    let until = conditions(parts.conditions, expected, now)?;
    let (name_id, confirmed_until) = subject(parts.subject, expected, now)?;
    let authn = authn_statement(parts.authn, expected, now)?;
    let latest = until.map_or(confirmed_until, |until| until.max(confirmed_until));
    Ok(VerifiedAssertion {
        issuer: expected.idp_entity_id.to_owned(),
        id: id.to_owned(),
        issued_at: issued,
        name_id,
        attributes: attributes(&parts.attributes)?,
        authn_instant: authn.instant,
        authn_context: authn.context,
        session_index: authn.index,
        session_not_on_or_after: authn.until,
        // Whatever it says, its instant of issue is too old one day.
        replay_until: latest.plus(expected.skew_secs).min(issued.plus(SKEW_SECS_MAX + AGE_SECS_MAX + 1)),
        was_encrypted: false,
        in_response_to: expected.request_id.map(str::to_owned),
    })
}

/// Core §2.3.3: Issuer, Signature?, Subject?, Conditions?, Advice?, statements; in our profile Subject and
/// Conditions are no question, and there is one AuthnStatement.
fn parts<'t>(assertion: El<'t>) -> Result<Parts<'t>, Refusal> {
    let mut children = assertion.elements()?.into_iter().peekable();
    let issuer = children.next_if(|el| el.is(SAML, "Issuer")).ok_or(Refusal::Issuer)?;
    children.next_if(|el| el.is(super::names::DS, "Signature"));
    let subject = children.next_if(|el| el.is(SAML, "Subject")).ok_or(Refusal::Confirmation)?;
    let conditions = children.next_if(|el| el.is(SAML, "Conditions")).ok_or(Refusal::Audience)?;
    children.next_if(|el| el.is(SAML, "Advice"));
    let (mut authn, mut attributes) = (None, Vec::new());
    for statement in children {
        if statement.is(SAML, "AuthnStatement") {
            if authn.replace(statement).is_some() {
                return Err(Refusal::AuthnStatement);
            }
        } else if statement.is(SAML, "AttributeStatement") {
            attributes.push(statement);
        } else {
            return Err(Refusal::Form);
        }
    }
    Ok(Parts { issuer, subject, conditions, authn: authn.ok_or(Refusal::AuthnStatement)?, attributes })
}

/// An attribute that is an instant; one that is there and is none is a fault.
fn instant(element: El<'_>, name: &str) -> Result<Option<UnixSecs>, Refusal> {
    element.attr(name).map(|text| time::parse(text).ok_or(Refusal::Time)).transpose()
}

/// Core §2.5.1. Gives `NotOnOrAfter`.
fn conditions(element: El<'_>, expected: &Expected<'_>, now: UnixSecs) -> Result<Option<UnixSecs>, Refusal> {
    let until = instant(element, "NotOnOrAfter")?;
    if until.is_some_and(|until| now >= until.plus(expected.skew_secs)) {
        return Err(Refusal::Expired);
    }
    if instant(element, "NotBefore")?.is_some_and(|from| from > now.plus(expected.skew_secs)) {
        return Err(Refusal::NotYet);
    }
    let mut audiences = 0;
    for condition in element.elements()? {
        if condition.is(SAML, "AudienceRestriction") {
            audiences += 1;
            let mut ours = false;
            for audience in condition.elements()? {
                if !audience.is(SAML, "Audience") {
                    return Err(Refusal::Form);
                }
                ours |= audience.token()? == expected.entity_id;
            }
            if !ours {
                return Err(Refusal::Audience);
            }
        } else if !condition.is(SAML, "OneTimeUse") && !condition.is(SAML, "ProxyRestriction") {
            // Every assertion is used once here, and none is passed on; what else there may be is not known.
            return Err(Refusal::Condition);
        }
    }
    if audiences == 0 { Err(Refusal::Audience) } else { Ok(until) }
}

/// The name, and until when the bearer is confirmed.
fn subject(
    element: El<'_>,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<(Option<NameId>, UnixSecs), Refusal> {
    let mut children = element.elements()?.into_iter().peekable();
    let name_id = match children.next_if(|el| el.is(SAML, "NameID")) {
        Some(name) => Some(NameId::read(name)?.ok_or(Refusal::NameId)?),
        None => None,
    };
    let (mut confirmed, mut why) = (None::<UnixSecs>, Refusal::Confirmation);
    for confirmation in children {
        if !confirmation.is(SAML, "SubjectConfirmation") {
            // `EncryptedID` and `BaseID` name nobody whom we could know.
            return Err(Refusal::NameId);
        }
        if confirmation.attr("Method") != Some(BEARER) {
            continue;
        }
        // One that fits is enough (§4.1.4.3); of those that do not, the last says why.
        match bearer(confirmation, expected, now)? {
            Ok(until) => confirmed = Some(confirmed.map_or(until, |known| known.max(until))),
            Err(refusal) => why = refusal,
        }
    }
    confirmed.map(|until| (name_id, until)).ok_or(why)
}

/// Profiles §4.1.4.2: Recipient, NotOnOrAfter and InResponseTo, and no NotBefore.
fn bearer(
    confirmation: El<'_>,
    expected: &Expected<'_>,
    now: UnixSecs,
) -> Result<Result<UnixSecs, Refusal>, Refusal> {
    let children = confirmation.elements()?;
    // A name beside it, of who confirms, is of no concern to a bearer.
    let mut data = children.iter().filter(|el| el.is(SAML, "SubjectConfirmationData"));
    let (Some(data), None) = (data.next(), data.next()) else { return Ok(Err(Refusal::Confirmation)) };
    let Some(until) = instant(*data, "NotOnOrAfter")? else { return Ok(Err(Refusal::Confirmation)) };
    Ok(if data.attr("NotBefore").is_some() {
        Err(Refusal::Confirmation)
    } else if data.attr("Recipient") != Some(expected.acs) {
        Err(Refusal::Recipient)
    } else if data.attr("InResponseTo") != expected.request_id {
        Err(Refusal::InResponseTo)
    } else if now >= until.plus(expected.skew_secs) {
        Err(Refusal::Expired)
    } else {
        Ok(until)
    })
}

struct Authn {
    instant: UnixSecs,
    context: Option<String>,
    index: Option<String>,
    until: Option<UnixSecs>,
}

/// Core §2.7.2.
fn authn_statement(element: El<'_>, expected: &Expected<'_>, now: UnixSecs) -> Result<Authn, Refusal> {
    let at = instant(element, "AuthnInstant")?.ok_or(Refusal::AuthnStatement)?;
    if at > now.plus(expected.skew_secs) {
        return Err(Refusal::AuthnInstant);
    }
    if expected.authenticated_after.is_some_and(|after| at.plus(expected.skew_secs) < after) {
        return Err(Refusal::AuthnInstant);
    }
    let until = instant(element, "SessionNotOnOrAfter")?;
    if until.is_some_and(|until| now >= until.plus(expected.skew_secs)) {
        return Err(Refusal::SessionExpired);
    }
    let index = element.attr("SessionIndex").map(str::to_owned);
    if index.as_ref().is_some_and(|index| index.chars().count() > NAME_CHARS_MAX) {
        return Err(Refusal::AuthnStatement);
    }
    let mut context = None;
    for child in element.elements()? {
        if child.is(SAML, "AuthnContext") {
            for part in child.elements()? {
                if part.is(SAML, "AuthnContextClassRef") {
                    context = Some(part.token()?);
                }
            }
        } else if !child.is(SAML, "SubjectLocality") {
            return Err(Refusal::AuthnStatement);
        }
    }
    let wanted = expected.authn_contexts;
    if !wanted.is_empty() && !context.as_deref().is_some_and(|have| wanted.contains(&have)) {
        return Err(Refusal::AuthnContext);
    }
    Ok(Authn { instant: at, context, index, until })
}

fn attributes(statements: &[El<'_>]) -> Result<Vec<Attribute>, Refusal> {
    let (mut found, mut values) = (Vec::new(), 0usize);
    for statement in statements {
        for element in statement.elements()? {
            if !element.is(SAML, "Attribute") {
                // An encrypted attribute is not ours to open, and not to be passed over in silence.
                return Err(Refusal::Attribute);
            }
            let name = element.attr("Name").filter(|n| !n.is_empty() && n.chars().count() <= NAME_CHARS_MAX);
            let mut attribute = Attribute {
                name: name.ok_or(Refusal::Attribute)?.to_owned(),
                name_format: element.attr("NameFormat").map(str::to_owned),
                friendly_name: element.attr("FriendlyName").map(str::to_owned),
                values: Vec::new(),
            };
            for value in element.elements()? {
                if !value.is(SAML, "AttributeValue") {
                    return Err(Refusal::Attribute);
                }
                attribute.values.push(self::value(value)?);
                values += 1;
            }
            found.push(attribute);
            if found.len() > ATTRIBUTES_MAX || values > VALUES_MAX {
                return Err(Refusal::Attribute);
            }
        }
    }
    Ok(found)
}

/// A value is text, or nil, or a `NameID` (as eduPersonTargetedID has it), which is its text.
fn value(element: El<'_>) -> Result<Option<String>, Refusal> {
    if matches!(element.attr_ns(XSI, "nil"), Some("true" | "1")) {
        return if element.text()?.is_empty() { Ok(None) } else { Err(Refusal::Attribute) };
    }
    if let Ok(children) = element.elements()
        && let [name] = &children[..]
    {
        return match name.is(SAML, "NameID") {
            true => Ok(Some(NameId::read(*name)?.ok_or(Refusal::Attribute)?.value)),
            false => Err(Refusal::Attribute),
        };
    }
    Ok(Some(element.text()?))
}
