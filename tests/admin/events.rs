//! Events: each is listed, and each that is said is on the list.

use std::collections::BTreeSet;
use std::path::Path;

use maverics::serve::telemetry::kinds::{KINDS, Kind};

use crate::cli::Transcript;
use crate::golden;

#[test]
fn explain_lists_every_event_and_says_what_it_means() {
    let listed = Transcript::of(&["explain", "events"]);
    assert_eq!(listed.stdout.lines().count(), KINDS.len());
    for kind in KINDS {
        let line = listed.stdout.lines().find(|line| line.split(' ').next() == Some(kind.name));
        assert!(line.is_some_and(|line| line.ends_with(kind.doc)), "{}", kind.name);
        assert_eq!(Transcript::of(&["explain", kind.name]).code, 0, "{}", kind.name);
    }
    assert!(
        Transcript::of(&["explain", "continuity.failovr"])
            .stderr
            .contains("did you mean `continuity.failover`")
    );
}

/// Text that stands behind `event = "` in the sources of a folder.
fn said(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            said(&path, names);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let code = text.split("mod tests {").next().unwrap_or_default();
            let found = code.split("event = \"").skip(1).filter_map(|rest| rest.split('"').next());
            names.extend(found.map(str::to_owned));
        }
    }
}

/// Whoever logs an event by hand, below the server or beside it, uses a listed name: it is counted by it.
#[test]
fn what_is_said_by_hand_is_listed() {
    let mut names = BTreeSet::new();
    for folder in ["src", "commands"] {
        said(&golden::root().join(folder), &mut names);
    }
    assert!(names.contains("idp.metadata.stale_used"), "{names:?}");
    let unlisted: Vec<&String> = names.iter().filter(|name| Kind::named(name).is_none()).collect();
    assert!(unlisted.is_empty(), "add a line to src/serve/telemetry/kinds.rs for {unlisted:?}");
}
