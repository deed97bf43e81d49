//! Claims leave a connector in the provider's words and enter a session in ours: here is the crossing.
//! Protocol rows AM01 to AM09, ID02 to ID04.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::continuity::Continuity;
use super::idp::IdpIndex;
use super::manner::{entry, same_description};
use crate::protocol::oidc::claims;
pub use crate::value::limits::{MEMBERS_MAX, VALUE_BYTES_MAX};

/// Deepest path.
pub const PATH_DEPTH_MAX: usize = 16;

/// One attribute of the common set.
#[derive(Debug, Clone)]
pub struct AttributeRule {
    /// Its name.
    pub name: String,
    /// Where each member has it; a member may be missing.
    pub mapping: Vec<(IdpIndex, SourcePath)>,
    /// When there is no value.
    pub default: Option<Value>,
    /// No value, no sign-in.
    pub required: bool,
    /// true: a list; false: exactly one; `None`: as it comes.
    pub multi_valued: Option<bool>,
    /// Values translated; others are dropped.
    pub value_mapping: Vec<(IdpIndex, Vec<(String, String)>)>,
}

/// A path in a provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePath {
    /// As written: tried first, as one key.
    pub literal: String,
    /// Split at dots: tried second.
    pub segments: Vec<String>,
    /// The first name compares without case: it is a directory's.
    pub any_case: bool,
}

impl SourcePath {
    /// `None` when a part is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let segments = crate::config::text::split_path(text)?;
        (segments.len() <= PATH_DEPTH_MAX).then(|| SourcePath {
            literal: text.to_owned(),
            segments,
            any_case: false,
        })
    }
}

/// Why the attributes of a person are not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeFault {
    /// A required one is absent.
    #[error("the provider gave no `{0}`, which this configuration requires")]
    Missing(String),
    /// One value was wanted.
    #[error("the provider gave several values of `{0}`, which must be single")]
    Several(String),
    /// Beyond the limits.
    #[error("the value of `{0}` is too large")]
    TooLarge(String),
    /// An e-mail that does not count as identity.
    #[error("the e-mail address is not verified by this provider")]
    UnverifiedEmail,
    /// An e-mail of a domain the provider may not speak for.
    #[error("the provider may not vouch for this e-mail domain")]
    ForeignDomain,
}

/// Finds a value in a provider's attributes: the exact key first, then the path through maps by key, through
/// lists of maps collecting, into a list by number. A map at the end counts as absent, as does null.
pub fn find<'a>(attributes: &'a Map<String, Value>, path: &SourcePath) -> Option<Cow<'a, Value>> {
    if let Some(exact) = entry(attributes, &path.literal, path.any_case) {
        return leaf(Cow::Borrowed(exact));
    }
    let mut segments = path.segments.iter();
    let mut here = Cow::Borrowed(entry(attributes, segments.next()?, path.any_case)?);
    for segment in segments {
        here = Cow::Owned(step(&here, segment)?);
    }
    leaf(here)
}

/// Whether the attribute that a path reads is there, or may be, and it is not known what is in it. Null says so, and
/// only ever in words of ours, because connectors drop a provider's own nulls: a directory had too much or gave a
/// part ([`crate::protocol::ldap::Entry::attributes`]), or the member that served has nothing to say it with
/// ([`normalise`]). Where the exact name is not there, one that differs in case is enough, whoever is read: behind a
/// continuity connector it may be a directory's, and what is taken for nothing opens doors.
pub fn is_withheld(attributes: &Map<String, Value>, path: &SourcePath) -> bool {
    let is_null = |name: &str| match attributes.get(name) {
        Some(exact) => exact.is_null(),
        None => attributes.iter().any(|(have, value)| value.is_null() && same_description(have, name)),
    };
    is_null(&path.literal) || path.segments.first().is_some_and(|first| is_null(first))
}

fn step(value: &Value, segment: &str) -> Option<Value> {
    match value {
        Value::Object(map) => map.get(segment).cloned(),
        Value::Array(list) => match segment.parse::<usize>() {
            Ok(index) => list.get(index).cloned(),
            Err(_) => {
                let found: Vec<Value> = list
                    .iter()
                    .filter_map(|item| item.as_object()?.get(segment).cloned())
                    .flat_map(|item| match item {
                        Value::Array(inner) => inner,
                        one => vec![one],
                    })
                    .collect();
                (!found.is_empty()).then_some(Value::Array(found))
            }
        },
        _ => None,
    }
}

