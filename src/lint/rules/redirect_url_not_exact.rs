//! Hygiene: a pattern where an address belongs.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1505",
        name: "redirect-url-not-exact",
        level: Level::Error,
        summary: "a redirect URL is written as a pattern, and matches nothing",
        page: PAGE,
    },
    tier: None,
    check,
};

const PAGE: &str = r#"Redirect URLs are compared byte for byte (RFC 9700 §2.1): patterns let codes travel to addresses nobody meant. An entry with
an asterisk is therefore an address with an asterisk in it, which no client ever sends, and every request of the client
that relies on it is refused. For native apps on loopback any port of a registered address is taken; that needs no
pattern.

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
    clientSecret: <vault.portal>
    redirectURLs: ["https://*.example.com/callback"]
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
    clientSecret: <vault.portal>
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [primary]}
```

How to fix: list each address in full."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for app in site.oidc_apps() {
            for (i, url) in app.redirect_urls.iter().enumerate().filter(|(_, url)| is_pattern(url)) {
                let words = format!("`{url}` is compared as it stands, and no client sends that");
                report.add(
                    Diagnostic::new(&RULE.code, words)
                        .at(site.document().value(&format!("{}/redirectURLs/{i}", app.pointer)))
                        .help("List each address in full."),
                );
            }
        }
    }
}

/// Signs of a pattern: an asterisk, an expression, a variable of some other program.
fn is_pattern(url: &str) -> bool {
    url.contains(['*', '{', '^', '$']) || url.contains("(?") || url.to_ascii_lowercase().contains("%2a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (url, want) in [
            ("https://*.example.com/cb", true),
            ("https://app.example.com/.*", true),
            ("https://app.example.com/{tenant}/cb", true),
            ("https://app.example.com/cb?x=1", false),
            ("com.example.app:/cb", false),
        ] {
            assert_eq!(is_pattern(url), want, "{url}");
        }
    }
}
