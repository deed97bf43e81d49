//! Requests that two programs could read differently: refused, and the connection closed, before anything
//! behind us sees them.

use crate::support::raw::exchange;
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port};

struct World {
    upstream: Upstream,
    server: Server,
    _scratch: Scratch,
}

fn start() -> World {
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let port = free_port();
    let yaml = format!(
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
    upstream: {}
    policies:
      - {{location: /, authentication: {{allowUnauthenticated: true}}, authorization: {{allowAll: true}}}}
",
        upstream.url()
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    World { upstream, server, _scratch: scratch }
}

/// What follows a request inside another one, were the other one read too short.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let world = start();
    let flood = (0..200).map(|i| format!("X-{i}: y\r\n")).collect::<String>();
    let fat = format!("X-Fat: {}\r\n", "y".repeat(40_000));
    let post =
        |headers: &str, body: &str| format!("POST /x HTTP/1.1\r\nHost: h\r\n{headers}\r\n{body}{HIDDEN}");
    let get = |headers: &str| format!("GET /x HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    let table: Vec<(&str, String)> = vec![
        ("length and chunks (H01)", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
        ("chunks and length (H01)", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")),
        ("two lengths (H03)", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")),
        ("two lengths in one (H03)", post("Content-Length: 5, 6\r\n", "hello")),
        ("a signed length (H03)", post("Content-Length: +5\r\n", "hello")),
        ("a length with a space (H03)", post("Content-Length: 5 5\r\n", "hello")),
        ("a length that overflows (H03)", post("Content-Length: 99999999999999999999\r\n", "hello")),
        ("an unknown coding (H02)", post("Transfer-Encoding: gzip\r\n", "hello")),
        ("chunked not last (H02)", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
        (
            "chunked twice (H02)",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
        ),
        (
            "chunks over HTTP/1.0 (H02)",
            "POST /x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
        ),
        ("a space before the colon (H05)", get("X-A : b\r\n")),
        ("a folded line (H05)", get("X-A: b\r\n c\r\n")),
        ("a bare CR (H05)", get("X-A: b\rc\r\n")),
        ("a NUL (H05)", get("X-A: b\0c\r\n")),
        ("a bad method (H05)", format!("GE{{T /x HTTP/1.1\r\nHost: h\r\n\r\n{HIDDEN}")),
        ("a bad version", format!("GET /x HTTP/1.9\r\nHost: h\r\n\r\n{HIDDEN}")),
        ("no Host (H04)", "GET /x HTTP/1.1\r\n\r\n".into()),
        ("two Hosts (H04)", get("Host: other\r\n")),
        ("a bad Host (H04)", "GET /x HTTP/1.1\r\nHost: a/b@c\r\n\r\n".into()),
        ("target and Host differ (H04)", "GET http://other/x HTTP/1.1\r\nHost: h\r\n\r\n".into()),
        ("many fields (W07)", get(&flood)),
        ("fat fields (W07)", get(&fat)),
    ];
    for (what, bytes) in &table {
        let before = world.upstream.hits();
        let outcome = exchange(world.server.address, bytes.as_bytes());
        assert!(matches!(outcome.statuses.as_slice(), [400 | 431 | 501 | 505]), "{what}: {outcome:?}");
        assert!(outcome.closed, "{what}: left open: {outcome:?}");
        assert_eq!(world.upstream.hits(), before, "{what}: the application saw it");
    }
}

#[test]
fn a_bad_chunk_ends_the_request_and_the_connection() {
    let world = start();
    for (what, body) in [
        ("no number (H06)", "zz\r\nhello\r\n0\r\n\r\n"),
        ("endless number (H06)", "11111111111111111\r\nhello\r\n0\r\n\r\n"),
        ("signed number (H06)", "-5\r\nhello\r\n0\r\n\r\n"),
        ("too short a chunk (H06)", "3\r\nhello\r\n0\r\n\r\n"),
        ("a bare LF", "5\nhello\n0\n\n"),
    ] {
        let bytes =
            format!("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}{HIDDEN}");
        let outcome = exchange(world.server.address, bytes.as_bytes());
        assert!(matches!(outcome.statuses.as_slice(), [400] | []), "{what}: {outcome:?}");
        assert!(outcome.closed, "{what}: {outcome:?}");
        assert!(!outcome.text.contains("/hidden"), "{what}: {outcome:?}");
    }
}

#[test]
fn good_requests_in_a_row_stay_apart() {
    let world = start();
    let one = "POST /one HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    let two = "POST /two HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\nX-Trailer: forged\r\n\r\n";
    let three = "GET /three HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let outcome = exchange(world.server.address, format!("{one}{two}{three}").as_bytes());
    assert_eq!(outcome.statuses, [200, 200, 200], "{outcome:?}");
    assert!(
        outcome.text.contains("\"body\":\"hello\"") && outcome.text.contains("\"body\":\"abc\""),
        "{outcome:?}"
    );
    assert!(!outcome.text.contains("forged"), "trailers are not forwarded (H06)");
    assert_eq!(world.upstream.hits(), 3);
}

#[test]
fn some_methods_do_not_exist_here() {
    let world = start();
    for request in [
        "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
        "TRACE /x HTTP/1.1\r\nHost: h\r\nX-Secret: s\r\n\r\n",
    ] {
        let outcome = exchange(world.server.address, request.as_bytes());
        assert!(matches!(outcome.statuses.as_slice(), [405 | 501]), "{request}: {outcome:?} (H11)");
        assert!(!outcome.text.contains("X-Secret"));
    }
    assert_eq!(world.upstream.hits(), 0);
}

#[test]
fn the_status_endpoint_survives_all_of_it() {
    let world = start();
    for _ in 0..50 {
        exchange_and_forget(&world);
    }
    let outcome =
        exchange(world.server.address, b"GET /status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(outcome.statuses, [200]);
}

/// A client that writes half a header and goes away.
fn exchange_and_forget(world: &World) {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(world.server.address).expect("a connection");
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: ").expect("half a header");
}
