//! Who is asked about a person after the sign-in (`attrProviders`).

use super::Linking;
use super::apps::Usable;
use super::connectors::Connectors;
use super::names::Named;
use crate::config::access::AttrProvider;
use crate::config::codes as form;
use crate::config::yaml::child;
use crate::model::app::Lookup;
use crate::model::{ProviderRef, codes};

/// The look-ups of an app, and what it may read with them. What names the person is something a sign-in said,
/// never something that was itself looked up.
pub(super) fn link(
    linking: &mut Linking<'_>,
    at: &str,
    written: &[AttrProvider],
    usable: Usable,
    connectors: &Connectors,
) -> (Vec<Lookup>, Usable) {
    let mut lookups: Vec<Lookup> = Vec::new();
    let mut readable = Vec::new();
    for (i, entry) in written.iter().enumerate() {
        let pointer = format!("{at}/{i}");
        let at_connector = child(&pointer, "connector");
        if written[..i].iter().any(|before| before.connector == entry.connector) {
            let words = format!("`{}` is asked twice", entry.connector);
            linking.at_value(&codes::DUPLICATE_NAME, &at_connector, words).help =
                Some("List each connector once: what it says is read under its name.".into());
            continue;
        }
        let by =
            usable.path(linking, &child(&pointer, "usernameMapping"), &entry.username_mapping, connectors);
        // A name that nobody has, or whose section has faults, is one mistake, told there.
        readable.push(entry.connector.as_str());
        let idp = match connectors.names.by_name.get(&entry.connector) {
            Some(Named::Known(ProviderRef::Idp(index)))
                if connectors.idps[index.0].facts.protocol.answers_look_ups() =>
            {
                *index
            }
            Some(Named::Known(_)) => {
                let words = format!("`{}` cannot be asked about a person by name", entry.connector);
                linking.at_value(&form::BAD_VALUE, &at_connector, words).help =
                    Some("Name a connector of type `ldap`, `activedirectory` or `local`.".into());
                continue;
            }
            Some(Named::Broken) | None => continue,
        };
        if let Some(by) = by {
            lookups.push(Lookup { idp, name: entry.connector.clone(), by, pointer });
        }
    }
    (lookups, readable.into_iter().fold(usable, Usable::and))
}
