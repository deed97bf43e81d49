//! The text of a document before the parser has it: what would cost the parser too much, and what it leaves undone.
//!
//! This knows tags from text, comments and CDATA sections; what it does not know, or does not see the end of, it
//! refuses, so that the parser cannot see a tag where there was none here.

use std::borrow::Cow;

use super::xml::{ATTRIBUTES_MAX, DECLARATIONS_MAX, IN_SCOPE_MAX, Limits, SPACE, XmlFault};

/// Gives the text with the values of attributes normalised (XML 1.0 §3.3.3), which the parser does not do: a line
/// end or a tab in a value is a space, unless a reference has put it there. The canonical form is made of what
/// the values are then, and so is what is read.
///
/// Refuses what would cost the parser more than in proportion to its size: it compares each attribute of a tag
/// with all before it, and looks for each prefix among all in scope. The bounds for one tag and for all tags are
/// twice those of [`super::xml::Tree`], which counts exactly, afterwards.
pub(super) fn prepared<'a>(text: &'a str, limits: &Limits) -> Result<Cow<'a, str>, XmlFault> {
    let bytes = text.as_bytes();
    let behind = |from: usize, end: &str| {
        bytes[from..].windows(end.len()).position(|w| w == end.as_bytes()).map(|n| from + n + end.len())
    };
    // Declarations of the elements that are open, and their sum.
    let (mut open, mut in_scope, mut tags): (Vec<usize>, usize, usize) = (Vec::new(), 0, 0);
    let mut flat = Flat { text, done: String::new(), copied: 0 };
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
            let tag = Tag::read(rest, next, &mut flat);
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
    Ok(flat.finish())
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

/// A text in which something is replaced, from its beginning to its end.
struct Flat<'a> {
    text: &'a str,
    done: String,
    /// How much of the text is in `done`, in bytes.
    copied: usize,
}

impl<'a> Flat<'a> {
    /// Puts this in the place of the byte at `at`.
    fn replace(&mut self, at: usize, with: &str) {
        self.done.push_str(&self.text[self.copied..at]);
        self.done.push_str(with);
        self.copied = at + 1;
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.copied == 0 {
            return Cow::Borrowed(self.text);
        }
        self.done.push_str(&self.text[self.copied..]);
        Cow::Owned(self.done)
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
    /// The one that `bytes` begin with, which are at `from` of a text that becomes `flat`.
    fn read(bytes: &[u8], from: usize, flat: &mut Flat<'_>) -> Self {
        let mut tag = Tag { bytes: None, values: 0, declarations: 0, is_empty: false };
        let mut quote = None;
        for (at, byte) in bytes.iter().enumerate() {
            match (quote, byte) {
                (Some(open), byte) if open == byte => quote = None,
                // The two bytes of a line end are one.
                (Some(_), b'\r') if bytes.get(at + 1) == Some(&b'\n') => flat.replace(from + at, ""),
                (Some(_), b'\t' | b'\n' | b'\r') => flat.replace(from + at, " "),
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

#[cfg(test)]
mod tests {
    use super::super::xml::{MESSAGE, Tree};
    use super::*;

    #[test]
    fn what_would_cost_much_is_seen_before_it_is_parsed() {
        use XmlFault::{TooManyAttributes, TooManyElements};
        let crowded = |text: &str| prepared(text, &MESSAGE).map(|_| ());
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
            let text = format!("{before}<a {costly}/>{after}");
            assert_eq!(Tree::parse(&text, &MESSAGE).map(|_| ()), Err(why), "{before}");
        }
        // In scope, whatever pretends in between to end something.
        let nested = |between: &str| format!("<a xmlns:x='urn:x' xmlns:y='urn:y'>{between}").repeat(129);
        for between in ["", "<!-- </a> -->", "<![CDATA[</a>]]>", "<b v='</a>'/>", "<b/>"] {
            assert_eq!(crowded(&nested(between)), Err(TooManyAttributes), "{between}");
        }
    }

    #[test]
    fn values_are_normalised_and_nothing_else_is() {
        for (text, want) in [
            ("<a b='1\n2\t3\r\n4\r5' c=\"\n\">\n\t\r</a>", "<a b='1 2 3 4 5' c=\" \">\n\t\r</a>"),
            ("<a\n\tb='\"\n\"'\r\n/>\n", "<a\n\tb='\" \"'\r\n/>\n"),
            ("<a b='\u{85}\u{1F980}\n\u{1F980}'/>", "<a b='\u{85}\u{1F980} \u{1F980}'/>"),
            ("<a>\n'\n'</a>", "<a>\n'\n'</a>"),
            ("<a><!-- b='\n' --><![CDATA[<b c='\n'>]]></a>", "<a><!-- b='\n' --><![CDATA[<b c='\n'>]]></a>"),
            ("<a b='&#10;&#xD;&#9;'/>", "<a b='&#10;&#xD;&#9;'/>"),
            ("<a b='1'/>", "<a b='1'/>"),
        ] {
            let prepared = prepared(text, &MESSAGE).expect("not crowded");
            assert_eq!(prepared, want);
            assert_eq!(matches!(prepared, Cow::Borrowed(_)), text == want, "{text}: copied for nothing");
        }
    }
}
