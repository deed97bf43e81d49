//! A second opinion by a stranger: `xmlsec1`, over libxml2 and OpenSSL. What we sign it verifies, what it signs
//! we accept, what we encrypt it decrypts, and the other way round.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use maverics::protocol::saml::describe::IdpDescription;
use maverics::protocol::saml::metadata::{Expected, IdpMetadata};
use maverics::protocol::saml::names::name_id;
use maverics::protocol::saml::{AuthnRequest, Common, OwnKey, PeerKey, response};

use super::scene::*;
use crate::support::{Scratch, skip};

/// The stranger, with a folder to work in.
struct Xmlsec(Scratch);

impl Xmlsec {
    /// `None` when it is not installed.
    fn new() -> Option<Self> {
        let there = Command::new("xmlsec1").arg("--version").output().is_ok_and(|out| out.status.success());
        if !there {
            skip("xmlsec1");
        }
        there.then(|| Xmlsec(Scratch::new()))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        self.0.write(name, text)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let (input, output) = (self.file("input.xml", input), self.0.path("output.xml"));
        let ran = Command::new("xmlsec1")
            .args(arguments)
            .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"])
            .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response"])
            .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest"])
            .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor"])
            .arg("--output")
            .arg(&output)
            .arg(&input)
            .output()
            .expect("xmlsec1 runs");
        if !ran.status.success() {
            return Err(String::from_utf8_lossy(&ran.stderr).into_owned());
        }
        Ok(std::fs::read_to_string(output).unwrap_or_default())
    }

    /// Verifies the signature that is a child of the first element of this local name.
    fn verifies(&self, pair: &Pair, xml: &str, element: &str) -> Result<(), String> {
        let certificate = self.file("certificate.pem", &pair.certificate);
        let place = format!("//*[local-name()='{element}']/*[local-name()='Signature']");
        let arguments = [
            "--verify",
            "--enabled-key-data",
            "key-name",
            "--pubkey-cert-pem",
            certificate.to_str().expect("a path"),
            "--node-xpath",
            &place,
        ];
        self.run(&arguments, xml).map(|_| ())
    }

    fn signs(&self, pair: &Pair, template: &str, element: &str) -> String {
        let key = self.file("key.pem", &pair.key);
        let place = format!("//*[local-name()='{element}']/*[local-name()='Signature']");
        let arguments = ["--sign", "--privkey-pem", key.to_str().expect("a path"), "--node-xpath", &place];
        self.run(&arguments, template).unwrap_or_else(|error| panic!("{error}\n{template}"))
    }
}

/// Kinds of keys with the ends of their algorithms' names.
static KINDS: LazyLock<[(Pair, &str); 4]> = LazyLock::new(|| {
    [
        (pair(&rcgen::PKCS_RSA_SHA256), "rsa-sha256"),
        (pair(&rcgen::PKCS_ECDSA_P256_SHA256), "ecdsa-sha256"),
        (pair(&rcgen::PKCS_ECDSA_P384_SHA384), "ecdsa-sha384"),
        (pair(&rcgen::PKCS_ECDSA_P521_SHA512), "ecdsa-sha512"),
    ]
});

