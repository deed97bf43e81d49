//! Hygiene: a code that anybody can redeem.

use serde_json::Value;

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::rule::{Report, Rule};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1503",
        name: "public-client-without-pkce",
        level: Level::Error,
        summary: "a client without a secret does not use PKCE",
        page: PAGE,
    },
    tier: None,
    check,
};

const PAGE: &str = r#"Whoever redeems the code of a client without a secret proves nothing but that he has the code. PKCE ties the code to the
browser that asked for it; without it, a code that leaks through a log, a referrer or another app on the phone is a
sign-in (RFC 9700 §2.1.1). That goes for apps here (`requirePKCE: false`) and for us at a provider (`disablePKCE` on a
connector without `oauthClientSecret`).

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
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    public: true
    requirePKCE: false
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
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    public: true
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [primary]}
```

How to fix: remove `requirePKCE: false` (public clients have it on), or give the client a secret."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for app in site.oidc_apps().filter(|app| app.public && !app.require_pkce) {
            let words = format!("anybody can redeem a code of `{}`, which has no secret and needs no PKCE", app.client_id);
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(site.document().key(&format!("{}/requirePKCE", app.pointer)))
                    .help("Remove `requirePKCE: false`, or give the client a secret.")
                    .edit(edits::set(site, &app.pointer, "requirePKCE", "true")),
            );
        }
        for member in site.idps() {
            let key = |key: &str| site.document().root.pointer(&member.pointer(key));
            if key("disablePKCE") != Some(&Value::Bool(true)) || key("oauthClientSecret").is_some() {
                continue;
            }
            let words = format!("anybody can redeem our codes at `{}`: no secret, and no PKCE", member.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.key("disablePKCE"))
                    .help("Remove `disablePKCE`, or register a secret and write `oauthClientSecret`.")
                    .edit(edits::set(site, &member.idp.pointer, "disablePKCE", "false")),
            );
        }
    }
}
