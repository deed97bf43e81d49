//! `maverics demo`, as a person uses it: a browser, the page, the switches.

pub mod browser;
mod diversified;
mod run;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::Transcript;
use crate::support::until;
use browser::Browser;
use run::Demo;

/// Longest wait for a state that the orchestrator comes to by itself. Never reached, unless it does not.
const PATIENCE: Duration = Duration::from_secs(60);

/// Signs in from a fresh browser where a password is asked for, and returns who did it and the reason code.
fn sign_in(browser: &mut Browser, demo: &Demo) -> (String, String) {
    browser.fresh();
    let asked = browser.goto(&demo.app());
    assert_eq!((&asked["status"], &asked["title"]), (&json!(200), &json!("Sign in")), "{asked}");
    give_password(browser, demo)
}

fn give_password(browser: &mut Browser, demo: &Demo) -> (String, String) {
    browser.fill("#username", "ada");
    browser.fill("#password", &demo.password());
    let arrived = browser.click("button");
    assert_eq!((&arrived["status"], &arrived["url"]), (&json!(200), &json!(demo.app())), "{arrived}");
    who(browser)
}

fn who(browser: &mut Browser) -> (String, String) {
    let who = browser.eval("(({provider, why}) => [provider, why])(document.querySelector('#who').dataset)");
    serde_json::from_value(who).expect("a provider and a reason")
}

/// Name and value of every attribute on the page.
fn attributes(browser: &mut Browser) -> Value {
    browser.eval(
        "[...document.querySelectorAll('#attributes tbody tr')]
            .map(row => [row.querySelector('th').innerText, row.querySelector('.value').innerText])",
    )
}

/// Turns a switch, from a browser that nobody is signed in at.
fn turn(browser: &mut Browser, demo: &Demo, provider: &str, mode: &str) {
    browser.fresh();
    browser.goto(&demo.switches());
    let shown = browser.click(&format!("#{provider} button[value='{mode}']"));
    assert_eq!(shown["url"], json!(demo.switches()), "{shown}");
    assert_eq!(browser.eval(&format!("document.querySelector('#{provider}').dataset.mode")), json!(mode));
}

/// Reloads the switches until the orchestrator sees a provider so.
fn wait_until(browser: &mut Browser, demo: &Demo, provider: &str, standing: &str) {
    browser.fresh();
    until(&format!("{provider} to be {standing}"), PATIENCE, || {
        browser.goto(&demo.switches());
        let article = format!("document.querySelector('#{provider}').dataset");
        let seen = browser.eval(&format!("[{article}.standing, {article}.available]"));
        (seen == json!([standing, if standing == "healthy" { "true" } else { "false" }])).then_some(())
    });
}

#[test]
fn a_person_keeps_signing_in_while_providers_fail() {
    let Some(mut browser) = Browser::launch() else { return };
    let demo = Demo::start(&[]);
    wait_until(&mut browser, &demo, "north", "healthy");
    wait_until(&mut browser, &demo, "south", "healthy");
    browser.looks("switches");

    // All is well: the first choice.
    browser.fresh();
    browser.goto(&demo.app());
    browser.looks("password");
    assert_eq!(give_password(&mut browser, &demo), ("north".into(), "primary".into()));
    let told = attributes(&mut browser);
    let want = json!([
        ["username", "ada"],
        ["displayName", "Ada Lovelace"],
        ["email", "ada@example.com"],
        ["groups", "staff, admins"]
    ]);
    assert_eq!(told, want);
    browser.looks("by-north");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    for mode in ["refuse", "hang", "500"] {
        // It fails, and nobody has noticed yet: the next sign-in meets no error, and says the same of the person.
        turn(&mut browser, &demo, "north", mode);
        assert_eq!(sign_in(&mut browser, &demo), ("south".into(), "failover".into()), "{mode}");
        assert_eq!(attributes(&mut browser), want, "{mode}");
        if mode == "refuse" {
            browser.looks("by-south");
            wait_until(&mut browser, &demo, "north", "unhealthy");
        }

        // It recovers: new sign-ins go there after the healthy threshold.
        turn(&mut browser, &demo, "north", "heal");
        wait_until(&mut browser, &demo, "north", "healthy");
        assert_eq!(sign_in(&mut browser, &demo), ("north".into(), "primary".into()), "{mode}");
    }

    // Nobody is left: a page that a person understands, and after recovery the next try just works.
    turn(&mut browser, &demo, "north", "refuse");
    turn(&mut browser, &demo, "south", "refuse");
    browser.fresh();
    let refused = browser.goto(&demo.app());
    assert_eq!(refused["status"], json!(503), "{refused}");
    browser.looks("nobody-left");
    let answer = get(&demo.app(), &[("accept", "text/html")]);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "), "{answer}");
    browser.fresh_dark();
    browser.goto(&demo.switches());
    browser.looks("switches-dark");
    turn(&mut browser, &demo, "south", "heal");
    wait_until(&mut browser, &demo, "south", "healthy");
    assert_eq!(sign_in(&mut browser, &demo).0, "south");
}

