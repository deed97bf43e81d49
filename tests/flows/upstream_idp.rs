//! Identity providers that misbehave: nobody gets a session by it, the person never reads why, the log
//! always says, and nobody is moved to the weaker provider while the stronger one is well.

use std::time::Duration;

use serde_json::json;

use super::{RETURN, Rp, is_page_of_ours};
use crate::support::browser::{Answer, Browser, Request};
use crate::support::fake_idp::oidc::{At, FakeIdp, Quirk};
use crate::support::{Launch, Scratch, Server, free_port, now};

struct World {
    strong: FakeIdp,
    weak: FakeIdp,
    server: Server,
    callback: String,
    _scratch: Scratch,
}

impl World {
    /// A continuity connector over two providers, an OpenID app and a proxied page behind it.
    fn start() -> Self {
        Self::with(|_, _| {})
    }

    /// With the providers prepared before the server starts.
    fn with(prepare: impl FnOnce(&mut FakeIdp, &mut FakeIdp)) -> Self {
        let scratch = Scratch::new();
        scratch.write_signing_key();
        let person = |name: &str| json!({"sub": "a1", "email": "alice@example.com", "email_verified": true, "name": name});
        let (mut strong, mut weak) = (FakeIdp::start(person("strong")), FakeIdp::start(person("weak")));
        prepare(&mut strong, &mut weak);
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let callback = format!("{url}/callback");
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
{}{}  - name: ha
    type: continuity
    strategy: failover
    failover: {{idps: [strong, weak]}}
    attributes:
      - {{name: email, mapping: {{strong: email, weak: email}}, required: true}}
      - {{name: name, mapping: {{strong: name, weak: name}}}}
    identity: {{attribute: email, trustedEmailIdps: [strong, weak]}}
oidcProvider:
  discovery: {{issuer: '{url}'}}
  jwks: [{{name: k, file: sign.pem}}]
apps:
  - name: main
    type: oidc
    clientID: main
    clientSecret: secret
    redirectURLs: ['{RETURN}']
    authentication: {{idps: [ha]}}
    claimsMapping: {{email: ha.email, name: ha.name}}
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: http://127.0.0.1:9
    policies:
      - {{location: /, authentication: {{idps: [ha]}}, authorization: {{allowAll: true}}}}
",
            strong.connector("strong", &callback),
            weak.connector("weak", &callback),
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        World { strong, weak, server, callback, _scratch: scratch }
    }

    fn rp(&self) -> Rp {
        Rp::new(&self.server.url, "main", "secret")
    }

    fn app(&self) -> String {
        format!("{}/app/x?y=1", self.server.url)
    }

    /// Who serves a login now; the name claim says it.
    #[track_caller]
    fn served_by(&self) -> String {
        let rp = self.rp();
        let tokens = rp.tokens(&mut browser());
        rp.verified(&tokens).claims()["name"].as_str().unwrap().to_owned()
    }

    /// Nobody was sent to the weaker provider.
    #[track_caller]
    fn nobody_was_moved(&self, what: &str) {
        assert_eq!(self.weak.calls(At::Authorize), 0, "{what}: a person was moved to the weaker provider");
    }

    /// Begins a sign-in and stops before the provider: the address there.
    #[track_caller]
    fn begin(&self, browser: &mut Browser) -> Answer {
        let answer = browser.get(&self.app());
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer
    }

    fn callback_with(&self, query: &[(&str, &str)]) -> String {
        format!("{}?{}", self.callback, crate::support::browser::encode(query))
    }
}

fn browser() -> Browser {
    Browser::new().stop_at(RETURN)
}

fn session_of(browser: &Browser) -> Option<&str> {
    let name = browser.cookie_names().into_iter().find(|n| !n.starts_with("maverics_tx"))?;
    browser.cookie(name)
}

