//! Tier 1: an outage that is pretended.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1009",
        name: "simulation-enabled",
        level: Level::Error,
        summary: "a health check pretends an outage",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"`simulation` makes a healthy provider count as unhealthy for a while, to rehearse a failover. Left in a configuration
that people sign in with, it takes a good provider away at every start, and hides whether the failover of the day is
real.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true, simulation: {enabled: true, startAfter: 1m, downtime: 5m}}
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

How to fix: remove the block, or write `enabled: false`. Rehearse with a copy of the configuration."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for member in scene.sites().flat_map(|site| site.idps()) {
        let check = member.idp.config.common().health_check.as_ref();
        if !check.and_then(|check| check.simulation.as_ref()).is_some_and(|simulation| simulation.enabled) {
            continue;
        }
        let words = format!("an outage of `{}` is pretended", member.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(member.key("healthCheck/simulation/enabled"))
                .help("Remove `simulation`, or write `enabled: false`.")
                .edit(edits::set(member.site, &member.pointer("healthCheck/simulation"), "enabled", "false")),
        );
    }
}
