//! Tier 2: one page decides about all members.

use std::collections::BTreeMap;

use crate::config::connectors::{CustomEndpoint, ResponseMatcher};
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::lint::{Group, Member};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1106",
        name: "health-endpoint-shared-by-members",
        level: Level::Warn,
        summary: "one endpoint, or one host, decides whether every member is well",
        page: PAGE,
    },
    tier: Some(Tier::Diversified),
    check,
};

const PAGE: &str = r#"A custom health check asks the operator's page instead of the provider. When the pages of all members stand on one host,
its failure makes every member unhealthy in the same second, though all of them are well. When it is one page with one
expectation, no answer at all can make one member well and the other not: the connector cannot fail over, which is an
error.

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
      customEndpoint: {endpoint: https://monitoring.example.com/okta}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck:
      enabled: true
      customEndpoint: {endpoint: https://monitoring.example.com/auth0}
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
      customEndpoint: {endpoint: https://monitoring-a.example.com/okta}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck:
      enabled: true
      customEndpoint: {endpoint: https://monitoring-b.example.com/auth0}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

How to fix: give each member a page of its own, on hosts that fail apart, or leave one member to the standard check."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        if !same_page(&group, report) {
            same_host(&group, report);
        }
    }
}

fn custom<'a>(member: Member<'a>) -> Option<&'a CustomEndpoint> {
    member.idp.check.as_ref()?.custom_endpoint.as_ref()
}

/// Two members that ask one page for one answer.
fn same_page(group: &Group<'_>, report: &mut Report) -> bool {
    let mut seen: BTreeMap<&str, Member<'_>> = BTreeMap::new();
    let mut found = false;
    for member in group.members() {
        let Some(page) = custom(member).map(|custom| (custom.endpoint.as_str(), &custom.response_matcher)) else {
            continue;
        };
        let Some(first) = seen.get(page.0) else {
            seen.insert(page.0, member);
            continue;
        };
        if !custom(*first).is_some_and(|custom| is_same(&custom.response_matcher, page.1)) {
            continue;
        }
        found = true;
        let words = format!("one answer decides about `{}` and `{}`: there is no failing over", first.name(), member.name());
        report.add(
            Diagnostic::new(&RULE.code, words)
                .weighing(Level::Error)
                .at(member.value("healthCheck/customEndpoint/endpoint"))
                .help("Give each member a page, or at least an expectation, of its own.")
                .also(first.value("healthCheck/customEndpoint/endpoint"), "the same page"),
        );
    }
    found
}

fn is_same(a: &ResponseMatcher, b: &ResponseMatcher) -> bool {
    let text = |matcher: &ResponseMatcher| matcher.body.as_ref().map(|body| body.contains.clone());
    a.expected_statuses == b.expected_statuses && a.headers == b.headers && text(a) == text(b)
}

/// All members ask pages of one host.
fn same_host(group: &Group<'_>, report: &mut Report) {
    let Some(host) = group.shared(|member| custom(member).map(|custom| custom.endpoint.host())) else { return };
    let words = format!("`{host}` decides about all members of `{}`: without it, none is well", group.name());
    let mut finding = Diagnostic::new(&RULE.code, words)
        .at(group.place("failover/idps"))
        .help("Let the pages stand on hosts that fail apart, or leave one member to the standard check.");
    for member in group.members() {
        finding = finding.also(member.value("healthCheck/customEndpoint/endpoint"), "asked here");
    }
    report.add(finding);
}