#[test]
fn what_we_sign_it_verifies() {
    let Some(xmlsec) = Xmlsec::new() else { return };
    for (pair, algorithm) in &*KINDS {
        let key = pair.own();
        assert!(key.algorithm().uri().ends_with(&format!("#{algorithm}")));
        for (shape, elements) in
            [(ASSERTION, &["Assertion"][..]), (RESPONSE, &["Response"]), (BOTH, &["Response", "Assertion"])]
        {
            let xml = issue(&key, shape);
            for element in elements {
                xmlsec
                    .verifies(pair, &xml, element)
                    .unwrap_or_else(|error| panic!("{algorithm} {shape:?}: {error}"));
                let spoilt = xml.replace("alice@", "admin@");
                assert!(
                    xmlsec.verifies(pair, &spoilt, element).is_err(),
                    "{algorithm} {shape:?}: it verifies anything"
                );
            }
        }
    }
    let (pair, key) = (&*IDP_EC, IDP_EC.own());
    let request = AuthnRequest {
        common: Common { id: "_r", issuer: SP, destination: "https://idp.example/?a=1&b=\"2\"", issued: NOW },
        acs: ACS,
        force_authn: false,
        is_passive: true,
        name_id_format: Some(name_id::TRANSIENT),
        authn_contexts: &["urn:<x>\t&\r\n\"'"],
    };
    let xml = request.build().signed(&key).expect("signed");
    xmlsec.verifies(pair, &xml, "AuthnRequest").expect("a request");
    let peer = pair.peer();
    let description = IdpDescription {
        entity_id: IDP,
        sso: "https://idp.example/sso",
        slo: None,
        signing: &[&peer],
        wants_signed_requests: false,
        name_id_formats: &[],
    };
    let xml = description.write(Some((&key, "_m"))).expect("signed");
    xmlsec.verifies(pair, &xml, "EntityDescriptor").expect("metadata");
}

/// The one of [`oddities`] that changes how values are written.
pub const ODD_VALUES: &str = "line ends and tabs in values";

/// Ways to write the same, and more, that a signature must survive.
pub fn oddities() -> Vec<(&'static str, fn(&str) -> String)> {
    vec![
        ("as it is", |xml| xml.to_owned()),
        ("CDATA where nobody reads", |xml| {
            xml.replace(
                "</saml2p:Status>",
                "<saml2p:StatusDetail><x xmlns=\"urn:x\"><![CDATA[<&>]]></x></saml2p:StatusDetail></saml2p:Status>",
            )
        }),
        ("comments between elements", |xml| {
            xml.replace("<saml2:Subject>", "<!-- a --><saml2:Subject><!-- b -->")
        }),
        ("character references", |xml| {
            xml.replace("SessionIndex=\"_session1\"", "SessionIndex=\"_session1&#9;&#xA;&#13;\"")
                .replace("</saml2:AttributeValue>", "&#13;&#x1F980;&lt;&amp;</saml2:AttributeValue>")
        }),
        (ODD_VALUES, |xml| {
            xml.replace("SessionIndex=\"_session1\"", "SessionIndex=\"_session1\n\t2\r\n3\r4&#10;\"")
                .replace("PrefixList=\"xs\"", "PrefixList=\"\n  xs\n\"")
        }),
        ("unused and repeated namespaces", |xml| {
            xml.replace(
                "<saml2:Subject>",
                "<saml2:Subject xmlns:u=\"urn:u\" xmlns:saml2=\"urn:oasis:names:tc:SAML:2.0:assertion\" xmlns=\"urn:d\">",
            )
        }),
        ("a default namespace that is taken back", |xml| {
            xml.replace("<saml2p:Status>", "<saml2p:Extensions><a xmlns=\"urn:a\"><b xmlns=\"\"/></a></saml2p:Extensions><saml2p:Status>")
        }),
        ("single quotes and odd space", |xml| {
            xml.replace(
                "Name=\"urn:oid:0.9.2342.19200300.100.1.3\"",
                "\n\tName = 'urn:oid:0.9.2342.19200300.100.1.3'",
            )
            .replace("</saml2:Subject>", "</saml2:Subject\n >")
        }),
        ("line ends of another system", |xml| xml.replace('\n', "\r\n")),
        ("attributes of the xml namespace", |xml| {
            xml.replace("<saml2p:Status>", "<saml2p:Status xml:lang='en' xml:space='preserve'>")
                .replace("<saml2:AttributeStatement>", "<saml2:AttributeStatement xml:base='urn:x'>")
        }),
    ]
}

