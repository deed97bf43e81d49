//! Fields of `type: ldap` and `activedirectory`.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::facts::{Facts, Protocol, Shape};
use super::super::{CallbackAddress, Connector, IdpConfig, Opening, Section};
use crate::config::codes;
use crate::config::connectors::Common;
use crate::config::schema::one_of;
use crate::config::section::OneOrMany;
use crate::diag::Diagnostic;
use crate::protocol::ldap::{Address, Dn, is_attribute_name};
use crate::protocol::sets;
use crate::value::{SecretText, WebUrl};

/// Attribute of the user search in Active Directory.
const USERNAME_KEY_ACTIVE_DIRECTORY: &str = "sAMAccountName";
/// Attribute of the user search elsewhere.
const USERNAME_KEY: &str = "uid";
/// Where the sign-in form posts.
const LOGIN_PATH: &str = "/.ldap-login";

/// An LDAP directory. A person types name and password into a page of ours; the service account finds the entry of
/// that name, and the password is proven by a bind as that entry. The entry's attributes are the person's: a single
/// value is a text, several are a list; `memberOf` and others that are sets by nature (`isMemberOf`, `objectClass`,
/// `eduPersonAffiliation`) are always a list; `dn` is the entry's name; `objectGUID` and `objectSid` are written as
/// people write them, other bytes in base64; passwords and pictures are left out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("allOf" = [one_of(&["bindDN", "serviceAccountUsername"]), one_of(&["bindPassword", "serviceAccountPassword"])]))]
#[schemars(rename = "LdapConnector")]
pub struct Config {
    /// The envelope.
    #[serde(flatten)]
    pub common: Common,
    /// `ldap://` or `ldaps://`, one or a list. Several servers of one directory take turns; one that does not answer
    /// is put aside, and used again when it does. Another first server is another directory to a reload: whoever signed
    /// in there signs in anew; further ones come and go. `ldap://` with `tls` is raised to TLS before anything is sent
    /// (StartTLS), and not used when that fails; without `tls` passwords travel readable.
    #[schemars(extend(
        "pattern" = r"^ldaps?://[^\s/]+/?$",
        "items" = {"type": "string", "pattern": r"^ldaps?://[^\s/]+/?$"},
        "examples" = ["ldaps://dc.example.com:636"]
    ))]
    pub url: OneOrMany,
    /// Service account.
    #[serde(rename = "bindDN")]
    pub bind_dn: Option<String>,
    /// Its password.
    pub bind_password: Option<SecretText>,
    /// Second spelling of `bindDN`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "bindDN"}))]
    pub service_account_username: Option<String>,
    /// Second spelling of `bindPassword`.
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "bindPassword"}))]
    pub service_account_password: Option<SecretText>,
    /// Search base.
    #[serde(rename = "baseDN")]
    pub base_dn: String,
    /// Attribute of the user search; exactly one entry must match. `uid`, or `sAMAccountName` for `activedirectory`,
    /// by default.
    pub username_search_key: Option<String>,
    /// Attribute of the user's RDN: his entry is `userRDNKey=name,baseDN`, which the service account reads before the
    /// bind. Beside `usernameSearchKey` it has no effect.
    #[serde(rename = "userRDNKey")]
    pub user_rdn_key: Option<String>,
    /// How deep the user search goes; `wholeSubtree` by default.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub authentication_search_scope: Option<Scope>,
    /// Between the values of a list when one text is needed.
    pub attribute_delimiter: Option<String>,
    /// Name under which it is seen to attribute in the directory.
    #[serde(default)]
    pub attribute_mapping: BTreeMap<String, String>,
    /// Groups of groups.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub nested_groups: NestedGroups,
    /// Where the sign-in form posts: a path on every host, or a full address. `/.ldap-login` by default.
    #[serde(rename = "loginURL")]
    #[schemars(regex(pattern = r"^(/[^?#\s]*|https?://[^\s?#]+)$"))]
    pub login_url: Option<String>,
}

