//! Tier 1: a probe that hangs is still waiting when the next one is due.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1005",
        name: "timeout-not-below-interval",
        level: Level::Warn,
        summary: "the timeout of a health check is not below its interval",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"Probes of one provider never overlap. A timeout above the interval is cut to it; one as long as the interval lets a
hanging provider take the whole time between two probes, and the outage is noticed that much later: the worst case is
`unhealthyThreshold x interval + timeout`. A healthy provider answers in a fraction of a second; the guide gives it a
third or a half of the interval.

The documented defaults (30s and 30s) are left alone where neither is written.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true, interval: 10s, timeout: 10s}
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
    healthCheck: {enabled: true, interval: 10s, timeout: 5s}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: write a `timeout` of half the interval or less."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for member in scene.sites().flat_map(|site| site.idps()) {
        let Some(check) = &member.idp.check else { continue };
        let document = member.site.document();
        let written = |key: &str| document.root.pointer(&member.pointer(&format!("healthCheck/{key}"))).is_some();
        let by_default = !written("interval") && !written("timeout");
        if check.timeout < check.interval || by_default {
            continue;
        }
        let relation = if check.timeout > check.interval { "above" } else { "as long as" };
        let words = format!(
            "the timeout of `{}` ({}) is {relation} its interval ({})",
            member.name(),
            check.timeout,
            check.interval
        );
        let half = crate::value::Duration::from_millis((check.interval.as_millis() / 2).max(500));
        let at = if written("timeout") { "timeout" } else { "interval" };
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(member.value(&format!("healthCheck/{at}")))
                .help(format!("Write `timeout: {half}`, or less."))
                .edit(edits::set(member.site, &member.pointer("healthCheck"), "timeout", &half.to_string())),
        );
    }
}
