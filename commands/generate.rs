//! `maverics generate`: writes, or checks, what is generated from the types and committed.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::outcome::Outcome;
use super::{completions, man, output, schema};

/// Write schemas, completions and manual pages into the repository
#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail when a file is not current
    #[arg(long)]
    check: bool,

    /// Root of the repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

pub fn run(args: &Args, program: clap::Command) -> Result<Outcome> {
    let mut stale = Vec::new();
    for (name, content) in files(program)? {
        let path = args.root.join(&name);
        if std::fs::read(&path).is_ok_and(|have| have == content) {
            continue;
        }
        if !args.check {
            let parent = path.parent().context("a generated file is in a folder")?;
            std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
            std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        stale.push(name);
    }
    match (stale.is_empty(), args.check) {
        (true, _) => Ok(Outcome::Clean),
        (false, false) => {
            output::note(&format!("written: {}", stale.join(", ")));
            Ok(Outcome::Clean)
        }
        (false, true) => {
            output::note(&format!("not current: {}; run `cargo run -- generate`", stale.join(", ")));
            Ok(Outcome::Findings)
        }
    }
}

/// Every generated file: its path in the repository and its content.
fn files(program: clap::Command) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for name in schema::Name::value_variants() {
        let mut content = Vec::new();
        output::pretty(&mut content, &name.document())?;
        files.push((name.file().to_owned(), content));
    }
    for (shell, file) in completions::SHELLS {
        files.push(((*file).to_owned(), completions::script(*shell, program.clone())));
    }
    for (name, page) in man::pages(&program)? {
        files.push((format!("man/{name}.1"), page));
    }
    Ok(files)
}
