//! Which rules speak, and how loud: the user's selection, and comments in the file.
//!
//! Checks report at the rule's own level; everything here happens afterwards and in one place.

use std::collections::BTreeMap;

use super::explain::find;
use crate::config::codes::codes;
use crate::config::yaml::Document;
use crate::diag::{Code, Diagnostic, Level, Sources};
use crate::model::Fleet;

codes! {
    /// an `allow` comment names a rule that does not exist
    UNKNOWN_RULE = "MV1900", "unknown-rule-in-comment", Warn,
        "`# maverics: allow(RULE) reason` silences RULE on its own line and on the line below, or, before the first key of the file, everywhere in it. A comment that names no rule silences nothing, which is rarely meant.\n\nCorrect the name; `maverics lint --list` shows them all.";
}

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// By rule name; `None` is silence.
    levels: BTreeMap<&'static str, Option<Level>>,
}

impl Selection {
    /// From `--allow`, `--warn` and `--deny`: names or ids of rules, or `all`. Where several speak of one rule,
    /// a name beats `all`, and then the louder wins. The error lists every name that no rule has.
    pub fn new(allow: &[String], warn: &[String], deny: &[String]) -> Result<Self, Vec<String>> {
        let mut selection = Selection::default();
        let mut faults = Vec::new();
        let asked = [(allow, None), (warn, Some(Level::Warn)), (deny, Some(Level::Error))];
        for by_name in [false, true] {
            for (words, level) in &asked {
                for word in words.iter().filter(|word| (word.as_str() != "all") == by_name) {
                    if !by_name {
                        selection.levels.extend(super::RULES.iter().map(|rule| (rule.code.name, *level)));
                        continue;
                    }
                    match find(word) {
                        Ok(rule) => drop(selection.levels.insert(rule.code.name, *level)),
                        Err(fault) => faults.push(fault),
                    }
                }
            }
        }
        if faults.is_empty() { Ok(selection) } else { Err(faults) }
    }

    /// Silences and raises findings.
    pub fn apply(&self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let chosen =
            findings.into_iter().filter_map(|mut finding| match self.levels.get(finding.code.name) {
                None => Some(finding),
                Some(None) => None,
                Some(Some(level)) => {
                    finding.level = *level;
                    Some(finding)
                }
            });
        chosen.collect()
    }
}

/// Drops what comments in the files allow, and reports comments that name no rule.
pub(super) fn heed_comments(findings: Vec<Diagnostic>, fleet: &Fleet, sources: &Sources) -> Vec<Diagnostic> {
    let mut allowed = BTreeMap::new();
    let mut out = Vec::new();
    for deployment in &fleet.deployments {
        let document = &deployment.document;
        allowed.insert(document.file, comments(document, sources, &mut out));
    }
    let is_allowed = |finding: &Diagnostic| {
        let in_file = finding.place.as_ref().and_then(|place| allowed.get(&place.file));
        in_file.is_some_and(|allows| allows.iter().any(|allow| allow.covers(finding, sources)))
    };
    out.extend(findings.into_iter().filter(|finding| !is_allowed(finding)));
    out
}

/// One `allow` comment: a rule, a file, and the lines it speaks for.
struct Allow {
    code: &'static Code,
    file: crate::diag::FileId,
    lines: std::ops::RangeInclusive<usize>,
}

impl Allow {
    fn covers(&self, finding: &Diagnostic, sources: &Sources) -> bool {
        finding.code.id == self.code.id
            && finding.place.as_ref().is_some_and(|place| {
                place.file == self.file
                    && self.lines.contains(&sources.get(place.file).position(place.span.start).line)
            })
    }
}

fn comments(document: &Document, sources: &Sources, out: &mut Vec<Diagnostic>) -> Vec<Allow> {
    let source = sources.get(document.file);
    let body = source
        .text
        .lines()
        .position(|line| !line.trim().is_empty() && !line.trim_start().starts_with(['#', '-']));
    let first_key = body.map_or(1, |line| line + 1);
    let mut allows = Vec::new();
    for comment in &document.comments {
        let Some(rest) = comment.text.strip_prefix("maverics:").map(str::trim_start) else { continue };
        let Some((names, _reason)) = rest.strip_prefix("allow(").and_then(|rest| rest.split_once(')')) else {
            continue;
        };
        let line = source.position(comment.span.start).line;
        // A comment on its own line speaks for the line below the block of comments it stands in.
        let own_line = source.line(line).trim_start().starts_with('#');
        let below = (line + 1..).find(|l| !source.line(*l).trim_start().starts_with('#'));
        let lines = match below {
            _ if line < first_key => 1..=usize::MAX,
            Some(below) if own_line => line..=below,
            _ => line..=line,
        };
        for name in names.split(',').map(str::trim) {
            match find(name) {
                Ok(rule) => {
                    allows.push(Allow { code: &rule.code, file: document.file, lines: lines.clone() })
                }
                Err(words) => {
                    let place = crate::diag::Place { file: document.file, span: comment.span.clone() };
                    out.push(Diagnostic::new(&UNKNOWN_RULE, words).at(place));
                }
            }
        }
    }
    allows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beat_all_and_louder_beats_quieter() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let selection =
            Selection::new(&words(&["MV1001"]), &words(&["all"]), &words(&["all", "member-unmonitored"]));
        let levels = selection.unwrap().levels;
        assert_eq!(levels["single-member-continuity"], None);
        assert_eq!(levels["member-unmonitored"], Some(Level::Error));
        assert_eq!(levels["edge-with-one-root"], Some(Level::Error));
        let faults =
            Selection::new(&words(&["singel-member-continuity"]), &[], &words(&["nonsense"])).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(faults[0].contains("`single-member-continuity`"));
    }
}
