//! Connectors: providers first, then continuity over them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

use super::names::Named;
use super::{Linking, Names, suggestion};
use crate::config::codes as form;
use crate::config::yaml::child;
use crate::connector::continuity::config::{Attribute, Config};
use crate::connector::{Entry, KINDS, Section};
use crate::model::attributes::{AttributeRule, SourcePath};
use crate::model::continuity::{Continuity, Identity};
use crate::model::idp::{Idp, IdpIndex};
use crate::model::manner::{Manner, Manners};
use crate::model::{ContinuityIndex, ProviderRef, codes};
use crate::value::NonEmpty;
use crate::value::name::{ConnectorName, TlsName};

/// The linked connectors.
pub(super) struct Connectors {
    pub(super) idps: Vec<Idp>,
    pub(super) continuity: Vec<Continuity>,
    pub(super) names: Names,
    /// How the attributes of each are read.
    pub(super) manners: Manners,
    /// Continuity connectors some of whose attributes have no readable name.
    pub(super) unsure_attributes: Vec<ContinuityIndex>,
}

pub(super) fn link(linking: &mut Linking<'_>) -> Connectors {
    let mut idps: Vec<Idp> = Vec::new();
    let mut names = Names { unsure: linking.faulty.0.iter().any(|p| p == "/connectors"), ..Names::default() };
    let mut groups: Vec<(String, Config)> = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let entries = linking.list("connectors");
    for (i, value) in entries.iter().enumerate() {
        let pointer = format!("/connectors/{i}");
        let Some(name) = value.get("name").and_then(Value::as_str).map(str::to_owned) else {
            names.unsure = true;
            continue;
        };
        let at_name = child(&pointer, "name");
        if matches!(name.as_str(), "env" | "se") {
            linking.at_value(&form::BAD_VALUE, &at_name, format!("`{name}` is reserved in templates")).help =
                Some("Choose another name.".into());
        }
        if let Some(first) = seen.get(&name) {
            let also = linking.document.value(first);
            let finding = linking.at_value(
                &codes::DUPLICATE_NAME,
                &at_name,
                format!("a second connector is called `{name}`"),
            );
            finding.related.push((also, "the first".into()));
            continue;
        }
        seen.insert(name.clone(), at_name);
        names.by_name.insert(name.clone(), Named::Broken);
        if linking.faulty.inside(&pointer) {
            continue;
        }
        let type_name = value.get("type").and_then(Value::as_str).unwrap_or_default();
        let saml = type_name == "azure" && value.get("authType").and_then(Value::as_str) == Some("saml");
        let wanted = if saml { "saml" } else { type_name };
        let Some(kind) = KINDS.iter().find(|kind| kind.type_names.contains(&wanted)) else { continue };
        let mut section = Section {
            document: linking.document,
            pointer: &pointer,
            value,
            plain: linking.plain,
            findings: linking.findings,
        };
        match (kind.read)(&mut section) {
            None | Some(Entry::NotRun(_)) => {}
            Some(Entry::Continuity(config)) => groups.push((pointer, config)),
            Some(Entry::Idp(config)) => {
                let common = config.common();
                let tls = common.tls.clone().map(TlsName);
                let check = common.health_check.clone().filter(|c| c.enabled);
                check_health(linking, &pointer, common.health_check.as_ref());
                names.by_name.insert(name.clone(), Named::Known(ProviderRef::Idp(IdpIndex(idps.len()))));
                idps.push(Idp {
                    name: ConnectorName(name),
                    type_name: type_name.to_owned(),
                    facts: config.facts(),
                    assurance: common.assurance,
                    check,
                    tls,
                    config,
                    pointer,
                });
            }
        }
    }
    let mut continuity = Vec::new();
    let mut unsure_attributes = Vec::new();
    let group_names: Vec<String> = entries
        .iter()
        .filter(|v| v.get("type").and_then(Value::as_str) == Some("continuity"))
        .filter_map(|v| v.get("name")?.as_str().map(str::to_owned))
        .collect();
    // A group with faults of form is still a group: what its attributes are called is not known.
    for (pointer, config) in groups {
        let index = ContinuityIndex(continuity.len());
        let name = config.name.clone();
        if let Some(linked) = group(linking, &pointer, &config, &names, &group_names) {
            continuity.push(linked);
            // With a member nobody knows, what apps may read through it is not known either.
            let dangling = config.failover.idps.iter().any(|idp| !names.by_name.contains_key(idp));
            let named = if dangling { Named::Broken } else { Named::Known(ProviderRef::Continuity(index)) };
            names.by_name.insert(name, named);
            let at = child(&pointer, "attributes");
            if linking.faulty.inside(&at) {
                unsure_attributes.push(index);
            }
        }
    }
    let rules =
        continuity.iter_mut().flat_map(|group: &mut Continuity| group.attributes.iter_mut().flatten());
    for (member, path) in rules.flat_map(|rule| &mut rule.mapping) {
        path.any_case = Manner::of(&idps[member.0]).any_case;
    }
    let manners = Manners::new(&idps, &continuity);
    Connectors { idps, continuity, names, manners, unsure_attributes }
}

