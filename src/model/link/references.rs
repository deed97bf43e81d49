//! Names of other entries: each must exist. The schema says where names stand (`x-maverics-name`), so a new
//! key that names a cache needs no line here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Linking, Names, suggestion};
use crate::config::caches::LOCAL_DEFAULT;
use crate::config::check::{Named, Reference};
use crate::diag::Diagnostic;
use crate::model::codes;

/// What a name may stand for.
struct Known<'a> {
    kind: Named,
    /// Top-level key of the section.
    section: &'static str,
    /// What an entry is called in a sentence.
    what: &'static str,
    names: BTreeSet<&'a str>,
    /// Some entry has no readable name, so "there is no such entry" cannot be said.
    unsure: bool,
}

/// Reports every name that no entry has: once, however often it is used.
pub(super) fn check(linking: &mut Linking<'_>, references: &[Reference], connectors: &Names) {
    let document = linking.document;
    let cache_entries = linking.list("caches");
    let named = |entry: &Value| entry.get("name").is_some_and(Value::is_string);
    let profiles = document.root.get("tls").and_then(Value::as_object);
    for known in [
        Known {
            kind: Named::Tls,
            section: "tls",
            what: "TLS profile",
            names: profiles.into_iter().flat_map(|map| map.keys()).map(String::as_str).collect(),
            unsure: false,
        },
        Known {
            kind: Named::Cache,
            section: "caches",
            what: "cache",
            names: cache_entries
                .iter()
                .filter_map(|entry| entry.get("name")?.as_str())
                .chain([LOCAL_DEFAULT])
                .collect(),
            unsure: !cache_entries.iter().all(named),
        },
        Known {
            kind: Named::Connector,
            section: "connectors",
            what: "connector",
            names: connectors.all().collect(),
            unsure: connectors.unsure,
        },
    ] {
        // A section that is misspelt, or is not a list at all, is one mistake and told already.
        let at = format!("/{}", known.section);
        if !known.unsure && !linking.faulty.0.contains(&at) {
            one_kind(linking, references, &known);
        }
    }
}

fn one_kind(linking: &mut Linking<'_>, references: &[Reference], known: &Known<'_>) {
    let unknown: Vec<&Reference> = references
        .iter()
        .filter(|reference| reference.kind == known.kind && !known.names.contains(reference.name.as_str()))
        .collect();
    let Some(first) = unknown.first() else { return };
    let absent = linking.document.root.get(known.section).is_none();
    // The section left out altogether is one mistake, not one for each entry that counts on it.
    if absent && (unknown.len() > 1 || known.kind == Named::Connector) {
        let words =
            format!("there are no `{}`, and the {} `{}` is named", known.section, known.what, first.name);
        let mut finding = Diagnostic::new(&codes::UNKNOWN_NAME, words).at(linking.document.value(""));
        finding.help = Some(format!("Add `{}`.", known.section));
        for reference in unknown {
            finding.related.push((linking.document.value(&reference.pointer), "named here".into()));
        }
        linking.push(finding);
        return;
    }
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for reference in &unknown {
        if !told.insert(&reference.name) {
            continue;
        }
        let words = format!("there is no {} `{}`", known.what, reference.name);
        let mut finding =
            Diagnostic::new(&codes::UNKNOWN_NAME, words).at(linking.document.value(&reference.pointer));
        finding.help = Some(suggestion(&reference.name, known.names.iter().copied(), known.what));
        let again =
            unknown.iter().filter(|other| other.name == reference.name && other.pointer != reference.pointer);
        for other in again {
            finding.related.push((linking.document.value(&other.pointer), "and here".into()));
        }
        linking.push(finding);
    }
}
