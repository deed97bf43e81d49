//! The tree made ready for the check: `null` removed, scalars in the type the schema wants, environment
//! and secret references filled in (or, for a check without either, replaced by something of the right
//! form, so that a pipeline that holds no secrets can still validate).

use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

use super::codes;
use super::schema::{Walk, keyword};
use super::yaml::{Document, child};
use crate::diag::{Diagnostic, Level};
use crate::value::SecretRef;

/// Finds a text by what names it.
pub type LookUp<'a, K> = &'a dyn Fn(&K) -> Option<String>;

/// What references are filled from. `None` means: check the form only.
#[derive(Default)]
pub struct Fillers<'a> {
    /// The value of an environment variable.
    pub env: Option<LookUp<'a, str>>,
    /// The value behind a secret reference outside secret fields (a client id kept in the vault).
    pub secret: Option<LookUp<'a, SecretRef>>,
    /// Whether references in secret fields are asked for as well. They stay references all the same; who
    /// opens secrets later reports what is missing then.
    pub probe_secrets: bool,
}

static TEMPLATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{([^{}]*)\}\}").expect("a constant pattern"));
static ENV: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*$").expect("a constant pattern"));
static BRACKETS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<[A-Za-z0-9_]+(\.[A-Za-z0-9._:/-]+)+>").expect("a constant pattern"));

/// Fills `document` in place. `text` is the file's text, from which numbers written where text is wanted
/// are taken literally (`1.30` stays `1.30`).
pub fn fill(document: &mut Document, text: &str, schema: &Value, fillers: &Fillers<'_>) -> Vec<Diagnostic> {
    let mut root = std::mem::take(&mut document.root);
    let mut filler = Filler { document, text, walk: Walk::new(schema), fillers, findings: Vec::new() };
    filler.value(schema, &mut root, "");
    let findings = filler.findings;
    document.root = root;
    findings
}

struct Filler<'a, 's> {
    document: &'a Document,
    text: &'a str,
    walk: Walk<'s>,
    fillers: &'a Fillers<'a>,
    findings: Vec<Diagnostic>,
}

impl<'s> Filler<'_, 's> {
    fn value(&mut self, schema: &'s Value, value: &mut Value, pointer: &str) {
        match value {
            Value::Object(map) => {
                map.retain(|_, v| !v.is_null());
                // `type` and its like first: which branch applies depends on them.
                let parts = self.walk.applicable_to(schema, Some(map));
                for (key, value) in map.iter_mut() {
                    if let Some(property) = self.walk.property(&parts, key) {
                        self.value(property, value, &child(pointer, key));
                    }
                }
            }
            Value::Array(items) => {
                let parts = self.walk.applicable(schema, &Value::Null);
                if let Some(schema) = self.walk.items(&parts) {
                    for (i, item) in items.iter_mut().enumerate() {
                        self.value(schema, item, &child(pointer, &i.to_string()));
                    }
                }
            }
            Value::Null => {}
            Value::String(_) | Value::Number(_) | Value::Bool(_) => self.scalar(schema, value, pointer),
        }
    }

    fn scalar(&mut self, schema: &'s Value, value: &mut Value, pointer: &str) {
        let parts = self.walk.applicable(schema, value);
        let wants = |name: &str| match keyword(&parts, "type") {
            Some(Value::String(one)) => one == name,
            Some(Value::Array(many)) => many.iter().any(|t| t == name),
            _ => false,
        };
        if value.is_number() && wants("string") && !wants("number") && !wants("integer") {
            let written = self.text.get(self.document.value(pointer).span).unwrap_or_default();
            *value = Value::String(written.to_owned());
        }
        let Value::String(text) = value else { return };
        let templates_here = keyword(&parts, "x-maverics-template").is_some();
        let mut placeholder = false;
        let filled = self.environment(text, pointer, templates_here, &mut placeholder);
        *text = filled;
        if let Some(reference) = SecretRef::parse(text) {
            if !reference.is_well_formed() {
                let words = format!(
                    "`{reference}` is not a secret reference: names have letters, digits and . - _ : /"
                );
                self.finding(Diagnostic::new(&codes::BAD_REFERENCE, words), pointer);
            }
            let secret = keyword(&parts, "x-maverics-secret").is_some();
            let name = keyword(&parts, "enum").is_some() || keyword(&parts, "x-maverics-name").is_some();
            if !name && (!secret || self.fillers.probe_secrets) {
                match self.fillers.secret.map(|look_up| look_up(&reference)) {
                    Some(Some(_)) if secret => {}
                    Some(Some(value)) => *text = value,
                    Some(None) => {
                        let words = format!("the secret `{reference}` is not in the secret store");
                        self.finding(
                            Diagnostic::new(&codes::UNRESOLVED, words)
                                .help("Add it there; `--secret-provider` (or MAVERICS_SECRET_PROVIDER) names the store."),
                            pointer,
                        );
                        placeholder = !secret;
                    }
                    None if secret => {}
                    None => {
                        *text = format!("ref-{}", slug(&reference.0));
                        placeholder = true;
                    }
                }
            }
        } else if BRACKETS.is_match(text) && !templates_here {
            self.finding(
                Diagnostic::new(
                    &codes::BRACKETS_IN_TEXT,
                    "angle brackets inside longer text are not a secret reference",
                )
                .help("Make the reference the whole value."),
                pointer,
            );
        }
        if !wants("string") {
            if wants("integer")
                && let Ok(number) = text.parse::<i64>()
            {
                *value = Value::from(number);
            } else if wants("boolean") && (text == "true" || text == "false") {
                *value = Value::Bool(text == "true");
            } else if placeholder {
                *value = stand_in(&parts, Value::Null);
            }
        } else if placeholder {
            let unfit = keyword(&parts, "enum").is_some()
                || keyword(&parts, "pattern")
                    .and_then(Value::as_str)
                    .and_then(|p| Regex::new(p).ok())
                    .is_some_and(|p| !p.is_match(text));
            if unfit {
                *value = stand_in(&parts, value.clone());
            }
        }
    }

    /// Replaces `{{ env.NAME }}`; leaves attribute templates where those are allowed.
    fn environment(
        &mut self,
        text: &str,
        pointer: &str,
        templates_here: bool,
        placeholder: &mut bool,
    ) -> String {
        if !text.contains("{{") {
            return text.to_owned();
        }
        let mut out = String::new();
        let mut last = 0;
        let mut faults = Vec::new();
        for found in TEMPLATE.captures_iter(text) {
            let (Some(whole), Some(inner)) = (found.get(0), found.get(1)) else { continue };
            out.push_str(&text[last..whole.start()]);
            last = whole.end();
            if let Some(name) = ENV.captures(inner.as_str()).and_then(|c| c.get(1)) {
                match self.fillers.env.map(|env| env(name.as_str())) {
                    Some(Some(value)) => out.push_str(&value),
                    Some(None) => faults.push(Diagnostic::new(
                        &codes::UNRESOLVED,
                        format!("the environment variable {} is not set", name.as_str()),
                    )),
                    None => {
                        *placeholder = true;
                        out.push_str(&format!("env-{}", slug(name.as_str())));
                    }
                }
            } else if inner.as_str().trim().starts_with("env.") {
                faults.push(
                    Diagnostic::new(&codes::BAD_REFERENCE, format!("`{}` names no variable", whole.as_str()))
                        .help("Write `{{ env.NAME }}` with a NAME of letters, digits and `_`."),
                );
            } else {
                if !templates_here {
                    faults.push(
                        Diagnostic::new(
                            &codes::BAD_REFERENCE,
                            format!("`{}` is not understood here", whole.as_str()),
                        )
                        .help(
                            "Only `{{ env.NAME }}` is expanded here; attribute templates belong in header values \
                             and rule operands.",
                        ),
                    );
                }
                out.push_str(whole.as_str());
            }
        }
        out.push_str(&text[last..]);
        // What could not be filled in is told here; that the rest has an odd form is no second mistake.
        *placeholder |= !faults.is_empty();
        for fault in faults {
            self.finding(fault, pointer);
        }
        out
    }

    fn finding(&mut self, mut finding: Diagnostic, pointer: &str) {
        finding.place = Some(self.document.value(pointer));
        if let Some(alias) = self.document.alias(pointer) {
            finding = finding.also(alias, "used through this alias");
        }
        if finding.level >= Level::Info {
            self.findings.push(finding);
        }
    }
}

