//! Tier 4: a line that comes and goes drags everybody along.

use crate::continuity::detection::times;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;
use crate::value::Duration;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1304",
        name: "tactical-recovery-too-eager",
        level: Level::Warn,
        summary: "a cloud member with a local backup counts as well after less than 30 s",
        page: PAGE,
    },
    tier: Some(Tier::Tactical),
    check,
};

const PAGE: &str = r#"A line that is bad comes back for seconds at a time. `healthyThreshold x interval` is how long it must hold before new
sign-ins go over it again; the guide's tactical settings (three times, 10 s) ask for half a minute, and for more from the
cloud than from the local provider. Below that, people are sent over a line that is gone again before their sign-in is
done.

Fires on:

```yaml
version: "1"
connectors:
  - name: cloud
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.site.local/callback/cloud
    healthCheck: {enabled: true, interval: 5s, timeout: 3s, healthyThreshold: 2}
  - name: keycloak
    type: oidc
    oidcWellKnownURL: https://keycloak.local/realms/site/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.site.local/callback/keycloak
    healthCheck: {enabled: true, interval: 10s, timeout: 5s}
  - name: ha
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
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.site.local/callback/cloud
    healthCheck: {enabled: true, interval: 10s, timeout: 5s, healthyThreshold: 3}
  - name: keycloak
    type: oidc
    oidcWellKnownURL: https://keycloak.local/realms/site/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.site.local/callback/keycloak
    healthCheck: {enabled: true, interval: 10s, timeout: 5s}
  - name: ha
    type: continuity
    failover: {idps: [cloud, keycloak]}
```

How to fix: raise `healthyThreshold` of the cloud member; a longer `interval` would delay the failover as well."#;

/// Shortest time a line must hold: the guide's own example asks for three good answers at intervals of 10 s.
const RECOVERY_MIN: Duration = Duration::from_secs(30);

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups().filter(|group| group.is_tactical()) {
        for (member, check) in group.watched().filter(|(member, _)| member.known.network != Network::Local) {
            let failback = times(check).failback;
            if failback >= RECOVERY_MIN {
                continue;
            }
            let wanted = RECOVERY_MIN.as_millis().div_ceil(check.interval.as_millis().max(1)).to_string();
            let words = format!("new sign-ins go back to `{}` when the line has held for {failback}", member.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.key("healthCheck/healthyThreshold"))
                    .help(format!("Write `healthyThreshold: {wanted}`, or more: {RECOVERY_MIN} at least."))
                    .also(group.listed(member.index), "a member beside a local one")
                    .edit(edits::set(member.site, &member.pointer("healthCheck"), "healthyThreshold", &wanted)),
            );
        }
    }
}
