//! Tier 2: while one of two is down, there is no further one.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1102",
        name: "fewer-than-three-members",
        level: Level::Info,
        summary: "a continuity connector has two members; tier 2 asks for three",
        page: PAGE,
    },
    tier: Some(Tier::Diversified),
    check,
};

const PAGE: &str = r#"With two members an outage leaves one, and maintenance there, or the second incident of a bad day, stops everybody. Tier 2
of the guide has three or more. Two are tier 1, which is enough for many.

Edges over roots, roots, and sites with a provider of their own are judged by their own tiers.

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
  - name: third
    type: oidc
    oidcWellKnownURL: https://auth.pingone.eu/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [first, second, third]}
```

How to fix: add a third provider of another vendor, or a `local` connector with a few accounts; or leave it at tier 1:
`# maverics: allow(fewer-than-three-members) tier 1 is what we need`."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        if group.size() != 2 || group.site.is_root || group.is_over_roots() || group.is_tactical() {
            continue;
        }
        report.add(
            Diagnostic::new(
                &RULE.code,
                format!("`{}` has two members: while one is down, there is no further one", group.name()),
            )
            .at(group.place("failover/idps"))
            .help("Add a third provider of another vendor, or a `local` connector with a few accounts."),
        );
    }
}
