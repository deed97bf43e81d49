//! Tier 2 of the guide as it is written, with three providers by three different hands and three protocols: npm
//! oidc-provider, pysaml2, OpenLDAP. One after the other dies, and no application can tell the difference.

use std::sync::MutexGuard;
use std::time::Duration;

use serde_json::{Value, json};

use super::fleet::{drive, turn};
use crate::demo::browser::Browser as Chromium;
use crate::golden;
use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::saml_idp::{self, SamlIdp};
use crate::support::slapd::{BASE, SERVICE, SERVICE_PASSWORD, Slapd, guests};
use crate::support::{Launch, Peer, Process, Scratch, Server, free_port, long_runs, pause, until};

/// Logins a second. A signature of pysaml2 is a process of its own, and a machine that runs other tests beside this
/// one has no time for many.
fn rate() -> u64 {
    if long_runs() { 20 } else { 5 }
}

/// Longest wait for a state that the orchestrator comes to by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three providers, the orchestrator before them, a relying party and a protected page.
struct World {
    okta: Option<Peer>,
    entra: Option<SamlIdp>,
    ldap: Slapd,
    server: Server,
    party: Peer,
    _page: Peer,
    ports: Ports,
    scratch: Scratch,
    _turn: MutexGuard<'static, ()>,
}

#[derive(Clone, Copy)]
struct Ports {
    server: u16,
    okta: u16,
    entra: u16,
}

/// The guide's configuration of this tier, with our addresses for its.
fn guide(replacements: &[(&str, &str)]) -> String {
    let path = golden::root().join("tests/fixtures/seeds/tier2-diversified.yaml");
    let text = std::fs::read_to_string(path).expect("the guide's tier 2");
    replacements.iter().fold(text, |text, (theirs, ours)| {
        assert!(text.contains(theirs), "the guide has no {theirs:?}");
        text.replace(theirs, ours)
    })
}

/// Everybody, as one provider knows them: by name and mail.
fn people(person: impl Fn(&str, &str) -> Value) -> Value {
    guests().map(|guest| (guest.clone(), person(&guest, &format!("{guest}@example.com")))).collect()
}

fn okta(scratch: &Scratch, ports: Ports) -> Option<Peer> {
    let users =
        people(|guest, mail| json!({"email": mail, "email_verified": true, "name": guest, "role": "user"}));
    let users = scratch.write("okta.json", &users.to_string());
    let (port, keys) = (ports.okta.to_string(), scratch.path("okta.jwks"));
    let callback = format!("http://127.0.0.1:{}/oidc/callback", ports.server);
    #[rustfmt::skip]
    let arguments = [
        "--port", &port, "--client-id", "orchestrator-client", "--client-secret", "s1",
        "--redirect-uri", &callback, "--users", users.to_str()?, "--jwks", keys.to_str()?,
    ];
    Peer::node(scratch, "oidc_provider.mjs", &arguments)
}

fn entra(scratch: &Scratch, port: u16, service: &str, arguments: &[&str]) -> Option<SamlIdp> {
    let users =
        people(|guest, mail| json!({"preferred_username": mail, "displayName": guest, "group": "user"}));
    let services = [service];
    let plan = saml_idp::Plan {
        port,
        keeps_keys: true,
        arguments: &[&["--name-format", "plain"], arguments].concat(),
        ..saml_idp::Plan::new(users, &services)
    };
    SamlIdp::start(scratch, &plan)
}

