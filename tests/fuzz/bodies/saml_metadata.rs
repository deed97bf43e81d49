//! Metadata of any bytes: what is taken from it can be used, and where its signer is known, only what he
//! signed is taken.

use maverics::protocol::saml::describe::IdpDescription;
use maverics::protocol::saml::metadata::{
    ENDPOINTS_MAX, Expected, IdpMetadata, KEYS_MAX, LOCATION_BYTES_MAX,
};
use maverics::protocol::saml::names::name_id;
use maverics::protocol::saml::{OwnKey, PeerKey};
use url::Url;

use super::saml::{IDP, NOW, PROVIDER, SERVICE};

const SSO: &str = "https://idp.example/sso";

pub fn body(data: &[u8]) {
    let pinned = [PROVIDER.peer.clone()];
    for entity_id in [None, Some(IDP)] {
        for pinned in [None, Some(&pinned[..])] {
            let expected = Expected { entity_id, pinned };
            let Ok(metadata) = IdpMetadata::parse(data, &expected, NOW) else { continue };
            can_be_used(&metadata);
            assert!(entity_id.is_none_or(|wanted| wanted == metadata.entity_id()));
            assert_eq!(metadata.was_signed(), pinned.is_some());
            if pinned.is_some() {
                // The document that is signed here names one provider, one address, and our own key.
                assert_eq!(metadata.entity_id(), IDP);
                assert_eq!(metadata.signing_keys(), std::slice::from_ref(&PROVIDER.peer));
                assert!(metadata.sso_endpoints().iter().all(|endpoint| endpoint.location == SSO));
            }
        }
    }
}

fn can_be_used(metadata: &IdpMetadata) {
    assert!(!metadata.entity_id().is_empty());
    assert!(metadata.valid_until().is_none_or(|until| until > NOW));
    let keys = metadata.signing_keys();
    assert!(!keys.is_empty() && keys.len() + metadata.refused_keys().len() <= KEYS_MAX);
    for key in keys {
        assert_eq!(PeerKey::from_der(key.certificate()).as_ref(), Ok(key));
        assert_eq!(keys.iter().filter(|other| *other == key).count(), 1, "each once");
    }
    assert!(!metadata.sso_endpoints().is_empty());
    for endpoints in [metadata.sso_endpoints(), metadata.slo_endpoints()] {
        assert!(endpoints.len() <= ENDPOINTS_MAX);
        for location in endpoints.iter().flat_map(|one| [one.location.as_str(), one.for_responses()]) {
            let url = Url::parse(location).expect("a browser is sent there");
            assert!(matches!(url.scheme(), "http" | "https"), "{location}");
            assert!(url.fragment().is_none() && location.len() <= LOCATION_BYTES_MAX, "{location}");
        }
    }
}

/// Metadata signed by the provider, unsigned, and of a provider that changes its key.
pub fn genuine() -> Vec<(String, Vec<u8>)> {
    let write = |signing: &[&PeerKey], slo, signed: Option<(&OwnKey, &str)>| {
        let description = IdpDescription {
            entity_id: IDP,
            sso: SSO,
            slo,
            signing,
            wants_signed_requests: true,
            name_id_formats: &[name_id::PERSISTENT, name_id::EMAIL],
        };
        description.write(signed).expect("a description")
    };
    let (own, other) = (&PROVIDER.peer, &SERVICE.peer);
    let slo = Some("https://idp.example/slo");
    let plain = write(&[own], None, None);
    let inner = plain.rfind("<md:EntityDescriptor").expect("the entity");
    let grouped = format!(
        r#"<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" cacheDuration="PT1H">{}</md:EntitiesDescriptor>"#,
        &plain[inner..]
    );
    let documents = [
        ("signed", write(&[own], slo, Some((&PROVIDER.own, "_metadata")))),
        ("unsigned", plain),
        ("two-keys", write(&[own, other], slo, None)),
        ("grouped", grouped),
    ];
    for (name, document) in &documents {
        let pinned = [PROVIDER.peer.clone()];
        let pinned = (*name == "signed").then_some(&pinned[..]);
        let expected = Expected { entity_id: Some(IDP), pinned };
        let read = IdpMetadata::parse(document.as_bytes(), &expected, NOW);
        assert!(read.is_ok(), "{name}: {read:?}");
    }
    documents.map(|(name, document)| (format!("genuine-{name}"), document.into_bytes())).into()
}
