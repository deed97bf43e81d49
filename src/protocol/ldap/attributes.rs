//! An entry to attributes: text as text, bytes by rule and never by guess, passwords never.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ldap3_proto::proto::LdapSearchResultEntry;
use serde_json::{Map, Value};

/// An entry of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub dn: String,
    /// Attribute descriptions, options included, with their values.
    pub values: Vec<(String, Vec<Vec<u8>>)>,
    /// Attributes it has of which not all values came: what they say is not known.
    pub withheld: Vec<String>,
}

impl From<LdapSearchResultEntry> for Entry {
    fn from(entry: LdapSearchResultEntry) -> Self {
        let values =
            entry.attributes.into_iter().map(|attribute| (attribute.atype, attribute.vals)).collect();
        Entry { dn: entry.dn, values, withheld: Vec::new() }
    }
}

/// Values that are left out in an answer: `member;range=0-1499` (Active Directory gives long lists in parts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRange {
    /// The attribute without the option.
    pub name: String,
    /// What to ask for next.
    pub next: String,
    /// Index of the first value that is missing.
    pub first: usize,
}

/// Attributes that hold passwords or what opens them; compared without case and without options.
const NEVER: &[&str] = &[
    "userpassword",
    "unicodepwd",
    "dbcspwd",
    "ntpwdhistory",
    "lmpwdhistory",
    "supplementalcredentials",
    "msds-managedpassword",
    "ms-mcs-admpwd",
    "mslaps-password",
    "mslaps-encryptedpassword",
    "mslaps-encryptedpasswordhistory",
    "mslaps-encrypteddsrmpassword",
    "mslaps-encrypteddsrmpasswordhistory",
    "sambantpassword",
    "sambalmpassword",
    "sambapasswordhistory",
    "krbprincipalkey",
    "krbmkey",
    "krbpwdhistory",
    "pwdhistory",
    "passwordhistory",
    "authpassword",
    "ipanthash",
    "oathsecret",
    "unixuserpassword",
    "mssfu30password",
    "mspkidpapimasterkeys",
    "mspkiaccountcredentials",
    "userpkcs12",
];

/// Pictures and sounds: nothing a session or a token is for.
const LEFT_OUT: &[&str] = &["jpegphoto", "thumbnailphoto", "thumbnaillogo", "photo", "audio"];

/// Attributes whose values are bytes, also when these happen to be good UTF-8.
const BINARY: &[&str] = &[
    "usercertificate",
    "cacertificate",
    "usersmimecertificate",
    "certificaterevocationlist",
    "authorityrevocationlist",
    "crosscertificatepair",
    "x500uniqueidentifier",
    "ms-ds-consistencyguid",
    "msexchmailboxguid",
    "msexchmailboxsecuritydescriptor",
    "ntsecuritydescriptor",
    "logonhours",
    "userparameters",
    "replpropertymetadata",
    "ipasshpubkey",
];

/// Sixteen bytes that people write as a GUID.
const GUIDS: &[&str] = &["objectguid", "msexcharchiveguid"];
/// Windows security identifiers.
const SIDS: &[&str] = &["objectsid", "sidhistory", "tokengroups", "mssfu30posixmemberof"];

impl Entry {
    /// Attributes as a session keeps them: one value as a text, several as a list of texts, in the directory's own
    /// spelling of names, plus `dn`. `objectGUID` and `objectSid` are written as people do; other bytes, and
    /// values of an attribute of which one is not UTF-8, in base64. Passwords and pictures are left out; null is
    /// what is withheld.
    pub fn attributes(&self) -> Map<String, Value> {
        let mut attributes = Map::new();
        for (description, values) in &self.values {
            let (name, options) = split(description);
            let known = name.to_ascii_lowercase();
            if NEVER.contains(&known.as_str()) || LEFT_OUT.contains(&known.as_str()) || values.is_empty() {
                continue;
            }
            let mut texts: Vec<Value> =
                written(&known, options, values).into_iter().map(Value::String).collect();
            let value = match texts.len() {
                1 => texts.swap_remove(0),
                _ => Value::Array(texts),
            };
            attributes.insert(description.clone(), value);
        }
        for name in &self.withheld {
            attributes.insert(name.clone(), Value::Null);
        }
        attributes.insert("dn".into(), self.dn.clone().into());
        attributes
    }