/// Groups a person is in by way of other groups.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NestedGroups {
    /// Whether `memberOf` also has the groups that contain the person's groups, up to ten levels and 1,000 groups.
    /// Off, `memberOf` is what the entry has, which costs nothing; on, each level costs a search for every 32 groups
    /// (`member` and `uniqueMember`, below `baseDN`). Active Directory's primary group is in neither. Where a directory
    /// points at another one that may have more groups, such as Active Directory at a child domain, `memberOf` is not
    /// known: name a `baseDN` without one below it.
    #[serde(default)]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub enabled: bool,
    /// Where groups are searched; `baseDN` of the connector by default.
    #[serde(rename = "baseDN")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub base_dn: Option<String>,
}

/// How deep a search goes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of RFC 4511 §4.5.1.2")]
pub enum Scope {
    BaseObject,
    SingleLevel,
    WholeSubtree,
}

/// How a person is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// The one entry whose attribute has the name.
    Search(&'a str),
    /// The entry right below the base whose RDN this attribute and the name make.
    Rdn(&'a str),
}

impl Config {
    /// Reports what the schema cannot say.
    pub(super) fn check(&self, section: &mut Section<'_>) {
        let mut report = |key: &str, code, words: String, help: Option<&str>| {
            let place = section.document.value(&format!("{}/{key}", section.pointer));
            let mut finding = Diagnostic::new(code, words).at(place);
            finding.help = help.map(str::to_owned);
            section.findings.push(finding);
        };
        let mut readable = None;
        for address in self.addresses() {
            match address {
                Err(words) => report("url", &codes::BAD_VALUE, words, None),
                Ok(address) if !address.tls && self.common.tls.is_none() && !address.is_loopback() => {
                    readable.get_or_insert(address);
                }
                Ok(_) => {}
            }
        }
        if self.url.0.is_empty() {
            report("url", &codes::BAD_VALUE, "there is no server".into(), None);
        }
        if let Some(address) = readable {
            let words = format!("passwords travel readable to `{address}`");
            report("url", &codes::PLAIN_LDAP, words, Some("Use ldaps://, or name a TLS profile with `tls` for StartTLS."));
        }
        let groups = self.nested_groups.base_dn.as_deref().map(|base| ("nestedGroups/baseDN", base));
        for (key, base) in [("baseDN", self.base_dn.as_str())].into_iter().chain(groups) {
            if Dn::parse(base).is_err() {
                report(key, &codes::BAD_VALUE, format!("`{base}` is not a distinguished name"), None);
            }
        }
        let keys = [("usernameSearchKey", &self.username_search_key), ("userRDNKey", &self.user_rdn_key)];
        let keys = keys.into_iter().filter_map(|(key, name)| name.as_ref().map(|name| (key.to_owned(), name)));
        let mapped = self.attribute_mapping.iter().map(|(seen, name)| {
            (crate::config::yaml::child("attributeMapping", seen), name)
        });
        for (key, name) in keys.chain(mapped) {
            if !is_attribute_name(name.split(';').next().unwrap_or_default()) {
                report(&key, &codes::BAD_VALUE, format!("`{name}` is not the name of an attribute"), None);
            }
        }
    }

    /// The servers, each read.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Result<Address, String>> {
        self.url.0.iter().map(|text| Address::parse(text))
    }

    /// Name of the service account.
    pub(super) fn service_account(&self) -> &str {
        self.bind_dn.as_deref().or(self.service_account_username.as_deref()).unwrap_or_default()
    }

    /// Password of the service account.
    pub(super) fn service_password(&self) -> Option<&SecretText> {
        self.bind_password.as_ref().or(self.service_account_password.as_ref())
    }

    /// How a person is found.
    pub(super) fn by(&self) -> By<'_> {
        match (&self.username_search_key, &self.user_rdn_key) {
            (Some(key), _) => By::Search(key),
            (None, Some(key)) => By::Rdn(key),
            (None, None) if self.common.kind == "activedirectory" => By::Search(USERNAME_KEY_ACTIVE_DIRECTORY),
            (None, None) => By::Search(USERNAME_KEY),
        }
    }

    /// Where the sign-in form posts.
    pub(super) fn login_url(&self) -> &str {
        self.login_url.as_deref().unwrap_or(LOGIN_PATH)
    }
}

impl IdpConfig for Config {
    fn common(&self) -> &Common {
        &self.common
    }