fn check_health(
    linking: &mut Linking<'_>,
    pointer: &str,
    check: Option<&crate::config::connectors::HealthCheck>,
) {
    let Some(check) = check else { return };
    let at = child(pointer, "healthCheck");
    if check.interval.as_millis() < 1000 {
        linking.at_value(&form::BAD_VALUE, &child(&at, "interval"), "an interval is at least 1s");
    }
    if let Some(simulation) = check.simulation.as_ref().filter(|simulation| simulation.enabled) {
        let fault = match simulation.window() {
            None => Some((&form::MISSING_KEY, "there is no `downtime`")),
            Some((begins, ends)) if begins == ends => {
                Some((&form::BAD_VALUE, "an outage of no time is none"))
            }
            Some(_) => None,
        };
        if let Some((code, words)) = fault {
            linking.at_value(code, &child(&at, "simulation"), words).help =
                Some("Say how long the pretended outage lasts, such as `downtime: 5m`.".into());
        }
    }
    if check.timeout.is_zero() {
        linking.at_value(&form::BAD_VALUE, &child(&at, "timeout"), "a timeout of nothing can never be met");
    }
    if check.timeout > check.interval {
        let words = format!("the timeout ({}) is above the interval ({})", check.timeout, check.interval);
        linking.at_value(&codes::TIMEOUT_CLAMPED, &child(&at, "timeout"), words).help =
            Some(format!("It is clamped to {}; write a smaller one.", check.interval));
    }
    if let Some(custom) = &check.custom_endpoint
        && !linking.plain.permits(&custom.endpoint)
    {
        let place = linking.document.value(&child(&child(&at, "customEndpoint"), "endpoint"));
        linking.push(form::plain_http(&custom.endpoint).at(place));
    }
}

fn group(
    linking: &mut Linking<'_>,
    pointer: &str,
    config: &Config,
    names: &Names,
    group_names: &[String],
) -> Option<Continuity> {
    let mut members: Vec<IdpIndex> = Vec::new();
    let mut written: Vec<(String, Option<IdpIndex>)> = Vec::new();
    for (i, name) in config.failover.idps.iter().enumerate() {
        let at = format!("{pointer}/failover/idps/{i}");
        if written.iter().any(|(have, _)| have == name) {
            linking.at_value(&codes::BAD_CONTINUITY, &at, format!("`{name}` is a member twice")).help =
                Some("List each provider once.".into());
            continue;
        }
        let mut resolved = None;
        if group_names.contains(name) {
            let words = format!("`{name}` is a continuity connector, which cannot be a member of another");
            linking.at_value(&codes::BAD_CONTINUITY, &at, words).help =
                Some("List its members instead.".into());
        } else {
            // A name nobody has is told with all other names.
            if let Some(Named::Known(ProviderRef::Idp(index))) = names.by_name.get(name) {
                resolved = Some(*index);
                members.push(*index);
            }
        }
        written.push((name.clone(), resolved));
    }
    if config.failover.pre_flight.timeout.is_zero() {
        let at = format!("{pointer}/failover/preFlight/timeout");
        linking.at_value(&form::BAD_VALUE, &at, "a pre-flight of no time can never be answered");
    }
    let attributes = config.attributes.as_ref().map(|list| {
        let mut rules: Vec<AttributeRule> = Vec::new();
        for (i, attribute) in list.iter().enumerate() {
            let at = format!("{pointer}/attributes/{i}");
            if rules.iter().any(|r| r.name == attribute.name) {
                let words = format!("a second attribute is called `{}`", attribute.name);
                linking.at_value(&codes::DUPLICATE_NAME, &format!("{at}/name"), words);
                continue;
            }
            rules.push(rule(linking, &at, attribute, &written, names));
        }
        rules
    });
    let identity = config.identity.as_ref().map(|identity| {
        let at = format!("{pointer}/identity");
        let defaulted = config
            .attributes
            .iter()
            .flatten()
            .position(|a| a.name == identity.attribute && a.default.is_some());
        if let Some(i) = defaulted {
            let words = "everybody without this value would be one person: the identity has no default";
            let here = format!("{pointer}/attributes/{i}/default");
            linking.at_key(&codes::CONTRADICTION, &here, words).help = Some("Remove the default.".into());
        }
        let known = attributes.iter().flatten().any(|rule| rule.name == identity.attribute);
        if !known {
            let names = attributes.iter().flatten().map(|r| r.name.as_str());
            let help = suggestion(&identity.attribute, names, "attribute");
            let words = format!("`{}` is not one of the `attributes`", identity.attribute);
            linking.at_value(&codes::UNKNOWN_NAME, &format!("{at}/attribute"), words).help = Some(help);
        }
        let mut member = |name: &str, at: String, key: bool| {
            let found = written.iter().find(|(have, _)| have == name);
            if found.is_none() {
                not_a_member(linking, &at, name, &written, names, key);
            }
            found.and_then(|(_, index)| *index)
        };
        let trusted_email = identity
            .trusted_email_idps
            .iter()
            .enumerate()
            .filter_map(|(i, name)| member(name, format!("{at}/trustedEmailIdps/{i}"), false))
            .collect();
        let allowed_domains = identity
            .allowed_domains
            .iter()
            .filter_map(|(name, domains)| {
                Some((member(name, child(&format!("{at}/allowedDomains"), name), true)?, domains.clone()))
            })
            .collect();
        Identity { attribute: identity.attribute.clone(), trusted_email, allowed_domains }
    });
    let mut words = DefaultHasher::new();
    format!("{attributes:?}").hash(&mut words);
    Some(Continuity {
        words: words.finish(),
        name: ConnectorName(config.name.clone()),
        members: NonEmpty::new(members)?,
        pre_flight: config.failover.pre_flight.clone(),
        last_resort: config.failover.last_resort,
        damped: !config.failover.damping.disabled,
        attributes,
        identity,
        pointer: pointer.to_owned(),
    })
}

