//! A deployment whose every peer was written by others: two providers, a relying party, a protected page, and
//! people who sign in at a steady rate and compare every claim.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::golden;
use crate::support::authority::Authority;
use crate::support::{Launch, Peer, Scratch, Server, free_port, now, run_to_end};

/// One load at a time: two on one machine measure each other.
static LOAD: Mutex<()> = Mutex::new(());

/// Two providers by different hands, an orchestrator over them, a relying party and a protected page.
pub(super) struct Fleet {
    pub ports: Ports,
    pub primary: Option<Peer>,
    pub backup: Option<Peer>,
    /// What stands before the primary, and can break it.
    pub gate: Option<Peer>,
    pub server: Server,
    _page: Peer,
    party: Peer,
    pub scratch: Scratch,
    _turn: MutexGuard<'static, ()>,
}

#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub server: u16,
    pub primary: u16,
    pub backup: u16,
    pub gate: u16,
    page: u16,
    party: u16,
}

/// How the fleet is made.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Between two scheduled probes.
    pub interval: &'static str,
    /// Whether the providers are there from the start.
    pub providers: bool,
    /// Whether the primary is reached by https through a gate that can break it.
    pub gate: bool,
    /// Whether flapping is damped.
    pub damped: bool,
}

impl Plan {
    pub fn new(interval: &'static str) -> Self {
        Plan { interval, providers: true, gate: false, damped: true }
    }
}

impl Ports {
    pub fn callback(self) -> String {
        format!("http://127.0.0.1:{}/oidc/callback", self.server)
    }
}

/// `public` is the address it is known under, where that is not its own.
pub(super) fn primary(scratch: &Scratch, ports: Ports, public: Option<&str>) -> Option<Peer> {
    let users = scratch.write(
        "users-a.json",
        &json!({"alice": {"email": "alice@example.com", "name": "Alice A", "role": ["staff", "admins"], "email_verified": true}})
            .to_string(),
    );
    provider(scratch, ports, "oidc_provider.mjs", ports.primary, users.to_str()?, "a.jwks", "s1", public)
}

pub(super) fn backup(scratch: &Scratch, ports: Ports) -> Option<Peer> {
    let users = scratch.write(
        "users-b.json",
        &json!({"alice": {"sub": "b-1", "mail": "alice@example.com", "display": {"full": "Alice A"}, "groups": ["staff", "admins"]}})
            .to_string(),
    );
    provider(scratch, ports, "pyop_provider.py", ports.backup, users.to_str()?, "b.jwks", "s2", None)
}

#[expect(clippy::too_many_arguments, reason = "what a provider is told on its command line")]
fn provider(
    scratch: &Scratch,
    ports: Ports,
    script: &'static str,
    port: u16,
    users: &str,
    keys: &str,
    secret: &str,
    public: Option<&str>,
) -> Option<Peer> {
    let (port, callback, keys) = (port.to_string(), ports.callback(), scratch.path(keys));
    let mut arguments = vec![
        "--port",
        &port,
        "--client-id",
        "orch",
        "--client-secret",
        secret,
        "--redirect-uri",
        &callback,
        "--users",
        users,
        "--jwks",
        keys.to_str()?,
    ];
    arguments.extend(public.iter().flat_map(|public| ["--issuer", public]));
    if script.ends_with(".py") {
        Peer::python(scratch, script, &arguments)
    } else {
        Peer::node(scratch, script, &arguments)
    }
}

