//! Tier 3: a root looks well while nobody behind it is.

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::Root;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::listed;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1209",
        name: "root-health-hides-idp-outage",
        level: Level::Info,
        summary: "the health check of a root does not see the providers behind it",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"The standard check of a root asks for its discovery document and keys, which it serves as well when every provider behind it
is down or cut off. The edge then goes on sending people to a root that can sign nobody in, although another root might
reach the providers.

A `customEndpoint` on a page that knows (a monitor beside the root that asks its providers) closes the gap.

Fires on:

```yaml
version: "1"
connectors:
  - name: root-dc1 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: root-dc2 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc2.example.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1, root-dc2]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: root-dc1 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck:
      enabled: true
      customEndpoint: {endpoint: https://monitor-dc1.example.com/can-sign-in}
  - name: root-dc2 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc2.example.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck:
      enabled: true
      customEndpoint: {endpoint: https://monitor-dc2.example.com/can-sign-in}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1, root-dc2]}
```

How to fix: let the check of each root ask a `customEndpoint` that fails when the root has no provider left."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let blind: Vec<_> = group
            .watched()
            .filter(|(member, check)| {
                let deep = check.deep_probe.as_ref().is_some_and(|probe| probe.enabled);
                let behind = match member.known.root {
                    Root::Given(place) => scene.site(place).idps().any(|idp| idp.idp.facts.protocol != Protocol::Local),
                    Root::Presumed => true,
                    Root::No => false,
                };
                behind && check.custom_endpoint.is_none() && !deep
            })
            .map(|(member, _)| member)
            .collect();
        // One root alone has a rule of its own; there is nobody to turn to.
        if blind.is_empty() || group.size() < 2 {
            continue;
        }
        let words = format!(
            "the health of {} says nothing of the providers behind",
            listed(blind.iter().map(|member| member.name()))
        );
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.place("failover/idps"))
                .help("Let each check ask a `customEndpoint` that fails when the root has no provider left.")
                .also(blind[0].key("healthCheck"), "asks for the discovery document"),
        );
    }
}
