//! A protected application: what it is told about the person and nobody else can say, what it never sees,
//! and that bytes, events and sockets pass through.

use std::io::{Read, Write};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::{alice, is_page_of_ours};
use crate::support::browser::{Answer, Browser, Request};
use crate::support::fake_idp::oidc::FakeIdp;
use crate::support::{Launch, Peer, Scratch, Server, free_port, now};

struct World {
    idp: FakeIdp,
    server: Server,
    port: u16,
    _upstream: Peer,
    _scratch: Scratch,
}

/// `None` when the application cannot be started here.
fn start() -> Option<World> {
    let scratch = Scratch::new();
    let upstream = Peer::node(&scratch, "upstream.mjs", &[])?;
    let idp = FakeIdp::start(alice());
    let port = free_port();
    let url = upstream.text("url").trim_end_matches('/').to_owned();
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
session: {{cookie: {{name: sid}}}}
connectors:
{connector}apps:
  - name: page
    type: proxy
    routePatterns: [/]
    upstream: {url}
    headers:
      - {{name: X-User, value: '{{{{ idp.name }}}}'}}
      - {{name: X-Email, value: '{{{{ idp.email }}}}'}}
      - {{name: X-Roles, value: '{{{{ idp.roles }}}}'}}
      - {{name: X-Absent, value: '{{{{ idp.nothing }}}}'}}
    policies:
      - {{location: /, authentication: {{idps: [idp]}}, authorization: {{allowAll: true}}}}
      - {{location: /public, authentication: {{allowUnauthenticated: true}}, authorization: {{allowAll: true}}}}
      - location: /admin
        authentication: {{idps: [idp]}}
        authorization: {{rules: [{{contains: ['{{{{ idp.roles }}}}', admin]}}]}}
  - name: narrow
    type: proxy
    routePatterns: [narrow.localhost]
    upstream: {url}
    policies:
      - {{location: /open, authentication: {{allowUnauthenticated: true}}, authorization: {{allowAll: true}}}}
      - {{location: /closed, authentication: {{idps: [idp]}}}}
  - name: keeps
    type: proxy
    routePatterns: [keeps.localhost]
    upstream: {url}
    preserveAuthorization: true
    preserveHost: true
    maxBodyBytes: 1000
    policies:
      - {{location: /, authentication: {{allowUnauthenticated: true}}, authorization: {{allowAll: true}}}}
  - name: down
    type: proxy
    routePatterns: [down.localhost]
    upstream: http://127.0.0.1:9
    policies:
      - {{location: /, authentication: {{allowUnauthenticated: true}}, authorization: {{allowAll: true}}}}
",
        connector = idp.connector("idp", &format!("http://127.0.0.1:{port}/callback")),
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    Some(World { idp, server, port, _upstream: upstream, _scratch: scratch })
}

impl World {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    /// A browser that is signed in.
    #[track_caller]
    fn signed_in(&self) -> Browser {
        let mut browser = Browser::new();
        let answer = browser.open(&self.url("/hello?x=1"));
        assert_eq!((answer.status, answer.json()["path"].as_str()), (200, Some("/hello?x=1")));
        browser
    }

    /// A request to one of the apps with a host of its own.
    fn at(&self, host: &str, path: &str) -> Request {
        Request::get(&self.url(path)).header("Host", &format!("{host}:{}", self.port))
    }
}

/// Headers the application saw.
#[track_caller]
fn seen(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["headers"].clone()
}

