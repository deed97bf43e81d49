//! The language as a whole: every key can be written, and what is not run here is told once.

use std::collections::BTreeSet;

use maverics::config::schema::Walk;
use maverics::diag::Sources;
use maverics::model::{self, read::ReadOptions};
use serde_json::Value;

use crate::cli::Transcript;
use crate::golden;

const FILES: &[&str] = &["whole", "second-spellings", "listed-provider", "older-endpoints", "logout"];

#[test]
fn every_key_has_a_legal_value() {
    for name in FILES {
        let file = format!("tests/fixtures/language/{name}.yaml");
        let said = Transcript::of(&["validate", "--format", "github", &file]);
        for line in said.stdout.lines() {
            let expected = ["MV0110", "MV0116"].iter().any(|code| line.contains(&format!("title={code} ")));
            assert!(expected, "{line}");
        }
        golden::check(&format!("language/{name}.txt"), &said.text());
    }
}

/// A key, by the part of the schema that has it.
type Key = (usize, String);

/// Keys that a tree writes, by the address of the map of properties they stand in.
fn written(walk: &Walk<'_>, schema: &Value, value: &Value, keys: &mut BTreeSet<Key>) {
    let parts = walk.applicable(schema, value);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                for part in &parts {
                    if let Some(properties) = part.get("properties").filter(|p| p.get(key).is_some()) {
                        keys.insert((std::ptr::from_ref(properties).addr(), key.clone()));
                    }
                }
                if let Some(property) = walk.property(&parts, key) {
                    written(walk, property, value, keys);
                }
            }
        }
        Value::Array(items) => {
            for (item, schema) in items.iter().filter_map(|item| Some((item, walk.items(&parts)?))) {
                written(walk, schema, item, keys);
            }
        }
        _ => {}
    }
}

/// Every key of the schema, with words for a message.
fn known(value: &Value, path: &str, keys: &mut Vec<(Key, String)>) {
    match value {
        Value::Object(map) => {
            if let Some(properties) =
                map.get("properties").filter(|_| !path.ends_with("/if") && !path.ends_with("/not"))
            {
                for key in properties.as_object().into_iter().flat_map(|p| p.keys()) {
                    keys.push((
                        (std::ptr::from_ref(properties).addr(), key.clone()),
                        format!("{path}: {key}"),
                    ));
                }
            }
            map.iter().for_each(|(key, value)| known(value, &format!("{path}/{key}"), keys));
        }
        Value::Array(items) => items.iter().for_each(|item| known(item, path, keys)),
        _ => {}
    }
}

#[test]
fn no_key_of_the_schema_is_left_unwritten() {
    let checker = model::schema::checker();
    let mut have = BTreeSet::new();
    for name in FILES {
        let path = golden::root().join(format!("tests/fixtures/language/{name}.yaml"));
        let text = std::fs::read_to_string(path).expect("a fixture");
        let reading = model::read(name, &text, &mut Sources::default(), &ReadOptions::default());
        let document = reading.document.expect("a fixture is YAML");
        written(&Walk::new(checker.schema()), checker.schema(), &document.root, &mut have);
    }
    let mut all = Vec::new();
    known(checker.schema(), "", &mut all);
    let absent: Vec<_> =
        all.into_iter().filter(|(key, _)| !have.contains(key)).map(|(_, words)| words).collect();
    assert_eq!(absent, [""; 0]);
}

