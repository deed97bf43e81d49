//! What holds of every drill, and what each setting does to one.

use maverics::drill::record::{Failure, What};
use maverics::drill::{self, Options, Rehearsal, json, svg, text};

use crate::support::long_runs;

use super::{TIER1, TIER2, TIER4, deployment, even, rehearse, with_failover, without_pre_flight};

fn drilled(text: &str, fails: &[&str], logins: &str, seed: u64) -> Rehearsal {
    let outages = fails.iter().map(|text| text.parse().expect("an outage")).collect();
    let logins = logins.parse().expect("a rate");
    rehearse(text, &Options { outages: Some(outages), logins, seed, ..Options::default() })
}

/// The product's promise, with people on the way at every stage.
#[test]
fn a_dead_primary_costs_nobody_a_sign_in_and_a_hanging_one_a_bounded_wait() {
    for text in [TIER1, TIER4] {
        let member = if text == TIER1 { "primary-idp" } else { "cloud-idp" };
        for seed in 1..=if long_runs() { 40 } else { 5 } {
            for (fault, delayed) in
                [("refused", 0..=0), ("http:500", 0..=0), ("blackhole", 1..=25), ("slow:9s", 1..=110)]
            {
                let fail = format!("{member}@{}ms+5m={fault}", 60_000 + seed * 137);
                let rehearsal = drilled(text, &[&fail], "5/s", seed);
                let logins = &rehearsal.record.logins;
                let what = format!("{fail}, seed {seed}");
                assert_eq!(logins.failures(), 0, "{what}: {:?}", logins.failed);
                // Signing in at a second provider takes its pages too; those are told apart.
                let waited = logins.delayed().saturating_sub(logins.restarted);
                assert!(delayed.contains(&waited), "{what}: {waited} delayed");
                // Who was sent to a page before it became slow waits for it twice; else 3.5 s at most.
                let most = if fault == "slow:9s" { 2 * 9_000 + 3_500 } else { 3_500 };
                assert!(logins.worst_delay() <= most, "{what}: {} ms", logins.worst_delay());
                assert_eq!(logins.begun, logins.succeeded() + logins.under_way, "{what}: nobody is lost");
                // Those who typed when it died: twenty seconds of logins at most.
                assert!(logins.stranded <= 110, "{what}: {}", logins.stranded);
                assert_eq!(rehearsal.record.switches, 2, "{what}");
            }
        }
    }
}

#[test]
fn everybody_down_is_told_at_once_and_recovers_by_itself() {
    let fails = ["primary-idp@60s+5m", "backup-idp@60s+5m"];
    let rehearsal = drilled(TIER1, &fails, "1/s", 1);
    let logins = &rehearsal.record.logins;
    assert!(logins.failed[&Failure::Exhausted] > 250, "{:?}", logins.failed);
    assert_eq!(logins.failed.len(), 1);
    let exhausted = rehearsal.record.timeline.iter().filter(|entry| entry.what == What::Exhausted).count();
    assert_eq!(exhausted, 1, "one line for a row of people");
    // People are sent to the primary all the same, where the configuration says so: a dead page for them.
    let sent = drilled(&with_failover(TIER1, "lastResort: primary"), &fails, "1/s", 1);
    let logins = &sent.record.logins;
    assert!(logins.failed[&Failure::DeadPage] > 250 && !logins.failed.contains_key(&Failure::Exhausted));
    assert!(logins.selections[0]["last-resort"] > 250);
}

#[test]
fn a_wrong_issuer_is_refused_and_noticed() {
    let fail = ["primary-idp@60s+5m=wrong-issuer"];
    let careful = drilled(TIER1, &fail, "1/s", 1);
    // Who stands on its page comes back with what cannot be verified, and is signed in at the second try.
    let logins = &careful.record.logins;
    assert!(logins.retried > 0 && logins.failures() == 0, "{logins:?}");
    let careless = drilled(&without_pre_flight(TIER1), &fail, "1/s", 1);
    assert!(careless.record.logins.failed[&Failure::Rejected] > 10);
}

#[test]
fn nobody_is_sent_below_the_level_an_app_needs() {
    let text = format!(
        "{}
http: {{address: '127.0.0.1:9443'}}
oidcProvider:
  discovery: {{issuer: 'https://orch.example.com'}}
  jwks: [{{name: k, file: sign.pem}}]
apps:
  - {{name: strict, type: oidc, clientID: s, redirectURLs: ['https://s.example.com/cb'], authentication: {{idps: [ha-failover], minimumAssurance: 3}}}}
",
        TIER1
            .replace("- name: primary-idp\n    type: oidc", "- name: primary-idp\n    assurance: 3\n    type: oidc")
            .replace("- name: backup-idp\n    type: oidc", "- name: backup-idp\n    assurance: 1\n    type: oidc")
    );
    let rehearsal = drilled(&text, &["primary-idp@60s+5m"], "1/s", 1);
    let logins = &rehearsal.record.logins;
    assert_eq!(logins.signed_in[1], 0, "the weaker one serves nobody");
    assert!(logins.selections[1].is_empty());
    assert!(logins.failed[&Failure::Exhausted] > 200, "{:?}", logins.failed);
}

#[test]
fn three_members_of_three_protocols() {
    let fails = ["okta-idp@60s+10m", "entra-idp@90s+5m=blackhole"];
    let rehearsal = drilled(TIER2, &fails, "2/s", 1);
    let logins = &rehearsal.record.logins;
    assert_eq!(logins.failures(), 0, "{:?}", logins.failed);
    assert!(logins.signed_in.iter().all(|signed_in| *signed_in > 0), "{:?}", logins.signed_in);
    assert_eq!(rehearsal.members, ["okta-idp", "entra-idp", "onprem-ldap"]);
}

