//! A new configuration while people work: applied whole or not at all, and nothing they have is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::alice;
use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::{At, FakeIdp};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port, until};

const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    strong: FakeIdp,
    weak: FakeIdp,
    upstream: Upstream,
    server: Server,
    port: u16,
    scratch: Scratch,
}

impl World {
    fn start(arguments: &[&str]) -> Self {
        let scratch = Scratch::new();
        let (strong, weak) = (FakeIdp::start(alice()), FakeIdp::start(alice()));
        let upstream = Upstream::start();
        let port = free_port();
        let yaml = yaml(port, &strong, &weak, &upstream, "one");
        let server = Launch { arguments, ..Launch::new(&scratch, &yaml, port) }.start();
        World { strong, weak, upstream, server, port, scratch }
    }

    fn yaml(&self, version: &str) -> String {
        yaml(self.port, &self.strong, &self.weak, &self.upstream, version)
    }

    fn write(&self, text: &str) {
        self.scratch.write("maverics.yaml", text);
    }

    /// Applies a text, which has this version.
    fn apply(&self, text: &str, version: &str) {
        self.write(text);
        self.server.process.signal("HUP");
        self.server.wait_for_log(&["event=reload.done", &format!("version={version}")]);
    }

    /// Tries to apply a text, and is refused with these words.
    fn refused(&self, text: &str, words: &[&str]) {
        let count = |log: &str| log.matches("event=reload.refused").count();
        let before = count(&self.server.log());
        self.write(text);
        self.server.process.signal("HUP");
        until("the refusal", PATIENCE, || (count(&self.server.log()) > before).then_some(()));
        let log = self.server.log();
        for word in words {
            assert!(log.contains(word), "no {word:?} in {log}");
        }
    }

    fn app(&self) -> String {
        format!("{}/app/x", self.server.url)
    }

    fn signs_in(&self) -> Browser {
        let mut browser = Browser::new();
        assert_eq!(browser.open(&self.app()).status, 200);
        browser
    }
}

fn yaml(port: u16, strong: &FakeIdp, weak: &FakeIdp, upstream: &Upstream, version: &str) -> String {
    let callback = format!("http://127.0.0.1:{port}/callback");
    format!(
        "version: {version}
http: {{address: '127.0.0.1:{port}'}}
connectors:
{}{}  - name: ha
    type: continuity
    failover: {{idps: [strong, weak]}}
apps:
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {}
    policies: [{{location: /, authentication: {{idps: [ha]}}, authorization: {{allowAll: true}}}}]
",
        strong.connector("strong", &callback),
        weak.connector("weak", &callback),
        upstream.url(),
    )
}

#[test]
fn what_is_known_of_providers_and_people_goes_on() {
    let mut world = World::start(&[]);
    let mut known = world.signs_in();
    // A sign-in that is under way: sealed with a key that only this process has.
    let mut under_way = Browser::new();
    let away = under_way.get(&world.app());
    world.strong.refuse();
    world.server.wait_for_log(&["event=health.state.changed", "connector=strong", "to=unhealthy"]);
    let asked = world.weak.calls(At::Discovery);
    let changes =
        |line: &&str| line.contains("event=health.state.changed") && line.contains("connector=weak");
    let discovered = |log: &str| log.lines().filter(changes).count();
    let before = discovered(&world.server.log());

    world.apply(&world.yaml("two"), "two");
    assert_eq!(known.get(&world.app()).status, 200, "still signed in");
    let log_from = world.server.log().len();
    let mut other = world.signs_in();
    let log = world.server.log()[log_from..].to_owned();
    let failover = log.lines().find(|line| line.contains("event=continuity.failover")).unwrap_or_default();
    assert!(failover.contains("to=weak") && failover.contains("reason=failover"), "{log}");
    assert!(!log.contains("event=health.preflight.failed"), "nobody had to find out again: {log}");
    assert_eq!(discovered(&world.server.log()), before, "no change of a provider that did not change");
    until("its monitor to go on", PATIENCE, || (world.weak.calls(At::Discovery) > asked + 3).then_some(()));

    // The sign-in that began before the reload ends after it.
    world.strong.listen();
    let back = under_way.follow(away);
    assert_eq!(back.status, 200, "{}", back.text());
    world.server.wait_for_log(&[
        "event=health.state.changed",
        "connector=strong",
        "from=unhealthy",
        "to=healthy",
    ]);

    // Only how it is watched changed: what is known of it holds, and the new thresholds count.
    world.strong.refuse();
    until("it to be unhealthy again", PATIENCE, || {
        let fell = |line: &&str| line.contains("connector=strong") && line.contains("from=healthy");
        (world.server.log().lines().filter(fell).count() == 2).then_some(())
    });
    let patient = world.yaml("three").replacen("healthyThreshold: 2", "healthyThreshold: 3", 1);
    let from = world.server.log().len();
    world.apply(&patient, "three");
    assert_eq!(other.get(&world.app()).status, 200);
    world.signs_in();
    let log = world.server.log()[from..].to_owned();
    assert!(!log.contains("event=health.preflight.failed"), "no false health after a reload: {log}");
}

/// Nobody asked for the attribute when they signed in, so it is not known that they have none.
#[test]
fn a_new_attribute_is_not_known_of_those_who_signed_in_before() {
    let world = World::start(&[]);
    let mut before = world.signs_in();
    let text = world
        .yaml("two")
        .replace(
            "failover: {idps: [strong, weak]}",
            "failover: {idps: [strong, weak]}\n    attributes:\n      - {name: mail, mapping: {strong: email, weak: email}}\n      - {name: type, mapping: {strong: userType, weak: userType}}",
        )
        .replace("allowAll: true", "rules: [{notEquals: ['{{ ha.type }}', contractor]}]");
    world.apply(&text, "two");
    assert_eq!(before.get(&world.app()).status, 403);
    world.signs_in();
    // The same rules again are the same rules.
    let mut known = world.signs_in();
    world.apply(&text.replace("version: two", "version: three"), "three");
    assert_eq!(known.get(&world.app()).status, 200);
}

