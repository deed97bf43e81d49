//! Tier 1: a failover that nobody takes.

use serde_json::Value;

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1013",
        name: "continuity-unused",
        level: Level::Warn,
        summary: "no app signs people in with a continuity connector",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A continuity connector helps the apps that name it in `idps`, and no others. One that no app names is watched, listed
and judged, and changes nothing on the day of the outage. A file without any app is taken as a part of one, and left
alone.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/backup
    healthCheck: {enabled: true}
  - name: other
    type: oidc
    oidcWellKnownURL: https://login.example.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/other
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    clientSecret: <vault.portal>
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [other]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/backup
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    clientSecret: <vault.portal>
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [ha]}
```

How to fix: name it in `authentication.idps` of the apps it is meant for, or remove it."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        let root = &site.document().root;
        if root.get("apps").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            continue;
        }
        for group in site.groups() {
            // Kinds of app that are not run here may name it too: the tree is asked, not the model.
            let named = ["apps", "mcpProvider", "ldapProvider", "samlProvider"]
                .iter()
                .filter_map(|key| root.get(key))
                .any(|part| names(part, group.name()));
            if named {
                continue;
            }
            report.add(
                Diagnostic::new(&RULE.code, format!("no app signs people in with `{}`", group.name()))
                    .at(site.document().value(&format!("{}/name", group.continuity.pointer)))
                    .help("Name it in `authentication.idps` of an app, or remove it."),
            );
        }
    }
}

/// Whether a text of the tree is this name.
fn names(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name,
        Value::Array(list) => list.iter().any(|value| names(value, name)),
        Value::Object(map) => map.values().any(|value| names(value, name)),
        _ => false,
    }
}
