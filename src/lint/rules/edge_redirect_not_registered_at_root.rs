//! Tier 3: a root will not send people back to the edge.

use crate::connector::CallbackAddress;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;
use crate::protocol::oauth::redirect_uri::is_registered;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1205",
        name: "edge-redirect-not-registered-at-root",
        level: Level::Error,
        summary: "a root orchestrator has not registered the redirect URL of an edge",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"A root compares the redirect URL of a request with the `redirectURLs` of the client byte for byte, and refuses what is not
there. A slash at the end, another host or a port are another URL. At a backup root nobody notices before the
failover.

The files of one fleet are divided by `---` here.

Fires on:

```yaml
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    oauthRedirectURL: https://edge.example.com/callback
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1]}
---
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc1.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback/auth0
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, auth0]}
apps:
  - name: edge
    type: oidc
    clientID: edge
    clientSecret: <vault.edge>
    redirectURLs: [https://edge.example.com/oidc/callback]
    authentication: {idps: [ha]}
    claimsMapping: {email: ha.email}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    oauthRedirectURL: https://edge.example.com/callback
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1]}
---
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc1.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback/auth0
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, auth0]}
apps:
  - name: edge
    type: oidc
    clientID: edge
    clientSecret: <vault.edge>
    redirectURLs: [https://edge.example.com/callback]
    authentication: {idps: [ha]}
    claimsMapping: {email: ha.email}
```

How to fix: add the URL to `redirectURLs` of the client at the root, exactly as the edge writes it."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for member in scene.sites().flat_map(|site| site.idps()) {
        let Some(root) = member.known.root.given().map(|place| scene.site(place)) else { continue };
        let client = member.idp.facts.client_id.as_deref();
        let Some(app) = root.oidc_apps().find(|app| Some(app.client_id.as_str()) == client) else { continue };
        for callback in member.idp.config.callbacks() {
            let CallbackAddress::Url(url) = callback else { continue };
            if is_registered(url.as_str(), &app.redirect_urls, app.public) {
                continue;
            }
            let single = member.pointer("oauthRedirectURL");
            let key = match member.site.document().root.pointer(&single) {
                Some(_) => "oauthRedirectURL",
                None => "oauthLoginRedirect/urls",
            };
            let written = member.site.source.text.get(member.value(key).span);
            if written.is_some_and(|written| written.contains(['{', '<'])) {
                continue;
            }
            let place = root.document().value(&format!("{}/{}", app.pointer, "clientID"));
            report.add(
                Diagnostic::new(
                    &RULE.code,
                    format!("the root behind `{}` has not registered `{url}`, and refuses it", member.name()),
                )
                .at(member.value(key))
                .help(format!("Add it to `redirectURLs` of `{}` at the root.", app.name))
                .also(place, "the client there"),
            );
        }
    }
}
