//! One mistake per file, named after its code: every code can be raised, alone, and reads as it should.

use crate::cli::Transcript;
use crate::golden;

/// Arguments that a fixture asks for in its first line: `# arguments: --resolve`.
fn arguments(text: &str) -> Vec<&str> {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("# arguments:").unwrap_or_default().split_whitespace().collect()
}

#[test]
fn every_code_has_a_file_that_raises_it_alone() {
    let codes = Transcript::of(&["explain"]).stdout;
    // The rules of lint carry their own examples, which their own test runs; a probe needs providers.
    for line in codes.lines().filter(|line| !line.starts_with("MV1") && !line.starts_with("MV3")) {
        let name = line.split_whitespace().nth(2).expect("id, level, name");
        let file = format!("tests/fixtures/broken/{name}.yaml");
        let text = std::fs::read_to_string(golden::root().join(&file))
            .unwrap_or_else(|_| panic!("{file} is missing"));
        let mut command = vec!["validate", "--format", "json", &file];
        command.extend(arguments(&text));
        let report: serde_json::Value = serde_json::from_str(&Transcript::of(&command).stdout).expect("JSON");
        let found: Vec<&str> =
            report["findings"].as_array().into_iter().flatten().filter_map(|f| f["name"].as_str()).collect();
        assert_eq!(found, [name], "{file}");
        command.retain(|word| *word != "--format" && *word != "json");
        golden::check(&format!("broken/{name}.txt"), &Transcript::of(&command).text());
    }
}
