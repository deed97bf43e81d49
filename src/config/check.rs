//! The tree against the schema: one finding per mistake, at the key that has it.

use std::collections::HashSet;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::codes;
use super::legacy;
use super::schema::{Walk, alternatives, keyword};
use super::statuses::Statuses;
use super::yaml::{Document, child};
use crate::diag::{Diagnostic, did_you_mean};

/// What a check brought.
pub struct Checked {
    /// Everything found.
    pub findings: Vec<Diagnostic>,
    /// Where the form is wrong, so that linking does not report the same mistake again.
    pub faulty: Faulty,
    /// Names of other entries, as written, in the order of the file.
    pub references: Vec<Reference>,
}

/// A place that names another entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What is named.
    pub kind: Named,
    /// Where.
    pub pointer: String,
    /// The name.
    pub name: String,
}

/// Entries that have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// A profile of `tls`.
    Tls,
    /// An entry of `caches`.
    Cache,
    /// An entry of `connectors`.
    Connector,
}

/// Pointers at which the form is wrong. A misspelt key counts at the spelling it was probably meant to have.
#[derive(Debug, Default)]
pub struct Faulty(pub Vec<String>);

impl Faulty {
    /// Whether a node is wrong, or anything below or above it.
    pub fn touches(&self, pointer: &str) -> bool {
        self.0.iter().any(|faulty| is_below(faulty, pointer) || is_below(pointer, faulty))
    }

    /// Whether a node is wrong, or anything below it.
    pub fn inside(&self, pointer: &str) -> bool {
        self.0.iter().any(|faulty| is_below(faulty, pointer))
    }
}

