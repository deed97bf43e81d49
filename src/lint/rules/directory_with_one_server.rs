//! Tier 2: the last resort is one machine.

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1107",
        name: "directory-with-one-server",
        level: Level::Info,
        summary: "a directory that others fail over to is reached at one server",
        page: PAGE,
    },
    tier: Some(Tier::Diversified),
    check,
};

const PAGE: &str = r#"Cloud providers answer from many machines behind one name; a directory of one's own answers from those that `url` lists.
With a single one, its maintenance window is an outage of the member, and on the day the cloud is gone it is an outage
of everything. With several, a dead one is skipped, and the connector stays well.

One name that stands for several machines looks the same from here: allow the rule with a comment then.

Fires on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    assurance: 5
    healthCheck: {enabled: true}
  - name: onprem
    type: ldap
    url: ldaps://dc1.example.com
    baseDN: dc=example,dc=com
    bindDN: cn=maverics,dc=example,dc=com
    bindPassword: <vault.ldap>
    assurance: 2
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, onprem]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    assurance: 5
    healthCheck: {enabled: true}
  - name: onprem
    type: ldap
    url: [ldaps://dc1.example.com, ldaps://dc2.example.com]
    baseDN: dc=example,dc=com
    bindDN: cn=maverics,dc=example,dc=com
    bindPassword: <vault.ldap>
    assurance: 2
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, onprem]}
```

How to fix: list the other servers of the directory in `url`. Where the name is that of a pool, say so:
`# maverics: allow(directory-with-one-server) a pool`."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for member in site.idps().filter(|member| member.idp.facts.protocol == Protocol::Ldap) {
            let is_backup = |group: &crate::lint::Group<'_>| {
                group.size() > 1 && group.members().any(|have| have.index == member.index)
            };
            let Some(group) = site.groups().find(is_backup) else { continue };
            if member.idp.facts.hosts.len() != 1 || member.known.later {
                continue;
            }
            let words = format!("`{}` is one server, and `{}` counts on it", member.name(), group.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.address())
                    .help("List the other servers of the directory in `url`.")
                    .also(group.listed(member.index), "a member here"),
            );
        }
    }
}
