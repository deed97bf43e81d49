//! Tier 1: a failover with nothing to fail over to.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1001",
        name: "single-member-continuity",
        level: Level::Warn,
        summary: "a continuity connector has one member, and nothing to fail over to",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A continuity connector sends new sign-ins to the first of its members that is well. With one member there is no
second, so its outage is an outage of every app behind it, and the connector adds nothing but its name.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary]}
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
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: add a second provider to `failover.idps`, best at another vendor. Where no second one exists yet, a
`local` connector with a few accounts keeps the people who must get in."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        if let [only] = group.continuity.members.as_slice() {
            let member = group.site.deployment.idp(*only).name.as_str();
            let words = format!("`{}` has one member, `{member}`, and nothing to fail over to", group.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(group.place("failover/idps"))
                    .help("Add a second provider to `failover.idps`."),
            );
        }
    }
}
