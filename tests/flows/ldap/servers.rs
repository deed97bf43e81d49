//! Several servers, some of them dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{World, connector, directory};
use crate::cli::Transcript;
use crate::support::authority::Authority;
use crate::support::slapd::{BASE, SERVICE, SERVICE_PASSWORD, Slapd, USERS, password_of};
use crate::support::{Scratch, long_runs, now, pause, until};

/// Two servers with the same people; `None` when the test is to be skipped.
fn two(authority: &Authority) -> Option<(Scratch, Slapd, Slapd)> {
    let (scratch, first) = directory(authority)?;
    let second = Slapd::start(&scratch, "second", authority)?;
    Some((scratch, first, second))
}

fn both(first: &Slapd, second: &Slapd) -> String {
    connector(&format!("['{}', '{}']", first.url(), second.url()), "")
}

/// Signs people in, twenty in a second, for a while. How many failed, and how long the slowest took.
fn logins(world: &World, lasting: Duration) -> (usize, usize, Duration) {
    let failed = AtomicUsize::new(0);
    let slowest = std::sync::Mutex::new(Duration::ZERO);
    let begun = now();
    let mut count = 0;
    std::thread::scope(|scope| {
        while begun.elapsed() < lasting {
            let number = count % USERS + 1;
            let (failed, slowest) = (&failed, &slowest);
            scope.spawn(move || {
                let begun = now();
                let answer = world.sign_in(&format!("user{number}"), &password_of(number));
                if answer.status != 200 {
                    eprintln!("user{number}: {} {}", answer.status, answer.text());
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                let mut slowest = slowest.lock().unwrap();
                *slowest = (*slowest).max(begun.elapsed());
            });
            count += 1;
            pause(50);
        }
    });
    let slowest = *slowest.lock().unwrap();
    (count, failed.load(Ordering::Relaxed), slowest)
}

fn lasting() -> Duration {
    Duration::from_secs(if long_runs() { 60 } else { 3 })
}

#[test]
fn a_server_that_dies_costs_nobody_a_login() {
    let authority = Authority::new();
    let Some((scratch, mut first, second)) = two(&authority) else { return };
    let world = World::with(scratch, &authority, &both(&first, &second), "dir");
    let (count, failed, slowest) = std::thread::scope(|scope| {
        let logins = scope.spawn(|| logins(&world, lasting()));
        world.server.wait_for_log(&["event=login.completed"]);
        first.kill();
        logins.join().expect("logins")
    });
    println!("{count} logins, one of two servers killed: {failed} failed, the slowest took {slowest:?}");
    assert_eq!(failed, 0, "of {count}");
    world.server.wait_for_log(&["event=ldap.server.aside", "reason=connection-refused"]);
    // And back, by itself.
    first.start_again();
    world.server.wait_for_log(&["event=ldap.server.back"]);
    until("a login at the server that came back", Duration::from_secs(20), || {
        assert_eq!(world.sign_in("user1", "pass-1").status, 200);
        (!first.binds().iter().all(|name| name == SERVICE)).then_some(())
    });
}

#[test]
fn a_server_that_hangs_holds_nobody_up_for_long() {
    let authority = Authority::new();
    let Some((scratch, first, second)) = two(&authority) else { return };
    let world = World::with(scratch, &authority, &both(&first, &second), "dir");
    // Both have connections by now.
    for _ in 0..4 {
        assert_eq!(world.sign_in("user1", "pass-1").status, 200);
    }
    first.signal("STOP");
    let (count, failed, slowest) = logins(&world, lasting());
    println!("{count} logins, one of two servers hanging: {failed} failed, the slowest took {slowest:?}");
    assert_eq!(failed, 0, "of {count}");
    world.server.wait_for_log(&["event=ldap.server.aside", "reason=timeout"]);
    first.signal("CONT");
    until("the server to be back", Duration::from_secs(40), || {
        world.server.log().contains("event=ldap.server.back").then_some(())
    });
}

#[test]
fn a_thousand_at_once_are_all_signed_in() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let world = World::with(scratch, &authority, &connector(&slapd.url(), ""), "dir");
    let failed = Arc::new(AtomicUsize::new(0));
    let begun = now();
    // A browser each, and a thread: what the orchestrator sees at once is what it takes.
    std::thread::scope(|scope| {
        for number in 1..=1_000 {
            let (world, failed) = (&world, failed.clone());
            scope.spawn(move || {
                let number = number % USERS + 1;
                let answer = world.sign_in(&format!("user{number}"), &password_of(number));
                if answer.status != 200 {
                    failed.fetch_add(1, Ordering::Relaxed);
                    eprintln!("user{number}: {}", answer.status);
                }
            });
        }
    });
    println!("1,000 logins at once took {:?}", begun.elapsed());
    assert_eq!(failed.load(Ordering::Relaxed), 0);
}

