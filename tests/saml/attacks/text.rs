//! The document: what two readers of it could read differently, or what costs them too much.

use super::Base::{Sealed, Signed};
use super::Mutation::{By, Swap};
use super::{Case, case};
use crate::saml::scene::{ASSERTION, RESPONSE};

const NAME: &str = "alice@example.org</saml2:NameID>";

pub const CASES: &[Case] = &[
    case(
        "a document type",
        Signed(ASSERTION),
        By(|xml| format!("<!DOCTYPE samlp:Response>{xml}")),
        "xml-doctype",
    ),
    case("an external entity", Signed(ASSERTION), By(xxe), "xml-doctype"),
    case(
        "an external subset",
        Signed(ASSERTION),
        By(|xml| format!("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">{xml}")),
        "xml-doctype",
    ),
    case(
        "a prefix that is declared to mean nothing",
        Signed(ASSERTION),
        Swap("<saml:Subject>", "<saml:Subject xmlns:saml=\"\">"),
        "xml-namespace",
    ),
    case("more namespaces than names", Signed(ASSERTION), By(declared), "xml-too-many-attributes"),
    case("an entity bomb", Signed(ASSERTION), By(bomb), "xml-doctype"),
    case(
        "a default attribute",
        Signed(ASSERTION),
        By(|xml| format!("<!DOCTYPE x [<!ATTLIST saml:NameID Format CDATA 'x'>]>{xml}")),
        "xml-doctype",
    ),
    case(
        "an unknown entity",
        Signed(ASSERTION),
        Swap("alice@example.org</saml:NameID>", "&alice;</saml:NameID>"),
        "xml-malformed",
    ),
    case(
        "a processing instruction in a name",
        Sealed(ASSERTION),
        Swap(NAME, "alice@example.org<?x y?></saml2:NameID>"),
        "xml-processing-instruction",
    ),
    case(
        "a processing instruction in front",
        Signed(ASSERTION),
        By(|xml| format!("<?xml-stylesheet href='x'?>{xml}")),
        "xml-processing-instruction",
    ),
    case(
        "a processing instruction behind",
        Signed(ASSERTION),
        By(|xml| format!("{xml}<?x?>")),
        "xml-processing-instruction",
    ),
    case(
        "a comment in a name",
        Sealed(ASSERTION),
        Swap(NAME, "admin@example.org<!---->.evil.example</saml2:NameID>"),
        "xml-split-text",
    ),
    case(
        "a comment at the end of a name, added after signing",
        Signed(ASSERTION),
        Swap("alice@example.org</saml:NameID>", "alice@exam<!-- -->ple.org</saml:NameID>"),
        "xml-split-text",
    ),
    case(
        "CDATA in a name",
        Sealed(ASSERTION),
        Swap(NAME, "alice<![CDATA[@example.org]]></saml2:NameID>"),
        "xml-split-text",
    ),
    case(
        "a name all in CDATA",
        Signed(ASSERTION),
        Swap("alice@example.org</saml:NameID>", "<![CDATA[alice@example.org]]></saml:NameID>"),
        "xml-split-text",
    ),
    case(
        "an element in a name",
        Sealed(ASSERTION),
        Swap(NAME, "alice<b/>@example.org</saml2:NameID>"),
        "xml-split-text",
    ),
    case(
        "a comment in an attribute's value",
        Sealed(ASSERTION),
        Swap(
            "alice@example.org</saml2:AttributeValue>",
            "admin@example.org<!---->.evil</saml2:AttributeValue>",
        ),
        "xml-split-text",
    ),
    case(
        "CDATA in an attribute's value",
        Sealed(ASSERTION),
        Swap("alice@example.org</saml2:AttributeValue>", "a<![CDATA[b]]></saml2:AttributeValue>"),
        "xml-split-text",
    ),
    case(
        "a comment in the audience",
        Sealed(ASSERTION),
        Swap("https://sp.example/saml</saml2:Audience>", "https://sp.example/saml<!--x--></saml2:Audience>"),
        "xml-split-text",
    ),
    case("a comment in the issuer", Sealed(ASSERTION), By(issuer_comment), "xml-split-text"),
    case(
        "text between elements",
        Sealed(ASSERTION),
        Swap("</saml2:Subject>", "x</saml2:Subject>"),
        "xml-mixed-content",
    ),
    case(
        "CDATA between elements",
        Sealed(ASSERTION),
        Swap("</saml2:Subject>", "<![CDATA[ ]]></saml2:Subject>"),
        "xml-mixed-content",
    ),
    case(
        "two ids alike",
        Sealed(ASSERTION),
        Swap("<saml2p:Status>", "<saml2p:Status ID=\"_assertion1\">"),
        "xml-duplicate-id",
    ),
    case(
        "an id and an Id alike",
        Signed(ASSERTION),
        Swap("<ds:KeyInfo>", "<ds:KeyInfo Id=\"_assertion1\">"),
        "xml-duplicate-id",
    ),
    case(
        "a lower-case id",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status id=\"_assertion1\">"),
        "xml-odd-id",
    ),
    case(
        "an Id where SAML has ID",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status Id=\"_x\">"),
        "xml-odd-id",
    ),
    case(
        "an ID where XML Signature has Id",
        Signed(ASSERTION),
        Swap("<ds:KeyInfo>", "<ds:KeyInfo ID=\"_x\">"),
        "xml-odd-id",
    ),
    case(
        "an xml:id",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status xml:id=\"_assertion1\">"),
        "xml-odd-id",
    ),
    case(
        "an ID of a namespace",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status xmlns:x=\"urn:x\" x:ID=\"_assertion1\">"),
        "xml-odd-id",
    ),
    case(
        "an id of SAML 1",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status AssertionID=\"_assertion1\">"),
        "xml-odd-id",
    ),
    case(
        "an id that is no name",
        Sealed(ASSERTION),
        By(|xml| xml.replace("_assertion1", "1assertion")),
        "xml-odd-id",
    ),
    case("an id with a colon", Sealed(ASSERTION), By(|xml| xml.replace("_assertion1", "a:b")), "xml-odd-id"),
    case("an empty id", Signed(ASSERTION), Swap("ID=\"_assertion1\"", "ID=\"\""), "xml-odd-id"),
    case(
        "a foreign element with an id",
        Sealed(ASSERTION),
        Swap(
            "<saml2p:Status>",
            "<saml2p:Extensions><x xmlns=\"urn:x\" ID=\"_y\"/></saml2p:Extensions><saml2p:Status>",
        ),
        "xml-odd-id",
    ),
    case(
        "the same attribute twice",
        Signed(ASSERTION),
        Swap(
            "Version=\"2.0\" IssueInstant=\"2027-01-15T08:00:00Z\" Destination",
            "Version=\"2.0\" Version=\"2.0\" IssueInstant=\"2027-01-15T08:00:00Z\" Destination",
        ),
        "xml-malformed",
    ),
    case(
        "the same attribute by two prefixes",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status xmlns:a=\"urn:x\" xmlns:b=\"urn:x\" a:c=\"1\" b:c=\"2\">"),
        "xml-malformed",
    ),
    case(
        "the same declaration twice",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status xmlns:a=\"urn:x\" xmlns:a=\"urn:y\">"),
        "xml-malformed",
    ),
    case(
        "an unbound prefix",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status a:b=\"c\">"),
        "xml-malformed",
    ),
    case(
        "the prefix xml bound anew",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "<samlp:Status xmlns:xml=\"urn:x\">"),
        "xml-malformed",
    ),
    case(
        "a relative namespace",
        Sealed(RESPONSE),
        Swap("xmlns:unused='urn:x:unused'", "xmlns:unused='../x'"),
        "xml-namespace",
    ),
    case(
        "a namespace that is a word",
        Sealed(RESPONSE),
        Swap("xmlns:unused='urn:x:unused'", "xmlns='word'"),
        "xml-namespace",
    ),
    case(
        "a namespace of characters that no URI has",
        Sealed(RESPONSE),
        Swap("xmlns:unused='urn:x:unused'", "xmlns:unused='urn:x:un used'"),
        "xml-namespace",
    ),
    case(
        "a namespace beyond ASCII",
        Sealed(RESPONSE),
        Swap("xmlns:unused='urn:x:unused'", "xmlns:unused='urn:x:unusé'"),
        "xml-namespace",
    ),
    case(
        "another version of XML",
        Sealed(ASSERTION),
        Swap("<?xml version=\"1.0\"", "<?xml version=\"1.1\""),
        "xml-malformed",
    ),
    case(
        "another encoding",
        Sealed(ASSERTION),
        Swap("encoding=\"UTF-8\"", "encoding=\"UTF-7\""),
        "xml-malformed",
    ),
    case("two roots", Signed(ASSERTION), By(|xml| xml.repeat(2)), "xml-malformed"),
    case("text behind", Signed(ASSERTION), By(|xml| format!("{xml}x")), "xml-malformed"),
    case("cut short", Signed(ASSERTION), By(|xml| xml[..xml.len() - 1].to_owned()), "xml-malformed"),
    case("nothing", Signed(ASSERTION), By(|_| String::new()), "xml-malformed"),
    case("a zero byte", Signed(ASSERTION), Swap("<samlp:Status>", "\0<samlp:Status>"), "xml-malformed"),
    case(
        "a reference to a zero byte",
        Signed(ASSERTION),
        Swap("<samlp:Status>", "&#0;<samlp:Status>"),
        "xml-malformed",
    ),
    case("nested too deep", Signed(ASSERTION), By(deep), "xml-malformed"),
    case(
        "too large",
        Signed(ASSERTION),
        By(|xml| format!("{xml}{}", " ".repeat(256 * 1024))),
        "xml-too-large",
    ),
    case(
        "too many elements",
        Signed(ASSERTION),
        By(|xml| extended(xml, &"<x/>".repeat(5_000))),
        "xml-too-many-elements",
    ),
    case("too many attributes", Signed(ASSERTION), By(attributes), "xml-too-many-attributes"),
    case(
        "very many attributes",
        Signed(ASSERTION),
        By(|xml| extended(xml, &format!("<x {}/>", "a='' ".repeat(30_000)))),
        "xml-too-many-attributes",
    ),
    case("too many declarations", Signed(ASSERTION), By(declarations), "xml-too-many-attributes"),
];

