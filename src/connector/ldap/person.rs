//! A typed name to an entry, and an entry to attributes.

use std::sync::Arc;

use ldap3_proto::proto::LdapResultCode;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::config::{By, Config, Scope};
use super::groups::{self, Climb, GROUPS_MAX, TooMany};
use super::servers::Server;
use super::service::{Service, Trouble};
use super::Core;
use crate::connector::Fault;
use crate::protocol::ldap::search::{Depth, Search};
use crate::protocol::ldap::{Entry, Filter, dn};

/// Most parts of one long list of values.
const RANGES_MAX: usize = 100;

/// What a directory keeps beside the attributes that `*` means, and people ask for.
const OPERATIONAL: &[&str] = &["memberOf", "isMemberOf", "entryUUID", "nsUniqueId"];

/// Who has a name.
#[derive(Debug)]
pub(super) enum Sought {
    /// One entry, with its attributes.
    One(Entry),
    /// Nobody.
    Nobody,
    /// Several entries.
    Several,
    /// One with more groups than are taken.
    TooManyGroups,
}

/// Asks the servers of the directory who has a name: those that do not answer are put aside.
pub(super) async fn seek(
    core: &Arc<Core>,
    wanted: &Wanted,
    deadline: Instant,
) -> Result<(Arc<Server>, Sought), Fault> {
    let mut attempts = core.servers.attempts(None, deadline);
    while let Some((server, until)) = attempts.next(Instant::now()) {
        match seek_at(core, &server, wanted, until).await {
            Ok(sought) => {
                core.answered(&server);
                return Ok((server, sought));
            }
            Err(trouble) => {
                core.failed(&server, &trouble);
                attempts.failed(trouble.unwell());
            }
        }
    }
    Err(Fault::Unwell(attempts.unwell()))
}

/// Which entry.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The one with this name.
    Called(String),
    /// The one of this distinguished name.
    Entry(String),
}

async fn seek_at(core: &Core, server: &Arc<Server>, wanted: &Wanted, deadline: Instant) -> Result<Sought, Trouble> {
    let mut service = Service::at(core, server, deadline).await?;
    let search = match (wanted, core.config.by()) {
        (Wanted::Entry(name), _) => Search::entry(name, attributes(&core.config)),
        (Wanted::Called(name), By::Search(key)) => Search {
            base: core.config.base_dn.clone(),
            depth: match core.config.authentication_search_scope {
                Some(Scope::BaseObject) => Depth::Base,
                Some(Scope::SingleLevel) => Depth::One,
                Some(Scope::WholeSubtree) | None => Depth::Whole,
            },
            filter: Filter::equals(key, name),
            attributes: attributes(&core.config),
            // One more than there may be, to know that there are several.
            entries_max: 2,
            page: None,
        },
        (Wanted::Called(name), By::Rdn(key)) => {
            Search::entry(&dn::child(key, name, &core.config.base_dn), attributes(&core.config))
        }
    };
    let mut found = match service.search(&search).await {
        Ok(found) => found,
        // A name that cannot be anybody's: about what was typed, not about the directory.
        Err(Trouble::Refused(LdapResultCode::InvalidAttributeSyntax | LdapResultCode::InvalidDNSyntax)) => {
            return Ok(Sought::Nobody);
        }
        Err(Trouble::Refused(LdapResultCode::NoSuchObject)) if search.depth == Depth::Base => {
            return Ok(Sought::Nobody);
        }
        Err(trouble) => return Err(trouble),
    };
    if found.more || found.entries.len() > 1 {
        return Ok(Sought::Several);
    }
    // An entry without a name could only be bound as nobody, which always succeeds (RFC 4513 §5.1.1).
    let Some(mut entry) = found.entries.pop().filter(|entry| !entry.dn.trim().is_empty()) else {
        return Ok(Sought::Nobody);
    };
    complete_lists(&mut service, &mut entry).await?;
    if core.config.nested_groups.enabled {
        let base = core.config.nested_groups.base_dn.as_ref().unwrap_or(&core.config.base_dn);
        if add_groups(core, &mut service, base, &mut entry).await?.is_err() {
            return Ok(Sought::TooManyGroups);
        }
    }
    Ok(Sought::One(entry))
}

