//! Tier 1: an app that a failover does not help.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1014",
        name: "app-bypasses-continuity",
        level: Level::Warn,
        summary: "an app signs in with a member of a continuity connector directly, and with nothing else",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"The failover stands in the continuity connector. An app that names one of its members instead has that provider only:
when it is down, the app is, while its neighbours keep working.

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
    authentication: {idps: [primary]}
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

How to fix: name the continuity connector in `authentication.idps`. Where only this provider is strong enough, give the members
`assurance` and the app `minimumAssurance`, and say with a comment that one is all there is."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites().filter(|site| !site.deployment.continuity.is_empty()) {
        for (pointer, sign_in) in site.sign_ins() {
            let candidates = site.deployment.candidates(sign_in);
            let [only] = candidates.as_slice() else { continue };
            let Some(group) = site.groups().find(|group| group.continuity.members.iter().any(|m| *m == only.idp))
            else {
                continue;
            };
            if only.through.is_some() {
                continue;
            }
            let member = site.idp(only.idp).name();
            let words = format!("only `{member}` signs people in here, though `{}` has a backup for it", group.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(site.document().value(&format!("{pointer}/0")))
                    .help(format!("Write `{}` in its place.", group.name()))
                    .also(group.listed(only.idp), "a member here"),
            );
        }
    }
}
