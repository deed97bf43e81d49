//! Tier 1: an outage lowers how people are authenticated.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1012",
        name: "members-differ-in-assurance",
        level: Level::Error,
        summary: "members authenticate people in different ways, and nothing says how strongly",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A provider of its own (OpenID Connect, SAML) decides how it authenticates: second factors, devices, risk. A directory or
a local file is a password and nothing else. With both in one continuity connector an outage of the stronger one makes
the weaker one good enough for every app, and whoever can cause that outage chooses it.

`assurance` (1 to 9) on each member says how strong it is, and `minimumAssurance` on an app or a policy keeps
everything weaker out of it, also in an outage.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: last-resort
    type: local
    usersFile: /etc/maverics/users.yaml
  - name: ha
    type: continuity
    failover: {idps: [primary, last-resort]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    assurance: 5
    healthCheck: {enabled: true}
  - name: last-resort
    type: local
    usersFile: /etc/maverics/users.yaml
    assurance: 2
  - name: ha
    type: continuity
    failover: {idps: [primary, last-resort]}
```

How to fix: write `assurance` on every member, and `minimumAssurance` on the apps that must not be reached with less."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let Some((first, second)) = group.site.deployment.unequal_members(group.continuity) else { continue };
        let (first, second) = (group.site.idp(first), group.site.idp(second));
        let name = |member: crate::lint::Member<'_>| {
            format!("`{}` ({})", member.name(), member.idp.facts.protocol.name())
        };
        let words = format!(
            "{} and {} authenticate people differently, and not each says how strongly",
            name(first),
            name(second)
        );
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.place("failover/idps"))
                .help("Write `assurance` on every member, and `minimumAssurance` where less is not enough.")
                .also(first.value("type"), "the provider decides how")
                .also(second.value("type"), "a password, and nothing else"),
        );
    }
}
