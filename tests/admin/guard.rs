//! Who may come in.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::World;
use crate::cli::Transcript;
use crate::support::authority::Authority;
use crate::support::browser::{Browser, Request};
use crate::support::{Launch, Scratch, free_port};

#[test]
fn hosts_origins_and_the_token() {
    let mut world = World::start();
    let token = world.token();
    assert!(token.len() >= 43, "{token}");
    let mode = std::fs::metadata(&world.token_file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner reads the token");
    let log = world.server.wait_for_log(&["event=admin.started", "token_file="]);
    assert!(!log.contains(&token) && log.contains("admin.token"), "{log}");

    // A name that an attacker's page has, and whose address he changed to ours.
    let read = |host: &str| {
        Browser::new().send(&Request::get(&format!("{}/api/sessions", world.admin)).header("Host", host))
    };
    for host in ["localhost:9444", "127.0.0.1", "[::1]:1", "ops.localhost"] {
        assert_eq!(read(host).status, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "0.0.0.0"] {
        let answer = read(host);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (421, Some("foreign-host")), "{host}");
    }
    world.server.wait_for_log(&["event=admin.refused", "reason=foreign-host"]);

    // Nothing changes without the token, or from a page of another site.
    let send = |fields: &[(&str, &str)], headers: &[(&str, &str)]| {
        let request = Request::form(&format!("{}/actions/drain", world.admin), fields);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        Browser::new().send(&request.header("Accept", "application/json"))
    };
    let ours = world.admin.as_str();
    let with_token: &[(&str, &str)] = &[("token", &token)];
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], u16);
    let cases: &[Case<'_>] = &[
        (&[], &[("Origin", ours)], 401),
        (&[("token", "x")], &[("Origin", ours)], 401),
        (&[("token", "")], &[("Origin", ours)], 401),
        (with_token, &[("Origin", "http://evil.example")], 403),
        (with_token, &[("Origin", "null")], 403),
        (with_token, &[("Sec-Fetch-Site", "cross-site")], 403),
        (with_token, &[("Host", "evil.example"), ("Origin", "http://evil.example")], 421),
    ];
    for (fields, headers, status) in cases {
        assert_eq!(send(fields, headers).status, *status, "{fields:?} {headers:?}");
        assert_eq!(world.json("/api/status")["draining"], false, "{fields:?} {headers:?}");
    }
    let get = world.get("/actions/drain");
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    assert_eq!(Browser::new().send(&Request::form(&format!("{ours}/"), with_token)).status, 405);
    let long = "x".repeat(5_000);
    assert_eq!(send(&[("token", &long)], &[("Origin", ours)]).status, 413);

    // And with it, it does: from the form, and from a program that has no form.
    let status =
        |server: &crate::support::Server| Browser::new().get(&format!("{}/status", server.url)).status;
    assert_eq!(world.act("drain", with_token).json()["draining"], true);
    assert_eq!(status(&world.server), 503);
    world.server.wait_for_log(&["event=admin.action", "action=drain", "client=127.0.0.1"]);
    let bearer = Request::new("POST", &format!("{ours}/actions/undrain"));
    let answer = Browser::new().send(&bearer.header("Authorization", &format!("Bearer {token}")));
    assert_eq!((answer.status, status(&world.server)), (200, 200), "{}", answer.text());
    assert_eq!(world.act("no-such-action", with_token).status, 404);
    assert!(!world.server.log().contains(&token), "the token is in the log");

    // The token ends with the server.
    world.server.process.signal("TERM");
    assert_eq!(world.server.process.exit_code(Duration::from_secs(60)), 0);
    assert!(!world.token_file.exists());
}

const MINIMAL: &str =
    "connectors: [{name: people, type: local, usersFile: users.yaml, loginURL: 'http://127.0.0.1:1/login'}]";

