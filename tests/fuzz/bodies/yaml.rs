//! A configuration of any bytes: read, linked, judged and put right, without a panic; whatever is said of it
//! points into it.

use maverics::config::yaml;
use maverics::diag::{self, Diagnostic, Place, Sources};
use maverics::lint::fix::fix;
use maverics::lint::fleet::{Text, lint};
use maverics::lint::select::Selection;
use maverics::model::{self, read::ReadOptions};
use serde_json::Value;

/// Longer texts are read, and not also put right again and again.
const FIX_BYTES_MAX: usize = 4 * 1024;
/// Findings that are rendered as people read them.
const RENDERED_MAX: usize = 3;
/// YAML takes keys of at most 1024 characters, so longer ones do not come back from JSON.
const KEY_BYTES_MAX: usize = 200;

pub fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut sources = Sources::default();
    let options = ReadOptions::default();
    let reading = model::read("fuzz.yaml", text, &mut sources, &options);
    points_inside(&reading.findings, &sources);
    let (errors, ..) = diag::tally(&reading.findings);
    assert_eq!(reading.deployment.is_some(), errors == 0, "either it can be run or it is said why not");
    if let Some(document) = &reading.document {
        everything_stands_somewhere(document, &sources);
    }
    json_of_it_reads_the_same(text);

    if reading.deployment.or(reading.planned).is_none() {
        return;
    }
    let texts = vec![Text { name: "fuzz.yaml".into(), text: text.to_owned() }];
    let selection = Selection::default();
    let linted = lint(&texts, &options, &selection);
    points_inside(&linted.findings, &linted.sources);
    if text.len() <= FIX_BYTES_MAX && linted.findings.iter().any(|finding| !finding.edits.is_empty()) {
        let before = diag::tally(&linted.findings);
        let fixed = fix(texts, &options, &selection);
        points_inside(&fixed.left.findings, &fixed.left.sources);
        assert!(diag::tally(&fixed.left.findings).0 <= before.0, "an edit that brings an error is not kept");
        assert!(fixed.fixed > 0 || fixed.texts[0].text == text, "an edit that nobody counts is not kept");
    }
}

/// Every place of a finding is a part of the text that can be shown.
fn points_inside(findings: &[Diagnostic], sources: &Sources) {
    for (number, finding) in findings.iter().enumerate() {
        let edits = finding.edits.iter().map(|edit| &edit.place);
        let related = finding.related.iter().map(|(place, _)| place);
        for place in finding.place.iter().chain(related).chain(edits) {
            is_inside(place, sources);
        }
        assert!(!finding.message.is_empty());
        assert!(number >= RENDERED_MAX || !diag::text::render(finding, sources, false).is_empty());
    }
}

fn is_inside(place: &Place, sources: &Sources) {
    let text = &sources.get(place.file).text;
    assert!(text.get(place.span.clone()).is_some(), "{:?} of {} bytes", place.span, text.len());
}

/// Every node of the tree, and every comment, stands in the text.
fn everything_stands_somewhere(document: &yaml::Document, sources: &Sources) {
    let text = &sources.get(document.file).text;
    for comment in &document.comments {
        assert!(text[comment.span.clone()].starts_with('#'), "{:?}", &text[comment.span.clone()]);
    }
    let mut nodes = vec![(String::new(), &document.root)];
    while let Some((pointer, node)) = nodes.pop() {
        is_inside(&document.key(&pointer), sources);
        is_inside(&document.value(&pointer), sources);
        if let Some(place) = document.alias(&pointer) {
            is_inside(&place, sources);
        }
        match node {
            Value::Object(map) => {
                nodes.extend(map.iter().map(|(key, value)| (yaml::child(&pointer, key), value)));
            }
            Value::Array(list) => {
                let child = |i: usize| yaml::child(&pointer, &i.to_string());
                nodes.extend(list.iter().enumerate().map(|(i, value)| (child(i), value)));
            }
            _ => {}
        }
    }
}

/// JSON is YAML: the tree, written as JSON, is read as the same tree.
fn json_of_it_reads_the_same(text: &str) {
    let mut sources = Sources::default();
    let (Some(document), _) = yaml::parse(sources.add("fuzz.yaml", text), text) else { return };
    if !is_plain(&document.root) {
        return;
    }
    let json = document.root.to_string();
    let (again, findings) = yaml::parse(sources.add("fuzz.json", json.as_str()), &json);
    let again = again.unwrap_or_else(|| panic!("{json} is not read: {findings:?}"));
    assert_eq!(again.root, document.root, "{json}");
}

/// Without texts that JSON may contain as they are and YAML must not.
fn is_plain(value: &Value) -> bool {
    let plain = |text: &str| text.chars().all(|c| matches!(c, ' '..='~' | '\u{a1}'..='\u{d7ff}'));
    match value {
        Value::String(text) => plain(text),
        Value::Array(list) => list.iter().all(is_plain),
        Value::Object(map) => {
            map.iter().all(|(key, value)| plain(key) && key.len() <= KEY_BYTES_MAX && is_plain(value))
        }
        _ => true,
    }
}
