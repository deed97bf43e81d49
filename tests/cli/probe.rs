//! `maverics probe`: providers that answer, refuse and hang, on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Transcript, program};
use crate::support::fake_idp::oidc::{At, FakeIdp, Quirk};

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
    probe_text(&yaml(ports), options)
}

fn probe_text(yaml: &str, options: &[&str]) -> Transcript {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let file = scratch.path().join("maverics.yaml");
    std::fs::write(&file, yaml).expect("a file");
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

/// The same outage in the form each reader wants.
#[test]
fn every_format_tells_it() {
    let ports = [refused(), refused()];
    let said = |format: &str| {
        let probed = probe(ports, &["--format", format]);
        assert_eq!(probed.code, 4, "{format}: {}", probed.text());
        probed.stdout
    };
    let json = |format: &str| -> Value { serde_json::from_str(&said(format)).expect("JSON") };
    let sarif = json("sarif");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let rules: Vec<&str> = results.iter().filter_map(|result| result["ruleId"].as_str()).collect();
    assert_eq!(rules, ["MV3001", "MV3001", "MV3002"]);
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 3, "{sarif:#}");
    let gitlab = json("gitlab");
    assert_eq!(
        (gitlab.as_array().map(Vec::len), &gitlab[0]["check_name"]),
        (Some(3), &json!("provider-unwell"))
    );
    let github = said("github");
    assert!(github.starts_with("::error title=MV3001 provider-unwell,file="), "{github}");
    assert!(said("junit").contains("failures=\"3\""));
    let surroundings = {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let file = scratch.path().join("maverics.yaml");
        std::fs::write(&file, yaml(ports)).expect("a file");
        let file = file.to_str().expect("UTF-8").to_owned();
        let arguments = ["probe", &file, "--secret-provider", "env://"];
        Transcript::with(&arguments, &[("IDP_PRIMARY", "x"), ("IDP_BACKUP", "x"), ("GITHUB_ACTIONS", "true")])
    };
    assert!(surroundings.stdout.starts_with("::error "), "{}", surroundings.text());
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let probed = probe([refused(), well()], &["--format", "prometheus"]);
    assert_eq!(probed.code, 1, "{}", probed.text());
    let mut family = "";
    let mut samples = Vec::new();
    for line in probed.stdout.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap_or_default();
            assert!(family.starts_with("maverics_probe_"), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest, format!("{family} gauge"));
        } else {
            assert!(line.starts_with(family), "{line} below {family}");
            let (_, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            samples.push(line);
        }
    }
    for wanted in [
        "maverics_probe_up{provider=\"primary\",type=\"oidc\"} 0",
        "maverics_probe_up{provider=\"backup\",type=\"oidc\"} 1",
        "maverics_probe_reason{provider=\"primary\",reason=\"connection-refused\"} 1",
        "maverics_probe_usable_keys{provider=\"backup\"} 1",
        "maverics_probe_would_serve{kind=\"continuity\",name=\"ha\",provider=\"backup\",reason=\"failover\"} 1",
        "maverics_probe_verdict{verdict=\"degraded\"} 1",
        "maverics_probe_verdict{verdict=\"outage\"} 0",
    ] {
        assert!(samples.contains(&wanted), "{wanted} is not in\n{}", probed.stdout);
    }
}

#[test]
fn thresholds_decide_after_several_rounds() {
    // The thresholds are 2: one failure of three is no outage.
    let (refusing, answering) = (refused(), well());
    let options = ["--count", "3", "--interval", "100ms", "--format", "json"];
    let probed = probe([refusing, answering], &options);
    let said = report(&probed);
    assert_eq!(probed.code, 1);
    assert_eq!(said["providers"][0]["standing"], "unhealthy");
    assert_eq!(said["providers"][0]["history"], json!([false, false, false]));
    assert_eq!(said["providers"][1]["history"], json!([true, true, true]));
    assert_eq!(said["providers"][1]["facts"]["keyAlgorithms"], "ES256");
    assert_eq!(said["providers"][1]["facts"]["keyIds"], "1");
}

