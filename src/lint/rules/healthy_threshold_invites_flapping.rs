//! Tier 1: one good answer brings everybody back.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1007",
        name: "healthy-threshold-invites-flapping",
        level: Level::Warn,
        summary: "one good answer makes a member healthy again",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A provider that recovers rarely does so at once: it answers, fails, answers again. With `healthyThreshold: 1` the first
good answer sends all new sign-ins back, and the next failure away again. The two sides of the switch then take turns,
and a person may meet a different provider at each step. Damping, on by default, ends that only after it has happened
three times.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true, healthyThreshold: 1}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true, healthyThreshold: 2}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: write `healthyThreshold: 2`, the default, or more."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for (member, check) in group.watched().filter(|(_, check)| check.healthy_threshold < 2) {
            let words = format!(
                "one good answer, after {} at most, brings all sign-ins back to `{}`",
                check.interval,
                member.name()
            );
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.key("healthCheck/healthyThreshold"))
                    .help("Write 2 or more.")
                    .also(group.listed(member.index), "a member here")
                    .edit(edits::set(member.site, &member.pointer("healthCheck"), "healthyThreshold", "2")),
            );
        }
    }
}
