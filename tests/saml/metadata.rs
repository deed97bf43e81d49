//! Metadata: what is read, what is refused, and that what we write is stable and read again.

use maverics::ambient::UnixSecs;
use maverics::protocol::saml::describe::{IdpDescription, SpMetadata};
use maverics::protocol::saml::metadata::{Binding, Expected, IdpMetadata, MetadataError};
use maverics::protocol::saml::names::name_id;
use maverics::protocol::saml::{PeerKey, time};

use super::scene::*;

fn certificate(pair: &Pair) -> String {
    pair.certificate.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>().join("\n      ")
}

fn key(purpose: &str, pair: &Pair) -> String {
    format!(
        "<KeyDescriptor{purpose}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:KeyName>x</ds:KeyName>\
         <ds:X509Data><ds:X509Certificate>\n      {}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>",
        certificate(pair)
    )
}

/// The metadata of a provider as another product would write it.
fn entity() -> String {
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" ID="_metadata1" entityID="{IDP}"
   validUntil="2027-02-15T08:00:00Z" cacheDuration="PT6H">
  <Extensions><x xmlns="urn:x" id="1 2">anything</x></Extensions>
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>
  <IDPSSODescriptor WantAuthnRequestsSigned="1" cacheDuration="P1D"
      protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol">
    {signing}{both}{again}{encryption}
    <ArtifactResolutionService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://idp.example/soap" index="0"/>
    <SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
        Location="https://idp.example/slo" ResponseLocation="https://idp.example/slo/done"/>
    <SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/slo/post"/>
    <NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>
    <NameIDFormat> urn:oasis:names:tc:SAML:2.0:nameid-format:transient
    </NameIDFormat>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://idp.example/ecp"/>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="javascript:alert(1)"/>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso/post"/>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso?a=b"/>
  </IDPSSODescriptor>
</EntityDescriptor>"#,
        signing = key(" use=\"signing\"", &IDP_RSA),
        both = key("", &IDP_EC),
        again = key(" use=\"signing\"", &IDP_EC),
        encryption = key(" use=\"encryption\"", &SP_RSA),
    )
}

fn read(
    xml: &str,
    entity_id: Option<&str>,
    pinned: Option<&[PeerKey]>,
) -> Result<IdpMetadata, MetadataError> {
    IdpMetadata::parse(xml.as_bytes(), &Expected { entity_id, pinned }, NOW)
}

fn code(xml: &str) -> Result<(), &'static str> {
    read(xml, Some(IDP), None).map(|_| ()).map_err(|error| error.code())
}

#[test]
fn a_provider_is_read() {
    let metadata = read(&entity(), Some(IDP), None).expect("metadata");
    assert_eq!(metadata.entity_id(), IDP);
    assert_eq!(metadata.valid_until(), time::parse("2027-02-15T08:00:00Z"));
    assert_eq!(metadata.cache_secs(), Some(6 * 3_600), "the shorter of the two");
    assert_eq!(
        metadata.signing_keys(),
        [IDP_RSA.peer(), IDP_EC.peer()],
        "each once, and none that encrypts only"
    );
    assert!(metadata.refused_keys().is_empty() && metadata.wants_signed_requests() && !metadata.was_signed());
    let sso = |binding| metadata.sso(binding).map(|endpoint| endpoint.location.as_str());
    assert_eq!(sso(Binding::Post), Some("https://idp.example/sso/post"), "a script is no location");
    assert_eq!(sso(Binding::Redirect), Some("https://idp.example/sso?a=b"));
    let slo = metadata.slo(Binding::Redirect).expect("an endpoint");
    assert_eq!(
        (slo.location.as_str(), slo.for_responses()),
        ("https://idp.example/slo", "https://idp.example/slo/done")
    );
    assert_eq!(
        metadata.slo(Binding::Post).expect("an endpoint").for_responses(),
        "https://idp.example/slo/post"
    );
    assert_eq!(metadata.name_id_formats(), [name_id::PERSISTENT, name_id::TRANSIENT]);
    assert_eq!(read(&entity(), None, None).expect("the only one").entity_id(), IDP);
}

