//! Findings for merge requests: the code quality report of GitLab.

use std::collections::HashMap;
use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{Diagnostic, Level, Sources};

/// The report: a list of findings, each with a fingerprint that survives a change of line.
pub fn report(findings: &[Diagnostic], sources: &Sources) -> Value {
    let mut seen: HashMap<String, usize> = HashMap::new();
    findings.iter().map(|d| finding(d, sources, &mut seen)).collect()
}

fn finding(d: &Diagnostic, sources: &Sources, seen: &mut HashMap<String, usize>) -> Value {
    let (path, line) = match &d.place {
        Some(place) => {
            let source = sources.get(place.file);
            (source.name.as_str(), source.position(place.span.start).line)
        }
        None => ("", 1),
    };
    let facts = format!("{}\n{path}\n{}", d.code.id, d.message);
    // Two equal findings in one file are told apart by their order.
    let nth = seen.entry(facts.clone()).and_modify(|n| *n += 1).or_insert(0);
    let mut fingerprint = String::new();
    for byte in digest(&SHA256, format!("{facts}\n{nth}").as_bytes()).as_ref() {
        let _ = write!(fingerprint, "{byte:02x}");
    }
    let description = match &d.help {
        Some(help) => format!("{} {help}", d.message),
        None => d.message.clone(),
    };
    json!({
        "description": description,
        "check_name": d.code.name,
        "fingerprint": fingerprint,
        "severity": match d.level {
            Level::Error => "major",
            Level::Warn => "minor",
            Level::Info => "info",
        },
        "location": {"path": path, "lines": {"begin": line}},
    })
}
