//! Where samael and we differ, and why we are content with that. The list is exact: a difference that is not on it
//! is a fault, and so is a name that no document needs.

/// One kind of difference.
pub struct Difference {
    pub reason: &'static str,
    /// How begins what samael says of the document; see [`crate::opinion`].
    pub says: &'static str,
    /// Names of documents.
    pub documents: &'static [&'static str],
}

/// What it accepts and we do not: the person it reads is the one who was signed.
const fn accepts(reason: &'static str, documents: &'static [&'static str]) -> Difference {
    Difference { reason, says: "accepts it", documents }
}

/// What it reads or refuses otherwise.
const fn says(says: &'static str, reason: &'static str, documents: &'static [&'static str]) -> Difference {
    Difference { reason, says, documents }
}

pub const DIFFERENCES: &[Difference] = &[
    // where a signature is, and what it covers
    accepts(
        "it takes out what good signatures cover, wherever they are, and does not mind what is around or beside it",
        &[
            "xsw3: forged assertion before the signed one",
            "xsw3 with the forged one behind",
            "xsw4: forged assertion around the signed one",
            "xsw5: signature in the forged assertion, the signed one behind",
            "xsw7: forged assertion in extensions",
            "the signed assertion in extensions, the forged one in its place",
            "the signed assertion in the advice of the forged one",
            "the signature of the assertion moved to the response",
            "the signature of the response moved into the assertion",
            "a signature in the status",
            "a signature in the subject",
            "a signature at the end of the response",
            "a signature before the issuer",
            "the assertion is another element of that name",
        ],
    ),
    accepts(
        "a response that is not itself signed is not read: where it goes to, what its status is",
        &[
            "another destination, though not signed",
            "no status",
            "a status without a code",
            "a status without a value",
            "the person could not prove who they are",
            "the provider denies",
            "not without asking",
            "the provider cannot",
            "our request is wrong",
            "a status nobody knows",
            "success below failure",
            "a failure that anybody wrote",
        ],
    ),
    // how it is signed
    accepts(
        "libxmlsec1 does every transform and canonicalisation that it knows, in any number",
        &[
            "inclusive canonicalisation",
            "canonicalisation with comments",
            "an inclusive transform",
            "a transform with comments",
            "an XPath transform",
            "one transform more",
            "one transform less",
        ],
    ),
    accepts(
        "libxmlsec1 passes over objects, and over parameters that an algorithm has not",
        &["an object in the signature", "a parameter of the algorithm"],
    ),
    accepts(
        "libxmlsec1 reads a value together that is in parts",
        &["comment in the digest", "CDATA in the digest", "comment in the signature value"],
    ),
    // the document
    accepts(
        "libxml2 is told to go on behind an error",
        &[
            "a prefix that is declared to mean nothing",
            "the same attribute by two prefixes",
            "an unbound prefix",
            "the prefix xml bound anew",
            "another version of XML",
            "two roots",
            "text behind",
            "cut short",
        ],
    ),
    accepts(
        "document types and processing instructions are XML, and it minds neither",
        &[
            "a document type",
            "an external subset",
            "a default attribute",
            "a processing instruction in a name",
            "a processing instruction in front",
            "a processing instruction behind",
        ],
    ),
    accepts(
        "it reads a text together that is in parts, and passes over text where only elements belong",
        &[
            "a name all in CDATA",
            "a comment in the audience",
            "text between elements",
            "CDATA between elements",
            "a value that is not nil",
        ],
    ),
    accepts(
        "ids are attributes of the name ID to it, on whichever element, and others are none",
        &[
            "an id and an Id alike",
            "a lower-case id",
            "an Id where SAML has ID",
            "an ID where XML Signature has Id",
            "an id of SAML 1",
            "a foreign element with an id",
        ],
    ),
    accepts(
        "it has no limits of its own",
        &[
            "more namespaces than names",
            "nested too deep",
            "too large",
            "too many elements",
            "too many attributes",
            "too many declarations",
            "a list of more prefixes than anybody has",
            "a longer list of prefixes than anybody needs",
            "a qualifier without an end",
            "an id without an end",
        ],
    ),
    says("accepts it and reads the name \"aaaaaaaa", "it has no limit for names", &["a name without an end"]),
    says(
        "accepts it and reads 502 attributes",
        "it has no limit for attributes",
        &["too many attributes of a person"],
    ),
    says(
        "accepts it and reads the attribute \"urn:oid:0.9.2342.19200300.100.1.3\" as \
         [Some(\"alice@example.org\"), Some(\"x\"), ",
        "it has no limit for values",
        &["too many values of attributes"],
    ),
    // what is said
    accepts(
        "an audience is checked where there is one, and one of several restrictions is enough",
        &["no audience restriction", "two restrictions, of which one is not to us", "no conditions"],
    ),
    accepts(
        "of an issuer it reads the text, and a signed response may be without",
        &["an issuer of another format", "an issuer with a qualifier", "a signed response without an issuer"],
    ),
    accepts(
        "whether the response was signed it asks after it has taken the signature out",
        &["no destination"],
    ),
    accepts("it does not look at versions", &["version 1.1", "the response is of version 2.1"]),
    accepts(
        "when something was issued matters to it only when that is long ago",
        &["the assertion is from the future", "the response is from the future"],
    ),
    accepts("it reads instants of other zones", &["an instant with a zone"]),
    accepts(
        "it does not look at the statement of how and when somebody was authenticated",
        &[
            "the session has ended",
            "authenticated in the future",
            "no authentication",
            "two authentications",
            "authentication without an instant",
        ],
    ),
    accepts("a bearer may have a NotBefore that has passed", &["a bearer with a NotBefore"]),
    accepts(
        "it passes over conditions, statements and attributes that it does not know",
        &[
            "an unknown condition",
            "a foreign condition",
            "a statement nobody knows",
            "an encrypted attribute",
        ],
    ),
    says("accepts it and reads no name", "a person may be without a name to it", &["an encrypted name"]),
    says(
        "accepts it and reads the attribute \"\" as",
        "an attribute may be without a name to it",
        &["an attribute without a name"],
    ),
    // what we accept
    says(
        "refuses it: SAML Response and all assertions must be signed",
        "it looks for the signature before it decrypts",
        &["ours, assertion signed, encrypted"],
    ),
    says(
        "refuses it: Crypto provider error.: The encryption method http://www.w3.org/2009/xmlenc11#aes256-gcm",
        "of AES-GCM it has the one with 128 bits",
        &["ours, response signed, encrypted"],
    ),
    says(
        "finds the signature bad: Refuses(\"SAML Response and all assertions must be signed\")",
        "an ampersand in the name of a namespace is `&#38;` in libxml2's tree, and canonicalised as that",
        &["an ampersand in the name of a namespace"],
    ),
    says(
        "refuses it: SAML Response and all assertions must be signed",
        "it does not find the text of a certificate, which we do not read, where a comment splits it",
        &["a comment in a certificate that is signed"],
    ),
    says(
        "refuses it: SAML Assertion Issuer does not match IDP entity ID: Some(\"\\t",
        "white space around an issuer is part of the name to it",
        &["white space around the issuer"],
    ),
    says(
        "refuses it: SAML Assertion Condition has unfulfilled AudienceRequirement",
        "white space around an audience is part of the URI to it",
        &["white space around the audience"],
    ),
];