#[test]
fn an_entity_is_picked_out_of_groups() {
    let one = entity().replace("_metadata1", "_one");
    let other = entity().replace("_metadata1", "_two").replace(IDP, "https://other.example");
    let service = "<EntityDescriptor entityID=\"https://sp.example\"><SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"/></EntityDescriptor>";
    let group = |attributes: &str, inside: &str| {
        format!(
            "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" {attributes}>{inside}</EntitiesDescriptor>"
        )
    };
    let nested = group(
        "validUntil=\"2027-01-16T00:00:00Z\"",
        &format!(
            "{other}{service}{}",
            group("cacheDuration=\"PT30M\" validUntil=\"2027-01-15T12:00:00Z\"", &one)
        ),
    );
    let metadata = read(&nested, Some(IDP), None).expect("metadata");
    assert_eq!((metadata.entity_id(), metadata.cache_secs()), (IDP, Some(1_800)));
    assert_eq!(metadata.valid_until(), time::parse("2027-01-15T12:00:00Z"), "the earliest around it");
    assert_eq!(read(&nested, None, None).unwrap_err(), MetadataError::Ambiguous);
    assert_eq!(
        read(&group("", &format!("{one}{service}")), None, None).expect("the only provider").entity_id(),
        IDP
    );
    assert_eq!(read(&group("", service), None, None).unwrap_err(), MetadataError::NotProvider);
    assert_eq!(read(&group("", ""), None, None).unwrap_err(), MetadataError::Entity);
    let twice = group("", &format!("{one}{}", one.replace("_one", "_three")));
    assert_eq!(read(&twice, Some(IDP), None).unwrap_err(), MetadataError::Repeated);
    let old = group("validUntil=\"2027-01-15T08:00:00Z\"", &one);
    assert_eq!(code(&old), Err("metadata-expired"));
}

#[test]
fn every_mutation_has_its_refusal() {
    let weak = std::include_str!("weak.pem");
    let edwards = pair(&rcgen::PKCS_ED25519);
    let keyless = |keys: &str| {
        let xml = entity();
        let (start, end) = (xml.find("<KeyDescriptor").unwrap(), xml.rfind("</KeyDescriptor>").unwrap());
        format!("{}{keys}{}", &xml[..start], &xml[end + "</KeyDescriptor>".len()..])
    };
    let weak = Pair { certificate: weak.to_owned(), key: String::new() };
    let swap = |from: &str, to: &str| {
        let xml = entity();
        assert!(xml.contains(from), "{from}");
        xml.replace(from, to)
    };
    let many: String = (0..21).map(|_| key("", &pair(&rcgen::PKCS_ECDSA_P256_SHA256))).collect();
    let cases = [
        ("another entity", swap(IDP, "https://other.example"), "metadata-entity"),
        ("no name", swap(&format!("entityID=\"{IDP}\""), ""), "metadata-entity"),
        ("another document", "<html/>".to_owned(), "metadata-form"),
        ("expired", swap("2027-02-15T08:00:00Z", "2027-01-15T08:00:00Z"), "metadata-expired"),
        ("a day nobody can read", swap("2027-02-15T08:00:00Z", "tomorrow"), "metadata-time"),
        ("a duration nobody can read", swap("PT6H", "6h"), "metadata-time"),
        ("a service only", swap("IDPSSODescriptor", "AADescriptor"), "metadata-not-provider"),
        ("another protocol", swap("SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol", "SAML:1.1:protocol"), "metadata-not-provider"),
        ("no endpoint", swap("SingleSignOnService", "NameIDMappingService"), "metadata-no-endpoint"),
        ("no key", keyless(""), "metadata-no-signing-key"),
        ("a key that encrypts", keyless(&key(" use=\"encryption\"", &IDP_EC)), "metadata-no-signing-key"),
        ("a weak key", keyless(&key("", &weak)), "metadata-no-signing-key"),
        ("a key of another kind", keyless(&key("", &edwards)), "metadata-no-signing-key"),
        ("a certificate that is none", keyless(&key("", &Pair { certificate: "AAAA".to_owned(), key: String::new() })), "metadata-no-signing-key"),
        ("many keys", keyless(&many), "metadata-too-many"),
        ("many endpoints", swap("<SingleLogoutService", &format!("{}<SingleLogoutService", "<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/\"/>".repeat(51))), "metadata-too-many"),
        ("a document type", format!("<!DOCTYPE x>{}", entity()), "xml-doctype"),
        ("two ids alike", swap("<IDPSSODescriptor ", "<IDPSSODescriptor ID=\"_metadata1\" "), "xml-duplicate-id"),
        ("an odd id of its own", swap("<IDPSSODescriptor ", "<IDPSSODescriptor id=\"x\" "), "xml-odd-id"),
        ("too large", format!("{}{}", entity(), " ".repeat(10 << 20)), "xml-too-large"),
        ("cut short", entity()[..2_000].to_owned(), "xml-malformed"),
    ];
    for (name, xml, want) in &cases {
        assert_eq!(code(xml), Err(*want), "{name}");
    }
    let elsewhere = ["metadata-ambiguous", "metadata-repeated"];
    for code in MetadataError::CODES {
        assert!(
            elsewhere.contains(code) || cases.iter().any(|(_, _, want)| want == code),
            "{code} is not tested"
        );
    }
    let mixed = keyless(&format!("{}{}", key("", &weak), key("", &IDP_EC)));
    let metadata = read(&mixed, Some(IDP), None).expect("one key is enough");
    assert_eq!((metadata.signing_keys().len(), metadata.refused_keys().len()), (1, 1));
}

