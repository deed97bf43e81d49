//! `type: ldap` against OpenLDAP's slapd, and against servers that misbehave.

mod accounts;
mod certain;
mod misbehaving;
mod person;
mod servers;
mod tls;

use crate::support::authority::Authority;
use crate::support::browser::{Answer, Browser};
use crate::support::slapd::{BASE, SERVICE, SERVICE_PASSWORD, Slapd};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port};

/// A directory, the orchestrator in front of an application, and the application.
struct World {
    server: Server,
    upstream: Upstream,
    /// Gone with the world, and not before.
    _scratch: Scratch,
}

/// A connector named `dir`.
fn connector(url: &str, more: &str) -> String {
    format!(
        "  - {{name: dir, type: ldap, url: {url}, bindDN: '{SERVICE}', bindPassword: '{SERVICE_PASSWORD}', baseDN: '{BASE}'{more}}}\n"
    )
}

impl World {
    /// With these connectors, of which `idp` signs people in.
    fn with(scratch: Scratch, authority: &Authority, connectors: &str, idp: &str) -> Self {
        Self::with_headers(
            scratch,
            authority,
            connectors,
            idp,
            &format!("{{name: X-Email, value: '{{{{ {idp}.mail }}}}'}}"),
        )
    }

    fn with_headers(
        scratch: Scratch,
        authority: &Authority,
        connectors: &str,
        idp: &str,
        headers: &str,
    ) -> Self {
        Self::start(scratch, authority, &format!("{connectors}apps:\n"), idp, headers)
    }

    /// With connectors, and further apps after the key `apps`.
    fn with_apps(scratch: Scratch, authority: &Authority, connectors_and_apps: &str) -> Self {
        Self::start(
            scratch,
            authority,
            connectors_and_apps,
            "dir",
            "{name: X-Email, value: '{{ dir.mail }}'}",
        )
    }

    fn start(scratch: Scratch, authority: &Authority, above: &str, idp: &str, headers: &str) -> Self {
        let upstream = Upstream::start();
        let port = free_port();
        scratch.write("ca.pem", &authority.pem);
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
tls: {{ours: {{caFile: ca.pem}}}}
connectors:
{above}  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {}
    headers: [{headers}]
    policies: [{{location: /, authentication: {{idps: [{idp}]}}, authorization: {{allowAll: true}}}}]
",
            upstream.url()
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        World { server, upstream, _scratch: scratch }
    }

    fn app(&self) -> String {
        format!("{}/app/x", self.server.url)
    }

    /// A browser of its own before the password page, which submits.
    #[track_caller]
    fn sign_in(&self, username: &str, password: &str) -> Answer {
        self.sign_in_with(username, password).1
    }

    #[track_caller]
    fn sign_in_with(&self, username: &str, password: &str) -> (Browser, Answer) {
        let mut browser = Browser::new();
        let page = browser.open(&self.app());
        assert_eq!((page.status, page.forms().len()), (200, 1), "{}", page.text());
        let answer = browser.submit(&page, &[("username", username), ("password", password)]);
        (browser, answer)
    }
}

/// A directory with its people; `None` when the test is to be skipped.
fn directory(authority: &Authority) -> Option<(Scratch, Slapd)> {
    let scratch = Scratch::new();
    let slapd = Slapd::start(&scratch, "slapd", authority)?;
    Some((scratch, slapd))
}
