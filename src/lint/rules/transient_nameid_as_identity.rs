//! Attributes: a name that is made anew for each sign-in says who a person is.

use crate::connector::facts::Protocol;
use crate::diag::{Code, Diagnostic, Level, Place};
use crate::lint::rule::{Report, Rule};
use crate::lint::{Member, Scene, Site};
use crate::model::app::App;
use crate::model::tier::Tier;
use crate::model::{ContinuityIndex, ProviderRef};

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1057",
        name: "transient-nameid-as-identity",
        level: Level::Error,
        summary: "a transient NameID of SAML decides who a person is",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A transient NameID is made for one session: at the next sign-in the same person has another one. As the identity behind a
continuity connector, as the subject that apps see, or as the name that a person is looked up by, it makes everybody a
stranger every morning, with new accounts in every app and no way back to the old ones.

Fires on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: entra
    type: saml
    samlMetadataURL: https://login.microsoftonline.com/TENANT/federationmetadata/2007-06/federationmetadata.xml
    samlConsumerServiceURL: https://orch.example.com/saml/callback
    samlNameIDFormat: urn:oasis:names:tc:SAML:2.0:nameid-format:transient
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, entra]}
    attributes:
      - name: person
        mapping: {okta: employee_id, entra: nameID}
    identity: {attribute: person}
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: entra
    type: saml
    samlMetadataURL: https://login.microsoftonline.com/TENANT/federationmetadata/2007-06/federationmetadata.xml
    samlConsumerServiceURL: https://orch.example.com/saml/callback
    samlNameIDFormat: urn:oasis:names:tc:SAML:2.0:nameid-format:persistent
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [okta, entra]}
    attributes:
      - name: person
        mapping: {okta: employee_id, entra: nameID}
    identity: {attribute: person}
```

How to fix: ask for `urn:oasis:names:tc:SAML:2.0:nameid-format:persistent`, or take the identity from an attribute that stays, such as an
employee number."#;

/// How the format ends, whichever version names it.
const TRANSIENT: &str = ":nameid-format:transient";
/// The attribute that a NameID is read under.
const NAME_ID: &str = "nameID";

fn check(scene: &Scene<'_>, report: &mut Report) {
    for site in scene.sites() {
        let is_transient = |member: &Member<'_>| {
            member.idp.facts.protocol == Protocol::Saml
                && member.text("samlNameIDFormat").is_some_and(|format| format.ends_with(TRANSIENT))
        };
        for member in site.idps().filter(is_transient) {
            for (place, words) in used(site, member) {
                report.add(
                    Diagnostic::new(&RULE.code, words)
                        .at(place)
                        .help("Ask for the persistent format, or take the identity from an attribute that stays.")
                        .also(member.value("samlNameIDFormat"), "another one at each sign-in"),
                );
            }
        }
    }
}

/// Where the NameID of a member says who somebody is.
fn used(site: Site<'_>, member: Member<'_>) -> Vec<(Place, String)> {
    let mut out = Vec::new();
    let name = member.name();
    for group in site.groups() {
        let Some(identity) = &group.continuity.identity else { continue };
        for (i, rule) in group.attributes().filter(|(_, rule)| rule.name == identity.attribute) {
            let of_member = |(index, path): &(_, crate::model::attributes::SourcePath)| {
                *index == member.index && path.literal == NAME_ID
            };
            if rule.mapping.iter().any(of_member) {
                let words = format!("the identity of people is the NameID of `{name}`, which is another one each time");
                out.push((group.mapping(i, member), words));
            }
        }
    }
    let at = |pointer: &str| site.document().value(pointer);
    for app in &site.deployment.apps {
        for lookup in app.lookups() {
            if lookup.by.connector == name && lookup.by.path.literal == NAME_ID {
                let words = format!("people are looked up by the NameID of `{name}`, which is another one each time");
                out.push((at(&format!("{}/usernameMapping", lookup.pointer)), words));
            }
        }
        let App::Oidc(app) = app else { continue };
        let subject_of_member = app.sign_in.providers.iter().any(|provider| match *provider {
            ProviderRef::Idp(index) => index == member.index,
            ProviderRef::Continuity(index) => bare(site, index, member),
        });
        if subject_of_member && app.claims.iter().all(|(claim, _)| claim != "sub") {
            let words = format!("the subject that this app sees is the NameID of `{name}`, which is another one each time");
            out.push((at(&format!("{}/authentication/idps", app.pointer)), words));
        }
    }
    out
}

/// Whether a continuity connector over the member passes its subject on as it is.
fn bare(site: Site<'_>, index: ContinuityIndex, member: Member<'_>) -> bool {
    let group = site.deployment.continuity(index);
    group.identity.is_none() && group.members.iter().any(|have| *have == member.index)
}
