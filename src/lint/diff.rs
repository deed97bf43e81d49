//! Two texts as a unified diff, for people and for `patch`. Edits of ours change a line or add one, so the
//! nearest line that both have again is found within a few lines, and no search over the whole is needed.

use std::fmt::Write as _;

/// How far the next common line is looked for, in lines.
const LOOK_AHEAD_MAX: usize = 64;
/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// A line of the diff: its sign, its text, and how many lines of either side come before it.
struct Line<'a> {
    sign: char,
    text: &'a str,
    before: (usize, usize),
}

/// The diff of two versions of one file; empty when they are the same.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let lines = compare(&split(old), &split(new));
    let changed: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].sign != ' ').collect();
    let mut out = String::new();
    let Some(first) = changed.first() else { return out };
    let _ = writeln!(out, "--- {name}\n+++ {name}");
    let mut start = first.saturating_sub(CONTEXT);
    for (i, at) in changed.iter().enumerate() {
        let end = (at + CONTEXT + 1).min(lines.len());
        let next = changed.get(i + 1).map(|next| next.saturating_sub(CONTEXT));
        if next.is_none_or(|next| next > end) {
            hunk(&lines[start..end], &mut out);
            start = next.unwrap_or_default();
        }
    }
    out
}

fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let (skip_old, skip_new) = next_common(&old[i..], &new[j..]);
        for text in &old[i..i + skip_old] {
            lines.push(Line { sign: '-', text, before: (i, j) });
            i += 1;
        }
        for text in &new[j..j + skip_new] {
            lines.push(Line { sign: '+', text, before: (i, j) });
            j += 1;
        }
        if let (Some(text), true) = (old.get(i), j < new.len()) {
            lines.push(Line { sign: ' ', text, before: (i, j) });
            (i, j) = (i + 1, j + 1);
        }
    }
    lines
}

/// How many lines of either side come before the nearest line that both have; all of them when none is near.
fn next_common(old: &[&str], new: &[&str]) -> (usize, usize) {
    for distance in 0..=LOOK_AHEAD_MAX {
        for skip_old in 0..=distance {
            let skip_new = distance - skip_old;
            if let (Some(a), Some(b)) = (old.get(skip_old), new.get(skip_new))
                && a == b
            {
                return (skip_old, skip_new);
            }
        }
    }
    (old.len(), new.len())
}

fn hunk(lines: &[Line<'_>], out: &mut String) {
    let Some(first) = lines.first() else { return };
    let count = |sign: char| lines.iter().filter(|line| line.sign == ' ' || line.sign == sign).count();
    let (old, new) = (count('-'), count('+'));
    // A side without lines is named by the line before it.
    let start = |before: usize, count: usize| before + usize::from(count > 0);
    let _ =
        writeln!(out, "@@ -{},{old} +{},{new} @@", start(first.before.0, old), start(first.before.1, new));
    for line in lines {
        let _ = write!(out, "{}{}", line.sign, line.text);
        if !line.text.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks() {
        let old: String = (1..=20).map(|i| format!("line {i}\n")).collect();
        assert_eq!(unified("f", &old, &old), "");
        let new = old.replace("line 2\n", "line two\n").replace("line 18\n", "line 18\nadded\n");
        let diff = unified("f", &old, &new);
        let want = "--- f\n+++ f\n@@ -1,5 +1,5 @@\n line 1\n-line 2\n+line two\n line 3\n line 4\n line 5\n@@ -16,5 +16,6 @@\n line 16\n line 17\n line 18\n+added\n line 19\n line 20\n";
        assert_eq!(diff, want);
        assert_eq!(
            unified("f", "a", "b"),
            "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
        );
        assert!(unified("f", "", "b\n").contains("@@ -0,0 +1,1 @@\n+b\n"));
    }
}
