//! The one strict reading of XML: a tree of bounded size without document types and processing instructions,
//! in which an id is an id and a text is nothing but text.
//!
//! Whoever asks for a text is refused when a comment, a CDATA section or an element splits it, because two
//! readers may disagree on what such a text says. The same tree is verified and read; there is no second one.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uppsala::{Document, NodeId, NodeKind, Parser};

use super::names::{DS, MD, SAML, SAMLP, XENC};

/// Elements inside each other.
pub const DEPTH_MAX: u32 = 64;
/// Attributes of one element, declarations of namespaces included.
pub const ATTRIBUTES_MAX: usize = 256;
/// Declarations of namespaces of one element: the parser looks through all in scope for every prefix.
pub const DECLARATIONS_MAX: usize = 64;
/// Declarations of namespaces in scope: those of an element and of all around it. For every name they are looked
/// through, by the parser and again by the canonicalisation.
pub const IN_SCOPE_MAX: usize = 256;

/// How large a document may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Size in bytes.
    pub bytes_max: usize,
    /// Elements.
    pub elements_max: usize,
    /// Whether elements of other vocabularies may have ids of their own kind.
    pub foreign_ids: bool,
}

/// Limits of a protocol message and of an assertion.
pub const MESSAGE: Limits = Limits { bytes_max: 256 * 1024, elements_max: 5_000, foreign_ids: false };
/// Limits of a metadata document, which may name many entities.
pub const METADATA: Limits = Limits { bytes_max: 10 * 1024 * 1024, elements_max: 200_000, foreign_ids: true };

/// Why a document is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// Larger than [`Limits::bytes_max`].
    #[error("the document is too large")]
    TooLarge,
    /// More elements than [`Limits::elements_max`].
    #[error("the document has too many elements")]
    TooManyElements,
    /// More attributes in an element than [`ATTRIBUTES_MAX`], namespaces than [`DECLARATIONS_MAX`], or namespaces in
    /// scope than [`IN_SCOPE_MAX`].
    #[error(
        "an element has more than {ATTRIBUTES_MAX} attributes, or namespaces than {DECLARATIONS_MAX} of its own or {IN_SCOPE_MAX} in all"
    )]
    TooManyAttributes,
    /// Not base64, or not UTF-8 inside.
    #[error("the message is not UTF-8 text in base64")]
    Encoding,
    /// A document type declaration.
    #[error("the document declares a document type")]
    Doctype,
    /// Not well-formed, or nested deeper than [`DEPTH_MAX`].
    #[error("the document is not well-formed XML of at most {DEPTH_MAX} levels")]
    Malformed,
    /// A processing instruction.
    #[error("the document has a processing instruction")]
    ProcessingInstruction,
    /// A namespace that is not an absolute URI, which has no canonical form.
    #[error("the document declares a namespace that is not an absolute URI")]
    Namespace,
    /// The same id twice.
    #[error("two elements have the same ID")]
    DuplicateId,
    /// An attribute that is an id to some reader and not to another.
    #[error("an attribute pretends to be an ID, or an ID is not a name")]
    OddId,
    /// Text beside elements where only elements belong.
    #[error("there is text where only elements belong")]
    MixedContent,
    /// A comment, a CDATA section or an element within a text.
    #[error("a text is split by a comment, a CDATA section or an element")]
    SplitText,
}

impl XmlFault {
    /// Every case.
    pub const ALL: &[XmlFault] = &[
        XmlFault::TooLarge,
        XmlFault::TooManyElements,
        XmlFault::TooManyAttributes,
        XmlFault::Encoding,
        XmlFault::Doctype,
        XmlFault::Malformed,
        XmlFault::ProcessingInstruction,
        XmlFault::Namespace,
        XmlFault::DuplicateId,
        XmlFault::OddId,
        XmlFault::MixedContent,
        XmlFault::SplitText,
    ];

