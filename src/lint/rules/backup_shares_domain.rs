//! Tier 2: all members below one domain name.

use crate::connector::facts::registrable;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1105",
        name: "backup-shares-domain",
        level: Level::Warn,
        summary: "every member of a continuity connector is below the same domain",
        page: PAGE,
    },
    tier: Some(Tier::Diversified),
    check,
};

const PAGE: &str = r#"An expired registration, a broken signature of the zone or a name service under attack takes every name below a domain at
once, however far apart the servers stand.

Members below the domain at which people reach this orchestrator are left alone: when that domain is gone, nobody gets
as far as a sign-in. So are members of one vendor, which is a finding of its own.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://login.corp.example/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://sso.corp.example/.well-known/openid-configuration
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
    oidcWellKnownURL: https://login.corp.example/.well-known/openid-configuration
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

How to fix: reach one of the members under another domain; most vendors serve every tenant under their own as well."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let vendor = group.shared(|member| member.known.vendor.as_deref().map(str::to_owned));
        // Roots are orchestrators of ours; one vendor, or one host, is told as that.
        let told = vendor.is_some() || group.shared(|member| member.host()).is_some();
        if told {
            continue;
        }
        let domain = |member: crate::lint::Member<'_>| {
            member.host().filter(|_| member.known.network != Network::Local).map(registrable)
        };
        let Some(domain) = group.shared(domain) else { continue };
        if group.site.public_hosts().iter().any(|host| registrable(host) == domain) {
            continue;
        }
        let words = format!("all members of `{}` are below `{domain}`: when it is gone, they are", group.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.place("failover/idps"))
                .help("Reach one of them under another domain."),
        );
    }
}
