//! The program: parse, dispatch, exit.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod args;
mod completions;
mod demo;
mod drill;
mod explain;
mod generate;
mod hash_password;
mod input;
mod lb_gen;
mod lint;
mod man;
mod outcome;
mod output;
mod probe;
mod reload;
mod schema;
mod serve;
mod validate;

use outcome::Outcome;

// A start reads, links and forgets thousands of small values; mimalloc does that about a third faster than
// the system's allocator and returns memory to the system afterwards.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An identity orchestrator that keeps people signing in while identity providers fail.
#[derive(Parser)]
#[command(name = "maverics", version, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One line for each command; its file has its arguments and `run`.
#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Validate(validate::Args),
    Lint(lint::Args),
    Probe(probe::Args),
    LbGen(lb_gen::Args),
    Drill(drill::Args),
    Demo(demo::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    HashPassword(hash_password::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(hide = true)]
    Generate(generate::Args),
}

fn main() -> ExitCode {
    // Fails only when there is a provider already, which would be this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse_from(serve::drop_in(std::env::args_os().collect()));
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::LbGen(args) => lb_gen::run(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::HashPassword(args) => hash_password::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Generate(args) => generate::run(&args, Cli::command()),
    };
    outcome.unwrap_or_else(|error| output::failure(&error, Outcome::CouldNotRun)).into()
}
