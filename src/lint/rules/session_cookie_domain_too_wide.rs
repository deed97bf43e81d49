//! Scale-out: hosts that are not ours receive the session cookie.

use crate::connector::facts::is_public_suffix;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::Site;
use crate::lint::rule::{Report, Rule};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1410",
        name: "session-cookie-domain-too-wide",
        level: Level::Warn,
        summary: "the session cookie is sent to more hosts than people meet",
        page: PAGE,
    },
    tier: None,
    check,
};

const PAGE: &str = r#"`session.cookie.domain` sends the cookie to every host below it. Each of them sees the session id of everybody who passes by,
and whoever runs one of them, or finds a hole in it, can use it. Hosts that people meet are those of the callbacks, the
issuer and the routes of apps; a domain above all of them reaches further than needed. Without a domain the cookie goes
to one host only.

A domain under which others register names (`com`, `co.uk`) is refused by browsers, and nobody stays signed in: an
error.

Fires on:

```yaml
version: "1"
session: {cookie: {domain: example.com}}
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
```

Stays quiet on:

```yaml
version: "1"
session: {cookie: {domain: orch.example.com}}
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
```

How to fix: write the narrowest domain that has all hosts below it, or none when there is one host."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        let Some(domain) = &site.deployment.session.cookie.domain else { continue };
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        let Some((words, help, level)) = judge(&site, &domain) else { continue };
        report.add(
            Diagnostic::new(&RULE.code, words)
                .weighing(level)
                .at(site.document().value("/session/cookie/domain"))
                .help(help),
        );
    }
}

fn judge(site: &Site<'_>, domain: &str) -> Option<(String, String, Level)> {
    let loopback = domain == "localhost";
    if is_public_suffix(domain) && !loopback {
        let words = format!("browsers refuse a cookie for all of `{domain}`");
        return Some((words, "Write a domain of your own, or none.".into(), Level::Error));
    }
    let hosts = site.public_hosts();
    let covered = |host: &String| host == domain || host.ends_with(&format!(".{domain}"));
    // A host elsewhere means that not all addresses are known from here.
    if hosts.is_empty() || !hosts.iter().all(covered) {
        return None;
    }
    let common = common(&hosts)?;
    if common.len() <= domain.len() {
        return None;
    }
    let words = format!("the session cookie goes to all of `{domain}`, and people meet `{common}` only");
    let help = match hosts.iter().all(|host| *host == common) {
        true => "Leave out `domain`: one host needs none.".to_owned(),
        false => format!("Write `domain: {common}`."),
    };
    Some((words, help, Level::Warn))
}

/// The longest domain that has all hosts at or below it.
fn common(hosts: &[String]) -> Option<String> {
    let mut common: Vec<&str> = hosts.first()?.split('.').rev().collect();
    for host in hosts {
        let same = common.iter().zip(host.split('.').rev()).take_while(|(a, b)| *a == b).count();
        common.truncate(same);
    }
    common.reverse();
    Some(common.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_domains() {
        for (hosts, want) in [
            (&["orch.example.com"][..], "orch.example.com"),
            (&["a.apps.example.com", "b.apps.example.com"], "apps.example.com"),
            (&["example.com", "a.example.com"], "example.com"),
            (&["a.com", "a.org"], ""),
        ] {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            assert_eq!(common(&hosts).as_deref(), Some(want), "{hosts:?}");
        }
    }
}
