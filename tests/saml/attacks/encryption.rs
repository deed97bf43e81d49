//! Encrypted assertions: other algorithms, other forms, and that encryption is nobody's signature.

use super::Base::Signed;
use super::Mutation::{By, Swap};
use super::{Case, case};
use crate::saml::scene::*;

const SEALED: Shape = Shape { assertion: true, response: false, encrypted: true };
const AROUND: Shape = Shape { assertion: false, response: true, encrypted: true };
const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";

pub const CASES: &[Case] = &[
    case(
        "AES-CBC",
        Signed(SEALED),
        Swap(GCM, "http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
        "encryption-content-algorithm",
    ),
    case(
        "AES-128-CBC",
        Signed(SEALED),
        Swap(GCM, "http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
        "encryption-content-algorithm",
    ),
    case(
        "triple DES",
        Signed(SEALED),
        Swap(GCM, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        "encryption-content-algorithm",
    ),
    case(
        "another size of key than it says",
        Signed(SEALED),
        Swap(GCM, "http://www.w3.org/2009/xmlenc11#aes128-gcm"),
        "undecryptable",
    ),
    case(
        "RSA of PKCS#1 1.5",
        Signed(SEALED),
        Swap(OAEP, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"),
        "encryption-key-algorithm",
    ),
    case(
        "a wrapped key",
        Signed(SEALED),
        Swap(OAEP, "http://www.w3.org/2001/04/xmlenc#kw-aes256"),
        "encryption-key-algorithm",
    ),
    case(
        "OAEP with MD5",
        Signed(SEALED),
        Swap(SHA1, "http://www.w3.org/2001/04/xmldsig-more#md5"),
        "encryption-key-algorithm",
    ),
    case(
        "OAEP of two digests",
        Signed(SEALED),
        Swap(SHA1, "http://www.w3.org/2001/04/xmlenc#sha256"),
        "encryption-key-algorithm",
    ),
    case("a changed ciphertext", Signed(SEALED), By(|xml| flipped(xml, 1)), "undecryptable"),
    case("a changed key", Signed(SEALED), By(|xml| flipped(xml, 0)), "undecryptable"),
    case("an empty ciphertext", Signed(SEALED), By(|xml| valued(xml, 1, "")), "undecryptable"),
    case(
        "a ciphertext of a nonce only",
        Signed(SEALED),
        By(|xml| valued(xml, 1, "AAAAAAAAAAAAAAAA")),
        "undecryptable",
    ),
    case("an empty key", Signed(SEALED), By(|xml| valued(xml, 0, "")), "undecryptable"),
    case("a ciphertext that is no base64", Signed(SEALED), By(|xml| valued(xml, 1, "*")), "encryption-form"),
    case(
        "a comment in the ciphertext",
        Signed(SEALED),
        By(|xml| valued(xml, 1, "AAAA<!---->AAAA")),
        "encryption-form",
    ),
    case("a ciphertext elsewhere", Signed(SEALED), By(referred), "encryption-form"),
    case("no key", Signed(SEALED), By(keyless), "encryption-form"),
    case("too many keys", Signed(SEALED), By(|xml| keys(xml, 9)), "encryption-form"),
    case(
        "encrypted data that is content",
        Signed(SEALED),
        Swap("xmlenc#Element", "xmlenc#Content"),
        "encryption-form",
    ),
    case("two encrypted data", Signed(SEALED), By(two), "encryption-form"),
    case(
        "an encrypted assertion beside an assertion",
        Signed(SEALED),
        Swap(
            "<saml:EncryptedAssertion",
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/><saml:EncryptedAssertion",
        ),
        "assertions",
    ),
    case(
        "an unsigned assertion, encrypted",
        Signed(SEALED),
        By(|_| encrypted(stripped)),
        "signature-missing",
    ),
    case(
        "the response's signature stripped from around it",
        Signed(AROUND),
        By(stripped),
        "signature-missing",
    ),
    case(
        "a changed assertion, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|xml| xml.replace("alice@", "admin@"))),
        "signature-invalid",
    ),
    case(
        "a document type, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|xml| format!("<!DOCTYPE x>{xml}"))),
        "xml-doctype",
    ),
    case(
        "two assertions, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|xml| format!("{xml}{}", xml.replace("_assertion1", "_2")))),
        "assertions",
    ),
    case("an assertion in an assertion, encrypted", Signed(SEALED), By(|_| encrypted(nested)), "assertions"),
    case(
        "another element, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|_| "<x/>".to_owned())),
        "assertions",
    ),
    case(
        "an encrypted assertion, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|_| "<saml:EncryptedAssertion/>".to_owned())),
        "assertions",
    ),
    case("nothing, encrypted", Signed(SEALED), By(|_| encrypted(|_| String::new())), "assertions"),
    case(
        "a way out of the scope, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|xml| format!("</plain>{xml}<plain>"))),
        "xml-malformed",
    ),
    case(
        "a comment in the name, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|xml| xml.replace("alice@", "alice<!---->@"))),
        "xml-split-text",
    ),
    case(
        "too many elements, encrypted",
        Signed(SEALED),
        By(|_| encrypted(|xml| format!("{xml}{}", "<x/>".repeat(5_000)))),
        "xml-too-many-elements",
    ),
    case(
        "the signature in the frame instead, encrypted",
        Signed(SEALED),
        By(|_| encrypted(moved)),
        "response-form",
    ),
];

/// Where the nth CipherValue's text is.
fn cipher(xml: &str, nth: usize) -> std::ops::Range<usize> {
    let (open, close) = ("<xenc:CipherValue>", "</xenc:CipherValue>");
    let start = xml.match_indices(open).nth(nth).unwrap().0 + open.len();
    start..start + xml[start..].find(close).unwrap()
}

fn valued(xml: &str, nth: usize, value: &str) -> String {
    let range = cipher(xml, nth);
    format!("{}{value}{}", &xml[..range.start], &xml[range.end..])
}

fn flipped(xml: &str, nth: usize) -> String {
    let text = &xml[cipher(xml, nth)];
    let (head, tail) = text.split_at(40);
    let first = if tail.starts_with('A') { 'B' } else { 'A' };
    valued(xml, nth, &format!("{head}{first}{}", &tail[1..]))
}

fn element<'t>(xml: &'t str, name: &str) -> &'t str {
    let start = xml.find(&format!("<{name}")).unwrap();
    let close = format!("</{name}>");
    &xml[start..start + xml[start..].find(&close).unwrap() + close.len()]
}

fn referred(xml: &str) -> String {
    let range = cipher(xml, 1);
    let (before, after) = (&xml[..range.start], &xml[range.end..]);
    format!(
        "{}<xenc:CipherReference URI=\"http://127.0.0.1:1/\"/>{}",
        before.strip_suffix("<xenc:CipherValue>").unwrap(),
        after.strip_prefix("</xenc:CipherValue>").unwrap()
    )
}

fn keyless(xml: &str) -> String {
    xml.replace(element(xml, "xenc:EncryptedKey"), "")
}

fn keys(xml: &str, number: usize) -> String {
    let key = element(xml, "xenc:EncryptedKey");
    xml.replace(key, &key.repeat(number))
}

fn two(xml: &str) -> String {
    let data = element(xml, "xenc:EncryptedData");
    xml.replace(data, &data.repeat(2))
}

fn stripped(xml: &str) -> String {
    let signature = element(xml, "ds:Signature");
    xml.replacen(signature, "", 1)
}

fn nested(xml: &str) -> String {
    xml.replace(
        "</saml:Conditions>",
        &format!("</saml:Conditions><saml:Advice>{}</saml:Advice>", stripped(xml))
            .replace("_assertion1\" Version", "_x\" Version"),
    )
}

fn moved(xml: &str) -> String {
    let signature = element(xml, "ds:Signature").to_owned();
    stripped(xml).replace("</saml:Assertion>", &format!("{signature}</saml:Assertion>"))
}

/// The service's key is public: an attacker encrypts what he likes, and so does this, with the library's means.
fn encrypted(change: impl FnOnce(&str) -> String) -> String {
    let xml = issue(&IDP_EC.own(), ASSERTION);
    let assertion = element(&xml, "saml:Assertion").to_owned();
    xml.replace(&assertion, &encrypt(&change(&assertion)))
}