/// The page for an answer that could not be accepted: status, a reference, and not a word of the reason.
#[track_caller]
fn is_refusal(world: &World, answer: &Answer, browser: &Browser, reason: &str, what: &str) {
    assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    is_page_of_ours(answer);
    assert_eq!(session_of(browser), None, "{what}: a session was opened");
    let text = answer.text();
    let reference = text.split("Reference for the help desk: ").nth(1).map(|rest| rest[..8].to_owned());
    let reference = reference.unwrap_or_else(|| panic!("{what}: no reference: {text}"));
    let line = world.server.wait_for_log(&["event=login.rejected", &format!("reference={reference}")]);
    assert!(line.contains(reason), "{what}: {line}");
    assert!(!text.contains(reason), "{what}: the person reads {reason:?}");
}

#[test]
fn never_a_session_from_a_bad_answer() {
    let world = World::start();
    // What stands in the log; what a bad token says is what `verify_id_token` says.
    let table: &[(&[Quirk], &str)] = &[
        (&[Quirk::WrongIss], "names another issuer"),
        (&[Quirk::NoIss], "names no issuer"),
        (&[Quirk::Error("server_error"), Quirk::WrongIss], "names another issuer"),
        (&[Quirk::TokenIssuer], "comes from another issuer"),
        (&[Quirk::TokenNonce], "answers another request"),
        (&[Quirk::TokenWithoutNonce], "answers another request"),
        (&[Quirk::TokenAudience], "meant for another client"),
        (&[Quirk::TokenTwoAudiences], "meant for another client"),
        (&[Quirk::TokenExpired], "has expired"),
        (&[Quirk::TokenFromTheFuture], "not valid yet"),
        (&[Quirk::TokenWithoutSubject], "no usable `sub`"),
        (&[Quirk::TokenUnsigned], "reason="),
        (&[Quirk::TokenHmac], "reason="),
        (&[Quirk::TokenForged], "reason="),
        (&[Quirk::TokenUnknownKey], "reason="),
        (&[Quirk::TokenAbsent], "no ID token"),
        (&[Quirk::TokenWrongHash], "access token does not belong"),
        (&[Quirk::OtherSubject], "speaks of another person"),
        (&[Quirk::Status(At::Token, 400)], "answered 400"),
        (&[Quirk::Status(At::Token, 401)], "answered 401"),
        (&[Quirk::Status(At::Token, 302)], "answered 302"),
        (&[Quirk::Html(At::Token)], "not a JSON object"),
        // The provider answers what we ask without the person's input, so it is well, and the person stays.
        (&[Quirk::Huge(At::Token)], "well and yet fails"),
        (&[Quirk::Error("server_error")], "well and yet fails"),
        (&[Quirk::Error("temporarily_unavailable")], "well and yet fails"),
    ];
    for (quirks, reason) in table {
        let what = format!("{quirks:?}");
        world.strong.misbehave(quirks);
        let mut browser = browser();
        let answer = browser.open(&world.app());
        is_refusal(&world, &answer, &browser, reason, &what);
        assert_eq!(answer.links(), [world.app()], "{what}: a way on");
        world.nobody_was_moved(&what);
        world.strong.misbehave(&[]);
        assert_eq!(world.served_by(), "strong", "after {what}");
    }
    // Fine without at_hash (Core §3.1.3.6), and without UserInfo where the ID token has what is mapped.
    world.strong.misbehave(&[Quirk::TokenWithoutHash]);
    assert_eq!(world.served_by(), "strong");
    // FM06: the ID token alone has no email, which is required here.
    world.strong.misbehave(&[Quirk::Status(At::UserInfo, 500)]);
    let mut browser = browser();
    let answer = browser.open(&world.app());
    is_refusal(&world, &answer, &browser, "well and yet fails", "no UserInfo");
    world.nobody_was_moved("no UserInfo");
}

/// A token endpoint that answers 500 to an empty request of ours is evidence, whatever discovery says: the
/// person gets in elsewhere, and so do those who come after him.
#[test]
fn a_broken_token_endpoint_is_left() {
    let world = World::start();
    assert_eq!(world.served_by(), "strong");
    world.strong.misbehave(&[Quirk::Status(At::Token, 500)]);
    assert_eq!(world.served_by(), "weak", "moved in the middle of the sign-in");
    world.server.wait_for_log(&["event=continuity.login.restarted", "from=strong"]);
}

