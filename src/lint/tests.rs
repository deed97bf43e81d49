//! Every rule against the two configurations of its page, and the tiers against those of the guide.

use super::rules::RULES;
use super::{Outcome, Selection, run, tiers};
use crate::diag::{Diagnostic, Sources};
use crate::model::Fleet;
use crate::model::read::{ReadOptions, read};

pub(super) fn lint(files: &[&str]) -> Outcome {
    let mut sources = Sources::default();
    let mut fleet = Fleet::default();
    for (i, text) in files.iter().enumerate() {
        let reading = read(&format!("{i}.yaml"), text, &mut sources, &ReadOptions::default());
        let deployment = reading.deployment.or(reading.planned);
        fleet.deployments.push(deployment.unwrap_or_else(|| panic!("{:?}\n{text}", reading.findings)));
    }
    run(&fleet, &sources, &Selection::default())
}

fn names(findings: &[Diagnostic]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code.name).collect()
}

#[test]
fn every_page_is_true() {
    let mut faults = Vec::new();
    for rule in RULES {
        let Ok([fires, quiet]) = <[Vec<&str>; 2]>::try_from(rule.examples()) else {
            panic!("{} needs two yaml blocks", rule.code.name)
        };
        let name = rule.code.name;
        let found = lint(&fires).findings;
        if !found.iter().any(|finding| finding.code.name == name && finding.level == rule.code.level) {
            faults
                .push(format!("{name} does not fire, at its own level, on its example: {:?}", names(&found)));
        }
        let found = names(&lint(&quiet).findings);
        if found.contains(&name) {
            faults.push(format!("{name} fires on the example it leaves alone"));
        }
        let places = lint(&fires).findings;
        if places.iter().any(|finding| finding.place.is_none() || finding.help.is_none()) {
            faults.push(format!("a finding on the example of {name} has no place, or no remedy"));
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn ids_and_names_are_unique_and_well_formed() {
    let mut seen = std::collections::BTreeSet::new();
    for rule in RULES {
        let (id, name) = (rule.code.id, rule.code.name);
        assert!(id.len() == 6 && id.starts_with("MV1"), "{id}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        assert!(seen.insert(id) && seen.insert(name), "{id} {name}");
    }
}

const WATCHED: &str = "healthCheck: {enabled: true, interval: 30s, timeout: 10s, unhealthyThreshold: 3}";

fn oidc(name: &str, issuer: &str, rest: &str) -> String {
    format!(
        "  - name: {name}\n    type: oidc\n    oauthClientID: x\n    oauthRedirectURL: https://o.example.com/cb\n    oidcWellKnownURL: {issuer}/.well-known/openid-configuration\n    {rest}\n"
    )
}

fn ha(members: &str, rest: &str) -> String {
    format!("  - name: ha\n    type: continuity\n    failover: {{idps: [{members}]}}\n    {rest}\n")
}

fn file(connectors: &[String]) -> String {
    format!("version: '1'\nconnectors:\n{}", connectors.concat())
}

fn met(outcome: &Outcome) -> Vec<u8> {
    outcome.tiers.iter().filter(|verdict| verdict.is_met()).map(|verdict| verdict.tier.number()).collect()
}

#[test]
fn the_first_tier_is_two_watched_members() {
    let text = file(&[
        oidc("a", "https://primary.example.com", WATCHED),
        oidc("b", "https://backup.example.com", WATCHED),
        ha("a, b", ""),
    ]);
    let outcome = lint(&[&text]);
    assert_eq!(met(&outcome), [1], "{:?}", outcome.tiers);
    let line = &outcome.detection[0];
    let slowest = line.slowest.unwrap();
    assert_eq!((line.name.as_str(), slowest.worst.as_secs(), slowest.mean.as_secs()), ("ha", 100, 85));
    let json = super::report::json(&outcome);
    assert_eq!(json["tier"], 1);
    assert_eq!(json["detection"]["ha"]["worst"], 100);
    assert_eq!(json["detection"]["ha"]["preFlight"], 3);
    let text = super::report::text(&outcome);
    assert!(text.contains("tier 1 (Basic): met\n") && text.contains("waits at most 3s"), "{text}");
}

#[test]
fn the_second_tier_is_diversity() {
    let others = "  - name: entra
    type: saml
    samlMetadataURL: https://login.microsoftonline.com/T/federationmetadata/2007-06/federationmetadata.xml
    samlConsumerServiceURL: https://o.example.com/saml
    healthCheck: {enabled: true}
  - name: directory
    type: ldap
    url: ldaps://dc.corp.example.com:636
    baseDN: dc=corp
    bindDN: cn=svc
    bindPassword: <vault.ldap>
    healthCheck: {enabled: true}
";
    let mapped = "attributes: [{name: email, mapping: {okta: email, entra: mail, directory: mail}}]";
    let okta = oidc("okta", "https://corp.okta.com", WATCHED);
    let text = file(&[okta.clone(), others.into(), ha("okta, entra, directory", mapped)]);
    let outcome = lint(&[&text]);
    assert_eq!(met(&outcome), [1, 2], "{:?}", outcome.tiers);
    assert!(
        outcome.tiers[1].unproven.iter().any(|words| words.contains("regions")),
        "{:?}",
        outcome.tiers[1]
    );
    let holed = "attributes: [{name: email, mapping: {okta: email, entra: mail}}]";
    let outcome = lint(&[&file(&[okta, others.into(), ha("okta, entra, directory", holed)])]);
    assert_eq!(outcome.tiers[1].missing, ["`email` has no source at directory, and no default stands in"]);
    assert_eq!(
        names(&outcome.findings),
        ["directory-with-one-server", "members-differ-in-assurance", "attribute-unmapped"]
    );
}

#[test]
fn the_third_tier_needs_the_fleet() {
    let edge = file(&[
        oidc("dc1", "https://dc1.example.com", WATCHED),
        oidc("root-dc2", "https://root-dc2.example.com", WATCHED),
        ha("dc1, root-dc2", ""),
    ]);
    let provider = "oidcProvider:\n  discovery: {issuer: https://dc1.example.com}\n  jwks: [{file: k.pem}]\n";
    let root = provider.to_owned()
        + &file(&[
            oidc("okta", "https://corp.okta.com", WATCHED),
            oidc("auth0", "https://corp.eu.auth0.com", WATCHED),
            ha("okta, auth0", ""),
        ]);
    let outcome = lint(&[&edge, &root]);
    assert!(met(&outcome).contains(&3), "{:?}", outcome.tiers[2]);
    assert_eq!(outcome.tiers[2].unproven, ["the file of the root behind `root-dc2` is not given"]);
    assert!(!met(&lint(&[&root])).contains(&3), "a root alone is no edge");
    assert_eq!(
        outcome.detection.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(),
        ["0.yaml:ha", "1.yaml:ha"]
    );
    let okta_only = root.replace("https://corp.eu.auth0.com", "https://other.okta.com");
    assert!(!met(&lint(&[&edge, &okta_only])).contains(&3));
}

#[test]
fn the_fourth_tier_is_fast_and_local() {
    let fast = "healthCheck: {enabled: true, interval: 10s, timeout: 5s, unhealthyThreshold: 2}";
    let local = oidc("keycloak", "https://keycloak.local/realms/t", fast);
    let outcome = lint(&[&file(&[
        oidc("okta", "https://corp.okta.com", fast),
        local.clone(),
        ha("okta, keycloak", ""),
    ])]);
    assert_eq!(met(&outcome), [1, 4], "{:?}", outcome.tiers);
    assert_eq!(tiers::highest(&outcome.tiers), 4);
    let outcome =
        lint(&[&file(&[oidc("okta", "https://corp.okta.com", WATCHED), local, ha("okta, keycloak", "")])]);
    assert_eq!(met(&outcome), [1]);
}

#[test]
fn comments_silence_one_line_or_the_whole_file() {
    let member = oidc("a", "https://primary.example.com", WATCHED);
    let bare = file(&[member, ha("a", "")]);
    assert_eq!(names(&lint(&[&bare]).findings), ["single-member-continuity"]);
    let comment = "# maverics: allow(single-member-continuity) the second comes in May";
    let (failover, line) = ("    failover:", format!("    {comment}\n    failover:"));
    for allowed in [
        bare.replace(failover, &line),
        bare.replace("idps: [a]}", &format!("idps: [a]}} {comment}")),
        format!("# Our file.\n{comment}\n\n{bare}"),
        format!("# maverics: allow(MV1001)\n{bare}"),
    ] {
        assert_eq!(names(&lint(&[&allowed]).findings), [""; 0], "{allowed}");
    }
    let elsewhere = bare.replace("    type: oidc", &format!("    type: oidc {comment}"));
    assert_eq!(names(&lint(&[&elsewhere]).findings), ["single-member-continuity"]);
    let misspelt = bare.replace(failover, "    # maverics: allow(single-member)\n    failover:");
    assert!(names(&lint(&[&misspelt]).findings).contains(&"unknown-rule-in-comment"));
}
