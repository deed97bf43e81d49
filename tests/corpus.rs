//! What the fuzzers found worth keeping, replayed: every file of a corpus through the body of its target.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::golden::root;

#[path = "fuzz/bodies/mod.rs"]
mod bodies;

/// Fewer files than this are no corpus.
const FILES_MIN: usize = 5;
/// A corpus that grows beyond this wants `cargo fuzz cmin`.
const BYTES_MAX: u64 = 300 * 1024;

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("tests/fuzz").join(folder)).expect("a folder of the fuzzers");
    let name = |path: std::path::PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    entries.map(|entry| name(entry.expect("an entry").path())).collect()
}

#[test]
fn every_target_has_a_body_and_a_corpus() {
    let bodies: BTreeSet<String> = bodies::BODIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("targets"), bodies, "a file for each target");
    assert_eq!(names("corpus"), bodies, "a folder for each target");
    let manifest = fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).expect("a manifest");
    for target in &bodies {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in the manifest");
    }
}

#[test]
fn the_corpus_holds() {
    for (target, body) in bodies::BODIES {
        let folder = root().join("tests/fuzz/corpus").join(target);
        let (mut files, mut bytes) = (0, 0);
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{target} has no corpus: {e}")) {
            let path = entry.expect("an entry").path();
            let data = fs::read(&path).expect("a file of the corpus");
            files += 1;
            bytes += data.len() as u64;
            let held = catch_unwind(AssertUnwindSafe(|| body(&data)));
            assert!(held.is_ok(), "{target} does not hold for {}", path.display());
        }
        assert!(files >= FILES_MIN, "{target} has {files} files");
        assert!(bytes <= BYTES_MAX, "{target} has {bytes} bytes");
    }
}
