//! The signature itself: absent, another's, over something else, or with algorithms of the attacker's choice.

use super::Base::{Sealed, Signed};
use super::Mutation::{By, Swap};
use super::{Case, case};
use crate::saml::scene::*;

const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const EXCLUSIVE: &str = "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const ECDSA: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

pub const CASES: &[Case] = &[
    case("no signature", Signed(ASSERTION), By(stripped), "signature-missing"),
    case("no signature on the response", Signed(RESPONSE), By(stripped), "signature-missing"),
    case(
        "a changed name",
        Signed(ASSERTION),
        Swap("alice@example.org</saml:NameID>", "admin@example.org</saml:NameID>"),
        "signature-invalid",
    ),
    case(
        "a changed attribute under a signed response",
        Signed(RESPONSE),
        Swap(">staff<", ">admin<"),
        "signature-invalid",
    ),
    case(
        "the response's signature is right and the assertion's is not",
        Signed(BOTH),
        By(spoilt_inner),
        "signature-invalid",
    ),
    case(
        "the assertion's signature is right and the response's is not",
        Signed(BOTH),
        Swap("</samlp:Status>", "<samlp:StatusMessage>x</samlp:StatusMessage></samlp:Status>"),
        "signature-invalid",
    ),
    case(
        "signed by an attacker, whose certificate is inside",
        Sealed(ASSERTION),
        By(rogue),
        "signature-invalid",
    ),
    case("signed with our own encryption key", Sealed(ASSERTION), By(own), "signature-invalid"),
    case("two SignedInfo", Signed(ASSERTION), By(two_infos), "signature-form"),
    case("two SignatureValue", Signed(ASSERTION), By(two_values), "signature-form"),
    case("two references", Signed(ASSERTION), By(two_references), "signature-form"),
    case("no reference", Signed(ASSERTION), By(no_reference), "signature-form"),
    case("two signatures on one assertion", Signed(ASSERTION), By(two_signatures), "signature-doubled"),
    case("two signatures on one response", Signed(RESPONSE), By(two_signatures), "signature-misplaced"),
    case(
        "an object in the signature",
        Signed(ASSERTION),
        Swap("</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>"),
        "signature-form",
    ),
    case(
        "a manifest reference in KeyInfo's place",
        Signed(ASSERTION),
        Swap("<ds:KeyInfo>", "<ds:Object/><ds:KeyInfo>"),
        "signature-form",
    ),
    case("empty URI", Signed(ASSERTION), Swap("URI=\"#_assertion1\"", "URI=\"\""), "signature-reference"),
    case("no URI", Signed(ASSERTION), Swap(" URI=\"#_assertion1\"", ""), "signature-reference"),
    case(
        "the response's URI in the assertion's signature",
        Signed(ASSERTION),
        Swap("URI=\"#_assertion1\"", "URI=\"#_response1\""),
        "signature-reference",
    ),
    case(
        "a URI elsewhere",
        Signed(ASSERTION),
        Swap("URI=\"#_assertion1\"", "URI=\"https://evil.example/a.xml\""),
        "signature-reference",
    ),
    case(
        "a file's URI",
        Signed(ASSERTION),
        Swap("URI=\"#_assertion1\"", "URI=\"Cargo.toml\""),
        "signature-reference",
    ),
    case(
        "an attachment's URI",
        Signed(ASSERTION),
        Swap("URI=\"#_assertion1\"", "URI=\"cid:x\""),
        "signature-reference",
    ),
    case(
        "an xpointer",
        Signed(ASSERTION),
        Swap("URI=\"#_assertion1\"", "URI=\"#xpointer(id('_assertion1'))\""),
        "signature-reference",
    ),
    case(
        "xpointer to the root",
        Signed(RESPONSE),
        Swap("URI=\"#_response1\"", "URI=\"#xpointer(/)\""),
        "signature-reference",
    ),
    case(
        "URI in a namespace",
        Signed(ASSERTION),
        Swap("URI=\"#_assertion1\"", "xmlns:x=\"urn:x\" x:URI=\"#_assertion1\""),
        "signature-reference",
    ),
    case(
        "RSA with SHA-1",
        Signed(ASSERTION),
        Swap(ECDSA, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        "signature-algorithm",
    ),
    case(
        "ECDSA with SHA-1",
        Signed(ASSERTION),
        Swap(ECDSA, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"),
        "signature-algorithm",
    ),
    case(
        "HMAC with the public key",
        Signed(ASSERTION),
        Swap(ECDSA, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
        "signature-algorithm",
    ),
    case(
        "DSA",
        Signed(ASSERTION),
        Swap(ECDSA, "http://www.w3.org/2009/xmldsig11#dsa-sha256"),
        "signature-algorithm",
    ),
    case("no algorithm", Signed(ASSERTION), Swap(ECDSA, ""), "signature-algorithm"),
    case(
        "an algorithm that is another key's",
        Signed(ASSERTION),
        Swap(ECDSA, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        "signature-invalid",
    ),
    case("a parameter of the algorithm", Sealed(ASSERTION), By(output_length), "signature-algorithm"),
    case(
        "digest by SHA-1",
        Sealed(ASSERTION),
        Swap(SHA256, "http://www.w3.org/2000/09/xmldsig#sha1"),
        "signature-digest",
    ),
    case(
        "digest by MD5",
        Signed(ASSERTION),
        Swap(SHA256, "http://www.w3.org/2001/04/xmldsig-more#md5"),
        "signature-digest",
    ),
    case(
        "inclusive canonicalisation",
        Sealed(ASSERTION),
        Swap(
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"",
        ),
        "signature-canonicalization",
    ),
    case(
        "canonicalisation with comments",
        Sealed(ASSERTION),
        Swap(
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"",
        ),
        "signature-canonicalization",
    ),
    case(
        "no canonicalisation",
        Signed(ASSERTION),
        Swap(EXCLUSIVE, "<ds:CanonicalizationMethod>"),
        "signature-canonicalization",
    ),
    case(
        "an inclusive transform",
        Sealed(ASSERTION),
        Swap(
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
            "<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"",
        ),
        "signature-transforms",
    ),
    case(
        "a transform with comments",
        Sealed(ASSERTION),
        Swap(
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"",
        ),
        "signature-transforms",
    ),
    case("an XPath transform", Sealed(ASSERTION), By(xpath), "signature-transforms"),
    case(
        "an XSLT transform",
        Signed(ASSERTION),
        Swap(ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        "signature-transforms",
    ),
    case(
        "a base64 transform",
        Signed(ASSERTION),
        Swap(ENVELOPED, "http://www.w3.org/2000/09/xmldsig#base64"),
        "signature-transforms",
    ),
    case(
        "a list of more prefixes than anybody has",
        Sealed(ASSERTION),
        Swap("PrefixList=\"xs\"", "PrefixList=\"xs a b c d e f g h i j k l m n o p\""),
        "signature-transforms",
    ),
    case(
        "a longer list of prefixes than anybody needs",
        Sealed(ASSERTION),
        By(|xml| xml.replacen("PrefixList=\"xs\"", &format!("PrefixList=\"xs {}\"", "p".repeat(300)), 1)),
        "signature-transforms",
    ),
    case(
        "a space in the list of prefixes that XML has not",
        Sealed(ASSERTION),
        Swap("PrefixList=\"xs\"", "PrefixList=\"\u{A0}xs\""),
        "signature-transforms",
    ),
    case("one transform more", Sealed(ASSERTION), By(three_transforms), "signature-transforms"),
    case("one transform less", Sealed(ASSERTION), By(one_transform), "signature-transforms"),
    case("transforms the other way round", Signed(ASSERTION), By(turned), "signature-transforms"),
    case("no transforms", Signed(ASSERTION), By(no_transforms), "signature-form"),
    case("empty digest", Signed(ASSERTION), By(|xml| valued(xml, "DigestValue", "")), "signature-value"),
    case(
        "the digest of nothing",
        Signed(ASSERTION),
        By(|xml| valued(xml, "DigestValue", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")),
        "signature-value",
    ),
    case(
        "digest of another length",
        Signed(ASSERTION),
        By(|xml| valued(xml, "DigestValue", "AAAA")),
        "signature-invalid",
    ),
    case(
        "comment in the digest",
        Signed(ASSERTION),
        By(|xml| split(xml, "DigestValue", "<!---->")),
        "signature-value",
    ),
    case(
        "CDATA in the digest",
        Signed(ASSERTION),
        By(|xml| split(xml, "DigestValue", "<![CDATA[]]>")),
        "signature-value",
    ),
    case(
        "element in the digest",
        Signed(ASSERTION),
        By(|xml| split(xml, "DigestValue", "<x/>")),
        "signature-value",
    ),
    case(
        "empty signature value",
        Signed(ASSERTION),
        By(|xml| valued(xml, "SignatureValue", "")),
        "signature-value",
    ),
    case("signature value of zeros", Signed(ASSERTION), By(zeros), "signature-invalid"),
    case(
        "signature value of white space",
        Signed(ASSERTION),
        By(|xml| valued(xml, "SignatureValue", " \n ")),
        "signature-value",
    ),
    case(
        "signature value that is no base64",
        Signed(ASSERTION),
        By(|xml| valued(xml, "SignatureValue", "A*==")),
        "signature-value",
    ),
    case(
        "comment in the signature value",
        Signed(ASSERTION),
        By(|xml| split(xml, "SignatureValue", "<!--x-->")),
        "signature-value",
    ),
    case(
        "CDATA in the signature value",
        Signed(ASSERTION),
        By(|xml| split(xml, "SignatureValue", "<![CDATA[x]]>")),
        "signature-value",
    ),
    case(
        "text in SignedInfo",
        Signed(ASSERTION),
        Swap("<ds:SignedInfo>", "<ds:SignedInfo>x"),
        "signature-form",
    ),
    case(
        "the signature is of another namespace",
        Signed(ASSERTION),
        Swap("http://www.w3.org/2000/09/xmldsig#\">", "http://www.w3.org/2000/09/xmldsig\">"),
        "signature-missing",
    ),
    case("SignedInfo is of another namespace", Signed(ASSERTION), By(other_info), "signature-form"),
];

fn stripped(xml: &str) -> String {
    let start = xml.find("<ds:Signature ").unwrap();
    let end = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    format!("{}{}", &xml[..start], &xml[end..])
}

/// The first part of this name, whole.
fn element<'t>(xml: &'t str, name: &str) -> &'t str {
    let start = xml.find(&format!("<ds:{name}")).unwrap();
    let close = format!("</ds:{}>", name.trim_end());
    &xml[start..start + xml[start..].find(&close).unwrap() + close.len()]
}

fn doubled(xml: &str, name: &str) -> String {
    let one = element(xml, name);
    xml.replacen(one, &format!("{one}{one}"), 1)
}

fn two_infos(xml: &str) -> String {
    doubled(xml, "SignedInfo")
}

fn two_values(xml: &str) -> String {
    doubled(xml, "SignatureValue")
}

fn two_references(xml: &str) -> String {
    doubled(xml, "Reference")
}

fn no_reference(xml: &str) -> String {
    xml.replacen(element(xml, "Reference"), "", 1)
}

fn two_signatures(xml: &str) -> String {
    let one = &xml
        [xml.find("<ds:Signature ").unwrap()..xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len()];
    xml.replacen(one, &format!("{one}{one}"), 1)
}

fn no_transforms(xml: &str) -> String {
    xml.replacen(element(xml, "Transforms"), "", 1)
}

fn turned(xml: &str) -> String {
    let first = element(xml, "Transform ");
    let rest = xml.replacen(first, "", 1);
    rest.replacen("</ds:Transforms>", &format!("{first}</ds:Transforms>"), 1)
}

fn spoilt_inner(xml: &str) -> String {
    // The assertion's own signature is the second of the document.
    let inner = xml.find("<saml:Assertion").unwrap();
    let value = element(&xml[inner..], "SignatureValue").to_owned();
    let other = element(xml, "SignatureValue").to_owned();
    xml.replace(&value, &other)
}

fn rogue(template: &str) -> String {
    let certificate: String = ROGUE.certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    let info = format!(
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    );
    seal(&template.replace("</ds:Signature>", &info), &ROGUE)
}

fn own(template: &str) -> String {
    seal(&template.replace("#ecdsa-sha256", "#rsa-sha256"), &SP_RSA)
}

fn output_length(template: &str) -> String {
    template.replace(
        "#ecdsa-sha256\"/>",
        "#ecdsa-sha256\"><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>",
    )
}

const ENVELOPED_TRANSFORM: &str =
    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";

fn xpath(template: &str) -> String {
    template.replace(
        ENVELOPED_TRANSFORM,
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
         <ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>",
    )
}

fn three_transforms(template: &str) -> String {
    template.replace(ENVELOPED_TRANSFORM, &ENVELOPED_TRANSFORM.repeat(2))
}

fn one_transform(template: &str) -> String {
    let start = template.find("<ds:Transform Algorithm=\"http://www.w3.org/2001/10").unwrap();
    let end = start + template[start..].find("</ds:Transform>").unwrap() + "</ds:Transform>".len();
    format!("{}{}", &template[..start], &template[end..])
}

/// Gives the value another content.
fn valued(xml: &str, name: &str, value: &str) -> String {
    xml.replacen(element(xml, name), &format!("<ds:{name}>{value}</ds:{name}>"), 1)
}

/// Puts something into the middle of a value.
fn split(xml: &str, name: &str, what: &str) -> String {
    let whole = element(xml, name);
    let open = format!("<ds:{name}>");
    let (head, tail) = whole.split_at(open.len() + 8);
    xml.replacen(whole, &format!("{head}{what}{tail}"), 1)
}

fn zeros(xml: &str) -> String {
    use base64::Engine as _;
    valued(xml, "SignatureValue", &base64::engine::general_purpose::STANDARD.encode([0; 64]))
}

fn other_info(xml: &str) -> String {
    xml.replace("<ds:SignedInfo>", "<x:SignedInfo xmlns:x=\"urn:x\">")
        .replace("</ds:SignedInfo>", "</x:SignedInfo>")
}
