//! Signature wrapping: the signed element is somewhere, and another one is read. XSW1 to XSW8 as Somorovsky et
//! al. number them ("On Breaking SAML", 2012), and some that came later.

use super::Base::Signed;
use super::Mutation::By;
use super::{Case, case};
use crate::saml::scene::{ASSERTION, BOTH, RESPONSE};

pub const CASES: &[Case] = &[
    case("xsw1: signed response inside the forged one's signature", Signed(RESPONSE), By(xsw1), "assertions"),
    case("xsw2: signed response before the signature", Signed(RESPONSE), By(xsw2), "signature-misplaced"),
    case("xsw3: forged assertion before the signed one", Signed(ASSERTION), By(xsw3), "assertions"),
    case("xsw3 with the forged one behind", Signed(ASSERTION), By(xsw3_behind), "assertions"),
    case("xsw4: forged assertion around the signed one", Signed(ASSERTION), By(xsw4), "assertions"),
    case(
        "xsw5: signature in the forged assertion, the signed one behind",
        Signed(ASSERTION),
        By(xsw5),
        "assertions",
    ),
    case("xsw6: the signed assertion inside the signature", Signed(ASSERTION), By(xsw6), "assertions"),
    case("xsw7: forged assertion in extensions", Signed(ASSERTION), By(xsw7), "assertions"),
    case(
        "xsw8: the signed assertion in an object of the signature",
        Signed(ASSERTION),
        By(xsw8),
        "assertions",
    ),
    case(
        "the signed assertion in extensions, the forged one in its place",
        Signed(ASSERTION),
        By(parked),
        "assertions",
    ),
    case(
        "the signed assertion in the advice of the forged one",
        Signed(ASSERTION),
        By(advised),
        "assertions",
    ),
    case("forged response around the signed one", Signed(RESPONSE), By(around), "response-form"),
    case(
        "the signature of the assertion moved to the response",
        Signed(ASSERTION),
        By(lifted),
        "signature-reference",
    ),
    case(
        "the signature of the response moved into the assertion",
        Signed(RESPONSE),
        By(sunk),
        "signature-reference",
    ),
    case(
        "the response's signature, and a forged assertion that has the name of the signed",
        Signed(BOTH),
        By(same_id),
        "xml-duplicate-id",
    ),
    case(
        "signed assertion, forged copy with the same id in front",
        Signed(ASSERTION),
        By(same_id_copy),
        "assertions",
    ),
    case("two signed assertions", Signed(ASSERTION), By(twice), "assertions"),
    case("no assertion", Signed(ASSERTION), By(none), "assertions"),
    case("a signature in the status", Signed(ASSERTION), By(in_status), "signature-misplaced"),
    case("a signature in the subject", Signed(ASSERTION), By(in_subject), "signature-misplaced"),
    case("a signature at the end of the response", Signed(RESPONSE), By(at_the_end), "signature-misplaced"),
    case("a signature before the issuer", Signed(RESPONSE), By(before_the_issuer), "response-form"),
    case(
        "the assertion is another element of that name",
        Signed(ASSERTION),
        By(other_namespace),
        "response-form",
    ),
    case("the response is another element of that name", Signed(RESPONSE), By(other_response), "xml-odd-id"),
    case("the prefix of assertions means something else", Signed(ASSERTION), By(rebound), "xml-odd-id"),
];

/// A part of the document by its first and last words.
fn part<'t>(xml: &'t str, from: &str, to: &str) -> &'t str {
    let start = xml.find(from).unwrap_or_else(|| panic!("no {from} in {xml}"));
    let end = start + xml[start..].find(to).unwrap_or_else(|| panic!("no {to} in {xml}")) + to.len();
    &xml[start..end]
}

fn assertion(xml: &str) -> &str {
    part(xml, "<saml:Assertion", "</saml:Assertion>")
}

fn signature(xml: &str) -> &str {
    part(xml, "<ds:Signature ", "</ds:Signature>")
}

/// An assertion that says what the attacker wants, without a signature and under a name of its own.
fn forged(xml: &str) -> String {
    let assertion = assertion(xml);
    let bare = match assertion.contains("<ds:Signature ") {
        true => assertion.replace(signature(assertion), ""),
        false => assertion.to_owned(),
    };
    bare.replace("_assertion1", "_evil").replace("alice@example.org", "admin@example.org")
}

fn unsigned(xml: &str) -> String {
    xml.replace(signature(xml), "")
}

fn evil_response(xml: &str) -> String {
    xml.replace("_response1", "_evilresponse").replace("_assertion1", "_evil").replace("alice@", "admin@")
}

fn xsw1(xml: &str) -> String {
    let evil = evil_response(&unsigned(xml));
    let with = signature(xml).replace("</ds:Signature>", &format!("{}</ds:Signature>", unsigned(xml)));
    evil.replace("</saml:Issuer><samlp:Status>", &format!("</saml:Issuer>{with}<samlp:Status>"))
}

