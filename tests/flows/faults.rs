//! Seven ways in which a provider fails, each begun at random moments while people sign in: nobody is locked
//! out, and the history says what was wrong.

use serde_json::Value;

use super::fleet::{Fleet, Load, Plan};
use crate::support::{Server, long_runs, pause};

/// How the primary fails, how it heals, and the reason codes that the history may give for it.
struct Fault {
    name: &'static str,
    gate: bool,
    begin: fn(&mut Fleet),
    heal: fn(&mut Fleet),
    reasons: &'static [&'static str],
}

fn tell(fleet: &mut Fleet, mode: &str) {
    fleet.gate.as_mut().expect("a gate").process.tell(mode);
}

fn heal(fleet: &mut Fleet) {
    tell(fleet, "pass");
}

fn signal(fleet: &mut Fleet, signal: &str) {
    fleet.primary.as_ref().expect("started").process.signal(signal);
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "SIGKILL",
        gate: false,
        begin: |fleet| fleet.primary.as_mut().expect("started").process.kill(),
        heal: Fleet::revive_primary,
        reasons: &["connection-refused", "connection-lost"],
    },
    Fault {
        name: "SIGSTOP",
        gate: false,
        begin: |fleet| signal(fleet, "STOP"),
        heal: |fleet| signal(fleet, "CONT"),
        reasons: &["timeout"],
    },
    Fault {
        name: "500",
        gate: true,
        begin: |fleet| tell(fleet, "500"),
        heal,
        reasons: &["unexpected-status"],
    },
    Fault {
        name: "reset",
        gate: true,
        begin: |fleet| tell(fleet, "reset"),
        heal,
        reasons: &["connection-lost", "tls-failed"],
    },
    Fault {
        name: "wrong issuer",
        gate: true,
        begin: |fleet| tell(fleet, "wrong-issuer"),
        heal,
        reasons: &["issuer-mismatch"],
    },
    Fault {
        name: "expired certificate",
        gate: true,
        begin: |fleet| tell(fleet, "expired"),
        heal,
        reasons: &["certificate-expired", "tls-failed"],
    },
    Fault {
        name: "empty key set",
        gate: true,
        begin: |fleet| tell(fleet, "empty-jwks"),
        heal,
        reasons: &["no-usable-key"],
    },
];

/// Logins a second, seconds, and moments at which the fault begins.
fn extent() -> (u64, u64, u64) {
    if long_runs() { (50, 60, 5) } else { (10, 6, 1) }
}

/// Reason codes of the primary in the log, with how often.
fn reasons(server: &Server) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    let events = ["event=health.probe.failed", "event=health.preflight.failed", "event=health.suspected"];
    for line in server.log().lines() {
        if line.contains("connector=primary-idp") && events.iter().any(|event| line.contains(event)) {
            let reason = line.split("reason=").nth(1).and_then(|rest| rest.split(' ').next());
            *counts.entry(reason.unwrap_or("none").to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn nobody_is_locked_out_by_any_of_seven_faults() {
    // A short run takes one fault of each kind of evidence; the rest of the table is for long ones.
    let faults =
        FAULTS.iter().filter(|fault| long_runs() || ["500", "expired certificate"].contains(&fault.name));
    for fault in faults {
        let plan = Plan { gate: fault.gate, damped: false, ..Plan::new("1s") };
        let Some(mut fleet) = Fleet::start(plan) else { return };
        let (rate, seconds, moments) = extent();
        let load = fleet.logins(rate, seconds);
        let rows = load.rows.clone();
        // In each part of the time: some random quiet, the fault for a third, quiet to recover in.
        let part = seconds * 1000 / moments;
        for _ in 0..moments {
            let chance = maverics::ambient::Entropy::system().below(part / 4);
            pause(part / 10 + chance);
            (fault.begin)(&mut fleet);
            pause(part / 3);
            (fault.heal)(&mut fleet);
            pause(part - part / 10 - part / 3 - chance);
        }
        let figures = load.figures(fault.name);
        let outcome = |name: &str| figures[name].as_u64().unwrap_or_default();
        let told = reasons(&fleet.server);
        eprintln!(
            "{}: slowest off the dead page {} ms, {} after a reload, {} stood on the dead page, reasons {told:?}",
            fault.name,
            Load::slowest(&rows),
            outcome("ok_after_reload"),
            outcome("stood_on_dead_page"),
        );
        let expected = |reason: &String| fault.reasons.contains(&reason.as_str());
        assert!(told.keys().any(expected), "{}: {told:?}", fault.name);
        // A machine that is busy with other tests adds timeouts of its own.
        assert!(!long_runs() || told.keys().all(expected), "{}: {told:?}", fault.name);
        assert!(both_served(&figures), "{}: {}", fault.name, figures["by_login_host"]);
    }
}

fn both_served(figures: &Value) -> bool {
    figures["by_login_host"].as_object().is_some_and(|hosts| hosts.len() > 1)
}