#[test]
fn an_error_changes_nothing() {
    let world = World::start(&[]);
    let mut known = world.signs_in();
    let good = world.yaml("two");
    world.refused("a: [", &["event=reload.finding"]);
    world.refused(&good.replace("upstream:", "upstraem:"), &["upstraem", "maverics.yaml:"]);
    world.refused(&good.replace("idps: [ha]", "idps: [ah]"), &["`ah`"]);
    world.refused(
        &good.replace("oauthClientID: orch", "oauthClientID: orch\n    oidcIssuer: <vault.gone>"),
        &["vault.gone"],
    );
    let elsewhere = good.replace(&format!("address: '127.0.0.1:{}'", world.port), "address: '127.0.0.1:9'");
    world.refused(&elsewhere, &["restart"]);
    assert!(!world.server.log().contains("event=reload.done"));
    assert_eq!(known.get(&world.app()).status, 200);
    world.signs_in();
    std::fs::remove_file(world.scratch.path("maverics.yaml")).unwrap();
    world.server.process.signal("HUP");
    world.server.wait_for_log(&["event=reload.refused", "cannot read"]);
    world.apply(&good, "two");
}

#[test]
fn a_watched_file_is_applied_by_itself() {
    let world = World::start(&["--watch-config"]);
    assert_eq!(Browser::new().get(&format!("{}/open/x", world.server.url)).status, 404);
    let app = "  - {name: open, type: proxy, routePatterns: [/open], upstream: UP, policies: [{location: /, authentication: {allowUnauthenticated: true}, authorization: {allowAll: true}}]}\n";
    world.write(&(world.yaml("two") + &app.replace("UP", &world.upstream.url())));
    world.server.wait_for_log(&["event=reload.done", "version=two"]);
    assert_eq!(Browser::new().get(&format!("{}/open/x", world.server.url)).status, 200);
    world.write("nonsense: true");
    world.server.wait_for_log(&["event=reload.refused"]);
    assert_eq!(Browser::new().get(&format!("{}/open/x", world.server.url)).status, 200);
}

#[test]
fn no_request_fails_while_configurations_change() {
    let world = World::start(&[]);
    let over = Arc::new(AtomicBool::new(false));
    let held = std::thread::spawn({
        let mut browser = world.signs_in();
        let url = format!("{}/app/held", world.server.url);
        move || browser.get(&url).status
    });
    let people: Vec<_> = (0..3)
        .map(|_| {
            let (url, over) = (world.app(), over.clone());
            let mut browser = world.signs_in();
            std::thread::spawn(move || {
                let mut served = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    let answer = browser.get(&url);
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    served += 1;
                }
                served
            })
        })
        .collect();
    let newcomers = std::thread::spawn({
        let (url, over) = (world.app(), over.clone());
        move || {
            let mut served = 0_u32;
            while !over.load(Ordering::Relaxed) {
                let end = Browser::new().open(&url);
                assert_eq!(end.status, 200, "{}", end.text());
                served += 1;
            }
            served
        }
    });
    for i in 0..20 {
        let version = format!("v{i}");
        // Every other one changes what is configured for the providers, too.
        let text = world.yaml(&version);
        let text =
            if i % 2 == 0 { text.replace("openid profile email", "openid email profile") } else { text };
        world.apply(&text, &version);
    }
    over.store(true, Ordering::Relaxed);
    let served: u32 = people.into_iter().map(|p| p.join().expect("no request failed")).sum();
    let signed_in = newcomers.join().expect("no sign-in failed");
    world.upstream.release();
    assert_eq!(held.join().expect("the request that lasted"), 200);
    assert!(served > 20 && signed_in > 5, "{served} {signed_in}");
}

/// Whoever signed in at a provider that is taken away, or whose name is given to another one, is out; the others
/// are not.
#[test]
fn a_provider_that_is_taken_away_takes_its_sessions_with_it() {
    let mut world = World::start(&[]);
    let mut by_strong = world.signs_in();
    world.strong.refuse();
    world.server.wait_for_log(&["event=health.state.changed", "connector=strong", "to=unhealthy"]);
    let mut by_weak = world.signs_in();
    // Another provider under the same name.
    let other = FakeIdp::start(alice());
    let replaced = yaml(world.port, &other, &world.weak, &world.upstream, "two");
    world.apply(&replaced, "two");
    let asked = |browser: &mut Browser| browser.get(&world.app()).status;
    assert_eq!((asked(&mut by_strong), asked(&mut by_weak)), (303, 200));
    world.server.wait_for_log(&["event=session.ended", "reason=provider-removed"]);
    // Gone from the continuity connector, and still a provider of its own: it does not speak for that one.
    let without =
        replaced.replace("idps: [strong, weak]", "idps: [strong]").replace("version: two", "version: three");
    world.apply(&without, "three");
    assert_eq!(asked(&mut by_weak), 303);
}

/// The admin listener must not become somebody's upstream by a reload either.
#[test]
fn no_reload_puts_the_admin_listener_behind_the_proxy() {
    let port = free_port();
    let admin = format!("127.0.0.1:{port}");
    let token = Scratch::new();
    let file = token.path("token").display().to_string();
    let world = World::start(&["--admin", &admin, "--admin-token-file", &file]);
    let good = world.yaml("two");
    world.refused(
        &good.replace(&world.upstream.url(), &format!("http://{admin}")),
        &["is the admin listener"],
    );
    world.apply(&good, "two");
}
