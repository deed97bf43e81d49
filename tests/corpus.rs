//! What the fuzzers found worth keeping, replayed: every file of a corpus through the body of its target.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::golden::{root, update};

#[path = "fuzz/bodies/mod.rs"]
mod bodies;

use bodies::TARGETS;

/// Fewer files than this are no corpus.
const FILES_MIN: usize = 5;
/// A corpus that grows beyond this wants `cargo fuzz cmin`.
const BYTES_MAX: u64 = 200 * 1024;

fn folder(name: &str) -> PathBuf {
    root().join("tests/fuzz").join(name)
}

fn names(of: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder(of)).expect("a folder of the fuzzers");
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    entries.map(|entry| name(entry.expect("an entry").path())).collect()
}

#[test]
fn every_target_has_a_body_and_a_corpus() {
    let bodies: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names("targets"), bodies, "a file for each target");
    assert_eq!(names("corpus"), bodies, "a folder for each target");
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("a manifest");
    for target in &bodies {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in the manifest");
    }
}

#[test]
fn the_corpus_holds() {
    for target in TARGETS {
        let corpus = folder("corpus").join(target.name);
        let (mut files, mut bytes) = (0, 0);
        for entry in fs::read_dir(&corpus).unwrap_or_else(|e| panic!("{} has no corpus: {e}", target.name)) {
            let path = entry.expect("an entry").path();
            let data = fs::read(&path).expect("a file of the corpus");
            files += 1;
            bytes += data.len() as u64;
            let held = catch_unwind(AssertUnwindSafe(|| (target.body)(&data)));
            assert!(held.is_ok(), "{} does not hold for {}", target.name, path.display());
        }
        assert!(files >= FILES_MIN, "{} has {files} files", target.name);
        assert!(bytes <= BYTES_MAX, "{} has {bytes} bytes", target.name);
    }
}

/// A body that accepts nothing would hold for everything.
#[test]
fn what_is_genuine_is_accepted() {
    for target in TARGETS {
        for (name, data) in (target.genuine)() {
            (target.body)(&data);
            let path = folder("corpus").join(target.name).join(name);
            if update() && !path.exists() {
                fs::create_dir_all(folder("corpus").join(target.name)).expect("a folder");
                fs::write(&path, data).expect("a file of the corpus");
            }
            assert!(path.exists(), "{} is missing; UPDATE_GOLDEN=1 writes it", path.display());
        }
    }
}