impl World {
    /// `None` when a peer is not installed.
    fn start() -> Option<Self> {
        let scratch = Scratch::new();
        scratch.write_signing_key();
        let turn = turn();
        let [server, okta_port, entra_port, page, party] = [(); 5].map(|()| free_port());
        let ports = Ports { server, okta: okta_port, entra: entra_port };
        let authority = Authority::new();
        scratch.write("ca.pem", &authority.pem);
        let url = format!("http://127.0.0.1:{server}");
        let first = okta(&scratch, ports)?;
        let second = entra(&scratch, entra_port, &format!("{url}/saml/callback"), &[])?;
        let third = Slapd::start(&scratch, "slapd", &authority)?;
        let connectors = guide(&[
            ("https://corp.okta.com", &format!("http://127.0.0.1:{okta_port}")),
            ("<vault.okta-secret>", "s1"),
            ("https://orch.example.com/oidc/callback", &format!("{url}/oidc/callback")),
            (
                "https://login.microsoftonline.com/TENANT/federationmetadata/2007-06/federationmetadata.xml",
                &second.metadata,
            ),
            ("https://orch.example.com/saml/callback", &format!("{url}/saml/callback")),
            ("ldaps://dc.corp.example.com:636", &format!("{}\n    tls: directory", third.tls_url())),
            ("cn=svc-maverics,ou=service-accounts,dc=corp,dc=example,dc=com", SERVICE),
            ("dc=corp,dc=example,dc=com", BASE),
            ("<vault.ldap-password>", SERVICE_PASSWORD),
            ("interval: 30s", "interval: 2s"),
            ("timeout: 10s", "timeout: 2s"),
            // A machine that runs other tests is slow, and that is not what is tried here.
            ("    failover:\n", "    failover:\n      preFlight: {timeout: 10s}\n"),
        ]);
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{server}'}}
tls: {{directory: {{caFile: ca.pem}}}}
{connectors}    identity: {{attribute: email, trustedEmailIdps: [okta-idp, entra-idp, onprem-ldap]}}
oidcProvider:
  discovery: {{issuer: '{url}'}}
  jwks: [{{name: k, type: rsa, file: sign.pem}}]
apps:
  - name: rp
    type: oidc
    clientID: rp
    clientSecret: rps
    redirectURLs: ['http://127.0.0.1:{party}/callback']
    authentication: {{idps: [diversified-failover]}}
    claimsMapping: {{email: diversified-failover.email, name: diversified-failover.displayName, role: diversified-failover.role}}
{page}",
            page = page_app(&format!("http://127.0.0.1:{page}")),
        );
        let page = Peer::node(&scratch, "upstream.mjs", &["--port", &page.to_string()])?;
        let server = Launch::new(&scratch, &yaml, server).start();
        let port = party.to_string();
        let arguments = ["--port", &port, "--issuer", &url, "--client-id", "rp", "--client-secret", "rps"];
        let party = Peer::node(&scratch, "relying_party.mjs", &arguments)?;
        Some(World {
            okta: Some(first),
            entra: Some(second),
            ldap: third,
            server,
            party,
            _page: page,
            ports,
            scratch,
            _turn: turn,
        })
    }

    /// Logins at the page and at the relying party in turn, every claim compared; how many came in by each
    /// provider.
    #[track_caller]
    fn logins(&self, what: &str, seconds: u64, meanwhile: impl FnOnce()) -> Value {
        let expected = json!({
            format!("{}/app/x", self.server.url): {
                "headers.x-email": "{user}@example.com", "headers.x-name": "{user}", "headers.x-role": "user",
                "path": "/app/x",
            },
            self.party.text("url"): {
                "userinfo.email": "{user}@example.com", "userinfo.name": "{user}", "userinfo.role": "user",
                "id_token_claims.email": "{user}@example.com", "sub": "diversified-failover|{user}@example.com",
            },
        });
        let providers = [self.ports.okta, self.ports.entra];
        let people: Vec<String> = guests().collect();
        let load = drive(&self.scratch, &people, &expected, &providers, rate(), seconds);
        meanwhile();
        load.figures(what)["by_login_host"].clone()
    }

    /// Logins of two seconds, all of them by one provider.
    #[track_caller]
    fn all_come_by(&self, name: &str, port: u16) {
        let hosts = self.logins(name, 2, || {});
        assert_eq!(hosts, json!({format!("127.0.0.1:{port}"): 2 * rate()}), "{name}");
    }

    fn wait_until(&self, name: &str, state: &str) {
        let (connector, to) = (format!("connector={name} "), format!("to={state}"));
        until(&format!("{name} to be {state}"), PATIENCE, || {
            let log = self.server.log();
            let mut changes = log
                .lines()
                .filter(|line| line.contains("event=health.state.changed") && line.contains(&connector));
            changes.next_back().is_some_and(|last| last.contains(&to)).then_some(())
        });
    }
}