    /// The stable name of the case.
    pub fn code(self) -> &'static str {
        match self {
            XmlFault::TooLarge => "xml-too-large",
            XmlFault::TooManyElements => "xml-too-many-elements",
            XmlFault::TooManyAttributes => "xml-too-many-attributes",
            XmlFault::Encoding => "xml-encoding",
            XmlFault::Doctype => "xml-doctype",
            XmlFault::Malformed => "xml-malformed",
            XmlFault::ProcessingInstruction => "xml-processing-instruction",
            XmlFault::Namespace => "xml-namespace",
            XmlFault::DuplicateId => "xml-duplicate-id",
            XmlFault::OddId => "xml-odd-id",
            XmlFault::MixedContent => "xml-mixed-content",
            XmlFault::SplitText => "xml-split-text",
        }
    }
}

/// A document that passed the strict reading.
pub struct Tree<'a> {
    document: Document<'a>,
    root: NodeId,
}

impl<'a> Tree<'a> {
    /// Reads a document.
    pub fn parse(text: &'a str, limits: &Limits) -> Result<Self, XmlFault> {
        if text.len() > limits.bytes_max {
            return Err(XmlFault::TooLarge);
        }
        crowded(text, limits)?;
        let document = Parser::new()
            .with_forbid_dtd(true)
            .with_forbid_entities(true)
            .with_max_depth(DEPTH_MAX)
            .parse(text);
        let document = match document {
            Ok(document) => document,
            // The parser has stopped at the declaration; which error it was is said in words only.
            Err(_) if text.contains("<!DOCTYPE") => return Err(XmlFault::Doctype),
            Err(_) => return Err(XmlFault::Malformed),
        };
        if document.xml_declaration.as_ref().is_some_and(|declaration| {
            declaration.version != "1.0"
                || declaration.encoding.as_ref().is_some_and(|name| !name.eq_ignore_ascii_case("utf-8"))
        }) {
            return Err(XmlFault::Malformed);
        }
        let root = document.document_element().ok_or(XmlFault::Malformed)?;
        walk(&document, limits)?;
        Ok(Tree { document, root })
    }

    /// The document element.
    pub fn root(&self) -> El<'_> {
        El { document: &self.document, node: self.root }
    }

    /// The tree as the cryptography reads it.
    pub(super) fn document(&self) -> &Document<'a> {
        &self.document
    }
}

/// Refuses what would cost the parser more than in proportion to its size: it compares each attribute of a tag
/// with all before it, and looks for each prefix among all in scope. It knows tags from text, comments and CDATA
/// sections; what it does not know, or does not see the end of, it refuses, so that the parser cannot see a tag
/// where there was none here. Its bounds for one tag and for all tags are twice those of [`walk`], which counts
/// exactly, afterwards.
fn crowded(text: &str, limits: &Limits) -> Result<(), XmlFault> {
    let bytes = text.as_bytes();
    let behind = |from: usize, end: &str| {
        bytes[from..].windows(end.len()).position(|w| w == end.as_bytes()).map(|n| from + n + end.len())
    };
    // Declarations of the elements that are open, and their sum.
    let (mut open, mut in_scope, mut tags): (Vec<usize>, usize, usize) = (Vec::new(), 0, 0);
    let mut at = xml_declaration(text)?;
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == b'<').map(|n| at + n) {
        let rest = &bytes[next..];
        let end = if rest.starts_with(b"<!--") {
            behind(next + 4, "-->")
        } else if rest.starts_with(b"<![CDATA[") {
            behind(next + 9, "]]>")
        } else if rest.starts_with(b"<!DOCTYPE") {
            return Err(XmlFault::Doctype);
        } else if rest.starts_with(b"<?") {
            return Err(XmlFault::ProcessingInstruction);
        } else if rest.starts_with(b"<!") {
            return Err(XmlFault::Malformed);
        } else if rest.starts_with(b"</") {
            in_scope -= open.pop().unwrap_or_default();
            behind(next, ">")
        } else {
            tags += 1;
            let tag = Tag::read(rest);
            if tags > 2 * limits.elements_max {
                return Err(XmlFault::TooManyElements);
            }
            if tag.values > 2 * ATTRIBUTES_MAX
                || tag.declarations > 2 * DECLARATIONS_MAX
                || in_scope + tag.declarations > IN_SCOPE_MAX
            {
                return Err(XmlFault::TooManyAttributes);
            }
            if !tag.is_empty {
                open.push(tag.declarations);
                in_scope += tag.declarations;
            }
            tag.bytes.map(|bytes| next + bytes)
        };
        at = end.ok_or(XmlFault::Malformed)?;
    }
    Ok(())
}

