//! Tier 1: a member whose health nobody asks.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1002",
        name: "member-unmonitored",
        level: Level::Warn,
        summary: "a member of a continuity connector is not watched",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A provider without `healthCheck.enabled: true` counts as well for ever. When it dies, nobody is told, its place in
the order stays, and each sign-in finds out for itself by way of the pre-flight. A backup that is not watched may have
been dead for months on the day it is needed.

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
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
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
    healthCheck: {enabled: true, interval: 10s, timeout: 5s}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: add `healthCheck` with `enabled: true` to the member."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for member in group.members().filter(|member| member.idp.check.is_none()) {
            let block = member.pointer("healthCheck");
            let written = member.site.document().root.pointer(&block).is_some();
            let (fix, edit) = if written {
                ("Set `healthCheck.enabled` to true.", edits::set(member.site, &block, "enabled", "true"))
            } else {
                let edit = edits::set(member.site, &member.idp.pointer, "healthCheck", "{enabled: true}");
                ("Add `healthCheck` with `enabled: true`.", edit)
            };
            let words = format!("nobody watches `{}`, a member of `{}`", member.name(), group.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.key("healthCheck"))
                    .help(fix)
                    .also(group.listed(member.index), "a member here")
                    .edit(edit),
            );
        }
    }
}
