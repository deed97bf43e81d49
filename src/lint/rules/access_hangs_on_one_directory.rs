//! Tier 1: the failover saves the sign-in, and a directory behind it decides all the same.

use std::collections::BTreeSet;

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::ReadKind;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1015",
        name: "access-hangs-on-one-directory",
        level: Level::Info,
        summary: "rules read attributes that are looked up in one directory, with no failover of its own",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A sign-in survives the outage of a provider; a rule that reads what was looked up (`attrProviders`) does not survive the
outage of the directory: while it does not answer, such a rule lets nobody pass who signs in anew, also when it is a
negated one, and people read that the page cannot be opened right now. Sessions that have asked before go on.

A file of people on this machine is left alone, and so is a directory of several servers.

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
    url: ldaps://dc1.example.com
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
        authorization: {rules: [{equals: ["{{ directory.departmentNumber }}", "7"]}]}
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
        authorization: {rules: [{equals: ["{{ directory.departmentNumber }}", "7"]}]}
```

How to fix: list several servers of the directory in `url`, or decide by what the identity providers themselves say."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for app in &site.deployment.apps {
            let reads = site.reads(app);
            let mut told = BTreeSet::new();
            for read in reads.iter().filter(|read| read.kind == ReadKind::Rule) {
                let Some(lookup) = app.lookups().iter().find(|lookup| lookup.name == read.path.connector) else {
                    continue;
                };
                let directory = site.idp(lookup.idp);
                let facts = &directory.idp.facts;
                if facts.protocol != Protocol::Ldap || facts.hosts.len() > 1 || !told.insert(&lookup.name) {
                    continue;
                }
                let words =
                    format!("`{}` lets nobody new pass while the one server of `{}` is down", app.name(), lookup.name);
                report.add(
                    Diagnostic::new(&RULE.code, words)
                        .at(site.document().value(&read.pointer))
                        .help("List several servers in `url`, or decide by what the providers themselves say.")
                        .also(directory.address(), "one server"),
                );
            }
        }
    }
}
