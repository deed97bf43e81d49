//! Tier 1: answers of two providers arrive at one address.

use std::collections::BTreeMap;

use crate::connector::CallbackAddress;
use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Member;
use crate::lint::Scene;
use crate::lint::facts::Root;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1010",
        name: "members-share-redirect-url",
        level: Level::Info,
        summary: "two OpenID Connect members have one redirect URL",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"Answers are told apart by their state, so one redirect URL for two providers works. It gives up a defence: a provider
that has been taken over can lead a person to the other one and let the answer, with its code, be taken for its own
(mix-up, RFC 9700 §4.4). An address for each provider ends that, and so does a provider that names itself in its
answers (`iss`, RFC 9207), which is checked wherever it is promised. Orchestrators name themselves.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/callback
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/callback
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
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
```

How to fix: give each connector a redirect URL of its own, and register it at its provider."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let mut seen: BTreeMap<String, Member<'_>> = BTreeMap::new();
        let exposed = |member: &Member<'_>| {
            member.idp.facts.protocol == Protocol::Oidc && member.known.root == Root::No
        };
        for member in group.members().filter(exposed) {
            let urls = member.idp.config.callbacks().into_iter().filter_map(|callback| match callback {
                CallbackAddress::Url(url) => Some(url.as_str().to_owned()),
                CallbackAddress::Path(_) => None,
            });
            for url in urls.collect::<Vec<_>>() {
                let Some(first) = seen.get(&url) else {
                    seen.insert(url, member);
                    continue;
                };
                let words = format!("`{}` and `{}` take answers at one address", first.name(), member.name());
                report.add(
                    Diagnostic::new(&RULE.code, words)
                        .at(member.value(callback_key(&member)))
                        .help("Give each an address of its own, and register it at its provider.")
                        .also(first.value(callback_key(first)), "the same address"),
                );
                break;
            }
        }
    }
}

/// The key that holds its redirect URLs.
fn callback_key(member: &Member<'_>) -> &'static str {
    let single = member.pointer("oauthRedirectURL");
    match member.site.document().root.pointer(&single) {
        Some(_) => "oauthRedirectURL",
        None => "oauthLoginRedirect/urls",
    }
}