#[test]
fn watching_tells_each_answer_and_each_change() {
    let options = ["--watch", "--count", "3", "--interval", "100ms"];
    let probed = probe([refused(), well()], &options);
    assert_eq!(probed.code, 1, "{}", probed.text());
    let count = |words: &str| probed.stdout.lines().filter(|line| line.contains(words)).count();
    assert_eq!(
        (count(" primary: connection-refused: "), count(" backup: well in ")),
        (3, 3),
        "{}",
        probed.stdout
    );
    assert_eq!(count("(unhealthy)\n".trim()), 3 - 1 + count("; primary (unhealthy)"), "{}", probed.stdout);
    assert!(
        count("continuity ha: backup would serve") >= 1 && count("verdict: degraded") == 1,
        "{}",
        probed.stdout
    );
    let lines = probe([refused(), well()], &[&options[..], &["--format", "json"]].concat());
    let lines: Vec<Value> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).expect("a report")).collect();
    // Of six answers those before everybody has answered once conclude nothing.
    assert!((3..6).contains(&lines.len()), "{lines:?}");
    let answers = |line: &Value| -> Vec<usize> {
        let providers = line["providers"].as_array().into_iter().flatten();
        providers.filter_map(|provider| provider["history"].as_array().map(Vec::len)).collect()
    };
    let told: Vec<usize> = lines.iter().map(|line| answers(line).iter().sum()).collect();
    assert!(
        told.windows(2).all(|two| two[1] == two[0] + 1),
        "one report for each answer from then on: {told:?}"
    );
    assert_eq!(answers(&lines[lines.len() - 1]), [3, 3], "and none is lost");
    for line in &lines {
        assert_eq!(line["providers"].as_array().map(Vec::len), Some(2), "{line}");
        assert_eq!(line["continuity"][0]["wouldServe"], "backup", "{line}");
    }
    for (wrong, words) in [
        (&["--watch", "--format", "sarif"][..], "--watch goes with"),
        (&["--watch", "--output", "x"], "--output goes with json or prometheus"),
        (&["--interval", "1ms"], "--interval is between"),
    ] {
        let refused = probe([1, 1], wrong);
        assert!(refused.code == 2 && refused.stderr.contains(words), "{}", refused.text());
    }
}

#[test]
fn a_watch_ends_when_its_reader_does_and_writes_metrics_to_a_file() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let file = scratch.path().join("maverics.yaml");
    std::fs::write(&file, yaml([refused(), well()])).expect("a file");
    let mut command = program(&["probe", file.to_str().expect("UTF-8"), "--watch", "--interval", "100ms"]);
    command.args(["--secret-provider", "env://"]).envs([("IDP_PRIMARY", "x"), ("IDP_BACKUP", "x")]);
    let mut child = command.spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(lines.next().is_some_and(|line| line.is_ok()));
    drop(lines);
    assert_eq!(child.wait().expect("an end").code(), Some(1), "nobody reads any more");
    let metrics = scratch.path().join("probe.prom");
    let options = ["--watch", "--count", "2", "--interval", "100ms", "--format", "prometheus", "--output"];
    let probed = probe([refused(), well()], &[&options[..], &[metrics.to_str().expect("UTF-8")]].concat());
    assert_eq!((probed.code, probed.stdout.as_str()), (1, ""), "{}", probed.text());
    let written = std::fs::read_to_string(metrics).expect("metrics");
    assert!(written.contains("maverics_probe_asked{provider=\"backup\"} 2"), "{written}");
}

/// A custom endpoint that answers by path, and what it was asked with.
fn endpoint() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { continue };
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            seen.lock().expect("a lock").push(format!("connection {connection}\r\n{head}"));
            let (status, extra, body) = match path.as_str() {
                "/up" => ("200 OK", "X-State: up\r\nX-Two: a\r\nX-Two: b\r\n", "all healthy".to_owned()),
                "/created" => ("201 Created", "", "healthy".into()),
                "/moved" => ("302 Found", "Location: /up\r\n", String::new()),
                "/late" => ("200 OK", "X-State: up\r\n", format!("{}healthy", " ".repeat(64 * 1024))),
                "/just" => (
                    "200 OK",
                    "X-State: up\r\n",
                    format!("{}healthy{}", " ".repeat(64 * 1024 - 7), "x".repeat(1 << 20)),
                ),
                _ => ("503 Service Unavailable", "", String::new()),
            };
            let length = body.len();
            // Kept alive, so that whoever reuses a connection would be seen.
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{extra}Content-Length: {length}\r\n\r\n{body}");
        }
    });
    (port, heads)
}

