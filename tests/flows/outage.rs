//! What an outage must not change: who somebody is, and how strongly that was proved.

use std::time::Duration;

use serde_json::{Value, json};

use super::{RETURN, Rp};
use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::{At, FakeIdp};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port, until};

const PATIENCE: Duration = Duration::from_secs(20);

/// Two providers of different strength behind one name; a relying party and two pages, one of which asks for
/// the stronger.
struct World {
    strong: FakeIdp,
    weak: FakeIdp,
    server: Server,
    _upstream: Upstream,
    _scratch: Scratch,
}

fn person(sub: &str, email: &str) -> Value {
    json!({"sub": sub, "email": email, "email_verified": true})
}

impl World {
    fn start() -> Self {
        let scratch = Scratch::new();
        scratch.write_signing_key();
        let strong = FakeIdp::start(person("s-1", "ada@example.com"));
        let weak = FakeIdp::start(person("w-1", "ada@example.com"));
        let upstream = Upstream::start();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let callback = format!("{url}/callback");
        let page = |name: &str, least: &str| {
            format!(
                "  - name: {name}
    type: proxy
    routePatterns: [/{name}]
    upstream: {}
    headers: [{{name: X-Email, value: '{{{{ ha.email }}}}'}}]
    policies: [{{location: /, authentication: {{idps: [ha]{least}}}, authorization: {{allowAll: true}}}}]
",
                upstream.url()
            )
        };
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
{}    assurance: 3
{}    assurance: 1
  - name: ha
    type: continuity
    failover: {{idps: [strong, weak]}}
    attributes: [{{name: email, mapping: {{strong: email, weak: email}}, required: true}}]
    identity: {{attribute: email}}
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
    claimsMapping: {{email: ha.email}}
{}{}",
            strong.connector("strong", &callback),
            weak.connector("weak", &callback),
            page("any", ""),
            page("strict", ", minimumAssurance: 2"),
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        World { strong, weak, server, _upstream: upstream, _scratch: scratch }
    }

    fn rp(&self) -> Rp {
        Rp::new(&self.server.url, "main", "secret")
    }

    fn page(&self, name: &str) -> String {
        format!("{}/{name}/x", self.server.url)
    }

    fn browser(&self) -> Browser {
        Browser::new().stop_at(RETURN)
    }

    /// The subject that a relying party is told.
    fn subject(&self, browser: &mut Browser, change: &[(&str, &str)]) -> String {
        let rp = self.rp();
        let tokens = rp.redeem(&rp.code(browser, change)).json();
        let told = rp.userinfo(tokens["access_token"].as_str().expect("an access token")).json();
        told["sub"].as_str().expect("a subject").to_owned()
    }
}

/// CH06: asked to prove again who he is while the primary is down, the person does so at another member, and
/// that counts only when it is the same person.
#[test]
fn a_fresh_sign_in_elsewhere_counts_for_the_same_person_only() {
    let mut world = World::start();
    let (mut browser, mut other) = (world.browser(), world.browser());
    let before = world.subject(&mut browser, &[]);
    assert_eq!(world.subject(&mut other, &[]), before);
    world.strong.refuse();
    for change in [("prompt", "login"), ("max_age", "0")] {
        let asked = world.weak.queries(At::Authorize).len();
        assert_eq!(world.subject(&mut browser, &[change]), before, "{change:?}");
        let query = world.weak.queries(At::Authorize)[asked].clone();
        assert!(query.contains("prompt=login") && query.contains("max_age=0"), "{query}");
    }
    // Somebody else signs in at the backup: not as the one who is signed in here.
    world.weak.knows(person("w-2", "eve@example.com"));
    let end = other.open(&world.rp().request(&[("prompt", "login")]));
    assert_eq!((end.status, end.location()), (400, None), "{}", end.text());
    world.server.wait_for_log(&["identity.mismatch"]);
    assert_eq!(world.subject(&mut other, &[]), before, "who was signed in still is");
    // Without a session there is nothing to compare with.
    assert_ne!(world.subject(&mut world.browser(), &[("prompt", "login")]), before);
}

/// CH07, and the plan: an app that asks for more never gets less, also when nobody else is left.
#[test]
fn an_outage_lowers_nothing() {
    let mut world = World::start();
    world.strong.refuse();
    let refused = world.browser().open(&world.page("strict"));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    world.server.wait_for_log(&["event=continuity.exhausted", "app=strict"]);
    // Who came in by the weaker one elsewhere is not let in here by that.
    let mut browser = world.browser();
    let page = browser.open(&world.page("any"));
    assert_eq!((page.status, page.json()["headers"]["x-email"].as_str()), (200, Some("ada@example.com")));
    let refused = browser.open(&world.page("strict"));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(world.strong.calls(At::Authorize), 0);
    // The stronger one comes back: the same browser proves more there, and nothing was lost meanwhile.
    world.strong.listen();
    until("the strict page to open", PATIENCE, || {
        (browser.open(&world.page("strict")).status == 200).then_some(())
    });
    assert!(world.strong.calls(At::Authorize) > 0);
    assert_eq!(browser.open(&world.page("any")).status, 200);
}

/// ID05: the same address, at the same provider, and yet another account.
#[test]
fn an_identity_that_changes_hands_is_refused() {
    let world = World::start();
    let mut first = world.browser();
    assert_eq!(first.open(&world.page("any")).status, 200);
    world.strong.knows(person("s-2", "ada@example.com"));
    let mut second = world.browser();
    let refused = second.open(&world.page("any"));
    assert_eq!((refused.status, second.cookie("maverics_session")), (400, None), "{}", refused.text());
    assert!(!refused.text().contains("collision"), "the person does not read why");
    world.server.wait_for_log(&["identity.collision"]);
    assert_eq!(first.get(&world.page("any")).status, 200, "who is in stays in");
    world.strong.knows(person("s-1", "ada@example.com"));
    assert_eq!(
        world.browser().open(&world.page("any")).status,
        200,
        "the former account still is who it was"
    );
}

/// FM07: whoever stands on the page of a provider that died goes back to the app, and is signed in elsewhere.
#[test]
fn people_come_back_from_a_dead_page() {
    let mut world = World::start();
    let mut browser = world.browser();
    let away = browser.get(&world.page("any"));
    let to = away.location().expect("a redirect");
    assert_eq!(format!("http://{}", to.authority()), world.strong.issuer());
    world.strong.refuse();
    assert!(browser.try_get(to.as_str()).is_err(), "a dead page");
    let end = browser.open(&world.page("any"));
    assert_eq!(end.status, 200, "{}", end.text());
    assert_eq!(end.json()["headers"]["x-email"], "ada@example.com");
    assert!(world.weak.calls(At::Token) > 0);
}

/// Q04: somebody whose sessions are lost as soon as they are made is told so after some rounds.
#[test]
fn nobody_is_sent_in_circles_for_ever() {
    let world = World::start();
    let mut browser = world.browser();
    for _ in 0..5 {
        assert_eq!(browser.open(&world.page("any")).status, 200);
        browser.forget("maverics_session");
    }
    let stopped = browser.open(&world.page("any"));
    assert_eq!(stopped.status, 508, "{}", stopped.text());
    super::is_page_of_ours(&stopped);
    world.server.wait_for_log(&["event=login.circles", "app=any"]);
    // Who has a session is not in a circle, however often he proves who he is.
    let mut other = world.browser();
    for _ in 0..8 {
        world.subject(&mut other, &[("prompt", "login")]);
    }
}
