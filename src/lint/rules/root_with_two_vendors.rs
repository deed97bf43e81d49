//! Tier 3: a root with two vendors behind it, where the guide asks for three.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1202",
        name: "root-with-two-vendors",
        level: Level::Info,
        summary: "a root orchestrator has identity providers of two vendors; the guide asks for three",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"All edges of a fleet depend on the providers behind its roots. Two vendors survive the outage of one; while it lasts
there is no further one, and maintenance at the second then stops every site. Tier 3 of the guide therefore has three
providers at the root. Two are enough for the tier to count as met.

A root is a deployment whose OpenID provider another file of the fleet signs in with. The files of one fleet are
divided by `---` here.

Fires on:

```yaml
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc1.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: root
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: root
    healthCheck: {enabled: true}
  - name: root-failover
    type: continuity
    failover: {idps: [okta, auth0]}
---
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    healthCheck: {enabled: true}
```

Stays quiet on:

```yaml
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc1.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: root
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: root
    healthCheck: {enabled: true}
  - name: keycloak # maverics: vendor=keycloak
    type: oidc
    oidcWellKnownURL: https://keycloak.internal/realms/corp/.well-known/openid-configuration
    oauthClientID: root
    healthCheck: {enabled: true}
  - name: root-failover
    type: continuity
    failover: {idps: [okta, auth0, keycloak]}
---
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    healthCheck: {enabled: true}
```

How to fix: add a provider of a third vendor, or one you run yourself, to the continuity connector of the root."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups().filter(|group| group.site.is_root) {
        let vendors: Vec<Option<&str>> =
            group.members().map(|member| member.known.vendor.as_deref()).collect();
        let known: BTreeSet<&str> = vendors.iter().flatten().copied().collect();
        // A member whose vendor nothing says may be the third; fewer than two keeps the tier from being met.
        if known.len() != 2 || vendors.contains(&None) {
            continue;
        }
        let named = known.into_iter().collect::<Vec<_>>().join(" and ");
        report.add(
            Diagnostic::new(
                &RULE.code,
                format!("the root behind `{}` has two vendors, {named}", group.name()),
            )
            .at(group.place("failover/idps"))
            .help("Add a member of a third vendor, or one you run yourself."),
        );
    }
}
