//! `maverics demo --tier 2`: three providers of three protocols, broken one after the other.

use serde_json::{Value, json};

use super::browser::Browser;
use super::run::Demo;
use super::{PATIENCE, attributes, send, turn, wait_until, who};
use crate::cli::Transcript;
use crate::support::until;

/// Waits for a page by its title: forms that post themselves lead through others.
fn arrive(browser: &mut Browser, title: &str) {
    until(&format!("the page {title:?}"), PATIENCE, || {
        let shown = browser.eval("document.readyState === 'complete' ? document.title : ''");
        shown.as_str().is_some_and(|shown| shown.starts_with(title)).then_some(())
    });
}

/// Signs in from a fresh browser; what a wrong password gets first. Who did it, and why.
fn sign_in(browser: &mut Browser, demo: &Demo, host: &str) -> (String, String) {
    browser.fresh();
    browser.goto(&demo.app());
    arrive(browser, "Sign in");
    let at = browser.eval("location.host");
    assert!(at.as_str().is_some_and(|at| at.starts_with(host)), "{at} instead of {host}");
    for password in ["wrong".to_owned(), demo.password()] {
        browser.fill("#username", "ada");
        browser.fill("#password", &password);
        browser.click("button");
        if password == "wrong" {
            until("the refusal", PATIENCE, || {
                let text = browser.eval("document.readyState === 'complete' ? document.body.innerText : ''");
                text.as_str().is_some_and(|text| text.contains("wrong")).then_some(())
            });
        }
    }
    arrive(browser, "Signed in by");
    assert_eq!(browser.eval("location.href"), json!(demo.app()));
    who(browser)
}

#[test]
fn three_protocols_one_person() {
    let Some(mut browser) = Browser::launch() else { return };
    let demo = Demo::start(&["--tier", "2"]);
    for name in ["north", "west", "directory"] {
        wait_until(&mut browser, &demo, name, "healthy");
    }
    browser.looks("tier-2-switches");
    let want = json!([
        ["username", "ada"],
        ["displayName", "Ada Lovelace"],
        ["email", "ada@example.com"],
        ["groups", "staff, admins"]
    ]);
    assert_eq!(sign_in(&mut browser, &demo, "north."), ("north".into(), "primary".into()));
    assert_eq!(attributes(&mut browser), want);

    turn(&mut browser, &demo, "north", "refuse");
    assert_eq!(sign_in(&mut browser, &demo, "west."), ("west".into(), "failover".into()));
    assert_eq!(attributes(&mut browser), want, "over SAML");
    browser.looks("by-west");

    turn(&mut browser, &demo, "west", "hang");
    assert_eq!(sign_in(&mut browser, &demo, "app."), ("directory".into(), "failover".into()));
    assert_eq!(attributes(&mut browser), want, "over LDAP");
    browser.looks("by-directory");
    // Chromium complains of the wrong passwords, as it does of every 401.
    let complaints = browser.complaints().into_iter().filter(|words| !words.contains("401"));
    assert_eq!(complaints.collect::<Vec<_>>(), Vec::<String>::new());

    // A directory is broken in its own words, and the orchestrator reads them.
    turn(&mut browser, &demo, "directory", "busy");
    wait_until(&mut browser, &demo, "directory", "unhealthy");
    browser.fresh();
    let refused = browser.goto(&demo.app());
    assert_eq!(refused["status"], json!(503), "{refused}");
    turn(&mut browser, &demo, "west", "500");
    wait_until(&mut browser, &demo, "west", "unhealthy");
    for name in ["directory", "west", "north"] {
        turn(&mut browser, &demo, name, "heal");
        wait_until(&mut browser, &demo, name, "healthy");
    }
    assert_eq!(sign_in(&mut browser, &demo, "north."), ("north".into(), "primary".into()));
}

#[test]
fn its_files_meet_the_tier_and_its_providers_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let kept = scratch.path().join("files");
    let mut demo = Demo::start(&["--tier", "2", "--keep", kept.to_str().unwrap()]);
    let file = kept.join("orchestrator.yaml");
    let file = file.to_str().unwrap();
    let clean = Transcript::of(&["validate", file]);
    assert_eq!((clean.code, clean.stdout.as_str()), (0, ""), "{}", clean.stderr);
    let lint = Transcript::of(&["lint", "--tier", "2", file]);
    assert_eq!(lint.code, 0, "{}{}", lint.stdout, lint.stderr);
    assert!(lint.stdout.contains("tier 2 (Diversified): met"), "{}", lint.stdout);
    let store = format!("secretfile://{}/secrets.yaml", kept.display());
    let probe = Transcript::of(&["probe", "--format", "json", "--secret-provider", &store, file]);
    assert_eq!(probe.code, 0, "{}{}", probe.stdout, probe.stderr);
    let report: Value = serde_json::from_str(&probe.stdout).expect("a report");
    let of = |place: usize, fact: &str| report["providers"][place]["facts"][fact].clone();
    assert_eq!((of(1, "signOnBindings"), of(1, "usableKeys")), ("POST Redirect".into(), "1".into()));
    assert_eq!(of(2, "servers"), "1 of 1");
    // Nobody else's pages, and no service but the orchestrator.
    let west = demo.provider(1);
    let misdirected = send(&west, "GET", "/metadata", &[("host", "evil.example")], "");
    assert!(misdirected.starts_with("HTTP/1.1 421 "), "{misdirected}");
    let nothing = send(&west, "POST", "/sso", &[], "SAMLRequest=PGEvPg%3D%3D&RelayState=%22%3E%3Cscript%3E");
    assert!(nothing.starts_with("HTTP/1.1 400 ") && !nothing.contains("<script>\""), "{nothing}");
    let drill = Transcript::of(&[
        "drill",
        file,
        "--fail",
        "north@60s+5m",
        "--fail",
        "west@90s+5m",
        "--max-failed",
        "0",
    ]);
    assert_eq!(drill.code, 0, "{}{}", drill.stdout, drill.stderr);
    let unfit = Transcript::of(&["drill", file, "--fail", "directory@60s+5m=http:500"]);
    assert_eq!(unfit.code, 2, "{}", unfit.stderr);
    assert!(unfit.stderr.contains("a directory answers without HTTP statuses"), "{}", unfit.stderr);
    assert_eq!(demo.interrupt(), 0);
}
