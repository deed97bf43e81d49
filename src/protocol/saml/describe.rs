//! Metadata of ours (Metadata §2): the same bytes for the same configuration, so that peers may compare.

use super::algorithms::{AES128_GCM, AES256_GCM, MGF1_SHA256, RSA_OAEP, RSA_OAEP_MGF1P, SHA1, SHA256};
use super::keys::{OwnKey, PeerKey};
use super::names::{BINDING_POST, BINDING_REDIRECT, DS, MD, SAMLP, XENC11};
use super::signature::{self, CannotSign, certificate_element};
use super::write::Writer;

/// What we say of ourselves as a service provider.
#[derive(Debug, Clone, Copy)]
pub struct SpMetadata<'a> {
    /// Our name.
    pub entity_id: &'a str,
    /// The assertion consumer service, by HTTP-POST.
    pub acs: &'a str,
    /// The single logout service, by HTTP-Redirect and HTTP-POST; none: logouts are not received.
    pub slo: Option<&'a str>,
    /// Certificates of keys that sign: the current one, and during a change the other.
    pub signing: &'a [&'a PeerKey],
    /// Certificates of keys that decrypt, likewise.
    pub encryption: &'a [&'a PeerKey],
    /// Whether our requests are signed.
    pub signs_requests: bool,
    /// Whether the assertion itself must be signed.
    pub wants_signed_assertions: bool,
    /// Formats of names that we can use.
    pub name_id_formats: &'a [&'a str],
}

impl SpMetadata<'_> {
    /// The document; signed when there is a key, as the id `id`, which must be an XML name.
    pub fn write(&self, signed: Option<(&OwnKey, &str)>) -> Result<String, CannotSign> {
        let mut writer = Writer::new();
        writer.open(
            "md:SPSSODescriptor",
            &[
                ("AuthnRequestsSigned", flag(self.signs_requests)),
                ("WantAssertionsSigned", flag(self.wants_signed_assertions)),
                ("protocolSupportEnumeration", SAMLP),
            ],
        );
        keys(&mut writer, self.signing, self.encryption);
        if let Some(slo) = self.slo {
            for binding in [BINDING_REDIRECT, BINDING_POST] {
                writer.empty("md:SingleLogoutService", &[("Binding", binding), ("Location", slo)]);
            }
        }
        for format in self.name_id_formats {
            writer.leaf("md:NameIDFormat", &[], format);
        }
        writer
            .empty(
                "md:AssertionConsumerService",
                &[("Binding", BINDING_POST), ("Location", self.acs), ("index", "0"), ("isDefault", "true")],
            )
            .close("md:SPSSODescriptor");
        entity(self.entity_id, &writer.finish(), signed)
    }
}

/// What we say of ourselves as an identity provider.
#[derive(Debug, Clone, Copy)]
pub struct IdpDescription<'a> {
    /// Our name.
    pub entity_id: &'a str,
    /// The single sign-on service, by HTTP-Redirect and HTTP-POST.
    pub sso: &'a str,
    /// The single logout service, by HTTP-Redirect and HTTP-POST.
    pub slo: Option<&'a str>,
    /// Certificates of keys that sign.
    pub signing: &'a [&'a PeerKey],
    /// Whether requests must be signed.
    pub wants_signed_requests: bool,
    /// Formats of names that we give.
    pub name_id_formats: &'a [&'a str],
}

impl IdpDescription<'_> {
    /// The document; signed when there is a key, as the id `id`, which must be an XML name.
    pub fn write(&self, signed: Option<(&OwnKey, &str)>) -> Result<String, CannotSign> {
        let mut writer = Writer::new();
        writer.open(
            "md:IDPSSODescriptor",
            &[
                ("WantAuthnRequestsSigned", flag(self.wants_signed_requests)),
                ("protocolSupportEnumeration", SAMLP),
            ],
        );
        keys(&mut writer, self.signing, &[]);
        for (name, location) in [("md:SingleLogoutService", self.slo)] {
            for binding in [BINDING_REDIRECT, BINDING_POST] {
                if let Some(location) = location {
                    writer.empty(name, &[("Binding", binding), ("Location", location)]);
                }
            }
        }
        for format in self.name_id_formats {
            writer.leaf("md:NameIDFormat", &[], format);
        }
        for binding in [BINDING_REDIRECT, BINDING_POST] {
            writer.empty("md:SingleSignOnService", &[("Binding", binding), ("Location", self.sso)]);
        }
        writer.close("md:IDPSSODescriptor");
        entity(self.entity_id, &writer.finish(), signed)
    }
}

fn flag(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}

fn keys(writer: &mut Writer, signing: &[&PeerKey], encryption: &[&PeerKey]) {
    for (purpose, keys) in [("signing", signing), ("encryption", encryption)] {
        for key in keys {
            writer.open("md:KeyDescriptor", &[("use", purpose)]).open("ds:KeyInfo", &[("xmlns:ds", DS)]);
            certificate_element(writer, key.certificate());
            writer.close("ds:KeyInfo");
            if purpose == "encryption" {
                // Row MD06: what is accepted, so that nobody encrypts in another way; the digests, too, because
                // providers combine them as their libraries please.
                for algorithm in [AES256_GCM, AES128_GCM] {
                    writer.empty("md:EncryptionMethod", &[("Algorithm", algorithm)]);
                }
                writer
                    .open("md:EncryptionMethod", &[("Algorithm", RSA_OAEP_MGF1P)])
                    .empty("ds:DigestMethod", &[("xmlns:ds", DS), ("Algorithm", SHA1)])
                    .close("md:EncryptionMethod")
                    .open("md:EncryptionMethod", &[("Algorithm", RSA_OAEP)])
                    .empty("ds:DigestMethod", &[("xmlns:ds", DS), ("Algorithm", SHA256)])
                    .empty("xenc11:MGF", &[("xmlns:xenc11", XENC11), ("Algorithm", MGF1_SHA256)])
                    .close("md:EncryptionMethod");
            }
            writer.close("md:KeyDescriptor");
        }
    }
}

fn entity(entity_id: &str, role: &str, signed: Option<(&OwnKey, &str)>) -> Result<String, CannotSign> {
    let mut attributes = vec![("xmlns:md", MD), ("entityID", entity_id)];
    if let Some((_, id)) = signed {
        attributes.push(("ID", id));
    }
    let mut head = Writer::new();
    head.open("md:EntityDescriptor", &attributes);
    let (head, tail) = (head.finish(), format!("{role}</md:EntityDescriptor>"));
    match signed {
        Some((key, id)) => signature::sign(&head, &tail, id, key),
        None => Ok(format!("{head}{tail}")),
    }
}
