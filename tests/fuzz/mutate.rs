//! Changes of XML that keep it XML: elements copied, moved, wrapped and taken away, ids and names exchanged,
//! texts split. A fuzzer that only turns bytes would spend its life in the parser.

/// Names of the people and of what tells them apart, and what wraps a signed element in the known attacks.
const WORDS: &[&str] = &[
    "alice",
    "bob",
    "admins",
    "guests",
    "_a-alice",
    "_a-bob",
    "_r-alice",
    "_r-bob",
    "_s-alice",
    "_s-bob",
    "_request",
    "idp.example",
    "sp.example",
    "other.example",
    "persistent",
    "transient",
    "Success",
    "Responder",
];
const WRAPPERS: &[(&str, &str)] = &[
    ("<samlp:Extensions>", "</samlp:Extensions>"),
    ("<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">", "</ds:Object>"),
    ("<saml:Advice xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</saml:Advice>"),
    ("<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</saml:Assertion>"),
    (
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">",
        "</saml:EncryptedAssertion>",
    ),
    ("<x>", "</x>"),
];
const SPLITTERS: &[&str] = &[
    "<!---->",
    "<![CDATA[]]>",
    "<![CDATA[a]]>",
    "<?a b?>",
    "&#97;",
    "&amp;",
    "&#x0;",
    " ",
    "\r\n",
    "\u{200b}",
    "<x/>",
];

/// xorshift: what a seed of 32 bits deserves.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// A text changed once, or `None` where there is nothing to change.
pub fn xml(data: &[u8], seed: u32) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(data).ok()?;
    let mut chance = Chance(u64::from(seed) << 1 | 1);
    let mut out = text.to_owned();
    // Known attacks take several steps: a copy, a wrapper, another id.
    for _ in 0..=chance.below(4) {
        out = once(&out, &mut chance).unwrap_or(out);
    }
    Some(out.into_bytes())
}

fn once(text: &str, chance: &mut Chance) -> Option<String> {
    let elements = elements(text);
    let pick = |chance: &mut Chance| elements.get(chance.below(elements.len())).cloned();
    let mut out = text.to_owned();
    match chance.below(9) {
        0 => {
            let (from, to) = (pick(chance)?, pick(chance)?);
            let copy = text[from.start..from.end].to_owned();
            out.insert_str(place(&to, chance), &copy);
        }
        1 => {
            let (from, to) = (pick(chance)?, pick(chance)?);
            let at = place(&to, chance);
            if (from.start..from.end).contains(&at) {
                return None;
            }
            let moved = text[from.start..from.end].to_owned();
            if at >= from.end {
                out.insert_str(at, &moved);
                out.replace_range(from.start..from.end, "");
            } else {
                out.replace_range(from.start..from.end, "");
                out.insert_str(at, &moved);
            }
        }
        2 => {
            let gone = pick(chance)?;
            out.replace_range(gone.start..gone.end, "");
        }
        3 => {
            let inner = pick(chance)?;
            let (open, close) = WRAPPERS[chance.below(WRAPPERS.len())];
            out.insert_str(inner.end, close);
            out.insert_str(inner.start, open);
        }
        4 => {
            let (a, b) = (pick(chance)?, pick(chance)?);
            let (first, second) = if a.end <= b.start { (a, b) } else { (b, a) };
            if first.end > second.start {
                return None;
            }
            let (one, two) =
                (text[first.start..first.end].to_owned(), text[second.start..second.end].to_owned());
            out.replace_range(second.start..second.end, &one);
            out.replace_range(first.start..first.end, &two);
        }
        5 => {
            // Another word, in one element only.
            let within = pick(chance)?;
            let (from, to) = (chance.of(WORDS), chance.of(WORDS));
            let changed = text[within.start..within.end].replace(from, to);
            out.replace_range(within.start..within.end, &changed);
        }
        6 => {
            let values = values(text);
            let (to, from) =
                (values.get(chance.below(values.len()))?, values.get(chance.below(values.len()))?);
            out.replace_range(to.clone(), &text[from.clone()]);
        }
        7 => {
            let mut at = chance.below(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            out.insert_str(at, chance.of(SPLITTERS));
        }
        _ => {
            // An id of its own for one element.
            let within = pick(chance)?;
            let id = within.start + text[within.start..within.head_end].find(" ID=\"")? + " ID=\"".len();
            out.insert(id, '_');
        }
    }
    Some(out)
}

#[derive(Clone)]
struct Element {
    start: usize,
    /// Behind the start tag.
    head_end: usize,
    /// Before the end tag.
    tail_start: usize,
    end: usize,
}

/// Before the element, as its first child, as its last, or behind it.
fn place(element: &Element, chance: &mut Chance) -> usize {
    [element.start, element.head_end, element.tail_start, element.end][chance.below(4)]
}

/// Elements of a text, as far as it is XML.
fn elements(text: &str) -> Vec<Element> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|i| at + i) {
        let Some(end) = text[start..].find('>').map(|i| start + i + 1) else { break };
        let tag = &text[start..end];
        if tag.starts_with("</") {
            if let Some((from, head_end)) = open.pop() {
                found.push(Element { start: from, head_end, tail_start: start, end });
            }
        } else if tag.ends_with("/>") {
            found.push(Element { start, head_end: end, tail_start: start, end });
        } else if !tag.starts_with("<!") && !tag.starts_with("<?") {
            open.push((start, end));
        }
        at = end;
    }
    found
}

/// Values of attributes.
fn values(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("=\"").map(|i| at + i + 2) {
        let Some(end) = text[start..].find('"').map(|i| start + i) else { break };
        found.push(start..end);
        at = end + 1;
    }
    found
}
