//! Attributes: a rule that says "not" over what a member cannot say.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::conditions::{Condition, conditions};
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::listed;
use crate::lint::{Group, Scene, Site};
use crate::model::rules::{AUTHENTICATED, AttributePath};
use crate::model::tier::Tier;
use crate::model::{App, ProviderRef};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1059",
        name: "negated-rule-undecided",
        level: Level::Error,
        summary: "a rule says `not` over an attribute that some member cannot give",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"`notEquals` and `notContains` hold where an attribute is known to be something else, or to be nothing. What a member of a
continuity connector has no source for is neither: the person may well be the contractor that the rule keeps out, and
nobody can say so while this member serves. Such a rule is undecided, which lets nobody pass: after a failover to that
member the app is closed to everybody. The same is true of a rule that reads one member by its own name, for
everybody whom another one signed in.

A rule that reads every member, each in an alternative of one `or`, is left alone.

Fires on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/okta
    healthCheck: {enabled: true}
  - name: directory
    type: ldap
    url: [ldaps://dc1.example.com, ldaps://dc2.example.com]
    baseDN: dc=example,dc=com
    bindDN: cn=maverics,dc=example,dc=com
    bindPassword: <vault.ldap>
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, directory]}
    attributes:
      - name: type
        mapping: {okta: userType}
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: https://wiki.internal
    policies:
      - location: /
        authentication: {idps: [ha]}
        authorization: {rules: [{notEquals: ["{{ ha.type }}", contractor]}]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/okta
    healthCheck: {enabled: true}
  - name: directory
    type: ldap
    url: [ldaps://dc1.example.com, ldaps://dc2.example.com]
    baseDN: dc=example,dc=com
    bindDN: cn=maverics,dc=example,dc=com
    bindPassword: <vault.ldap>
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, directory]}
    attributes:
      - name: type
        mapping: {okta: userType, directory: employeeType}
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: https://wiki.internal
    policies:
      - location: /
        authentication: {idps: [ha]}
        authorization: {rules: [{notEquals: ["{{ ha.type }}", contractor]}]}
```

How to fix: map the attribute for every member, and read it under the name of the continuity connector. A `default` decides
the rule as well: choose the value that keeps out people of whom nothing is known. Or turn the rule round, and say with
`equals` or `contains` who may pass."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for app in &site.deployment.apps {
            for condition in conditions(site, app).iter().filter(|condition| condition.is_negated()) {
                for path in condition.paths.iter().filter(|path| path.path.literal != AUTHENTICATED) {
                    let findings = condition.groups(site).filter_map(|group| {
                        unmapped(site, condition, &group, path).or_else(|| of_one(site, app, condition, &group, path))
                    });
                    findings.for_each(|finding| report.add(finding));
                }
            }
        }
    }
}

/// An attribute of the common set that members which may serve have no source for.
fn unmapped(
    site: Site<'_>,
    condition: &Condition<'_>,
    group: &Group<'_>,
    path: &AttributePath,
) -> Option<Diagnostic> {
    let name = path.path.segments.first().filter(|_| path.connector == group.name())?;
    let (i, rule) = group.attributes().find(|(_, rule)| rule.name == *name)?;
    let is_identity = group.continuity.identity.as_ref().is_some_and(|identity| identity.attribute == *name);
    // Without these nobody signs in.
    if rule.default.is_some() || rule.required || is_identity {
        return None;
    }
    let silent = group.members().filter(|member| {
        condition.may_be_served_by(member) && !rule.mapping.iter().any(|(index, _)| *index == member.index)
    });
    let silent: Vec<&str> = silent.map(|member| member.name()).collect();
    (!silent.is_empty()).then(|| {
        let words = format!(
            "`{}` over `{}.{name}` lets nobody pass whom {} signed in: it has no source there",
            condition.key,
            group.name(),
            listed(silent.iter().copied()),
        );
        Diagnostic::new(&RULE.code, words)
            .at(site.document().value(&condition.pointer))
            .help("Map it for every member, or give it a `default` that keeps out whom it should.")
            .also(group.place(&format!("attributes/{i}/mapping")), "not for every member")
    })
}

/// An attribute of one member under its own name, where others sign people in as well.
fn of_one(
    site: Site<'_>,
    app: &App,
    condition: &Condition<'_>,
    group: &Group<'_>,
    path: &AttributePath,
) -> Option<Diagnostic> {
    let member = group.members().find(|member| member.name() == path.connector)?;
    let is_direct = |provider: &ProviderRef| *provider == ProviderRef::Idp(member.index);
    let is_asked = app.lookups().iter().any(|lookup| lookup.idp == member.index);
    let reads_all = |read: &std::collections::BTreeSet<String>| group.members().all(|m| read.contains(m.name()));
    let is_thought_of = condition.alternatives.iter().any(reads_all);
    if is_asked || is_thought_of || condition.sign_in.is_some_and(|s| s.providers.iter().any(is_direct)) {
        return None;
    }
    let others = group.members().filter(|m| m.index != member.index && condition.may_be_served_by(m));
    let others: Vec<&str> = others.map(|member| member.name()).collect();
    (!others.is_empty()).then(|| {
        let words = format!(
            "`{}` over `{}.{}` lets nobody pass whom {} signed in",
            condition.key,
            member.name(),
            path.path.literal,
            listed(others.iter().copied()),
        );
        Diagnostic::new(&RULE.code, words)
            .at(site.document().value(&condition.pointer))
            .help(format!("Read it as an attribute of `{}` that is mapped for every member.", group.name()))
            .also(group.listed(member.index), "one of several members")
    })
}
