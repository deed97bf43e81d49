//! Whatever is wrong with a provider: the JSON of the admin listener, the operator page and `maverics probe`
//! give the same verdict and the same reason, for every member, at the same moment.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::PATIENCE;
use crate::cli::Transcript;
use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::{At, FakeIdp, Quirk};
use crate::support::{Launch, Scratch, free_port, until};

/// What a fake does, and the reason that everybody has to give.
const QUIRKS: &[(&str, Quirk, &str)] = &[
    ("hangs", Quirk::Hangs(At::Discovery), "timeout"),
    ("keys-hang", Quirk::Hangs(At::Keys), "timeout"),
    ("error", Quirk::Status(At::Discovery, 500), "unexpected-status"),
    ("keys-gone", Quirk::Status(At::Keys, 404), "unexpected-status"),
    ("page", Quirk::Html(At::Discovery), "not-json"),
    ("keys-page", Quirk::Html(At::Keys), "not-json"),
    ("drips", Quirk::Drips(At::Discovery), "timeout"),
    ("huge", Quirk::Huge(At::Discovery), "answer-too-large"),
    ("other-issuer", Quirk::OtherIssuer, "issuer-mismatch"),
    ("no-keys", Quirk::NoKeys, "no-usable-key"),
    ("throttles", Quirk::Status(At::Discovery, 429), "rate-limited"),
];

/// Faults below HTTP, which stay.
const BROKEN: &[(&str, &str)] = &[
    ("resets", "connection-lost"),
    ("plain-port", "tls-failed"),
    ("expired", "tls-failed"),
    ("operator-says-no", "unexpected-status"),
];

const HEALTH: &str = "interval: 2s, timeout: 2s, unhealthyThreshold: 1, healthyThreshold: 1";

fn connector(name: &str, issuer: &str, more: &str) -> String {
    format!(
        "  - {{name: {name}, type: oidc, oidcWellKnownURL: '{issuer}/.well-known/openid-configuration', oauthClientID: x, oauthClientSecret: inline-for-a-test, oauthRedirectURL: 'http://127.0.0.1:1/cb', healthCheck: {{enabled: true, {HEALTH}{more}}}}}\n"
    )
}

/// Takes connections and ends them, as a balancer does whose servers are gone.
fn resets() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut stream, mut some) = (stream, [0; 64]);
            let _ = stream.read(&mut some);
        }
    });
    port
}

/// A TLS server whose certificate ended long ago; returns its port, and its certificate for the client to trust.
fn expired(scratch: &Scratch) -> (u16, std::path::PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    let pem = params.self_signed(&key).expect("a certificate").pem();
    let path = scratch.write("expired.pem", &pem);
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .expect("a certificate with its key");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Ok(mut tls) = rustls::ServerConnection::new(config.clone()) else { continue };
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    (port, path)
}

/// What one of the three says of a provider: available, standing, reason.
type Said = (bool, String, String);

/// What one of them says of a continuity connector: who would serve, why, and every other member with its code.
#[derive(Debug, PartialEq, Eq, Default)]
struct Plan {
    serves: Option<(String, String)>,
    others: BTreeMap<String, String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn plan(value: &Value) -> Plan {
    let others = value["others"].as_array().expect("others").iter();
    Plan {
        serves: value["wouldServe"].as_str().map(|name| (name.to_owned(), text(&value["reason"]))),
        others: others.map(|other| (text(&other["name"]), text(&other["reason"]))).collect(),
    }
}

fn of_admin(status: &Value) -> (BTreeMap<String, Said>, Plan) {
    let providers = status["providers"].as_array().expect("providers").iter();
    let said = providers
        .map(|p| (text(&p["name"]), (p["available"] == true, text(&p["standing"]), text(&p["reason"]))));
    (said.collect(), plan(&status["continuity"][0]))
}

fn of_probe(report: &Value) -> (BTreeMap<String, Said>, Plan) {
    let providers = report["providers"].as_array().expect("providers").iter();
    let said = providers
        .map(|p| (text(&p["name"]), (p["verdict"] == "healthy", text(&p["standing"]), text(&p["reason"]))));
    (said.collect(), plan(&report["continuity"][0]))
}

fn attribute(tag: &str, name: &str) -> String {
    let value = tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no {name} in {tag}")).to_owned()
}

fn of_page(html: &str) -> (BTreeMap<String, Said>, Plan) {
    let cards = html.split("<article ").skip(1).map(|rest| {
        let tag = format!(" {}", rest.split('>').next().unwrap_or_default());
        let state = attribute(&tag, "data-state");
        let said = (attribute(&tag, "data-available") == "true", state, attribute(&tag, "data-reason"));
        // And what a person reads is what the attributes say.
        assert!(rest.contains(&format!("</span> {}</span>", said.1)), "{rest}");
        assert!(said.2.is_empty() || rest.contains(&format!("<code>{}</code>", said.2)), "{rest}");
        (attribute(&tag, "data-name"), said)
    });
    let mut plan = Plan::default();
    for rest in html.split("<tr").skip(1).filter(|rest| rest.contains("data-member=")) {
        let tag = rest.split('>').next().unwrap_or_default();
        let (name, code) = (attribute(tag, "data-member"), attribute(tag, "data-code"));
        if tag.contains("class=\"serves\"") {
            plan.serves = Some((name, code));
        } else {
            plan.others.insert(name, code);
        }
    }
    (cards.collect(), plan)
}

/// Asks all three until they agree, and returns what they say. A moment in which a state changes between two of
/// the questions passes; a disagreement that stays does not.
#[track_caller]
fn agreement(
    admin: &str,
    file: &Path,
    expected: &BTreeMap<String, String>,
) -> (BTreeMap<String, Said>, Plan) {
    let mut last = String::new();
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until("three answers that agree", PATIENCE, || {
            let status = Browser::new().get(&format!("{admin}/api/status")).json();
            let said = of_admin(&status);
            let reasons: BTreeMap<String, String> =
                said.0.iter().map(|(name, (_, _, reason))| (name.clone(), reason.clone())).collect();
            if reasons != *expected {
                last = format!("the admin listener says {reasons:#?}");
                return None;
            }
            let probed = Transcript::of(&["probe", "--format", "json", file.to_str().expect("UTF-8")]);
            let report: Value = serde_json::from_str(&probed.stdout).expect("a report");
            let page = Browser::new().get(&format!("{admin}/")).text();
            let (probe, page) = (of_probe(&report), of_page(&page));
            if said != probe || said != page || report["verdict"] != status["verdict"] {
                last = format!(
                    "admin {said:#?}\nprobe {probe:#?}\npage {page:#?}\nverdicts {} {}",
                    report["verdict"], status["verdict"]
                );
                return None;
            }
            Some(said)
        })
    }));
    found.unwrap_or_else(|_| panic!("no agreement: {last}"))
}