#[test]
fn nobody_else_says_who_a_person_is() {
    let Some(world) = start() else { return };
    let mut alice = world.signed_in();
    let truth = seen(&alice.get(&world.url("/x")));
    assert_eq!(truth["x-user"], "Alice A");
    assert_eq!(truth["x-email"], "alice@example.com");
    assert_eq!(truth["x-roles"], "staff,a%2Cb", "a group with a comma is one group (E09)");
    let forgeries: &[&[(&str, &str)]] = &[
        &[("X-User", "admin")],
        &[("x-user", "admin"), ("X-USER", "root")],
        &[("X_User", "admin")],
        &[("x_user", "admin")],
        &[("X.User", "admin")],
        &[("X-User_", "admin"), ("_X-User", "admin")],
        &[("X-Absent", "admin")],
        &[("X_Absent", "admin")],
        &[("Connection", "X-User"), ("X-User", "admin")],
        &[("Connection", "close, X-Email, Cookie, X-Forwarded-For")],
        &[("Connection", "x-roles"), ("X-Roles", "admin")],
    ];
    for forged in forgeries {
        for (who, browser) in [("nobody", &mut Browser::new()), ("alice", &mut alice)] {
            let mut request = Request::get(&world.url("/public/x"));
            request.headers = forged.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let seen = seen(&browser.send(&request));
            let text = seen.to_string();
            assert!(!text.contains("admin") && !text.contains("root"), "{forged:?} by {who}: {text}");
            for name in ["x-user", "x-email", "x-roles"] {
                let want = if who == "alice" { truth[name].clone() } else { Value::Null };
                assert_eq!(seen[name], want, "{forged:?} by {who}: {name}");
            }
            assert_eq!(seen["x-forwarded-for"], "127.0.0.1", "{forged:?} by {who}");
        }
    }
}

#[test]
fn what_the_connection_says_is_said_anew() {
    let Some(world) = start() else { return };
    let mut request = Request::get(&world.url("/public/x"));
    for (name, value) in [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Port", "666"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Real-IP", "6.6.6.6"),
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin"),
        ("X-SSL-Client-Verify", "SUCCESS"),
        ("Client-Cert", "forged"),
        ("TE", "trailers"),
        ("Keep-Alive", "timeout=666"),
        ("Proxy-Authorization", "Basic forged"),
        ("Proxy-Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
        ("Connection", "Upgrade, HTTP2-Settings, X-Mine"),
        ("X-Mine", "dropped"),
        ("X-Kept", "kept"),
    ] {
        request = request.header(name, value);
    }
    let seen = seen(&Browser::new().send(&request));
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1", "E05");
    assert_eq!(seen["x-forwarded-proto"], "http");
    assert_eq!(seen["x-forwarded-host"], format!("127.0.0.1:{}", world.port));
    assert_eq!(seen["x-kept"], "kept");
    let text = seen.to_string();
    for gone in ["6.6.6.6", "evil", "666", "forged", "SUCCESS", "/admin", "h2c", "AAMA", "dropped", "keep-alive"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    for gone in ["te", "upgrade", "keep-alive", "proxy-connection", "proxy-authorization", "forwarded"] {
        assert!(seen.get(gone).is_none(), "{gone}");
    }
}

#[test]
fn our_cookies_stay_ours() {
    let Some(world) = start() else { return };
    let mut browser = world.signed_in();
    browser.set_cookie("127.0.0.1", "theme", "dark");
    browser.set_cookie("127.0.0.1", "maverics_tx_abcdefghijklmnop", "sealed");
    let headers = seen(&browser.get(&world.url("/x")));
    assert_eq!(headers["cookie"], "theme=dark", "E06");
    browser.forget("theme");
    assert!(seen(&browser.get(&world.url("/x"))).get("cookie").is_none());
    let session = browser.cookie("sid").unwrap().to_owned();
    let path = "/set-cookie?cookie=sid%3Devil&cookie=%20SID2%3Dfine&cookie=maverics_tx_q%3Dx&cookie=app%3D1;%20Path%3D/";
    let answer = browser.get(&world.url(path));
    let names: Vec<String> = answer.cookies().into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["SID2", "app"], "E06");
    assert_eq!(browser.cookie("sid"), Some(session.as_str()));
    world.server.wait_for_log(&["event=proxy.cookie.dropped", "app=page"]);
    // Authorization is the browser's business with us, unless the app says otherwise (E07).
    let request = Request::get(&world.url("/x")).header("Authorization", "Basic Zm9yZ2Vk");
    assert!(seen(&browser.send(&request)).get("authorization").is_none());
    let request = world.at("keeps.localhost", "/x").header("Authorization", "Basic Zm9yZ2Vk");
    let headers = seen(&Browser::new().send(&request));
    assert_eq!(headers["authorization"], "Basic Zm9yZ2Vk");
    assert_eq!(headers["host"], format!("keeps.localhost:{}", world.port), "preserveHost");
}