/// A member nobody watches is asked while logins skip it, or they would skip it for ever.
#[test]
fn an_unwatched_member_comes_back() {
    let text = TIER1.replacen("enabled: true", "enabled: false", 1);
    // The login of 60 is refused: suspect. Asked every 10 s from then on: two failures at 70 and 80 make it
    // unhealthy after the default threshold (the check's own says 3: 90). The fault ends at 95; asked at 100 and
    // 110.1, it is healthy after its two successes, 15.2 s after the end.
    let rehearsal = rehearse(&text, &even(&["primary-idp@60s+35s"], "2/m", "0s"));
    let fault = &rehearsal.faults[0];
    assert_eq!((fault.seen.noticed, fault.seen.unhealthy), (Some(0), Some(30_000)));
    assert_eq!(fault.seen.recovered, Some(15_200));
    assert_eq!((fault.noticed_at_worst, fault.recovered_at_worst), (None, None));
    assert_eq!(rehearsal.record.logins.failures(), 0);
}

/// A custom endpoint's "no" is an operator's word: the first probe that hears it counts.
#[test]
fn an_operators_word_counts_at_once() {
    let endpoint = "enabled: true\n      customEndpoint: {endpoint: 'https://ops.example.com/up'}";
    let text = TIER1.replacen("enabled: true", endpoint, 1);
    // Probes at 0, 10, 40, 70: the last hears it after 50 ms.
    let rehearsal = rehearse(&text, &even(&["primary-idp@60s+5m=http:503"], "0", "10s"));
    let fault = &rehearsal.faults[0];
    assert_eq!(fault.seen.noticed, Some(10_050));
    assert_eq!(fault.noticed_at_worst.map(|time| time.as_secs()), Some(30));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let deployment = deployment(TIER4);
    let options = |seed| Options {
        outages: Some(vec!["cloud-idp@60s+10m=flap:50%".parse().expect("an outage")]),
        logins: "5/s".parse().expect("a rate"),
        seed,
        ..Options::default()
    };
    let told = |seed| {
        let report = drill::run(&deployment, &options(seed)).expect("options that make sense");
        (text::report(&report), json::report(&report).to_string(), svg::report(&report))
    };
    assert_eq!(told(7), told(7));
    assert_ne!(told(7).1, told(8).1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let deployment = deployment(TIER1);
    let base = || even(&["primary-idp@60s"], "1/s", "0s");
    for (options, words) in [
        (Options { connectors: vec!["ha-falover".into()], ..base() }, "did you mean `ha-failover`?"),
        (even(&["primray-idp@60s"], "0", "0s"), "did you mean `primary-idp`?"),
        (Options { duration: Some("30s".parse().unwrap()), ..base() }, "begins after the end"),
        (Options { duration: Some("0".parse().unwrap()), ..base() }, "longer than nothing"),
        (Options { duration: Some("9000d".parse().unwrap()), ..base() }, "at most 100000h"),
        (Options { logins: "9000/s".parse().unwrap(), ..base() }, "logins are too many"),
    ] {
        let error = drill::run(&deployment, &options).expect_err(words);
        assert!(error.contains(words), "{error}");
    }
    let error = drill::run(&super::deployment("version: '1'\n"), &base()).expect_err("no continuity");
    assert!(error.contains("nothing to rehearse"), "{error}");
    let error = drill::run(&super::deployment(TIER2), &even(&["onprem-ldap@60s=http:500"], "0", "0s"));
    assert!(error.expect_err("no HTTP there").contains("which is of type ldap"));
}

/// Three protocols: with the first two gone people type at a page of ours, so nobody is stranded there.
#[test]
fn a_directory_takes_over_when_both_clouds_are_gone() {
    let clouds = ["okta-idp@60s+10m", "entra-idp@60s+10m=blackhole"];
    let rehearsal = drilled(TIER2, &clouds, "2/s", 3);
    let logins = &rehearsal.record.logins;
    assert_eq!(logins.failures(), 0, "{:?}", logins.failed);
    assert!(logins.signed_in[2] > 1_000, "{:?}", logins.signed_in);
    assert!(logins.worst_delay() <= 3_500, "{} ms", logins.worst_delay());
    // The directory itself dies while people type: that costs a question of ours, and nobody a sign-in.
    let fails = ["okta-idp@60s+10m", "entra-idp@60s+4m", "onprem-ldap@5m+5m"];
    let logins = &drilled(TIER2, &fails, "2/s", 3).record.logins;
    assert_eq!(logins.failures(), 0, "{:?}", logins.failed);
    assert!(logins.restarted > 0 && logins.signed_in[1] > 0, "{:?}", logins.signed_in);
    for (fail, otherwise, words) in [
        ("onprem-ldap@60s=http:500", "refused", "a directory answers without HTTP statuses"),
        ("onprem-ldap@60s=wrong-issuer", "refused", "a directory names no issuer"),
        ("onprem-ldap@60s", "http:503", "a directory answers without HTTP statuses"),
    ] {
        let fault = otherwise.parse().expect("a fault");
        let options = Options { fault, ..even(&[fail], "1/s", "0s") };
        let refused = drill::run(&deployment(TIER2), &options).expect_err("no fault of a directory");
        assert!(refused.contains(words) && refused.contains("blackhole"), "{refused}");
    }
    let rotated = drilled(TIER2, &["okta-idp@60s+5m", "entra-idp@60s+5m=wrong-issuer"], "1/s", 1);
    assert_eq!(rotated.record.logins.failures(), 0, "{:?}", rotated.record.logins.failed);
}
