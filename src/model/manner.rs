//! How the attributes of a connector are read: whether their names compare by case, and how a list becomes one
//! text. Decided once, when a configuration is linked, so that a path reads the same whoever served (row AM08).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::attributes::text_of;
use super::continuity::Continuity;
use super::idp::Idp;
use crate::connector::facts::Protocol;
use crate::protocol::ldap::Dn;
use crate::value::LIST_DELIMITER;

/// How one connector is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// Names compare without case, as those of a directory do; claims and SAML names are exact.
    pub any_case: bool,
    /// Between the members of a list when one text is needed; never empty.
    pub delimiter: Arc<str>,
    /// It may give names of directory entries, which rules compare as such (RFC 4514), not as texts.
    pub gives_dns: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Manner { any_case: false, delimiter: LIST_DELIMITER.into(), gives_dns: false }
    }
}

impl Manner {
    /// Of a provider.
    pub fn of(idp: &Idp) -> Self {
        let delimiter = idp.config.list_delimiter();
        Manner {
            any_case: idp.facts.protocol == Protocol::Ldap,
            delimiter: if delimiter.is_empty() { LIST_DELIMITER } else { delimiter }.into(),
            gives_dns: idp.facts.protocol == Protocol::Ldap,
        }
    }

    /// A value as one text. Members of a list are joined; the delimiter inside a member is percent-encoded, so
    /// that a group named `a,b` cannot look like two groups.
    pub fn joined<'v>(&self, value: &'v Value) -> Cow<'v, str> {
        let Value::Array(list) = value else { return text_of(value) };
        let mut out = String::new();
        for (i, member) in list.iter().enumerate() {
            if i > 0 {
                out.push_str(&self.delimiter);
            }
            let text = text_of(member);
            let mut rest: &str = &text;
            while let Some(c) = rest.chars().next() {
                let length = if rest.starts_with(&*self.delimiter) {
                    self.delimiter.bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
                    self.delimiter.len()
                } else if c == '%' {
                    out.push_str("%25");
                    1
                } else {
                    out.push(c);
                    c.len_utf8()
                };
                rest = rest.get(length..).unwrap_or_default();
            }
        }
        Cow::Owned(out)
    }
}

/// A text as the name of a directory entry, if it is one of two parts or more: a single `a=b` may be anything. Names
/// that are equal are one entry whatever their case and blanks.
pub fn entry_name(text: &str) -> Option<Dn> {
    // Two signs that each such name has, and few other texts.
    let may_be = text.contains('=') && text.contains(',');
    may_be.then(|| Dn::parse(text).ok()).flatten().filter(|dn| dn.parts() >= 2)
}

/// How each connector is read, by its name; one that is not listed is read as claims are.
#[derive(Debug, Clone, Default)]
pub struct Manners(BTreeMap<String, Manner>);

impl Manners {
    /// Of all connectors. What a continuity connector names itself is exact; the names of members that pass
    /// through unchanged compare without case where all members are directories. Its lists are joined as those
    /// of its members are, if these agree: what a header gets must not tell who served.
    pub fn new(idps: &[Idp], continuity: &[Continuity]) -> Self {
        let mut manners: BTreeMap<String, Manner> =
            idps.iter().map(|idp| (idp.name.0.clone(), Manner::of(idp))).collect();
        for group in continuity {
            let members: Vec<Manner> =
                group.members.iter().filter_map(|index| idps.get(index.0)).map(Manner::of).collect();
            let any_case = group.attributes.is_none() && members.iter().all(|manner| manner.any_case);
            let delimiter = match members.split_first() {
                Some((first, rest)) if rest.iter().all(|manner| manner.delimiter == first.delimiter) => {
                    first.delimiter.clone()
                }
                _ => LIST_DELIMITER.into(),
            };
            let gives_dns = members.iter().any(|manner| manner.gives_dns);
            manners.insert(group.name.0.clone(), Manner { any_case, delimiter, gives_dns });
        }
        Manners(manners)
    }

    /// How a connector is read. Whatever case its names compare by, a name of which the value is not known is not
    /// "nothing" under another spelling: [`is_withheld`](super::attributes::is_withheld).
    pub fn of(&self, connector: &str) -> Manner {
        self.0.get(connector).cloned().unwrap_or_default()
    }
}

/// The entry of this name: the exact one, else, where case does not count, the first whose attribute
/// description (RFC 4512 §2.5) is the same.
pub fn entry<'a>(attributes: &'a Map<String, Value>, name: &str, any_case: bool) -> Option<&'a Value> {
    attributes.get(name).or_else(|| {
        let mut others = attributes.iter().filter(|_| any_case);
        others.find(|(have, _)| same_description(have, name)).map(|(_, value)| value)
    })
}

/// Whether two attribute descriptions are one: type and options compare without case, and the order of options
/// does not count. An option makes another attribute: `cn` is not `cn;lang-de`.
pub fn same_description(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    if a.len() != b.len() || !a.contains(';') {
        return false;
    }
    let parts = |text: &str| {
        let text = text.to_ascii_lowercase();
        let mut parts = text.split(';').map(str::to_owned);
        let kind = parts.next();
        let mut options: Vec<String> = parts.collect();
        options.sort();
        (kind, options)
    };
    parts(a) == parts(b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn descriptions_of_a_directory() {
        for (a, b, same) in [
            ("mail", "MAIL", true),
            ("sAMAccountName", "samaccountname", true),
            ("cn;lang-de", "CN;Lang-DE", true),
            ("cn;lang-de;x-old", "cn;x-old;LANG-DE", true),
            ("cn", "cn;lang-de", false),
            ("cn;lang-de", "cn;lang-fr", false),
            ("ab", "ba", false),
            ("straße", "STRASSE", false),
        ] {
            assert_eq!(same_description(a, b), same, "{a} {b}");
        }
    }

    #[test]
    fn names_of_entries() {
        for (a, b, same) in [
            ("CN=Banned,OU=groups,DC=x", "cn=banned, ou=Groups,dc=X", true),
            ("cn=a\\2cb,dc=x", "CN=A\\,B,dc=x", true),
            ("cn=banned,dc=x", "cn=banned,dc=y", false),
            ("cn=banned", "CN=banned", false),
            ("a=b", "A=B", false),
            ("Banned", "banned", false),
            ("", "", false),
            ("cn=a,dc=x", "cn=a,dc=x,", false),
        ] {
            let one = entry_name(a).is_some_and(|a| Some(a) == entry_name(b));
            assert_eq!(one, same, "{a} {b}");
        }
    }

    #[test]
    fn lists_become_texts_that_cannot_lie() {
        let manner = |delimiter: &str| Manner { delimiter: delimiter.into(), ..Manner::default() };
        for (delimiter, value, want) in [
            (",", json!(["a", "b"]), "a,b"),
            (",", json!(["a,b", "c%"]), "a%2Cb,c%25"),
            (";", json!(["cn=x,ou=y", "a;b"]), "cn=x,ou=y;a%3Bb"),
            ("; ", json!(["a; b", "c;d"]), "a%3B%20b; c;d"),
            ("|", json!(["grün"]), "grün"),
            (",", json!("Doe, Jane"), "Doe, Jane"),
            (",", json!(["users,admins"]), "users%2Cadmins"),
            (",", json!([true, 1]), "true,1"),
            (",", json!([]), ""),
        ] {
            assert_eq!(manner(delimiter).joined(&value), want, "{delimiter:?} {value}");
        }
    }
}