fn is_below(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Keys on which the other keys of a connector or an app depend.
const CHOICES: &[&str] = &["type", "authType"];

/// Whether a pointer is that of a connector or an app.
fn is_entry(pointer: &str) -> bool {
    let item = pointer.strip_prefix("/connectors/").or_else(|| pointer.strip_prefix("/apps/"));
    item.is_some_and(|rest| !rest.contains('/'))
}

fn choice_is_wrong(at: &str, wrong: &HashSet<String>) -> bool {
    is_entry(at) && CHOICES.iter().any(|key| wrong.contains(&child(at, key)))
}

/// A schema compiled once and walked often.
pub struct Checker {
    schema: Value,
    validator: Validator,
}

impl Checker {
    /// Compiles.
    ///
    /// # Panics
    /// When `schema`, which is ours, is not a JSON Schema; a test compiles it.
    pub fn new(schema: Value) -> Self {
        let validator = jsonschema::draft202012::options().build(&schema).expect("our schema is a schema");
        Checker { schema, validator }
    }

    /// The document it was made of.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Everything that is wrong with the form of a filled tree, plus what is right but not ours to run.
    pub fn check(&self, document: &Document, show_extensions: bool) -> Checked {
        let errors: Vec<ValidationError<'_>> = self.validator.iter_errors(&document.root).collect();
        let mut findings = Vec::new();
        let mut faulty = Faulty::default();
        let places = |of: fn(&Kind) -> bool| -> HashSet<String> {
            let found = errors.iter().filter(|error| of(error.kind()));
            found.map(|error| error.instance_path().to_string()).collect()
        };
        let mistyped = places(|kind| matches!(kind, Kind::Type { .. }));
        // Keys that are there in some way: of the wrong type, not among the choices, or (added below) misspelt.
        let mut wrong = places(|kind| matches!(kind, Kind::Type { .. } | Kind::Enum { .. }));
        for error in &errors {
            if let Kind::AdditionalProperties { unexpected } = error.kind() {
                let at = error.instance_path().to_string();
                self.unknown_keys(document, &at, unexpected, &mut wrong, &mut faulty, &mut findings);
            }
        }
        let mut told: HashSet<String> = HashSet::new();
        for error in &errors {
            let at = error.instance_path().to_string();
            match error.kind() {
                Kind::AdditionalProperties { .. } => {}
                Kind::Required { property } => {
                    let name = property.as_str().unwrap_or_default();
                    let parts = self.parts(document, &at);
                    let mut enough = alternatives(&parts, name).into_iter().chain([name]);
                    let there =
                        enough.any(|key| wrong.contains(&child(&at, key))) || choice_is_wrong(&at, &wrong);
                    if !there && told.insert(child(&at, name)) {
                        faulty.0.push(child(&at, name));
                        findings.push(self.missing_key(document, &at, name));
                    }
                }
                kind => {
                    // A text that fails both its type and its choices is one mistake: tell the type.
                    let worse = !matches!(kind, Kind::Type { .. }) && mistyped.contains(&at);
                    if !worse && told.insert(at.clone()) {
                        faulty.0.push(at.clone());
                        findings.push(self.wrong(document, &at, error));
                    }
                }
            }
        }
        let statuses = Statuses::of(document, &self.schema, show_extensions);
        findings.extend(statuses.findings);
        Checked { findings, faulty, references: statuses.references }
    }

    /// The keys of one map that no part of the schema knows.
    fn unknown_keys(
        &self,
        document: &Document,
        at: &str,
        keys: &[String],
        wrong: &mut HashSet<String>,
        faulty: &mut Faulty,
        findings: &mut Vec<Diagnostic>,
    ) {
        let mut found: Vec<_> = keys.iter().map(|key| (key, self.unknown_key(document, at, key))).collect();
        if choice_is_wrong(at, wrong) {
            found.clear();
        }
        // Which keys an entry has depends on its choices, so a misspelt choice makes the rest look unknown.
        let is_choice = |meant: &Option<String>| {
            is_entry(at) && meant.as_deref().is_some_and(|meant| CHOICES.contains(&meant))
        };
        if found.iter().any(|(_, (_, meant))| is_choice(meant)) {
            found.retain(|(_, (_, meant))| is_choice(meant));
        }
        for (key, (finding, meant)) in found {
            let pointer = child(at, meant.as_deref().unwrap_or(key));
            faulty.0.push(pointer.clone());
            if meant.is_some() {
                wrong.insert(pointer);
            }
            findings.push(finding);
        }
    }

    fn parts<'s>(&'s self, document: &Document, pointer: &str) -> Vec<&'s Value> {
        let walk = Walk::new(&self.schema);
        let mut schema = &self.schema;
        let mut value = &document.root;
        for segment in pointer.split('/').skip(1) {
            let key = segment.replace("~1", "/").replace("~0", "~");
            let parts = walk.applicable(schema, value);
            let next = match value {
                Value::Array(items) => {
                    walk.items(&parts).zip(key.parse().ok().and_then(|i: usize| items.get(i)))
                }
                _ => walk.property(&parts, &key).zip(value.get(&key)),
            };
            let Some((s, v)) = next else { return Vec::new() };
            (schema, value) = (s, v);
        }
        walk.applicable(schema, value)
    }

    fn unknown_key(&self, document: &Document, at: &str, key: &str) -> (Diagnostic, Option<String>) {
        let place = document.key(&child(at, key));
        if let Some(successor) = legacy::successor(&document.root, at, key) {
            let words = format!("`{key}` belongs to the first-generation configuration");
            return (Diagnostic::new(&codes::FIRST_GENERATION, words).help(successor).at(place), None);
        }
        let parts = self.parts(document, at);
        let object = document.root.pointer(at);
        let known = Walk::new(&self.schema).known_keys(&parts);
        let free = known.iter().copied().filter(|k| object.is_none_or(|o| o.get(*k).is_none()));
        let guess = did_you_mean(key, free);
        let help = match guess {
            Some(guess) => format!("Did you mean `{guess}`?"),
            None if known.len() <= 12 => format!("Known here: {}.", known.join(", ")),
            None => "Remove it, or see `maverics schema` for the keys of this place.".to_owned(),
        };
        let words = format!("`{key}` is not a key of {}", describe(at));
        (Diagnostic::new(&codes::UNKNOWN_KEY, words).help(help).at(place), guess.map(str::to_owned))
    }

    fn missing_key(&self, document: &Document, at: &str, name: &str) -> Diagnostic {
        let object = document.root.pointer(at).and_then(Value::as_object);
        let parts = self.parts(document, at);
        let known = Walk::new(&self.schema).known_keys(&parts);
        // Where no branch closed the map (no `type`, say), a near spelling is the likely culprit.
        let either = alternatives(&parts, name);
        let near = object
            .into_iter()
            .flat_map(|map| map.keys())
            .find(|key| !known.contains(&key.as_str()) && did_you_mean(key, [name]).is_some());
        match near {
            Some(key) => {
                Diagnostic::new(&codes::UNKNOWN_KEY, format!("`{key}` is not a key of {}", describe(at)))
                    .help(format!("Did you mean `{name}`?"))
                    .at(document.key(&child(at, key)))
            }
            None => {
                let place = if at.rsplit('/').next().is_some_and(|s| s.parse::<usize>().is_ok()) {
                    document.value(at)
                } else {
                    document.key(at)
                };
                let others = either.iter().filter(|key| **key != name).map(|key| format!(" or `{key}`"));
                let help = format!("Add `{name}`{}.", others.collect::<String>());
                Diagnostic::new(&codes::MISSING_KEY, format!("{} has no `{name}`", describe(at)))
                    .help(help)
                    .at(place)
            }
        }
    }

    fn wrong(&self, document: &Document, at: &str, error: &ValidationError<'_>) -> Diagnostic {
        let value = error.instance();
        let shown = self.shown(document, at, value);
        let name = at.rsplit('/').next().unwrap_or_default().replace("~1", "/");
        let subject = match name.parse::<usize>() {
            Ok(_) => format!("{shown} in {}", describe(at.rsplit_once('/').map_or("", |(p, _)| p))),
            Err(_) => format!("`{name}` is {shown}"),
        };
        let (code, words, help) = match error.kind() {
            Kind::Type { .. } => {
                let wanted = self.wanted(document, at);
                (&codes::WRONG_TYPE, format!("{subject}, and {wanted} belongs here"), None)
            }
            Kind::Enum { options } => {
                let options: Vec<&str> =
                    options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let guess = value.as_str().and_then(|v| did_you_mean(v, options.iter().copied()));
                let help = match guess {
                    Some(guess) => format!("Did you mean `{guess}`? Accepted: {}.", options.join(", ")),
                    None => format!("Accepted: {}.", options.join(", ")),
                };
                (&codes::BAD_VALUE, format!("{subject}, which is not one of the accepted values"), Some(help))
            }
            Kind::Minimum { limit } => (&codes::BAD_VALUE, format!("{subject}; the least is {limit}"), None),
            Kind::Maximum { limit } => (&codes::BAD_VALUE, format!("{subject}; the most is {limit}"), None),
            Kind::MinItems { .. } => (&codes::BAD_VALUE, format!("{subject}, and must not be empty"), None),
            Kind::MinLength { .. } => (&codes::BAD_VALUE, format!("{subject}, and must not be empty"), None),
            Kind::MinProperties { .. } => {
                (&codes::BAD_VALUE, format!("{subject}, and must not be empty"), None)
            }
            Kind::UniqueItems => {
                (&codes::BAD_VALUE, format!("{subject}, with an entry that stands twice"), None)
            }
            Kind::Pattern { .. } => {
                let parts = self.parts(document, at);
                let example = keyword(&parts, "examples").and_then(|e| e.get(0)).and_then(Value::as_str);
                let help = example.map(|e| format!("Write it like `{e}`."));
                (&codes::BAD_VALUE, format!("{subject}, which does not have the form this key needs"), help)
            }
            _ => (&codes::BAD_VALUE, format!("{subject}: {error}"), None),
        };
        let mut finding = Diagnostic::new(code, words).at(document.value(at));
        finding.help = help.or(finding.help);
        if let Some(alias) = document.alias(at) {
            finding = finding.also(alias, "used through this alias");
        }
        finding
    }

    /// A value for a message: never a secret's.
    fn shown(&self, document: &Document, at: &str, value: &Value) -> String {
        let secret = keyword(&self.parts(document, at), "x-maverics-secret").is_some();
        match value {
            Value::Object(_) => "a map".into(),
            Value::Array(list) if list.is_empty() => "an empty list".into(),
            Value::Array(_) => "a list".into(),
            Value::String(_) if secret => "a text".into(),
            Value::String(text) if text.is_empty() => "an empty text".into(),
            Value::String(text) => format!("`{}`", text.chars().take(60).collect::<String>().escape_debug()),
            other => format!("`{other}`"),
        }
    }

    fn wanted(&self, document: &Document, at: &str) -> String {
        let parts = self.parts(document, at);
        let word = |t: &str| {
            match t {
                "object" => "a map",
                "array" => "a list",
                "string" => "a text",
                "integer" => "a whole number",
                "boolean" => "true or false",
                other => other,
            }
            .to_owned()
        };
        match keyword(&parts, "type") {
            Some(Value::String(one)) => word(one),
            Some(Value::Array(many)) => {
                many.iter().filter_map(Value::as_str).map(word).collect::<Vec<_>>().join(" or ")
            }
            _ => "something else".into(),
        }
    }
}

/// `connectors[0].healthCheck`, or words for the whole file.
pub fn describe(pointer: &str) -> String {
    if pointer.is_empty() {
        return "the configuration".into();
    }
    let mut out = String::new();
    for segment in pointer.split('/').skip(1) {
        match segment.parse::<usize>() {
            Ok(i) => out.push_str(&format!("[{i}]")),
            Err(_) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&segment.replace("~1", "/").replace("~0", "~"));
            }
        }
    }
    format!("`{out}`")
}
