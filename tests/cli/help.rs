//! Long help of the program and of every command it lists.

use super::Transcript;
use crate::golden;

/// Names in the list of commands that `--help` prints.
fn commands(help: &str) -> Vec<String> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    lines
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn help_of_every_command() {
    let program = Transcript::of(&["--help"]);
    assert_eq!(program.code, 0);
    golden::check("help/maverics.txt", &program.stdout);
    let commands = commands(&program.stdout);
    assert!(commands.iter().any(|name| name == "validate"), "{commands:?}");
    for name in commands {
        let help = Transcript::of(&[&name, "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{name}");
        golden::check(&format!("help/{name}.txt"), &help.stdout);
    }
}

#[test]
fn no_arguments_and_wrong_arguments_are_usage() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["validate", "--format", "xml"],
        &["explain", "MV9999"],
        &["man", "nothing"],
    ] {
        let wrong = Transcript::of(arguments);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{arguments:?}: {}", wrong.stderr);
    }
    let near = Transcript::of(&["explain", "unknwon-key"]);
    assert!(near.stderr.contains("did you mean `unknown-key`?"), "{}", near.stderr);
}
