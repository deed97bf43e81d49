//! The corpus for other implementations to judge, and what they make for us to judge: `tests/second_opinion/run`
//! names a folder for both. Without it the corpus is a small one for nobody, and what they made once is judged.

use std::path::PathBuf;

use maverics::protocol::saml::accept::{Service, read_request};
use maverics::protocol::saml::describe::IdpDescription;
use maverics::protocol::saml::logout::Incoming;
use maverics::protocol::saml::message::{AGE_SECS_MAX, SKEW_SECS};
use maverics::protocol::saml::names::name_id;
use maverics::protocol::saml::redirect::decode;
use maverics::protocol::saml::{PeerKey, VerifiedAssertion, response};
use serde_json::{Value, json};

use super::{Base, Document, documents};
use crate::golden;
use crate::saml::oracle::{ODD_VALUES, oddities};
use crate::saml::scene::*;
use crate::saml::variants::variants;
use crate::support::Scratch;

/// Variants of each document that we accept, for others and for ourselves, and how many are tried for them at most.
const VARIANTS: usize = 200;
const VARIANTS_OF_OURS: usize = 5;
const TRIES: usize = 4_000;

const SSO: &str = "https://idp.example/sso";

/// Where the corpus is written for others, and where they leave what they make.
#[expect(clippy::disallowed_methods, reason = "the script says where")]
fn folder_of_others() -> Option<PathBuf> {
    std::env::var_os("MAVERICS_SAML_CORPUS").map(PathBuf::from)
}

/// What the judges are to know of a document that we accept.
fn person(verified: &VerifiedAssertion) -> Value {
    let attributes: Vec<Value> = verified
        .attributes()
        .iter()
        .map(|attribute| json!({ "name": attribute.name(), "values": attribute.values() }))
        .collect();
    json!({ "name_id": verified.name_id().map(|name| &name.value), "attributes": attributes })
}

/// More documents that we accept: other keys, other ciphers, other ways to write the same.
fn accepted(variants_max: usize) -> Vec<Document> {
    let document =
        |name: String, base: &str, sent: String| Document { name, base: base.to_owned(), sent, code: None };
    let mut documents = Vec::new();
    for shape in [ASSERTION, RESPONSE, BOTH] {
        let name = format!("{}, with RSA", Base::Signed(shape));
        documents.push(document(name.clone(), &name, issue(&IDP_RSA.own(), shape)));
    }
    let name = "another product's, response signed, encrypted with AES-128";
    documents.push(document(name.to_owned(), name, seal(&encrypted_template(), &IDP_EC)));
    for shape in [ASSERTION, RESPONSE] {
        let base = Base::Sealed(shape).to_string();
        // The library, which signs here, does not normalise values: that is done to what it has signed.
        for (oddity, change) in oddities().into_iter().filter(|(oddity, _)| *oddity != ODD_VALUES) {
            let sent = seal(&change(&template(shape)), &IDP_EC);
            documents.push(document(format!("{base}: {oddity}"), &base, sent));
        }
        let sent = seal(&template(shape).replace("_session1\"", "_session1 2 3 4\""), &IDP_EC)
            .replace("_session1 2 3 4\"", "_session1\t2\r\n3\n4\"");
        documents.push(document(format!("{base}: {ODD_VALUES}"), &base, sent));
    }
    let sealed = |change: fn(&str) -> String| seal(&change(&template(RESPONSE)), &IDP_EC);
    let ampersand = sealed(|xml| xml.replace("XMLSchema\"", "XMLSchema?a&amp;b\""));
    let base = Base::Sealed(RESPONSE).to_string();
    documents.push(document("an ampersand in the name of a namespace".to_owned(), &base, ampersand));
    let issuer = sealed(|xml| xml.replace("<saml2:Issuer>", "<saml2:Issuer>\t"));
    documents.push(document("white space around the issuer".to_owned(), &base, issuer));
    let audience = sealed(|xml| xml.replace("</saml2:Audience>", "\n</saml2:Audience>"));
    documents.push(document("white space around the audience".to_owned(), &base, audience));
    let base = Base::Signed(BOTH).to_string();
    let xml = issue(&IDP_EC.own(), BOTH);
    let inner = xml.rfind("<ds:X509Certificate>").expect("a certificate") + 40;
    let comment = format!("{}<!-- a -->{}", &xml[..inner], &xml[inner..]);
    documents.push(document("a comment in a certificate that is signed".to_owned(), &base, comment));
    // What a provider may sign, and what anybody may make of what it has signed.
    let beginnings = [
        (Base::Sealed(ASSERTION), template(ASSERTION), true),
        (Base::Sealed(RESPONSE), template(RESPONSE), true),
        (Base::Sealed(ASSERTION), seal(&template(ASSERTION), &IDP_EC), false),
        (Base::Sealed(RESPONSE), seal(&template(RESPONSE), &IDP_EC), false),
        (Base::Signed(BOTH), issue(&IDP_EC.own(), BOTH), false),
    ];
    for (base, text, before) in beginnings {
        let when = if before { "varied and signed" } else { "signed and varied" };
        let sent = |variant: String| if before { try_seal(&variant, &IDP_EC) } else { Some(variant) };
        let fine = variants(text).take(TRIES).filter_map(sent).filter(|sent| verify(sent).is_ok());
        for (number, sent) in fine.take(variants_max).enumerate() {
            documents.push(document(format!("{base}, {when}: {number}"), &base.to_string(), sent));
        }
    }
    documents
}

