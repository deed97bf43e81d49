//! `maverics drill` as people and programs meet it.

use serde_json::Value;

use crate::cli::Transcript;
use crate::golden;

const TIER4: &str = "tests/fixtures/seeds/tier4-tactical.yaml";
const MONDAY: &str = "tests/fixtures/drill/monday.yaml";
const OUTAGE: &[&str] = &["--fail", "cloud-idp@60s+5m", "--seed", "3"];

fn drill(options: &[&str]) -> Transcript {
    Transcript::of(&[&["drill", TIER4], options].concat())
}

#[test]
fn a_report_for_people() {
    golden::check("drill/monday.txt", &drill(&["--scenario", MONDAY]).text());
    golden::check("drill/outage.txt", &drill(OUTAGE).text());
    golden::check("drill/nobody-comes.txt", &drill(&[OUTAGE, &["--logins", "0"]].concat()).text());
}

#[test]
fn json_has_the_shape_its_schema_says() {
    let schema: Value = serde_json::from_str(&Transcript::of(&["schema", "drill"]).stdout).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    for options in [
        &["--scenario", MONDAY][..],
        OUTAGE,
        &["--logins", "0"],
        &["--fail", "cloud-idp@60s+3m=flap:50%/7s", "--fail", "local-keycloak@2m=wrong-issuer"],
    ] {
        let told = drill(&[options, &["--format", "json"]].concat());
        let report: Value =
            serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {}", told.text()));
        let faults: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
        assert_eq!(faults, [""; 0], "{options:?}");
        let logins = &report["continuity"][0]["logins"];
        let count = |name: &str| logins[name].as_u64().expect("a count");
        assert_eq!(count("begun"), count("signedIn") + count("failed") + count("underWay"), "{options:?}");
    }
}

#[test]
fn expectations_decide_the_exit_code() {
    for (options, code, words) in [
        (&["--max-detect", "3s", "--max-failed", "0"][..], 0, "verdict: pass"),
        (&["--logins", "0", "--max-detect", "20s"], 0, "verdict: pass"),
        (
            &["--logins", "0", "--max-detect", "10s"],
            1,
            "FAIL: max-detect: refused of cloud-idp at 1m was noticed after",
        ),
        (&["--fail", "local-keycloak@60s+5m", "--max-failed", "9"], 1, "FAIL: max-failed: "),
        (&["--fail", "cloud-idp@7m+2m=slow:100ms", "--max-detect", "30s"], 1, "was never noticed"),
        (&["--fail", "cloud-idp@7m+2m=slow:100ms", "--max-detect", "3m"], 0, "verdict: pass"),
        (&[], 0, "verdict: none was asked for"),
    ] {
        let told = drill(&[OUTAGE, options].concat());
        assert!(told.code == code && told.stdout.contains(words), "{options:?}: {}", told.text());
    }
}

#[test]
fn wrong_usage_is_told_with_a_guess() {
    for (options, words) in [
        (&["--fail", "cluod-idp@60s"][..], "did you mean `cloud-idp`?"),
        (&["--fail", "cloud-idp"], "NAME@START+LENGTH"),
        (&["--fail", "cloud-idp@60s=down"], "is not a fault"),
        (&["--fault", "http:200"], "from 400 to 599"),
        (&["--connector", "tactical-failovr"], "did you mean `tactical-failover`?"),
        (&["--logins", "5"], "5/s"),
        (&["--duration", "10"], "no unit"),
    ] {
        let told = drill(options);
        assert!(told.code == 2 && told.stderr.contains(words), "{options:?}: {}", told.text());
        assert_eq!(told.stdout, "", "{options:?}");
    }
    let absent = drill(&["--scenario", "tests/fixtures/drill/absent.yaml"]);
    assert_eq!(absent.code, 3, "{}", absent.text());
    let nothing = Transcript::fed(&["drill", "-"], "version: '1'\n");
    assert!(nothing.code == 2 && nothing.stderr.contains("no continuity connector"), "{}", nothing.text());
    let broken = Transcript::of(&["drill", "tests/fixtures/broken/unknown-key.yaml"]);
    assert!(broken.code == 1 && broken.stderr.contains("unknown-key"), "{}", broken.text());
}

/// All mistakes at once, with line and column.
#[test]
fn mistakes_in_a_scenario() {
    for name in ["broken", "names", "fault"] {
        let path = format!("tests/fixtures/drill/{name}.yaml");
        golden::check(&format!("drill/{name}.txt"), &drill(&["--scenario", &path]).text());
    }
}

#[test]
fn the_command_line_wins_over_the_scenario() {
    let options =
        ["--scenario", MONDAY, "--seed", "9", "--duration", "5m", "--max-failed", "5000", "--format", "json"];
    let more = [&options[..], &["--fail", "local-keycloak@4m30s=refused"]].concat();
    let told = drill(&more);
    let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!((report["seed"].as_u64(), report["duration"].as_u64()), (Some(9), Some(300)));
    let faults: Vec<&str> = report["continuity"][0]["faults"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|fault| fault["fault"].as_str())
        .collect();
    assert_eq!(faults, ["blackhole", "http:500", "refused"]);
    assert_eq!((told.code, report["name"].as_str()), (0, Some("monday")));
}

/// The elements of a picture are closed in the order in which they were opened, and its text is escaped.
#[track_caller]
fn is_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>') || open.last() == Some(&"style"), "{text}");
        let end = at + rest[at..].find('>').expect("a tag that ends");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<') && tag.matches('"').count().is_multiple_of(2), "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    for (at, _) in svg.match_indices('&') {
        let entity = svg[at..].split(';').next().expect("an entity");
        assert!(["&amp", "&lt", "&gt", "&quot", "&#39", "&#215"].contains(&entity), "{entity}");
    }
}

#[test]
fn a_picture() {
    let told = drill(&["--scenario", MONDAY, "--format", "svg"]);
    assert_eq!(told.code, 1, "an expectation does not hold: {}", told.stderr);
    is_well_formed(&told.stdout);
    golden::check("drill/monday.svg", &told.stdout);
    for word in ["healthy", "suspect", "unhealthy", "blackhole", "http:500", "who served logins", "cloud-idp"]
    {
        assert!(told.stdout.contains(word), "{word}");
    }
}

#[test]
fn what_a_scenario_says_is_escaped_in_a_picture() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let scenario = scratch.path().join("s.yaml");
    let name = r#"</title><script>alert("1 & 2")</script>"#;
    std::fs::write(&scenario, format!("name: '{name}'\nduration: 5m\n")).expect("a file");
    let picture = scratch.path().join("drill.svg");
    let (scenario, path) = (scenario.to_str().expect("UTF-8"), picture.to_str().expect("UTF-8"));
    let told = drill(&["--scenario", scenario, "--format", "svg", "--output", path]);
    assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{}", told.stderr);
    let svg = std::fs::read_to_string(picture).expect("a picture");
    is_well_formed(&svg);
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;alert(&quot;1 &amp; 2&quot;)"), "{svg}");
    let nowhere = drill(&["--format", "svg", "--output", "/nonexistent/drill.svg"]);
    assert_eq!(nowhere.code, 3, "{}", nowhere.stderr);
}