fn xsw2(xml: &str) -> String {
    let evil = evil_response(&unsigned(xml));
    let both = format!("</saml:Issuer>{}{}<samlp:Status>", without_assertion(&unsigned(xml)), signature(xml));
    evil.replacen("</saml:Issuer><samlp:Status>", &both, 1)
}

/// So that it is not the number of assertions that gives it away.
fn without_assertion(xml: &str) -> String {
    xml.replace(assertion(xml), "")
}

fn xsw3(xml: &str) -> String {
    xml.replace("<saml:Assertion", &format!("{}<saml:Assertion", forged(xml)))
}

fn xsw3_behind(xml: &str) -> String {
    xml.replace("</saml:Assertion>", &format!("</saml:Assertion>{}", forged(xml)))
}

fn xsw4(xml: &str) -> String {
    let around = forged(xml).replace("</saml:Assertion>", &format!("{}</saml:Assertion>", assertion(xml)));
    xml.replace(assertion(xml), &around)
}

fn xsw5(xml: &str) -> String {
    let evil = assertion(xml)
        .replace("ID=\"_assertion1\"", "ID=\"_evil\"")
        .replace("alice@example.org", "admin@example.org");
    xml.replace(assertion(xml), &format!("{evil}{}", unsigned(assertion(xml))))
}

fn xsw6(xml: &str) -> String {
    inside_signature(xml, unsigned(assertion(xml)))
}

fn xsw8(xml: &str) -> String {
    inside_signature(xml, format!("<ds:Object>{}</ds:Object>", unsigned(assertion(xml))))
}

fn inside_signature(xml: &str, what: String) -> String {
    let evil = assertion(xml)
        .replace("ID=\"_assertion1\"", "ID=\"_evil\"")
        .replace("alice@example.org", "admin@example.org")
        .replace("</ds:Signature>", &format!("{what}</ds:Signature>"));
    xml.replace(assertion(xml), &evil)
}

fn xsw7(xml: &str) -> String {
    extended(xml, &forged(xml))
}

fn extended(xml: &str, what: &str) -> String {
    let extensions = format!("<samlp:Extensions>{what}</samlp:Extensions><samlp:Status>");
    xml.replace("<samlp:Status>", &extensions)
}

fn parked(xml: &str) -> String {
    let signed = assertion(xml).to_owned();
    extended(&xml.replace(&signed, &forged(xml)), &signed)
}

fn advised(xml: &str) -> String {
    let advice = format!("</saml:Conditions><saml:Advice>{}</saml:Advice>", assertion(xml));
    xml.replace(assertion(xml), &forged(xml).replace("</saml:Conditions>", &advice))
}

fn around(xml: &str) -> String {
    let evil = evil_response(&unsigned(xml));
    evil.replace(assertion(&evil), &without_assertion(xml))
}

fn lifted(xml: &str) -> String {
    let signature = signature(xml).to_owned();
    unsigned(xml).replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
}

fn sunk(xml: &str) -> String {
    let signature = signature(xml).to_owned();
    unsigned(xml).replace("</saml:Issuer><saml:Subject>", &format!("</saml:Issuer>{signature}<saml:Subject>"))
}

fn same_id(xml: &str) -> String {
    let evil = xml.replace("alice@example.org", "admin@example.org").replace("_response1", "_assertion1");
    evil.replace("_evil", "_assertion1")
}

fn same_id_copy(xml: &str) -> String {
    // The ids differ in the form only: what is one name to the eye is another to the parser.
    xsw3(xml).replace("_evil", "_assertion1\u{FF11}")
}

fn twice(xml: &str) -> String {
    let copy = assertion(xml).replace("_assertion1", "_assertion2");
    xml.replace("</saml:Assertion>", &format!("</saml:Assertion>{copy}"))
}

fn none(xml: &str) -> String {
    without_assertion(xml)
}

fn in_status(xml: &str) -> String {
    let signature = signature(xml).to_owned();
    unsigned(xml).replace("</samlp:Status>", &format!("{signature}</samlp:Status>"))
}

fn in_subject(xml: &str) -> String {
    let signature = signature(xml).to_owned();
    unsigned(xml).replace("</saml:Subject>", &format!("{signature}</saml:Subject>"))
}

fn at_the_end(xml: &str) -> String {
    let signature = signature(xml).to_owned();
    unsigned(xml).replace("</samlp:Response>", &format!("{signature}</samlp:Response>"))
}

fn before_the_issuer(xml: &str) -> String {
    let signature = signature(xml).to_owned();
    unsigned(xml).replacen("<saml:Issuer>", &format!("{signature}<saml:Issuer>"), 1)
}

fn other_namespace(xml: &str) -> String {
    // The signed assertion stays; what a reader by local name would take is another.
    let evil = forged(xml)
        .replace(" ID=\"_evil\"", "")
        .replace("urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:assertion#");
    xml.replace("<saml:Assertion", &format!("{evil}<saml:Assertion"))
}

fn other_response(xml: &str) -> String {
    xml.replace("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.0:protocol")
}

fn rebound(xml: &str) -> String {
    xml.replace(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\"",
    )
}