/// Something of the right form for a value that is only known at run time.
fn stand_in(parts: &[&Value], otherwise: Value) -> Value {
    let first = |name: &str| keyword(parts, name).and_then(|list| list.get(0)).cloned();
    first("examples")
        .or_else(|| keyword(parts, "default").cloned())
        .or_else(|| first("enum"))
        .or_else(|| keyword(parts, "minimum").cloned())
        .or_else(|| match keyword(parts, "type").and_then(Value::as_str) {
            Some("boolean") => Some(Value::Bool(false)),
            Some("integer" | "number") => Some(Value::from(1)),
            _ => None,
        })
        .unwrap_or(otherwise)
}

fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diag::FileId;

    fn run(text: &str, fillers: &Fillers<'_>) -> (Value, Vec<String>) {
        let schema = json!({"type":"object","properties":{
            "port":{"type":"integer"},"on":{"type":"boolean"},"name":{"type":"string"},
            "every":{"type":"string","pattern":"^[0-9]+s$","examples":["30s"]},
            "pass":{"type":"string","x-maverics-secret":true},
            "header":{"type":"string","x-maverics-template":"attributes"}}});
        let (document, _) = super::super::yaml::parse(FileId(0), text);
        let mut document = document.unwrap();
        let findings = fill(&mut document, text, &schema, fillers);
        (document.root, findings.into_iter().map(|d| d.message).collect())
    }

    #[test]
    fn scalars_take_the_wanted_type() {
        let (tree, findings) = run("port: '9443'\non: \"true\"\nname: 1.30\n", &Fillers::default());
        assert_eq!(tree, json!({"port": 9443, "on": true, "name": "1.30"}));
        assert!(findings.is_empty());
    }

    #[test]
    fn references_are_filled_or_stood_in_for() {
        let text = "port: '{{ env.PORT }}'\nname: a-{{env.N}}\nevery: '{{ env.E }}'\npass: <v.p>\nheader: '{{ a.b }}'\n";
        let (tree, findings) = run(text, &Fillers::default());
        assert_eq!(
            tree,
            json!({"port": 1, "name": "a-env-n", "every": "30s", "pass": "<v.p>", "header": "{{ a.b }}"})
        );
        assert!(findings.is_empty(), "{findings:?}");
        let env = |name: &str| (name == "PORT").then(|| "81".to_owned());
        let (tree, findings) = run(text, &Fillers { env: Some(&env), ..Fillers::default() });
        assert_eq!(tree["port"], json!(81));
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("N is not set"));
    }

    #[test]
    fn templates_elsewhere_are_refused() {
        let (_, findings) = run("name: '{{ okta.email }}'\nport: 1\n", &Fillers::default());
        assert!(findings[0].contains("not understood here"));
        let (_, findings) = run("name: 'x <vault.y> z'\n", &Fillers::default());
        assert!(findings[0].contains("inside longer text"));
    }
}
