//! Tier 3: two roots tell an edge different things.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::listed;
use crate::model::app::OidcApp;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1207",
        name: "root-claims-differ",
        level: Level::Warn,
        summary: "two root orchestrators give an edge claims of different names",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"An edge without an `attributes` block passes on what the root says, under the root's names. When the roots give their client
different claims, apps at the edge find other attributes after a failover between roots: one set is missing, another
appears.

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
  - name: root-dc2
    type: oidc
    oidcWellKnownURL: https://root-dc2.example.com/.well-known/openid-configuration
    oauthClientID: edge
    oauthRedirectURL: https://edge.example.com/callback
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1, root-dc2]}
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
---
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc2.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc2.example.com/callback
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc2.example.com/callback/auth0
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
    claimsMapping: {mail: ha.email}
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
  - name: root-dc2
    type: oidc
    oidcWellKnownURL: https://root-dc2.example.com/.well-known/openid-configuration
    oauthClientID: edge
    oauthRedirectURL: https://edge.example.com/callback
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1, root-dc2]}
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
---
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc2.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc2.example.com/callback
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc2.example.com/callback/auth0
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

How to fix: give the edge's client the same `claimsMapping` at every root, or map the names in `attributes` at the edge."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups().filter(|group| group.continuity.attributes.is_none()) {
        let clients: Vec<_> = group
            .members()
            .filter_map(|member| {
                let root = scene.site(member.known.root.given()?);
                let client = member.idp.facts.client_id.as_deref();
                let app = root.oidc_apps().find(|app| Some(app.client_id.as_str()) == client)?;
                Some((member, root, app))
            })
            .collect();
        let Some((_, first_root, first)) = clients.first() else { continue };
        for (member, root, app) in &clients[1..] {
            let (one, other) = (names(first), names(app));
            let different: Vec<&str> = one.symmetric_difference(&other).copied().collect();
            if different.is_empty() {
                continue;
            }
            let words = format!("only one of the roots of `{}` gives {}", group.name(), listed(different));
            let at = |app: &OidcApp| format!("{}/claimsMapping", app.pointer);
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(group.listed(member.index))
                    .help("Give the client the same `claimsMapping` at every root, or map the names in `attributes` here.")
                    .also(first_root.document().key(&at(first)), "claims of one root")
                    .also(root.document().key(&at(app)), "claims of the other"),
            );
        }
    }
}

fn names(app: &OidcApp) -> BTreeSet<&str> {
    app.claims.iter().map(|(claim, _)| claim.as_str()).collect()
}