#[test]
fn what_it_signs_we_accept() {
    let Some(xmlsec) = Xmlsec::new() else { return };
    for (oddity, change) in oddities() {
        let plain = template(ASSERTION);
        assert!(oddity == "as it is" || change(&plain) != plain, "{oddity}: nothing is changed");
        for (shape, element) in [(ASSERTION, "Assertion"), (RESPONSE, "Response")] {
            let signed = xmlsec.signs(&IDP_EC, &change(&template(shape)), element);
            let verified =
                verify(&signed).unwrap_or_else(|refusal| panic!("{oddity}, {element}: {refusal}\n{signed}"));
            assert_eq!(verified.name_id().map(|name| name.value.as_str()), Some("alice@example.org"));
            let spoilt = signed.replace("alice@", "admin@");
            assert_eq!(verify(&spoilt).unwrap_err().code(), "signature-invalid");
        }
    }
    for (pair, algorithm) in &*KINDS {
        let digests = ["xmlenc#sha256", "xmldsig-more#sha384", "xmlenc#sha512"];
        let algorithms: Vec<String> = match *algorithm {
            "rsa-sha256" => ["sha256", "sha384", "sha512"].map(|digest| format!("rsa-{digest}")).to_vec(),
            other => vec![other.to_owned()],
        };
        for algorithm in &algorithms {
            for digest in digests {
                let template = template(ASSERTION)
                    .replace("#ecdsa-sha256", &format!("#{algorithm}"))
                    .replace("xmlenc#sha256", digest);
                let signed = xmlsec.signs(pair, &template, "Assertion");
                let keys = [pair.peer()];
                let verdict = response::verify(&signed, &expected(&keys, &[]), NOW);
                assert!(verdict.is_ok(), "{algorithm}, {digest}: {verdict:?}");
            }
        }
    }
}

#[test]
fn metadata_that_it_signs_we_accept() {
    let Some(xmlsec) = Xmlsec::new() else { return };
    let peer = IDP_RSA.peer();
    let description = IdpDescription {
        entity_id: IDP,
        sso: "https://idp.example/sso",
        slo: None,
        signing: &[&peer],
        wants_signed_requests: false,
        name_id_formats: &[],
    };
    let xml = description.write(None).expect("a document");
    let xml = xml.replace("<md:IDPSSO", &format!("{}<md:IDPSSO", signature_template("_m"))).replacen(
        ">",
        " ID='_m' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'\n    \
         xsi:schemaLocation='urn:oasis:names:tc:SAML:2.0:metadata\n\tsaml-schema-metadata-2.0.xsd'>",
        1,
    );
    let signed = xmlsec.signs(&IDP_EC, &xml, "EntityDescriptor");
    let pinned = [IDP_EC.peer()];
    let expected = Expected { entity_id: Some(IDP), pinned: Some(&pinned) };
    assert!(IdpMetadata::parse(signed.as_bytes(), &expected, NOW).expect("metadata").was_signed());
}

