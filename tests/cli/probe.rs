//! `maverics probe`: providers that answer, refuse and hang, on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::Transcript;

/// A provider that answers discovery and keys, until the test ends.
fn well() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let issuer = format!("http://127.0.0.1:{port}");
    let discovery = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    // The public key of RFC 7517, appendix A.1.
    let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "kid": "1", "alg": "ES256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]});
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let keys_wanted = head[..read].starts_with(b"GET /jwks");
            let body = if keys_wanted { keys.to_string() } else { discovery.to_string() };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    port
}

/// A port that nobody listens on.
fn refused() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn yaml(ports: [u16; 2]) -> String {
    let connector = |(name, port): (&str, u16)| {
        format!(
            "  - name: {name}\n    type: oidc\n    oidcWellKnownURL: http://127.0.0.1:{port}/.well-known/openid-configuration\n    oauthClientID: x\n    oauthClientSecret: <idp.{name}>\n    healthCheck: {{enabled: true, timeout: 2s}}\n"
        )
    };
    let connectors: String = [("primary", ports[0]), ("backup", ports[1])].map(connector).concat();
    format!(
        "version: '1'\nconnectors:\n{connectors}  - name: ha\n    type: continuity\n    failover: {{idps: [primary, backup]}}\n"
    )
}

fn probe(ports: [u16; 2], options: &[&str]) -> Transcript {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let file = scratch.path().join("maverics.yaml");
    std::fs::write(&file, yaml(ports)).expect("a file");
    let file = file.to_str().expect("UTF-8").to_owned();
    let mut arguments = vec!["probe", &file, "--secret-provider", "env://"];
    arguments.extend(options);
    Transcript::with(&arguments, &[("IDP_PRIMARY", "s3cret"), ("IDP_BACKUP", "s3cret")])
}

fn report(transcript: &Transcript) -> Value {
    let report =
        serde_json::from_str(&transcript.stdout).unwrap_or_else(|e| panic!("{e}: {}", transcript.text()));
    let schema: Value = serde_json::from_str(&Transcript::of(&["schema", "probe"]).stdout).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let faults: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
    assert_eq!(faults, [""; 0]);
    report
}

#[test]
fn a_dead_primary_is_told_and_the_backup_would_serve() {
    let probed = probe([refused(), well()], &["--format", "json"]);
    let report = report(&probed);
    assert_eq!(probed.code, 1, "{report:#}");
    assert_eq!(report["providers"][0]["reason"], "connection-refused");
    assert_eq!(report["providers"][1]["verdict"], "healthy", "{report:#}");
    assert_eq!(report["providers"][1]["facts"]["usableKeys"], "1");
    assert_eq!(report["continuity"][0]["wouldServe"], "backup");
    assert_eq!(report["verdict"], "degraded");
}

#[test]
fn nobody_left_is_an_outage() {
    let probed = probe([refused(), refused()], &["--format", "json"]);
    assert_eq!((probed.code, &report(&probed)["verdict"]), (4, &json!("outage")));
}

#[test]
fn one_that_hangs_delays_no_other() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let probed = probe([port, well()], &["--timeout", "1s"]);
    assert_eq!(probed.code, 1, "{}", probed.text());
    assert!(probed.stdout.contains("primary: timeout: "), "{}", probed.stdout);
    assert!(
        probed.stdout.contains("continuity ha: backup would serve a login now (failover)"),
        "{}",
        probed.stdout
    );
}

#[test]
fn one_connector_and_wrong_ones() {
    let probed = probe([refused(), well()], &["--connector", "backup"]);
    assert_eq!(probed.code, 0, "{}", probed.text());
    let misspelt = probe([refused(), refused()], &["--connector", "bakcup"]);
    assert!(misspelt.code == 2 && misspelt.stderr.contains("did you mean `backup`?"), "{}", misspelt.text());
    let text = yaml([refused(), refused()]);
    let locked = Transcript::fed(&["probe", "-"], &text);
    assert!(locked.code == 3 && locked.stderr.contains("idp.backup"), "{}", locked.text());
}
