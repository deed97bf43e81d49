//! Findings for programs: the stable JSON shape of `validate` and `lint`
//! (`schemas/output/diagnostics.schema.json`).

use serde_json::{Map, Value, json};

use super::{Diagnostic, Place, Sources, tally};

/// Version of the shape; raised when a field changes its meaning.
pub const VERSION: u64 = 1;

/// The whole report. `extra` fields (tier verdicts and the like) follow the common ones.
pub fn report(findings: &[Diagnostic], sources: &Sources, extra: Map<String, Value>) -> Value {
    let (errors, warnings, infos) = tally(findings);
    let mut report = json!({
        "version": VERSION,
        "findings": findings.iter().map(|d| finding(d, sources)).collect::<Vec<_>>(),
        "summary": {"files": sources.len(), "errors": errors, "warnings": warnings, "infos": infos},
    });
    if let Value::Object(map) = &mut report {
        map.extend(extra);
    }
    report
}

/// The JSON Schema of [`report`], for those who read it. Fields may be added; none changes its meaning within
/// one `version`.
pub fn schema() -> Value {
    let place = json!({
        "file": {"type": ["string", "null"], "description": "The file, by the name it was given."},
        "line": {"type": ["integer", "null"], "minimum": 1, "description": "First line, from 1."},
        "column": {"type": ["integer", "null"], "minimum": 1, "description": "First column, from 1, in characters."},
        "endLine": {"type": ["integer", "null"], "minimum": 1, "description": "Last line."},
        "endColumn": {"type": ["integer", "null"], "minimum": 1, "description": "Column after the last character."},
    });
    let mut finding = json!({
        "code": {"type": "string", "pattern": "^MV[0-9]{4}$", "description": "Stable code; `maverics explain` prints its page."},
        "name": {"type": "string", "description": "Stable name of the code."},
        "level": {"enum": ["error", "warn", "info"], "description": "How serious it is."},
        "message": {"type": "string", "description": "What is wrong."},
        "help": {"type": ["string", "null"], "description": "How to put it right."},
        "related": {
            "type": "array",
            "description": "Other places the message talks about.",
            "items": {"$ref": "#/$defs/related"},
        },
    });
    let mut related = json!({"message": {"type": "string", "description": "What is there."}});
    for target in [&mut finding, &mut related] {
        if let (Value::Object(target), Value::Object(place)) = (target, &place) {
            target.extend(place.clone());
        }
    }
    let keys =
        |map: &Value| map.as_object().map(|m| m.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let count = |what: &str| json!({"type": "integer", "minimum": 0, "description": what});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Findings of maverics validate and maverics lint",
        "type": "object",
        "required": ["version", "findings", "summary"],
        "properties": {
            "version": {"const": VERSION, "description": "Version of this shape."},
            "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}, "description": "In the order of the files."},
            "summary": {
                "type": "object",
                "description": "Counts.",
                "required": ["files", "errors", "warnings", "infos"],
                "properties": {
                    "files": count("Files that were read."),
                    "errors": count("Findings of level error."),
                    "warnings": count("Findings of level warn."),
                    "infos": count("Findings of level info."),
                },
            },
        },
        "$defs": {
            "finding": {"type": "object", "required": keys(&finding), "properties": finding},
            "related": {"type": "object", "required": keys(&related), "properties": related},
        },
    })
}

fn finding(d: &Diagnostic, sources: &Sources) -> Value {
    let mut out = json!({
        "code": d.code.id,
        "name": d.code.name,
        "level": d.level.word(),
        "message": d.message,
        "help": d.help,
    });
    if let Value::Object(map) = &mut out {
        match &d.place {
            Some(place) => map.extend(position(place, sources)),
            None => map.extend(
                ["file", "line", "column", "endLine", "endColumn"].map(|key| (key.to_owned(), Value::Null)),
            ),
        }
        let related = d.related.iter().map(|(place, words)| {
            let mut entry = position(place, sources);
            entry.insert("message".into(), json!(words));
            Value::Object(entry)
        });
        map.insert("related".into(), related.collect());
    }
    out
}

fn position(place: &Place, sources: &Sources) -> Map<String, Value> {
    let source = sources.get(place.file);
    let (start, end) = (source.position(place.span.start), source.position(place.span.end));
    let mut map = Map::new();
    map.insert("file".into(), json!(source.name));
    map.insert("line".into(), json!(start.line));
    map.insert("column".into(), json!(start.column));
    map.insert("endLine".into(), json!(end.line));
    map.insert("endColumn".into(), json!(end.column));
    map
}