fn xxe(xml: &str) -> String {
    let entity = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    format!("{entity}{}", xml.replace("alice@example.org</saml:NameID>", "&e;</saml:NameID>"))
}

fn bomb(xml: &str) -> String {
    let mut entities = "<!ENTITY e0 \"lol\">".to_owned();
    for level in 1..20 {
        entities.push_str(&format!("<!ENTITY e{level} \"{}\">", format!("&e{};", level - 1).repeat(10)));
    }
    format!(
        "<!DOCTYPE x [{entities}]>{}",
        xml.replace("alice@example.org</saml:NameID>", "&e19;</saml:NameID>")
    )
}

fn issuer_comment(xml: &str) -> String {
    xml.replace(
        "https://idp.example/saml</saml2:Issuer>",
        "https://idp.example/saml<!-- -->.evil</saml2:Issuer>",
    )
}

fn extended(xml: &str, what: &str) -> String {
    xml.replace("<samlp:Status>", &format!("<samlp:Extensions>{what}</samlp:Extensions><samlp:Status>"))
}

fn deep(xml: &str) -> String {
    extended(xml, &format!("{}{}", "<x>".repeat(63), "</x>".repeat(63)))
}

fn attributes(xml: &str) -> String {
    let many: Vec<String> = (0..=256).map(|number| format!("a{number}=''")).collect();
    extended(xml, &format!("<x {}/>", many.join(" ")))
}

fn declarations(xml: &str) -> String {
    let many: Vec<String> = (0..=256).map(|number| format!("xmlns:a{number}='urn:x'")).collect();
    extended(xml, &format!("<x {}/>", many.join(" ")))
}

/// Few in each element and many in all: each name would be looked for among them.
fn declared(xml: &str) -> String {
    let elements: String = (0..30)
        .map(|i| {
            let names: String = (0..10).map(|j| format!(" xmlns:p{i}x{j}=\"urn:x\"")).collect();
            format!("<x{names}>")
        })
        .collect();
    let ends = "</x>".repeat(30);
    xml.replacen(
        "</samlp:Status>",
        &format!("<samlp:StatusDetail>{elements}{ends}</samlp:StatusDetail></samlp:Status>"),
        1,
    )
}
