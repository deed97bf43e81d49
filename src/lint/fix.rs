//! Putting findings right by their own edits, where that takes nobody's decision. An edit is kept when the
//! file, read again, has the finding no longer and no error more; otherwise the file stays as it was.

use std::collections::{BTreeMap, BTreeSet};

use super::Selection;
use super::fleet::{Linted, Text, lint};
use crate::diag::{Diagnostic, Edit, FileId, Level};
use crate::model::read::ReadOptions;

/// Most times a fleet is read again: an edit can bring up the next finding, and a file whose edits do not go
/// together is tried with one at a time.
pub const ROUNDS_MAX: usize = 32;

/// What was put right.
#[derive(Debug)]
pub struct Fixed {
    /// The texts, edited; in the order in which they came.
    pub texts: Vec<Text>,
    /// How many findings.
    pub fixed: usize,
    /// Findings whose edit did not put them right: `file: message`.
    pub refused: Vec<String>,
    /// What is said of the texts now.
    pub left: Linted,
}

/// What makes two findings of two readings the same: code, file, words.
type Key = (&'static str, FileId, String);

fn key(finding: &Diagnostic) -> Option<Key> {
    Some((finding.code.id, finding.place.as_ref()?.file, finding.message.clone()))
}

/// Applies every edit that holds what it promises.
pub fn fix(texts: Vec<Text>, options: &ReadOptions<'_>, selection: &Selection) -> Fixed {
    let mut texts = texts;
    let mut now = lint(&texts, options, selection);
    let mut fixed = 0;
    let mut refused: BTreeSet<Key> = BTreeSet::new();
    let mut careful: BTreeSet<FileId> = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let chosen = choose(&now.findings, &refused, &careful);
        if chosen.is_empty() {
            break;
        }
        let mut tried = texts.clone();
        for (file, findings) in &chosen {
            let edits = findings.iter().flat_map(|finding| &finding.edits);
            tried[file.0].text = apply(&texts[file.0].text, edits);
        }
        let after = lint(&tried, options, selection);
        let bad: Vec<FileId> = chosen
            .iter()
            .filter(|(file, found)| !holds(&now, &after, **file, found))
            .map(|(file, _)| *file)
            .collect();
        for file in &bad {
            tried[file.0] = texts[file.0].clone();
            if !careful.insert(*file) {
                refused.extend(chosen[file].iter().filter_map(|finding| key(finding)));
            }
        }
        fixed += chosen
            .iter()
            .filter(|(file, _)| !bad.contains(file))
            .map(|(_, found)| found.len())
            .sum::<usize>();
        texts = tried;
        now = if bad.is_empty() { after } else { lint(&texts, options, selection) };
    }
    let show = |(_, file, message): Key| format!("{}: {message}", texts[file.0].name);
    Fixed { fixed, refused: refused.into_iter().map(show).collect(), left: now, texts }
}

/// Findings with edits that do not touch each other, by file; one only in a file that needs care.
fn choose<'a>(
    findings: &'a [Diagnostic],
    refused: &BTreeSet<Key>,
    careful: &BTreeSet<FileId>,
) -> BTreeMap<FileId, Vec<&'a Diagnostic>> {
    let mut chosen: BTreeMap<FileId, Vec<&Diagnostic>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| !finding.edits.is_empty()) {
        let Some(key) = key(finding).filter(|key| !refused.contains(key)) else { continue };
        let in_file = chosen.entry(key.1).or_default();
        let touches = |a: &Edit, b: &Edit| {
            a.place.span.start <= b.place.span.end && b.place.span.start <= a.place.span.end
        };
        let taken = || in_file.iter().flat_map(|have| &have.edits);
        let free = finding
            .edits
            .iter()
            .all(|edit| edit.place.file == key.1 && !taken().any(|have| touches(edit, have)));
        if free && (in_file.is_empty() || !careful.contains(&key.1)) {
            in_file.push(finding);
        }
    }
    chosen.retain(|_, findings| !findings.is_empty());
    chosen
}

/// The text with the edits in it, from its end to its beginning, so that no span moves before its turn.
fn apply<'a>(text: &str, edits: impl Iterator<Item = &'a Edit>) -> String {
    let mut edits: Vec<&Edit> = edits.collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.place.span.start));
    // Spans do not count the mark with which some editors begin a file.
    let bare = text.strip_prefix('\u{feff}');
    let mut out = bare.unwrap_or(text).to_owned();
    for edit in edits {
        if out.get(edit.place.span.clone()).is_some() {
            out.replace_range(edit.place.span.clone(), &edit.text);
        }
    }
    if bare.is_some() {
        out.insert(0, '\u{feff}');
    }
    out
}

