//! The same outage twice: rehearsed by `drill`, and in real time by `maverics serve` with providers that fail.
//! The same things happen in the same order, for the same reasons; the seconds are nobody's business here.

use std::time::Duration;

use maverics::ambient::Entropy;
use maverics::drill::record::What;
use maverics::drill::{Options, Report, json as report};
use serde_json::{Value, json};

use super::deployment;
use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::{At, FakeIdp, Quirk};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port, long_runs, pause, until};

/// Longest wait for something that takes a few probes, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is wrong, to the drill and to the fake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Refused,
    Errors,
    Hangs,
}

impl Fault {
    fn begin(self, idp: &mut FakeIdp) {
        let everywhere = [At::Discovery, At::Keys, At::Authorize, At::Token, At::UserInfo];
        match self {
            Fault::Refused => idp.refuse(),
            Fault::Errors => idp.misbehave(&everywhere.map(|at| Quirk::Status(at, 500))),
            Fault::Hangs => idp.misbehave(&everywhere.map(Quirk::Hangs)),
        }
    }

    fn end(self, idp: &mut FakeIdp) {
        match self {
            Fault::Refused => idp.listen(),
            Fault::Errors | Fault::Hangs => idp.misbehave(&[]),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Fault::Refused => "refused",
            Fault::Errors => "http:500",
            Fault::Hangs => "blackhole",
        }
    }
}

/// Lines about one connector, in order, as text: event, from, to, reason.
type Sequence = Vec<String>;

/// Of each member and of the continuity connector. What different providers do is not ordered between them.
#[derive(Debug, PartialEq, Eq)]
struct Sequences {
    primary: Sequence,
    backup: Sequence,
    continuity: Sequence,
    /// Who was chosen, and why; a row of equal choices once.
    choices: Sequence,
}

const STATES: &[&str] = &["health.state.changed", "health.suspected", "health.cleared", "health.flapping"];
const MOVES: &[&str] = &["continuity.failover", "continuity.failback", "continuity.exhausted"];

fn line(event: &str, from: &str, to: &str, reason: &str) -> String {
    format!("{event} {from}>{to} {reason}")
}

/// What `serve` wrote down.
fn lived(server: &Server) -> Sequences {
    let log = server.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let of = |events: &[&str], key: &str, name: &str| -> Sequence {
        let about = lines.iter().filter(|line| text(line, key) == name);
        let told = about.filter(|line| events.contains(&text(line, "event").as_str()));
        told.map(|l| line(&text(l, "event"), &text(l, "from"), &text(l, "to"), &text(l, "reason"))).collect()
    };
    let selected = lines.iter().filter(|line| text(line, "event") == "continuity.selected");
    let mut choices: Sequence =
        selected.map(|l| line("selected", "", &text(l, "connector"), &text(l, "reason"))).collect();
    choices.dedup();
    Sequences {
        primary: of(STATES, "connector", "primary"),
        backup: of(STATES, "connector", "backup"),
        continuity: of(MOVES, "continuity", "ha"),
        choices,
    }
}

/// What `drill` says would happen.
fn rehearsed(report: &Report) -> Sequences {
    let rehearsal = &report.rehearsals[0];
    let report = report::report(report);
    let timeline = report["continuity"][0]["timeline"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let of = |events: &[&str], name: &str| -> Sequence {
        let about = timeline.iter().filter(|entry| text(entry, "subject") == name);
        let told = about.filter(|entry| events.contains(&text(entry, "event").as_str()));
        told.map(|e| line(&text(e, "event"), &text(e, "from"), &text(e, "to"), &text(e, "reason"))).collect()
    };
    let mut choices = vec![line("selected", "", &rehearsal.members[0], "primary")];
    for entry in &rehearsal.record.timeline {
        if let What::Serves { to, why, .. } = entry.what {
            choices.push(line("selected", "", &rehearsal.members[to], why.code()));
        }
    }
    Sequences {
        primary: of(STATES, "primary"),
        backup: of(STATES, "backup"),
        continuity: of(MOVES, "ha"),
        choices,
    }
}

fn configuration(port: u16, primary: &FakeIdp, backup: &FakeIdp, upstream: &Upstream) -> String {
    let callback = format!("http://127.0.0.1:{port}/callback");
    // Four failures leave three seconds in which a login comes before the thresholds decide.
    let connector = |idp: &FakeIdp, name: &str| {
        let text = idp.connector(name, &callback);
        let patient = text.replace("unhealthyThreshold: 2", "unhealthyThreshold: 4");
        assert_ne!(patient, text);
        patient
    };
    format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
logger: {{level: debug, jsonOutput: true}}
connectors:
{}{}  - name: ha
    type: continuity
    failover: {{idps: [primary, backup]}}
apps:
  - name: page
    type: proxy
    routePatterns: [/]
    upstream: {}
    policies:
      - {{location: /, authentication: {{idps: [ha]}}, authorization: {{allowAll: true}}}}
",
        connector(primary, "primary"),
        connector(backup, "backup"),
        upstream.url()
    )
}

fn wait_for(server: &Server, connector: &str, to: &str, times: usize) {
    until(&format!("{connector} to be {to}"), PATIENCE, || {
        let changed = format!("health.state.changed >{to}");
        let is_it = |line: &&String| {
            let (event, rest) = line.split_once(' ').unwrap_or_default();
            let states = rest.split(' ').next().unwrap_or_default();
            format!("{event} >{}", states.split_once('>').map_or("", |(_, to)| to)) == changed
        };
        let sequences = lived(server);
        let told = if connector == "primary" { sequences.primary } else { sequences.backup };
        (told.iter().filter(is_it).count() >= times).then_some(())
    });
}

fn sign_in(server: &Server) {
    let answer = Browser::new().open(&format!("{}/x", server.url));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn run(number: u64, fault: Fault) {
    let chance = Entropy::counted(number);
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let person = json!({"sub": "alice", "email": "alice@example.com"});
    let (mut primary, backup) = (FakeIdp::start(person.clone()), FakeIdp::start(person));
    let port = free_port();
    let yaml = configuration(port, &primary, &backup, &upstream);
    let server = Launch { arguments: &["--verbose"], ..Launch::new(&scratch, &yaml, port) }.start();
    wait_for(&server, "primary", "healthy", 1);
    wait_for(&server, "backup", "healthy", 1);
    sign_in(&server);
    // Somewhere between two probes.
    let phase = chance.below(1_000);
    eprintln!("run {number}: {} after {phase} ms", fault.word());
    pause(phase);
    fault.begin(&mut primary);
    sign_in(&server);
    wait_for(&server, "primary", "unhealthy", 1);
    sign_in(&server);
    fault.end(&mut primary);
    wait_for(&server, "primary", "healthy", 2);
    sign_in(&server);

    let options = Options {
        outages: Some(vec![format!("primary@30s+20s={}", fault.word()).parse().expect("an outage")]),
        logins: "4/s".parse().expect("a rate"),
        seed: number,
        phase: Some(maverics::value::Duration::from_millis(phase)),
        ..Options::default()
    };
    let twin = maverics::drill::run(&deployment(&yaml), &options).expect("options that make sense");
    assert_eq!(lived(&server), rehearsed(&twin), "run {number}, {fault:?}:\n{}", server.log());
    assert_eq!(twin.rehearsals[0].record.logins.failures(), 0);
}

#[test]
fn serve_does_what_the_drill_says() {
    let runs = if long_runs() { 20 } else { 2 };
    for number in 0..runs {
        run(number, [Fault::Refused, Fault::Errors, Fault::Hangs][number as usize % 3]);
    }
}