/// Where an XML declaration at the beginning ends; the beginning where there is none. It may hold what belongs
/// there and nothing that another reader could take for its end.
fn xml_declaration(text: &str) -> Result<usize, XmlFault> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let Some(rest) = text[start..].strip_prefix("<?xml").filter(|rest| rest.starts_with(SPACE)) else {
        return Ok(start);
    };
    let (inside, _) = rest.split_once("?>").ok_or(XmlFault::Malformed)?;
    let belongs = |c: char| c.is_ascii_alphanumeric() || SPACE.contains(&c) || "='\"._-".contains(c);
    let (mut quote, mut is_whole) = (None, true);
    for c in inside.chars() {
        is_whole &= belongs(c);
        quote = match quote {
            Some(open) if open == c => None,
            None if matches!(c, '\'' | '"') => Some(c),
            other => other,
        };
    }
    if is_whole && quote.is_none() {
        Ok(text.len() - rest.len() + inside.len() + 2)
    } else {
        Err(XmlFault::Malformed)
    }
}

/// A start tag, roughly.
struct Tag {
    /// Length, where it ends.
    bytes: Option<usize>,
    /// Values in quotes.
    values: usize,
    /// Names that begin with `xmlns`, outside of quotes.
    declarations: usize,
    /// No content follows.
    is_empty: bool,
}

impl Tag {
    /// The one that `bytes` begin with.
    fn read(bytes: &[u8]) -> Self {
        let mut tag = Tag { bytes: None, values: 0, declarations: 0, is_empty: false };
        let mut quote = None;
        for (at, byte) in bytes.iter().enumerate() {
            match (quote, byte) {
                (Some(open), byte) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => (quote, tag.values) = (Some(byte), tag.values + 1),
                (None, b'>') => {
                    (tag.bytes, tag.is_empty) = (Some(at + 1), bytes[at - 1] == b'/');
                    return tag;
                }
                (None, b'x') if bytes[at..].starts_with(b"xmlns") => tag.declarations += 1,
                _ => {}
            }
        }
        tag
    }
}

fn walk(document: &Document<'_>, limits: &Limits) -> Result<(), XmlFault> {
    let mut elements = 0usize;
    let mut ids: HashSet<&str> = HashSet::new();
    for node in document.descendants(document.root()) {
        let element = match document.node_kind(node) {
            Some(NodeKind::ProcessingInstruction(_)) => return Err(XmlFault::ProcessingInstruction),
            Some(NodeKind::Element(element)) => element,
            _ => continue,
        };
        elements += 1;
        if elements > limits.elements_max {
            return Err(XmlFault::TooManyElements);
        }
        let declarations = element.namespace_declarations.len();
        if element.attributes.len() + declarations > ATTRIBUTES_MAX || declarations > DECLARATIONS_MAX {
            return Err(XmlFault::TooManyAttributes);
        }
        // A prefix that is declared to mean nothing is not XML with namespaces, and the canonical form leaves such a
        // declaration out: two documents would have one signature.
        let mut declared = element.namespace_declarations.iter();
        if declared.any(|(prefix, uri)| !absolute(uri) || (uri.is_empty() && !prefix.is_empty())) {
            return Err(XmlFault::Namespace);
        }
        for attribute in &element.attributes {
            let local = &*attribute.name.local_name;
            if !(local.eq_ignore_ascii_case("id") || local == "AssertionID" || local == "xml:id") {
                continue;
            }
            // SAML elements have `ID`, those of XML Signature and Encryption `Id`. Whatever else looks like
            // an id could be one to the code that resolves references, and none to the code that reads.
            let right = match element.name.namespace_uri.as_deref() {
                Some(SAML | SAMLP | MD) => "ID",
                Some(uri) if uri == DS || uri == XENC => "Id",
                _ => "",
            };
            if limits.foreign_ids && right.is_empty() {
                // Nobody here resolves it; the library that would refuses two alike when it verifies.
                continue;
            }
            if attribute.name.namespace_uri.is_some() || local != right || !is_ncname(&attribute.value) {
                return Err(XmlFault::OddId);
            }
            if !ids.insert(&attribute.value) {
                return Err(XmlFault::DuplicateId);
            }
        }
    }
    Ok(())
}

