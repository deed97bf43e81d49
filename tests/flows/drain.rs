//! Starting and stopping: what stops a start, how a server says goodbye, and what it never writes down.

use std::net::TcpListener;
use std::time::Duration;

use super::{RETURN, Rp, alice};
use crate::support::browser::{Browser, Request};
use crate::support::fake_idp::oidc::{FakeIdp, Quirk, SECRET};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, free_port, until};

fn proxied(port: u16, upstream: &str) -> String {
    format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - name: idp
    type: oidc
    oidcWellKnownURL: http://127.0.0.1:9/.well-known/openid-configuration
    oauthClientID: orch
    oauthRedirectURL: http://127.0.0.1:{port}/callback
apps:
  - name: open
    type: proxy
    routePatterns: [/]
    upstream: {upstream}
    policies:
      - {{location: /, authentication: {{allowUnauthenticated: true}}, authorization: {{allowAll: true}}}}
"
    )
}

#[test]
fn a_server_says_goodbye_before_it_goes() {
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let port = free_port();
    let yaml = proxied(port, &upstream.url());
    let launch = Launch { arguments: &["--drain-delay", "2s", "--grace", "10s"], ..Launch::new(&scratch, &yaml, port) };
    let mut server = launch.start();
    let held = std::thread::spawn({
        let url = format!("{}/held", server.url);
        move || Browser::new().get(&url)
    });
    until("the request to arrive", Duration::from_secs(5), || (upstream.hits() == 1).then_some(()));
    server.process.signal("TERM");
    // W12: the status first, while everything else goes on.
    let status = until("the status to change", Duration::from_secs(1), || {
        let answer = Browser::new().get(&format!("{}/status", server.url));
        (answer.status == 503).then_some(answer)
    });
    assert_eq!(status.json()["status"], "draining");
    assert_eq!(Browser::new().get(&format!("{}/x", server.url)).status, 200, "still serving");
    // Then no new connections, and the request in flight is finished.
    until("new connections to be refused", Duration::from_secs(10), || {
        Browser::new().try_get(&format!("{}/x", server.url)).is_err().then_some(())
    });
    assert!(server.process.is_running(), "it waits for the request in flight");
    upstream.release();
    let answer = held.join().expect("an answer");
    assert_eq!((answer.status, answer.json()["path"].as_str()), (200, Some("/held")));
    assert_eq!(server.process.exit_code(Duration::from_secs(5)), 0);
}

#[test]
fn grace_has_an_end() {
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let port = free_port();
    let yaml = proxied(port, &upstream.url());
    let launch = Launch { arguments: &["--grace", "1s"], ..Launch::new(&scratch, &yaml, port) };
    let mut server = launch.start();
    let url = format!("{}/held", server.url);
    let held = std::thread::spawn(move || Browser::new().try_get(&url).is_err());
    until("the request to arrive", Duration::from_secs(5), || (upstream.hits() == 1).then_some(()));
    server.process.signal("TERM");
    assert_eq!(server.process.exit_code(Duration::from_secs(10)), 0);
    assert!(held.join().expect("it ends"), "cut off");
}

#[test]
fn nothing_is_lost_by_a_goodbye_under_load() {
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let port = free_port();
    let yaml = proxied(port, &upstream.url());
    let launch = Launch { arguments: &["--drain-delay", "1s"], ..Launch::new(&scratch, &yaml, port) };
    let mut server = launch.start();
    let url = format!("{}/x", server.url);
    let status = format!("{}/status", server.url);
    // As a balancer does: asks the status, and sends requests only while it is well.
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (url, status) = (url.clone(), status.clone());
            std::thread::spawn(move || {
                let mut served = 0;
                for _ in 0..100_000 {
                    match Browser::new().try_get(&status) {
                        Ok(answer) if answer.status == 200 => {}
                        _ => break,
                    }
                    let answer = Browser::new().try_get(&url).expect("a request sent to a healthy node is answered");
                    assert_eq!(answer.status, 200);
                    served += 1;
                }
                served
            })
        })
        .collect();
    until("some load", Duration::from_secs(10), || (upstream.hits() > 50).then_some(()));
    server.process.signal("TERM");
    let served: usize = clients.into_iter().map(|c| c.join().expect("no request failed")).sum();
    assert_eq!(server.process.exit_code(Duration::from_secs(10)), 0);
    eprintln!("{served} requests, none failed");
}

