//! Every load balancer target over the same pools, against its golden file, and past the vendor's own
//! validator where that is installed.

use std::path::PathBuf;
use std::process::Command;

use maverics::diag::Sources;
use maverics::lb::pool::Tls;
use maverics::lb::{Options, Pool, TARGETS, write};
use maverics::model::read::{ReadOptions, read};

use crate::golden;

/// A deployment, and how it is deployed.
struct Fixture {
    name: &'static str,
    yaml: &'static str,
    options: fn() -> Options,
}

const PUBLIC: &str = "
version: '1'
session: {cookie: {domain: .example.com}}
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: x
    oauthRedirectURL: https://app.example.com/callback
";

const ENCRYPTED: &str = "
version: '1'
tls: {node: {certFile: c.pem, keyFile: k.pem}}
http: {tls: node, trustedProxies: [10.0.0.0/24]}
health: {location: /up}
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: x
    oauthRedirectURL: https://app.example.com/callback
";

const LOOPBACK: &str = "
version: '1'
connectors:
  - name: idp
    type: oidc
    oidcWellKnownURL: http://idp.localhost:9001/.well-known/openid-configuration
    oauthClientID: x
    oauthRedirectURL: http://app.localhost:9080/callback
";

const FIXTURES: &[Fixture] = &[
    Fixture { name: "terminate", yaml: PUBLIC, options: || with_certificate(None) },
    Fixture {
        name: "reencrypt",
        yaml: ENCRYPTED,
        options: || Options {
            ca: Some("/etc/lb/ca.pem".into()),
            node_name: Some("orch.internal".into()),
            status_internal: true,
            ..with_certificate(Some(Tls::Reencrypt))
        },
    },
    Fixture {
        name: "passthrough",
        yaml: ENCRYPTED,
        options: || Options { ca: Some("/etc/lb/ca.pem".into()), ..with_certificate(Some(Tls::Passthrough)) },
    },
    Fixture {
        name: "loopback",
        yaml: LOOPBACK,
        options: || Options {
            instances: vec!["one=127.0.0.1:9443".into(), "two=[::1]:9444".into()],
            listen: Some("127.0.0.1:9080".into()),
            affinity: Some("demo_lb".into()),
            ..Options::default()
        },
    },
];

fn with_certificate(tls: Option<Tls>) -> Options {
    Options {
        instances: ["10.0.1.10", "10.0.1.11", "10.0.1.12"]
            .iter()
            .enumerate()
            .map(|(i, host)| format!("orch{}={host}:9443", i + 1))
            .collect(),
        tls,
        certificate: Some("/etc/lb/app.pem".into()),
        ..Options::default()
    }
}

fn pool(fixture: &Fixture, options: &Options) -> Pool {
    let reading = read("maverics.yaml", fixture.yaml, &mut Sources::default(), &ReadOptions::default());
    let deployment = reading.deployment.unwrap_or_else(|| panic!("{}: {:?}", fixture.name, reading.findings));
    Pool::new(&deployment, options).unwrap_or_else(|faults| panic!("{}: {faults:?}", fixture.name))
}

#[test]
fn every_target_over_every_fixture() {
    for target in TARGETS {
        for fixture in FIXTURES {
            let text = write(target, &pool(fixture, &(fixture.options)())).unwrap_or_else(|e| panic!("{e}"));
            golden::check(&format!("lb/{}/{}", fixture.name, target.file_name), &text);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a switch for the person who runs the tests")]
fn peers_are_required() -> bool {
    std::env::var("MAVERICS_PEERS").is_ok_and(|value| value == "required")
}

#[test]
fn the_vendors_own_validator_agrees() {
    let scratch = tempfile::tempdir().unwrap();
    let key = rcgen::generate_simple_self_signed(vec!["app.example.com".into()]).unwrap();
    let certificate = scratch.path().join("app and key.pem");
    std::fs::write(&certificate, key.cert.pem() + &key.signing_key.serialize_pem()).unwrap();
    let path = |path: &PathBuf| Some(path.to_str().unwrap().to_owned());
    for target in TARGETS {
        let Some([program, arguments @ ..]) = target.validator else { continue };
        if Command::new(program).arg("-v").output().is_err() {
            assert!(!peers_are_required(), "{program} is not installed");
            eprintln!("skipped: {program} is not installed");
            continue;
        }
        for fixture in FIXTURES {
            let mut options = (fixture.options)();
            options.certificate = options.certificate.and(path(&certificate));
            // Once with roots of ours, once with the system's.
            for ca in [options.ca.clone().and(path(&certificate)), None] {
                options.ca = ca;
                let file = scratch.path().join(target.file_name);
                std::fs::write(&file, write(target, &pool(fixture, &options)).unwrap()).unwrap();
                let out = Command::new(program).args(arguments).arg(&file).output().unwrap();
                let words = String::from_utf8_lossy(&out.stderr);
                let warned = words.contains("[WARNING]") || words.contains("[ALERT]");
                assert!(out.status.success() && !warned, "{} {}: {words}", target.name, fixture.name);
            }
        }
    }
}

#[test]
fn what_a_target_cannot_do_it_says() {
    let fixture = &FIXTURES[2];
    let options = Options { status_internal: true, ..(fixture.options)() };
    let said = write(TARGETS[0], &pool(fixture, &options)).unwrap_err().to_string();
    assert!(said.starts_with("haproxy cannot express this, because "), "{said}");
}