/// Empty, which takes a default namespace back, or with a scheme.
fn absolute(uri: &str) -> bool {
    uri.is_empty()
        || uri.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        })
}

/// `NCName` of Namespaces in XML, in its ASCII part and letters beyond.
fn is_ncname(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// An element of a [`Tree`].
#[derive(Clone, Copy)]
pub struct El<'t> {
    document: &'t Document<'t>,
    node: NodeId,
}

impl PartialEq for El<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node && std::ptr::eq(self.document, other.document)
    }
}

impl<'t> El<'t> {
    /// Its place in the tree.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    fn element(&self) -> Option<&'t uppsala::Element<'t>> {
        self.document.element(self.node)
    }

    /// Whether it is this element of this namespace.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.element().is_some_and(|element| element.matches_name_ns(namespace, local))
    }

    /// Its local name.
    pub fn local(&self) -> &'t str {
        self.element().map_or("", |element| &*element.name.local_name)
    }

    /// Its namespace.
    pub fn namespace(&self) -> Option<&'t str> {
        self.element().and_then(|element| element.name.namespace_uri.as_deref())
    }

    /// The value of an attribute in no namespace.
    pub fn attr(&self, name: &str) -> Option<&'t str> {
        self.element()?
            .attributes
            .iter()
            .find(|attribute| attribute.name.namespace_uri.is_none() && attribute.name.local_name == name)
            .map(|attribute| &*attribute.value)
    }

    /// The value of an attribute of a namespace.
    pub fn attr_ns(&self, namespace: &str, name: &str) -> Option<&'t str> {
        self.element()?.get_attribute_ns(namespace, name)
    }

    /// Its child elements; comments and white space between them are no matter, other text is a fault.
    pub fn elements(&self) -> Result<Vec<El<'t>>, XmlFault> {
        let mut found = Vec::new();
        for node in self.document.children_iter(self.node) {
            match self.document.node_kind(node) {
                Some(NodeKind::Element(_)) => found.push(El { document: self.document, node }),
                Some(NodeKind::Comment(_)) => {}
                Some(NodeKind::Text(text)) if is_space(text) => {}
                _ => return Err(XmlFault::MixedContent),
            }
        }
        Ok(found)
    }

    /// Its text, which is all it has inside. Nothing is trimmed.
    pub fn text(&self) -> Result<String, XmlFault> {
        let mut text = String::new();
        for node in self.document.children_iter(self.node) {
            match self.document.node_kind(node) {
                Some(NodeKind::Text(part)) => text.push_str(part),
                _ => return Err(XmlFault::SplitText),
            }
        }
        Ok(text)
    }

    /// Its text without white space around, as identifiers and URIs are written by those who indent.
    pub fn token(&self) -> Result<String, XmlFault> {
        Ok(self.text()?.trim_matches(SPACE).to_owned())
    }

    /// All elements below it, in the order of the document.
    pub fn descendants(&self) -> impl Iterator<Item = El<'t>> + use<'t> {
        let (document, this) = (self.document, self.node);
        document
            .descendants(this)
            .into_iter()
            .filter(move |node| *node != this && document.element(*node).is_some())
            .map(move |node| El { document, node })
    }

    /// The element around it.
    pub fn parent(&self) -> Option<El<'t>> {
        let node = self.document.parent(self.node)?;
        self.document.element(node).map(|_| El { document: self.document, node })
    }

    /// Declarations of namespaces in scope, innermost first and each prefix once.
    pub fn scope(&self) -> Vec<(&'t str, &'t str)> {
        let (mut found, mut known) = (Vec::new(), HashSet::new());
        let mut at = Some(*self);
        while let Some(this) = at {
            for (prefix, uri) in this.element().map(|e| &e.namespace_declarations[..]).unwrap_or_default() {
                if known.insert(&**prefix) {
                    found.push((&**prefix, &**uri));
                }
            }
            at = this.parent();
        }
        found
    }
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_space(text: &str) -> bool {
    text.chars().all(|c| SPACE.contains(&c))
}

