//! Tier 3: orchestrators that send people to each other.

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Member;
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1208",
        name: "federation-cycle",
        level: Level::Error,
        summary: "orchestrators sign people in through each other, in a circle",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"An orchestrator that signs in through another, which signs in through the first, sends a browser round and round when it
comes to that: nobody at the end of the chain knows the person. It may stay hidden while other members serve, and shows
in the outage that makes them the only choice.

The files of one fleet are divided by `---` here.

Fires on:

```yaml
version: "1"
oidcProvider:
  discovery: {issuer: https://site-a.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: site-b
    type: oidc
    oidcWellKnownURL: https://site-b.example.com/.well-known/openid-configuration
    oauthClientID: site-a
    healthCheck: {enabled: true}
---
version: "1"
oidcProvider:
  discovery: {issuer: https://site-b.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: site-a
    type: oidc
    oidcWellKnownURL: https://site-a.example.com/.well-known/openid-configuration
    oauthClientID: site-b
    healthCheck: {enabled: true}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: root-dc1
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    oauthRedirectURL: https://edge.example.com/callback
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1]}
---
version: "1"
oidcProvider:
  discovery: {issuer: https://root-dc1.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback
    healthCheck: {enabled: true}
  - name: auth0
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://root-dc1.example.com/callback/auth0
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, auth0]}
apps:
  - name: edge
    type: oidc
    clientID: edge
    clientSecret: <vault.edge>
    redirectURLs: [https://edge.example.com/callback]
    authentication: {idps: [ha]}
    claimsMapping: {email: ha.email}
```

How to fix: let roots sign in through identity providers only, and edges through roots."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    let sites = scene.sites().count();
    let mut state = vec![Visit::New; sites];
    for start in 0..sites {
        if state[start] == Visit::New {
            walk(scene, start, &mut state, report);
        }
    }
}

/// How far a walk has come with a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}

/// Depth first, with a stack of its own: a fleet may be a long chain. Each circle is told at the connector
/// that closes it.
fn walk(scene: &Scene<'_>, start: usize, state: &mut [Visit], report: &mut Report) {
    let roots = |place: usize| -> Vec<Member<'_>> {
        scene.site(place).idps().filter(|member| member.known.root.given().is_some()).collect()
    };
    let mut path: Vec<(usize, Vec<Member<'_>>)> = vec![(start, roots(start))];
    state[start] = Visit::Open;
    while let Some((place, left)) = path.last_mut() {
        let place = *place;
        let Some(member) = left.pop() else {
            state[place] = Visit::Done;
            path.pop();
            continue;
        };
        let Some(next) = member.known.root.given() else { continue };
        match state[next] {
            Visit::New => {
                state[next] = Visit::Open;
                path.push((next, roots(next)));
            }
            Visit::Open => report.add(finding(scene, &path, next, member)),
            Visit::Done => {}
        }
    }
}

fn finding(scene: &Scene<'_>, path: &[(usize, Vec<Member<'_>>)], back: usize, member: Member<'_>) -> Diagnostic {
    let from = path.iter().position(|(place, _)| *place == back).unwrap_or_default();
    let names: Vec<&str> =
        path[from..].iter().map(|(place, _)| scene.site(*place).source.name.as_str()).collect();
    let words = match names.as_slice() {
        [itself] => format!("{itself} signs people in through itself"),
        several => format!("people are sent in a circle: {}, and back to {}", several.join(", then "), several[0]),
    };
    let issuer = scene.site(back).document().value("/oidcProvider/discovery/issuer");
    Diagnostic::new(&RULE.code, words)
        .at(member.address())
        .help("Let roots sign in through identity providers only, and edges through roots.")
        .also(issuer, "this leads back here")
}
