//! Every code: stable, unique, explained.

use std::collections::BTreeSet;

use super::Transcript;
use crate::golden;

/// Id and name of every code, in order.
pub fn all() -> Vec<(String, String)> {
    let list = Transcript::of(&["explain"]).stdout;
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.nth(1)?.to_owned()))
    };
    list.lines().filter_map(entry).collect()
}

#[test]
fn codes_are_unique_and_stable() {
    let list = Transcript::of(&["explain"]);
    golden::check("codes.txt", &list.stdout);
    let codes = all();
    assert_eq!(codes.len(), list.stdout.lines().count());
    assert_eq!(
        codes.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(),
        codes.len(),
        "an id stands twice"
    );
    assert_eq!(
        codes.iter().map(|(_, name)| name).collect::<BTreeSet<_>>().len(),
        codes.len(),
        "a name stands twice"
    );
}

#[test]
fn every_code_has_a_page() {
    let mut pages = String::new();
    for (id, name) in all() {
        let by_name = Transcript::of(&["explain", &name]);
        assert_eq!((by_name.code, by_name.stderr.as_str()), (0, ""), "{name}");
        assert!(by_name.stdout.starts_with(&format!("{id} {name} (")), "{}", by_name.stdout);
        pages.push_str(&by_name.stdout);
        pages.push('\n');
    }
    golden::check("pages.txt", &pages);
    assert!(
        Transcript::of(&["explain", "mv0101"]).stdout.starts_with("MV0101 unknown-key"),
        "ids in any case"
    );
}