#[test]
fn a_key_set_without_keys_is_not_a_reason_to_believe() {
    let world = World::with(|strong, _| strong.misbehave(&[Quirk::NoKeys]));
    let mut browser = browser();
    let answer = browser.open(&world.app());
    // Probes ask for keys as well, so by now this provider may be known to be unwell.
    if world.weak.calls(At::Authorize) == 0 {
        is_refusal(&world, &answer, &browser, "well and yet fails", "no keys");
    } else {
        world.server.wait_for_log(&["reason=no-usable-key"]);
    }
    assert!(!world.server.log().contains("event=login.completed app=page connector=strong"));
}

#[test]
fn a_rotated_key_is_fetched_once() {
    let world = World::start();
    assert_eq!(world.served_by(), "strong");
    world.strong.rotate();
    assert_eq!(world.served_by(), "strong", "RM05");
    // A second unknown key within a minute leads to no second fetch, and to no session.
    world.strong.misbehave(&[Quirk::TokenUnknownKey]);
    let mut browser = browser();
    let answer = browser.open(&world.app());
    is_refusal(&world, &answer, &browser, "key", "unknown key");
    world.nobody_was_moved("unknown key");
}

#[test]
fn a_decision_about_the_person_is_final() {
    let world = World::start();
    for error in ["access_denied", "login_required", "interaction_required", "invalid_request", "made_up"] {
        world.strong.misbehave(&[Quirk::Error(error)]);
        let mut person = browser();
        let answer = person.open(&world.rp().request(&[]));
        assert_eq!(answer.param("error").as_deref(), Some("access_denied"), "{error}");
        assert_eq!(answer.param("state").as_deref(), Some("the state"), "{error}");
        assert_eq!(answer.param("iss").as_deref(), Some(world.server.url.as_str()), "{error}");
        assert_eq!(session_of(&person), None);
        let page = browser().open(&world.app());
        assert_eq!(page.status, 403, "{error}");
        assert!(!page.text().contains(error), "{error} is not for the person");
        world.nobody_was_moved(error);
    }
    world.strong.misbehave(&[]);
    assert_eq!(world.served_by(), "strong");
}

#[test]
fn never_moved_by_what_a_person_writes_into_an_address() {
    let world = World::start();
    let iss = world.strong.issuer();
    // Each forged callback, with the state of a sign-in that is really under way.
    let forgeries: &[(&str, &[(&str, &str)])] = &[
        ("garbage code", &[("code", "garbage")]),
        ("truncated: no code", &[]),
        ("empty code", &[("code", "")]),
        ("two codes", &[("code", "a"), ("code", "b")]),
        ("code and error", &[("code", "a"), ("error", "server_error")]),
    ];
    for (what, query) in forgeries {
        let mut browser = browser();
        let state = world.begin(&mut browser).param("state").unwrap();
        let mut query = query.to_vec();
        query.extend([("state", state.as_str()), ("iss", iss.as_str())]);
        let answer = browser.open(&world.callback_with(&query));
        // `code and error` reads the error, asks the provider, and tries it again: which works.
        assert!(answer.status == 400 || *what == "code and error", "{what}: {}", answer.status);
        world.nobody_was_moved(what);
    }
    // A forged error once: the same provider again, and the sign-in succeeds. Forged twice: the end.
    for error in ["server_error", "temporarily_unavailable"] {
        let mut browser = browser();
        let state = world.begin(&mut browser).param("state").unwrap();
        let again = browser.get(&world.callback_with(&[("error", error), ("state", &state), ("iss", &iss)]));
        assert!(
            again.location().is_some_and(|l| l.as_str().starts_with(&iss)),
            "{error}: {:?}",
            again.location()
        );
        let state = again.param("state").unwrap();
        let end = browser.get(&world.callback_with(&[("error", error), ("state", &state), ("iss", &iss)]));
        is_refusal(&world, &end, &browser, "well and yet fails", error);
        world.server.wait_for_log(&["event=login.failure.unconfirmed", "connector=strong", "app=page"]);
        world.nobody_was_moved(error);
    }
    // Many of them, as an attacker would: the strong one stays in use.
    for _ in 0..20 {
        let mut browser = browser();
        let state = world.begin(&mut browser).param("state").unwrap();
        browser.open(&world.callback_with(&[("error", "server_error"), ("state", &state), ("iss", &iss)]));
    }
    world.nobody_was_moved("twenty forgeries");
    assert_eq!(world.served_by(), "strong");
    assert!(!world.server.log().contains("health.suspected"), "no forgery makes a provider suspect");
}

