//! Tier 2: all members at one vendor.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::OURSELVES;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1101",
        name: "backup-shares-vendor",
        level: Level::Warn,
        summary: "every member of a continuity connector is at the same vendor",
        page: PAGE,
    },
    tier: Some(Tier::Diversified),
    check,
};

const PAGE: &str = r#"A second tenant at the same vendor survives the loss of a tenant, and little else: control plane, name service,
certificates and release calendar are shared, and so is a vendor-wide incident. It takes the primary and the backup
in the same minute.

The vendor is read from the host name. Where a custom domain hides it, say it on the connector:
`# maverics: vendor=okta`.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup # maverics: vendor=okta
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
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: put a provider of another vendor, or one you run yourself, among the members."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let mut vendors = group.members().map(|member| member.known.vendor.as_deref());
        let Some(Some(first)) = vendors.next() else { continue };
        // Orchestrators in front of each other share no vendor's outage; roots have rules of their own.
        if group.continuity.members.as_slice().len() < 2
            || first == OURSELVES
            || !vendors.all(|v| v == Some(first))
        {
            continue;
        }
        let words =
            format!("all members of `{}` are at {first}: its outage takes them together", group.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.place("failover/idps"))
                .help("Add a member of another vendor, or one you run yourself."),
        );
    }
}