    /// Values of an attribute, found without case, options aside; those that are not UTF-8 are passed over.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let same = |description: &str| split(description).0.eq_ignore_ascii_case(name);
        let lists = self.values.iter().filter(|(description, _)| same(description)).map(|(_, values)| values);
        lists.flatten().filter_map(|value| std::str::from_utf8(value).ok()).collect()
    }

    /// Lists of which only a part came.
    pub fn missing_ranges(&self) -> Vec<MissingRange> {
        self.values
            .iter()
            .filter_map(|(description, values)| missing_range(description, values.len()))
            .collect()
    }

    /// Takes the parts of `list` that another answer brought: the list as a whole, under its plain name. `part` is
    /// the answer to [`MissingRange::next`]; `false` when it is no such answer, and nothing was added.
    pub fn add_range(&mut self, missing: &MissingRange, part: Entry) -> bool {
        let Some(at) = self.values.iter().position(|(d, values)| {
            missing_range(d, values.len()).is_some_and(|m| m.name.eq_ignore_ascii_case(&missing.name))
        }) else {
            return false;
        };
        let more = part.values.into_iter().find(|(d, values)| {
            let (name, options) = split(d);
            let follows = range(options).is_some_and(|(first, _)| first == missing.first);
            !values.is_empty() && name.eq_ignore_ascii_case(&missing.name) && follows
        });
        let Some((description, values)) = more else { return false };
        self.values[at].1.extend(values);
        self.values[at].0 = match range(split(&description).1) {
            Some((_, Some(_))) => description,
            _ => missing.name.clone(),
        };
        true
    }

    /// Bytes and number of the values of a list that came in parts, as far as it came.
    pub fn weight(&self, name: &str) -> (usize, usize) {
        let lists =
            self.values.iter().filter(|(description, _)| split(description).0.eq_ignore_ascii_case(name));
        let values = || lists.clone().flat_map(|(_, values)| values);
        (values().map(Vec::len).sum(), values().count())
    }

    /// Withholds every list that is still in parts, however they were announced: a part is not the list, and no
    /// values are not "none". A first part that says it is the last one is the list.
    pub fn withhold_parts(&mut self) {
        let mut parts = Vec::new();
        for (description, values) in &mut self.values {
            let (name, options) = split(description);
            if !options.split(';').any(|option| option.to_ascii_lowercase().starts_with("range=")) {
                continue;
            }
            let name = name.to_owned();
            if range(options) == Some((0, None)) && !values.is_empty() {
                *description = name;
            } else {
                parts.push(name);
            }
        }
        parts.iter().for_each(|name| self.withhold(name));
    }

    /// Forgets the values of an attribute, and that they are there is all that is known.
    pub fn withhold(&mut self, name: &str) {
        self.set(name, Vec::new());
        self.withheld.push(name.to_owned());
    }

    /// Whether an attribute is withheld.
    pub fn withholds(&self, name: &str) -> bool {
        self.withheld.iter().any(|have| have.eq_ignore_ascii_case(name))
    }

    /// Replaces the values of an attribute, or adds it.
    pub fn set(&mut self, name: &str, values: Vec<Vec<u8>>) {
        self.values.retain(|(description, _)| !split(description).0.eq_ignore_ascii_case(name));
        if !values.is_empty() {
            self.values.push((name.to_owned(), values));
        }
    }
}

/// Name and options of an attribute description.
fn split(description: &str) -> (&str, &str) {
    description.split_once(';').unwrap_or((description, ""))
}

