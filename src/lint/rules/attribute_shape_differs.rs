//! Attributes: one member gives a list where another gives one value.

use crate::connector::facts::Shape;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Group;
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::{last_word, name_of};
use crate::model::attributes::AttributeRule;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1052",
        name: "attribute-shape-differs",
        level: Level::Info,
        summary: "an attribute is a list from one member and a single value from another",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A name in the plural (`realm_access.roles`, `groups`, `memberOf`) is a list at nearly every provider, one in the singular
(`role`, `email`) a single value. Mapped to one attribute, the shape depends on who signed the person in: a rule with
`equals` holds for one and not for the other, a header suddenly has commas in it, an app that expects a list finds a
text. It is told by the names; only the providers know for certain.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
    attributes:
      - name: role
        mapping: {primary: role, backup: realm_access.roles}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
    attributes:
      - name: role
        mapping: {primary: role, backup: realm_access.roles}
        multiValued: true
```

How to fix: write `multiValued: true` (always a list) or `multiValued: false` (exactly one, several fail the sign-in)."#;

/// Last words of names that stand for lists.
const PLURALS: &[&str] =
    &["roles", "groups", "permissions", "entitlements", "authorities", "memberof", "ismemberof", "scopes", "emails"];

/// Names that stand for one value.
const SINGULARS: &[&str] = &[
    "role", "group", "permission", "email", "mail", "emailaddress", "name", "displayname", "cn", "sn", "uid", "sub", "upn",
    "preferred_username", "given_name", "family_name", "givenname", "surname", "department", "title",
    "employeetype", "employeenumber", "samaccountname", "userprincipalname", "nameid",
];

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for (i, rule) in group.attributes().filter(|(_, rule)| rule.multi_valued.is_none()) {
            if rule.name != group.continuity.identity.as_ref().map_or("", |identity| &identity.attribute) {
                report_mixed(&group, i, rule, report);
            }
        }
    }
}

fn report_mixed(group: &Group<'_>, i: usize, rule: &AttributeRule, report: &mut Report) {
    let of = |wanted: &[&str]| {
        rule.mapping.iter().find(|(_, path)| wanted.contains(&last_word(path).as_str())).map(|(member, path)| (*member, path))
    };
    let (Some((listing, list)), Some((single, one))) = (of(PLURALS), of(SINGULARS)) else {
        return report_kinds(group, i, rule, report);
    };
    let (listing, single) = (group.site.idp(listing), group.site.idp(single));
    let words = format!(
        "`{}.{}` is a list from `{}` and a single value from `{}`, by their names",
        group.name(),
        rule.name,
        listing.name(),
        single.name()
    );
    report.add(
        Diagnostic::new(&RULE.code, words)
            .at(group.mapping(i, listing))
            .help("Write `multiValued: true` (always a list) or `multiValued: false` (exactly one).")
            .also(group.mapping(i, single), format!("`{}` beside `{}`", one.literal, list.literal)),
    );
}

/// A list of one stays a list in a token; a directory and an assertion have values, one or several, and a single
/// one of them is a text, unless the attribute is a set by nature.
fn report_kinds(group: &Group<'_>, i: usize, rule: &AttributeRule, report: &mut Report) {
    let of = |counted: bool| {
        rule.mapping.iter().map(|(member, path)| (group.site.idp(*member), path)).find(|(member, path)| {
            let counts = member.idp.config.shape(&name_of(path)) == Shape::Counted;
            counts == counted && PLURALS.contains(&last_word(path).as_str())
        })
    };
    let (Some((counted, _)), Some((listing, list))) = (of(true), of(false)) else { return };
    let words = format!(
        "a single value of `{}.{}` is a text from `{}` ({}) and a list from `{}`",
        group.name(),
        rule.name,
        counted.name(),
        counted.idp.facts.protocol.name(),
        listing.name()
    );
    report.add(
        Diagnostic::new(&RULE.code, words)
            .at(group.mapping(i, counted))
            .help("Write `multiValued: true`: always a list, however many there are.")
            .also(group.mapping(i, listing), format!("`{}` is a list, be it of one", list.literal)),
    );
}
