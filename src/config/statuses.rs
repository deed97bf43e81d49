//! What is right in form and still needs a word: keys that are not run yet, of ours, or spelt twice. On the
//! same walk the names of other entries are collected, for linking.

use serde_json::{Map, Value};

use super::check::{Named, Reference};
use super::schema::{Walk, keyword};
use super::yaml::{Document, child};
use super::{codes, features};
use crate::diag::Diagnostic;

/// What one walk over a tree brought.
pub(super) struct Statuses<'a> {
    document: &'a Document,
    walk: Walk<'a>,
    show_extensions: bool,
    /// Below a key that is not run: its names are collected, its keys need no further word.
    quiet: bool,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) references: Vec<Reference>,
}

impl<'a> Statuses<'a> {
    /// Walks a whole tree.
    pub(super) fn of(document: &'a Document, schema: &'a Value, show_extensions: bool) -> Self {
        let mut statuses = Statuses {
            document,
            walk: Walk::new(schema),
            show_extensions,
            quiet: false,
            findings: Vec::new(),
            references: Vec::new(),
        };
        statuses.value(schema, &document.root, "");
        statuses
    }

    fn value(&mut self, schema: &'a Value, value: &Value, pointer: &str) {
        let parts = self.walk.applicable(schema, value);
        match value {
            Value::Object(map) => {
                let before = self.quiet;
                let branch = parts.iter().skip(1).find_map(|part| later(part));
                if let Some(instead) = branch
                    && let Some(kind) = map.get("type").and_then(Value::as_str)
                {
                    self.not_run(&child(pointer, "type"), &format!("type `{kind}`"), instead, false);
                    self.quiet = true;
                }
                self.map(&parts, map, pointer);
                self.quiet = before;
            }
            Value::Array(items) => {
                let named = named(&parts);
                if let Some(schema) = self.walk.items(&parts) {
                    for (i, item) in items.iter().enumerate() {
                        let at = child(pointer, &i.to_string());
                        self.name(named, item, &at);
                        self.value(schema, item, &at);
                    }
                }
            }
            scalar => {
                self.name(named(&parts), scalar, pointer);
                let not_run = keyword(&parts, "x-maverics-later").and_then(Value::as_array);
                if not_run.is_some_and(|values| values.contains(scalar)) {
                    self.not_run(pointer, &format!("the value {scalar}"), "", false);
                }
            }
        }
    }

    fn map(&mut self, parts: &[&'a Value], map: &Map<String, Value>, pointer: &str) {
        for (key, value) in map {
            let at = child(pointer, key);
            let Some(property) = self.walk.property(parts, key) else { continue };
            let about = property.get("x-maverics");
            let text = |name: &str| about.and_then(|x| x.get(name)).and_then(Value::as_str);
            let before = self.quiet;
            match text("status").unwrap_or_default() {
                "later" => {
                    match text("feature").filter(|flag| !features::is_on(&self.document.root, flag)) {
                        Some(flag) => self.ignored(&at, key, flag),
                        None => {
                            self.not_run(&at, &format!("`{key}`"), text("instead").unwrap_or_default(), true)
                        }
                    }
                    self.quiet = true;
                }
                "ours" if self.show_extensions && !self.quiet => {
                    let words = format!("`{key}` is an extension of maverics");
                    self.findings.push(Diagnostic::new(&codes::EXTENSION, words).at(self.document.key(&at)));
                }
                "alias" if !self.quiet => {
                    if let Some(canonical) = text("of") {
                        self.alias(key, &at, pointer, canonical);
                    }
                }
                _ => {}
            }
            self.value(property, value, &at);
            self.quiet = before;
        }
    }

    fn name(&mut self, kind: Option<Named>, value: &Value, pointer: &str) {
        if let (Some(kind), Value::String(name)) = (kind, value) {
            self.references.push(Reference { kind, pointer: pointer.to_owned(), name: name.clone() });
        }
    }

    fn alias(&mut self, key: &str, at: &str, pointer: &str, canonical: &str) {
        let (base, path) = match canonical.strip_prefix("../") {
            Some(path) => (pointer.rsplit_once('/').map_or("", |(above, _)| above), path),
            None => (pointer, canonical),
        };
        let rival = path.split('.').fold(base.to_owned(), |p, segment| child(&p, segment));
        if self.document.root.pointer(&rival).is_some() {
            let words = format!("`{key}` and `{path}` say the same thing");
            self.findings.push(
                Diagnostic::new(&codes::ALIAS_CONFLICT, words)
                    .at(self.document.key(at))
                    .also(self.document.key(&rival), "the canonical spelling")
                    .help(format!("Keep `{path}`.")),
            );
        }
    }

    fn ignored(&mut self, at: &str, key: &str, flag: &str) {
        if self.quiet {
            return;
        }
        let words = format!("`{key}` is ignored while the feature `{flag}` is off");
        self.findings.push(
            Diagnostic::new(&codes::IGNORED_WITHOUT_FLAG, words).at(self.document.key(at)).help("Remove it."),
        );
    }

    fn not_run(&mut self, at: &str, what: &str, instead: &str, key: bool) {
        if self.quiet {
            return;
        }
        let place = if key { self.document.key(at) } else { self.document.value(at) };
        let mut finding =
            Diagnostic::new(&codes::UNSUPPORTED_HERE, format!("{what} is documented, and not run here yet"))
                .at(place);
        if !instead.is_empty() {
            finding = finding.help(instead.to_owned());
        }
        self.findings.push(finding);
    }
}

/// The "instead" text of a schema part that is not run yet.
fn later(part: &Value) -> Option<&str> {
    let about = part.get("x-maverics")?;
    (about.get("status")? == "later")
        .then(|| about.get("instead").and_then(Value::as_str).unwrap_or_default())
}

fn named(parts: &[&Value]) -> Option<Named> {
    match keyword(parts, "x-maverics-name")?.as_str()? {
        "tls" => Some(Named::Tls),
        "cache" => Some(Named::Cache),
        "connector" => Some(Named::Connector),
        _ => None,
    }
}