#[test]
fn what_we_encrypt_it_decrypts() {
    let Some(xmlsec) = Xmlsec::new() else { return };
    let key = xmlsec.file("sp.pem", &SP_RSA.key);
    let sealed = issue(&IDP_EC.own(), Shape { encrypted: true, ..ASSERTION });
    let plain =
        xmlsec.run(&["--decrypt", "--privkey-pem", key.to_str().unwrap()], &sealed).expect("decrypted");
    // It puts the assertion into the element that was encrypted, where the signature holds still.
    let opened = plain
        .replace("<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "")
        .replace("</saml:EncryptedAssertion>", "");
    assert!(!verify(&opened).expect("the assertion").was_encrypted());
}

#[test]
fn what_it_encrypts_we_decrypt() {
    let Some(xmlsec) = Xmlsec::new() else { return };
    let certificate = xmlsec.file("sp.pem", &SP_RSA.certificate);
    let signed = issue(&IDP_EC.own(), ASSERTION);
    let (start, end) =
        (signed.find("<saml:Assertion").unwrap(), signed.find("</saml:Assertion>").unwrap() + 17);
    let assertion = xmlsec.file("assertion.xml", &signed[start..end]);
    for (algorithm, session) in [("aes128-gcm", "aes-128"), ("aes256-gcm", "aes-256")] {
        let template = format!(
            r#"<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Id="_e" Type="http://www.w3.org/2001/04/xmlenc#Element">
  <xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#{algorithm}"/>
  <dsig:KeyInfo xmlns:dsig="http://www.w3.org/2000/09/xmldsig#">
    <xenc:EncryptedKey Id="_k" Recipient="{SP}">
      <xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"><dsig:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/></xenc:EncryptionMethod>
      <dsig:KeyInfo><dsig:KeyName/></dsig:KeyInfo>
      <xenc:CipherData><xenc:CipherValue/></xenc:CipherData>
    </xenc:EncryptedKey>
  </dsig:KeyInfo>
  <xenc:CipherData><xenc:CipherValue/></xenc:CipherData>
</xenc:EncryptedData>"#
        );
        let arguments = [
            "--encrypt",
            "--pubkey-cert-pem",
            certificate.to_str().unwrap(),
            "--session-key",
            session,
            "--xml-data",
            assertion.to_str().unwrap(),
        ];
        let data = xmlsec.run(&arguments, &template).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let data = data
            .trim_start_matches("<?xml version=\"1.0\"?>")
            .trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        let sealed = format!(
            "{}<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{data}</saml:EncryptedAssertion>{}",
            &signed[..start],
            &signed[end..]
        );
        let verified = verify(&sealed).unwrap_or_else(|refusal| panic!("{algorithm}: {refusal}\n{sealed}"));
        assert!(verified.was_encrypted());
    }
}

/// The keys of both sides read the same files that OpenSSL's tools write.
#[test]
fn keys_in_every_wrapping_are_read() {
    let there = Command::new("openssl").arg("version").output().is_ok_and(|out| out.status.success());
    if !there {
        return skip("openssl");
    }
    let scratch = Scratch::new();
    let run = |arguments: &[&str]| {
        let ran = Command::new("openssl")
            .args(arguments)
            .current_dir(scratch.path("."))
            .output()
            .expect("openssl runs");
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    run(&["genrsa", "-traditional", "-out", "rsa.pem", "2048"]);
    run(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.pem"]);
    run(&["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "ec384.pem"]);
    run(&["genrsa", "-traditional", "-out", "weak.pem", "1024"]);
    run(&["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "k1.pem"]);
    for (name, begins) in
        [("rsa", "BEGIN RSA PRIVATE KEY"), ("ec", "BEGIN EC PRIVATE KEY"), ("ec384", "BEGIN EC PRIVATE KEY")]
    {
        let (pem, certificate, pkcs8) = (format!("{name}.pem"), format!("{name}.crt"), format!("{name}.p8"));
        run(&["req", "-x509", "-new", "-key", &pem, "-subj", "/CN=x", "-days", "1", "-out", &certificate]);
        run(&["pkcs8", "-topk8", "-nocrypt", "-in", &pem, "-out", &pkcs8]);
        let read = |name: &str| std::fs::read(scratch.path(name)).expect("a file");
        assert!(String::from_utf8(read(&pem)).unwrap().contains(begins));
        let peer = PeerKey::from_pem(&read(&certificate)).expect("a certificate");
        for file in [&pem, &pkcs8] {
            let own = OwnKey::from_pem(&read(file), Some(&read(&certificate))).expect("a key");
            let signature = own.sign(b"message").expect("a signature");
            assert!(peer.verifies(own.algorithm(), b"message", &signature), "{file}");
            assert!(!peer.verifies(own.algorithm(), b"other", &signature), "{file}");
        }
    }
    for (name, codes) in [("weak", ["key-rsa-bits", "key-rsa-bits"]), ("k1", ["key-kind", "key-kind"])] {
        let (pem, certificate) = (format!("{name}.pem"), format!("{name}.crt"));
        run(&["req", "-x509", "-new", "-key", &pem, "-subj", "/CN=x", "-days", "1", "-out", &certificate]);
        let read = |name: &str| std::fs::read(scratch.path(name)).expect("a file");
        assert_eq!(PeerKey::from_pem(&read(&certificate)).unwrap_err().code(), codes[0], "{name}");
        assert_eq!(OwnKey::from_pem(&read(&pem), None).unwrap_err().code(), codes[1], "{name}");
    }
}
