//! Configuration files, directories and standard input to named texts. The only place that reads them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use maverics::config::yaml::{self, FILE_BYTES_MAX};
use maverics::diag::FileId;

use super::args::{FileArgs, environment};
use super::output;

/// Where a configuration is when nobody says.
const DEFAULT_FILE: &str = "/etc/maverics/maverics.yaml";

/// Endings of files that a directory contributes.
const ENDINGS: &[&str] = &["yaml", "yml", "json"];

/// A text and the name findings give it.
pub struct Input {
    /// Its name.
    pub name: String,
    /// Where it came from; `None` for standard input.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
}

/// Reads what the command line names, else `--config`, else `MAVERICS_CONFIG`, else the usual place.
pub fn read(paths: &[PathBuf], args: &FileArgs) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for path in &named(paths, args) {
        if path != Path::new("-") && path.is_dir() {
            let mut files = Vec::new();
            walk(path, &mut files)
                .with_context(|| format!("cannot read the directory {}", path.display()))?;
            let before = inputs.len();
            for file in &files {
                let input = one(file, args)?;
                match belongs_beside(&input.text) {
                    Some(what) => output::note(&format!("{} holds {what}, and is left out", input.name)),
                    None => inputs.push(input),
                }
            }
            if inputs.len() == before {
                bail!("{} has no configuration in it (*.yaml, *.yml or *.json)", path.display());
            }
        } else {
            inputs.push(one(path, args)?);
        }
    }
    Ok(inputs)
}

/// What a file beside configurations holds instead of one: the people of a `local` connector, or the secrets
/// of a store. Only for files that nobody named.
fn belongs_beside(text: &str) -> Option<&'static str> {
    let keys = [("users", "people"), ("secrets", "secrets")];
    // Most files have neither word, and need not be read twice.
    if !keys.iter().any(|(key, _)| text.contains(key)) {
        return None;
    }
    let root = yaml::parse(FileId(0), text).0?.root;
    let map = root.as_object()?;
    let all = !map.is_empty() && map.keys().all(|have| keys.iter().any(|(key, _)| have == key));
    keys.iter().find(|(key, _)| all && map.contains_key(*key)).map(|(_, what)| *what)
}

/// The paths a configuration is read from.
pub fn named(paths: &[PathBuf], args: &FileArgs) -> Vec<PathBuf> {
    if !paths.is_empty() {
        return paths.to_vec();
    }
    let variable = || environment("MAVERICS_CONFIG").map(PathBuf::from);
    vec![args.config.clone().or_else(variable).unwrap_or_else(|| DEFAULT_FILE.into())]
}

/// Files below a directory by name, hidden ones left out; linked directories are not entered, so that a
/// loop ends.
fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = std::fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|e| ENDINGS.iter().any(|ending| e == *ending)) {
            files.push(path);
        }
    }
    Ok(())
}

fn one(path: &Path, args: &FileArgs) -> Result<Input> {
    let (name, bytes) = if path == Path::new("-") {
        (args.stdin_filename.clone(), bounded(io::stdin().lock()))
    } else {
        (path.display().to_string(), File::open(path).and_then(bounded))
    };
    let bytes = bytes.with_context(|| format!("cannot read {name}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{name} is not UTF-8: byte {at} belongs to no character")
    })?;
    let path = (path != Path::new("-")).then(|| path.to_owned());
    Ok(Input { name, path, text })
}

/// One byte more than is read later, so that the limit is noticed and /dev/zero ends.
fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
