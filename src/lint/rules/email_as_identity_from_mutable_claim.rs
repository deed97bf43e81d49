//! Attributes: who a person is can be changed by the person.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Group;
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::last_word;
use crate::model::attributes::AttributeRule;
use crate::model::continuity::Identity;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1056",
        name: "email-as-identity-from-mutable-claim",
        level: Level::Warn,
        summary: "the identity of people comes from a claim that can be changed or claimed by others",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"With an e-mail address in `identity.attribute` the address alone decides who a person is at every app. User names, display
names and principal names look like one at many providers, can be changed, and are given to others later. An address
counts only with `email_verified: true` from the provider; `trustedEmailIdps` lifts that for a member, which then
speaks for every domain there is unless `allowedDomains` says which: an administrator of a tenant there can become
anybody.

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
      - name: email
        mapping: {primary: email, backup: preferred_username}
    identity:
      attribute: email
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
      - name: email
        mapping: {primary: email, backup: email}
    identity:
      attribute: email
      trustedEmailIdps: [backup]
      allowedDomains: {backup: [example.com]}
```

How to fix: map the identity from a value that the provider itself gives and never changes, such as an employee number, or from a
verified `email`; list `allowedDomains` for every member in `trustedEmailIdps`."#;

/// Names of claims that people or their administrators can set to what they like.
const MUTABLE: &[&str] = &[
    "preferred_username", "upn", "unique_name", "name", "nickname", "displayname", "cn", "given_name",
    "userprincipalname", "verified_primary_email", "verified_secondary_email",
];

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        if let Some(identity) = &group.continuity.identity {
            mutable(&group, identity, report);
            unbounded(&group, identity, report);
        }
    }
}

fn mutable(group: &Group<'_>, identity: &Identity, report: &mut Report) {
    let mut identities = group.attributes().filter(|(_, rule)| rule.name == identity.attribute);
    if !identities.any(|(_, rule)| is_address(rule)) {
        return;
    }
    let used = group.site.document().value(&format!("{}/identity/attribute", group.continuity.pointer));
    for (i, rule) in group.attributes().filter(|(_, rule)| rule.name == identity.attribute) {
        for (member, path) in &rule.mapping {
            if !MUTABLE.contains(&last_word(path).as_str()) {
                continue;
            }
            let member = group.site.idp(*member);
            let words = format!("`{}` at `{}` can be changed, and decides who a person is", path.literal, member.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(group.mapping(i, member))
                    .help("Map a value that the provider gives and never changes, or a verified `email`.")
                    .also(used.clone(), "the identity"),
            );
        }
    }
}

/// Whether an attribute is an e-mail address, by its name or by what a member calls it.
fn is_address(rule: &AttributeRule) -> bool {
    let is_mail = |name: &str| name.to_ascii_lowercase().contains("mail");
    is_mail(&rule.name) || rule.mapping.iter().any(|(_, path)| is_mail(&last_word(path)))
}

/// Members whose word on addresses is taken, for every domain.
fn unbounded(group: &Group<'_>, identity: &Identity, report: &mut Report) {
    let bounded = |member| identity.allowed_domains.iter().any(|(have, domains)| *have == member && !domains.is_empty());
    for (i, member) in identity.trusted_email.iter().enumerate().filter(|(_, member)| !bounded(**member)) {
        let member = group.site.idp(*member);
        let words = format!("`{}` may vouch for an e-mail address of any domain, unverified", member.name());
        let at = format!("{}/identity/trustedEmailIdps/{i}", group.continuity.pointer);
        report.add(
            Diagnostic::new(&RULE.code, words)
                .at(group.site.document().value(&at))
                .help(format!("Say which domains are its own: `allowedDomains: {{{}: [example.com]}}`.", member.name())),
        );
    }
}
