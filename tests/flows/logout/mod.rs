//! Signing out: here first, then through the provider that signed the person in, and for the relying parties.

mod announced;
mod peer;
mod person;
mod relying_party;

use serde_json::json;

use super::{RETURN, Rp};
use crate::support::browser::{Answer, Browser, Request};
use crate::support::fake_idp::oidc::{At, FakeIdp};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port};

/// Where relying parties have people sent after a logout. Nobody listens there.
const BYE: &str = "http://127.0.0.1:9/bye";

struct World {
    strong: FakeIdp,
    weak: FakeIdp,
    upstream: Upstream,
    server: Server,
    _scratch: Scratch,
}

impl World {
    fn start() -> Self {
        Self::with("", |_| String::new())
    }

    /// Two providers behind a continuity connector and alone, two relying parties, two protected pages. `provider`
    /// is more of the `oidcProvider` block, `more` more of a connector.
    fn with(provider: &str, more: impl Fn(&str) -> String) -> Self {
        let scratch = Scratch::new();
        scratch.write_signing_key();
        let person = json!({"sub": "a1", "email": "alice@example.com", "email_verified": true});
        let (strong, weak) = (FakeIdp::start(person.clone()), FakeIdp::start(person));
        let upstream = Upstream::start();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let connector = |idp: &FakeIdp, name: &str| {
            let mut text = idp.connector(name, &format!("{url}/callback"));
            text.push_str(&format!("    oidcBackchannelLogoutURL: {url}/announced/{name}\n"));
            match more(name) {
                more if more.is_empty() => {
                    text.push_str(&format!("    oidcLogoutCallbackURL: {url}/logged-out\n"))
                }
                more => text.push_str(&more),
            }
            text
        };
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
{}{}  - name: ha
    type: continuity
    failover: {{idps: [strong, weak]}}
    attributes: [{{name: email, mapping: {{strong: email, weak: email}}}}]
    identity: {{attribute: email, trustedEmailIdps: [strong, weak]}}
singleLogout: {{logoutURL: /logout}}
oidcProvider:
  discovery: {{issuer: '{url}'}}
  jwks: [{{name: k, file: sign.pem}}]
{provider}apps:
  - name: main
    type: oidc
    clientID: main
    clientSecret: secret
    redirectURLs: ['{RETURN}']
    postLogoutRedirectURLs: ['{BYE}', '{BYE}?kept=1']
    backchannelLogoutURL: {app}/main
    authentication: {{idps: [ha]}}
    claimsMapping: {{email: ha.email}}
  - name: second
    type: oidc
    clientID: second
    clientSecret: secret
    redirectURLs: ['{RETURN}']
    postLogoutRedirectURLs: ['{BYE}2']
    backchannelLogoutURL: {app}/refuses
    authentication: {{idps: [ha]}}
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {app}
    logout: {{logoutURL: /app/logout, postLogout: {{redirectURL: '{BYE}-page'}}}}
    policies:
      - {{location: /, authentication: {{idps: [ha]}}, authorization: {{allowAll: true}}}}
  - name: other
    type: proxy
    routePatterns: [/other]
    upstream: {app}
    policies:
      - {{location: /, authentication: {{idps: [weak]}}, authorization: {{allowAll: true}}}}
",
            connector(&strong, "strong"),
            connector(&weak, "weak"),
            app = upstream.url(),
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        World { strong, weak, upstream, server, _scratch: scratch }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    fn rp(&self) -> Rp {
        Rp::new(&self.server.url, "main", "secret")
    }

    /// A browser in which somebody signed in for the page.
    #[track_caller]
    fn signed_in(&self) -> Browser {
        let mut browser = browser();
        let answer = browser.open(&self.url("/app/x"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(self.is_in(&browser));
        browser
    }

    /// Whether the cookie a browser has, or had when it was copied, is worth anything.
    fn is_in(&self, browser: &Browser) -> bool {
        browser.clone().get(&self.url("/app/x")).status == 200
    }

    /// How often people were sent to end their session, by provider.
    fn ended_at(&self) -> (usize, usize) {
        (self.strong.calls(At::EndSession), self.weak.calls(At::EndSession))
    }
}

fn browser() -> Browser {
    Browser::new().stop_at(RETURN).stop_at(BYE)
}

/// A person follows a link of the application's own page.
fn link(url: &str) -> Request {
    fetched(url, "same-origin", "navigate", "document")
}

fn fetched(url: &str, site: &str, mode: &str, dest: &str) -> Request {
    Request::get(url)
        .header("Sec-Fetch-Site", site)
        .header("Sec-Fetch-Mode", mode)
        .header("Sec-Fetch-Dest", dest)
}

/// The page for somebody who is signed out, and everywhere as far as we know.
#[track_caller]
fn is_plain_end(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("<h1>You are signed out</h1>"), "{}", answer.text());
    super::is_page_of_ours(answer);
}
