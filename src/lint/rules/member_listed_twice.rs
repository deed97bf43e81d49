//! Tier 1: the same provider under two names.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Member;
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1004",
        name: "member-listed-twice",
        level: Level::Error,
        summary: "two members of a continuity connector are one provider",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"Two connectors may name one provider: the same issuer, the same metadata, the same directory. As members of one
continuity connector they fail in the same second, so the second is no backup. A connector listed twice by its own name
is refused already when names are resolved.

Fires on:

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
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
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

How to fix: put another provider in the place of the second. Where the two differ in scopes or client only, one of them is
enough."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let mut seen: BTreeMap<&str, Member<'_>> = BTreeMap::new();
        for member in group.members() {
            let Some(provider) = member.provider() else { continue };
            let Some(first) = seen.get(provider) else {
                seen.insert(provider, member);
                continue;
            };
            let (first, second) = (*first, member.name());
            let words = format!("`{}` and `{second}` are one provider: when it fails, both do", first.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.address())
                    .help(format!("Put another provider in the place of `{second}`, or remove it from `{}`.", group.name()))
                    .also(first.address(), "the same here"),
            );
        }
    }
}
