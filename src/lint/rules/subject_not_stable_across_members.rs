//! Attributes: after a failover everybody is somebody else.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1055",
        name: "subject-not-stable-across-members",
        level: Level::Warn,
        summary: "apps see another subject for a person when another member serves",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"The subject in the tokens of an app is `issuer|sub` of the provider that signed the person in. Through a continuity
connector the same person has one subject for each member, and an app that keys its accounts by subject greets
everybody as new on the day of the outage.

`identity.attribute` names an attribute that is the same at every member, such as an employee number; the subject is
then made of it, whoever served. Proxied apps read headers and are not concerned.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/backup
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    clientSecret: <vault.portal>
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [ha]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/backup
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
    attributes:
      - name: person
        mapping: {primary: employee_id, backup: employee_id}
    identity: {attribute: person}
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    clientSecret: <vault.portal>
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [ha]}
```

How to fix: write `identity.attribute`. Where an app keys its accounts by another claim, map it (`claimsMapping.sub`) or say so with a
comment."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups().filter(|group| group.size() > 1 && group.continuity.identity.is_none()) {
        let mapped = |app: &crate::model::app::OidcApp| app.claims.iter().any(|(claim, _)| claim == "sub");
        let exposed = group.site.oidc_apps().find(|app| group.is_used_by(&app.sign_in) && !mapped(app));
        let Some(app) = exposed else { continue };
        let document = group.site.document();
        let words = format!("the subject that apps see through `{}` depends on the member that serves", group.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(document.value(&format!("{}/name", group.continuity.pointer)))
                .help("Name an attribute that is the same at every member in `identity.attribute`.")
                .also(document.value(&format!("{}/authentication/idps", app.pointer)), "this app sees it"),
        );
    }
}
