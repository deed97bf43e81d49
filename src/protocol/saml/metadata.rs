//! Metadata of a provider (Metadata §2): where it is asked, and with which keys it signs.

use super::keys::{KeyFault, PeerKey};
use super::message::ENTITY_ID_CHARS_MAX;
use super::names::{BINDING_POST, BINDING_REDIRECT, DS, MD, SAMLP};
use super::signature::{self, SignatureFault};
use super::time;
use super::xml::{self, El, METADATA, Tree, XmlFault};
use crate::ambient::UnixSecs;

/// Keys of one provider.
pub const KEYS_MAX: usize = 20;
/// Endpoints of one kind of one provider.
pub const ENDPOINTS_MAX: usize = 50;
/// Longest URL of an endpoint, in bytes.
pub const LOCATION_BYTES_MAX: usize = 2048;

/// What a document must be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The entity to pick out; without one, the document must describe a single provider.
    pub entity_id: Option<&'a str>,
    /// Keys, one of which must have signed the whole document.
    pub pinned: Option<&'a [PeerKey]>,
}

/// Why a document is not the metadata of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The document.
    #[error("{0}")]
    Xml(#[from] XmlFault),
    /// The signature on the whole.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// Not metadata.
    #[error("the document is not SAML metadata of the form that the standard has")]
    Form,
    /// The entity is not in it.
    #[error("the document does not describe the entity that is configured")]
    Entity,
    /// Several entities, and none is asked for.
    #[error("the document describes several entities, and none of them is configured")]
    Ambiguous,
    /// The entity is in it twice.
    #[error("the document describes the entity twice")]
    Repeated,
    /// The entity is no identity provider of SAML 2.0.
    #[error("the entity is not an identity provider of SAML 2.0")]
    NotProvider,
    /// Past `validUntil`.
    #[error("the metadata has expired")]
    Expired,
    /// An instant or duration that is none.
    #[error("validUntil or cacheDuration cannot be read")]
    Time,
    /// Nowhere to send a person.
    #[error("the provider has no single sign-on endpoint for HTTP-Redirect or HTTP-POST")]
    NoEndpoint,
    /// No key to verify with. The reason is that of the last key refused.
    #[error("the provider has no signing key that can be used{}", .0.map(|why| format!(": its key {why}")).unwrap_or_default())]
    NoSigningKey(Option<KeyFault>),
    /// More keys or endpoints than can be sensible.
    #[error("the provider has too many keys or endpoints")]
    TooMany,
}

impl MetadataError {
    /// The stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            MetadataError::Xml(fault) => fault.code(),
            MetadataError::Signature(fault) => fault.code(),
            MetadataError::Form => "metadata-form",
            MetadataError::Entity => "metadata-entity",
            MetadataError::Ambiguous => "metadata-ambiguous",
            MetadataError::Repeated => "metadata-repeated",
            MetadataError::NotProvider => "metadata-not-provider",
            MetadataError::Expired => "metadata-expired",
            MetadataError::Time => "metadata-time",
            MetadataError::NoEndpoint => "metadata-no-endpoint",
            MetadataError::NoSigningKey(_) => "metadata-no-signing-key",
            MetadataError::TooMany => "metadata-too-many",
        }
    }

    /// Every code of its own, in the order of the cases.
    pub const CODES: &[&str] = &[
        "metadata-form",
        "metadata-entity",
        "metadata-ambiguous",
        "metadata-repeated",
        "metadata-not-provider",
        "metadata-expired",
        "metadata-time",
        "metadata-no-endpoint",
        "metadata-no-signing-key",
        "metadata-too-many",
    ];
}

/// A binding we can send by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// HTTP-Redirect
    Redirect,
    /// HTTP-POST
    Post,
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How.
    pub binding: Binding,
    /// The URL, http or https.
    pub location: String,
    /// The URL of answers, where it is another.
    pub response_location: Option<String>,
}

impl Endpoint {
    /// Where an answer goes.
    pub fn for_responses(&self) -> &str {
        self.response_location.as_deref().unwrap_or(&self.location)
    }
}

/// What a provider says of itself. Only [`IdpMetadata::parse`] makes it.
#[derive(Debug, Clone)]
pub struct IdpMetadata {
    entity_id: String,
    valid_until: Option<UnixSecs>,
    cache_secs: Option<u64>,
    sso: Vec<Endpoint>,
    slo: Vec<Endpoint>,
    keys: Vec<PeerKey>,
    refused_keys: Vec<KeyFault>,
    wants_signed_requests: bool,
    name_id_formats: Vec<String>,
    was_signed: bool,
}

