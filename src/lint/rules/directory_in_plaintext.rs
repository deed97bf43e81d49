//! Hygiene: passwords cross the network for everybody to read.

use std::net::IpAddr;

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::{Member, Scene};
use crate::lint::rule::{Report, Rule};
use crate::value::url::is_loopback_name;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1506",
        name: "directory-in-plaintext",
        level: Level::Error,
        summary: "passwords go to a directory without encryption",
        page: PAGE,
    },
    tier: None,
    check,
};

const PAGE: &str = r#"`ldap://` without StartTLS sends the password of the service account with every health check, and that of each person with
each sign-in, as they are. Whoever stands on the path reads them, and can answer as the directory: with groups of his
own choice.

`ldap://` with a `tls` profile means StartTLS, which must succeed. Addresses of this machine are left alone.

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
    url: ldap://dc1.example.com
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

How to fix: write `ldaps://`, or name a `tls` profile for StartTLS."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        for member in site.idps().filter(|member| member.idp.facts.protocol == Protocol::Ldap) {
            let Some(url) = plain(&member).filter(|_| member.idp.tls.is_none()) else { continue };
            let words = format!("`{url}` carries the passwords of `{}` in the clear", member.name());
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(member.address())
                    .help("Write `ldaps://`, or name a `tls` profile for StartTLS."),
            );
        }
    }
}

/// The first address that is not encrypted, beyond this machine.
fn plain<'a>(member: &Member<'a>) -> Option<&'a str> {
    let written = member.site.document().root.pointer(&member.pointer("url"))?;
    let all = written.as_array().map_or(std::slice::from_ref(written), Vec::as_slice);
    let mut urls = all.iter().filter_map(|url| url.as_str());
    urls.find(|url| {
        let host = url.strip_prefix("ldap://").map(|rest| rest.trim_end_matches('/'));
        host.is_some_and(|host| !stays_here(host_of(host)) && !url.contains(['{', '<']))
    })
}

fn stays_here(host: &str) -> bool {
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    is_loopback_name(host) || address.is_ok_and(|address| address.is_loopback())
}

/// Without the port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}