fn page_app(upstream: &str) -> String {
    format!(
        "  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {upstream}
    headers:
      - {{name: X-Email, value: '{{{{ diversified-failover.email }}}}'}}
      - {{name: X-Name, value: '{{{{ diversified-failover.displayName }}}}'}}
      - {{name: X-Role, value: '{{{{ diversified-failover.role }}}}'}}
    policies:
      - {{location: /, authentication: {{idps: [diversified-failover]}}, authorization: {{allowAll: true}}}}
"
    )
}

/// The same names and values through each of the three, and back in the order of the list.
#[test]
fn three_protocols_are_one_to_applications() {
    let Some(mut world) = World::start() else { return };
    let Ports { server, okta: first, entra: second } = world.ports;
    world.all_come_by("by OpenID Connect", first);
    world.okta.take().expect("started").process.kill();
    world.all_come_by("by SAML", second);
    world.server.wait_for_log(&["event=continuity.failover", "from=okta-idp", "to=entra-idp"]);
    world.entra.take().expect("started").peer.process.kill();
    world.all_come_by("by LDAP", server);
    world.server.wait_for_log(&["event=continuity.failover", "to=onprem-ldap"]);
    // All three are gone, and the directory comes back first.
    world.wait_until("okta-idp", "unhealthy");
    world.wait_until("entra-idp", "unhealthy");
    world.ldap.kill();
    let page = Browser::new().open(&format!("{}/app/x", world.server.url));
    assert_eq!(page.status, 503, "{}", page.text());
    super::is_page_of_ours(&page);
    world.ldap.start_again();
    world.all_come_by("by LDAP again", server);
    let service = format!("http://127.0.0.1:{server}/saml/callback");
    world.entra = entra(&world.scratch, second, &service, &[]);
    world.wait_until("entra-idp", "healthy");
    world.all_come_by("by SAML again", second);
    world.okta = okta(&world.scratch, world.ports);
    world.wait_until("okta-idp", "healthy");
    world.all_come_by("by OpenID Connect again", first);
    world.server.wait_for_log(&["event=continuity.failback", "to=okta-idp"]);
}

/// Two of three die under load, one after the other, and nobody fails to sign in.
#[test]
fn deaths_under_load_cost_nobody_a_sign_in() {
    let Some(mut world) = World::start() else { return };
    // Each in a load of its own: who has met one death is not to meet another on his second try.
    let seconds = if long_runs() { 60 } else { 6 };
    let (mut okta, mut entra) = (world.okta.take().expect("started"), world.entra.take().expect("started"));
    let Ports { server, okta: first, entra: second } = world.ports;
    let all_served = |hosts: &Value, ports: [u16; 2]| {
        for port in ports {
            let count = hosts[format!("127.0.0.1:{port}")].as_u64();
            assert!(count.is_some_and(|count| count > 0), "both served: {hosts}");
        }
    };
    let kill = |process: &mut Process| {
        pause(seconds * 400);
        process.kill();
    };
    let hosts = world.logins("the first dies", seconds, || kill(&mut okta.process));
    all_served(&hosts, [first, second]);
    let hosts = world.logins("the second dies", seconds, || kill(&mut entra.peer.process));
    all_served(&hosts, [second, server]);
}

