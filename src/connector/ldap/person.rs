//! A typed name to an entry, and an entry to attributes.

use std::sync::Arc;

use ldap3_proto::proto::LdapResultCode;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::config::{By, Config, Scope};
use super::groups::{self, Climb, Cut};
use super::servers::Server;
use super::service::{Service, Trouble};
use super::Core;
use crate::connector::facts::Shape;
use crate::connector::{Fault, IdpConfig as _};
use crate::health::{Reason, Unwell};
use crate::protocol::ldap::dn::DN_BYTES_MAX;
use crate::protocol::ldap::search::{Depth, Search};
use crate::protocol::ldap::{Dn, Entry, Filter, dn};
use crate::value::limits::{MEMBERS_MAX, VALUE_BYTES_MAX};

/// Most parts of one long list of values.
const RANGES_MAX: usize = 100;

/// Most bytes that are kept of one entry.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;
/// Most names of attributes in one line of the log.
const NAMES_LOGGED_MAX: usize = 8;
/// The groups a person is in.
const GROUPS: &str = "memberOf";

/// What a directory keeps beside the attributes that `*` means, and people ask for.
const OPERATIONAL: &[&str] = &["memberOf", "isMemberOf", "entryUUID", "nsUniqueId"];

/// Who has a name.
#[derive(Debug)]
pub(super) enum Sought {
    /// One entry, as the search brought it: see [`fill`].
    One(Entry),
    /// Nobody.
    Nobody,
    /// Nobody, as far as is shown here, for this reason: somebody may have the name all the same.
    Uncertain(&'static str),
    /// Several entries.
    Several,
    /// Something that is not read.
    Unreadable(Unwell),
}

/// Asks the servers of the directory who has a name: those that do not answer are put aside.
pub(super) async fn seek(core: &Arc<Core>, name: &str, deadline: Instant) -> Result<(Arc<Server>, Sought), Fault> {
    let mut attempts = core.servers.attempts(None, deadline);
    while let Some((server, until)) = attempts.next(Instant::now()) {
        match seek_at(core, &server, name, until).await {
            Ok(sought) => {
                core.answered(&server);
                return Ok((server, sought));
            }
            // It would be the same at every server.
            Err(Trouble::Unreadable(unwell)) => return Ok((server, Sought::Unreadable(unwell))),
            Err(trouble) => {
                core.failed(&server, &trouble);
                attempts.failed(trouble.unwell());
            }
        }
    }
    Err(Fault::Unwell(attempts.unwell()))
}

async fn seek_at(core: &Core, server: &Arc<Server>, name: &str, deadline: Instant) -> Result<Sought, Trouble> {
    let mut service = Service::at(core, server, deadline).await?;
    let search = match core.config.by() {
        By::Search(key) => Search {
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
        By::Rdn(key) => Search::entry(&dn::child(key, name, &core.config.base_dn), attributes(&core.config)),
    };
    let mut found = match service.search(&search).await {
        Ok(found) => found,
        // A name that cannot be anybody's: about what was typed, not about the directory.
        Err(Trouble::Refused(refused))
            if matches!(refused.code, LdapResultCode::InvalidAttributeSyntax | LdapResultCode::InvalidDNSyntax) =>
        {
            return Ok(Sought::Nobody);
        }
        Err(Trouble::Refused(refused))
            if refused.code == LdapResultCode::NoSuchObject && search.depth == Depth::Base =>
        {
            return Ok(match lacks_only_the_last(&core.config.base_dn, &refused.matched) {
                true => Sought::Nobody,
                false => Sought::Uncertain("nobody has the name, and the directory does not show its search base either"),
            });
        }
        Err(trouble) => return Err(trouble),
    };
    if found.more || found.entries.len() > 1 {
        return Ok(Sought::Several);
    }
    let Some(entry) = found.entries.pop() else {
        return Ok(match found.references {
            0 => Sought::Nobody,
            _ => Sought::Uncertain("nobody has the name here, and the directory points at another one"),
        });
    };
    // An entry without a name could only be bound as nobody, which always succeeds (RFC 4513 §5.1.1).
    if entry.dn.trim().is_empty() || entry.dn.len() > DN_BYTES_MAX {
        let unwell = Unwell::new(Reason::NotLdap, "the entry has no name that can be used");
        return Ok(Sought::Unreadable(unwell));
    }
    Ok(Sought::One(entry))
}

/// Whether the entry that is missing right below `base` is the only one: `matched` is the last one that the directory
/// found on the way. A server that has lost everything, or is not filled yet, has nobody either, and knows nothing.
fn lacks_only_the_last(base: &str, matched: &str) -> bool {
    matches!((Dn::parse(base), Dn::parse(matched)), (Ok(base), Ok(matched)) if base == matched)
}

/// Whether an entry has exactly this name, but for the case of ASCII letters and blanks at the ends. Directories
/// find more: full-width letters, letters without their accents. Whoever proves a password may be found so; whom a
/// look-up is about must not hang on it.
pub(super) fn is_called(config: &Config, entry: &Entry, name: &str) -> bool {
    let (By::Search(key) | By::Rdn(key)) = config.by();
    entry.texts(key).iter().any(|value| value.trim().eq_ignore_ascii_case(name.trim()))
}

/// Fetches what a search alone does not bring: the rest of long lists, and the groups of groups. What cannot be
/// fetched whole is withheld.
pub(super) async fn fill(
    core: &Arc<Core>,
    first: &Arc<Server>,
    entry: &mut Entry,
    deadline: Instant,
) -> Result<(), Fault> {
    if entry.missing_ranges().is_empty() && !core.config.nested_groups.enabled {
        entry.withhold_parts();
        return Ok(());
    }
    let mut attempts = core.servers.attempts(Some(first), deadline);
    while let Some((server, until)) = attempts.next(Instant::now()) {
        match fill_at(core, &server, entry, until).await {
            Ok(()) => return Ok(()),
            Err(trouble) => {
                core.failed(&server, &trouble);
                attempts.failed(trouble.unwell());
            }
        }
    }
    Err(Fault::Unwell(attempts.unwell()))
}

async fn fill_at(core: &Core, server: &Arc<Server>, entry: &mut Entry, deadline: Instant) -> Result<(), Trouble> {
    let mut service = Service::at(core, server, deadline).await?;
    complete_lists(&mut service, entry).await?;
    if core.config.nested_groups.enabled && !entry.withholds(GROUPS) {
        let base = core.config.nested_groups.base_dn.as_ref().unwrap_or(&core.config.base_dn);
        add_groups(core, &mut service, base, entry).await?;
    }
    Ok(())
}

/// Attributes to ask for: all that belong to people, and those that have to be asked for by name.
fn attributes(config: &Config) -> Vec<String> {
    let mapped = config.attribute_mapping.values().map(String::as_str);
    let (By::Search(key) | By::Rdn(key)) = config.by();
    let mut names: Vec<String> = vec!["*".into()];
    for name in OPERATIONAL.iter().copied().chain([key]).chain(mapped) {
        if !names.iter().any(|have| have.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Fetches the rest of lists that came in parts, as long as they are lists that a session may keep.
async fn complete_lists(service: &mut Service<'_>, entry: &mut Entry) -> Result<(), Trouble> {
    for _ in 0..RANGES_MAX {
        let Some(missing) = entry.missing_ranges().into_iter().next() else { break };
        let (bytes, count) = entry.weight(&missing.name);
        let part = match bytes > VALUE_BYTES_MAX || count >= MEMBERS_MAX {
            true => Entry::default(),
            false => match service.search(&Search::entry(&entry.dn, vec![missing.next.clone()])).await {
                Ok(mut found) => found.entries.pop().unwrap_or_default(),
                Err(Trouble::Unreadable(_)) => Entry::default(),
                Err(trouble) => return Err(trouble),
            },
        };
        if !entry.add_range(&missing, part) {
            entry.withhold(&missing.name);
        }
    }
    entry.withhold_parts();
    Ok(())
}

async fn add_groups(core: &Core, service: &mut Service<'_>, base: &str, entry: &mut Entry) -> Result<(), Trouble> {
    let known = entry.texts(GROUPS);
    let climb = match known.len() == entry.weight(GROUPS).1 {
        true => Climb::from(&entry.dn, &known),
        false => Err(Cut::NotAName),
    };
    let cut = match climb {
        Err(cut) => cut.to_string(),
        Ok(mut climb) => match groups::climb(service, base, &mut climb).await {
            Ok(Ok(())) if !climb.is_cut() => {
                entry.set(GROUPS, climb.groups().into_iter().map(String::into_bytes).collect());
                return Ok(());
            }
            Ok(Ok(())) => format!("more than {} levels", groups::LEVELS_MAX),
            Ok(Err(cut)) => cut.to_string(),
            Err(Trouble::Unreadable(unwell)) => unwell.detail,
            Err(trouble) => return Err(trouble),
        },
    };
    tracing::warn!(event = "ldap.groups.cut", connector = core.config.common.name, detail = cut, "groups of groups were not all followed");
    entry.withhold(GROUPS);
    Ok(())
}

/// An entry's attributes under the names by which they are seen. What is more than a session keeps is null: it is
/// there, and not known.
pub(super) fn seen(config: &Config, entry: &Entry) -> Result<Map<String, Value>, Fault> {
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
    for (name, value) in &mut attributes {
        if value.is_string() && config.shape(name) == Shape::List {
            *value = Value::Array(vec![value.take()]);
        }
    }
    withhold_large(&mut attributes).ok_or_else(|| Fault::Rejected("the entry has more attributes than are taken".into()))?;
    let withheld = || attributes.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str());
    if withheld().next().is_some() {
        let names = withheld().take(NAMES_LOGGED_MAX).collect::<Vec<_>>().join(", ");
        tracing::warn!(event = "ldap.attributes.withheld", connector = config.common.name, entry = entry.dn, detail = names, "attributes of an entry are too large or came in part");
    }
    Ok(attributes)
}

/// Withholds values beyond the limits, then the largest until the rest is small enough. `None` when the names alone
/// are too much.
fn withhold_large(attributes: &mut Map<String, Value>) -> Option<()> {
    let bytes = |value: &Value| match value {
        Value::Array(list) => list.iter().map(|member| member.as_str().map_or(0, str::len) + 1).sum(),
        one => one.as_str().map_or(0, str::len),
    };
    let mut sizes: Vec<(usize, String)> = attributes.iter().map(|(name, value)| (bytes(value), name.clone())).collect();
    sizes.sort();
    let mut total: usize = sizes.iter().map(|(_, name)| name.len()).sum();
    if attributes.len() > MEMBERS_MAX || total > ENTRY_BYTES_MAX {
        return None;
    }
    for (bytes, name) in sizes {
        let Some(value) = attributes.get_mut(&name) else { continue };
        let is_long = value.as_array().is_some_and(|list| list.len() > MEMBERS_MAX) || bytes > VALUE_BYTES_MAX;
        if is_long || total + bytes > ENTRY_BYTES_MAX {
            *value = Value::Null;
        } else {
            total += bytes;
        }
    }
    Some(())
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
        let entry = Entry { dn: "uid=a".into(), values, withheld: Vec::new() };
        let config = config(json!({"email": "MAIL", "name": "displayname", "none": "absent", "cn": "cn"}));
        let got = Value::Object(seen(&config, &entry).unwrap());
        assert_eq!(got, json!({"email": "a@x", "name": "Ann", "cn": "ann", "dn": "uid=a"}));
        assert_eq!(
            attributes(&config),
            ["*", "memberOf", "isMemberOf", "entryUUID", "nsUniqueId", "uid", "cn", "MAIL", "displayname", "absent"]
        );
    }

    #[test]
    fn one_group_is_a_set_of_one() {
        let entry = entry(&[
            ("memberOf", &["cn=zcn=admins,dc=x"]),
            ("ISMEMBEROF;x-a", &["a,b"]),
            ("nsRole", &["r", "s"]),
            ("mail", &["a@x"]),
            ("department", &["Sales"]),
            ("employeeType", &["staff"]),
        ]);
        let renamed = config(json!({"groups": "department", "teams": "MemberOf", "kind": "employeeType"}));
        for (config, want) in [
            (
                config(json!({})),
                json!({
                    "memberOf": ["cn=zcn=admins,dc=x"], "ISMEMBEROF;x-a": ["a,b"], "nsRole": ["r", "s"], "mail": "a@x",
                    "department": "Sales", "employeeType": "staff", "dn": "uid=a",
                }),
            ),
            (
                renamed,
                json!({
                    "teams": ["cn=zcn=admins,dc=x"], "ISMEMBEROF;x-a": ["a,b"], "nsRole": ["r", "s"], "mail": "a@x",
                    "groups": ["Sales"], "kind": "staff", "dn": "uid=a",
                }),
            ),
        ] {
            assert_eq!(Value::Object(seen(&config, &entry).unwrap()), want);
        }
    }

    fn entry(values: &[(&str, &[&str])]) -> Entry {
        let values = values
            .iter()
            .map(|(name, list)| ((*name).to_owned(), list.iter().map(|value| value.as_bytes().to_vec()).collect()));
        Entry { dn: "uid=a".into(), values: values.collect(), withheld: Vec::new() }
    }

    #[test]
    fn what_a_directory_finds_may_be_somebody_else() {
        let entry = entry(&[("UID", &["Alice", "al "]), ("cn", &["bob"])]);
        for (name, want) in [
            ("alice", true),
            (" ALICE ", true),
            ("al", true),
            ("\u{ff41}lice", false),
            ("\u{e1}lice", false),
            ("al\u{ad}ice", false),
            ("bob", false),
            ("", false),
        ] {
            assert_eq!(is_called(&config(json!({})), &entry, name), want, "{name}");
        }
    }

    #[test]
    fn somebody_is_missing_only_where_everything_above_is_there() {
        for (matched, want) in [
            ("ou=people,dc=x", true),
            ("OU=People, DC=X", true),
            ("dc=x", false),
            ("uid=a,ou=people,dc=x", false),
            ("", false),
            ("people", false),
        ] {
            assert_eq!(lacks_only_the_last("ou=people,dc=x", matched), want, "{matched}");
        }
        assert!(!lacks_only_the_last("people", "people"));
    }

    #[test]
    fn what_is_too_large_is_withheld_and_not_absent() {
        let large = "x".repeat(VALUE_BYTES_MAX + 1);
        let some = "x".repeat(VALUE_BYTES_MAX);
        let many = vec!["x"; MEMBERS_MAX + 1];
        let mut attributes = json!({"description": large, "member": many, "mail": "a@x", "a": some, "b": some, "c": some, "d": some});
        let attributes = attributes.as_object_mut().unwrap();
        withhold_large(attributes).expect("few names");
        let withheld: Vec<&str> = attributes.iter().filter(|(_, v)| v.is_null()).map(|(name, _)| name.as_str()).collect();
        assert_eq!(withheld, ["description", "member", "d"], "too large each, or together");
        assert_eq!(attributes["mail"], "a@x");
        let mut many: Map<String, Value> = (0..=MEMBERS_MAX).map(|i| (i.to_string(), "x".into())).collect();
        assert!(withhold_large(&mut many).is_none());
        let mut long = Map::from_iter([("n".repeat(ENTRY_BYTES_MAX + 1), Value::from("x"))]);
        assert!(withhold_large(&mut long).is_none());
        let mapped = config(json!({"about": "description"}));
        let seen = seen(&mapped, &entry(&[("description", &[&"x".repeat(9_000_000)]), ("mail", &["a@x"])])).unwrap();
        assert_eq!(Value::Object(seen), json!({"about": null, "mail": "a@x", "dn": "uid=a"}));
    }
}
