//! Tier 4: interval times threshold is too long where the line is cut often.

use crate::continuity::detection::times;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::lint::tiers::TACTICAL_DETECTION_MAX;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1301",
        name: "slow-tactical-detection",
        level: Level::Warn,
        summary: "a cloud member with a local backup is noticed to be gone after more than 30 s",
        page: PAGE,
    },
    tier: Some(Tier::Tactical),
    check,
};

const PAGE: &str = r#"A site with a provider of its own expects to lose the line to the cloud. From then until the thresholds are reached,
the cloud member still counts as well: `unhealthyThreshold x interval + timeout` at worst. The guide's tactical
settings (10 s, twice, 5 s) need 25 s; the ordinary ones (30 s, three times, 10 s) need 100 s.

With pre-flight (the default) a sign-in notices by itself; what reads the state (operator page, metrics, directory
binds) waits for the thresholds.

Fires on:

```yaml
version: "1"
connectors:
  - name: cloud
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: tactical
    healthCheck: {enabled: true, interval: 30s, timeout: 10s, unhealthyThreshold: 3}
  - name: keycloak
    type: oidc
    oidcWellKnownURL: https://keycloak.local/realms/tactical/.well-known/openid-configuration
    oauthClientID: tactical
    healthCheck: {enabled: true, interval: 10s, timeout: 5s}
  - name: tactical-failover
    type: continuity
    failover: {idps: [cloud, keycloak]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: cloud
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: tactical
    healthCheck: {enabled: true, interval: 10s, timeout: 5s, unhealthyThreshold: 2, healthyThreshold: 3}
  - name: keycloak
    type: oidc
    oidcWellKnownURL: https://keycloak.local/realms/tactical/.well-known/openid-configuration
    oauthClientID: tactical
    healthCheck: {enabled: true, interval: 10s, timeout: 5s}
  - name: tactical-failover
    type: continuity
    failover: {idps: [cloud, keycloak]}
```

How to fix: shorten `interval` and `timeout`, or lower `unhealthyThreshold`, on the cloud member. Raise
`healthyThreshold` there rather than on the local one, so that a line that comes and goes does not drag people along."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups().filter(|group| group.is_tactical()) {
        for (member, check) in group.watched().filter(|(member, _)| member.known.network != Network::Local) {
            let worst = times(check).worst;
            if worst <= TACTICAL_DETECTION_MAX {
                continue;
            }
            let block = member.pointer("healthCheck");
            let set = |key, value| edits::set(member.site, &block, key, value);
            // The guide's tactical settings, or nothing: half of them would be another mistake.
            let edits = [("interval", "10s"), ("timeout", "5s"), ("unhealthyThreshold", "2")]
                .map(|(key, value)| set(key, value))
                .into_iter()
                .collect::<Option<Vec<_>>>();
            let words = format!("an outage of `{}` may go unnoticed for {worst}", member.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.key("healthCheck"))
                    .help(format!(
                        "Make `unhealthyThreshold` x `interval` + `timeout` at most {TACTICAL_DETECTION_MAX}: `interval: 10s`, `timeout: 5s`, `unhealthyThreshold: 2`."
                    ))
                    .edit(edits.into_iter().flatten()),
            );
        }
    }
}