#[test]
fn one_verdict_for_every_fault_everywhere() {
    let scratch = Scratch::new();
    let person = || json!({"sub": "a1"});
    let mut fakes: Vec<(&str, FakeIdp)> =
        QUIRKS.iter().map(|(name, _, _)| (*name, FakeIdp::start(person()))).collect();
    let mut refused = FakeIdp::start(person());
    let well = FakeIdp::start(person());
    let (expired_port, ca) = expired(&scratch);
    let says_no = format!(
        ", customEndpoint: {{endpoint: '{}/nowhere', responseMatcher: {{expectedStatuses: [200]}}}}",
        well.issuer()
    );
    let mut connectors = connector("refused", &refused.issuer(), "");
    connectors.extend(fakes.iter().map(|(name, fake)| connector(name, &fake.issuer(), "")));
    connectors.push_str(&connector("resets", &format!("http://127.0.0.1:{}", resets()), ""));
    let plain = well.address.port();
    connectors.push_str(&connector("plain-port", &format!("https://127.0.0.1:{plain}"), ""));
    let tls = connector("expired", &format!("https://localhost:{expired_port}"), "");
    connectors.push_str(&tls.replace("type: oidc,", "type: oidc, tls: lab,"));
    connectors.push_str(&connector("operator-says-no", &well.issuer(), &says_no));
    connectors.push_str(&connector("well", &well.issuer(), ""));
    let mut names = vec!["refused"];
    names.extend(QUIRKS.iter().map(|(name, _, _)| *name));
    names.extend(BROKEN.iter().map(|(name, _)| *name));
    names.push("well");
    let (port, admin) = (free_port(), free_port());
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
tls: {{lab: {{caFile: '{}'}}}}
admin: {{address: '127.0.0.1:{admin}'}}
connectors:
{connectors}  - {{name: people, type: continuity, failover: {{idps: [{}]}}}}
",
        ca.display(),
        names.join(", ")
    );
    for ((_, fake), (_, quirk, _)) in fakes.iter().zip(QUIRKS) {
        fake.misbehave(&[*quirk]);
    }
    refused.refuse();
    let mut launch = Launch::new(&scratch, &yaml, port);
    let token = scratch.path("token");
    let arguments = ["--admin-token-file", token.to_str().expect("UTF-8")];
    launch.arguments = &arguments;
    let _server = launch.start();
    let url = format!("http://127.0.0.1:{admin}");
    let file = scratch.path("maverics.yaml");

    let mut expected: BTreeMap<String, String> =
        QUIRKS.iter().map(|(name, _, reason)| ((*name).to_owned(), (*reason).to_owned())).collect();
    expected.extend(BROKEN.iter().map(|(name, reason)| ((*name).to_owned(), (*reason).to_owned())));
    expected.insert("refused".into(), "connection-refused".into());
    expected.insert("well".into(), String::new());
    let (said, plan) = agreement(&url, &file, &expected);
    assert_eq!(said.len(), names.len());
    for (name, (available, standing, reason)) in &said {
        assert_eq!((*available, standing == "healthy"), (name == "well", name == "well"), "{name}: {reason}");
    }
    assert_eq!(plan.serves, Some(("well".to_owned(), "failover".to_owned())));
    assert_eq!(plan.others.len(), names.len() - 1);
    assert!(plan.others.values().all(|code| code == "unhealthy"), "{plan:?}");

    // And when most of them recover.
    refused.listen();
    for (_, fake) in &mut fakes {
        fake.misbehave(&[]);
    }
    for (name, reason) in &mut expected {
        if !BROKEN.iter().any(|(broken, _)| broken == name) {
            reason.clear();
        }
    }
    let (_, plan) = agreement(&url, &file, &expected);
    assert_eq!(plan.serves, Some(("refused".to_owned(), "primary".to_owned())));
    let unhealthy: Vec<&String> =
        plan.others.iter().filter(|(_, code)| *code == "unhealthy").map(|(name, _)| name).collect();
    assert_eq!(unhealthy.len(), BROKEN.len(), "{plan:?}");
}
