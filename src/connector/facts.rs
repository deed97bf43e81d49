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
    /// Key of the configuration that holds the main address, for labels.
    pub address_key: &'static str,
}

impl Facts {
    /// The vendor, by host name; `None` when the name does not say.
    pub fn vendor(&self) -> Option<&'static str> {
        self.hosts.iter().find_map(|host| vendor_of_host(host))
    }

    /// Whether it is on the local network: no host name at all, or names and addresses that do not leave it.
    pub fn is_local(&self) -> bool {
        self.protocol == Protocol::Local || self.hosts.iter().all(|host| is_local_host(host))
    }

    /// The registrable part of the first host, roughly: its last two labels.
    pub fn domain(&self) -> Option<String> {
        let host = self.hosts.first()?;
        if host.parse::<IpAddr>().is_ok() {
            return Some(host.clone());
        }
        let labels: Vec<&str> = host.split('.').collect();
        Some(labels[labels.len().saturating_sub(2)..].join("."))
    }
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
        .find(|(domain, _)| host == *domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
        .map(|(_, vendor)| *vendor)
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
