//! Findings for code-review systems: SARIF 2.1.0, and GitHub workflow commands.

use serde_json::{Value, json};

use super::{Diagnostic, Level, Sources};

/// A SARIF 2.1.0 log with one run.
pub fn sarif(findings: &[Diagnostic], sources: &Sources) -> Value {
    let mut rules: Vec<_> = findings.iter().map(|d| d.code).collect();
    rules.sort_by_key(|code| code.id);
    rules.dedup_by_key(|code| code.id);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "maverics",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|code| json!({
                    "id": code.id,
                    "name": code.name,
                    "shortDescription": {"text": code.summary},
                    "help": {"text": code.page},
                    "defaultConfiguration": {"level": sarif_level(code.level)},
                })).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(|d| result(d, sources)).collect::<Vec<_>>(),
        }],
    })
}

fn result(d: &Diagnostic, sources: &Sources) -> Value {
    let text = match &d.help {
        Some(help) => format!("{} {help}", d.message),
        None => d.message.clone(),
    };
    let location = |place: &super::Place, words: Option<&str>| {
        let source = sources.get(place.file);
        let (start, end) = (source.position(place.span.start), source.position(place.span.end));
        let mut out = json!({"physicalLocation": {
            "artifactLocation": {"uri": source.name.replace(' ', "%20")},
            "region": {"startLine": start.line, "startColumn": start.column,
                       "endLine": end.line, "endColumn": end.column},
        }});
        if let Some(words) = words {
            out["message"] = json!({"text": words});
        }
        out
    };
    json!({
        "ruleId": d.code.id,
        "level": sarif_level(d.level),
        "message": {"text": text},
        "locations": d.place.iter().map(|p| location(p, None)).collect::<Vec<_>>(),
        "relatedLocations": d.related.iter().map(|(p, w)| location(p, Some(w))).collect::<Vec<_>>(),
    })
}

fn sarif_level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "note",
    }
}

/// One GitHub workflow command (`::error file=...`). Message and properties are escaped as its runner asks.
pub fn github(d: &Diagnostic, sources: &Sources) -> String {
    let command = match d.level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "notice",
    };
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut properties = vec![format!("title={}", property(&format!("{} {}", d.code.id, d.code.name)))];
    if let Some(place) = &d.place {
        let source = sources.get(place.file);
        let (start, end) = (source.position(place.span.start), source.position(place.span.end));
        properties.push(format!("file={}", property(&source.name)));
        properties.push(format!("line={},col={}", start.line, start.column));
        properties.push(format!("endLine={},endColumn={}", end.line, end.column));
    }
    let message = match &d.help {
        Some(help) => format!("{}\n{help}", d.message),
        None => d.message.clone(),
    };
    format!("::{command} {}::{}", properties.join(","), data(&message))
}