/// Signed around the ciphertext, with the cipher and the prefix that are read everywhere.
fn encrypted_template() -> String {
    let xml = template(RESPONSE);
    let end = "</saml2:Assertion>";
    let place = xml.find("<saml2:Assertion").expect("a start")..xml.find(end).expect("an end") + end.len();
    let sealed = encrypt_with(&xml[place.clone()], &aws_lc_rs::aead::AES_128_GCM, "aes128-gcm")
        .replace("k:KeyInfo", "ds:KeyInfo")
        .replace("xmlns:k=", "xmlns:ds=");
    format!("{}{sealed}{}", &xml[..place.start], &xml[place.end..])
}

#[test]
fn the_corpus_is_written_for_others() {
    let scratch = Scratch::new();
    let (folder, variants_max) = match folder_of_others() {
        Some(folder) => (folder, VARIANTS),
        None => (scratch.path(""), VARIANTS_OF_OURS),
    };
    let mut entries = Vec::new();
    for (number, document) in documents().into_iter().chain(accepted(variants_max)).enumerate() {
        let Document { name, base, sent, code } = document;
        let file = format!("{number:04}.xml");
        std::fs::write(folder.join(&file), &sent).expect("a file of the corpus");
        let mut entry = json!({ "name": name, "base": base, "file": file });
        match (verify(&sent), code) {
            (Ok(verified), None) => entry["accepted"] = person(&verified),
            (Err(refusal), Some(code)) => {
                assert_eq!(refusal.code(), code, "{name}");
                entry["refused"] = json!(code);
            }
            (verdict, _) => panic!("{name}: {verdict:?}"),
        }
        entries.push(entry);
    }
    let providers: Vec<String> = [&*IDP_EC, &*IDP_RSA]
        .map(|pair| {
            let description = IdpDescription {
                entity_id: IDP,
                sso: SSO,
                slo: None,
                signing: &[&pair.peer()],
                wants_signed_requests: false,
                name_id_formats: &[],
            };
            description.write(None).expect("metadata")
        })
        .to_vec();
    let manifest = json!({
        "now": NOW.0,
        "entity_id": SP,
        "acs": ACS,
        "request_id": REQUEST,
        "issuer": IDP,
        "sso": SSO,
        "skew_secs": SKEW_SECS,
        "age_secs": SKEW_SECS + AGE_SECS_MAX,
        "providers": providers,
        "decryption_key": SP_RSA.key,
        "documents": entries,
    });
    let text = serde_json::to_string_pretty(&manifest).expect("JSON");
    std::fs::write(folder.join("manifest.json"), text).expect("the manifest");
}

#[test]
fn what_others_make_is_accepted() {
    let folder = folder_of_others().unwrap_or_else(|| golden::root().join("tests/saml/made"));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file that another made");
    let keys = [PeerKey::from_pem(read("made.pem").as_bytes()).expect("a certificate")];
    let verify = |xml: &str| response::verify(xml, &expected(&keys, &[]), NOW);

    let answer = read("made.xml");
    let verified = verify(&answer).unwrap_or_else(|refusal| panic!("{refusal}\n{answer}"));
    assert_eq!(verified.name_id().map(|name| name.value.as_str()), Some("bob@example.org"));
    assert_eq!(verified.values("groups"), Some(vec![Some("staff & guests")]));
    assert_eq!(verify(&answer.replace("bob@", "admin@")).unwrap_err().code(), "signature-invalid");
    assert_eq!(verify(&read("made-as-it-is.xml")).unwrap_err().code(), "signature-digest");

    let url = read("made.url");
    let query = url.strip_prefix(SSO).and_then(|rest| rest.strip_prefix('?')).expect("our address");
    let message = decode(query).expect("a message");
    assert_eq!(message.relay_state(), Some("a state & more"));
    let service = Service { entity_id: SP, keys: &keys, acs: &[ACS], signs_requests: true };
    let known = |name: &str| (name == SP).then_some(service);
    let request = read_request(Incoming::Redirect(&message), SSO, SKEW_SECS, known, NOW).expect("a request");
    assert!(request.was_signed() && request.force_authn());
    assert_eq!((request.service(), request.acs()), (SP, ACS));
    assert_eq!(request.name_id_format(), Some(name_id::TRANSIENT));
    let spoilt = decode(&query.replace("RelayState=a", "RelayState=b")).expect("a message");
    let refusal = read_request(Incoming::Redirect(&spoilt), SSO, SKEW_SECS, known, NOW).unwrap_err();
    assert_eq!(refusal.code(), "signature-invalid");
}