#[test]
fn the_path_that_is_judged_is_the_path_that_arrives() {
    let Some(world) = start() else { return };
    let mut alice = world.signed_in();
    // The target, what a stranger gets, what Alice gets, and the path the application sees.
    let table: &[(&str, u16, u16, &str)] = &[
        ("/public/x", 200, 200, "/public/x"),
        ("/public/./x", 200, 200, "/public/x"),
        ("/public//x", 200, 200, "/public/x"),
        ("/%70ublic/x", 200, 200, "/public/x"),
        ("/public/;p=1/x", 200, 200, "/public/x"),
        ("/public/x?a=%2e%2e/admin", 200, 200, "/public/x?a=%2e%2e/admin"),
        ("/public/../other", 303, 200, "/other"),
        ("/public/%2e%2e/admin", 303, 403, ""),
        ("/public/%2E./admin", 303, 403, ""),
        ("/public/x/../../admin", 303, 403, ""),
        ("//admin", 303, 403, ""),
        ("/./admin", 303, 403, ""),
        ("/admin;x=1", 303, 403, ""),
        ("/admin;/public", 303, 403, ""),
        ("/%61dmin", 303, 403, ""),
        ("/admin/", 303, 403, ""),
        ("/public/..;/admin", 303, 403, ""),
        ("/Admin", 303, 200, "/Admin"),
        ("/public%2f..%2fadmin", 400, 400, ""),
        ("/public/..%5cadmin", 400, 400, ""),
        ("/public\\..\\admin", 400, 400, ""),
        ("/public/%252e%252e/admin", 400, 400, ""),
        ("/public/%00", 400, 400, ""),
        ("/public/%c0%ae%c0%ae/admin", 400, 400, ""),
        ("/public/%", 400, 400, ""),
        ("/../admin", 400, 400, ""),
        ("/%2e%2e/%2e%2e/admin", 400, 400, ""),
    ];
    for (target, stranger, member, path) in table {
        let request = Request::get(&world.url("/")).target(target);
        let answer = Browser::new().send(&request);
        assert_eq!(answer.status, *stranger, "{target}: {}", answer.text());
        let answer = alice.send(&request);
        assert_eq!(answer.status, *member, "{target} by Alice: {}", answer.text());
        if !path.is_empty() {
            assert_eq!(answer.json()["path"], *path, "{target}");
        }
        // P08: the same whatever the method.
        let mut posted = request.clone();
        posted.method = "POST".into();
        let answer = Browser::new().send(&posted);
        assert_eq!(answer.status, if *stranger == 303 { 401 } else { *stranger }, "POST {target}");
    }
    // P06: what no policy names is closed, and so is a policy that allows nobody.
    assert_eq!(Browser::new().send(&world.at("narrow.localhost", "/open/x")).status, 200);
    for path in ["/", "/other", "/ope"] {
        assert_eq!(Browser::new().send(&world.at("narrow.localhost", path)).status, 403, "{path}");
    }
}

#[test]
fn people_are_sent_to_sign_in_and_programs_are_not() {
    let Some(world) = start() else { return };
    let table: &[(&str, &[(&str, &str)], u16)] = &[
        ("GET", &[], 303),
        ("GET", &[("Sec-Fetch-Mode", "navigate")], 303),
        ("GET", &[("Accept", "text/html")], 303),
        ("GET", &[("Accept", "application/json")], 401),
        ("GET", &[("Sec-Fetch-Mode", "cors")], 401),
        ("GET", &[("Sec-Fetch-Mode", "no-cors"), ("Accept", "image/*")], 401),
        ("GET", &[("X-Requested-With", "XMLHttpRequest")], 401),
        ("POST", &[("Sec-Fetch-Mode", "navigate")], 401),
        ("PUT", &[], 401),
        ("DELETE", &[], 401),
    ];
    for (method, headers, status) in table {
        let mut request = Request::new(method, &world.url("/x"));
        request.headers = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let mut browser = Browser::new();
        let answer = browser.send(&request);
        assert_eq!(answer.status, *status, "Q01 {method} {headers:?}");
        assert_eq!(browser.cookie("sid"), None, "no session before a sign-in (S08)");
        if *status == 401 {
            assert!(browser.cookie_names().is_empty() && answer.location().is_none());
        } else {
            assert!(answer.location().unwrap().as_str().starts_with(&world.idp.issuer()));
        }
    }
    // Nobody chooses where a sign-in leads but the first request (Q02).
    let mut browser = Browser::new();
    let end = browser.open(&world.url("/x?next=//evil.example&redirect=https://evil.example"));
    assert_eq!(end.url.host_str(), Some("127.0.0.1"));
    let denied = browser.get(&world.url("/admin"));
    assert_eq!(denied.status, 403);
    is_page_of_ours(&denied);
    // E08, E10.
    let answer = browser.get(&world.url("/redirect?to=/elsewhere"));
    assert_eq!((answer.header("cache-control"), answer.header("vary")), (Some("private"), Some("Cookie")));
}

