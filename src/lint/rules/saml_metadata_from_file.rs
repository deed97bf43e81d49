//! Tier 1: a provider changes its key, and a file does not know.

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1016",
        name: "saml-metadata-from-file",
        level: Level::Info,
        summary: "the metadata of a SAML member is a file, which does not follow the provider",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A SAML provider says in its metadata with which keys it signs. Read from its address, a new key is known before it is used.
A file stays as it is: on the day the provider changes its key every assertion is refused, and the health check, which
can only ask whether the sign-on page answers, finds the member well. Nobody is sent to the backup then.

Fires on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: entra
    type: saml
    samlMetadataURL: file:///etc/maverics/entra.xml
    samlConsumerServiceURL: https://orch.example.com/saml/callback
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, entra]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: entra
    type: saml
    samlMetadataURL: https://login.microsoftonline.com/TENANT/federationmetadata/2007-06/federationmetadata.xml
    samlConsumerServiceURL: https://orch.example.com/saml/callback
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, entra]}
```

How to fix: name the address of the metadata in `samlMetadataURL`. Where the provider publishes none, watch the end of its certificate:
`maverics probe` prints it."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for member in site.idps().filter(|member| member.idp.facts.protocol == Protocol::Saml) {
            let is_file = member.text("samlMetadataURL").is_some_and(|url| url.starts_with("file:"));
            let is_member = |group: &crate::lint::Group<'_>| group.members().any(|have| have.index == member.index);
            let Some(group) = site.groups().find(is_member).filter(|_| is_file) else { continue };
            let words = format!("the keys of `{}` come from a file, which does not follow the provider", member.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.address())
                    .help("Name the address at which the provider publishes its metadata.")
                    .also(group.listed(member.index), "a member here"),
            );
        }
    }
}
