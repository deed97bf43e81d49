//! Tier 4: the last resort is across the WAN.

use crate::connector::facts::vendor_of_host;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::lint::{Group, Member};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1303",
        name: "remote-tactical-fallback",
        level: Level::Warn,
        summary: "a member that counts as local depends on the line to the outside",
        page: PAGE,
    },
    tier: Some(Tier::Tactical),
    check,
};

const PAGE: &str = r#"The local provider of a site is there for the hour in which the line is cut. It must need nothing beyond it: not its
address, and not the page that decides whether it is well. A member that a comment or its name calls local while its host
is a cloud service, and one whose `customEndpoint` is elsewhere, go down with the line.

Fires on:

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
    healthCheck:
      enabled: true
      customEndpoint: {endpoint: https://monitoring.example.com/idps/keycloak}
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

How to fix: run the last resort on the site itself, and let its health check ask the provider, or a page on the same segment."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for member in group.members() {
            if let Some(finding) = remote_provider(&group, member).or_else(|| remote_page(&group, member)) {
                report.add(finding);
            }
        }
    }
}

/// Called local, and at a cloud service.
fn remote_provider(group: &Group<'_>, member: Member<'_>) -> Option<Diagnostic> {
    let (host, vendor) = member.host().and_then(|host| Some((host, vendor_of_host(host)?)))?;
    let by_name = || member.name().split(['-', '_']).any(|word| matches!(word, "local" | "onsite"));
    let (why, at) = match member.known.network {
        Network::Local => ("a comment calls it local", member.address()),
        _ if by_name() && group.size() > 1 => ("its name calls it local", member.address()),
        _ => return None,
    };
    Some(
        Diagnostic::new(&RULE.code, format!("`{}` is at `{host}` ({vendor}), though {why}", member.name()))
            .at(at)
            .help("Run the last resort on the site itself.")
            .also(group.listed(member.index), "counted on here"),
    )
}

/// On the site, and judged by a page that is not.
fn remote_page(group: &Group<'_>, member: Member<'_>) -> Option<Diagnostic> {
    let host = member.judged_afar()?;
    let key = "healthCheck/customEndpoint/endpoint";
    let words = format!("`{host}` decides about `{}`: without the line, the local provider counts as down", member.name());
    Some(
        Diagnostic::new(&RULE.code, words)
            .at(member.value(key))
            .help("Leave out `customEndpoint`, or let it be a page on the same segment.")
            .also(group.listed(member.index), "counted on here"),
    )
}
