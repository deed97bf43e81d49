//! `maverics completions`: what shells need.

use anyhow::Result;
use clap_complete::Shell;

use super::args::When;
use super::outcome::Outcome;
use super::output;

/// Print the completions of a shell
#[derive(clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Shells whose completions are committed, and the name of the file.
pub const SHELLS: &[(Shell, &str)] = &[
    (Shell::Bash, "completions/maverics.bash"),
    (Shell::Zsh, "completions/_maverics"),
    (Shell::Fish, "completions/maverics.fish"),
    (Shell::PowerShell, "completions/_maverics.ps1"),
];

/// The completions of one shell.
pub fn script(shell: Shell, mut program: clap::Command) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "maverics", &mut script);
    script
}

pub fn run(args: &Args, program: clap::Command) -> Result<Outcome> {
    let script = script(args.shell, program);
    output::stdout(When::Never, |out, _| out.write_all(&script))?;
    Ok(Outcome::Clean)
}
