//! What an offline tool may know of a provider: protocol, addresses, and what its host names give away.

use std::net::IpAddr;

/// The protocol a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// LDAP.
    Ldap,
    /// People in a file of ours.
    Local,
}

impl Protocol {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Oidc => "OIDC",
            Protocol::Saml => "SAML",
            Protocol::Ldap => "LDAP",
            Protocol::Local => "local",
        }
    }

    /// Whether it can be asked about a person by name, without a sign-in (`attrProviders`).
    pub fn answers_look_ups(self) -> bool {
        matches!(self, Protocol::Ldap | Protocol::Local)
    }

    /// Whether people type their password on a page of ours, not of the provider's.
    pub fn asks_for_password(self) -> bool {
        matches!(self, Protocol::Ldap | Protocol::Local)
    }

    /// Whether a browser that signed in there has a session there, which outlives ours.
    pub fn keeps_sessions(self) -> bool {
        matches!(self, Protocol::Oidc | Protocol::Saml)
    }
}

/// What a connector makes of the values of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// What the provider has: a list of one is a list there, too.
    Typed,
    /// A list, also of one value.
    List,
    /// One value is a text, several are a list.
    Counted,
    /// One text.
    Text,
}

/// Facts of one provider.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Protocol.
    pub protocol: Protocol,
    /// Hosts it is reached at, lower case.
    pub hosts: Vec<String>,
    /// Issuer it must announce, where the configuration says it.
    pub issuer: Option<String>,
    /// Client id at the provider.
    pub client_id: Option<String>,
    /// Address whose failure is the provider's failure.
    pub health_address: Option<String>,
    /// The main address as written.
    pub address: Option<String>,
    /// Key of the configuration that holds the main address, for labels.
    pub address_key: &'static str,
}

impl Facts {
    /// Whether what it publishes is a file of ours, which says nothing about how it is.
    pub fn is_by_file(&self) -> bool {
        self.protocol == Protocol::Saml && self.address.as_deref().is_some_and(|at| at.starts_with("file:"))
    }

    /// The vendor, by host name; `None` when the name does not say.
    pub fn vendor(&self) -> Option<&'static str> {
        self.hosts.iter().find_map(|host| vendor_of_host(host))
    }

    /// Whether it is on the local network: people in a file, or names and addresses that do not leave it.
    pub fn is_local(&self) -> bool {
        self.protocol == Protocol::Local
            || (!self.hosts.is_empty() && self.hosts.iter().all(|host| is_local_host(host)))
    }

    /// The region, where a host name spells it: `us-east-1`, `eu`. `None` when it does not say.
    pub fn region(&self) -> Option<String> {
        self.hosts.iter().find_map(|host| region_of_host(host))
    }
}

/// Second labels under which registries of countries sell names, as in `example.co.uk`.
const SECOND_LEVELS: &[&str] =
    &["co", "com", "org", "net", "gov", "gob", "gouv", "ac", "edu", "or", "ne", "go", "mil", "nhs"];

/// The part of a host name that somebody registered, roughly: its last two labels, or three where the registry
/// of a country sells below a second one. A literal address is itself.
pub fn registrable(host: &str) -> String {
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return host.to_owned();
    }
    let labels: Vec<&str> = host.split('.').collect();
    let wanted = 2 + usize::from(is_second_level(&labels));
    labels[labels.len().saturating_sub(wanted)..].join(".")
}

/// Whether nobody can register the name itself: a top-level domain, or one below which a registry sells.
pub fn is_public_suffix(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    labels.len() == 1 || (labels.len() == 2 && is_second_level(&labels))
}

/// Whether the last two labels are a country's and one of its registry's.
fn is_second_level(labels: &[&str]) -> bool {
    matches!(labels, [.., second, top] if top.len() == 2 && SECOND_LEVELS.contains(second))
}

/// Vendors by the domain they serve tenants under.
const VENDORS: &[(&str, &str)] = &[
    ("okta.com", "okta"),
    ("oktapreview.com", "okta"),
    ("okta-emea.com", "okta"),
    ("auth0.com", "auth0"),
    ("microsoftonline.com", "microsoft"),
    ("microsoftonline.us", "microsoft"),
    ("windows.net", "microsoft"),
    ("b2clogin.com", "microsoft"),
    ("ciamlogin.com", "microsoft"),
    ("google.com", "google"),
    ("googleapis.com", "google"),
    ("amazoncognito.com", "amazon"),
    ("amazonaws.com", "amazon"),
    ("pingone.com", "ping"),
    ("pingone.eu", "ping"),
    ("pingidentity.com", "ping"),
    ("onelogin.com", "onelogin"),
    ("duosecurity.com", "cisco"),
    ("jumpcloud.com", "jumpcloud"),
    ("oraclecloud.com", "oracle"),
    ("ibm.com", "ibm"),
    ("salesforce.com", "salesforce"),
];

/// The vendor a host name belongs to.
pub fn vendor_of_host(host: &str) -> Option<&'static str> {
    VENDORS
        .iter()
        .find(|(domain, _)| {
            host == *domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        })
        .map(|(_, vendor)| *vendor)
}

/// Continents as vendors abbreviate them in the names of their regions.
const CONTINENTS: &[&str] = &["us", "eu", "ap", "ca", "sa", "me", "af", "uk", "au", "jp"];

/// The region a host name spells: a label such as `eu-west-1`, or `eu` below a vendor's domain. The first
/// label is the tenant's own name, and the last is the top-level domain.
fn region_of_host(host: &str) -> Option<String> {
    if host.ends_with("okta-emea.com") || host.ends_with("pingone.eu") {
        return Some("eu".into());
    }
    vendor_of_host(host)?;
    let labels: Vec<&str> = host.split('.').collect();
    let inner = labels.get(1..labels.len().saturating_sub(1))?;
    inner
        .iter()
        .find(|label| CONTINENTS.contains(&label.split('-').next().unwrap_or_default()))
        .map(|l| (*l).to_owned())
}

/// Whether a host name or address stays on the local network.
pub fn is_local_host(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => {
            !host.contains('.')
                || [".local", ".lan", ".internal", ".intranet", ".home.arpa", ".corp", ".localhost", ".test"]
                    .iter()
                    .any(|suffix| host.ends_with(suffix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_tell() {
        assert_eq!(vendor_of_host("corp.okta.com"), Some("okta"));
        assert_eq!(vendor_of_host("notokta.com"), None);
        assert_eq!(vendor_of_host("login.microsoftonline.com"), Some("microsoft"));
        for (host, region) in [
            ("cognito-idp.us-east-1.amazonaws.com", Some("us-east-1")),
            ("corp.eu.auth0.com", Some("eu")),
            ("eu.example.com", None),
            ("us.okta.com", None),
        ] {
            assert_eq!(region_of_host(host).as_deref(), region, "{host}");
        }
        for (host, domain) in [
            ("login.corp.example.com", "example.com"),
            ("login.example.co.uk", "example.co.uk"),
            ("login.example.de", "example.de"),
            ("10.1.2.3", "10.1.2.3"),
            ("dc1", "dc1"),
        ] {
            assert_eq!(registrable(host), domain, "{host}");
        }
        assert!(is_public_suffix("com") && is_public_suffix("co.uk") && !is_public_suffix("example.com"));
        for (host, local) in [
            ("keycloak.local", true),
            ("10.1.2.3", true),
            ("dc1", true),
            ("[::1]", true),
            ("idp.example.com", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(is_local_host(host), local, "{host}");
        }
    }
}
