//! Tier 4: a site that is cut off can sign nobody in.

use std::net::IpAddr;

use crate::connector::facts::is_local_host;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;
use crate::value::url::is_loopback_name;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1302",
        name: "no-local-fallback",
        level: Level::Warn,
        summary: "a site reached over its local network has no provider there",
        page: PAGE,
    },
    tier: Some(Tier::Tactical),
    check,
};

const PAGE: &str = r#"People reach this orchestrator by names of the local network only, and every provider is beyond it. When the line is cut,
the orchestrator and its apps are still there, and nobody can sign in. Tier 4 of the guide puts a provider beside the
orchestrator, on the same segment.

A provider is on the local network when its name or address says so (`keycloak.local`, `10.1.2.3`), when it is a `local`
connector, or when a comment says so: `# maverics: network=local`. Loopback names are laboratories, and left alone.

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
  - name: other
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.site.local/callback/other
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [cloud, other]}
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

How to fix: add a provider on the site as the last member: a Keycloak or a directory, or a `local` connector with the people who must get in."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let urls = group.site.deployment.public_urls();
        let on_site = !urls.is_empty() && urls.iter().all(|url| is_local_host(url.host()) && !is_laboratory(url.host()));
        let away = group.members().find(|member| member.known.network == Network::Wide);
        let (Some(away), true, false) = (away, on_site, group.is_tactical()) else { continue };
        let words = format!("when the line is cut, no member of `{}` is left on this site", group.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.place("failover/idps"))
                .help("Add a provider on the site as the last member; `# maverics: network=local` says that one is.")
                .also(away.address(), "beyond the line"),
        );
    }
}

fn is_laboratory(host: &str) -> bool {
    let loopback = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    loopback || is_loopback_name(host)
}
