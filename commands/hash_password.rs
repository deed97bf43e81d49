//! `maverics hash-password`: a password to the hash a `local` connector's users file takes.

use std::io::Read;

use anyhow::{Context, Result, bail};

use super::outcome::Outcome;
use super::output;
use maverics::ambient::Entropy;
use maverics::connector::local::hash;

/// Hash a password for the users file of a `local` connector
///
/// Reads the password from standard input (one trailing newline is dropped) and prints an argon2id PHC
/// string. The password never stands on the command line, where others could read it.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args) -> Result<Outcome> {
    let mut password = String::new();
    std::io::stdin().take(4096).read_to_string(&mut password).context("cannot read standard input")?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        bail!("the password is empty; give it on standard input");
    }
    let hash = hash::password(password, &Entropy::system()).context("the password cannot be hashed")?;
    output::stdout(super::args::When::Never, |out, _| writeln!(out, "{hash}"))?;
    Ok(Outcome::Clean)
}