#[test]
fn a_custom_endpoint_is_well_by_every_condition_and_by_no_accident() {
    let (port, heads) = endpoint();
    let whole =
        "responseMatcher: {expectedStatuses: [200, 204], body: {contains: healthy}, headers: {x-state: up}}";
    for (path, matcher, want) in [
        ("/up", "", None),
        ("/created", "", Some("unexpected-status")),
        ("/moved", "", Some("unexpected-status")),
        ("/moved", "responseMatcher: {expectedStatuses: [302]}", None),
        ("/down", "", Some("unexpected-status")),
        ("/down", "responseMatcher: {expectedStatuses: [503]}", None),
        ("/up", whole, None),
        ("/created", whole, Some("unexpected-status")),
        ("/late", whole, Some("unexpected-body")),
        ("/just", whole, None),
        ("/up", "responseMatcher: {body: {contains: Healthy}}", Some("unexpected-body")),
        ("/up", "responseMatcher: {headers: {X-STATE: up, x-two: b}}", None),
        ("/up", "responseMatcher: {headers: {x-state: Up}}", Some("unexpected-header")),
        ("/up", "responseMatcher: {headers: {x-other: up}}", Some("unexpected-header")),
    ] {
        let text = format!(
            "version: '1'\nconnectors:\n  - name: a\n    type: oidc\n    oidcWellKnownURL: http://127.0.0.1:{}/.well-known/openid-configuration\n    oauthClientID: x\n    healthCheck:\n      enabled: true\n      timeout: 5s\n      customEndpoint: {{endpoint: 'http://127.0.0.1:{port}{path}', {matcher}}}\n",
            refused()
        );
        let report = report(&probe_text(&text, &["--format", "json"]));
        assert_eq!(report["providers"][0]["reason"], json!(want), "{path} {matcher}: {report:#}");
    }
    let heads = heads.lock().expect("a lock");
    let agent = format!("user-agent: maverics/{}\r\n", env!("CARGO_PKG_VERSION"));
    assert!(heads.iter().all(|head| head.contains(&agent) && !head.contains("GET /up HTTP/1.1\r\nreferer")));
    assert_eq!(heads.len(), 14, "each question once, and no redirect followed");
    let (port, heads) = endpoint();
    let text = format!(
        "version: '1'\nconnectors:\n  - name: a\n    type: oidc\n    oidcWellKnownURL: http://127.0.0.1:9/.well-known/openid-configuration\n    oauthClientID: x\n    healthCheck: {{enabled: true, customEndpoint: {{endpoint: 'http://127.0.0.1:{port}/up'}}}}\n"
    );
    probe_text(&text, &["--count", "3", "--interval", "100ms"]);
    let heads = heads.lock().expect("a lock");
    let connections: Vec<&str> = heads.iter().filter_map(|head| head.lines().next()).collect();
    assert_eq!(
        connections,
        ["connection 0", "connection 1", "connection 2"],
        "each on a connection of its own"
    );
}

#[test]
fn a_deep_probe_asks_what_a_sign_in_asks() {
    let idp = FakeIdp::start(json!({"sub": "a1"}));
    let text = |deep: bool| {
        format!(
            "version: '1'\nconnectors:\n  - name: a\n    type: oidc\n    oidcWellKnownURL: {}/.well-known/openid-configuration\n    oauthClientID: orch\n    oauthRedirectURL: http://127.0.0.1:9/cb\n    healthCheck: {{enabled: true, timeout: 5s, deepProbe: {{enabled: {deep}}}}}\n",
            idp.issuer()
        )
    };
    let asked = |deep| report(&probe_text(&text(deep), &["--format", "json"]))["providers"][0].clone();
    assert_eq!((asked(false)["reason"].clone(), idp.calls(At::Authorize)), (Value::Null, 0));
    let well = asked(true);
    assert_eq!(
        (&well["reason"], &well["facts"]["authorizationStatus"]),
        (&Value::Null, &json!("302")),
        "{well:#}"
    );
    let query = idp.queries(At::Authorize).remove(0);
    for part in [
        "response_type=code",
        "client_id=orch",
        "redirect_uri=",
        "scope=openid",
        "state=",
        "nonce=",
        "code_challenge=",
    ] {
        assert!(query.contains(part), "{part} in {query}");
    }
    for (quirk, reason) in [
        (Quirk::Error("invalid_request"), "authorization-refused"),
        (Quirk::Error("server_error"), "authorization-refused"),
        (Quirk::Status(At::Authorize, 400), "unexpected-status"),
        (Quirk::Status(At::Authorize, 500), "unexpected-status"),
        (Quirk::Status(At::Token, 500), "unexpected-status"),
    ] {
        idp.misbehave(&[quirk]);
        assert_eq!(asked(true)["reason"], reason, "{quirk:?}");
        assert_eq!(asked(false)["reason"], Value::Null, "{quirk:?} is not what the usual probe asks");
    }
    idp.misbehave(&[Quirk::Html(At::Authorize)]);
    assert_eq!(asked(true)["reason"], Value::Null, "a page for a person to sign in at");
}
