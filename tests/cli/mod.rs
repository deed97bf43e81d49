//! Transcripts of the program: arguments, exit code, stdout, stderr.

mod codes;
mod formats;
mod help;
mod lb_gen;
mod lint;
mod probe;
mod validate;

use std::io::Write;
use std::process::{Command, Stdio};

use crate::golden;

/// What a run of the program said.
pub struct Transcript {
    pub arguments: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program in a bare environment, at the root of the repository, so that names in findings are short.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maverics"));
    command.args(arguments).env_clear().env("COLUMNS", "100").current_dir(golden::root());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Transcript {
    /// Runs the program.
    pub fn of(arguments: &[&str]) -> Self {
        Self::run(arguments, program(arguments), "")
    }

    /// Runs the program with a text on standard input.
    pub fn fed(arguments: &[&str], input: &str) -> Self {
        let mut command = program(arguments);
        command.stdin(Stdio::piped());
        Self::run(arguments, command, input)
    }

    /// Runs the program with variables in its environment.
    pub fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = program(arguments);
        command.envs(variables.iter().copied());
        Self::run(arguments, command, "")
    }

    fn run(arguments: &[&str], mut command: Command, input: &str) -> Self {
        let mut child = command.spawn().expect("the program starts");
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).expect("the program reads its input");
        }
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        Transcript {
            arguments: arguments.join(" "),
            code: output.status.code().expect("an exit code"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// As one text, for a golden file.
    pub fn text(&self) -> String {
        let Transcript { arguments, code, stdout, stderr } = self;
        format!(
            "$ maverics {arguments}\nexit code: {code}\n----- stdout -----\n{stdout}----- stderr -----\n{stderr}"
        )
    }
}
