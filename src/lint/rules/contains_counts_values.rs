//! Attributes: `contains` means one thing for one value and another for several.

use crate::connector::facts::Shape;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::conditions::conditions;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::{listed, name_of};
use crate::lint::{Member, Scene, Site};
use crate::model::attributes::SourcePath;
use crate::model::rules::AttributePath;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1060",
        name: "contains-counts-values",
        level: Level::Warn,
        summary: "`contains` asks for a part of one value, and for membership of several",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A directory and an assertion give an attribute one value or several. One is a text, several are a list; `contains` asks
for a part of a text, and for a member of a list. So a rule over `departmentNumber` that wants `12` lets in a person of `112`, and
refuses the same person as soon as he is of `112` and `7`. With `notContains` it is the other way round.

Attributes that are sets by nature are a list whatever their number, and are left alone: `memberOf`, `isMemberOf`,
`eduPersonAffiliation`, `eduPersonEntitlement`, `groups`, `roles` and a few more, under their names and their URIs, and in a
directory also what `attributeMapping` calls so or makes of them.

Fires on:

```yaml
version: "1"
connectors:
  - name: directory
    type: ldap
    url: [ldaps://dc1.example.com, ldaps://dc2.example.com]
    baseDN: dc=example,dc=com
    bindDN: cn=maverics,dc=example,dc=com
    bindPassword: <vault.ldap>
    healthCheck: {enabled: true}
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: https://wiki.internal
    policies:
      - location: /
        authentication: {idps: [directory]}
        authorization: {rules: [{contains: ["{{ directory.departmentNumber }}", "12"]}]}
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
      - name: department
        mapping: {okta: department, directory: departmentNumber}
        multiValued: true
      - name: groups
        mapping: {okta: groups, directory: memberOf}
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: https://wiki.internal
    policies:
      - location: /
        authentication: {idps: [ha]}
        authorization: {rules: [{contains: ["{{ ha.department }}", "12"]}, {contains: ["{{ ha.groups }}", staff]}]}
```

How to fix: read the attribute through a continuity connector that says `multiValued: true` (membership, always) or
`multiValued: false` (one text, always), or ask with `equals` for the whole value."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for app in &site.deployment.apps {
            for condition in conditions(site, app).iter().filter(|c| matches!(c.key, "contains" | "notContains")) {
                let Some((path, counted)) = condition.left.as_ref().and_then(|path| Some((path, counted(site, path)?)))
                else {
                    continue;
                };
                let words = format!(
                    "`{}` over `{}.{}` asks for a part of one value, and for membership of several, as {} gives them",
                    condition.key,
                    path.connector,
                    path.path.literal,
                    listed(counted.iter().copied()),
                );
                let is_group = site.groups().any(|group| group.name() == path.connector);
                report.add(
                    Diagnostic::new(&RULE.code, words).at(site.document().value(&condition.pointer)).help(match is_group {
                        true => "Say `multiValued: true` (a set) or `multiValued: false` (one text) where it is mapped.",
                        false => "Ask with `equals`, or read it through a continuity connector that says `multiValued`.",
                    }),
                );
            }
        }
    }
}

/// Providers that give what a path reads as one text or as a list, by the number of values. `None` without one.
fn counted<'a>(site: Site<'a>, path: &AttributePath) -> Option<Vec<&'a str>> {
    let of = |member: Member<'a>, path: &SourcePath| {
        // An index asks for one of several, whatever there are.
        let is_indexed = path.segments.len() > 1 && path.segments.last().is_some_and(|last| last.parse::<usize>().is_ok());
        let counts = !is_indexed && member.idp.config.shape(&name_of(path)) == Shape::Counted;
        counts.then(|| member.name())
    };
    let counted: Vec<&str> = match site.groups().find(|group| group.name() == path.connector) {
        None => site.idps().filter(|idp| idp.name() == path.connector).filter_map(|idp| of(idp, &path.path)).collect(),
        Some(group) if group.continuity.attributes.is_none() => {
            group.members().filter_map(|member| of(member, &path.path)).collect()
        }
        Some(group) => {
            let name = path.path.segments.first()?;
            let (_, rule) = group.attributes().find(|(_, rule)| rule.name == *name)?;
            let identity = group.continuity.identity.as_ref().map(|identity| &identity.attribute);
            if rule.multi_valued.is_some() || identity == Some(name) {
                return None;
            }
            rule.mapping.iter().filter_map(|(index, source)| of(site.idp(*index), source)).collect()
        }
    };
    (!counted.is_empty()).then_some(counted)
}