/// Reads base64 with white space anywhere and nothing else wrong. `bytes_max` bounds what comes out.
pub fn base64(text: &str, bytes_max: usize) -> Result<Vec<u8>, XmlFault> {
    // White space is a twentieth of a well-wrapped text; twice the size is not one.
    if text.len() > bytes_max.saturating_mul(2).saturating_add(16) {
        return Err(XmlFault::TooLarge);
    }
    let solid: String = text.chars().filter(|c| !SPACE.contains(c)).collect();
    let bytes = STANDARD.decode(solid).map_err(|_| XmlFault::Encoding)?;
    if bytes.len() > bytes_max { Err(XmlFault::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(), XmlFault> {
        Tree::parse(text, &MESSAGE).map(|_| ())
    }

    #[test]
    fn a_text_is_nothing_but_text() {
        let xml = "<a><b>x &amp; &#121;</b><c>x<!-- -->y</c><d><![CDATA[x]]></d><e><f/></e><g/> z</a>";
        let tree = Tree::parse(xml, &MESSAGE).unwrap();
        assert_eq!(tree.root().elements().err(), Some(XmlFault::MixedContent));
        let texts: Vec<_> = tree.root().descendants().map(|el| (el.local(), el.text())).collect();
        assert_eq!(texts[0], ("b", Ok("x & y".to_owned())));
        for (local, text) in &texts[1..4] {
            assert_eq!(text, &Err(XmlFault::SplitText), "{local}");
        }
        assert_eq!(texts[4], ("f", Ok(String::new())));
    }

    #[test]
    fn names_are_those_of_namespaces() {
        let xml =
            r#"<a xmlns="urn:1" xmlns:p="urn:2" x="1" p:x="2"><p:a/><a xmlns=""/><p:b xmlns:p="urn:3"/></a>"#;
        let tree = Tree::parse(xml, &MESSAGE).unwrap();
        let root = tree.root();
        assert!(root.is("urn:1", "a") && !root.is("urn:2", "a"));
        assert_eq!(
            (root.attr("x"), root.attr_ns("urn:2", "x"), root.attr("p:x")),
            (Some("1"), Some("2"), None)
        );
        let children = root.elements().unwrap();
        let names: Vec<_> = children.iter().map(|el| (el.namespace(), el.local())).collect();
        assert_eq!(names[0], (Some("urn:2"), "a"));
        assert!(matches!(names[1], (None | Some(""), "a")));
        assert_eq!(names[2], (Some("urn:3"), "b"));
        assert!(children[0].parent() == Some(root) && children[0] != children[1]);
        assert_eq!(children[2].scope(), [("p", "urn:3"), ("", "urn:1")], "innermost first, each once");
    }

    #[test]
    fn the_limits_are_met_exactly() {
        let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
        assert_eq!((parse(&nested(64)), parse(&nested(65))), (Ok(()), Err(XmlFault::Malformed)));
        let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
        assert_eq!((parse(&wide(5_000)), parse(&wide(5_001))), (Ok(()), Err(XmlFault::TooManyElements)));
        let attributes = |count: usize| {
            let all: Vec<String> = (0..count).map(|n| format!("a{n} = ''")).collect();
            format!("<a {}/>", all.join(" "))
        };
        assert_eq!(
            (parse(&attributes(256)), parse(&attributes(257))),
            (Ok(()), Err(XmlFault::TooManyAttributes))
        );
        let long = |bytes: usize| format!("<a>{}</a>", " ".repeat(bytes - 7));
        assert_eq!((parse(&long(262_144)), parse(&long(262_145))), (Ok(()), Err(XmlFault::TooLarge)));
    }

    #[test]
    fn what_would_cost_much_is_seen_before_it_is_parsed() {
        use XmlFault::{TooManyAttributes, TooManyElements};
        let crowded = |text: &str| crowded(text, &MESSAGE);
        assert_eq!(crowded(&format!("<a {}/>", "='\"' ".repeat(600))), Err(TooManyAttributes));
        assert_eq!(crowded(&format!("<a {}/>", "xmlns:a='' ".repeat(129))), Err(TooManyAttributes));
        assert_eq!(crowded(&"<a>".repeat(10_001)), Err(TooManyElements));
        for text in [
            format!("<a>{}</a>", "\"quoted\" 'text' = a ".repeat(600)),
            "<a b='c' xmlns='d'/>".repeat(600),
            // As providers write a person's two hundred groups.
            format!("<a>{}</a>", "<v xmlns:xs='urn:xs' xmlns:xsi='urn:xsi'>staff</v>".repeat(600)),
            format!("<a>{}</a>", "<!-- <v xmlns:x='urn:x'> --><![CDATA[<v xmlns:x='urn:x'>]]>".repeat(300)),
            "</a>".repeat(20_000),
            "\u{feff}<?xml version=\"1.0\" encoding='UTF-8' standalone='yes' ?><a/>".into(),
        ] {
            assert_eq!(crowded(&text), Ok(()));
        }
        // What the parser would take for something else, and so see a tag where none was counted.
        let costly: String = (0..20_000).map(|n| format!("a{n}='' ")).collect();
        for (before, after, why) in [
            ("<?x > <!-- ?>", "", XmlFault::ProcessingInstruction),
            ("<?x </a></a> ?>", "", XmlFault::ProcessingInstruction),
            ("<?xml version='1.0'?><?x > <!-- ?>", "", XmlFault::ProcessingInstruction),
            (" <?xml version='1.0'?>", "", XmlFault::ProcessingInstruction),
            ("<?xml version='?><!-- '?>", "<!-- -->", XmlFault::Malformed),
            ("<?xml version='1.0' > <!-- ?>", "<!-- -->", XmlFault::Malformed),
            ("<?xml ", "?>", XmlFault::Malformed),
            ("<!DOCTYPE a [ <!-- ]>", "", XmlFault::Doctype),
            ("<!x> <!-- ", "", XmlFault::Malformed),
            ("<!-- ", "", XmlFault::Malformed),
            ("<![CDATA[", "", XmlFault::Malformed),
            ("</a", "", XmlFault::Malformed),
            ("<a b=\"", "", XmlFault::Malformed),
        ] {
            assert_eq!(parse(&format!("{before}<a {costly}/>{after}")), Err(why), "{before}");
        }
        // In scope, whatever pretends in between to end something.
        let nested = |between: &str| format!("<a xmlns:x='urn:x' xmlns:y='urn:y'>{between}").repeat(129);
        for between in ["", "<!-- </a> -->", "<![CDATA[</a>]]>", "<b v='</a>'/>", "<b/>"] {
            assert_eq!(crowded(&nested(between)), Err(TooManyAttributes), "{between}");
        }
        let declarations = |count: usize| {
            let all: Vec<String> = (0..count).map(|n| format!("xmlns:a{n}='urn:x'")).collect();
            format!("<a {}/>", all.join(" "))
        };
        assert_eq!((parse(&declarations(64)), parse(&declarations(65))), (Ok(()), Err(TooManyAttributes)));
    }

    #[test]
    fn base64_is_strict_and_bounded() {
        for (text, want) in [
            ("AAECAw==", Ok(vec![0, 1, 2, 3])),
            (" AAEC\r\n\tAw = = ", Ok(vec![0, 1, 2, 3])),
            ("", Ok(vec![])),
            ("AAECAw", Err(XmlFault::Encoding)),
            ("AAECAw=", Err(XmlFault::Encoding)),
            ("AAECAx==", Err(XmlFault::Encoding)),
            ("AAECA_==", Err(XmlFault::Encoding)),
            ("AAECAw==AAAA", Err(XmlFault::Encoding)),
            ("AAAAAAAA", Err(XmlFault::TooLarge)),
            ("                                         ", Err(XmlFault::TooLarge)),
        ] {
            assert_eq!(base64(text, 5), want, "{text}");
        }
    }

    #[test]
    fn namespaces_are_absolute() {
        for (uri, want) in [
            ("urn:x", true),
            ("https://x.example/", true),
            ("", true),
            ("x", false),
            ("../x", false),
            ("#x", false),
            ("1:x", false),
            ("a b:x", false),
            (":x", false),
        ] {
            assert_eq!(absolute(uri), want, "{uri}");
        }
    }
}
