//! The search operation (RFC 4511 §4.5) with paged results (RFC 2696).

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapDerefAliases, LdapMsg, LdapOp, LdapSearchRequest, LdapSearchScope};

use super::{Dn, Entry, Filter};

/// How deep a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The base alone.
    Base,
    /// What is right below it.
    One,
    /// The base and everything below it.
    Whole,
}

/// A search to be made. Aliases are not followed, and neither are referrals.
#[derive(Debug, Clone)]
pub struct Search {
    /// Where it begins.
    pub base: String,
    /// How deep it goes.
    pub depth: Depth,
    /// What is wanted.
    pub filter: Filter,
    /// Which attributes; `1.1` for none.
    pub attributes: Vec<String>,
    /// Most entries that are taken; the directory is told, and not believed.
    pub entries_max: usize,
    /// Most entries of one page, and where the last page ended.
    pub page: Option<(u16, Vec<u8>)>,
}

/// What a search brought.
#[derive(Debug, Default)]
pub struct Found {
    /// Entries, at most as many as were wanted.
    pub entries: Vec<Entry>,
    /// There were more entries than wanted.
    pub more: bool,
    /// Other directories the answer points at, where people or groups may be; nobody asks them.
    pub references: usize,
    /// Where the next page begins; `None` at the end.
    pub cookie: Option<Vec<u8>>,
}

impl Search {
    /// The entry of a name alone.
    pub fn entry(name: &str, attributes: Vec<String>) -> Self {
        Search {
            base: name.to_owned(),
            depth: Depth::Base,
            filter: Filter::any(),
            attributes,
            entries_max: 1,
            page: None,
        }
    }

    /// As it goes over the wire; the directory may take `time_limit_secs` (zero: as long as it likes).
    pub fn to_wire(&self, id: i32, time_limit_secs: i32) -> LdapMsg {
        let request = LdapSearchRequest {
            base: self.base.clone(),
            scope: match self.depth {
                Depth::Base => LdapSearchScope::Base,
                Depth::One => LdapSearchScope::OneLevel,
                Depth::Whole => LdapSearchScope::Subtree,
            },
            aliases: LdapDerefAliases::Never,
            // A limit for a page is in its control.
            sizelimit: if self.page.is_some() {
                0
            } else {
                i32::try_from(self.entries_max).unwrap_or(i32::MAX)
            },
            timelimit: time_limit_secs,
            typesonly: false,
            filter: self.filter.to_wire(),
            attrs: self.attributes.clone(),
        };
        let page = self
            .page
            .clone()
            .map(|(size, cookie)| LdapControl::SimplePagedResults { size: size.into(), cookie });
        LdapMsg { msgid: id, op: LdapOp::SearchRequest(request), ctrl: page.into_iter().collect() }
    }
}

/// Where the next page begins, by the controls of a finished search. An empty cookie is the end.
pub fn next_page(controls: &[LdapControl]) -> Option<Vec<u8>> {
    controls.iter().find_map(|control| match control {
        LdapControl::SimplePagedResults { cookie, .. } if !cookie.is_empty() => Some(cookie.clone()),
        _ => None,
    })
}

/// Whether a reference points at nothing but a partition of Active Directory that has neither people nor groups: the
/// configuration of the forest, and what its name servers keep ([MS-ADTS] 3.1.1.1.5 and 3.1.1.4.3). A domain has such
/// partitions right below its root, and a search there always brings these references.
pub fn leads_to_nobody(urls: &[String]) -> bool {
    const PARTITIONS: [&str; 3] = ["cn=configuration,dc=", "dc=domaindnszones,dc=", "dc=forestdnszones,dc="];
    let is_one = |url: &String| {
        let name =
            url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, name)| name);
        let name = percent_encoding::percent_decode_str(name.split('?').next().unwrap_or_default());
        let name = name.decode_utf8().ok().and_then(|name| Dn::parse(&name).ok());
        name.is_some_and(|name| {
            let name = name.to_string();
            PARTITIONS.iter().any(|partition| name.starts_with(partition))
        })
    };
    !urls.is_empty() && urls.iter().all(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_partitions_without_people_lead_to_nobody() {
        for (urls, want) in [
            (&["ldap://ForestDnsZones.corp.example/DC=ForestDnsZones,DC=corp,DC=example"][..], true),
            (&["ldaps://DomainDnsZones.corp.example/DC=DomainDnsZones,DC=corp,DC=example??sub"], true),
            (&["ldap://corp.example/CN=Configuration,DC=corp,DC=example"], true),
            (&["ldap://corp.example/CN%3DConfiguration%2CDC=corp,DC=example"], true),
            (&["ldap://child.corp.example/DC=child,DC=corp,DC=example"], false),
            (&["ldap://child.corp.example/CN=Configuration,OU=people,DC=corp"], false),
            (&["ldap://x/DC=DomainDnsZones"], false),
            (&["ldap://x/OU=x,DC=DomainDnsZones,DC=corp"], false),
            (&["ldap://x/DC=DomainDnsZones2,DC=corp"], false),
            (&["ldap://CN=Configuration,DC=corp"], false),
            (&["ldap://x/"], false),
            (&["?"], false),
            (&["ldap://x/CN=Configuration,DC=corp", "ldap://x/DC=child,DC=corp"], false),
            (&[], false),
        ] {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            assert_eq!(leads_to_nobody(&urls), want, "{urls:?}");
        }
    }
}
