//! Tier 3: a root does not know the edge that comes to it.

use serde_json::Value;

use crate::diag::did_you_mean;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1204",
        name: "edge-client-unknown-at-root",
        level: Level::Error,
        summary: "a root orchestrator has no client with the id that an edge comes with",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"An edge is a relying party of its roots: the client id of its connector must be the `clientID` of an app there. A root that
does not know it refuses every sign-in of that edge. At a backup root that shows on the day of the failover, and not
before: it passes every health check.

The files of one fleet are divided by `---` here.

Fires on:

```yaml
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge-a
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

How to fix: add an app with this client id at the root, or correct the id at the edge."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for member in scene.sites().flat_map(|site| site.idps()) {
        let (Some(root), Some(client)) = (member.known.root.given(), &member.idp.facts.client_id) else { continue };
        let root = scene.site(root);
        // The tree has apps that are incomplete as well; that is told where they stand.
        let apps = root.document().root.get("apps").and_then(Value::as_array);
        let clients: Vec<&str> =
            apps.into_iter().flatten().filter_map(|app| app.get("clientID")?.as_str()).collect();
        let foreign = [(&member.site, member.pointer("oauthClientID")), (&root, "/apps".to_owned())]
            .iter()
            .any(|(site, pointer)| site.source.text.get(site.document().value(pointer).span).is_some_and(|t| t.contains("{{ env.") || t.contains("{{env.")));
        if clients.contains(&client.as_str()) || foreign {
            continue;
        }
        let help = match did_you_mean(client, clients.iter().copied()) {
            Some(guess) => format!("Did you mean `{guess}`?"),
            None => "Add an app of type `oidc` with this `clientID` at the root.".to_owned(),
        };
        let issuer = root.document().value("/oidcProvider/discovery/issuer");
        let words = format!("the root behind `{}` knows no client `{client}`, and refuses its sign-ins", member.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(member.value("oauthClientID"))
                .help(help)
                .also(issuer, "this root"),
        );
    }
}