impl Fleet {
    /// `None` when the peers are not installed.
    pub fn start(plan: Plan) -> Option<Self> {
        let scratch = Scratch::new();
        scratch.write_signing_key();
        let ports = Ports {
            server: free_port(),
            primary: free_port(),
            backup: free_port(),
            gate: free_port(),
            page: free_port(),
            party: free_port(),
        };
        let turn = turn();
        let (mut first, mut second, mut gate) = (None, None, None);
        let public = plan.gate.then(|| format!("https://127.0.0.1:{}", ports.gate));
        if plan.providers {
            first = Some(primary(&scratch, ports, public.as_deref())?);
            second = Some(backup(&scratch, ports)?);
        }
        if plan.gate {
            gate = Some(Self::gate(&scratch, ports)?);
        }
        let page = Peer::node(&scratch, "upstream.mjs", &["--port", &ports.page.to_string()])?;
        let yaml = configuration(ports, plan);
        let begun = now();
        let server = Launch::new(&scratch, &yaml, ports.server).start();
        eprintln!("serving after {:?}", begun.elapsed());
        let issuer = server.url.clone();
        let port = ports.party.to_string();
        let arguments = ["--port", &port, "--issuer", &issuer, "--client-id", "rp", "--client-secret", "rps"];
        let party = Peer::node(&scratch, "relying_party.mjs", &arguments)?;
        Some(Fleet {
            ports,
            primary: first,
            backup: second,
            gate,
            server,
            _page: page,
            party,
            scratch,
            _turn: turn,
        })
    }

    fn gate(scratch: &Scratch, ports: Ports) -> Option<Peer> {
        let authority = Authority::new();
        let (good, expired) = (authority.sign(&["127.0.0.1"]), authority.sign_expired(&["127.0.0.1"]));
        scratch.write("ca.pem", &authority.pem);
        let write = |name: &str, (certificate, key): (String, String)| {
            let pem = scratch.write_private(name, &format!("{certificate}{key}"));
            pem.to_str().expect("a path in UTF-8").to_owned()
        };
        let (good, expired) = (write("good.pem", good), write("expired.pem", expired));
        let (port, to) = (ports.gate.to_string(), ports.primary.to_string());
        let arguments = ["--port", &port, "--to", &to, "--pem", &good, "--expired-pem", &expired];
        Peer::node(scratch, "gate.mjs", &arguments)
    }

    /// Starts the primary again, with the keys it had.
    pub fn revive_primary(&mut self) {
        self.primary = primary(&self.scratch, self.ports, None);
        assert!(self.primary.is_some());
    }

    pub fn page(&self) -> String {
        format!("{}/app/x", self.server.url)
    }

    /// Logins at a steady rate, at the page and at the relying party in turn, every claim compared; what the
    /// driver counted.
    pub fn logins(&self, rate: u64, seconds: u64) -> Load {
        let expected = json!({
            self.page(): {
                "headers.x-email": "alice@example.com", "headers.x-name": "Alice A",
                "headers.x-roles": "staff,admins", "path": "/app/x",
            },
            self.party.text("url"): {
                "userinfo.email": "alice@example.com", "userinfo.name": "Alice A",
                "userinfo.roles": ["staff", "admins"], "id_token_claims.email": "alice@example.com",
                "sub": "ha-failover|alice@example.com",
            },
        });
        let hosts = [self.ports.primary, self.ports.backup, self.ports.gate];
        drive(&self.scratch, &["alice".to_owned()], &expected, &hosts, rate, seconds)
    }
}

/// Waits until no other test drives a load, and keeps others waiting.
pub(super) fn turn() -> MutexGuard<'static, ()> {
    LOAD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends people through applications in turn, at a steady rate: by address, what each must say in the end.
pub(super) fn drive(
    scratch: &Scratch,
    people: &[String],
    expected: &Value,
    providers: &[u16],
    rate: u64,
    seconds: u64,
) -> Load {
    let mut command = Command::new("node");
    command.arg(golden::root().join("tests/peers/logins.mjs"));
    command.args(people.iter().flat_map(|person| ["--user", person]));
    command.args(expected.as_object().expect("by address").keys().flat_map(|app| ["--app", app]));
    command.args(["--rate", &rate.to_string(), "--seconds", &seconds.to_string()]);
    command.arg("--expect").arg(scratch.write("expect.json", &expected.to_string()));
    for port in providers {
        command.args(["--provider-host", &format!("127.0.0.1:{port}")]);
    }
    let rows = scratch.path("rows.jsonl");
    command.arg("--out").arg(&rows);
    let log = scratch.path("logins.log");
    let limit = Duration::from_secs(seconds + 90);
    let thread = std::thread::spawn(move || run_to_end("logins.mjs", command, limit, &log));
    Load { thread, logins: seconds * rate, rows }
}

