//! One report in every format.

use serde_json::Value;

use super::{Transcript, program};
use crate::golden;

const BROKEN: &str = "tests/fixtures/broken/unknown-key.yaml";
const CLEAN: &str = "tests/fixtures/seeds/tier1-basic.yaml";

#[test]
fn every_format_has_its_golden_file() {
    for (format, file) in [
        ("json", "report.json"),
        ("sarif", "report.sarif"),
        ("github", "report.github.txt"),
        ("gitlab", "gl-code-quality-report.json"),
        ("junit", "report.xml"),
    ] {
        let report = Transcript::of(&["validate", "--format", format, BROKEN, CLEAN]);
        assert_eq!(report.code, 1, "{format}: {}", report.stderr);
        assert_eq!(report.stderr, "maverics: 2 files checked: 1 error, 0 warnings, 1 info\n", "{format}");
        golden::check(
            &format!("formats/{file}"),
            &report.stdout.replace(env!("CARGO_PKG_VERSION"), "VERSION"),
        );
    }
}

#[test]
fn json_has_the_shape_its_schema_says() {
    let schema: Value =
        serde_json::from_str(&Transcript::of(&["schema", "diagnostics"]).stdout).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    for files in
        [&[BROKEN, CLEAN][..], &["tests/fixtures/broken/duplicate-key.yaml"], &["tests/fixtures/seeds"]]
    {
        let mut arguments = vec!["validate", "--format", "json"];
        arguments.extend(files);
        let report: Value = serde_json::from_str(&Transcript::of(&arguments).stdout).expect("JSON");
        let faults: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
        assert_eq!(faults, [""; 0]);
    }
}

#[test]
fn github_is_chosen_by_its_surroundings() {
    let inside = Transcript::with(&["validate", BROKEN], &[("GITHUB_ACTIONS", "true")]);
    assert!(
        inside.stdout.starts_with("::error title=MV0101 unknown-key,file=tests/fixtures/"),
        "{}",
        inside.stdout
    );
    let asked = Transcript::with(&["validate", "--format", "text", BROKEN], &[("GITHUB_ACTIONS", "true")]);
    assert!(asked.stdout.starts_with("error[MV0101"), "{}", asked.stdout);
}

#[test]
fn colour_is_for_those_who_want_it() {
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        Transcript::with(&[&["validate", BROKEN], arguments].concat(), variables).stdout.contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]), "a pipe is no terminal");
    assert!(coloured(&["--color", "always"], &[]));
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]), "the command line wins");
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_report_goes_to_a_file() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let file = scratch.path().join("report.json");
    let path = file.to_str().expect("UTF-8");
    let done = Transcript::of(&["validate", "--format", "json", "--output", path, BROKEN]);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    let report: Value = serde_json::from_slice(&std::fs::read(file).expect("a report")).expect("JSON");
    assert_eq!(report["summary"]["errors"], 1);
    let nowhere = Transcript::of(&["validate", "--output", "/nonexistent/report", BROKEN]);
    assert_eq!(nowhere.code, 3, "{}", nowhere.stderr);
}

#[test]
fn a_closed_pipe_is_a_polite_end() {
    let mut child = program(&["schema"]).spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
