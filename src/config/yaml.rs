//! YAML 1.2 (core schema) or JSON text to one tree that remembers where everything was written.
//!
//! The parser is granit's; what is ours is the tree, its span index, the limits, merge keys, and which
//! YAML we refuse: several documents, unknown tags, duplicate keys, keys that are not text.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span as YamlSpan, Tag};
use serde_json::{Map, Value};

use super::codes;
use crate::diag::{Diagnostic, FileId, Place, Span};

/// Largest file: configurations are written by hand, and this is fifty times the longest we know.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 64;
/// Most nodes after aliases are expanded; stops alias bombs.
pub const NODES_MAX: usize = 250_000;

/// Where one node stands.
#[derive(Debug, Clone)]
struct NodeSpans {
    /// The key of a map entry.
    key: Option<Span>,
    value: Span,
    /// The alias or merge key through which the node came to be here.
    alias: Option<Span>,
}

/// A comment, with its text after `#`.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Bytes of the comment, `#` included.
    pub span: Span,
    /// Text after `#`, trimmed.
    pub text: String,
}

/// One configuration file as a tree. JSON pointers (`/connectors/0/name`) name its nodes.
#[derive(Debug)]
pub struct Document {
    /// The file.
    pub file: FileId,
    /// Its tree; an empty file is an empty map.
    pub root: Value,
    /// Comments, in order.
    pub comments: Vec<Comment>,
    spans: HashMap<String, NodeSpans>,
}

impl Document {
    /// Where the key of a node stands (the node itself for list items and the root).
    pub fn key(&self, pointer: &str) -> Place {
        let spans = self.nearest(pointer);
        self.place(spans.map_or(0..0, |s| s.key.clone().unwrap_or_else(|| s.value.clone())))
    }

    /// Where the value of a node stands.
    pub fn value(&self, pointer: &str) -> Place {
        self.place(self.nearest(pointer).map_or(0..0, |s| s.value.clone()))
    }

    /// The alias through which a node came, if it did.
    pub fn alias(&self, pointer: &str) -> Option<Place> {
        self.spans.get(pointer)?.alias.clone().map(|span| self.place(span))
    }

    fn place(&self, span: Span) -> Place {
        Place { file: self.file, span }
    }

