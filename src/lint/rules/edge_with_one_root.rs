//! Tier 3: nothing left when that root is gone.

use std::collections::BTreeSet;

use crate::config::yaml::child;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::facts::Root;
use crate::lint::rule::{Report, Rule};
use crate::lint::{Scene, Site};
use crate::model::idp::IdpIndex;
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1201",
        name: "edge-with-one-root",
        level: Level::Warn,
        summary: "an edge signs people in through one root orchestrator and nothing else",
        page: PAGE,
    },
    tier: Some(Tier::Cascading),
    check,
};

const PAGE: &str = r#"An edge keeps no credentials of identity providers; it signs people in through root orchestrators, which do. With one
root, the data centre of that root is a single point of failure for the whole site, however many providers stand
behind it.

A connector points at a root when its issuer is the OpenID provider of another file of the fleet, or when
`# maverics: vendor=maverics` on the connector says so. Two connectors to one issuer are one root.

Fires on:

```yaml
version: "1"
connectors:
  - name: root-dc1 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1]}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: root-dc1 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc1.example.com/.well-known/openid-configuration
    oauthClientID: edge
    healthCheck: {enabled: true}
  - name: root-dc2 # maverics: vendor=maverics
    type: oidc
    oidcWellKnownURL: https://root-dc2.example.com/.well-known/openid-configuration
    oauthClientID: edge
    healthCheck: {enabled: true}
  - name: edge-failover
    type: continuity
    failover: {idps: [root-dc1, root-dc2]}
```

How to fix: add a second root in another data centre as a member, or a provider on the site itself as a last resort."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        let mut told: BTreeSet<IdpIndex> = BTreeSet::new();
        let by_group =
            site.deployment.continuity.iter().map(|ha| ha.members.iter().copied().collect::<Vec<_>>());
        let sign_ins = site.deployment.apps.iter().flat_map(|app| app.sign_ins());
        let by_app = sign_ins.map(|s| site.deployment.candidates(s).into_iter().map(|c| c.idp).collect());
        for ways in by_group.chain(by_app) {
            if let Some(root) = only_root(&site, &ways)
                && told.insert(root)
            {
                let idp = site.deployment.idp(root);
                let words = format!("`{}` is the only way in, and it is one root orchestrator", idp.name);
                report.add(
                    Diagnostic::new(&RULE.code, words)
                        .at(site.deployment.document.value(&child(&idp.pointer, "name")))
                        .help("Add a second root, or a provider on this site, to the continuity connector."),
                );
            }
        }
    }
}

/// The root that all these providers are, if they are one.
fn only_root(site: &Site<'_>, ways: &[IdpIndex]) -> Option<IdpIndex> {
    let first = *ways.first()?;
    let root = |index: &IdpIndex| {
        let idp = site.deployment.idp(*index);
        match site.known[index.0].root {
            Root::Given(place) => Some((Some(place), None)),
            Root::Presumed => Some((None, idp.facts.issuer.clone())),
            Root::No => None,
        }
    };
    let which = root(&first)?;
    ways.iter().all(|index| root(index).as_ref() == Some(&which)).then_some(first)
}
