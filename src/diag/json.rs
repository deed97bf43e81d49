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