/// Chromium, over https: a form of another site brings the answer of the SAML provider, and when that one is
/// gone, the password is typed into a page of ours.
#[test]
fn a_browser_comes_by_another_site_and_by_the_password_page() {
    let Some(mut chromium) = Chromium::launch() else { return };
    let scratch = Scratch::new();
    let authority = Authority::new();
    scratch.write("ca.pem", &authority.pem);
    let mut paths = Vec::new();
    for (name, host) in [("orch", "orch.localhost"), ("idp", "127.0.0.1")] {
        let (certificate, key) = authority.sign(&[host, "127.0.0.1"]);
        paths.push(scratch.write(&format!("{name}.crt"), &certificate));
        paths.push(scratch.write_private(&format!("{name}.key"), &key));
    }
    let [ours, port, page] = [(); 3].map(|()| free_port());
    let ca = scratch.path("ca.pem");
    let text = |path: &std::path::Path| path.to_str().expect("a path in UTF-8").to_owned();
    let (certificate, key, ca) = (text(&paths[2]), text(&paths[3]), text(&ca));
    let arguments = ["--tls-cert", &certificate, "--tls-key", &key, "--ca", &ca, "--encrypt", "aes256-gcm"];
    let service = scratch.path("service.xml");
    let Some(mut idp) = entra(&scratch, port, &text(&service), &arguments) else { return };
    let Some(mut slapd) = Slapd::start(&scratch, "slapd", &authority) else { return };
    let Some(_page) = Peer::node(&scratch, "upstream.mjs", &["--port", &page.to_string()]) else { return };
    let (secret, certificate) = crate::support::fake_idp::saml::key_pair();
    scratch.write_private("sp.key", &secret);
    scratch.write("sp.pem", &certificate);
    let url = format!("https://orch.localhost:{ours}");
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{ours}', tls: server}}
tls:
  server: {{certFile: orch.crt, keyFile: orch.key}}
  peers: {{caFile: ca.pem}}
connectors:
  - name: entra-idp
    type: saml
    samlMetadataURL: {metadata}
    samlConsumerServiceURL: {url}/saml/callback
    samlEntityID: https://orch.example.com
    samlSPKeyPath: sp.key
    samlWantsEncryption: true
    samlSPCertPath: sp.pem
    tls: peers
    healthCheck: {{enabled: true, interval: 2s, timeout: 2s}}
  - name: onprem-ldap
    type: ldap
    url: {ldap}
    tls: peers
    baseDN: '{BASE}'
    bindDN: '{SERVICE}'
    bindPassword: '{SERVICE_PASSWORD}'
    healthCheck: {{enabled: true, interval: 2s, timeout: 2s}}
  - name: diversified-failover
    type: continuity
    failover: {{preFlight: {{timeout: 10s}}, idps: [entra-idp, onprem-ldap]}}
    attributes:
      - {{name: email, mapping: {{entra-idp: preferred_username, onprem-ldap: mail}}}}
      - {{name: displayName, mapping: {{entra-idp: displayName, onprem-ldap: cn}}}}
      - {{name: role, mapping: {{entra-idp: group}}, default: user}}
apps:
{page}",
        metadata = idp.metadata,
        ldap = slapd.tls_url(),
        page = page_app(&format!("http://127.0.0.1:{page}")),
    );
    let server = Launch { tls: true, ..Launch::new(&scratch, &yaml, ours) }.start();
    let told = Browser::with_tls(authority.client(&[])).get(&format!("{}/saml/callback", server.url));
    scratch.write("service.xml", &told.text());

    chromium.fresh_trusting();
    let form = chromium.goto(&format!("{url}/app/x"));
    let at = form["url"].as_str().unwrap_or_default();
    assert!(at.starts_with(&idp.base), "{form}");
    chromium.fill("input[name=login]", "guest1");
    chromium.fill("input[name=password]", "password-of-guest1");
    let app = chromium.click("button");
    is_the_guests(&app, &url);

    idp.peer.process.kill();
    chromium.fresh_trusting();
    let form = chromium.goto(&format!("{url}/app/x"));
    assert_eq!((&form["status"], &form["title"]), (&json!(200), &json!("Sign in")), "{form}");
    assert!(form["url"].as_str().is_some_and(|at| at.starts_with(&url)), "{form}");
    chromium.looks("tier2-password");
    chromium.fill("input[name=username]", "guest1");
    chromium.fill("input[name=password]", "guessed");
    let again = chromium.click("button");
    assert_eq!(again["status"], json!(401), "{again}");
    chromium.looks("tier2-password-again");
    chromium.fill("input[name=username]", "guest1");
    chromium.fill("input[name=password]", "password-of-guest1");
    let app = chromium.click("button");
    is_the_guests(&app, &url);

    slapd.kill();
    chromium.fresh_trusting();
    let nobody = chromium.goto(&format!("{url}/app/x"));
    assert_eq!(nobody["status"], json!(503), "{nobody}");
    chromium.looks("tier2-nobody");
    drop(server);
}

#[track_caller]
fn is_the_guests(answer: &Value, url: &str) {
    assert_eq!(
        (&answer["status"], &answer["url"]),
        (&json!(200), &json!(format!("{url}/app/x"))),
        "{answer}"
    );
    let text = answer["text"].as_str().unwrap_or_default();
    let told: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    for (header, value) in [("x-email", "guest1@example.com"), ("x-name", "guest1"), ("x-role", "user")] {
        assert_eq!(told["headers"][header], value, "{header}: {text}");
    }
}