impl IdpMetadata {
    /// Reads a document.
    pub fn parse(bytes: &[u8], expected: &Expected<'_>, now: UnixSecs) -> Result<Self, MetadataError> {
        if bytes.len() > METADATA.bytes_max {
            return Err(XmlFault::TooLarge.into());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| XmlFault::Encoding)?;
        let tree = Tree::parse(text, &METADATA)?;
        let root = tree.root();
        if let Some(keys) = expected.pinned {
            signature::verify_root(&tree, keys)?;
        }
        let (entity, around) = entity(root, expected.entity_id)?;
        let entity_id = entity.attr("entityID").unwrap_or_default();
        let role = role(entity)?;
        let (mut valid_until, mut cache_secs) = (None::<UnixSecs>, None::<u64>);
        for element in around.iter().chain([&entity, &role]) {
            if let Some(text) = element.attr("validUntil") {
                let until = time::parse(text).ok_or(MetadataError::Time)?;
                valid_until = Some(valid_until.map_or(until, |known| known.min(until)));
            }
            if let Some(text) = element.attr("cacheDuration") {
                let secs = time::parse_duration(text).ok_or(MetadataError::Time)?;
                cache_secs = Some(cache_secs.map_or(secs, |known| known.min(secs)));
            }
        }
        if valid_until.is_some_and(|until| now >= until) {
            return Err(MetadataError::Expired);
        }
        let children = role.elements()?;
        let sso = endpoints(&children, "SingleSignOnService")?;
        if sso.is_empty() {
            return Err(MetadataError::NoEndpoint);
        }
        let (keys, refused_keys) = keys(&children)?;
        if keys.is_empty() {
            return Err(MetadataError::NoSigningKey(refused_keys.last().copied()));
        }
        let formats = children.iter().filter(|el| el.is(MD, "NameIDFormat"));
        Ok(IdpMetadata {
            entity_id: entity_id.to_owned(),
            valid_until,
            cache_secs,
            slo: endpoints(&children, "SingleLogoutService")?,
            sso,
            keys,
            refused_keys,
            wants_signed_requests: matches!(role.attr("WantAuthnRequestsSigned"), Some("true" | "1")),
            name_id_formats: formats.map(El::token).collect::<Result<_, _>>()?,
            was_signed: expected.pinned.is_some(),
        })
    }

    /// The provider's name.
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// From then on the document must not be used, the earliest instant that it says anywhere.
    pub fn valid_until(&self) -> Option<UnixSecs> {
        self.valid_until
    }

    /// How long to wait before it is fetched again, in seconds, if it says so.
    pub fn cache_secs(&self) -> Option<u64> {
        self.cache_secs
    }

    /// The keys it signs with, in the order of the document, each once.
    pub fn signing_keys(&self) -> &[PeerKey] {
        &self.keys
    }

    /// Why keys of it were passed over.
    pub fn refused_keys(&self) -> &[KeyFault] {
        &self.refused_keys
    }

    /// Single sign-on endpoints, of bindings we know.
    pub fn sso_endpoints(&self) -> &[Endpoint] {
        &self.sso
    }

    /// Where a person is sent by this binding.
    pub fn sso(&self, binding: Binding) -> Option<&Endpoint> {
        self.sso.iter().find(|endpoint| endpoint.binding == binding)
    }

    /// Forgets endpoints with an address that `may_be_used` refuses, and gives those addresses. Others of the
    /// provider are as good as before.
    pub fn drop_endpoints(&mut self, may_be_used: impl Fn(&str) -> bool) -> Vec<String> {
        let mut dropped = Vec::new();
        for endpoints in [&mut self.sso, &mut self.slo] {
            endpoints.retain(|endpoint| {
                let mut addresses = std::iter::once(&endpoint.location).chain(&endpoint.response_location);
                let bad = addresses.find(|location| !may_be_used(location));
                dropped.extend(bad.cloned());
                bad.is_none()
            });
        }
        dropped
    }

    /// Single logout endpoints, of bindings we know.
    pub fn slo_endpoints(&self) -> &[Endpoint] {
        &self.slo
    }

    /// Where a logout is sent by this binding.
    pub fn slo(&self, binding: Binding) -> Option<&Endpoint> {
        self.slo.iter().find(|endpoint| endpoint.binding == binding)
    }

    /// Whether it wants authentication requests signed.
    pub fn wants_signed_requests(&self) -> bool {
        self.wants_signed_requests
    }

    /// Formats of names that it says it can give.
    pub fn name_id_formats(&self) -> &[String] {
        &self.name_id_formats
    }

    /// Whether a pinned key had signed the document.
    pub fn was_signed(&self) -> bool {
        self.was_signed
    }
}

