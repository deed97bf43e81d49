//! Tier 1: all members behind one front door or one line.

use std::net::IpAddr;

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::facts::Network;
use crate::lint::rule::{Report, Rule};
use crate::lint::{Group, Member};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1011",
        name: "members-share-network-path",
        level: Level::Warn,
        summary: "every member of a continuity connector is reached over one path",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"Two realms of one server, two addresses in one subnet, two providers behind one line: whatever cuts the path cuts both.
The path is read from the addresses (one host name, or addresses of one subnet) and from what a comment on each
connector calls it: `# maverics: network=mpls-a`. Names that only say near or far (`local`, `cloud`, `wan`) are not
compared.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://sso.example.com/realms/a/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://sso.example.com/realms/b/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://sso.example.com/realms/a/.well-known/openid-configuration
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
```

How to fix: reach one of the members another way: another host, another site, another line."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        let Some(path) = path(&group) else { continue };
        let mut finding = Diagnostic::new(
            &RULE.code,
            format!("all members of `{}` are reached {path}: what cuts it cuts them together", group.name()),
        )
        .at(group.place("failover/idps"))
        .help("Reach one of them another way.");
        for member in group.members() {
            finding = finding.also(member.address(), "reached here");
        }
        report.add(finding);
    }
}

/// The path that all members have in common, in words.
fn path(group: &Group<'_>) -> Option<String> {
    if let Some(link) = group.shared(|member| member.known.link.clone()) {
        return Some(format!("over `{link}`"));
    }
    // One provider under several names is told as that, and nothing stands between us and this machine.
    if group.shared(|member| member.provider()).is_some() {
        return None;
    }
    if let Some(host) = group.shared(remote) {
        return Some(format!("at the host `{host}`"));
    }
    group.shared(|member| remote(member).and_then(subnet)).map(|subnet| format!("in the subnet {subnet}"))
}

/// The host of a member that is not on the local network.
fn remote<'a>(member: Member<'a>) -> Option<&'a str> {
    member.host().filter(|_| member.known.network != Network::Local)
}

/// The customary subnet of a literal address.
fn subnet(host: &str) -> Option<String> {
    match host.trim_matches(['[', ']']).parse().ok()? {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Some(format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Some(format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"))
        }
    }
}