#[test]
fn a_pinned_key_must_have_signed_the_whole() {
    let signed = seal(
        &entity().replace("<Extensions>", &format!("{}<Extensions>", signature_template("_metadata1"))),
        &IDP_EC,
    );
    let with = |xml: &str, pair: &Pair| {
        read(xml, Some(IDP), Some(&[pair.peer()])).map(|m| m.was_signed()).map_err(|error| error.code())
    };
    assert_eq!(with(&signed, &IDP_EC), Ok(true));
    assert_eq!(with(&signed, &ROGUE), Err("signature-invalid"));
    assert_eq!(with(&entity(), &IDP_EC), Err("signature-missing"));
    assert_eq!(
        with(&signed.replace("idp.example/slo", "evil.example/slo"), &IDP_EC),
        Err("signature-invalid")
    );
    assert_eq!(with(&signed.replace("URI=\"#_metadata1\"", "URI=\"\""), &IDP_EC), Err("signature-reference"));
    let foreign = signed.replace("id=\"1 2\"", "id=\"_metadata1\"");
    assert_eq!(with(&foreign, &IDP_EC), Err("signature-invalid"), "a reference with two targets");
    // An entity signed within a group that is not: who made the group?
    let group = format!(
        "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_g\">{signed}</EntitiesDescriptor>"
    );
    assert_eq!(with(&group, &IDP_EC), Err("signature-missing"));
    // A group signed as a whole, with signed entities of others within.
    let theirs = seal(
        &entity().replace("<Extensions>", &format!("{}<Extensions>", signature_template("_metadata1"))),
        &ROGUE,
    );
    let group = group.replace(&signed, &format!("{}{theirs}", signature_template("_g")));
    assert_eq!(with(&seal(&group, &IDP_EC), &IDP_EC), Ok(true));
    let (own, id) = (IDP_RSA.own(), "_ours");
    let ours = description(&[&IDP_RSA.peer()]).write(Some((&own, id))).expect("signed");
    assert_eq!(with(&ours, &IDP_RSA), Ok(true));
}

fn description<'a>(signing: &'a [&'a PeerKey]) -> IdpDescription<'a> {
    IdpDescription {
        entity_id: IDP,
        sso: "https://idp.example/sso",
        slo: Some("https://idp.example/slo"),
        signing,
        wants_signed_requests: true,
        name_id_formats: &[name_id::PERSISTENT],
    }
}

#[test]
fn what_we_say_of_ourselves_is_stable_and_read() {
    let (old, new) = (IDP_RSA.peer(), IDP_EC.peer());
    let xml = description(&[&new, &old]).write(None).expect("a document");
    let metadata = read(&xml, Some(IDP), None).expect("our own");
    assert_eq!(metadata.signing_keys(), [new.clone(), old.clone()]);
    assert_eq!((metadata.sso_endpoints().len(), metadata.slo_endpoints().len()), (2, 2));
    assert_eq!(metadata.valid_until(), None::<UnixSecs>);
    let service = SpMetadata {
        entity_id: "https://sp.example/?a=1&b=<2>",
        acs: ACS,
        slo: Some("https://sp.example/saml/slo"),
        signing: &[&old],
        encryption: &[&old, &new],
        signs_requests: true,
        wants_signed_assertions: true,
        name_id_formats: &[name_id::PERSISTENT, name_id::EMAIL],
    };
    let xml = service.write(None).expect("a document");
    assert_eq!(xml, service.write(None).expect("a document"));
    let certificates = xml.replace(&base64(&old), "OLD").replace(&base64(&new), "NEW");
    assert_eq!(certificates, std::include_str!("sp_metadata.xml").trim_end());
    assert_eq!(read(&xml, None, None).unwrap_err(), MetadataError::NotProvider);
}

fn base64(key: &PeerKey) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(key.certificate())
}
