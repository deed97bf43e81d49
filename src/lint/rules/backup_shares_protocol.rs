//! Tier 2: all members speak one protocol.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1104",
        name: "backup-shares-protocol",
        level: Level::Info,
        summary: "every member of a continuity connector speaks the same protocol",
        page: PAGE,
    },
    tier: Some(Tier::Diversified),
    check,
};

const PAGE: &str = r#"A fault in the handling of one protocol (a library, a clock, a rotated key that nobody accepts) reaches every member that
speaks it. Tier 2 of the guide mixes protocols, so that such a fault stays with one member. It is the least of the
differences: vendor and region come first.

Edges over roots, and sites with a provider of their own, are judged by their own tiers.

Fires on:

```yaml
version: "1"
connectors:
  - name: first
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: second
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [first, second]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: last-resort
    type: local
    usersFile: /etc/maverics/users.yaml
  - name: ha
    type: continuity
    failover: {idps: [primary, backup, last-resort]}
```

How to fix: add a member with another protocol: SAML, a directory, or a `local` connector."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        if group.is_over_roots() || group.is_tactical() {
            continue;
        }
        let Some(protocol) = group.shared(|member| Some(member.idp.facts.protocol)) else { continue };
        let words = format!("all members of `{}` speak {}: a fault in it reaches them all", group.name(), protocol.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.place("failover/idps"))
                .help("Add a member with another protocol."),
        );
    }
}
