//! The promise itself, against providers that others wrote, under load: a provider that dies costs nobody a
//! sign-in, one that hangs costs a bounded wait, and people who are in stay in.

use std::time::Duration;

use super::fleet::{Fleet, Load, Plan, backup, primary};
use crate::support::browser::Browser;
use crate::support::{long_runs, until};

/// Logins a second.
const RATE: u64 = 20;
/// Longest a single login may take while a provider hangs, in milliseconds: a pre-flight's budget, half a
/// second, and as much again for a machine that runs other tests meanwhile.
const SLOWEST_MILLIS: u64 = 7_000;

/// A person's sign-in through whichever provider shows its form; where it ended.
fn sign_in(browser: &mut Browser, url: &str) -> std::io::Result<u16> {
    let mut answer = browser.try_open(url)?;
    for _ in 0..2 {
        if answer.forms().is_empty() {
            break;
        }
        answer = browser.submit(&answer, &[("login", "alice"), ("password", "password-of-alice")]);
    }
    Ok(answer.status)
}

/// How long one measured load lasts.
fn seconds() -> u64 {
    if long_runs() { 60 } else { 8 }
}

/// A moment in the second quarter of the load, another in each run.
fn wait_for_a_moment(run: u64) {
    let chance = maverics::ambient::Entropy::system().bytes::<1>();
    let share = u64::from(chance[0]) * 250 / 255;
    let millis = seconds() * (250 + share);
    eprintln!("run {run}: the fault comes after {millis} ms");
    crate::support::pause(millis);
}

#[test]
fn a_provider_that_is_killed_costs_nobody_a_sign_in() {
    for run in 0..if long_runs() { 5 } else { 1 } {
        let Some(mut fleet) = Fleet::start(Plan::new("30s")) else { return };
        let load = fleet.logins(RATE, seconds());
        wait_for_a_moment(run);
        fleet.primary.as_mut().expect("started").process.signal("KILL");
        let figures = load.figures("SIGKILL of the primary");
        let hosts = &figures["by_login_host"];
        for port in [fleet.ports.primary, fleet.ports.backup] {
            assert!(
                hosts[format!("127.0.0.1:{port}")].as_u64().is_some_and(|n| n > 0),
                "both served: {hosts}"
            );
        }
        fleet.server.wait_for_log(&["event=continuity.failover", "from=primary-idp", "to=backup-idp"]);
    }
}

#[test]
fn a_provider_that_hangs_costs_a_bounded_wait() {
    let Some(fleet) = Fleet::start(Plan::new("30s")) else { return };
    let load = fleet.logins(RATE, seconds());
    wait_for_a_moment(0);
    let primary = &fleet.primary.as_ref().expect("started").process;
    primary.signal("STOP");
    let rows = load.rows.clone();
    load.figures("SIGSTOP of the primary");
    primary.signal("CONT");
    let slowest = Load::slowest(&rows);
    eprintln!("slowest login of those not standing on the dead page: {slowest} ms");
    // A figure of a machine that runs other tests beside this one says nothing: judged in long runs only, which
    // run alone. What bounds the wait is held in virtual time (serve::continuity).
    assert!(!long_runs() || slowest < SLOWEST_MILLIS, "{slowest} ms");
}

#[test]
fn providers_that_come_late_are_used_as_soon_as_they_come() {
    let Some(mut fleet) = Fleet::start(Plan { providers: false, ..Plan::new("1s") }) else { return };
    let page = Browser::new().open(&fleet.page());
    assert_eq!(page.status, 503, "{}", page.text());
    assert!(page.header("retry-after").is_some());
    super::is_page_of_ours(&page);
    assert_eq!(Browser::new().get(&format!("{}/status", fleet.server.url)).status, 200, "the node is well");
    fleet.backup = backup(&fleet.scratch, fleet.ports);
    assert!(fleet.backup.is_some());
    assert_eq!(sign_in(&mut Browser::new(), &fleet.page()).ok(), Some(200), "the first login after it came");
    fleet.primary = primary(&fleet.scratch, fleet.ports, None);
    assert!(fleet.primary.is_some());
    // Failback by itself, after the healthy threshold, for new logins.
    fleet.server.wait_for_log(&["event=health.state.changed", "connector=primary-idp", "to=healthy"]);
    assert_eq!(sign_in(&mut Browser::new(), &fleet.page()).ok(), Some(200));
    fleet.server.wait_for_log(&["event=login.completed", "connector=primary-idp"]);
}

#[test]
fn a_provider_that_comes_back_is_trusted_after_its_threshold() {
    let Some(mut fleet) = Fleet::start(Plan::new("1s")) else { return };
    let mut settled = Browser::new();
    assert_eq!(sign_in(&mut settled, &fleet.page()).ok(), Some(200));
    let session = settled.cookie("maverics_session").expect("a session").to_owned();
    fleet.primary.as_mut().expect("started").process.signal("KILL");
    fleet.server.wait_for_log(&["event=health.state.changed", "connector=primary-idp", "to=unhealthy"]);
    // Who is in stays in, with the same session, and a new person is signed in elsewhere.
    for _ in 0..10 {
        assert_eq!(settled.get(&fleet.page()).status, 200, "CH05");
    }
    assert_eq!(settled.cookie("maverics_session"), Some(session.as_str()));
    assert_eq!(sign_in(&mut Browser::new(), &fleet.page()).ok(), Some(200));
    fleet.server.wait_for_log(&["event=login.completed", "connector=backup-idp"]);
    fleet.primary = primary(&fleet.scratch, fleet.ports, None);
    fleet.server.wait_for_log(&[
        "event=health.state.changed",
        "connector=primary-idp",
        "from=unhealthy",
        "to=healthy",
    ]);
    let before = count(&fleet, "connector=primary-idp");
    until("a login at the primary again", Duration::from_secs(10), || {
        assert_eq!(sign_in(&mut Browser::new(), &fleet.page()).ok(), Some(200));
        (count(&fleet, "connector=primary-idp") > before).then_some(())
    });
    fleet.server.wait_for_log(&["event=continuity.failback", "to=primary-idp"]);
}

fn count(fleet: &Fleet, word: &str) -> usize {
    fleet.server.log().lines().filter(|l| l.contains("event=login.completed") && l.contains(word)).count()
}
