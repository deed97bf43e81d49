//! Whose entry it is: the account behind it, whatever it is called, and whether it is our own service account.

use super::config::Config;
use crate::connector::account::Account;
use crate::protocol::ldap::{Dn, Entry, dn};

/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 128;

/// Ids that stay with an entry when it is renamed or moved, and are never given to another one: by attribute, what we
/// call the kind, and whether the value is bytes.
const GUID: Id = ("objectGUID", "guid", true);
const UUID: Id = ("entryUUID", "uuid", false);
const NSID: Id = ("nsUniqueId", "nsid", false);

type Id = (&'static str, &'static str, bool);

/// The account of an entry, as it came: by the first id that is there with one value. In which order does not depend on
/// the entry, and the one that nobody can write into his own entry comes first: where `objectGUID` is not Active
/// Directory's it is anybody's.
pub(super) fn of(config: &Config, entry: &Entry) -> Account {
    let name = Dn::parse(&entry.dn).map_or_else(|_| dn::fold(&entry.dn), |name| name.to_string());
    let order = match config.common.kind.as_str() {
        "activedirectory" => [GUID, UUID, NSID],
        _ => [UUID, NSID, GUID],
    };
    let id = order.iter().find_map(|(attribute, kind, is_bytes)| Some((*kind, id(entry, attribute, *is_bytes)?)));
    let (kind, id) = id.unwrap_or_else(|| ("dn", name.clone()));
    Account { kind, id, name }
}

fn id(entry: &Entry, attribute: &str, is_bytes: bool) -> Option<String> {
    let mut lists = entry.values.iter().filter(|(description, _)| description.eq_ignore_ascii_case(attribute));
    let (Some((_, list)), None) = (lists.next(), lists.next()) else { return None };
    let [value] = list.as_slice() else { return None };
    if value.is_empty() || value.len() > ID_BYTES_MAX {
        return None;
    }
    match is_bytes {
        true => Some(value.iter().map(|byte| format!("{byte:02x}")).collect()),
        false => std::str::from_utf8(value).ok().map(str::to_ascii_lowercase),
    }
}

/// Whether an entry is that of the service account. Active Directory also takes `DOMAIN\user` and `user@domain` for
/// the name of an account.
pub(super) fn is_of_the_service(config: &Config, entry: &Entry) -> bool {
    let ours = config.service_account();
    if let Ok(ours) = Dn::parse(ours) {
        return Dn::parse(&entry.dn).is_ok_and(|name| name == ours);
    }
    let has = |attribute: &str, name: &str| {
        entry.texts(attribute).iter().any(|value| dn::fold(value) == dn::fold(name))
    };
    let user = ours.rsplit_once('\\').map(|(_, user)| user);
    // A name with a domain need not be the `userPrincipalName`: every account can be called by its own name and the
    // domain's.
    let user = user.or_else(|| ours.rsplit_once('@').map(|(user, _)| user)).unwrap_or(ours);
    has("userPrincipalName", ours) || has("sAMAccountName", user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(kind: &str, account: &str) -> Config {
        let config = json!({"name": "d", "type": kind, "url": "ldaps://a", "baseDN": "dc=x", "bindDN": account});
        serde_json::from_value(config).expect("a configuration")
    }

    fn entry(name: &str, values: &[(&str, &[&[u8]])]) -> Entry {
        let values =
            values.iter().map(|(name, list)| ((*name).to_owned(), list.iter().map(|v| v.to_vec()).collect()));
        Entry { dn: name.into(), values: values.collect(), withheld: Vec::new() }
    }

    #[test]
    fn an_id_outlives_a_name() {
        type Values<'a> = &'a [(&'a str, &'a [&'a [u8]])];
        let table: &[(&str, Values<'_>, &str, &str)] = &[
            ("ldap", &[("ENTRYUUID", &[b"AB-1"]), ("nsUniqueId", &[b"N-1"])], "uuid", "ab-1"),
            ("ldap", &[("nsUniqueId", &[b"N-1"]), ("objectGUID", &[b"\x01\xff"])], "nsid", "n-1"),
            ("ldap", &[("objectGUID", &[b"\x01\xff"]), ("entryUUID", &[b"u"])], "uuid", "u"),
            ("activedirectory", &[("entryUUID", &[b"u"]), ("objectGUID", &[b"\x01\xff"])], "guid", "01ff"),
            // Several values, none, none that is read, one of another language: no id.
            ("ldap", &[("entryUUID", &[b"a", b"b"]), ("nsUniqueId", &[b"n"])], "nsid", "n"),
            ("ldap", &[("entryUUID", &[b"a"]), ("entryuuid", &[b"b"])], "dn", "uid=ann,dc=x"),
            ("ldap", &[("entryUUID", &[])], "dn", "uid=ann,dc=x"),
            ("ldap", &[("entryUUID", &[b""])], "dn", "uid=ann,dc=x"),
            ("ldap", &[("entryUUID", &[b"\xff"])], "dn", "uid=ann,dc=x"),
            ("ldap", &[("entryUUID", &[&[b'a'; ID_BYTES_MAX + 1]])], "dn", "uid=ann,dc=x"),
            ("ldap", &[("entryUUID;lang-de", &[b"a"])], "dn", "uid=ann,dc=x"),
            ("ldap", &[], "dn", "uid=ann,dc=x"),
        ];
        for (directory, values, kind, id) in table {
            let account = of(&config(directory, "cn=s"), &entry("UID=Ann, DC=x", values));
            assert_eq!((account.kind, account.id.as_str()), (*kind, *id), "{values:?}");
            assert_eq!(account.name, "uid=ann,dc=x");
        }
        assert_eq!(of(&config("ldap", "cn=s"), &entry("No  Name", &[])).name, "no name");
    }

    #[test]
    fn the_service_account_is_known_by_every_name() {
        let named: &[(&str, &[&[u8]])] =
            &[("sAMAccountName", &[b"svc-Maverics"]), ("userPrincipalName", &[b"svc@corp.example"])];
        let service = entry("CN=Svc, OU=x,DC=corp", named);
        for (ours, want) in [
            ("cn=svc,ou=x,dc=corp", true),
            ("CN=svc,OU=x,  DC=Corp", true),
            ("cn=svc,ou=y,dc=corp", false),
            (r"CORP\SVC-maverics", true),
            (r"CORP\svc", false),
            ("SVC@corp.example", true),
            ("svc-maverics@corp.example", true),
            ("svc@other.example", false),
            ("svc-maverics", true),
        ] {
            assert_eq!(is_of_the_service(&config("ldap", ours), &service), want, "{ours}");
        }
        assert!(!is_of_the_service(&config("ldap", r"CORP\svc"), &entry("cn=a", &[])));
    }
}
