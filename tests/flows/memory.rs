//! Memory stays flat: over reloads, and over sign-ins of people who do not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::alice;
use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::FakeIdp;
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port, long_runs};

/// Most growth between two moments at rest.
const GROWTH_MAX: f64 = 1.1;

/// Resident memory, in KiB.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn configuration(port: u16, idp: &FakeIdp, other: &FakeIdp, upstream: &Upstream, version: u32) -> String {
    let callback = format!("http://127.0.0.1:{port}/callback");
    // Every reload opens the second provider anew.
    let changing =
        other.connector("other", &callback).replace("profile email", &format!("profile email v{version}"));
    format!(
        "version: v{version}
http: {{address: '127.0.0.1:{port}', accessLog: {{disabled: true}}}}
session: {{store: {{local: {{capacity: 2000}}}}}}
connectors:
{}{changing}  - {{name: ha, type: continuity, failover: {{idps: [idp, other]}}}}
apps:
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {}
    policies: [{{location: /, authentication: {{idps: [ha]}}, authorization: {{allowAll: true}}}}]
",
        idp.connector("idp", &callback),
        upstream.url(),
    )
}

fn sign_in(url: &str, people: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (next, url) = (next.clone(), url.to_owned());
            std::thread::spawn(move || {
                while next.fetch_add(1, Ordering::Relaxed) < people {
                    assert_eq!(Browser::new().open(&url).status, 200);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("everybody got in"));
}

#[test]
fn reloads_and_sign_ins_leave_nothing_behind() {
    let scratch = Scratch::new();
    let (idp, other) = (FakeIdp::start(alice()), FakeIdp::start(alice()));
    let upstream = Upstream::start();
    let port = free_port();
    let server = Launch::new(&scratch, &configuration(port, &idp, &other, &upstream, 0), port).start();
    let url = format!("{}/app/x", server.url);
    let reload = |version: u32| {
        scratch.write("maverics.yaml", &configuration(port, &idp, &other, &upstream, version));
        server.process.signal("HUP");
        server.wait_for_log(&["event=reload.done", &format!("version=v{version}")]);
    };
    let (reloads, people) = if long_runs() { (100, 200_000) } else { (20, 400) };
    eprintln!("{} KiB at the start", resident(&server));
    sign_in(&url, 200);
    (1..=10).for_each(reload);
    let before = resident(&server);
    (11..=reloads).for_each(reload);
    let after = resident(&server);
    eprintln!("{before} KiB after 10 reloads, {after} KiB after {reloads}");
    let mut known = Vec::new();
    for _ in 0..10 {
        sign_in(&url, people / 10);
        known.push(resident(&server));
    }
    eprintln!("KiB after each tenth of {people} sign-ins: {known:?}");
    // A short run is over before anything is at rest: its figures say nothing.
    if long_runs() {
        assert!(after as f64 <= before as f64 * GROWTH_MAX, "{before} KiB, then {after} KiB");
    }
}
