//! The configurations of the two published guides: what is wrong with them as they stand, and what is said
//! when one key of them is changed.

mod legal;
mod mutants;

use std::collections::BTreeMap;

use maverics::diag::{Diagnostic, Level, Place, Sources};
use maverics::model::{self, Reading};

use crate::cli::Transcript;
use crate::golden;
use mutants::{Mutant, Op};

/// Every block: its name and its text.
fn blocks() -> Vec<(String, String)> {
    let folder = golden::root().join("tests/fixtures/seeds");
    let mut blocks: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of blocks")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8").to_owned();
            (name, std::fs::read_to_string(path).expect("a readable block"))
        })
        .collect();
    blocks.sort();
    assert_eq!(blocks.len(), 8);
    blocks
}

#[test]
fn the_true_faults_block_by_block() {
    for (name, _) in blocks() {
        let file = format!("tests/fixtures/seeds/{name}.yaml");
        golden::check(&format!("seeds/{name}.txt"), &Transcript::of(&["validate", &file]).text());
    }
}

fn read(text: &str) -> Reading {
    model::read("maverics.yaml", text, &mut Sources::default(), &model::read::ReadOptions::default())
}

/// Errors by what they say, and how often.
fn errors(reading: &Reading) -> BTreeMap<(&str, &str), Vec<&Diagnostic>> {
    let mut errors: BTreeMap<_, Vec<&Diagnostic>> = BTreeMap::new();
    for finding in reading.findings.iter().filter(|f| f.level == Level::Error) {
        errors.entry((finding.code.name, finding.message.as_str())).or_default().push(finding);
    }
    errors
}

/// What a mutant adds to the errors of its block.
fn new_errors<'a>(baseline: &Reading, mutant: &'a Reading) -> Vec<&'a Diagnostic> {
    let before = errors(baseline);
    let known = |key: &(&str, &str)| before.get(key).map_or(0, Vec::len);
    errors(mutant).iter().flat_map(|(key, found)| found.iter().skip(known(key)).copied()).collect()
}

/// Whether a finding stands at the changed key, at its value, or at the map around it.
fn is_at(finding: &Diagnostic, reading: &Reading, mutant: &Mutant) -> bool {
    let Some(document) = &reading.document else { return false };
    let of = |pointer: &str| [document.key(pointer), document.value(pointer)];
    let wanted: Vec<Place> = match mutant.op {
        // The second of two equal keys has no pointer; the finding names the first beside it.
        Op::Duplicate => {
            let first = of(&mutant.pointer);
            return finding.related.iter().any(|(place, _)| first.contains(place));
        }
        Op::Delete => of(mutant.parent()).to_vec(),
        _ => [of(&mutant.pointer), of(mutant.parent())].concat(),
    };
    finding.place.as_ref().is_some_and(|place| wanted.contains(place))
}

#[test]
fn a_changed_key_is_one_finding_at_that_key() {
    let mut faults = Vec::new();
    let mut used = vec![0; legal::LEGAL.len()];
    let mut count = 0;
    for (name, text) in blocks() {
        let tree = read(&text).document.expect("a block is YAML").root.clone();
        let original = mutants::json(&tree, None);
        let baseline = read(&original);
        assert_eq!(
            errors(&baseline).keys().collect::<Vec<_>>(),
            errors(&read(&text)).keys().collect::<Vec<_>>(),
            "{name}: as JSON it says the same"
        );
        for mutant in mutants::all(&tree) {
            count += 1;
            let reading = read(&mutant.text);
            let new = new_errors(&baseline, &reading);
            let legal = legal::LEGAL.iter().position(|legal| legal.covers(&name, &mutant));
            let said =
                || new.iter().map(|f| format!("\n    {}: {}", f.code.name, f.message)).collect::<String>();
            let what = format!("{name}: {}", mutant.what());
            match (legal, new.as_slice()) {
                (Some(index), []) => used[index] += 1,
                (Some(index), _) => {
                    faults.push(format!("{what} is listed as legal ({}){}", legal::LEGAL[index].why, said()))
                }
                (None, []) => faults.push(format!("{what} goes unnoticed")),
                (None, [one]) if is_at(one, &reading, &mutant) => {}
                (None, [_]) => faults.push(format!("{what} is told elsewhere{}", said())),
                (None, _) => faults.push(format!("{what} is told more than once{}", said())),
            }
        }
    }
    for (legal, _) in legal::LEGAL.iter().zip(&used).filter(|(_, used)| **used == 0) {
        faults.push(format!("no mutant is {:?} of {}", legal.op, legal.pointer));
    }
    assert!(count > 1000, "{count} mutants are too few");
    assert!(faults.is_empty(), "{} of {count} mutants:\n{}", faults.len(), faults.join("\n"));
}