fn leaf(value: Cow<'_, Value>) -> Option<Cow<'_, Value>> {
    let is_simple = |v: &Value| !v.is_null() && !v.is_object() && !v.is_array();
    match &*value {
        Value::Null | Value::Object(_) => None,
        Value::Array(list) if !list.iter().all(is_simple) => {
            Some(Cow::Owned(Value::Array(list.iter().filter(|v| is_simple(v)).cloned().collect())))
        }
        _ => Some(value),
    }
}

/// A member's attributes in the words of a continuity connector. Without an `attributes` block they pass
/// unchanged. An attribute that the member has no source for, and that has no default, is null: the person may well
/// be what nobody can say here, so that no rule over it holds, not even a negated one ([`is_withheld`]).
pub fn normalise(
    continuity: &Continuity,
    member: IdpIndex,
    attributes: &Map<String, Value>,
) -> Result<Map<String, Value>, AttributeFault> {
    let Some(rules) = &continuity.attributes else { return Ok(attributes.clone()) };
    let mut out = Map::new();
    for rule in rules {
        let path = rule.mapping.iter().find(|(idp, _)| *idp == member).map(|(_, path)| path);
        let is_needed = rule.required || is_identity(continuity, &rule.name);
        // A default, or nothing, would stand for what the provider has and we do not know.
        if path.is_some_and(|path| is_withheld(attributes, path)) {
            if is_needed {
                return Err(AttributeFault::TooLarge(rule.name.clone()));
            }
            out.insert(rule.name.clone(), Value::Null);
            continue;
        }
        let found = path
            .and_then(|path| find(attributes, path).map(Cow::into_owned))
            .and_then(|value| translate(rule, member, value))
            .or_else(|| rule.default.clone().filter(|_| !is_identity(continuity, &rule.name)));
        let Some(value) = found else {
            if is_needed {
                return Err(AttributeFault::Missing(rule.name.clone()));
            }
            if path.is_none() {
                out.insert(rule.name.clone(), Value::Null);
            }
            continue;
        };
        let single = rule.multi_valued == Some(false) || is_identity(continuity, &rule.name);
        let value = shape(rule, value, single)?;
        if rule.required && is_empty(&value) {
            return Err(AttributeFault::Missing(rule.name.clone()));
        }
        out.insert(rule.name.clone(), value);
    }
    Ok(out)
}

fn is_identity(continuity: &Continuity, name: &str) -> bool {
    continuity.identity.as_ref().is_some_and(|identity| identity.attribute == name)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn translate(rule: &AttributeRule, member: IdpIndex, value: Value) -> Option<Value> {
    let Some((_, table)) = rule.value_mapping.iter().find(|(idp, _)| *idp == member) else {
        return Some(value);
    };
    let look_up = |value: &Value| {
        let text = text_of(value);
        table.iter().find(|(from, _)| *from == text).map(|(_, to)| Value::String(to.clone()))
    };
    match value {
        Value::Array(list) => Some(Value::Array(list.iter().filter_map(look_up).collect())),
        one => look_up(&one),
    }
}

/// Whether values that no rule shapes are within the limits (row AM09): all attributes of a person, as they come.
pub fn within_limits(attributes: &Map<String, Value>) -> Result<(), AttributeFault> {
    let too_large = |value: &Value| {
        let members = value.as_array().map_or(1, Vec::len);
        members > MEMBERS_MAX || text_of(value).len() > VALUE_BYTES_MAX
    };
    match attributes.iter().find(|(_, value)| too_large(value)) {
        Some((name, _)) => Err(AttributeFault::TooLarge(name.clone())),
        None if attributes.len() > MEMBERS_MAX => Err(AttributeFault::TooLarge("the whole entry".into())),
        None => Ok(()),
    }
}

fn shape(rule: &AttributeRule, value: Value, single: bool) -> Result<Value, AttributeFault> {
    let members = value.as_array().map_or(1, Vec::len);
    let bytes: usize = match &value {
        Value::Array(list) => list.iter().map(|v| text_of(v).len()).sum(),
        one => text_of(one).len(),
    };
    if members > MEMBERS_MAX || bytes > VALUE_BYTES_MAX {
        return Err(AttributeFault::TooLarge(rule.name.clone()));
    }
    Ok(match (single, rule.multi_valued, value) {
        (true, _, Value::Array(mut list)) => match list.len() {
            0 => return Err(AttributeFault::Missing(rule.name.clone())),
            1 => list.remove(0),
            _ => return Err(AttributeFault::Several(rule.name.clone())),
        },
        (false, Some(true), value @ Value::Array(_)) => value,
        (false, Some(true), one) => Value::Array(vec![one]),
        (_, _, value) => value,
    })
}

/// A value as text: how subjects, keys and single values are seen. For the lists of a connector see
/// [`Manner::joined`](super::manner::Manner::joined).
pub fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(list) => Cow::Owned(list.iter().map(text_of).collect::<Vec<_>>().join(",")),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

/// The subject that apps see (language reference, "Subject"): `issuer|sub` of the provider, or, through a
/// continuity connector with an identity attribute, the same whichever member served. `raw` is what the
/// member said, for the rules about e-mail.
pub fn subject(
    issuer: &str,
    provider_subject: &str,
    through: Option<(&Continuity, IdpIndex, &Map<String, Value>)>,
    raw: &Map<String, Value>,
) -> Result<String, AttributeFault> {
    let Some((continuity, member, normalised)) = through else {
        return Ok(bounded(issuer, provider_subject));
    };
    let Some(identity) = &continuity.identity else { return Ok(bounded(issuer, provider_subject)) };
    let missing = || AttributeFault::Missing(identity.attribute.clone());
    let value = normalised.get(&identity.attribute).ok_or_else(missing)?;
    let mut text = text_of(value).into_owned();
    if value.is_array() || text.trim().is_empty() {
        return Err(missing());
    }
    if let Some((local, domain)) = text.rsplit_once('@') {
        let trusted = identity.trusted_email.contains(&member);
        let verified = raw
            .get("email_verified")
            .cloned()
            .and_then(|v| claims::typed("email_verified", v))
            .and_then(|v| v.as_bool())
            .unwrap_or(false);
        if !trusted && !verified {
            return Err(AttributeFault::UnverifiedEmail);
        }
        let domain = domain.to_ascii_lowercase();
        let allowed = identity.allowed_domains.iter().find(|(idp, _)| *idp == member);
        if allowed.is_some_and(|(_, domains)| !domains.iter().any(|d| d.eq_ignore_ascii_case(&domain))) {
            return Err(AttributeFault::ForeignDomain);
        }
        text = format!("{local}@{domain}");
    }
    Ok(bounded(continuity.name.as_str(), &text))
}

/// `issuer|subject`, hashed behind the bar where it would be too long or not ASCII (Core §2).
fn bounded(issuer: &str, subject: &str) -> String {
    let plain = format!("{issuer}|{subject}");
    if plain.len() <= 255 && plain.is_ascii() {
        return plain;
    }
    use base64::Engine as _;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, plain.as_bytes());
    let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
    let head = if issuer.is_ascii() && issuer.len() <= 200 { issuer } else { "sha256" };
    format!("{head}|{hash}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connector::continuity::config::{LastResort, PreFlight};
    use crate::model::continuity::Identity;
    use crate::value::NonEmpty;
    use crate::value::name::ConnectorName;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn rule(name: &str, path: &str) -> AttributeRule {
        AttributeRule {
            name: name.into(),
            mapping: vec![(IdpIndex(0), SourcePath::parse(path).unwrap())],
            default: None,
            required: false,
            multi_valued: None,
            value_mapping: Vec::new(),
        }
    }

    fn continuity(rules: Vec<AttributeRule>, identity: Option<Identity>) -> Continuity {
        Continuity {
            name: ConnectorName("ha".into()),
            members: NonEmpty::new(vec![IdpIndex(0), IdpIndex(1)]).unwrap(),
            pre_flight: PreFlight::default(),
            last_resort: LastResort::None,
            damped: true,
            attributes: Some(rules),
            words: 0,
            identity,
            pointer: String::new(),
        }
    }

    #[test]
    fn paths() {
        let attributes = object(json!({
            "https://x/roles": "exact", "realm_access": {"roles": ["a", "b"]}, "a.b": "dotted",
            "a": {"b": "nested", "c": {"d": 1}}, "list": [{"n": 1}, {"n": [2, 3]}, {"m": 4}], "none": null
        }));
        for (path, want) in [
            ("https://x/roles", json!("exact")),
            ("realm_access.roles", json!(["a", "b"])),
            ("realm_access.roles.1", json!("b")),
            ("a.b", json!("dotted")),
            ("a.c.d", json!(1)),
            ("list.n", json!([1, 2, 3])),
            ("list.0.n", json!(1)),
            ("a.c", json!(null)),
            ("none", json!(null)),
            ("absent.x", json!(null)),
        ] {
            let found = find(&attributes, &SourcePath::parse(path).unwrap());
            assert_eq!(found.map(Cow::into_owned).unwrap_or_default(), want, "{path}");
        }
    }

    /// What each kind says in its own way is one thing to apps: three members, one person.
    #[test]
    fn whoever_served_the_words_are_the_same() {
        let oidc =
            json!({"email": "ada@x", "groups": ["a,b"], "staff": "7", "name": "Ada, Countess", "sub": "1"});
        let saml = json!({"urn:mail": "ada@x", "urn:groups": "a,b", "urn:staff": "7", "urn:name": "Ada, Countess", "nameID": "n"});
        let ldap = json!({"MAIL": "ada@x", "memberof": "a,b", "employeeNumber": "7", "cn;lang-en": "Ada, Countess", "dn": "cn=ada"});
        let mapped = |name: &str, paths: [&str; 3], multi_valued| AttributeRule {
            mapping: paths
                .iter()
                .enumerate()
                .map(|(i, path)| {
                    let path = SourcePath { any_case: i == 2, ..SourcePath::parse(path).unwrap() };
                    (IdpIndex(i), path)
                })
                .collect(),
            multi_valued,
            ..rule(name, "x")
        };
        let ha = continuity(
            vec![
                mapped("email", ["email", "urn:mail", "mail"], Some(false)),
                mapped("groups", ["groups", "urn:groups", "memberOf"], Some(true)),
                mapped("staff", ["staff", "urn:staff", "EMPLOYEENUMBER"], None),
                mapped("name", ["name", "urn:name", "CN;LANG-EN"], None),
            ],
            None,
        );
        let members = [oidc, saml, ldap].map(object);
        let seen: Vec<Map<String, Value>> =
            (0..3).map(|i| normalise(&ha, IdpIndex(i), &members[i]).unwrap()).collect();
        assert_eq!(seen[0]["groups"], json!(["a,b"]), "one group with a comma in its name, from everybody");
        assert_eq!((&seen[0], &seen[0]), (&seen[1], &seen[2]));
        let exact = |path: &str| find(&members[1], &SourcePath::parse(path).unwrap()).is_some();
        assert!(exact("nameID") && !exact("NameID") && !exact("URN:MAIL"), "names of SAML are exact");
        let dn = SourcePath { any_case: true, ..SourcePath::parse("DN").unwrap() };
        assert_eq!(find(&members[2], &dn).map(Cow::into_owned), Some(json!("cn=ada")));
    }

    #[test]
    fn defaults_are_for_absence_only() {
        let mut with_default = rule("role", "r");
        with_default.default = Some(json!("user"));
        let ha = continuity(vec![with_default], None);
        let role = |attributes: Value, member| {
            normalise(&ha, IdpIndex(member), &object(attributes)).unwrap().get("role").cloned()
        };
        assert_eq!(role(json!({"r": "admin"}), 0), Some(json!("admin")));
        assert_eq!(role(json!({"r": ""}), 0), Some(json!("")), "an empty text was asserted");
        assert_eq!(role(json!({"r": []}), 0), Some(json!([])));
        assert_eq!(role(json!({"r": {"x": null}}), 0), Some(json!("user")));
        assert_eq!(role(json!({}), 0), Some(json!("user")));
        assert_eq!(role(json!({"r": "admin"}), 1), Some(json!("user")), "no mapping for this member");
    }

    #[test]
    fn null_is_what_is_not_known() {
        let path = |text: &str, any_case| SourcePath { any_case, ..SourcePath::parse(text).unwrap() };
        let entry = object(json!({"memberOf": null, "1.2.840": null, "mail": "a@x", "Sn": null, "sn": "x"}));
        for (text, withheld) in [
            ("memberOf", true),
            ("memberOf.0", true),
            ("memberof", true),
            ("MEMBEROF.0.cn", true),
            (r"1\.2\.840", true),
            ("1.2.840", true),
            ("mail", false),
            ("MAIL", false),
            ("absent", false),
            ("sn", false),
            ("Sn", true),
        ] {
            // Whatever was known of the connector when the path was linked: a reload may have changed it since.
            for any_case in [true, false] {
                assert_eq!(is_withheld(&entry, &path(text, any_case)), withheld, "{text} {any_case}");
            }
        }
    }

    #[test]
    fn no_default_stands_for_what_is_withheld() {
        let withheld = object(json!({"memberOf": null, "mail": "a@x"}));
        for source in ["memberOf", "memberOf.0", "memberof", "MEMBEROF.0"] {
            for any_case in [true, false] {
                let mut groups = rule("groups", source);
                groups.mapping[0].1.any_case = any_case;
                groups.default = Some(json!("none"));
                let common = normalise(&continuity(vec![groups.clone()], None), IdpIndex(0), &withheld);
                assert_eq!(
                    common,
                    Ok(object(json!({"groups": null}))),
                    "{source} {any_case}: it keeps nobody out"
                );
                groups.required = true;
                let refused = normalise(&continuity(vec![groups], None), IdpIndex(0), &withheld);
                assert_eq!(refused, Err(AttributeFault::TooLarge("groups".into())), "{source} {any_case}");
            }
        }
    }

    #[test]
    fn what_a_member_has_no_source_for_is_not_known() {
        let at = |rules: Vec<AttributeRule>, member| {
            normalise(&continuity(rules, None), IdpIndex(member), &object(json!({"other": "x"})))
        };
        let plain = rule("type", "userType");
        assert_eq!(at(vec![plain.clone()], 1), Ok(object(json!({"type": null}))));
        assert_eq!(
            at(vec![plain.clone()], 0),
            Ok(Map::new()),
            "the member that has a source says there is none"
        );
        let with_default = AttributeRule { default: Some(json!("user")), ..plain.clone() };
        assert_eq!(at(vec![with_default], 1), Ok(object(json!({"type": "user"}))));
        let required = AttributeRule { required: true, ..plain.clone() };
        assert_eq!(at(vec![required], 1), Err(AttributeFault::Missing("type".into())));
        let identity = Identity { attribute: "type".into(), trusted_email: vec![], allowed_domains: vec![] };
        let group = continuity(vec![plain], Some(identity));
        assert_eq!(normalise(&group, IdpIndex(1), &Map::new()), Err(AttributeFault::Missing("type".into())));
    }

    #[test]
    fn shapes_and_value_tables() {
        let mut single = rule("one", "x");
        single.multi_valued = Some(false);
        let ha = continuity(vec![single], None);
        let go = |x: Value| normalise(&ha, IdpIndex(0), &object(json!({"x": x})));
        assert_eq!(go(json!(["a"])).unwrap()["one"], "a");
        assert_eq!(go(json!(["a", "b"])), Err(AttributeFault::Several("one".into())));
        let mut groups = rule("groups", "g");
        groups.multi_valued = Some(true);
        groups.value_mapping = vec![(IdpIndex(0), vec![("G1".into(), "admins".into())])];
        let ha = continuity(vec![groups], None);
        let out = normalise(&ha, IdpIndex(0), &object(json!({"g": ["G1", "admins"]}))).unwrap();
        assert_eq!(out["groups"], json!(["admins"]), "what is not in the table is dropped");
        let big = json!({"g": vec!["x"; MEMBERS_MAX + 1]});
        let plain = continuity(vec![rule("g", "g")], None);
        assert_eq!(normalise(&plain, IdpIndex(0), &object(big)), Err(AttributeFault::TooLarge("g".into())));
    }

    #[test]
    fn the_subject_is_the_same_whoever_served() {
        let identity = Identity {
            attribute: "email".into(),
            trusted_email: vec![IdpIndex(1)],
            allowed_domains: vec![(IdpIndex(1), vec!["corp.example".into()])],
        };
        let ha = continuity(vec![rule("email", "email")], Some(identity));
        let subject_of = |member, email: Value, verified: Value| {
            let normalised = object(json!({"email": email}));
            let raw = object(json!({"email_verified": verified}));
            subject("https://idp", "1234", Some((&ha, IdpIndex(member), &normalised)), &raw)
        };
        assert_eq!(subject_of(0, json!("a@Corp.Example"), json!(true)).unwrap(), "ha|a@corp.example");
        assert_eq!(subject_of(1, json!("a@corp.example"), json!(null)).unwrap(), "ha|a@corp.example");
        assert_eq!(
            subject_of(0, json!("a@corp.example"), json!("false")),
            Err(AttributeFault::UnverifiedEmail)
        );
        assert_eq!(subject_of(1, json!("victim@other"), json!(true)), Err(AttributeFault::ForeignDomain));
        assert_eq!(
            subject_of(0, json!(["a", "b"]), json!(true)),
            Err(AttributeFault::Missing("email".into()))
        );
        assert_eq!(subject("https://idp", "1234", None, &Map::new()).unwrap(), "https://idp|1234");
        assert!(subject("https://idp", &"x".repeat(300), None, &Map::new()).unwrap().len() < 255);
    }
}