    /// The node, or the nearest one above it: a finding about something absent points at its parent.
    fn nearest(&self, pointer: &str) -> Option<&NodeSpans> {
        let mut pointer = pointer;
        loop {
            if let Some(spans) = self.spans.get(pointer) {
                return Some(spans);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

/// Appends one segment to a JSON pointer (RFC 6901).
pub fn child(pointer: &str, segment: &str) -> String {
    let mut out = String::with_capacity(pointer.len() + 1 + segment.len());
    out.push_str(pointer);
    out.push('/');
    // One allocation for the usual segment: every step of a check makes a pointer for every node.
    if segment.contains(['~', '/']) {
        out.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    } else {
        out.push_str(segment);
    }
    out
}

/// Reads a file. The tree is `None` when the text is not YAML at all; duplicate keys and the like leave a
/// tree (the first spelling wins) beside their findings.
pub fn parse(file: FileId, text: &str) -> (Option<Document>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    if text.len() > FILE_BYTES_MAX {
        let place = Place { file, span: 0..0 };
        let words = format!("the file has {} bytes; at most {FILE_BYTES_MAX} are read", text.len());
        return (None, vec![Diagnostic::new(&codes::LIMIT, words).at(place)]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader {
        file,
        text,
        parser: Parser::new_from_str(text),
        spans: HashMap::new(),
        comments: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        findings: &mut findings,
    };
    let root = loader.document();
    let (spans, comments) = (loader.spans, loader.comments);
    match root {
        Ok(root) => (Some(Document { file, root, comments, spans }), findings),
        Err(finding) => {
            findings.push(*finding);
            (None, findings)
        }
    }
}

/// Spans of a subtree, by pointers relative to it.
type RelativeSpans = Vec<(String, NodeSpans)>;

/// A subtree that an anchor named, with the spans of its nodes relative to itself.
#[derive(Clone)]
struct Anchored {
    value: Value,
    spans: Vec<(String, NodeSpans)>,
}

struct Loader<'a> {
    file: FileId,
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    spans: HashMap<String, NodeSpans>,
    comments: Vec<Comment>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    findings: &'a mut Vec<Diagnostic>,
}

type Loaded<T> = Result<T, Box<Diagnostic>>;

impl<'a> Loader<'a> {
    fn document(&mut self) -> Loaded<Value> {
        let mut root = Value::Object(Map::new());
        let mut documents = 0;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(self.syntax(
                            &span,
                            "a second document begins here; a configuration is one document",
                        ));
                    }
                }
                Event::StreamEnd => return Ok(root),
                other => {
                    let value = self.node(other, &span, "", None, 0)?;
                    if !value.is_null() {
                        root = value;
                    }
                }
            }
        }
    }

    /// The next event that is not a comment.
    fn next(&mut self) -> Loaded<(Event<'a>, YamlSpan)> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(text, _), span))) => {
                    if let Some(span) = span.byte_range() {
                        self.comments.push(Comment { span, text: text.trim().to_owned() });
                    }
                }
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => {
                    // A whole character, wherever the parser stood, and none behind the end.
                    let at = error.marker().byte_offset().unwrap_or(self.text.len());
                    let at = self.text.floor_char_boundary(at);
                    let length = self.text[at..].chars().next().map_or(0, char::len_utf8);
                    let place = Place { file: self.file, span: at..at + length };
                    let words = format!("this is not YAML: {}", error.info());
                    return Err(Box::new(Diagnostic::new(&codes::SYNTAX, words).at(place)));
                }
                None => {
                    let place = Place { file: self.file, span: self.text.len()..self.text.len() };
                    return Err(Box::new(
                        Diagnostic::new(&codes::SYNTAX, "the file ends too early").at(place),
                    ));
                }
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: &YamlSpan,
        pointer: &str,
        key: Option<Span>,
        depth: usize,
    ) -> Loaded<Value> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.limit(span, format!("more than {NODES_MAX} nodes after aliases are expanded")));
        }
        if depth > DEPTH_MAX {
            return Err(self.limit(span, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let start = range(span);
        match event {
            Event::Alias(id) => self.expand(id, span, pointer, key),
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span)?;
                self.remember(pointer, key, self.trimmed(start), anchor, &value);
                Ok(value)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag_allowed(tag.as_deref(), "seq", span)?;
                let mut items = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break range(&span);
                    }
                    let at = child(pointer, &items.len().to_string());
                    items.push(self.node(event, &span, &at, None, depth + 1)?);
                };
                let value = Value::Array(items);
                self.remember(pointer, key, self.trimmed(start.start..end.end), anchor, &value);
                Ok(value)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag_allowed(tag.as_deref(), "map", span)?;
                let (map, end) = self.mapping(pointer, depth)?;
                let value = Value::Object(map);
                self.remember(pointer, key, self.trimmed(start.start..end), anchor, &value);
                Ok(value)
            }
            other => Err(self.syntax(span, &format!("unexpected {other:?}"))),
        }
    }

    fn mapping(&mut self, pointer: &str, depth: usize) -> Loaded<(Map<String, Value>, usize)> {
        let mut map: Map<String, Value> = Map::new();
        let mut merged: Vec<(Value, RelativeSpans, Span)> = Vec::new();
        loop {
            let (event, key_span) = self.next()?;
            let (name, style) = match event {
                Event::MappingEnd => {
                    let end = range(&key_span).end;
                    for (source, spans, at) in merged {
                        self.merge(&mut map, pointer, &source, &spans, &at);
                    }
                    return Ok((map, end));
                }
                Event::Scalar(text, style, 0, None) => (text.into_owned(), style),
                _ => return Err(self.syntax(&key_span, "a key must be plain text, without tag or anchor")),
            };
            let key = range(&key_span);
            let (event, span) = self.next()?;
            if name == "<<" && style == ScalarStyle::Plain {
                // Kept aside until the explicit keys are known: those win wherever they stand.
                let at = child(pointer, "<<");
                let value = self.node(event, &span, &at, Some(key.clone()), depth + 1)?;
                let spans = self.cut(&at);
                merged.push((value, spans, key));
                continue;
            }
            let at = child(pointer, &name);
            if map.contains_key(&name) {
                let first = self.spans.get(&at).and_then(|s| s.key.clone());
                // Read past the second value so that the rest of the file is still checked.
                let shadow = child(pointer, &format!("{name}\u{0}again"));
                self.node(event, &span, &shadow, None, depth + 1)?;
                self.cut(&shadow);
                let words = format!("`{name}` is written twice in one map");
                let mut finding =
                    Diagnostic::new(&codes::DUPLICATE_KEY, words).at(Place { file: self.file, span: key });
                if let Some(first) = first {
                    finding = finding.also(Place { file: self.file, span: first }, "first written here");
                }
                self.findings.push(finding.help("Keep one of the two."));
                continue;
            }
            let value = self.node(event, &span, &at, Some(key), depth + 1)?;
            map.insert(name, value);
        }
    }

    /// Copies the keys of a merged map that are not there yet.
    fn merge(
        &mut self,
        map: &mut Map<String, Value>,
        pointer: &str,
        source: &Value,
        spans: &[(String, NodeSpans)],
        at: &Span,
    ) {
        let sources: Vec<(String, &Map<String, Value>)> = match source {
            Value::Object(one) => vec![(String::new(), one)],
            Value::Array(many) => many
                .iter()
                .enumerate()
                .filter_map(|(i, item)| Some((format!("/{i}"), item.as_object()?)))
                .collect(),
            _ => Vec::new(),
        };
        if sources.is_empty() {
            let place = Place { file: self.file, span: at.clone() };
            self.findings.push(
                Diagnostic::new(&codes::SYNTAX, "`<<` merges a map or a list of maps, and this is neither")
                    .at(place),
            );
        }
        for (prefix, entries) in sources {
            for (name, value) in entries {
                if map.contains_key(name) {
                    continue;
                }
                map.insert(name.clone(), value.clone());
                let from = child(&prefix, name);
                let to = child(pointer, name);
                for (relative, node) in spans {
                    let inside = relative.strip_prefix(&from).filter(|r| r.is_empty() || r.starts_with('/'));
                    if let Some(rest) = inside {
                        let mut node = node.clone();
                        node.alias.get_or_insert_with(|| at.clone());
                        self.spans.insert(format!("{to}{rest}"), node);
                    }
                }
            }
        }
    }

    /// Takes the spans at and below a pointer out of the index, relative to it.
    fn cut(&mut self, pointer: &str) -> Vec<(String, NodeSpans)> {
        let below = format!("{pointer}/");
        let keys: Vec<String> =
            self.spans.keys().filter(|k| *k == pointer || k.starts_with(&below)).cloned().collect();
        keys.into_iter()
            .filter_map(|k| Some((k[pointer.len()..].to_owned(), self.spans.remove(&k)?)))
            .collect()
    }

    fn expand(&mut self, id: usize, span: &YamlSpan, pointer: &str, key: Option<Span>) -> Loaded<Value> {
        let Some(anchored) = self.anchors.get(&id).cloned() else {
            return Err(self.syntax(span, "this alias names an anchor that is not finished yet"));
        };
        self.nodes += anchored.spans.len();
        if self.nodes > NODES_MAX {
            return Err(self.limit(span, format!("more than {NODES_MAX} nodes after aliases are expanded")));
        }
        let here = range(span);
        for (relative, mut spans) in anchored.spans {
            spans.alias = Some(here.clone());
            if relative.is_empty() {
                spans.key.clone_from(&key);
            }
            self.spans.insert(format!("{pointer}{relative}"), spans);
        }
        Ok(anchored.value)
    }

    fn remember(&mut self, pointer: &str, key: Option<Span>, value: Span, anchor: usize, tree: &Value) {
        self.spans.insert(pointer.to_owned(), NodeSpans { key, value, alias: None });
        if anchor != 0 {
            let below = format!("{pointer}/");
            let spans = self
                .spans
                .iter()
                .filter(|(k, _)| *k == pointer || k.starts_with(&below))
                .map(|(k, spans)| (k[pointer.len()..].to_owned(), spans.clone()))
                .collect();
            self.anchors.insert(anchor, Anchored { value: tree.clone(), spans });
        }
    }

    /// Block collections end where the next token begins; a label should not cover the blank in between.
    fn trimmed(&self, span: Span) -> Span {
        let text = self.text.get(span.clone()).unwrap_or_default();
        span.start..span.start + text.trim_end().len()
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: &YamlSpan) -> Loaded<Value> {
        if let Some(tag) = tag {
            return match tag.core_suffix() {
                Some("str") => Ok(Value::String(text.to_owned())),
                Some("int" | "float" | "bool" | "null") => Ok(plain(text)),
                _ => Err(self.syntax(span, &format!("the tag `{}` is not understood", tag.original()))),
            };
        }
        Ok(if style == ScalarStyle::Plain { plain(text) } else { Value::String(text.to_owned()) })
    }

    fn tag_allowed(&self, tag: Option<&Tag>, core: &str, span: &YamlSpan) -> Loaded<()> {
        match tag {
            Some(tag) if tag.core_suffix() != Some(core) => {
                Err(self.syntax(span, &format!("the tag `{}` is not understood", tag.original())))
            }
            _ => Ok(()),
        }
    }

    fn syntax(&self, span: &YamlSpan, words: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::new(&codes::SYNTAX, words).at(Place { file: self.file, span: range(span) }))
    }

    fn limit(&self, span: &YamlSpan, words: String) -> Box<Diagnostic> {
        Box::new(Diagnostic::new(&codes::LIMIT, words).at(Place { file: self.file, span: range(span) }))
    }
}