#[test]
fn signing_out_ends_the_session() {
    let Some(mut browser) = Browser::launch() else { return };
    let demo = Demo::start(&[]);
    sign_in(&mut browser, &demo);
    let out = browser.click("form[action$='/sign-out'] button");
    assert_eq!(out["url"], json!(demo.switches()), "{out}");
    assert_eq!(browser.eval("document.querySelector('#who') === null"), json!(true));
    // The provider still knows the person, and does not ask again.
    let again = browser.click("a.button");
    assert_eq!(again["url"], json!(demo.app()), "{again}");
    assert_eq!(who(&mut browser).0, "north");
}

/// A request by hand, and the whole answer.
fn send(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let authority = url.trim_start_matches("http://").split('/').next().expect("an authority");
    let port = authority.rsplit(':').next().and_then(|p| p.parse::<u16>().ok()).expect("a port");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the demo listens");
    let mut request = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        request.push_str(&format!("host: {authority}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if method == "POST" {
        let kind = "content-type: application/x-www-form-urlencoded";
        request.push_str(&format!("{kind}\r\ncontent-length: {}\r\n", body.len()));
    }
    write!(stream, "{request}connection: close\r\n\r\n{body}").expect("the demo reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the demo answers");
    answer
}

fn get(url: &str, headers: &[(&str, &str)]) -> String {
    send(url, "GET", "/", headers, "")
}

#[test]
fn only_the_page_turns_switches() {
    let demo = Demo::start(&[]);
    let page = send(&demo.app(), "GET", "/switches", &[], "");
    let token =
        page.split("name=\"token\" value=\"").nth(1).and_then(|t| t.split('"').next()).expect("a token");
    let origin = demo.app().trim_end_matches('/').to_owned();
    let turn = |headers: &[(&str, &str)], token: &str| {
        let answer = send(
            &demo.app(),
            "POST",
            "/switches/north",
            headers,
            &format!("mode=refuse&back=//evil.example&token={token}"),
        );
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(turn(&[], token), "403", "no origin");
    assert_eq!(turn(&[("origin", "null")], token), "403");
    assert_eq!(turn(&[("origin", "http://evil.localhost")], token), "403");
    assert_eq!(turn(&[("origin", &origin)], "guess"), "403", "no token");
    assert_eq!(turn(&[("origin", &origin), ("host", "evil.example")], token), "404", "another host");
    let direct = |host: &str| {
        let headers = [("host", host), ("origin", origin.as_str())];
        send(&demo.page(), "POST", "/switches/north", &headers, &format!("mode=refuse&token={token}"))
    };
    assert!(direct("evil.example").starts_with("HTTP/1.1 421 "));
    assert!(send(&demo.switches(), "GET", "/switches", &[], "").contains("data-mode=\"heal\""));
    let done = send(
        &demo.app(),
        "POST",
        "/switches/north",
        &[("origin", &origin)],
        &format!("mode=refuse&back=//evil.example&token={token}"),
    );
    assert!(
        done.starts_with("HTTP/1.1 303 ") && done.contains(&format!("location: {origin}/switches\r\n")),
        "{done}"
    );
    assert!(send(&demo.app(), "GET", "/switches", &[], "").contains("data-mode=\"refuse\""));
}

#[test]
fn its_files_are_clean_private_and_only_for_loopback() {
    let scratch = tempfile::tempdir().unwrap();
    let kept = scratch.path().join("files");
    let mut demo = Demo::start(&["--keep", kept.to_str().unwrap()]);
    assert_eq!(demo.folder(), kept.canonicalize().unwrap());
    assert_eq!(demo.interrupt(), 0);
    let store = format!("secretfile://{}/secrets.yaml", kept.display());
    for name in ["orchestrator.yaml", "north.yaml", "south.yaml"] {
        let file = kept.join(name);
        let file = file.to_str().unwrap();
        let clean = Transcript::of(&["validate", file]);
        assert_eq!((clean.code, clean.stdout.as_str()), (0, ""), "{name}: {}", clean.stderr);
        let beyond = Transcript::of(&["serve", "--secret-provider", &store, "--address", "0.0.0.0:0", file]);
        assert_eq!(beyond.code, 1, "{name}: {}", beyond.stderr);
        assert!(beyond.stderr.contains("served on loopback only: `0.0.0.0:0`"), "{}", beyond.stderr);
    }
    let north = kept.join("north.yaml");
    let moved = std::fs::read_to_string(&north).unwrap().replace("north.localhost", "sso.example.com");
    std::fs::write(&north, moved.replace("http://sso", "https://sso")).unwrap();
    let beyond = Transcript::of(&["serve", "--secret-provider", &store, north.to_str().unwrap()]);
    assert_eq!(beyond.code, 1, "{}", beyond.stderr);
    assert!(beyond.stderr.contains("loopback only: `https://sso.example.com"), "{}", beyond.stderr);
}

#[test]
fn its_folder_goes_when_it_does() {
    let mut demo = Demo::start(&[]);
    let folder = demo.folder();
    assert!(folder.join("orchestrator.yaml").exists());
    assert_eq!(demo.interrupt(), 0);
    assert!(!folder.exists());
}