/// Attributes to ask for: all that belong to people, and those that have to be asked for by name.
fn attributes(config: &Config) -> Vec<String> {
    let mapped = config.attribute_mapping.values().map(String::as_str);
    let mut names: Vec<String> = vec!["*".into()];
    for name in OPERATIONAL.iter().copied().chain(mapped) {
        if !names.iter().any(|have| have.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Fetches the rest of lists that came in parts.
async fn complete_lists(service: &mut Service<'_>, entry: &mut Entry) -> Result<(), Trouble> {
    for _ in 0..RANGES_MAX {
        let Some(missing) = entry.missing_ranges().into_iter().next() else { return Ok(()) };
        let search = Search::entry(&entry.dn, vec![missing.next.clone()]);
        let part = service.search(&search).await?.entries.pop().unwrap_or_default();
        entry.add_range(&missing, part);
    }
    Ok(())
}

async fn add_groups(
    core: &Core,
    service: &mut Service<'_>,
    base: &str,
    entry: &mut Entry,
) -> Result<Result<(), TooMany>, Trouble> {
    let Ok(mut climb) = Climb::from(&entry.dn, &entry.texts("memberOf")) else { return Ok(Err(TooMany)) };
    if groups::climb(service, base, &mut climb).await?.is_err() {
        tracing::warn!(event = "ldap.groups.cut", connector = core.config.common.name, detail = format!("more than {GROUPS_MAX} groups"), "groups of groups were not all followed");
        return Ok(Err(TooMany));
    }
    if climb.is_cut() {
        tracing::warn!(event = "ldap.groups.cut", connector = core.config.common.name, detail = format!("more than {} levels", groups::LEVELS_MAX), "groups of groups were not all followed");
    }
    entry.set("memberOf", climb.groups().into_iter().map(String::into_bytes).collect());
    Ok(Ok(()))
}

/// An entry's attributes under the names by which they are seen.
pub(super) fn seen(config: &Config, entry: &Entry) -> Map<String, Value> {
    let mut attributes = entry.attributes();
    let mapped: Vec<(&String, Value)> = config
        .attribute_mapping
        .iter()
        .filter_map(|(seen, name)| {
            let (_, value) = attributes.iter().find(|(have, _)| have.eq_ignore_ascii_case(name))?;
            Some((seen, value.clone()))
        })
        .collect();
    let is_mapped = |have: &str| {
        config.attribute_mapping.iter().any(|(seen, name)| have.eq_ignore_ascii_case(name) || have.eq_ignore_ascii_case(seen))
    };
    attributes.retain(|have, _| !is_mapped(have));
    attributes.extend(mapped.into_iter().map(|(seen, value)| (seen.clone(), value)));
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(mapping: Value) -> Config {
        serde_json::from_value(json!({"name": "d", "type": "ldap", "url": "ldaps://a", "baseDN": "dc=x", "attributeMapping": mapping}))
            .unwrap()
    }

    #[test]
    fn names_are_exchanged() {
        let values = [("mail", "a@x"), ("displayName", "Ann"), ("cn", "ann"), ("Email", "old")];
        let values = values.map(|(name, value)| (name.to_owned(), vec![value.as_bytes().to_vec()])).to_vec();
        let entry = Entry { dn: "uid=a".into(), values };
        let config = config(json!({"email": "MAIL", "name": "displayname", "none": "absent", "cn": "cn"}));
        let got = Value::Object(seen(&config, &entry));
        assert_eq!(got, json!({"email": "a@x", "name": "Ann", "cn": "ann", "dn": "uid=a"}));
        assert_eq!(
            attributes(&config),
            ["*", "memberOf", "isMemberOf", "entryUUID", "nsUniqueId", "cn", "MAIL", "displayname", "absent"]
        );
    }
}
