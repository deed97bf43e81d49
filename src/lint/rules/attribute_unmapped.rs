//! Tier 1: a member that lacks an attribute without default.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1003",
        name: "attribute-unmapped",
        level: Level::Warn,
        summary: "an attribute of a continuity connector has no source at one of the members",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"Apps read `continuity-name.attribute` and do not know who signed the person in. An attribute that one member is not
mapped for, and that has no default, is not known after a failover to that member: no rule that reads it holds, not even
one that says `not`, headers disappear, accounts are not found. The outage is over and people still cannot work.

Fires on:

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
    attributes:
      - name: email
        mapping: {primary: email}
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
    attributes:
      - name: email
        mapping: {primary: email, backup: preferred_username}
      - name: role
        mapping: {primary: role}
        default: user
```

How to fix: map the attribute for every member, or give it a `default` that is safe for people whose value is not
known (never a privileged role)."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for (i, rule, without) in group.unmapped() {
            let without: Vec<String> = without.iter().map(|name| format!("`{name}`")).collect();
            let words =
                format!("`{}.{}` has no source at {}", group.name(), rule.name, without.join(" and "));
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(group.place(&format!("attributes/{i}/mapping")))
                    .help("Map it for every member, or give it a `default`."),
            );
        }
    }
}