fn rule(
    linking: &mut Linking<'_>,
    at: &str,
    attribute: &Attribute,
    members: &[(String, Option<IdpIndex>)],
    names: &Names,
) -> AttributeRule {
    let mut mapping = Vec::new();
    for (name, path) in &attribute.mapping {
        let here = child(&format!("{at}/mapping"), name);
        match members.iter().find(|(have, _)| have == name) {
            None => not_a_member(linking, &here, name, members, names, true),
            Some((_, index)) => match (SourcePath::parse(path), index) {
                (Some(path), Some(index)) => mapping.push((*index, path)),
                (Some(_), None) => {}
                (None, _) => {
                    linking.at_value(&form::BAD_VALUE, &here, format!("`{path}` is not a path")).help =
                        Some("Write names joined by dots; a dot inside a name is `\\.`.".into());
                }
            },
        }
    }
    let mut value_mapping = Vec::new();
    for (name, table) in &attribute.value_mapping {
        let here = child(&format!("{at}/valueMapping"), name);
        match members.iter().find(|(have, _)| have == name) {
            None => not_a_member(linking, &here, name, members, names, true),
            Some((_, Some(index))) => {
                value_mapping.push((*index, table.iter().map(|(k, v)| (k.clone(), v.clone())).collect()));
            }
            Some((_, None)) => {}
        }
    }
    if attribute.required && attribute.default.is_some() {
        let words = "an attribute with a default is never missing, so `required` has no meaning";
        linking.at_key(&codes::CONTRADICTION, &format!("{at}/required"), words).help =
            Some("Keep one of the two.".into());
    }
    AttributeRule {
        name: attribute.name.clone(),
        mapping,
        default: attribute.default.clone().map(|d| d.0),
        required: attribute.required,
        multi_valued: attribute.multi_valued,
        value_mapping,
    }
}

fn not_a_member(
    linking: &mut Linking<'_>,
    at: &str,
    name: &str,
    members: &[(String, Option<IdpIndex>)],
    names: &Names,
    key: bool,
) {
    // A member that could not be resolved is one mistake, told where it stands: this is probably the name it
    // was meant to have.
    if names.by_name.contains_key(name) && members.iter().any(|(n, _)| !names.by_name.contains_key(n)) {
        return;
    }
    let help = suggestion(name, members.iter().map(|(n, _)| n.as_str()), "member");
    let words = format!("`{name}` is not a member of this continuity connector");
    let finding = if key {
        linking.at_key(&codes::UNKNOWN_NAME, at, words)
    } else {
        linking.at_value(&codes::UNKNOWN_NAME, at, words)
    };
    finding.help = Some(help);
}
