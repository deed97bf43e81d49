//! SAML providers: sign-ins, what is refused and how it looks, metadata, sign-ins that the provider begins, logout.

mod lapsed;
mod logout;
mod metadata;
mod refused;
mod sign_in;
mod unsolicited;

use super::{RETURN, Rp};
use crate::support::browser::{Answer, Browser, Request};
use crate::support::fake_idp::saml::{FakeSamlIdp, key_pair};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port};

const ENTITY: &str = "urn:example:orchestrator";

/// A SAML provider, one proxied page that asks it through a continuity connector, one that asks it itself, and a
/// relying party.
struct World {
    idp: FakeSamlIdp,
    server: Server,
    _upstream: Upstream,
    _scratch: Scratch,
}

impl World {
    fn start() -> Self {
        Self::with("", |_| {})
    }

    /// `more` is more of the connector; `before` changes the provider before anything asks it.
    fn with(more: &str, before: impl FnOnce(&FakeSamlIdp)) -> Self {
        Self::with_apps(more, "", before)
    }

    /// With further apps; `UPSTREAM` in them is the application.
    fn with_apps(more: &str, apps: &str, before: impl FnOnce(&FakeSamlIdp)) -> Self {
        let scratch = Scratch::new();
        scratch.write_signing_key();
        let (key, certificate) = key_pair();
        scratch.write_private("sp.key", &key);
        scratch.write("sp.pem", &certificate);
        let idp = FakeSamlIdp::start(
            "ada-17",
            &[("mail", &["ada@example.com"]), ("displayName", &["Ada"]), ("group", &["staff", "math"])],
        );
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        idp.serves(ENTITY, &format!("{url}/acs"), &format!("{url}/slo"), Some(&certificate));
        before(&idp);
        let upstream = Upstream::start();
        let more = more.replace("THE_PROVIDER", &idp.entity_id()).replace("OUR_URL", &url);
        let source = match more.contains("samlMetadataURL") {
            true => String::new(),
            false => format!("    samlMetadataURL: {}\n", idp.metadata_url()),
        };
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - name: corp
    type: saml
{source}    samlConsumerServiceURL: {url}/acs
    samlEntityID: {ENTITY}
    samlLogoutCallbackURL: {url}/slo
    samlSPKeyPath: sp.key
    samlSPCertPath: sp.pem
    healthCheck: {{enabled: true, interval: 1s, timeout: 500ms, unhealthyThreshold: 2, healthyThreshold: 2}}
{more}  - name: ha
    type: continuity
    failover: {{idps: [corp]}}
    attributes:
      - {{name: email, mapping: {{corp: mail}}}}
      - {{name: role, mapping: {{corp: group}}}}
singleLogout: {{logoutURL: /logout}}
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
    claimsMapping: {{email: ha.email, role: ha.role, name: corp.displayName}}
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {app}
    headers:
      - {{name: X-Mail, value: '{{{{ ha.email }}}}'}}
      - {{name: X-Role, value: '{{{{ ha.role }}}}'}}
      - {{name: X-Name, value: '{{{{ corp.nameID }}}}'}}
    policies:
      - {{location: /, authentication: {{idps: [ha]}}, authorization: {{allowAll: true}}}}
  - name: own
    type: proxy
    routePatterns: [/own]
    upstream: {app}
    policies:
      - {{location: /, authentication: {{idps: [corp]}}, authorization: {{allowAll: true}}}}
{apps}",
            app = upstream.url(),
            apps = apps.replace("UPSTREAM", &upstream.url()),
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        World { idp, server, _upstream: upstream, _scratch: scratch }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    fn rp(&self) -> Rp {
        Rp::new(&self.server.url, "main", "secret")
    }

    /// Opens an address and lets the provider have its way.
    fn open(&self, browser: &mut Browser, path: &str) -> Answer {
        let answer = browser.open(&self.url(path));
        carry(browser, answer)
    }

    /// A browser in which the person is signed in for the page.
    #[track_caller]
    fn signed_in(&self) -> Browser {
        let mut browser = browser();
        let answer = self.open(&mut browser, "/app/x");
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), self.server.log());
        assert!(self.is_in(&browser));
        browser
    }

    fn is_in(&self, browser: &Browser) -> bool {
        let page = browser.clone().get(&self.url("/app/x"));
        page.status == 200 && message_form(&page).is_none()
    }

    /// As far as the form with the provider's answer.
    #[track_caller]
    fn up_to_the_answer(&self, browser: &mut Browser, path: &str) -> Answer {
        let mut answer = browser.open(&self.url(path));
        for _ in 0..3 {
            match message_form(&answer) {
                Some((_, fields)) if fields.iter().any(|(name, _)| name == "SAMLResponse") => return answer,
                Some(_) => answer = post(browser, &answer),
                None => break,
            }
        }
        panic!("no answer of the provider at {}: {}", answer.url, answer.text())
    }
}

fn browser() -> Browser {
    Browser::new().stop_at(RETURN)
}

/// The form with a SAML message that a page has, if it has one.
fn message_form(page: &Answer) -> Option<(url::Url, Vec<(String, String)>)> {
    let form = page.forms().into_iter().next()?;
    let is_message = |(name, _): &(String, String)| name == "SAMLRequest" || name == "SAMLResponse";
    form.fields.iter().any(is_message).then(|| (page.url.join(&form.action).unwrap(), form.fields))
}

/// Posts the form of a page as its script does: from another site, where it is one.
#[track_caller]
fn post(browser: &mut Browser, page: &Answer) -> Answer {
    let (action, fields) = message_form(page).expect("a form with a message");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut request = Request::form(action.as_str(), &fields);
    request.cross_site = action.origin() != page.url.origin();
    let answer = browser.send(&request);
    browser.follow(answer)
}

/// Carries messages to and fro until a page is shown.
#[track_caller]
fn carry(browser: &mut Browser, mut answer: Answer) -> Answer {
    for _ in 0..6 {
        if message_form(&answer).is_none() {
            return answer;
        }
        answer = post(browser, &answer);
    }
    panic!("messages without end")
}