/// First and last index of `range=`; no last one is `*`, the end.
fn range(options: &str) -> Option<(usize, Option<usize>)> {
    let bounds = options.split(';').find_map(|option| {
        let (name, bounds) = option.split_once('=')?;
        name.eq_ignore_ascii_case("range").then_some(bounds)
    })?;
    let (first, last) = bounds.split_once('-')?;
    let last = if last == "*" { None } else { Some(last.parse().ok()?) };
    Some((first.parse().ok()?, last))
}

fn missing_range(description: &str, count: usize) -> Option<MissingRange> {
    let (name, options) = split(description);
    let (_, last) = range(options)?;
    let next = last?.checked_add(1)?;
    (count > 0).then(|| MissingRange {
        name: name.to_owned(),
        next: format!("{name};range={next}-*"),
        first: next,
    })
}

/// Values as texts, all in one way.
fn written(name: &str, options: &str, values: &[Vec<u8>]) -> Vec<String> {
    let all = |write: fn(&[u8]) -> Option<String>| {
        values.iter().map(|value| write(value)).collect::<Option<Vec<_>>>()
    };
    let is_binary =
        BINARY.contains(&name) || options.split(';').any(|option| option.eq_ignore_ascii_case("binary"));
    let texts = match name {
        _ if GUIDS.contains(&name) => all(guid),
        _ if SIDS.contains(&name) => all(sid),
        _ if is_binary => None,
        _ => all(|value| String::from_utf8(value.to_vec()).ok()),
    };
    texts.unwrap_or_else(|| values.iter().map(|value| STANDARD.encode(value)).collect())
}

/// A GUID as Windows writes it: the first three groups are little-endian ([MS-DTYP] 2.3.4).
fn guid(bytes: &[u8]) -> Option<String> {
    let b: [u8; 16] = bytes.try_into().ok()?;
    let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let turned = |part: &[u8]| hex(&part.iter().rev().copied().collect::<Vec<_>>());
    Some(format!(
        "{}-{}-{}-{}-{}",
        turned(&b[..4]),
        turned(&b[4..6]),
        turned(&b[6..8]),
        hex(&b[8..10]),
        hex(&b[10..])
    ))
}