/// A callback that dawdles: sent in small pieces, cut off in the middle, or its answer never read. Whatever time a
/// person takes is not the provider's.
#[test]
fn never_moved_by_dawdling() {
    use std::io::{Read, Write};
    let world = World::start();
    let begin = || {
        let mut browser = Browser::new().stop_at(&world.callback);
        let there = world.begin(&mut browser);
        let back = browser.follow(there).location().expect("the way back");
        let names: Vec<String> = browser.cookie_names().iter().map(|n| (*n).to_owned()).collect();
        let cookies: Vec<String> =
            names.iter().filter_map(|n| Some(format!("{n}={}", browser.cookie(n)?))).collect();
        let target = format!("{}?{}", back.path(), back.query().unwrap_or_default());
        format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n",
            back.authority(),
            cookies.join("; ")
        )
    };
    let connect = || std::net::TcpStream::connect(world.server.address).expect("a connection");
    // Longer than the time after which a slow answer of the provider is doubted.
    let (request, mut slow) = (begin(), connect());
    for piece in request.as_bytes().chunks(request.len() / 12 + 1) {
        slow.write_all(piece).expect("it reads on");
        crate::support::pause(60);
    }
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 303", "in the end it is as good as any other");
    let (request, mut cut) = (begin(), connect());
    cut.write_all(&request.as_bytes()[..request.len() / 2]).expect("it reads");
    drop(cut);
    let (request, mut unread) = (begin(), connect());
    unread.write_all(request.as_bytes()).expect("it reads");
    world.nobody_was_moved("dawdling");
    assert_eq!(world.served_by(), "strong");
    assert!(!world.server.log().contains("health.suspected"), "nothing was held against the provider");
    drop(unread);
}