#[test]
fn what_stops_a_start() {
    let scratch = Scratch::new();
    scratch.write_signing_key();
    let occupied = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = occupied.local_addr().expect("a bound port").port();
    let port = free_port();
    let good = |port| proxied(port, "http://127.0.0.1:9");
    let with = |text: &str| good(port).replace("    oauthClientID: orch\n", text);
    let provider = |rest: &str| {
        format!(
            "{}oidcProvider:\n  discovery: {{issuer: 'http://127.0.0.1:{port}'}}\n{rest}",
            good(port).replace(
                "apps:\n",
                &format!("apps:\n  - {{name: rp, type: oidc, clientID: rp, clientSecret: s, redirectURLs: ['{RETURN}'], authentication: {{idps: [idp]}}}}\n")
            )
        )
    };
    // The configuration, the exit code, and what it says.
    let table: Vec<(&str, String, i32, Vec<&str>)> = vec![
        ("occupied port", good(taken), 3, vec!["cannot listen on"]),
        (
            "missing secrets",
            with("    oauthClientID: <vault.id>\n    oauthClientSecret: <vault.secret>\n"),
            3,
            vec!["vault.id", "vault.secret", "--secret-provider"],
        ),
        ("a key of a later version", with("    oauthClientID: orch\n    offlineAccess: {enabled: true}\n"), 1, vec!["offlineAccess"]),
        ("an unknown key", with("    oauthClientID: orch\n    oauthClientSecrt: s\n"), 1, vec!["oauthClientSecrt", "did you mean"]),
        ("an unknown provider", good(port).replace("{allowUnauthenticated: true}", "{idps: [ipd]}"), 1, vec!["ipd"]),
        ("plain http elsewhere", good(port).replace("oidcWellKnownURL: http://127.0.0.1:9", "oidcWellKnownURL: http://idp.example.com"), 1, vec!["http"]),
        ("a missing signing key", provider("  jwks: [{name: k, file: gone.pem}]\n"), 3, vec!["gone.pem"]),
        ("a missing certificate", good(port).replace("http: {", "tls: {t: {certFile: gone.crt, keyFile: gone.key}}\nhttp: {tls: t, "), 3, vec!["gone.crt"]),
        ("not YAML", "a: [".into(), 1, vec![]),
    ];
    for (what, yaml, code, words) in table {
        let mut process = Launch::new(&scratch, &yaml, port).spawn();
        let have = process.exit_code(Duration::from_secs(20));
        let log = process.log();
        assert_eq!(have, code, "{what}: {log}");
        for word in words {
            assert!(log.contains(word), "{what}: no {word:?} in {log}");
        }
        assert!(!log.contains("event=started"), "{what}");
        assert!(Browser::new().try_get(&format!("http://127.0.0.1:{port}/status")).is_err(), "{what}");
    }
    drop(occupied);
    // Two servers do not share a port, although each of them shares it over its own threads.
    let yaml = good(port);
    let _first = Launch::new(&scratch, &yaml, port).start();
    let mut second = Launch { name: "second", ..Launch::new(&scratch, &yaml, port) }.spawn();
    assert_eq!(second.exit_code(Duration::from_secs(20)), 3);
}

#[test]
fn no_secret_is_written_down() {
    let scratch = Scratch::new();
    scratch.write_signing_key();
    let upstream = Upstream::start();
    let idp = FakeIdp::start(alice());
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let seal = "0123456789abcdef".repeat(4);
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
logger: {{level: debug}}
session: {{encryption: {{keys: {{current: {seal}}}}}}}
connectors:
{connector}oidcProvider:
  discovery: {{issuer: '{url}'}}
  jwks: [{{name: k, file: sign.pem}}]
apps:
  - {{name: rp, type: oidc, clientID: rp, clientSecret: the-secret-of-the-rp, redirectURLs: ['{RETURN}'], authentication: {{idps: [idp]}}}}
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {upstream}
    policies: [{{location: /, authentication: {{idps: [idp]}}, authorization: {{allowAll: true}}}}]
",
        connector = idp.connector("idp", &format!("{url}/callback")),
        upstream = upstream.url(),
    );
    let launch = Launch { arguments: &["--verbose", "--drain-delay", "0s"], ..Launch::new(&scratch, &yaml, port) };
    let mut server = launch.start();
    let rp = Rp::new(&server.url, "rp", "the-secret-of-the-rp");
    let mut browser = Browser::new().stop_at(RETURN);
    let mut secrets: Vec<String> = [SECRET, "the-secret-of-the-rp", &seal].map(str::to_owned).to_vec();
    // Values made on the way: state and pending cookie, code, tokens, session.
    let there = browser.get(&rp.request(&[]));
    secrets.extend(there.param("state"));
    secrets.extend(there.param("nonce"));
    secrets.extend(browser.cookie_names().iter().filter_map(|n| browser.cookie(n)).map(str::to_owned));
    let back = browser.follow(there);
    let code = back.param("code").expect("a code");
    let tokens = rp.redeem(&code).json();
    secrets.push(code.clone());
    for name in ["access_token", "id_token"] {
        secrets.push(tokens[name].as_str().unwrap().to_owned());
    }
    secrets.extend(browser.cookie_names().iter().filter_map(|n| browser.cookie(n)).map(str::to_owned));
    assert_eq!(rp.userinfo(tokens["access_token"].as_str().unwrap()).status, 200);
    let page = browser.get(&format!("{url}/app/x?token=in-the-query"));
    assert_eq!(page.status, 200);
    secrets.push("in-the-query".into());
    // And what goes wrong: a used code, a wrong secret, refused tokens, garbage.
    rp.redeem(&code);
    Rp { secret: "a-wrong-secret", ..rp.clone() }.redeem(&code);
    secrets.push("a-wrong-secret".into());
    rp.userinfo("a-made-up-access-token");
    secrets.push("a-made-up-access-token".into());
    for quirk in [Quirk::TokenForged, Quirk::TokenNonce, Quirk::OtherSubject, Quirk::Error("server_error")] {
        idp.misbehave(&[quirk]);
        let end = Browser::new().open(&format!("{url}/app/x"));
        assert_eq!(end.status, 400, "{quirk:?}");
    }
    let cookie = format!("maverics_session={}", "S".repeat(43));
    Browser::new().send(&Request::get(&format!("{url}/app/x")).header("Cookie", &cookie));
    secrets.push("S".repeat(43));
    let pem = crate::support::rsa_pem();
    secrets.push(pem.lines().nth(1).unwrap().to_owned());
    server.process.signal("TERM");
    assert_eq!(server.process.exit_code(Duration::from_secs(10)), 0);
    let log = server.log();
    assert!(log.contains("level=debug") && log.contains("event=login.completed"), "{log}");
    for secret in secrets {
        assert!(!secret.is_empty() && !log.contains(&secret), "the log has {secret:?}");
        let encoded = crate::support::browser::encode(&[("x", &secret)]);
        assert!(!log.contains(&encoded[2..]), "the log has {encoded:?}");
    }
}
