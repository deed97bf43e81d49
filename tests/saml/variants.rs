//! Other ways to write a document: whatever the grammar of XML allows at a place of its kind, by a generator that
//! makes the same ones every time.

/// What a place in a document is, and so what may be put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where an element or white space is followed by another.
    Between,
    /// In an element's tag, before an attribute or the end.
    Tag,
    /// In an attribute's value.
    Value,
    /// In the name of a namespace.
    Namespace,
    /// In text.
    Text,
}

impl Place {
    fn words(self) -> &'static [&'static str] {
        match self {
            Place::Between => &["<!-- a -->", "<!---->", "\n\t", "\r\n", "\r", " ", "&#10;", "&#13;"],
            Place::Tag => &[
                " ",
                "\n",
                "\r\n\t",
                " xmlns='urn:d'",
                " xmlns:u=\"urn:u\"",
                " xmlns:saml2=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
                " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"",
                " xmlns:A=\"urn:u\" xmlns:a=\"urn:u\" A:b=\"1\" a:c=\"&#9;2\"",
                " xmlns:u='urn:&#x75;&amp;'",
                " xml:lang=\"en\"",
                " xml:space='preserve'",
                " other=\"&lt;&#13;>'\"",
                " é='\u{85}'",
            ],
            Place::Value => &[
                " ",
                "\n",
                "\t",
                "\r\n",
                "&#9;",
                "&#10;",
                "&#13;",
                "&#x20;",
                "&lt;",
                "&amp;",
                ">",
                "&quot;",
                "&apos;",
                "é",
                "e\u{301}",
                "🦀",
                "&#x1F980;",
                "\u{85}",
                "\u{2028}",
                "\u{A0}",
                "]]&gt;",
            ],
            // No ampersand, of which libxml2 makes another name (that is a document of its own in
            // `attacks::others`), and nothing that makes a wrong port.
            Place::Namespace => &["é", " ", "\n", "&#9;", "&#x20;", "&lt;", "&apos;", "%20", "#x", "?x=y"],
            Place::Text => &[
                " ",
                "\n",
                "\t",
                "\r\n",
                "\r",
                "&#9;",
                "&#10;",
                "&#13;",
                "&lt;",
                "&gt;",
                ">",
                "&amp;",
                "\"",
                "'",
                "é",
                "e\u{301}",
                "🦀",
                "&#x1F980;",
                "\u{85}",
                "\u{2028}",
                "\u{A0}",
                "]]&gt;",
            ],
        }
    }
}

/// Every place of a document that is written as ours are: no `>` in values.
fn places(xml: &str) -> Vec<(usize, Place)> {
    let mut found = Vec::new();
    // Where the tag begins that is being read, and whether it is one of a beginning; where in it what is.
    let (mut tag, mut begins, mut quote, mut value) = (None, false, None, Place::Value);
    let mut text = None;
    for (at, c) in xml.char_indices() {
        match (tag, quote) {
            (Some(_), Some(open)) if c == open => quote = None,
            (Some(_), Some(_)) => found.push((at, value)),
            (Some(_), None) if begins && (c == '"' || c == '\'') => {
                quote = Some(c);
                let name = xml[..at].rsplit(char::is_whitespace).next().unwrap_or_default();
                value = if name.starts_with("xmlns") { Place::Namespace } else { Place::Value };
            }
            (Some(start), None) if c == '>' => {
                if begins && !xml[..at].ends_with('/') {
                    found.push((at, Place::Tag));
                }
                tag = None;
                text = follows(&xml[start..at], &xml[at + 1..]);
            }
            (Some(_), None) if begins && c.is_whitespace() => found.push((at, Place::Tag)),
            (Some(_), None) => {}
            (None, _) => {
                found.extend(text.map(|text| (at, text)));
                if c == '<' {
                    tag = Some(at);
                    begins = !xml[at + 1..].starts_with(['!', '?', '/']);
                }
            }
        }
    }
    found
}

/// What is behind a tag. An issuer and an audience are left alone: not everybody trims them, and there are
/// documents for that in `attacks::others`.
fn follows(tag: &str, rest: &str) -> Option<Place> {
    let name = tag.split(char::is_whitespace).next().unwrap_or_default();
    let inside = rest.trim_start();
    if inside.starts_with('<') || inside.is_empty() {
        Some(Place::Between)
    } else {
        (!name.ends_with(":Issuer") && !name.ends_with(":Audience")).then_some(Place::Text)
    }
}

/// Numbers that look like chance (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Variants of a document without end; most are well-formed, and many say something else.
pub fn variants(xml: String) -> impl Iterator<Item = String> {
    let places = places(&xml);
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    std::iter::repeat_with(move || {
        let mut chosen: Vec<_> = (0..=numbers.below(3))
            .map(|_| {
                let (at, place) = places[numbers.below(places.len())];
                (at, place.words()[numbers.below(place.words().len())])
            })
            .collect();
        // From the end, so that no insertion moves the next one.
        chosen.sort_unstable_by(|one, other| other.cmp(one));
        let mut variant = xml.clone();
        for (at, word) in chosen {
            variant.insert_str(at, word);
        }
        variant
    })
}
