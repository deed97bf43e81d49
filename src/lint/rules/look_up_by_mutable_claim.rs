//! Attributes: what names a person in a directory can be changed by the person.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::last_word;
use crate::model::app::Lookup;
use crate::model::tier::Tier;
use crate::model::{Continuity, IdpIndex};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1058",
        name: "look-up-by-mutable-claim",
        level: Level::Warn,
        summary: "people are looked up in a directory by a claim that can be changed or claimed by others",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"`usernameMapping` says whose entry of the directory a person gets: the groups, the department, the rights. An e-mail address,
a display name or a principal name can be changed at many providers, is not verified at some, and is given to others
later. Whoever can make it read like somebody else's has that person's entry.

Through a continuity connector, its identity attribute is left alone: an address counts there only when it is verified.

Fires on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/callback
  - name: directory
    type: ldap
    url: [ldaps://dc1.example.com, ldaps://dc2.example.com]
    baseDN: dc=example,dc=com
    bindDN: cn=maverics,dc=example,dc=com
    bindPassword: <vault.ldap>
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: https://wiki.internal
    attrProviders: [{connector: directory, usernameMapping: okta.email}]
    headers: [{name: X-Department, value: "{{ directory.departmentNumber }}"}]
    policies:
      - location: /
        authentication: {idps: [okta]}
        authorization: {allowAll: true}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/callback
  - name: directory
    type: ldap
    url: [ldaps://dc1.example.com, ldaps://dc2.example.com]
    baseDN: dc=example,dc=com
    bindDN: cn=maverics,dc=example,dc=com
    bindPassword: <vault.ldap>
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: https://wiki.internal
    attrProviders: [{connector: directory, usernameMapping: okta.employee_id}]
    headers: [{name: X-Department, value: "{{ directory.departmentNumber }}"}]
    policies:
      - location: /
        authentication: {idps: [okta]}
        authorization: {allowAll: true}
```

How to fix: look people up by a value that the provider itself gives and never changes, such as an employee number, or by the
`identity.attribute` of a continuity connector."#;

/// Names of claims that people, or administrators of a tenant, can set to what they like.
const MUTABLE: &[&str] = &[
    "email", "mail", "emailaddress", "preferred_username", "upn", "unique_name", "name", "nickname", "displayname", "cn",
    "given_name", "userprincipalname",
];

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for lookup in site.deployment.apps.iter().flat_map(|app| app.lookups()) {
            // What a provider of one's own says of its people is its administrators' word, and theirs is the directory.
            let own = site.idps().find(|member| member.name() == lookup.by.connector);
            if own.is_some_and(|member| member.idp.facts.protocol.answers_look_ups()) {
                continue;
            }
            let group = site.deployment.continuity.iter().find(|group| group.name.as_str() == lookup.by.connector);
            let Some(claim) = mutable(lookup, group) else { continue };
            let words = format!("people are looked up in `{}` by `{claim}`, which can be changed", lookup.name);
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(site.document().value(&format!("{}/usernameMapping", lookup.pointer)))
                    .help("Name a value that the provider gives and never changes, or the identity attribute of a continuity connector."),
            );
        }
    }
}

/// The claim behind a look-up, when it is one that changes.
fn mutable(lookup: &Lookup, group: Option<&Continuity>) -> Option<String> {
    let is_mutable = |word: &String| MUTABLE.contains(&word.as_str());
    let attribute = lookup.by.path.literal.as_str();
    let Some(rules) = group.and_then(|group| group.attributes.as_ref()) else {
        return Some(last_word(&lookup.by.path)).filter(is_mutable);
    };
    let is_identity = group.and_then(|group| group.identity.as_ref()).is_some_and(|i| i.attribute == attribute);
    let rule = rules.iter().find(|rule| rule.name == attribute).filter(|_| !is_identity)?;
    let words = rule.mapping.iter().map(|(_, path): &(IdpIndex, _)| last_word(path));
    words.into_iter().find(is_mutable)
}
