//! Tier 3: a root with one provider behind it.

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1206",
        name: "root-without-continuity",
        level: Level::Warn,
        summary: "edges sign in through a root orchestrator that has no failover of its own",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"Edges take a root for their identity provider. When the one provider behind it is down, the root still answers, looks
well to every edge, and cannot sign anybody in; failing over to another root with the same provider changes nothing.
The failover over providers belongs at the roots. A root that keeps its people in a file of its own has nothing behind it
that could fail.

The files of one fleet are divided by `---` here.

Fires on:

```yaml
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    oauthRedirectURL: https://edge.example.com/callback
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1]}
---
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc1.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback
    healthCheck: {enabled: true}
apps:
  - name: edge
    type: oidc
    clientID: edge
    clientSecret: <vault.edge>
    redirectURLs: [https://edge.example.com/callback]
    authentication: {idps: [okta]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    oauthRedirectURL: https://edge.example.com/callback
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1]}
---
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc1.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback/auth0
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, auth0]}
apps:
  - name: edge
    type: oidc
    clientID: edge
    clientSecret: <vault.edge>
    redirectURLs: [https://edge.example.com/callback]
    authentication: {idps: [ha]}
    claimsMapping: {email: ha.email}
```

How to fix: add a second provider and a continuity connector at the root, and name that in `authentication.idps` of the edge's client."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites().filter(|site| site.is_root) {
        let alone = |app: &&crate::model::app::OidcApp| match site.deployment.candidates(&app.sign_in).as_slice() {
            // People in a file are there as long as the root is.
            [only] => site.deployment.idp(only.idp).facts.protocol != Protocol::Local,
            _ => false,
        };
        // With a continuity connector at hand, an app that goes past it is a finding of its own.
        let Some(app) = site.oidc_apps().find(alone).filter(|_| site.deployment.continuity.is_empty()) else {
            continue;
        };
        let document = site.document();
        let words = format!("this root signs `{}` in through one provider: its outage is that of every edge", app.client_id);
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(document.value(&format!("{}/authentication/idps", app.pointer)))
                .help("Add a second provider, and a `continuity` connector over both.")
                .also(document.value("/oidcProvider/discovery/issuer"), "edges sign in here"),
        );
    }
}
