//! Hygiene: a whole app without a sign-in.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::app::Policy;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1504",
        name: "proxy-location-open-to-all",
        level: Level::Warn,
        summary: "a location that covers the whole app lets everybody in",
        page: PAGE,
    },
    tier: None,
    check,
};

const PAGE: &str = r#"`allowUnauthenticated` is for a style sheet, a status page, a webhook with a secret of its own. On `/`, or on an expression
that is found in every path, it opens each path that no other policy takes, the ones that the app will have next year
among them. Where other locations of the app ask for a sign-in it is an information.

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
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: http://wiki.internal:8080
    policies:
      - location: /
        authentication: {allowUnauthenticated: true}
        authorization: {allowAll: true}
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
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: http://wiki.internal:8080
    policies:
      - location: /static
        authentication: {allowUnauthenticated: true}
        authorization: {allowAll: true}
      - location: /
        authentication: {idps: [primary]}
        authorization: {allowAll: true}
```

How to fix: ask for a sign-in on `/`, and open the locations that need it by name."#;

/// Paths that have nothing in common but the slash: what matches them all, matches everything.
const PATHS: &[&str] = &["/", "/a", "/admin/users", "/api/v1/x.json", "/Q7/zz~9"];

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for app in site.proxy_apps() {
            let policies = site.policies(app);
            for (pointer, policy) in policies.iter().filter(|(_, policy)| policy.allow_unauthenticated) {
                if !covers_everything(policy) {
                    continue;
                }
                let guarded = policies.iter().any(|(_, other)| !other.allow_unauthenticated);
                let words = match guarded {
                    true => format!("everything in `{}` that no other location takes is open to all", app.name),
                    false => format!("all of `{}` is open to all", app.name),
                };
                report.add(
                    Diagnostic::new(&RULE.code, words)
                        .weighing(if guarded { Level::Info } else { Level::Warn })
                        .at(site.document().value(&format!("{pointer}/location")))
                        .help("Ask for a sign-in here, and open by name what needs to be open.")
                        .also(site.document().key(&format!("{pointer}/authentication/allowUnauthenticated")), "no sign-in is asked"),
                );
            }
        }
    }
}

fn covers_everything(policy: &Policy) -> bool {
    match policy.location.strip_prefix("~ ") {
        None => policy.location == "/",
        Some(text) => regex::Regex::new(text).is_ok_and(|regex| PATHS.iter().all(|path| regex.is_match(path))),
    }
}
