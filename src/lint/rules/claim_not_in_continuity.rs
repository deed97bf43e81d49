//! Attributes: an app reads the words of one member only.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::edits;
use crate::lint::rule::{Report, Rule};
use crate::lint::scene::{Read, ReadKind};
use crate::lint::{Group, Member, Site};
use crate::model::tier::Tier;
use crate::model::{App, ProviderRef};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1053",
        name: "claim-not-in-continuity",
        level: Level::Warn,
        summary: "an app behind a continuity connector reads an attribute of one of its members",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"`primary.email` has a value only for people whom `primary` signed in. An app that signs in through a continuity
connector and reads a member's own attribute loses it at the very moment the connector is for: after a failover the
claim is absent, the header is gone, no rule that reads it holds, not even one that says `not`.

Where every member is read (in one block of rules, in the claims or the headers of one app) it is left alone: somebody has
thought of it. So is `authenticated`, which asks who signed the person in.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/backup
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
    attributes:
      - name: email
        mapping: {primary: email, backup: mail}
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    clientSecret: <vault.portal>
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [ha]}
    claimsMapping: {email: primary.email}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/primary
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthRedirectURL: https://orch.example.com/oidc/backup
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
    attributes:
      - name: email
        mapping: {primary: email, backup: mail}
oidcProvider:
  discovery: {issuer: https://orch.example.com}
  jwks: [{file: /etc/maverics/signing.pem}]
apps:
  - name: portal
    type: oidc
    clientID: portal
    clientSecret: <vault.portal>
    redirectURLs: [https://portal.example.com/callback]
    authentication: {idps: [ha]}
    claimsMapping: {email: ha.email}
```

How to fix: read the attribute under the name of the continuity connector; add it to its `attributes` first where it is missing."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites().filter(|site| !site.deployment.continuity.is_empty()) {
        for app in &site.deployment.apps {
            let through = through(site, app);
            if through.is_empty() {
                continue;
            }
            let reads = site.reads(app);
            let reads: Vec<&Read> = reads.iter().filter(|read| read.path.path.literal != "authenticated").collect();
            let thought_of = complete(&reads, &through);
            for read in &reads {
                let Some((group, member)) = through.get(read.path.connector.as_str()) else { continue };
                // Looked up after each sign-in, whoever served.
                if app.lookups().iter().any(|lookup| lookup.name == read.path.connector) {
                    continue;
                }
                if !thought_of.contains(&(block(read), group.name())) {
                    report.add(finding(site, read, group, member));
                }
            }
        }
    }
}

/// Members whose sign-ins to this app come through a continuity connector, and through nothing else.
fn through<'a>(site: Site<'a>, app: &'a App) -> BTreeMap<&'a str, (Group<'a>, Member<'a>)> {
    let mut out = BTreeMap::new();
    let mut direct = BTreeSet::new();
    for provider in app.sign_ins().into_iter().flat_map(|sign_in| &sign_in.providers) {
        match *provider {
            ProviderRef::Idp(index) => {
                direct.insert(site.idp(index).name());
            }
            ProviderRef::Continuity(index) => {
                let group = site.group(index);
                out.extend(group.members().map(|member| (member.name(), (group, member))));
            }
        }
    }
    out.retain(|name, (group, _)| !direct.contains(name) && group.size() > 1);
    out
}

/// What is looked at together: one block of rules, all claims, all headers.
fn block(read: &Read) -> &str {
    match read.kind {
        ReadKind::Rule => &read.pointer,
        ReadKind::Claim => "claims",
        ReadKind::Header => "headers",
    }
}

/// Blocks that read every member of a group: which, and of which group.
fn complete<'a>(
    reads: &[&'a Read],
    through: &BTreeMap<&str, (Group<'a>, Member<'a>)>,
) -> BTreeSet<(&'a str, &'a str)> {
    let mut blocks: BTreeMap<(&str, &str), (usize, BTreeSet<&str>)> = BTreeMap::new();
    for read in reads {
        if let Some((group, member)) = through.get(read.path.connector.as_str()) {
            let of_group = blocks.entry((block(read), group.name())).or_default();
            of_group.0 = group.size();
            of_group.1.insert(member.name());
        }
    }
    blocks.into_iter().filter(|(_, (size, read))| read.len() == *size).map(|(block, _)| block).collect()
}

fn finding(site: Site<'_>, read: &Read, group: &Group<'_>, member: &Member<'_>) -> Diagnostic {
    let words = format!(
        "`{}.{}` has no value for people whom another member of `{}` signed in",
        member.name(),
        read.path.path.literal,
        group.name()
    );
    let source = &read.path.path;
    let same = group
        .attributes()
        .map(|(_, rule)| rule)
        .find(|rule| rule.mapping.iter().any(|(index, path)| *index == member.index && path == source));
    let finding = Diagnostic::new(&RULE.code, words)
        .at(site.document().value(&read.pointer))
        .also(group.listed(member.index), "one of several members");
    match same {
        Some(rule) => {
            let path = format!("{}.{}", group.name(), rule.name);
            let edit = (read.kind == ReadKind::Claim).then(|| edits::replace(site, &read.pointer, &path)).flatten();
            finding.help(format!("Read `{path}`.")).edit(edit)
        }
        None if group.continuity.attributes.is_some() => {
            finding.help(format!("Add it to the `attributes` of `{0}`, and read it as `{0}.NAME`.", group.name()))
        }
        None => finding.help(format!("Read `{}.{}`.", group.name(), source.literal)),
    }
}