#[test]
fn answers_do_not_name_the_upstream() {
    let Some(world) = start() else { return };
    let mut browser = world.signed_in();
    let own = browser.get(&world.url("/x")).json()["headers"]["host"].as_str().unwrap().to_owned();
    let answer = browser.get(&world.url(&format!("/redirect?to=http://{own}/elsewhere?a=1")));
    assert_eq!(answer.header("location"), Some(world.url("/elsewhere?a=1").as_str()), "E08");
    for other in [format!("http://{own}.evil.example/"), format!("http://{own}0/"), "https://other.example/".into()] {
        let answer = browser.get(&world.url(&format!("/redirect?to={other}")));
        assert_eq!(answer.header("location"), Some(other.as_str()));
    }
    let down = Browser::new().send(&world.at("down.localhost", "/x"));
    assert_eq!(down.status, 502, "W10");
    assert!(!down.text().contains("127.0.0.1") && !down.text().contains("refused"), "{}", down.text());
    is_page_of_ours(&down);
    world.server.wait_for_log(&["event=proxy.upstream.failed", "app=down"]);
}

#[test]
fn bodies_arrive_whole_or_not_at_all() {
    let Some(world) = start() else { return };
    let mut browser = world.signed_in();
    let bytes: Vec<u8> = (0..10 * 1024 * 1024u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let want: String = digest(&SHA256, &bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let answer = browser.send(&Request::new("PUT", &world.url("/upload")).body(bytes.clone()));
    assert_eq!((answer.status, answer.json()["sha256"].as_str()), (200, Some(want.as_str())), "{}", answer.text());
    let mut chunked = Vec::new();
    for piece in bytes.chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let request = Request::new("PUT", &world.url("/upload")).header("Transfer-Encoding", "chunked").body(chunked);
    assert_eq!(browser.send(&request).json()["sha256"].as_str(), Some(want.as_str()));
    // One byte more (W07).
    let more = [bytes, vec![0]].concat();
    assert_eq!(browser.send(&Request::new("PUT", &world.url("/upload")).body(more)).status, 413);
    let mut small = world.at("keeps.localhost", "/upload");
    small.method = "POST".into();
    assert_eq!(Browser::new().send(&small.clone().body(vec![b'x'; 1000])).status, 200);
    let announced = Browser::new().send(&small.clone().body(vec![b'x'; 1001]));
    assert_eq!(announced.status, 413);
    is_page_of_ours(&announced);
    let unannounced = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    let unannounced = small.header("Transfer-Encoding", "chunked").body(unannounced);
    assert_eq!(Browser::new().send(&unannounced).status, 413);
    // And down, with and without a length.
    for query in ["bytes=5000000", "bytes=5000000&chunked=1"] {
        assert_eq!(browser.get(&world.url(&format!("/big?{query}"))).body.len(), 5_000_000, "{query}");
    }
}

#[test]
fn events_arrive_one_by_one() {
    let Some(world) = start() else { return };
    let mut browser = world.signed_in();
    let (answer, mut reader) = browser.begin(&Request::get(&world.url("/sse?count=5"))).expect("an answer");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let mut arrivals = Vec::new();
    while let Some(piece) = reader.next().expect("a piece") {
        arrivals.push((now(), String::from_utf8(piece).expect("text")));
    }
    assert_eq!(arrivals.len(), 5, "W05: each event by itself: {arrivals:?}");
    for (i, (_, piece)) in arrivals.iter().enumerate() {
        assert!(piece.contains(&format!("\"n\":{}", i + 1)), "{piece}");
    }
    let spread = arrivals[4].0 - arrivals[0].0;
    assert!(spread >= Duration::from_millis(200), "all at once: {spread:?}");
}

/// A WebSocket frame of a client, masked as RFC 6455 §5.3 wants it.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = vec![0x80 | opcode];
    match u16::try_from(payload.len()).expect("a short message") {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&long.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
    bytes
}

fn read_frame(wire: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    wire.read_exact(&mut head).expect("a frame");
    let mut length = usize::from(head[1] & 0x7f);
    if length == 126 {
        let mut long = [0; 2];
        wire.read_exact(&mut long).expect("a length");
        length = usize::from(u16::from_be_bytes(long));
    }
    let mut payload = vec![0; length];
    wire.read_exact(&mut payload).expect("a payload");
    (head[0] & 0x0f, payload)
}

#[test]
fn web_sockets_are_opened_by_the_signed_in_alone() {
    let Some(world) = start() else { return };
    let mut browser = world.signed_in();
    let request = |path: &str| {
        Request::get(&world.url(path))
            .header("Connection", "keep-alive, Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let own = world.server.url.clone();
    // W01, in the order of the checks.
    let table: Vec<(&str, Request, bool, u16)> = vec![
        ("nobody", request("/ws").header("Origin", &own), false, 401),
        ("nobody, navigating", request("/ws").header("Sec-Fetch-Mode", "navigate"), false, 401),
        ("not allowed", request("/admin").header("Origin", &own), true, 403),
        ("another site", request("/ws").header("Origin", "https://evil.example"), true, 403),
        ("no site", request("/ws").header("Origin", "null"), true, 403),
        ("our host as its beginning", request("/ws").header("Origin", &format!("{own}.evil.example")), true, 403),
        ("another port", request("/ws").header("Origin", "http://127.0.0.1:1"), true, 403),
    ];
    for (what, request, signed_in, status) in table {
        let answer = if signed_in { browser.send(&request) } else { Browser::new().send(&request) };
        assert_eq!(answer.status, status, "{what}");
        assert!(answer.location().is_none(), "{what}");
    }
    let mut old = request("/ws").header("Origin", &own);
    old.headers.retain(|(n, _)| n != "Sec-WebSocket-Version");
    assert_eq!(browser.send(&old.header("Sec-WebSocket-Version", "8")).status, 400);
    let (answer, reader) =
        browser.begin(&request("/ws?hello=1").header("Origin", &own)).expect("an answer");
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let mut wire = reader.into_wire();
    let (_, hello) = read_frame(&mut wire);
    let hello: Value = serde_json::from_slice(&hello).expect("JSON");
    assert_eq!((&hello["headers"]["x-user"], hello["headers"].get("cookie")), (&"Alice A".into(), None));
    for message in ["hello", &"long ".repeat(5_000)] {
        wire.get_mut().write_all(&frame(1, message.as_bytes())).expect("a frame is sent");
        assert_eq!(read_frame(&mut wire), (1, message.as_bytes().to_vec()));
    }
    wire.get_mut().write_all(&frame(8, &1000u16.to_be_bytes())).expect("a farewell");
    assert_eq!(read_frame(&mut wire).0, 8);
}

#[test]
fn twenty_people_at_once_keep_their_own_sessions() {
    let Some(world) = start() else { return };
    let sessions: Vec<String> = std::thread::scope(|scope| {
        let people: Vec<_> = (0..20)
            .map(|i| {
                let world = &world;
                scope.spawn(move || {
                    let mut browser = Browser::new();
                    let url = world.url(&format!("/person/{i}"));
                    let end = browser.open(&url);
                    assert_eq!((end.status, end.url.as_str()), (200, url.as_str()));
                    for _ in 0..20 {
                        let again = browser.get(&url);
                        assert_eq!((again.status, again.json()["headers"]["x-user"].as_str()), (200, Some("Alice A")));
                    }
                    browser.cookie("sid").unwrap().to_owned()
                })
            })
            .collect();
        people.into_iter().map(|person| person.join().expect("a person is served")).collect()
    });
    let distinct: std::collections::BTreeSet<&String> = sessions.iter().collect();
    assert_eq!(distinct.len(), 20);
}
