//! Logout with a provider that others wrote.

use serde_json::json;

use super::{fetched, is_plain_end};
use crate::support::browser::{Answer, Browser};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Peer, Scratch, Server, free_port};

struct World {
    idp: Peer,
    server: Server,
    _upstream: Upstream,
    _scratch: Scratch,
}

impl World {
    fn start() -> Option<Self> {
        let scratch = Scratch::new();
        let (port, provider) = (free_port(), free_port());
        let url = format!("http://127.0.0.1:{port}");
        let users =
            scratch.write("users.json", &json!({"alice": {"email": "alice@example.com"}}).to_string());
        let arguments = [
            "--port",
            &provider.to_string(),
            "--client-id",
            "orch",
            "--client-secret",
            "s1",
            "--redirect-uri",
            &format!("{url}/callback"),
            "--post-logout-redirect-uri",
            &format!("{url}/logged-out"),
            "--backchannel-logout-uri",
            &format!("{url}/announced"),
            "--users",
            users.to_str()?,
        ];
        let idp = Peer::node(&scratch, "oidc_provider.mjs", &arguments)?;
        let upstream = Upstream::start();
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - name: people
    type: oidc
    oidcWellKnownURL: http://127.0.0.1:{provider}/.well-known/openid-configuration
    oauthClientID: orch
    oauthClientSecret: s1
    oauthRedirectURL: {url}/callback
    oidcLogoutCallbackURL: {url}/logged-out
    oidcBackchannelLogoutURL: {url}/announced
singleLogout: {{logoutURL: '{url}/logout'}}
apps:
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {}
    policies: [{{location: /, authentication: {{idps: [people]}}, authorization: {{allowAll: true}}}}]
",
            upstream.url()
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        Some(World { idp, server, _upstream: upstream, _scratch: scratch })
    }

    fn app(&self) -> String {
        format!("{}/app/x", self.server.url)
    }

    /// Fills in the provider's form.
    #[track_caller]
    fn signed_in(&self) -> Browser {
        let mut browser = Browser::new();
        let form = browser.open(&self.app());
        let page = browser.submit(&form, &[("login", "alice"), ("password", "password-of-alice")]);
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(page.url.path(), "/app/x");
        browser
    }

    fn is_in(&self, browser: &Browser) -> bool {
        browser.clone().get(&self.app()).status == 200
    }

    fn log_out(&self, browser: &mut Browser) -> Answer {
        let away = browser.send(&fetched(
            &format!("{}/logout", self.server.url),
            "same-origin",
            "navigate",
            "document",
        ));
        browser.follow(away)
    }
}

/// The provider asks the person, who says yes: out here and there, so that the next visit has to sign in again.
#[test]
fn out_here_and_there() {
    let Some(world) = World::start() else { return };
    let mut person = world.signed_in();
    let before = person.clone();
    let question = world.log_out(&mut person);
    assert!(!world.is_in(&before), "before the person has answered");
    assert_eq!((question.status, question.forms().len()), (200, 1), "{}", question.text());
    let end = person.submit(&question, &[("logout", "yes")]);
    is_plain_end(&end);
    assert_eq!(end.url.path(), "/logged-out");
    let form = person.open(&world.app());
    assert_eq!(form.forms()[0].fields.len(), 2, "a name and a password are asked for: {}", form.text());
    // Its announcement of the same logout came in the middle, and was received.
    world.server.wait_for_log(&["event=logout.received", "connector=people", "detail=\"0 sessions ended\""]);
    assert!(!world.server.log().contains("event=logout.refused"));
}

/// One browser with two of our sessions behind one session at the provider: the one signs out, and the provider
/// tells us of the other.
#[test]
fn the_provider_announces_it() {
    let Some(world) = World::start() else { return };
    let mut person = world.signed_in();
    let stranger = world.signed_in();
    let first = person.clone();
    person.forget("maverics_session");
    assert_eq!(person.open(&world.app()).status, 200, "single sign-on");
    assert!(world.is_in(&first) && world.is_in(&person));
    let question = world.log_out(&mut person);
    assert!(world.is_in(&first));
    is_plain_end(&person.submit(&question, &[("logout", "yes")]));
    world.server.wait_for_log(&["event=logout.received", "connector=people", "detail=\"1 sessions ended\""]);
    assert!(!world.is_in(&first));
    assert!(world.is_in(&stranger), "another session of the same person at the provider");
}

#[test]
fn killed_before_the_logout() {
    let Some(mut world) = World::start() else { return };
    let mut person = world.signed_in();
    let before = person.clone();
    world.idp.process.signal("KILL");
    let page = world.log_out(&mut person);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("may still be open"), "{}", page.text());
    assert!(!world.is_in(&before));
    assert_eq!(person.cookie("maverics_session"), None);
    world.server.wait_for_log(&["event=logout.upstream.incomplete", "connector=people"]);
    world.idp.process.kill();
}
