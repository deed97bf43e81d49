//! Attributes: a SAML member is asked in the words of OpenID Connect.

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1054",
        name: "oidc-claim-name-on-saml-member",
        level: Level::Warn,
        summary: "an attribute is mapped from an OpenID Connect claim at a SAML member",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"`preferred_username`, `given_name` and their like are names of OpenID Connect. SAML providers name attributes by URI or by
directory names (`mail`, `givenName`), and an attribute asked for by a name they do not send is absent: after a failover
to that member nobody has it.

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
    samlMetadataURL: https://login.microsoftonline.com/TENANT/federationmetadata/2007-06/federationmetadata.xml
    samlConsumerServiceURL: https://orch.example.com/saml/callback
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, entra]}
    attributes:
      - name: email
        mapping: {okta: email, entra: preferred_username}
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
    attributes:
      - name: email
        mapping:
          okta: email
          entra: http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress
```

How to fix: write the name that the provider's attribute statement has; `nameID` is the subject. Where the provider was configured to
send exactly this name, say so: `# maverics: allow(oidc-claim-name-on-saml-member) sent as such`."#;

/// Names that only OpenID Connect gives, and what SAML providers call them where there is a custom.
const CLAIMS: &[(&str, &str)] = &[
    ("sub", "nameID"),
    ("preferred_username", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"),
    ("given_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"),
    ("family_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"),
    ("email_verified", ""),
    ("phone_number", ""),
    ("updated_at", ""),
    ("zoneinfo", ""),
    ("realm_access", ""),
    ("resource_access", ""),
];

/// What SAML providers call an e-mail address.
const EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for (i, rule) in group.attributes() {
            for (member, path) in &rule.mapping {
                let member = group.site.idp(*member);
                let first = path.segments.first().map(String::as_str).unwrap_or_default();
                let claim = CLAIMS.iter().find(|(claim, _)| *claim == first);
                let Some((claim, custom)) = claim.filter(|_| member.idp.facts.protocol == Protocol::Saml) else {
                    continue;
                };
                let words = format!("`{}` speaks SAML, and `{claim}` is a name of OpenID Connect", member.name());
                let custom = if rule.name.to_ascii_lowercase().contains("mail") { EMAIL } else { custom };
                let help = match custom {
                    "" => "Write the name that its attribute statement has.".to_owned(),
                    custom => format!("Write the name that its attribute statement has, often `{custom}`."),
                };
                report.add(
                    Diagnostic::new(&RULE.code, words)
                        .at(group.mapping(i, member))
                        .help(help)
                        .also(member.value("type"), "SAML"),
                );
            }
        }
    }
}
