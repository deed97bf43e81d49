//! Tier 1: a custom health check that no answer can satisfy.

use crate::config::connectors::ResponseMatcher;
use crate::diag::{Code, Diagnostic, Level};
use crate::health::matcher::BODY_BYTES_MAX;
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1008",
        name: "health-check-never-matches",
        level: Level::Error,
        summary: "no answer can satisfy a custom health check, so its provider is never well",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"All conditions of a `responseMatcher` must hold at once. Some cannot: an answer with status 204, 205 or 304 has no body
to contain anything, one below 200 is no final answer, a body is read only for its first 64 KiB, blanks around a
header's value are not part of it, and a header whose name is not a token is never sent. The provider is then unhealthy
from the first threshold on, for ever, however well it is.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck:
      enabled: true
      customEndpoint:
        endpoint: https://monitoring.example.com/idp-status/okta
        responseMatcher: {expectedStatuses: [204], body: {contains: healthy}}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
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
    healthCheck:
      enabled: true
      customEndpoint:
        endpoint: https://monitoring.example.com/idp-status/okta
        responseMatcher: {expectedStatuses: [200, 204], body: {contains: healthy}}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: expect a status that comes with a body, or drop the condition on the body; write header values without blanks around them."#;

/// Statuses whose answers have no body (RFC 9110 §6.4.1, §15.3.6, §15.4.5).
const BODILESS: &[u16] = &[204, 205, 304];

fn check(scene: &Scene<'_>, report: &mut Report) {
    for member in scene.sites().flat_map(|site| site.idps()) {
        let custom = member.idp.check.as_ref().and_then(|check| check.custom_endpoint.as_ref());
        let Some((key, why)) = custom.and_then(|custom| never(&custom.response_matcher)) else { continue };
        let at = format!("healthCheck/customEndpoint/responseMatcher/{key}");
        report.add(
            Diagnostic::new(&RULE.code, format!("`{}` is never found well: {why}", member.name()))
                .at(member.value(&at))
                .help("Ask for what an answer can have."),
        );
    }
}

/// The condition that cannot hold, and why.
fn never(matcher: &ResponseMatcher) -> Option<(String, String)> {
    let fault = |key: &str, why: String| Some((key.to_owned(), why));
    let statuses = &matcher.expected_statuses;
    if statuses.iter().all(|status| *status < 200) {
        return fault("expectedStatuses", "a status below 200 is not the end of an answer".into());
    }
    if let Some(body) = &matcher.body {
        if statuses.iter().all(|status| *status < 200 || BODILESS.contains(status)) {
            return fault("body", format!("answers with status {statuses:?} have no body"));
        }
        if body.contains.len() > BODY_BYTES_MAX {
            return fault("body/contains", format!("the text is longer than the {BODY_BYTES_MAX} bytes that are read"));
        }
    }
    matcher.headers.iter().find_map(|(name, value)| {
        let key = format!("headers/{}", name.replace('~', "~0").replace('/', "~1"));
        if http::HeaderName::try_from(name.as_str()).is_err() {
            return fault(&key, format!("no header can be called `{name}`"));
        }
        if value.trim_matches([' ', '\t']) != value {
            return fault(&key, format!("blanks around the value of `{name}` do not arrive"));
        }
        if http::HeaderValue::try_from(value.as_str()).is_err() {
            return fault(&key, format!("no header can have the value asked of `{name}`"));
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::connectors::BodyMatcher;

    #[test]
    fn only_what_is_certain() {
        let matcher = |statuses: &[u16], body: Option<&str>, header: Option<(&str, &str)>| ResponseMatcher {
            expected_statuses: statuses.to_vec(),
            body: body.map(|text| BodyMatcher { contains: text.into() }),
            headers: header.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        };
        let long = "x".repeat(BODY_BYTES_MAX + 1);
        for (matcher, want) in [
            (matcher(&[200], None, None), None),
            (matcher(&[204], None, None), None),
            (matcher(&[302], Some("moved"), None), None),
            (matcher(&[100, 503], Some("down"), None), None),
            (matcher(&[200], None, Some(("x-state", "up"))), None),
            (matcher(&[102], None, None), Some("expectedStatuses")),
            (matcher(&[204, 304], Some("up"), None), Some("body")),
            (matcher(&[200], Some(&long), None), Some("body/contains")),
            (matcher(&[200], None, Some(("x state", "up"))), Some("headers/x state")),
            (matcher(&[200], None, Some(("x-state", "up "))), Some("headers/x-state")),
            (matcher(&[200], None, Some(("x-state", "u\np"))), Some("headers/x-state")),
        ] {
            assert_eq!(never(&matcher).map(|(key, _)| key).as_deref(), want, "{matcher:?}");
        }
    }
}