/// Logins under way.
pub(super) struct Load {
    thread: std::thread::JoinHandle<Option<(i32, String)>>,
    logins: u64,
    /// Where the driver writes a line for each login.
    pub rows: PathBuf,
}

impl Load {
    /// The driver's figures, once everybody is in or has failed.
    #[track_caller]
    pub fn figures(self, what: &str) -> Value {
        let (_, text) = self.thread.join().expect("the driver ran").expect("node is there");
        let figures: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let shown: BTreeMap<&String, &Value> =
            figures.as_object().expect("an object").iter().filter(|(n, _)| *n != "failures").collect();
        eprintln!("{what}: {}", serde_json::to_string(&shown).expect("JSON"));
        assert_eq!(figures["logins"], self.logins, "{what}");
        assert_eq!(figures["failed"], 0, "{what}: {figures:#}");
        figures
    }

    /// The slowest login, in milliseconds, of those that did not stand on the page of the provider as it died:
    /// there, nobody can shorten the wait.
    pub fn slowest(rows: &Path) -> u64 {
        let text = std::fs::read_to_string(rows).expect("the driver's lines");
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        let slowest = rows
            .filter(|row| row["outcome"] != "stood_on_dead_page")
            .filter_map(|row| row["ms"].as_u64())
            .max();
        slowest.expect("a login")
    }
}

fn configuration(ports: Ports, plan: Plan) -> String {
    let Ports { server, primary, backup, gate, page, party } = ports;
    let interval = plan.interval;
    let http = |port: u16| format!("http://127.0.0.1:{port}");
    let primary = if plan.gate { format!("https://127.0.0.1:{gate}") } else { http(primary) };
    let tls = if plan.gate { "tls: {gate: {caFile: ca.pem}}\n" } else { "" };
    let damping = if plan.damped { "" } else { ", damping: {disabled: true}" };
    let connector = |name: &str, url: &str, secret: &str| {
        let tls = if url.starts_with("https:") { "    tls: gate\n" } else { "" };
        format!(
            "  - name: {name}
    type: oidc
    oidcWellKnownURL: {url}/.well-known/openid-configuration
    oauthClientID: orch
    oauthClientSecret: {secret}
    oauthRedirectURL: {callback}
    scopes: openid profile email
    healthCheck: {{enabled: true, interval: {interval}, timeout: 900ms, unhealthyThreshold: 3, healthyThreshold: 2}}
{tls}",
            callback = ports.callback()
        )
    };
    format!(
        "version: '1'
http: {{address: '127.0.0.1:{server}'}}
{tls}connectors:
{}{}  - name: ha-failover
    type: continuity
    strategy: failover
    failover: {{idps: [primary-idp, backup-idp]{damping}}}
    attributes:
      - {{name: email, mapping: {{primary-idp: email, backup-idp: mail}}, required: true}}
      - {{name: name, mapping: {{primary-idp: name, backup-idp: display.full}}}}
      - {{name: role, mapping: {{primary-idp: role, backup-idp: groups}}}}
    identity: {{attribute: email, trustedEmailIdps: [primary-idp, backup-idp]}}
oidcProvider:
  discovery: {{issuer: 'http://127.0.0.1:{server}'}}
  jwks: [{{name: k, type: rsa, file: sign.pem}}]
apps:
  - name: rp
    type: oidc
    clientID: rp
    clientSecret: rps
    redirectURLs: ['http://127.0.0.1:{party}/callback']
    authentication: {{idps: [ha-failover]}}
    claimsMapping: {{email: ha-failover.email, name: ha-failover.name, roles: ha-failover.role}}
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: http://127.0.0.1:{page}
    headers:
      - {{name: X-Email, value: '{{{{ ha-failover.email }}}}'}}
      - {{name: X-Name, value: '{{{{ ha-failover.name }}}}'}}
      - {{name: X-Roles, value: '{{{{ ha-failover.role }}}}'}}
    policies:
      - {{location: /, authentication: {{idps: [ha-failover]}}, authorization: {{allowAll: true}}}}
",
        connector("primary-idp", &primary, "s1"),
        connector("backup-idp", &http(backup), "s2"),
    )
}