/// Whether each of these findings is gone from the file, and no error came in their place.
fn holds(before: &Linted, after: &Linted, file: FileId, fixed: &[&Diagnostic]) -> bool {
    let in_file = |linted: &'_ Linted, test: &dyn Fn(&Diagnostic) -> bool| {
        let of_file = |finding: &&Diagnostic| finding.place.as_ref().is_some_and(|place| place.file == file);
        linted.findings.iter().filter(of_file).filter(|finding| test(finding)).count()
    };
    let gone = fixed.iter().all(|finding| {
        let same = |other: &Diagnostic| other.code == finding.code;
        let share = fixed.iter().filter(|other| same(other)).count();
        in_file(after, &same) + share <= in_file(before, &same)
    });
    let is_error = |finding: &Diagnostic| finding.level >= Level::Error;
    gone && in_file(after, &is_error) <= in_file(before, &is_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str) -> Fixed {
        let texts = vec![Text { name: "t.yaml".into(), text: text.into() }];
        fix(texts, &ReadOptions::default(), &Selection::default())
    }

    const HEAD: &str = "version: '1'\nconnectors:\n";
    const TAIL: &str = "  - name: ha\n    type: continuity\n    failover: {idps: [a, b]}\n";

    fn member(name: &str, rest: &str) -> String {
        format!(
            "  - name: {name} # the {name} one\n    type: oidc\n    oidcWellKnownURL: https://{name}.example/.well-known/openid-configuration\n    oauthClientID: x\n{rest}"
        )
    }

    #[test]
    fn only_the_value_changes() {
        let rest = "    # as measured\n    healthCheck:\n      enabled: false   # later\n";
        let text = format!("{HEAD}{}{}{TAIL}", member("a", rest), member("b", ""));
        let done = fixed(&text);
        let want = text
            .replace("enabled: false   # later", "enabled: true   # later")
            .replace("- name: b # the b one\n", "- name: b # the b one\n    healthCheck: {enabled: true}\n");
        assert_eq!(done.texts[0].text, want);
        assert_eq!((done.fixed, done.refused.as_slice()), (2, [].as_slice()));
        assert!(done.left.findings.iter().all(|finding| finding.edits.is_empty()));
    }

    #[test]
    fn flow_maps_crlf_and_signs_beyond_ascii() {
        for text in [
            format!(
                "{HEAD}{}{}{TAIL}",
                member("a", "    healthCheck: {}\n"),
                member("b", "    healthCheck: {interval: 9s, timeout: 9s}\n")
            ),
            format!("# Größe: ☃\n{HEAD}{}{}{TAIL}", member("a", ""), member("b", "")).replace('\n', "\r\n"),
            format!("\u{feff}{HEAD}{}{}{TAIL}", member("a", ""), member("b", "")),
        ] {
            let done = fixed(&text);
            assert!(done.fixed >= 2 && done.refused.is_empty(), "{done:?}");
            let left: Vec<_> = done.left.findings.iter().map(|f| f.code.name).collect();
            assert!(!left.contains(&"member-unmonitored") && !left.contains(&"not-yaml"), "{left:?}");
            assert_eq!(done.texts[0].text.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
            assert_eq!(done.texts[0].text.contains("\r\n"), text.contains("\r\n"));
        }
    }

    #[test]
    fn one_edit_brings_the_next() {
        let slow = "    healthCheck: {enabled: true, interval: 30s, timeout: 10s, unhealthyThreshold: 3, healthyThreshold: 2}\n";
        let a = member("a", slow);
        let b = member("b", slow).replace("b.example", "b.local");
        let done = fixed(&format!("{HEAD}{a}{b}{TAIL}"));
        assert!(
            done.texts[0]
                .text
                .contains("interval: 10s, timeout: 5s, unhealthyThreshold: 2, healthyThreshold: 3}"),
            "{}",
            done.texts[0].text
        );
    }

    #[test]
    fn what_an_alias_or_a_variable_put_there_is_left_alone() {
        let anchored = member("a", "    healthCheck: &check {enabled: false}\n");
        let aliased = member("b", "    healthCheck: *check\n");
        let done = fixed(&format!("{HEAD}{anchored}{aliased}{TAIL}"));
        // The anchor's own text may be edited; the alias follows it.
        assert!(
            done.texts[0].text.contains("&check {enabled: true}") && done.texts[0].text.contains("*check")
        );
        let by_variable = member("a", "    healthCheck: {enabled: true, healthyThreshold: '{{ env.N }}'}\n");
        let text = format!("{HEAD}{by_variable}{}{TAIL}", member("b", "    healthCheck: {enabled: true}\n"));
        assert_eq!(fixed(&text).texts[0].text, text);
    }

    #[test]
    fn json_stays_json() {
        let member = |name: &str| {
            format!(
                "{{\"name\": \"{name}\", \"type\": \"oidc\", \"oauthClientID\": \"x\", \"oidcWellKnownURL\": \"https://{name}.example/.well-known/openid-configuration\"}}"
            )
        };
        let text = format!(
            "{{\"version\": \"1\", \"connectors\": [{}, {}, {{\"name\": \"ha\", \"type\": \"continuity\", \"failover\": {{\"idps\": [\"a\", \"b\"]}}}}]}}",
            member("a"),
            member("b")
        );
        let done = fixed(&text);
        let tree: serde_json::Value = serde_json::from_str(&done.texts[0].text).expect("JSON");
        assert_eq!(tree["connectors"][1]["healthCheck"]["enabled"], true);
        assert_eq!(done.fixed, 2);
    }
}