#[test]
fn callbacks_that_belong_to_nobody() {
    let world = World::start();
    let iss = world.strong.issuer();
    let over = |answer: &Answer, browser: &Browser, what: &str| {
        assert_eq!(answer.status, 400, "{what}");
        assert!(answer.text().contains("This sign-in is over"), "{what}: {}", answer.text());
        is_page_of_ours(answer);
        assert_eq!(session_of(browser), None, "{what}");
    };
    // RP09: unsolicited, with made-up, missing and repeated states.
    let made_up = "A".repeat(43);
    for query in [
        vec![("code", "x"), ("iss", iss.as_str())],
        vec![("code", "x"), ("state", "short"), ("iss", &iss)],
        vec![("code", "x"), ("state", &made_up), ("iss", &iss)],
        vec![("code", "x"), ("state", &made_up), ("state", &made_up), ("iss", &iss)],
        vec![],
    ] {
        let mut browser = browser();
        let answer = browser.get(&world.callback_with(&query));
        over(&answer, &browser, &format!("{query:?}"));
        let mut posting = Browser::new();
        let answer = posting.send(&Request::form(&world.callback, &query).cross_site());
        let answer = posting.follow(answer);
        over(&answer, &posting, &format!("posted {query:?}"));
    }
    assert_eq!(world.strong.calls(At::Token), 0, "no code was sent on");
    // Another person's callback (login CSRF): the state is real, the browser is not its own.
    let mut attacker = Browser::new().stop_at(&world.callback);
    let there = world.begin(&mut attacker);
    let back = attacker.follow(there);
    let mut victim = browser();
    world.begin(&mut victim);
    let answer = victim.get(back.location().unwrap().as_str());
    over(&answer, &victim, "another browser's state");
    assert_eq!(world.strong.calls(At::Token), 0);
    // Replay: the callback works once; the second one does not touch the session.
    let back = back.location().unwrap();
    let mut copied = attacker.clone();
    let done = attacker.get(back.as_str());
    assert_eq!(done.status, 303, "{}", done.text());
    let answer = copied.get(back.as_str());
    assert!(answer.status == 400 && session_of(&copied).is_none(), "{}", answer.text());
    world.server.wait_for_log(&["event=login.callback.replayed", "connector=strong"]);
    world.server.wait_for_log(&["event=login.callback.unknown", "reason=no-state"]);
    world.server.wait_for_log(&["event=login.callback.unknown", "reason=no-sign-in"]);
    let session = session_of(&attacker).unwrap().to_owned();
    let mut replay = attacker.clone();
    let again = replay.get(back.as_str());
    assert_eq!((again.status, session_of(&replay)), (400, Some(session.as_str())), "replayed");
    assert_eq!(world.strong.calls(At::Token), 1, "the code was sent once");
    world.nobody_was_moved("callbacks of nobody");
}

#[test]
fn another_tabs_state_buys_nothing() {
    let world = World::start();
    let mut browser = Browser::new().stop_at(&world.callback);
    let (one, two) = (world.begin(&mut browser), world.begin(&mut browser));
    let code = browser.follow(one).param("code").unwrap();
    let state = two.param("state").unwrap();
    // The code of one tab with the state of the other: PKCE does not fit, and neither would the nonce.
    let iss = world.strong.issuer();
    let answer = browser.get(&world.callback_with(&[("code", &code), ("state", &state), ("iss", &iss)]));
    is_refusal(&world, &answer, &browser, "invalid_grant", "crossed tabs");
    world.nobody_was_moved("crossed tabs");
}

#[test]
fn a_provider_that_fails_our_own_question_is_left_at_once() {
    // What it does, how the log calls it, and whether it was noticed by waiting.
    let table: &[(&[Quirk], &str)] = &[
        (&[Quirk::Status(At::Discovery, 500)], "unexpected-status"),
        (&[Quirk::Status(At::Discovery, 404)], "unexpected-status"),
        (&[Quirk::Html(At::Discovery)], "not-json"),
        (&[Quirk::OtherIssuer], "issuer-mismatch"),
        (&[Quirk::Huge(At::Discovery)], "answer-too-large"),
        (&[Quirk::Hangs(At::Discovery)], "timeout"),
        (&[Quirk::Drips(At::Discovery)], "timeout"),
    ];
    for (quirks, reason) in table {
        let world = World::start();
        assert_eq!(world.served_by(), "strong");
        world.strong.misbehave(quirks);
        let begun = now();
        assert_eq!(world.served_by(), "weak", "{quirks:?}");
        let first = begun.elapsed();
        assert!(first < Duration::from_millis(3_500), "{quirks:?}: the first login took {first:?}");
        world.server.wait_for_log(&["event=health.", &format!("reason={reason}")]);
        world.server.wait_for_log(&["event=continuity.failover", "from=strong", "to=weak"]);
        let begun = now();
        assert_eq!(world.served_by(), "weak", "{quirks:?}");
        let second = begun.elapsed();
        assert!(second < Duration::from_millis(1_500), "{quirks:?}: a later login took {second:?}");
        eprintln!("{quirks:?}: first login {first:?}, next {second:?}");
        // And back again, by itself, after its probes are good.
        world.strong.misbehave(&[]);
        world.server.wait_for_log(&["event=health.", "connector=strong", "no longer suspect"]);
    }
}