/// A security identifier, `S-1-5-21-...` ([MS-DTYP] 2.4.2).
fn sid(bytes: &[u8]) -> Option<String> {
    let (&[1, count, a, b, c, d, e, f], rest) = bytes.split_first_chunk()? else { return None };
    if rest.len() != usize::from(count) * 4 || count > 15 {
        return None;
    }
    let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let mut text = format!("S-1-{authority}");
    for part in rest.chunks_exact(4) {
        let part: [u8; 4] = part.try_into().ok()?;
        text.push_str(&format!("-{}", u32::from_le_bytes(part)));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(values: &[(&str, &[&[u8]])]) -> Entry {
        let values =
            values.iter().map(|(name, list)| ((*name).to_owned(), list.iter().map(|v| v.to_vec()).collect()));
        Entry { dn: "uid=a,dc=x".into(), values: values.collect(), withheld: Vec::new() }
    }

    #[test]
    fn values_keep_their_meaning() {
        let guid_bytes: Vec<u8> = (0..16).collect();
        let sid_bytes = [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 2, 0, 0];
        let attributes = entry(&[
            ("cn", &[b"Ann"]),
            ("cn;lang-de", &["Änne".as_bytes()]),
            ("mail", &[b"a@x", b"b@x"]),
            ("userPassword", &[b"{SSHA}x"]),
            ("userPassword;lang-de", &[b"{SSHA}x"]),
            ("UNICODEPWD", &[b"x"]),
            ("jpegPhoto", &[b"\xff\xd8"]),
            ("objectGUID", &[&guid_bytes]),
            ("objectSid", &[&sid_bytes]),
            ("userCertificate;binary", &[b"text"]),
            ("description;binary", &[b"text"]),
            ("odd", &[b"text", b"\xff\xfe"]),
            ("empty", &[]),
            ("blank", &[b""]),
        ])
        .attributes();
        assert_eq!(
            Value::Object(attributes),
            json!({
                "cn": "Ann",
                "cn;lang-de": "Änne",
                "mail": ["a@x", "b@x"],
                "objectGUID": "03020100-0504-0706-0809-0a0b0c0d0e0f",
                "objectSid": "S-1-5-21-513",
                "userCertificate;binary": "dGV4dA==",
                "description;binary": "dGV4dA==",
                "odd": ["dGV4dA==", "//4="],
                "blank": "",
                "dn": "uid=a,dc=x",
            })
        );
    }

    #[test]
    fn bytes_that_are_no_guid_or_sid_are_base64() {
        assert_eq!(guid(b"short"), None);
        for bytes in
            [&b""[..], &[1, 1, 0, 0, 0, 0, 0, 5], &[2, 0, 0, 0, 0, 0, 0, 5], &[1, 0, 0, 0, 0, 0, 0, 5, 1]]
        {
            assert_eq!(sid(bytes), None, "{bytes:?}");
        }
        assert_eq!(sid(&[1, 0, 0, 0, 0, 0, 0, 5]).as_deref(), Some("S-1-5"));
        assert_eq!(entry(&[("objectGUID", &[b"abc"])]).attributes()["objectGUID"], "YWJj");
    }

    #[test]
    fn lists_in_parts_are_put_together() {
        let mut whole = entry(&[("memberOf;range=0-1", &[b"a", b"b"]), ("mail", &[b"m"])]);
        let [missing] = whole.missing_ranges().try_into().expect("one");
        assert_eq!((missing.name.as_str(), missing.next.as_str()), ("memberOf", "memberOf;range=2-*"));
        assert!(whole.add_range(&missing, entry(&[("memberOf;Range=2-3", &[b"c", b"d"])])));
        let [missing] = whole.missing_ranges().try_into().expect("one");
        assert_eq!(missing.next, "memberOf;range=4-*");
        assert!(whole.add_range(&missing, entry(&[("memberOf;range=4-*", &[b"e"])])));
        assert!(whole.missing_ranges().is_empty());
        assert_eq!(whole.attributes()["memberOf"], json!(["a", "b", "c", "d", "e"]));
    }

    #[test]
    fn an_endless_list_ends() {
        let mut whole = entry(&[("member;range=0-1", &[b"a", b"b"])]);
        let missing = whole.missing_ranges().remove(0);
        for odd in [entry(&[]), entry(&[("member;range=0-1", &[b"a", b"b"])]), entry(&[("member", &[b"c"])])]
        {
            assert!(!whole.add_range(&missing, odd), "no answer to what was asked");
        }
        whole.withhold_parts();
        assert!(whole.missing_ranges().is_empty() && whole.withholds("MEMBER"));
        assert_eq!(whole.attributes()["member"], Value::Null, "two of many are not all");
        for (description, values, want) in [
            ("member;range=0-*", &[b"a" as &[u8]][..], json!("a")),
            ("member;range=0-5", &[], Value::Null),
            ("member;range=x", &[b"a"], Value::Null),
            ("member;range=5-*", &[b"a"], Value::Null),
        ] {
            let mut odd = entry(&[(description, values)]);
            odd.withhold_parts();
            assert_eq!(odd.attributes()["member"], want, "{description}");
        }
        for odd in [
            "member;range=",
            "member;range=-",
            "member;range=0-99999999999999999999999",
            "member;range=x-1",
            "member;range=0-18446744073709551615",
        ] {
            assert!(entry(&[(odd, &[b"a"])]).missing_ranges().is_empty(), "{odd}");
        }
        assert!(
            entry(&[("member;range=0-5", &[])]).missing_ranges().is_empty(),
            "a part without values is no part"
        );
    }

    #[test]
    fn texts_are_found_in_any_case() {
        let entry = entry(&[("memberOf", &[b"a", b"\xff"]), ("MEMBEROF;x-y", &[b"b"])]);
        assert_eq!(entry.texts("memberof"), ["a", "b"]);
    }
}
