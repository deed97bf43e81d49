//! Tier 2: all members in one region.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1103",
        name: "backup-shares-region",
        level: Level::Warn,
        summary: "every member of a continuity connector is in the same region",
        page: PAGE,
    },
    tier: Some(Tier::Diversified),
    check,
};

const PAGE: &str = r#"Members of different vendors in one region share its power, its lines and its weather. A regional outage, or a cut between
that region and this one, takes them together.

The region is read from host names that spell it (`cognito-idp.us-east-1.amazonaws.com`); elsewhere a comment says it:
`# maverics: region=us-east`.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary # maverics: region=us-east
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup # maverics: region=us-east
    type: oidc
    oidcWellKnownURL: https://login.example.com/.well-known/openid-configuration
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
  - name: primary # maverics: region=us-east
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

How to fix: add a member in another region, or move one there."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let region = |member: crate::lint::Member<'_>| {
            member.known.region.clone().filter(|_| member.known.network != Network::Local)
        };
        let Some(region) = group.shared(region) else { continue };
        let words = format!("all members of `{}` are in {region}: its outage takes them together", group.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.place("failover/idps"))
                .help("Add a member in another region."),
        );
    }
}
