//! Metrics, read by a parser that forgives nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use crate::support::browser::{Browser, Request};

type Labels = BTreeMap<String, String>;

/// A family: its type, and its samples by full name and labels.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: bool,
    samples: Vec<(String, Labels, f64)>,
}

/// Parses OpenMetrics 1.0 (`open`) or Prometheus text 0.0.4. Panics at the first line that is not as it must be.
#[track_caller]
fn parse(text: &str, open: bool) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    assert!(text.ends_with('\n'));
    assert_eq!(text.ends_with("# EOF\n"), open, "the end mark");
    for line in text.lines() {
        if line == "# EOF" {
            continue;
        }
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap_or_else(|| panic!("{line}")));
            let tail = words.next().unwrap_or_default();
            if name != current {
                assert!(!families.contains_key(name), "the family {name} comes twice");
                name.clone_into(&mut current);
            }
            let family = families.entry(name.to_owned()).or_default();
            match what {
                "HELP" => family.help = !tail.is_empty(),
                "TYPE" => tail.clone_into(&mut family.kind),
                "UNIT" => assert!(open && name.ends_with(&format!("_{tail}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
        let family = families.get_mut(&current).unwrap_or_else(|| panic!("no family for {line}"));
        let suffixes: &[&str] = match (family.kind.as_str(), open) {
            ("counter", true) => &["_total"],
            ("info", true) => &["_info"],
            ("histogram", _) => &["_bucket", "_sum", "_count"],
            ("gauge" | "counter", _) => &[""],
            (kind, _) => panic!("type {kind} of {current}"),
        };
        assert!(suffixes.iter().any(|s| name == format!("{current}{s}")), "{line} in {current}");
        family.samples.push((name, labels, value));
    }
    for (name, family) in &families {
        assert!(name.starts_with("maverics_") && family.help, "{name} has no help");
        if family.kind == "histogram" {
            is_histogram(name, family);
        }
    }
    families
}

#[track_caller]
fn sample(line: &str) -> (String, Labels, f64) {
    let name: String =
        line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == ':').collect();
    let mut rest = &line[name.len()..];
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
            let (mut value, mut escaped, mut end) = (String::new(), false, None);
            for (i, c) in after.char_indices() {
                match (escaped, c) {
                    (true, '\\' | '"') => value.push(c),
                    (true, 'n') => value.push('\n'),
                    (true, _) => panic!("{line}"),
                    (false, '"') => {
                        end = Some(i);
                        break;
                    }
                    (false, '\\') => {}
                    (false, c) => value.push(c),
                }
                escaped = !escaped && c == '\\';
            }
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = &after[end.unwrap_or_else(|| panic!("{line}")) + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    (name, labels, value.parse().unwrap_or_else(|e| panic!("{e}: {line}")))
}

/// Buckets grow, end at `+Inf`, and that one is the count.
#[track_caller]
fn is_histogram(name: &str, family: &Family) {
    let mut groups: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (sample, labels, value) in &family.samples {
        if let Some(bound) = labels.get("le").filter(|_| sample.ends_with("_bucket")) {
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound") };
            let mut labels = labels.clone();
            labels.remove("le");
            groups.entry(labels).or_default().push((bound, *value));
        }
    }
    for (labels, buckets) in groups {
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {labels:?}: {buckets:?}");
        let last = buckets.last().expect("a bucket");
        let count = value(family, &format!("{name}_count"), &labels);
        assert_eq!((last.0, Some(last.1)), (f64::INFINITY, count), "{name} {labels:?}");
    }
}

fn value(family: &Family, name: &str, labels: &Labels) -> Option<f64> {
    family.samples.iter().find(|(n, l, _)| n == name && l == labels).map(|(_, _, value)| *value)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn both_forms_parse_and_say_what_happened() {
    let mut world = World::start();
    world.sign_in();
    world.strong.refuse();
    world.wait_for("strong", "unhealthy");
    world.sign_in();
    let unknown = Browser::new().get(&format!("{}/callback?state=forged&code=x", world.server.url));
    assert_eq!(unknown.status, 400);
    let scrape = |accept: &str| {
        let request = Request::get(&format!("{}/metrics", world.admin)).header("Accept", accept);
        let answer = Browser::new().send(&request);
        (answer.header("content-type").unwrap_or_default().to_owned(), answer.text())
    };
    let (kind, open) = scrape("application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.5");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let families = parse(&open, true);
    let (kind, plain) = scrape("*/*");
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let older = parse(&plain, false);
    assert_eq!(families.len(), older.len());

    let at = |family: &str, name: &str, pairs: &[(&str, &str)]| {
        let found = families.get(family).unwrap_or_else(|| panic!("no {family} in\n{open}"));
        value(found, name, &labels(pairs)).unwrap_or_else(|| panic!("no {name} {pairs:?} in\n{open}"))
    };
    let logins = |member: &str| {
        at(
            "maverics_logins",
            "maverics_logins_total",
            &[("continuity", "people"), ("member", member), ("result", "completed")],
        )
    };
    assert_eq!((logins("strong"), logins("weak")), (1.0, 1.0));
    let state = |connector: &str, state: &str| {
        at(
            "maverics_provider_state",
            "maverics_provider_state",
            &[("connector", connector), ("state", state)],
        )
    };
    assert_eq!(
        (state("strong", "unhealthy"), state("strong", "healthy"), state("weak", "healthy")),
        (1.0, 0.0, 1.0)
    );
    let of = |name: &str, connector: &str| at(name, name, &[("connector", connector)]);
    assert!(of("maverics_provider_consecutive_failures", "strong") >= 2.0);
    assert_eq!(of("maverics_provider_consecutive_failures", "weak"), 0.0);
    assert!(of("maverics_provider_last_good_seconds", "strong") > 0.0);
    assert!(of("maverics_provider_document_age_seconds", "strong") >= 0.0);
    assert_eq!(of("maverics_provider_available", "strong"), 0.0);
    let serving = |member| {
        let name = "maverics_continuity_serving";
        at(name, name, &[("continuity", "people"), ("member", member)])
    };
    assert_eq!((serving("strong"), serving("weak")), (0.0, 1.0));
    for histogram in ["maverics_probe_latency_seconds", "maverics_preflight_latency_seconds"] {
        assert!(at(histogram, &format!("{histogram}_count"), &[("connector", "weak")]) >= 1.0);
    }
    let requests = |app: &str, class: &str| {
        at("maverics_http_requests", "maverics_http_requests_total", &[("app", app), ("class", class)])
    };
    assert_eq!((requests("page", "2xx"), requests("page", "3xx"), requests("page", "5xx")), (2.0, 2.0, 0.0));
    assert_eq!((requests("(endpoints)", "3xx"), requests("(endpoints)", "4xx")), (2.0, 1.0));
    assert!(requests("(status)", "2xx") >= 1.0);
    let events = |event: &str, connector: &str, reason: &str| {
        at(
            "maverics_events",
            "maverics_events_total",
            &[("event", event), ("connector", connector), ("reason", reason)],
        )
    };
    assert_eq!(events("continuity.failover", "people", "failover"), 1.0);
    assert_eq!(events("login.callback.unknown", "", "no-sign-in"), 1.0);
    assert!(events("health.probe.failed", "strong", "connection-refused") >= 2.0);
    assert_eq!(at("maverics_sessions", "maverics_sessions", &[]), 2.0);
    assert_eq!(at("maverics_draining", "maverics_draining", &[]), 0.0);
    assert_eq!(at("maverics_build", "maverics_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    // What a request says is no label.
    assert!(!open.contains("forged"), "{open}");
}