#[test]
fn a_restart_between_two_logins_is_not_noticed() {
    let authority = Authority::new();
    let Some((scratch, mut slapd)) = directory(&authority) else { return };
    let world = World::with(scratch, &authority, &connector(&slapd.url(), ""), "dir");
    for _ in 0..3 {
        assert_eq!(world.sign_in("user1", "pass-1").status, 200);
        slapd.start_again();
    }
    assert_eq!(world.sign_in("user2", "pass-2").status, 200);
    assert!(!world.server.log().contains("event=ldap.server.aside"), "{}", world.server.log());
}

#[test]
fn the_service_account_is_told_apart_from_the_person() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let wrong = connector(&slapd.url(), "").replace(SERVICE_PASSWORD, "not the password");
    let world = World::with(scratch, &authority, &wrong, "dir");
    assert_eq!(world.sign_in("user1", "pass-1").status, 503, "not a wrong password of the person's");
    world.server.wait_for_log(&["event=ldap.server.aside", "reason=service-bind-refused"]);
    assert!(!world.server.log().contains("not the password"));
}

/// `maverics probe` says which servers answer, and why the directory is not well.
#[test]
fn a_probe_names_the_servers() {
    let authority = Authority::new();
    let Some((scratch, first, mut second)) = two(&authority) else { return };
    scratch.write("ca.pem", &authority.pem);
    let ca = scratch.path("ca.pem");
    let probe = |connector: &str| {
        let yaml =
            format!("version: '1'\ntls: {{ours: {{caFile: '{}'}}}}\nconnectors:\n{connector}", ca.display());
        let file = scratch.write("probe.yaml", &yaml);
        let run = Transcript::of(&["probe", file.to_str().expect("a path"), "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|e| panic!("{e}: {} {}", run.stdout, run.stderr));
        report["providers"][0].clone()
    };
    let tls = format!("['{}', '{}']", first.tls_url(), second.tls_url());
    let well = probe(&connector(&tls, ", tls: ours"));
    assert!(well.to_string().contains("2 of 2"), "{well}");
    assert!(well["phases"].to_string().contains("tls") || well.to_string().contains("tls"), "{well}");
    second.kill();
    let half = probe(&connector(&tls, ", tls: ours"));
    let text = half.to_string();
    assert!(
        text.contains("1 of 2")
            && text.contains("connection-refused")
            && text.contains(&second.tls_port.to_string()),
        "{half}"
    );
    for (connector, reason) in [
        (connector(&first.url(), "").replace(SERVICE_PASSWORD, "x"), "service-bind-refused"),
        (
            connector(&first.url(), "")
                .replace(&format!("baseDN: '{BASE}"), &format!("baseDN: 'ou=none,{BASE}")),
            "base-dn-missing",
        ),
        (connector(&second.url(), ""), "connection-refused"),
        (connector(&format!("ldap://127.0.0.1:{}", first.tls_port), ""), "connection-lost"),
    ] {
        let unwell = probe(&connector).to_string();
        assert!(unwell.contains(reason), "{reason}: {unwell}");
    }
}

/// A directory in a group: what it says about a person moves nobody, and its death moves everybody.
#[test]
fn only_an_outage_moves_a_login() {
    let authority = Authority::new();
    let Some((scratch, mut slapd)) = directory(&authority) else { return };
    let hash = Transcript::fed(&["hash-password"], "local pass\n").stdout.trim().to_owned();
    scratch.write_private(
        "people.yaml",
        &format!(
            "users:\n- {{username: user1, passwordHash: '{hash}', attributes: {{mail: local@example.com}}}}\n"
        ),
    );
    let connectors = format!(
        "{}  - {{name: here, type: local, usersFile: people.yaml, assurance: 3, healthCheck: {{enabled: true}}}}
  - name: ha
    type: continuity
    strategy: failover
    failover: {{idps: [dir, here]}}
",
        connector(&slapd.url(), ", assurance: 3, healthCheck: {enabled: true, interval: 60s}")
    );
    let world = World::with(scratch, &authority, &connectors, "ha");
    // A wrong password, a name nobody has and the backup's password: the form of the directory again.
    for (username, password) in [("user1", "wrong"), ("nobody", "x"), ("user2", "local pass")] {
        let answer = world.sign_in(username, password);
        assert_eq!((answer.status, answer.url.path()), (401, "/.ldap-login"), "{username}");
    }
    assert_eq!(world.sign_in("user1", "pass-1").json()["headers"]["x-email"], "user1@example.com");
    // It dies under the form: what was typed there goes nowhere else, the person is asked at the backup.
    let mut browser = crate::support::browser::Browser::new();
    let page = browser.open(&world.app());
    slapd.kill();
    let moved = browser.submit(&page, &[("username", "user1"), ("password", "pass-1")]);
    assert_eq!((moved.status, moved.url.path()), (200, "/.local-login"), "{}", moved.text());
    assert!(!moved.text().contains("pass-1"));
    let end = browser.submit(&moved, &[("username", "user1"), ("password", "local pass")]);
    assert_eq!(end.json()["headers"]["x-email"], "local@example.com");
    // Those who come now see the backup's form at once, and the directory's when it is back.
    let answer = world.sign_in("user1", "local pass");
    assert_eq!(answer.json()["headers"]["x-email"], "local@example.com");
    assert!(!world.server.log().contains("pass-1"));
}