    fn facts(&self) -> Facts {
        let custom = self.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref());
        let address = self.url.0.first().cloned();
        Facts {
            protocol: Protocol::Ldap,
            hosts: self.addresses().filter_map(|address| Some(address.ok()?.host)).collect(),
            issuer: None,
            client_id: Some(self.service_account().to_owned()).filter(|name| !name.is_empty()),
            health_address: custom.map(|c| c.endpoint.as_str().to_owned()).or_else(|| address.clone()),
            address,
            address_key: "url",
        }
    }

    /// The search base, and the first server by its name: further servers, or another way to the same one, do not make
    /// other people of those who are signed in. Another first server does, whatever domain it is in: a directory for tests
    /// has the same base, and may be the neighbour of the one that counts.
    fn realm(&self) -> Option<String> {
        let base = Dn::parse(&self.base_dn).map_or_else(|_| self.base_dn.clone(), |base| base.to_string());
        let first = self.addresses().next().and_then(Result::ok).map(|address| address.host);
        Some(format!("{base}\0{}", first.unwrap_or_default()))
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretText)> {
        let passwords = [
            ("bindPassword", &self.bind_password),
            ("serviceAccountPassword", &self.service_account_password),
        ];
        let mut secrets: Vec<_> =
            passwords.into_iter().filter_map(|(key, text)| text.as_ref().map(|text| (key, text))).collect();
        secrets.extend(self.common.custom_headers());
        secrets
    }

    fn callbacks(&self) -> Vec<CallbackAddress> {
        vec![match WebUrl::parse(self.login_url()) {
            Ok(url) => CallbackAddress::Url(url),
            Err(_) => CallbackAddress::Path(self.login_url().to_owned()),
        }]
    }

    fn list_delimiter(&self) -> &str {
        self.attribute_delimiter.as_deref().unwrap_or(crate::value::LIST_DELIMITER)
    }

    fn shape(&self, attribute: &str) -> Shape {
        // Under the name it has there, or under the one it was given, it is a set.
        let renamed = self.attribute_mapping.iter().find(|(seen, _)| seen.eq_ignore_ascii_case(attribute));
        let is_set = sets::in_directory(attribute) || renamed.is_some_and(|(_, name)| sets::in_directory(name));
        let is_name = renamed.is_none() && attribute.eq_ignore_ascii_case("dn");
        match (is_set, is_name) {
            (true, _) => Shape::List,
            (false, true) => Shape::Text,
            (false, false) => Shape::Counted,
        }
    }

    fn can_sign_in(&self) -> Result<(), &'static str> {
        Ok(())
    }

    fn open(self: Arc<Self>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        super::LdapConnector::open(self, opening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Config {
        let text = format!(r#"{{"name": "d", "type": "ldap", "url": "ldaps://dc1.corp.example.com", "baseDN": "dc=Example, dc=com", {more} "bindDN": "cn=s", "bindPassword": "x"}}"#);
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        serde_json::from_value(value.into()).unwrap()
    }

    #[test]
    fn a_second_server_is_the_same_directory() {
        let realm = |more: &str| config(more).realm();
        let before = config("").realm();
        for same in [
            r#""url": ["ldaps://dc1.corp.example.com", "ldaps://dc9.elsewhere.net"],"#,
            r#""url": ["ldap://DC1.corp.example.com:3268"],"#,
            r#""baseDN": "DC=example,DC=COM","#,
            r#""usernameSearchKey": "mail","#,
        ] {
            assert_eq!(realm(same), before, "{same}");
        }
        for other in [
            r#""url": "ldaps://dc1.example.net","#,
            r#""url": "ldaps://dc2.corp.example.com","#,
            r#""url": "ldaps://dc1-test.corp.example.com","#,
            r#""url": ["ldaps://dc9.elsewhere.net", "ldaps://dc1.corp.example.com"],"#,
            r#""baseDN": "dc=example,dc=org","#,
        ] {
            assert_ne!(realm(other), before, "{other}");
        }
    }

    #[test]
    fn how_people_are_found() {
        assert_eq!(config("").by(), By::Search("uid"));
        assert_eq!(config(r#""type": "activedirectory","#).by(), By::Search("sAMAccountName"));
        assert_eq!(config(r#""userRDNKey": "cn","#).by(), By::Rdn("cn"));
        assert_eq!(config(r#""userRDNKey": "cn", "usernameSearchKey": "mail","#).by(), By::Search("mail"));
    }
}
