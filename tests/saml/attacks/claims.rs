//! What a rightly signed answer says: to somebody else, about something else, at another time.

use super::Base::{Sealed, Signed};
use super::Mutation::{By, Swap, SwapAll};
use super::{Case, case};
use crate::saml::scene::{ASSERTION, RESPONSE};

const STATUS: &str = "<saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>";
const RECIPIENT: &str = " Recipient=\"https://sp.example/saml/acs\"";
const DESTINATION: &str = "Destination=\"https://sp.example/saml/acs\"";
const AUDIENCE: &str = "<saml2:AudienceRestriction><saml2:Audience>https://sp.example/saml</saml2:Audience></saml2:AudienceRestriction>";
const NAME: &str = "<saml2:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">alice@example.org</saml2:NameID>";
const VALUE: &str = "alice@example.org</saml2:AttributeValue>";

pub const CASES: &[Case] = &[
    // to whom
    case(
        "another destination",
        Sealed(RESPONSE),
        Swap(DESTINATION, "Destination=\"https://other.example/acs\""),
        "destination",
    ),
    case(
        "a destination that begins alike",
        Sealed(RESPONSE),
        Swap(DESTINATION, "Destination=\"https://sp.example/saml/acs/\""),
        "destination",
    ),
    case(
        "a destination in another case",
        Sealed(RESPONSE),
        Swap(DESTINATION, "Destination=\"https://sp.example/saml/ACS\""),
        "destination",
    ),
    case(
        "another destination, though not signed",
        Sealed(ASSERTION),
        Swap(DESTINATION, "Destination=\"https://other.example/acs\""),
        "destination",
    ),
    case("no destination", Sealed(RESPONSE), Swap(DESTINATION, ""), "destination"),
    case(
        "another recipient",
        Sealed(ASSERTION),
        Swap(RECIPIENT, " Recipient=\"https://other.example/acs\""),
        "recipient",
    ),
    case("no recipient", Sealed(ASSERTION), Swap(RECIPIENT, ""), "recipient"),
    case(
        "another audience",
        Sealed(ASSERTION),
        Swap(
            AUDIENCE,
            "<saml2:AudienceRestriction><saml2:Audience>https://other.example</saml2:Audience></saml2:AudienceRestriction>",
        ),
        "audience",
    ),
    case("no audience restriction", Sealed(ASSERTION), Swap(AUDIENCE, ""), "audience"),
    case(
        "an empty audience restriction",
        Sealed(ASSERTION),
        Swap(AUDIENCE, "<saml2:AudienceRestriction/>"),
        "audience",
    ),
    case("two restrictions, of which one is not to us", Sealed(ASSERTION), By(second_audience), "audience"),
    case(
        "no conditions",
        Sealed(ASSERTION),
        By(|xml| without(xml, "<saml2:Conditions", "</saml2:Conditions>")),
        "audience",
    ),
    // from whom
    case(
        "another issuer",
        Sealed(ASSERTION),
        SwapAll("https://idp.example/saml<", "https://idp2.example/saml<"),
        "issuer",
    ),
    case(
        "another issuer of the assertion",
        Sealed(ASSERTION),
        Swap("<saml2:Issuer>https://idp.example/saml<", "<saml2:Issuer>https://idp2.example/saml<"),
        "issuer",
    ),
    case(
        "another issuer of the response",
        Sealed(RESPONSE),
        Swap("entity\">https://idp.example/saml<", "entity\">https://idp2.example/saml<"),
        "issuer",
    ),
    case(
        "an issuer of another format",
        Sealed(RESPONSE),
        Swap("nameid-format:entity", "nameid-format:transient"),
        "issuer",
    ),
    case(
        "an issuer with a qualifier",
        Sealed(ASSERTION),
        Swap("<saml2:Issuer>", "<saml2:Issuer NameQualifier=\"x\">"),
        "issuer",
    ),
    case(
        "no issuer of the assertion",
        Sealed(ASSERTION),
        Swap("<saml2:Issuer>https://idp.example/saml</saml2:Issuer>", ""),
        "issuer",
    ),
    case(
        "an empty issuer",
        Sealed(ASSERTION),
        Swap("<saml2:Issuer>https://idp.example/saml</saml2:Issuer>", "<saml2:Issuer/>"),
        "issuer",
    ),
    case(
        "a signed response without an issuer",
        Sealed(RESPONSE),
        By(|xml| without(xml, "<saml2:Issuer xmlns", "</saml2:Issuer>")),
        "issuer",
    ),
    // to what
    case(
        "an answer to another request",
        Sealed(ASSERTION),
        SwapAll("_request1", "_request2"),
        "in-response-to",
    ),
    case(
        "the response answers another request",
        Sealed(RESPONSE),
        Swap("ID=\"_response1\" InResponseTo=\"_request1\"", "ID=\"_response1\" InResponseTo=\"_request2\""),
        "in-response-to",
    ),
    case(
        "the confirmation answers another request",
        Sealed(ASSERTION),
        Swap(
            "Address=\"192.0.2.1\" InResponseTo=\"_request1\"",
            "Address=\"192.0.2.1\" InResponseTo=\"_request2\"",
        ),
        "in-response-to",
    ),
    case(
        "the response answers nothing",
        Sealed(RESPONSE),
        Swap("ID=\"_response1\" InResponseTo=\"_request1\"", "ID=\"_response1\""),
        "in-response-to",
    ),
    case(
        "the confirmation answers nothing",
        Sealed(ASSERTION),
        Swap("Address=\"192.0.2.1\" InResponseTo=\"_request1\"", "Address=\"192.0.2.1\""),
        "in-response-to",
    ),
    // when
    case(
        "the assertion was issued long ago",
        Sealed(ASSERTION),
        Swap("IssueInstant=\"2027-01-15T07:59:58Z\"", "IssueInstant=\"2027-01-15T07:51:59Z\""),
        "issue-instant",
    ),
    case(
        "the assertion is from the future",
        Sealed(ASSERTION),
        Swap("IssueInstant=\"2027-01-15T07:59:58Z\"", "IssueInstant=\"2027-01-15T08:03:01Z\""),
        "issue-instant",
    ),
    case(
        "the response was issued long ago",
        Sealed(RESPONSE),
        Swap("IssueInstant=\"2027-01-15T07:59:59.5Z\"", "IssueInstant=\"2027-01-15T07:51:59Z\""),
        "issue-instant",
    ),
    case(
        "the response is from the future",
        Sealed(RESPONSE),
        Swap("IssueInstant=\"2027-01-15T07:59:59.5Z\"", "IssueInstant=\"2027-01-15T08:03:01Z\""),
        "issue-instant",
    ),
    case(
        "no instant of issue",
        Sealed(ASSERTION),
        Swap(" IssueInstant=\"2027-01-15T07:59:58Z\"", ""),
        "response-form",
    ),
    case(
        "an instant with a zone",
        Sealed(ASSERTION),
        Swap("IssueInstant=\"2027-01-15T07:59:58Z\"", "IssueInstant=\"2027-01-15T08:59:58+01:00\""),
        "time",
    ),
    case(
        "an instant without a zone",
        Sealed(ASSERTION),
        Swap("NotBefore=\"2027-01-15T07:55:00Z\"", "NotBefore=\"2027-01-15T07:55:00\""),
        "time",
    ),
    case(
        "a bearer's instant that is a word",
        Sealed(ASSERTION),
        Swap("NotOnOrAfter=\"2027-01-15T08:05:00.000Z\"", "NotOnOrAfter=\"never\""),
        "time",
    ),
    case(
        "the bearer is too late",
        Sealed(ASSERTION),
        Swap("NotOnOrAfter=\"2027-01-15T08:05:00.000Z\"", "NotOnOrAfter=\"2027-01-15T07:57:00Z\""),
        "expired",
    ),
    case(
        "the assertion is too late",
        Sealed(ASSERTION),
        Swap("NotOnOrAfter=\"2027-01-15T08:05:01Z\"", "NotOnOrAfter=\"2027-01-15T07:57:00Z\""),
        "expired",
    ),
    case(
        "the assertion is too early",
        Sealed(ASSERTION),
        Swap("NotBefore=\"2027-01-15T07:55:00Z\"", "NotBefore=\"2027-01-15T08:03:01Z\""),
        "not-yet",
    ),
    case(
        "the session has ended",
        Sealed(ASSERTION),
        Swap("SessionNotOnOrAfter=\"2027-01-15T16:00:00Z\"", "SessionNotOnOrAfter=\"2027-01-15T07:57:00Z\""),
        "session-expired",
    ),
    case(
        "authenticated in the future",
        Sealed(ASSERTION),
        Swap("AuthnInstant=\"2027-01-15T07:59:57Z\"", "AuthnInstant=\"2027-01-15T08:03:01Z\""),
        "authn-instant",
    ),
    // how
    case(
        "a bearer with a NotBefore",
        Sealed(ASSERTION),
        Swap(
            "<saml2:SubjectConfirmationData ",
            "<saml2:SubjectConfirmationData NotBefore=\"2027-01-15T07:55:00Z\" ",
        ),
        "confirmation",
    ),
    case(
        "a bearer without a NotOnOrAfter",
        Sealed(ASSERTION),
        Swap("NotOnOrAfter=\"2027-01-15T08:05:00.000Z\"", ""),
        "confirmation",
    ),
    case("a holder of a key", Sealed(ASSERTION), Swap("cm:bearer", "cm:holder-of-key"), "confirmation"),
    case(
        "no confirmation",
        Sealed(ASSERTION),
        By(|xml| without(xml, "<saml2:SubjectConfirmation ", "</saml2:SubjectConfirmation>")),
        "confirmation",
    ),
    case(
        "no confirmation data",
        Sealed(ASSERTION),
        By(|xml| without(xml, "<saml2:SubjectConfirmationData", "/>")),
        "confirmation",
    ),
    case(
        "two confirmation data",
        Sealed(ASSERTION),
        Swap("</saml2:SubjectConfirmation>", "<saml2:SubjectConfirmationData/></saml2:SubjectConfirmation>"),
        "confirmation",
    ),
    case(
        "no subject",
        Sealed(ASSERTION),
        By(|xml| without(xml, "<saml2:Subject>", "</saml2:Subject>")),
        "confirmation",
    ),
    case(
        "an unknown condition",
        Sealed(ASSERTION),
        Swap(
            "<saml2:OneTimeUse/>",
            "<saml2:Condition xmlns:x=\"urn:x\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"x:y\"/>",
        ),
        "condition",
    ),
    case(
        "a foreign condition",
        Sealed(ASSERTION),
        Swap("<saml2:OneTimeUse/>", "<x xmlns=\"urn:x\"/>"),
        "condition",
    ),
    case(
        "no authentication",
        Sealed(ASSERTION),
        By(|xml| without(xml, "<saml2:AuthnStatement", "</saml2:AuthnStatement>")),
        "authn-statement",
    ),
    case(
        "two authentications",
        Sealed(ASSERTION),
        Swap(
            "<saml2:AttributeStatement>",
            "<saml2:AuthnStatement AuthnInstant=\"2027-01-15T07:59:57Z\"/><saml2:AttributeStatement>",
        ),
        "authn-statement",
    ),
    case(
        "authentication without an instant",
        Sealed(ASSERTION),
        Swap("AuthnInstant=\"2027-01-15T07:59:57Z\"", ""),
        "authn-statement",
    ),
    case(
        "a statement nobody knows",
        Sealed(ASSERTION),
        Swap("<saml2:AttributeStatement>", "<saml2:AuthzDecisionStatement/><saml2:AttributeStatement>"),
        "response-form",
    ),
    case(
        "two subjects",
        Sealed(ASSERTION),
        Swap("<saml2:Conditions ", "<saml2:Subject/><saml2:Conditions "),
        "audience",
    ),
    // who
    case(
        "an empty name",
        Sealed(ASSERTION),
        Swap("alice@example.org</saml2:NameID>", "</saml2:NameID>"),
        "name-id",
    ),
    case(
        "a name of white space",
        Sealed(ASSERTION),
        Swap("alice@example.org</saml2:NameID>", " \n</saml2:NameID>"),
        "name-id",
    ),
    case("a name without an end", Sealed(ASSERTION), By(long_name), "name-id"),
    case(
        "a qualifier without an end",
        Sealed(ASSERTION),
        By(|xml| {
            xml.replace("<saml2:NameID ", &format!("<saml2:NameID SPNameQualifier=\"{}\" ", "a".repeat(1025)))
        }),
        "name-id",
    ),
    case("an encrypted name", Sealed(ASSERTION), Swap(NAME, "<saml2:EncryptedID/>"), "name-id"),
    case("two names", Sealed(ASSERTION), By(two_names), "name-id"),
    case(
        "an attribute without a name",
        Sealed(ASSERTION),
        Swap(" Name=\"urn:oid:0.9.2342.19200300.100.1.3\"", ""),
        "attribute",
    ),
    case(
        "an encrypted attribute",
        Sealed(ASSERTION),
        Swap("</saml2:AttributeStatement>", "<saml2:EncryptedAttribute/></saml2:AttributeStatement>"),
        "attribute",
    ),
    case(
        "a value that is not nil",
        Sealed(ASSERTION),
        Swap("xsi:type=\"xs:string\"", "xsi:nil=\"true\""),
        "attribute",
    ),
    case(
        "a value that is an element and a text",
        Sealed(ASSERTION),
        Swap(VALUE, "y<x xmlns=\"urn:x\">y</x></saml2:AttributeValue>"),
        "xml-split-text",
    ),
    case("too many attributes of a person", Sealed(ASSERTION), By(many_attributes), "attribute"),
    case("too many values of attributes", Sealed(ASSERTION), By(many_values), "attribute"),
    // what
    case("version 1.1", Sealed(ASSERTION), SwapAll("\"2.0\"", "\"1.1\""), "version"),
    case(
        "the response is of version 2.1",
        Sealed(RESPONSE),
        Swap("Version='2.0'", "Version='2.1'"),
        "version",
    ),
    case(
        "another message",
        Sealed(RESPONSE),
        SwapAll("saml2p:Response", "saml2p:ArtifactResponse"),
        "response-form",
    ),
    case(
        "no status",
        Sealed(ASSERTION),
        By(|xml| without(xml, "<saml2p:Status>", "</saml2p:Status>")),
        "response-form",
    ),
    case("a status without a code", Sealed(ASSERTION), Swap(STATUS, ""), "response-form"),
    case(
        "a status without a value",
        Sealed(ASSERTION),
        Swap(STATUS, "<saml2p:StatusCode/>"),
        "response-form",
    ),
    case(
        "an id without an end",
        Sealed(RESPONSE),
        By(|xml| xml.replace("_response1", &"_".repeat(1025))),
        "response-form",
    ),
    // success is the only success
    case(
        "the person could not prove who they are",
        Sealed(ASSERTION),
        Swap(
            STATUS,
            "<saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"/></saml2p:StatusCode>",
        ),
        "status-denied",
    ),
    case(
        "the provider denies",
        Sealed(ASSERTION),
        Swap(
            STATUS,
            "<saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Requester\"><saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:RequestDenied\"/></saml2p:StatusCode>",
        ),
        "status-denied",
    ),
    case(
        "not without asking",
        Sealed(ASSERTION),
        Swap(
            STATUS,
            "<saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:NoPassive\"/></saml2p:StatusCode>",
        ),
        "status-needs-person",
    ),
    case(
        "the provider cannot",
        Sealed(ASSERTION),
        Swap(STATUS, "<saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"/>"),
        "status-unwell",
    ),
    case(
        "our request is wrong",
        Sealed(ASSERTION),
        Swap(STATUS, "<saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Requester\"/>"),
        "status-our-request",
    ),
    case(
        "a status nobody knows",
        Sealed(ASSERTION),
        Swap(STATUS, "<saml2p:StatusCode Value=\"urn:x\"/>"),
        "status-our-request",
    ),
    case(
        "success below failure",
        Sealed(ASSERTION),
        Swap(
            STATUS,
            "<saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><saml2p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></saml2p:StatusCode>",
        ),
        "status-unwell",
    ),
    // what an unsigned frame may not be used for
    case(
        "a failure that anybody wrote",
        Signed(ASSERTION),
        Swap("status:Success", "status:Responder"),
        "status-unwell",
    ),
];

fn without(xml: &str, from: &str, to: &str) -> String {
    let start = xml.find(from).unwrap();
    let end = start + xml[start..].find(to).unwrap() + to.len();
    format!("{}{}", &xml[..start], &xml[end..])
}

fn second_audience(xml: &str) -> String {
    xml.replace(AUDIENCE, &format!("{AUDIENCE}{}", AUDIENCE.replace("sp.example", "other.example")))
}

fn long_name(xml: &str) -> String {
    xml.replace("alice@example.org</saml2:NameID>", &format!("{}</saml2:NameID>", "a".repeat(1025)))
}

fn two_names(xml: &str) -> String {
    xml.replace(NAME, &NAME.repeat(2))
}

fn many_attributes(xml: &str) -> String {
    let many = "<saml2:Attribute Name=\"x\"/>".repeat(501);
    xml.replace("</saml2:AttributeStatement>", &format!("{many}</saml2:AttributeStatement>"))
}

fn many_values(xml: &str) -> String {
    let many = "<saml2:AttributeValue>x</saml2:AttributeValue>".repeat(2_001);
    xml.replacen("</saml2:Attribute>", &format!("{many}</saml2:Attribute>"), 1)
}
