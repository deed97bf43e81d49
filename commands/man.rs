//! `maverics man`: the manual.

use anyhow::{Result, anyhow};

use super::args::When;
use super::outcome::Outcome;
use super::output;

/// Print a manual page in troff, for `man -l -`
#[derive(clap::Args)]
pub struct Args {
    /// Command whose page to print; that of the program without one
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Every page: its name and its text.
pub fn pages(program: &clap::Command) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut program = program.clone().disable_help_subcommand(true);
    program.build();
    let subcommands = program.get_subcommands().filter(|command| !command.is_hide_set());
    let all = std::iter::once(program.clone()).chain(subcommands.map(|command| {
        let name: &'static str = format!("maverics-{}", command.get_name()).leak();
        command.clone().name(name).display_name(name)
    }));
    all.map(|command| {
        let name = command.get_name().to_owned();
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        Ok((name, page))
    })
    .collect()
}

pub fn run(args: &Args, program: clap::Command) -> Result<Outcome> {
    let wanted = match &args.command {
        Some(command) => format!("maverics-{command}"),
        None => "maverics".to_owned(),
    };
    let pages = pages(&program)?;
    let Some((_, page)) = pages.iter().find(|(name, _)| *name == wanted) else {
        return Ok(output::failure(&anyhow!("there is no page `{wanted}`"), Outcome::Usage));
    };
    output::stdout(When::Never, |out, _| out.write_all(page))?;
    Ok(Outcome::Clean)
}
