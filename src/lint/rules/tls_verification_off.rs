//! Hygiene: anybody on the path can be the provider.

use crate::config::yaml::child;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1502",
        name: "tls-verification-off",
        level: Level::Error,
        summary: "a TLS profile verifies nothing",
        page: PAGE,
    },
    tier: None,
    check,
};

const PAGE: &str = r#"With `insecureSkipVerify` any certificate is as good as the right one. Whoever stands on the path answers as the provider:
with keys of his own, so with tokens of his own, and so as any person he likes. It is meant for a laboratory.

Fires on:

```yaml
version: "1"
tls:
  lab: {insecureSkipVerify: true}
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    tls: lab
    healthCheck: {enabled: true}
```

Stays quiet on:

```yaml
version: "1"
tls:
  internal: {caFile: /etc/maverics/internal-ca.pem}
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    tls: internal
    healthCheck: {enabled: true}
```

How to fix: name the authority that signed the certificate in `caFile`, and remove `insecureSkipVerify`."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        let profiles = site.deployment.tls.iter().filter(|(_, profile)| profile.insecure_skip_verify);
        for (name, _) in profiles {
            let at = child(&child("/tls", name), "insecureSkipVerify");
            let mut finding = Diagnostic::new(
                &RULE.code,
                format!("connections with the profile `{name}` trust any certificate"),
            )
            .at(site.document().key(&at))
            .help("Name the authority of the certificate in `caFile`, and remove `insecureSkipVerify`.");
            let users = site.idps().filter(|member| member.idp.tls.as_ref().is_some_and(|tls| tls.as_str() == name));
            for member in users {
                finding = finding.also(member.value("tls"), format!("`{}` can be impersonated", member.name()));
            }
            report.add(finding);
        }
    }
}
