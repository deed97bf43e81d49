//! Tier 1: an outage goes unnoticed for minutes.

use crate::continuity::detection::times;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;
use crate::value::Duration;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1006",
        name: "detection-too-slow",
        level: Level::Warn,
        summary: "an outage of a member may go unnoticed for more than two minutes",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"An outage is noticed after `unhealthyThreshold x interval + timeout` at worst. The guide's ordinary settings (30s, three
times, 10s) need 100 s. Above two minutes people have begun to call before the state changes, and everything that
reads it (operator page, metrics, alerts) tells an old story.

With pre-flight, the default, a sign-in notices by itself and waits a few seconds; what tells people about it does
not.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true, interval: 60s, timeout: 10s, unhealthyThreshold: 5}
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
    healthCheck: {enabled: true, interval: 30s, timeout: 10s, unhealthyThreshold: 3}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: shorten `interval`, or lower `unhealthyThreshold`; two failures in a row are rarely chance."#;

/// Longest worst case that is left alone; the guide's ordinary settings need 100 s.
const DETECTION_MAX: Duration = Duration::from_secs(120);

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for (member, check) in group.watched() {
            let worst = times(check).worst;
            // A site with a local member has a rule of its own, and a shorter limit, for the others.
            let judged_elsewhere = group.is_tactical() && member.known.network != Network::Local;
            if worst <= DETECTION_MAX || judged_elsewhere {
                continue;
            }
            report.add(
                Diagnostic::new(
                    &RULE.code,
                    format!("an outage of `{}` may go unnoticed for {worst}", member.name()),
                )
                .at(member.key("healthCheck"))
                .help(format!("Make `unhealthyThreshold` x `interval` + `timeout` at most {DETECTION_MAX}."))
                .also(group.listed(member.index), "a member here"),
            );
        }
    }
}