#[test]
fn a_provider_that_dies_in_the_middle_hands_over() {
    let mut world = World::start();
    let mut browser = browser();
    let there = world.begin(&mut browser);
    let mut away = browser.clone().stop_at(&world.callback);
    let back = away.follow(there);
    world.strong.refuse();
    // FM04: the code cannot be redeemed, our own question finds the provider gone, the person goes to the next.
    let moved = browser.get(back.location().unwrap().as_str());
    assert!(
        moved.location().is_some_and(|l| l.as_str().starts_with(&world.weak.issuer())),
        "{} {}",
        moved.status,
        moved.text()
    );
    world.server.wait_for_log(&["event=continuity.login.restarted", "from=strong"]);
    let end = browser.follow(moved);
    // The page behind is not there, which is what a person who passed reads.
    assert_eq!((end.url.path(), end.status), ("/app/x", 502));
    let session = session_of(&browser).unwrap().to_owned();
    // FM08: the first provider's answer comes after all. It changes nothing.
    world.strong.listen();
    let late = browser.get(back.location().unwrap().as_str());
    assert_eq!(late.status, 400);
    assert_eq!(session_of(&browser), Some(session.as_str()));
    assert_eq!(browser.get(&world.app()).status, 502, "still signed in");
}

#[test]
fn a_provider_that_hangs_in_the_middle_costs_a_bounded_wait() {
    let world = World::start();
    let mut browser = browser();
    let there = world.begin(&mut browser);
    let mut away = browser.clone().stop_at(&world.callback);
    let back = away.follow(there);
    world.strong.misbehave(&[Quirk::Hangs(At::Token), Quirk::Hangs(At::Discovery)]);
    let begun = now();
    let moved = browser.get(back.location().unwrap().as_str());
    let took = begun.elapsed();
    assert!(
        moved.location().is_some_and(|l| l.as_str().starts_with(&world.weak.issuer())),
        "{}",
        moved.text()
    );
    assert!(took < Duration::from_millis(4_500), "{took:?}");
    eprintln!("moved after {took:?}");
    assert_eq!(browser.follow(moved).status, 502);
}

#[test]
fn when_nobody_is_left_the_page_says_how_to_go_on() {
    let mut world = World::start();
    let mut browser = browser();
    let there = world.begin(&mut browser);
    let back = browser.clone().stop_at(&world.callback).follow(there);
    world.strong.refuse();
    world.weak.refuse();
    for (what, url) in
        [("in the middle", back.location().unwrap().to_string()), ("at the beginning", world.app())]
    {
        let page = browser.get(&url);
        assert_eq!(page.status, 503, "{what}: {}", page.text());
        assert!(
            page.header("retry-after").is_some_and(|v| v.parse::<u64>().is_ok_and(|s| (1..=60).contains(&s))),
            "{what}"
        );
        is_page_of_ours(&page);
        assert_eq!(page.links(), [world.app()], "{what}");
    }
    world.server.wait_for_log(&["event=continuity.exhausted"]);
    world.strong.listen();
    // CH04: the next request after recovery works, with no restart of anything.
    assert_eq!(browser.open(&world.app()).status, 502);
    assert!(session_of(&browser).is_some());
}

#[test]
fn people_who_are_in_stay_in() {
    let mut world = World::start();
    let mut browser = browser();
    assert_eq!(browser.open(&world.app()).status, 502);
    world.strong.refuse();
    world.server.wait_for_log(&["event=health.state.changed", "connector=strong", "to=unhealthy"]);
    let (asked, session) = (world.weak.calls(At::Authorize), session_of(&browser).unwrap().to_owned());
    for _ in 0..5 {
        assert_eq!(browser.get(&world.app()).status, 502, "CH05: straight through to the page");
    }
    assert!(browser.open(&world.rp().request(&[("prompt", "none")])).param("code").is_some());
    assert_eq!((world.weak.calls(At::Authorize), session_of(&browser)), (asked, Some(session.as_str())));
}
