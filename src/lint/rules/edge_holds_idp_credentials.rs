//! Tier 3: an edge keeps what belongs at the roots.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::{Network, OURSELVES, Root};
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1203",
        name: "edge-holds-idp-credentials",
        level: Level::Warn,
        summary: "an edge over root orchestrators holds credentials of an identity provider as well",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"Edges sign people in through roots, so that the credentials of providers stay in a few well-guarded places. A secret of a
cloud provider at an edge lies at every branch, is rotated at every branch, and goes with every machine that is taken
away. A provider on the site itself is no such thing: it is the site's own last resort.

Fires on:

```yaml
version: "1"
connectors:
  - name: root-dc1 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthClientSecret: <vault.okta>
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1, okta]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: root-dc1 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: keycloak
    type: oidc
    oidcWellKnownURL: https://keycloak.local/realms/site/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthClientSecret: <vault.keycloak>
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1, keycloak]}
```

How to fix: put a second root in its place, and let the roots have the provider. Where the site must reach it by itself, say so with a comment."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        let Some(root) = site.idps().find(|member| member.known.root != Root::No) else { continue };
        for member in site.idps() {
            let vendor = member.known.vendor.as_deref().filter(|vendor| *vendor != OURSELVES);
            let foreign = member.known.root == Root::No && member.known.network == Network::Wide;
            let (Some(vendor), true) = (vendor, foreign) else { continue };
            // Headers of a health check are no credentials of the provider.
            let Some((key, _)) = member.idp.config.secrets().into_iter().find(|(key, _)| *key != "healthCheck")
            else {
                continue;
            };
            let words = format!("this edge holds a secret of `{}` ({vendor}), which belongs at its roots", member.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.key(key))
                    .help("Reach it through a root, and have a second root as the backup.")
                    .also(root.value("name"), "a root"),
            );
        }
    }
}