/// Configurations that would open a door, and what is said of them.
#[test]
fn no_open_door_and_no_way_through_our_own_proxy() {
    let port = free_port();
    let proxy = format!(
        "apps: [{{name: page, type: proxy, routePatterns: [/], upstream: 'http://localhost:{port}', policies: [{{location: /, authentication: {{allowUnauthenticated: true}}, authorization: {{allowAll: true}}}}]}}]"
    );
    let profile = "tls: {server: {certFile: a.pem, keyFile: b.pem}}";
    for (rest, words) in [
        ("admin: {address: '0.0.0.0:9444'}".to_owned(), "open to other machines without TLS"),
        (format!("{profile}\nadmin: {{address: ':9444', tls: server}}"), "could read it"),
        ("admin: {address: '127.0.0.1:9444', tls: nobody}".to_owned(), "nobody"),
        (
            "admin: {address: '127.0.0.1:9443'}\nhttp: {address: '127.0.0.1:9443'}".to_owned(),
            "has the address of `http`",
        ),
        (format!("admin: {{address: '127.0.0.1:{port}'}}\n{proxy}"), "this upstream is the admin listener"),
        ("admin: {token: short}".to_owned(), "admin"),
    ] {
        let said = Transcript::fed(&["validate", "-"], &format!("version: '1'\n{rest}\n{MINIMAL}\n"));
        assert_eq!(said.code, 1, "{rest}: {}", said.text());
        assert!(said.stdout.contains(words) || said.stderr.contains(words), "{rest}: {}", said.text());
    }
    for fine in [
        "admin: {}",
        "admin: {disabled: true, address: '0.0.0.0:9444'}",
        "admin: {address: '[::1]:9444', token: <admin.token>}",
        "tls: {server: {certFile: a.pem, keyFile: b.pem, clientAuth: RequireAndVerifyClientCert, clientCAFiles: [c.pem]}}\nadmin: {address: '0.0.0.0:9444', tls: server}",
    ] {
        let said = Transcript::fed(&["validate", "-"], &format!("version: '1'\n{fine}\n{MINIMAL}\n"));
        assert_eq!(said.code, 0, "{fine}: {}", said.text());
    }

    // What only the command line says is refused at the start.
    let scratch = Scratch::new();
    scratch.write("users.yaml", "users: []\n");
    for (arguments, rest, words) in [
        (vec!["--admin".to_owned(), "0.0.0.0:0".to_owned()], "", "open to other machines"),
        (
            vec!["--admin".to_owned(), format!("127.0.0.1:{port}")],
            proxy.as_str(),
            "the upstream of the app `page`",
        ),
    ] {
        let public = free_port();
        let yaml = format!("version: '1'\nhttp: {{address: '127.0.0.1:{public}'}}\n{MINIMAL}\n{rest}\n");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut launch = Launch::new(&scratch, &yaml, public);
        launch.arguments = &arguments;
        let mut process = launch.spawn();
        assert_eq!(process.exit_code(Duration::from_secs(60)), 1, "{arguments:?}");
        assert!(process.log().contains(words), "{arguments:?}: {}", process.log());
    }
}

/// Beyond loopback: TLS, and the token for everything.
#[test]
fn other_machines_show_the_token_for_everything() {
    let scratch = Scratch::new();
    let authority = Authority::new();
    let (certificate, key) = authority.sign(&["ops.example.com", "localhost"]);
    scratch.write("cert.pem", &certificate);
    scratch.write_private("key.pem", &key);
    scratch.write("users.yaml", "users: []\n");
    let (port, admin) = (free_port(), free_port());
    let token = "a-token-of-more-than-32-characters-for-operators";
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
tls: {{server: {{certFile: cert.pem, keyFile: key.pem}}}}
admin: {{address: '0.0.0.0:{admin}', tls: server, token: {token}}}
{MINIMAL}
"
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    let url = format!("https://localhost:{admin}/api/status");
    let send = |request: Request| Browser::with_tls(authority.client(&[b"http/1.1"])).send(&request);
    let answer = send(Request::get(&url));
    assert_eq!(answer.status, 401);
    assert_eq!(answer.all("www-authenticate").len(), 2, "a program and a browser each have a way");
    assert!(!answer.text().contains("people"), "{}", answer.text());
    let bearer = format!("Bearer {token}");
    assert_eq!(send(Request::get(&url).header("Authorization", &bearer)).status, 200);
    let named = Request::get(&url).header("Authorization", &bearer).header("Host", "ops.example.com");
    assert_eq!(send(named).status, 200, "a name of its certificate");
    let other = Request::get(&url).header("Authorization", &bearer).header("Host", "evil.example");
    assert_eq!(send(other).status, 421);
    assert!(!server.log().contains(token));
}