/// The entity, and the groups around it, outermost first.
fn entity<'t>(root: El<'t>, wanted: Option<&str>) -> Result<(El<'t>, Vec<El<'t>>), MetadataError> {
    let mut found: Vec<El<'t>> = Vec::new();
    if root.is(MD, "EntityDescriptor") {
        found.push(root);
    } else if root.is(MD, "EntitiesDescriptor") {
        let mut groups = vec![root];
        while let Some(group) = groups.pop() {
            for child in group.elements()? {
                if child.is(MD, "EntityDescriptor") {
                    found.push(child);
                } else if child.is(MD, "EntitiesDescriptor") {
                    groups.push(child);
                }
            }
        }
    } else {
        return Err(MetadataError::Form);
    }
    found.retain(|entity| match wanted {
        Some(wanted) => entity.attr("entityID") == Some(wanted),
        None => true,
    });
    let entity = match (&found[..], wanted) {
        ([one], _) => *one,
        ([], _) => return Err(MetadataError::Entity),
        (_, Some(_)) => return Err(MetadataError::Repeated),
        (several, None) => {
            let mut providers = several.iter().filter(|entity| role(**entity).is_ok());
            match (providers.next(), providers.next()) {
                (Some(one), None) => *one,
                (None, _) => return Err(MetadataError::NotProvider),
                _ => return Err(MetadataError::Ambiguous),
            }
        }
    };
    let named =
        entity.attr("entityID").is_some_and(|id| !id.is_empty() && id.chars().count() <= ENTITY_ID_CHARS_MAX);
    if !named {
        return Err(MetadataError::Form);
    }
    let mut around = Vec::new();
    let mut at = entity.parent();
    while let Some(group) = at {
        around.insert(0, group);
        at = group.parent();
    }
    Ok((entity, around))
}

/// The role of an identity provider that speaks SAML 2.0.
fn role(entity: El<'_>) -> Result<El<'_>, MetadataError> {
    let speaks = |el: &El<'_>| {
        el.attr("protocolSupportEnumeration")
            .is_some_and(|list| list.split_ascii_whitespace().any(|p| p == SAMLP))
    };
    let roles = entity.elements()?;
    roles.into_iter().find(|el| el.is(MD, "IDPSSODescriptor") && speaks(el)).ok_or(MetadataError::NotProvider)
}

/// Endpoints of bindings we know, whose URL can be opened in a browser.
fn endpoints(children: &[El<'_>], name: &str) -> Result<Vec<Endpoint>, MetadataError> {
    let mut found = Vec::new();
    for element in children.iter().filter(|el| el.is(MD, name)) {
        let binding = match element.attr("Binding") {
            Some(BINDING_REDIRECT) => Binding::Redirect,
            Some(BINDING_POST) => Binding::Post,
            _ => continue,
        };
        // A location such as `javascript:` would run in our page that posts to it.
        let Some(location) = element.attr("Location").filter(|url| is_web(url)) else { continue };
        let response_location = element.attr("ResponseLocation").filter(|url| is_web(url));
        found.push(Endpoint {
            binding,
            location: location.to_owned(),
            response_location: response_location.map(str::to_owned),
        });
        if found.len() > ENDPOINTS_MAX {
            return Err(MetadataError::TooMany);
        }
    }
    Ok(found)
}

pub(super) fn is_web(text: &str) -> bool {
    text.len() <= LOCATION_BYTES_MAX
        && url::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.host_str().is_some() && url.fragment().is_none()
        })
}

/// Signing keys, those without a use included, and why others were not taken.
fn keys(children: &[El<'_>]) -> Result<(Vec<PeerKey>, Vec<KeyFault>), MetadataError> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for descriptor in children.iter().filter(|el| el.is(MD, "KeyDescriptor")) {
        if !matches!(descriptor.attr("use"), None | Some("signing")) {
            continue;
        }
        for certificate in certificates(*descriptor)? {
            match certificate.and_then(|der| PeerKey::from_der(&der)) {
                Ok(key) if found.contains(&key) => {}
                Ok(key) => found.push(key),
                Err(fault) => refused.push(fault),
            }
        }
        if found.len() + refused.len() > KEYS_MAX {
            return Err(MetadataError::TooMany);
        }
    }
    Ok((found, refused))
}

/// The first certificate of each `X509Data`: others would be its issuers', which sign nothing here.
fn certificates(descriptor: El<'_>) -> Result<Vec<Result<Vec<u8>, KeyFault>>, XmlFault> {
    let mut found = Vec::new();
    for info in descriptor.elements()?.into_iter().filter(|el| el.is(DS, "KeyInfo")) {
        for data in info.elements()?.into_iter().filter(|el| el.is(DS, "X509Data")) {
            let certificate = data.elements()?.into_iter().find(|el| el.is(DS, "X509Certificate"));
            if let Some(certificate) = certificate {
                let der = xml::base64(&certificate.text()?, super::keys::CERTIFICATE_BYTES_MAX);
                found.push(der.map_err(|_| KeyFault::NotCertificate));
            }
        }
    }
    Ok(found)
}