#[test]
fn the_form_of_what_is_not_run_is_checked() {
    for (text, code, at) in [
        ("caches: [{name: a, type: redis}]", "missing-key", "{name"),
        (
            "caches: [{name: local_default, type: redis, redis: {addresses: ['a:1']}}]",
            "duplicate-name",
            "local_default",
        ),
        ("caches: [{name: a, type: redis, redis: {addresses: [a]}}]", "bad-value", "a]"),
        (
            "caches: [{name: a, type: redis, redis: {addresses: ['a:1']}, encryption: {keys: {current: <k>, old: [<k>]}}}]",
            "contradiction",
            "<k>]",
        ),
        (
            "caches: [{name: a, type: redis, redis: {addresses: ['a:1']}, encryption: {}}]",
            "missing-key",
            "encryption",
        ),
        (
            "clusters: [{name: a, addresses: {membership: /a, data: /b}, discovery: {method: static}, encryption: {psk: <k>}}]",
            "missing-key",
            "discovery",
        ),
        ("telemetry: {traces: {processors: [{}]}}", "bad-value", "{}]"),
        (
            "telemetry: {metrics: {readers: [{periodic: {exporter: {otlp: {endpiont: 'https://a/b'}}}}]}}",
            "unknown-key",
            "endpiont",
        ),
        ("samlProvider: [{}, {}]", "bad-value", "[{}"),
        ("samlProvider: {signature: {privateKey: <k>}}", "missing-key", "signature"),
        ("samlProvider: {signature: {}}", "missing-key", "signature"),
        ("samlProvider: {name: a}", "unknown-key", "name"),
        ("ldapProvider: {uri: http://a}", "bad-value", "http"),
        ("ldapProvider: {uri: 'ldap://a:389', tls: none}", "unknown-name", "none"),
        ("ldapProvider: {uri: 'ldap://a:389', authentication: {idps: [none]}}", "unknown-name", ""),
        ("apis: [{name: a, serveSE: {funcName: F}}]", "missing-key", "serveSE"),
        ("apis: [{name: a, serveSE: {funcName: F, fiel: a.go}}]", "unknown-key", "fiel"),
        ("apis: [{name: a, serveSE: {funcName: F, cdoe: a}}]", "unknown-key", "cdoe"),
        (
            "connectors: [{name: a, type: ldap, url: 'ldaps://a', baseDN: b, bindDN: c}]",
            "missing-key",
            "{name",
        ),
        ("singleLogout: {logoutURL: logout}", "bad-value", "logout}"),
        ("mcpProvider: {authorization: {oauth: {servers: []}}}", "bad-value", "[]"),
        ("apps: [{name: a, type: saml, audience: b}]", "missing-key", "{name"),
        (
            "apps: [{name: a, type: mcpProxy, upstream: {transport: stdio, stream: {url: 'https://a'}}}]",
            "bad-value",
            "stdio",
        ),
        (
            "caches: [{name: a, type: redis, redis: {addresses: ['a:1']}, encryption: {dsiabled: true}}]",
            "unknown-key",
            "dsiabled",
        ),
        (
            "caches: [{name: a, type: redis, redis: {addresses: ['a:1']}, encryption: {disabled: [true]}}]",
            "wrong-type",
            "[true]",
        ),
        (
            "connectors: [{name: a, type: azure, atuhType: saml, samlMetadataURL: 'https://a/b', samlConsumerServiceURL: 'https://a/c'}]",
            "unknown-key",
            "atuhType",
        ),
        (
            "connectors: [{name: a, type: azure, authType: smal, samlMetadataURL: 'https://a/b', samlConsumerServiceURL: 'https://a/c'}]",
            "bad-value",
            "smal",
        ),
    ] {
        let text = format!("version: 1\n{text}\n");
        let mut sources = Sources::default();
        let reading = model::read("a.yaml", &text, &mut sources, &ReadOptions::default());
        let found: Vec<_> = reading
            .findings
            .iter()
            .filter(|f| !matches!(f.code.name, "unsupported-here" | "ignored-without-flag"))
            .map(|f| (f.code.name, &text[f.place.as_ref().map_or(0, |p| p.span.start)..]))
            .collect();
        assert!(found.len() == 1 && found[0].0 == code && found[0].1.starts_with(at), "{text}: {found:?}");
    }
}

#[test]
fn a_health_check_that_would_pass_or_fail_by_accident_is_refused() {
    for (check, code, at) in [
        (
            "customEndpoint: {endpoint: 'https://s/x', responseMatcher: {expectedStatuses: []}}",
            "bad-value",
            "[]",
        ),
        (
            "customEndpoint: {endpoint: 'https://s/x', responseMatcher: {expectedStatuses: [99]}}",
            "bad-value",
            "99",
        ),
        (
            "customEndpoint: {endpoint: 'https://s/x', responseMatcher: {expectedStatuses: [600]}}",
            "bad-value",
            "600",
        ),
        (
            "customEndpoint: {endpoint: 'https://s/x', responseMatcher: {expectedStatuses: [ok]}}",
            "wrong-type",
            "ok",
        ),
        (
            "customEndpoint: {endpoint: 'https://s/x', responseMatcher: {body: {contains: ''}}}",
            "bad-value",
            "''",
        ),
        ("customEndpoint: {endpoint: 'https://s/x', responseMatcher: {body: {}}}", "missing-key", "body"),
        (
            "customEndpoint: {endpoint: 'https://s/x', responseMatcher: {body: {contains: up, matches: up}}}",
            "unknown-key",
            "matches",
        ),
        (
            "customEndpoint: {endpoint: 'https://s/x', responseMatcher: {statuses: [200]}}",
            "unknown-key",
            "statuses",
        ),
        ("customEndpoint: {endpoint: 'https://s/x', type: tcp}", "bad-value", "tcp"),
        ("customEndpoint: {endpoint: 'http://s/x'}", "plain-http", "'http://s/x'"),
        ("customEndpoint: {}", "missing-key", "customEndpoint"),
        ("interval: 10ms, timeout: 5ms", "bad-value", "10ms"),
        ("timeout: 0s", "bad-value", "0s"),
        ("unhealthyThreshold: 0", "bad-value", "0"),
        ("simulation: {enabled: true, startAfter: 1m}", "missing-key", "{enabled"),
        ("simulation: {enabled: true, downtime: 0s}", "bad-value", "{enabled"),
    ] {
        let text = format!(
            "version: 1\nconnectors: [{{name: a, type: oidc, oidcWellKnownURL: 'https://a/.well-known/openid-configuration', oauthClientID: b, healthCheck: {{{check}}}}}]\n"
        );
        let reading = model::read("a.yaml", &text, &mut Sources::default(), &ReadOptions::default());
        let found: Vec<_> = reading
            .findings
            .iter()
            .map(|f| (f.code.name, &text[f.place.as_ref().map_or(0, |p| p.span.start)..]))
            .collect();
        assert!(found.len() == 1 && found[0].0 == code && found[0].1.starts_with(at), "{check}: {found:?}");
    }
}
