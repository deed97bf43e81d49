//! Who takes part in a demo: the providers of each tier, in the orchestrator's order.

/// What a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A maverics that is an OpenID provider.
    Maverics,
    /// A SAML identity provider of the demo's own.
    Saml,
    /// A directory of the demo's own.
    Directory,
}

/// A provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// Its connector's name, and the first part of its host.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

const fn role(name: &'static str, kind: Kind) -> Role {
    Role { name, kind }
}

/// Tier 1: two providers of one kind.
const BASIC: &[Role] = &[role("north", Kind::Maverics), role("south", Kind::Maverics)];
/// Tier 2: three providers, three protocols.
const DIVERSIFIED: &[Role] =
    &[role("north", Kind::Maverics), role("west", Kind::Saml), role("directory", Kind::Directory)];

/// The providers of a tier, 1 or 2.
pub fn of_tier(tier: u8) -> &'static [Role] {
    if tier == 2 { DIVERSIFIED } else { BASIC }
}

/// Whether a connector is the orchestrator's: the providers' own have other names.
pub fn is_provider(name: &str) -> bool {
    [BASIC, DIVERSIFIED].concat().iter().any(|role| role.name == name)
}

impl Role {
    /// What it speaks.
    pub fn protocol(self) -> &'static str {
        match self.kind {
            Kind::Maverics => "OpenID Connect",
            Kind::Saml => "SAML",
            Kind::Directory => "LDAP",
        }
    }

    /// Where it is, at a port.
    pub fn url(self, port: u16) -> String {
        match self.kind {
            Kind::Directory => format!("ldap://{}.localhost:{port}", self.name),
            Kind::Maverics | Kind::Saml => format!("http://{}.localhost:{port}", self.name),
        }
    }
}
