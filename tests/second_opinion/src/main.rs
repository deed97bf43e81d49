//! A second opinion on the corpus of SAML responses: samael, which verifies with libxmlsec1 and OpenSSL and reads
//! with quick-xml, none of which is ours.
//!
//!     maverics-second-opinion FOLDER
//!
//! reads what the tests of the main package wrote into the folder, and judges it at the manifest's instant, which
//! must be the system's: `run` sees to that. Leaves what samael itself makes in the folder. Ends with 0 when both agree wherever `differences` does not say why
//! they do not, with 1 otherwise, and with 3 when it cannot judge.

mod differences;
mod judge;
mod make;
mod manifest;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use differences::{DIFFERENCES, Difference};
use judge::{Judge, Verdict};
use manifest::{Document, Manifest, Person};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("which folder?");
        return ExitCode::from(3);
    };
    // samael compares a document with what was signed of it by one call inside another for each element.
    let thread = std::thread::Builder::new().stack_size(1 << 30);
    match thread.spawn(move || run(Path::new(&folder))).map(|thread| thread.join()) {
        Ok(Ok(Ok(faults))) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(Ok(Ok(faults))) => {
            println!("\nDISAGREEMENTS");
            faults.iter().for_each(|fault| println!("  {fault}"));
            ExitCode::from(1)
        }
        Ok(Ok(Err(why))) => {
            eprintln!("{why}");
            ExitCode::from(3)
        }
        _ => ExitCode::from(3),
    }
}

/// Judges every document, prints the table, and gives what `differences` does not explain.
fn run(folder: &Path) -> Result<Vec<String>, String> {
    let manifest = Manifest::read(folder)?;
    manifest.is_now()?;
    make::make(folder, &manifest).map_err(|error| format!("samael makes nothing: {error}"))?;
    let judge = Judge::new(&manifest)?;
    // A panic of what is asked here is a refusal.
    std::panic::set_hook(Box::new(|_| {}));
    let people: BTreeMap<&str, &Person> =
        manifest.documents.iter().filter_map(|d| Some((d.name.as_str(), d.accepted.as_ref()?))).collect();
    let (mut rows, mut faults) = (BTreeMap::<String, Row>::new(), Vec::new());
    let mut needed = vec![BTreeMap::<&str, usize>::new(); DIFFERENCES.len()];
    for document in &manifest.documents {
        let xml = std::fs::read_to_string(folder.join(&document.file)).map_err(|error| error.to_string())?;
        let person = people.get(document.base.as_str()).ok_or(format!("no base {}", document.base))?;
        let row = rows.entry(row(document)).or_default();
        row.documents += 1;
        let Some(opinion) = opinion(document, person, &judge, &xml) else { continue };
        let known = DIFFERENCES.iter().zip(&mut needed).find_map(|(difference, needed)| {
            let name = difference.names(&document.name, &opinion)?;
            *needed.entry(name).or_default() += 1;
            Some(())
        });
        match known {
            Some(()) => row.explained += 1,
            None => {
                row.faults += 1;
                faults.push(format!("{} ({}): {opinion}", document.name, document.file));
            }
        }
    }
    print(&rows, &needed);
    for (difference, needed) in DIFFERENCES.iter().zip(&needed) {
        for document in difference.documents.iter().filter(|name| !needed.contains_key(*name)) {
            faults.push(format!("no longer so: \"{document}\" ({})", difference.reason));
        }
    }
    Ok(faults)
}

/// What samael says when it is not what we say; none when it is.
fn opinion(document: &Document, base: &Person, judge: &Judge, xml: &str) -> Option<String> {
    match (judge.judge(xml), &document.accepted) {
        (Verdict::Refuses(_), None) => None,
        (Verdict::Accepts(person), None) => Some(match base.differs(&person) {
            None => "accepts it".to_owned(),
            Some(what) => format!("accepts it and reads {what}"),
        }),
        (verdict, Some(_)) if xml.contains("SignatureValue") && !judge.signature_is_good(xml) => {
            Some(format!("finds the signature bad: {verdict:?}"))
        }
        (Verdict::Refuses(why), Some(_)) => Some(format!("refuses it: {why}")),
        (Verdict::Accepts(person), Some(ours)) => ours.differs(&person).map(|what| format!("reads {what}")),
    }
}

impl Difference {
    /// The name under which it explains what samael says of a document.
    fn names(&self, document: &str, opinion: &str) -> Option<&'static str> {
        // That it reads somebody else is never a part of that it accepts.
        let says = match self.says {
            "accepts it" => opinion == self.says,
            _ => opinion.starts_with(self.says),
        };
        self.documents.iter().copied().find(|name| says && *name == document)
    }
}

/// Documents of one kind.
#[derive(Debug, Default)]
struct Row {
    documents: usize,
    explained: usize,
    faults: usize,
}

fn row(document: &Document) -> String {
    match &document.refused {
        Some(code) => format!("refused: {code}"),
        None => {
            let kind = document.name.rsplit_once(", ").map_or("", |(_, last)| last);
            let kind = kind.split_once(": ").map_or("other shapes", |(kind, _)| kind);
            format!("accepted: {kind}")
        }
    }
}

fn print(rows: &BTreeMap<String, Row>, needed: &[BTreeMap<&str, usize>]) {
    println!("{:<50} {:>9} {:>6} {:>10} {:>6}", "OUR VERDICT", "DOCUMENTS", "AGREED", "EXPLAINED", "FAULTS");
    let mut all = Row::default();
    for (name, Row { documents, explained, faults }) in rows {
        println!(
            "{name:<50} {documents:>9} {:>6} {explained:>10} {faults:>6}",
            documents - explained - faults
        );
        all = Row {
            documents: all.documents + documents,
            explained: all.explained + explained,
            faults: all.faults + faults,
        };
    }
    let Row { documents, explained, faults } = all;
    println!(
        "{:<50} {documents:>9} {:>6} {explained:>10} {faults:>6}",
        "all",
        documents - explained - faults
    );
    println!("\nEXPLAINED");
    for (difference, needed) in DIFFERENCES.iter().zip(needed) {
        let says = difference.says.split([':', '"']).next().unwrap_or_default().trim_end();
        println!("{:>4}  it {says}: {}", needed.values().sum::<usize>(), difference.reason);
    }
}