fn range(span: &YamlSpan) -> Span {
    span.byte_range().unwrap_or(0..0)
}

/// A plain scalar by the YAML 1.2 core schema. What other YAML dialects would convert (`yes`, `0o10`,
/// `1_000`, `010`, `12:30`) stays text.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Value::String(text.to_owned());
    }
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if !leading_zero && digits.bytes().all(|b| b.is_ascii_digit()) {
        if let Ok(n) = text.strip_prefix('+').unwrap_or(text).parse::<i64>() {
            return Value::from(n);
        }
    } else if !leading_zero
        && digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && let Some(n) = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64)
    {
        return Value::Number(n);
    }
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn load(text: &str) -> (Option<Document>, Vec<String>) {
        let (document, findings) = parse(FileId(0), text);
        (document, findings.into_iter().map(|d| format!("{}: {}", d.code.name, d.message)).collect())
    }

    #[test]
    fn core_schema_scalars() {
        let (document, findings) = load(
            "a: yes\nb: 010\nc: 0o10\nd: 1_000\ne: 12\nf: 1.5\ng: true\nh: ~\ni: '12'\nj: <vault.x>\nk: +7\n",
        );
        assert_eq!(findings, [""; 0]);
        assert_eq!(
            document.unwrap().root,
            json!({"a":"yes","b":"010","c":"0o10","d":"1_000","e":12,"f":1.5,"g":true,"h":null,"i":"12",
                   "j":"<vault.x>","k":7})
        );
    }

    #[test]
    fn spans_lead_back_to_the_text() {
        let text = "# head\nconnectors:\n  - name: a\n    healthCheck:\n      enabled: true\n";
        let document = load(text).0.unwrap();
        let of = |place: Place| &text[place.span];
        assert_eq!(of(document.key("/connectors/0/name")), "name");
        assert_eq!(of(document.value("/connectors/0/name")), "a");
        assert_eq!(of(document.key("/connectors/0/healthCheck")), "healthCheck");
        assert_eq!(of(document.value("/connectors/0/healthCheck")), "enabled: true");
        assert_eq!(of(document.key("/connectors/0/healthCheck/absent")), "healthCheck");
        assert_eq!(document.comments[0].text, "head");
    }

    #[test]
    fn aliases_and_merges_point_home() {
        let text = "base: &b {interval: 30s, timeout: 5s}\none: *b\ntwo:\n  <<: *b\n  timeout: 9s\n";
        let document = load(text).0.unwrap();
        assert_eq!(document.root["one"], json!({"interval":"30s","timeout":"5s"}));
        assert_eq!(document.root["two"], json!({"timeout":"9s","interval":"30s"}));
        assert_eq!(&text[document.value("/two/interval").span], "30s");
        assert!(document.alias("/two/interval").is_some() && document.alias("/two/timeout").is_none());
    }

    #[test]
    fn what_is_refused() {
        for (text, want) in [
            ("a: 1\na: 2\n", "duplicate-key: `a` is written twice"),
            ("a: [1\n", "not-yaml"),
            ("a: 1\n---\nb: 2\n", "not-yaml: a second document"),
            ("a: !secret x\n", "not-yaml: the tag `!secret`"),
            ("a:\n\t- 1\n", "not-yaml"),
            ("? [a]\n: 1\n", "not-yaml: a key must be plain text"),
        ] {
            let findings = load(text).1;
            assert!(findings.len() == 1 && findings[0].starts_with(want), "{text:?}: {findings:?}");
        }
    }

    #[test]
    fn bombs_are_defused() {
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..9 {
            let p = i - 1;
            laughs.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{p}"); 10].join(",")));
        }
        assert!(load(&laughs).1[0].contains("after aliases"), "{:?}", load(&laughs).1);
        let deep = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
        assert!(load(&deep).1[0].contains("deeper"), "{:?}", load(&deep).1);
        assert!(load(&"x".repeat(FILE_BYTES_MAX + 1)).1[0].contains("bytes"));
    }

    proptest::proptest! {
        #[test]
        fn no_input_panics(text in "[a-z:\\- \n\\[\\]{}&*<,'\"#|>!0-9\t]{0,200}") {
            let _ = parse(FileId(0), &text);
        }
    }
}
