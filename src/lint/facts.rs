//! What is known of a member beyond its own keys: vendor, region and network, by host name, or by a comment
//! on its connector, which wins:
//!
//! ```yaml
//! connectors:
//!   # maverics: vendor=okta region=us-east network=cloud
//!   - name: primary
//! ```

use std::collections::BTreeMap;

use crate::config::yaml::{Document, child};
use crate::connector::facts::Protocol;
use crate::diag::source::Source;
use crate::model::Idp;
use crate::model::fleet::Roots;

/// The vendor of an orchestrator that serves as a provider.
pub const OURSELVES: &str = "maverics";

/// Facts of one member, with what nobody said left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whose product it is.
    pub vendor: Option<String>,
    /// Where it stands.
    pub region: Option<String>,
    /// Whether the path to it leaves the local network.
    pub network: Network,
    /// What the comment calls the path, where it says more than near or far: the name of a link.
    pub link: Option<String>,
    /// Whether it is an orchestrator of the fleet, or said to be one.
    pub root: Root,
    /// A variable or a reference stands for the address: what fills it in meanwhile is no host to judge.
    pub later: bool,
}

/// Path to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// On this network.
    Local,
    /// Across a network that can be cut.
    Wide,
    /// The name does not say.
    Unknown,
}

/// Whether a member is an orchestrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Its file is part of the fleet: the deployment at this place.
    Given(usize),
    /// A comment says so (`vendor=maverics`), or its name does; its file is not given.
    Presumed,
    /// Nothing says so.
    No,
}

impl Root {
    /// Its place in the fleet, when its file is given.
    pub fn given(self) -> Option<usize> {
        match self {
            Root::Given(place) => Some(place),
            Root::Presumed | Root::No => None,
        }
    }
}

/// Values of `network=` that only say near or far.
const NEAR_OR_FAR: &[&str] = &["local", "cloud", "wide", "wan", "remote", "internet", "public"];

/// What is known of a provider.
pub fn known(idp: &Idp, roots: &Roots, document: &Document, source: &Source) -> Known {
    let said = said(idp, document, source);
    let facts = &idp.facts;
    // A directory at an address of no vendor we know is somebody's own, and so independent of the vendors.
    let own_directory = || (facts.protocol == Protocol::Ldap).then(|| "own directory".to_owned());
    let own_file = || (facts.protocol == Protocol::Local).then(|| "local file".to_owned());
    let later = is_filled_in_later(idp, document, source);
    let given = roots.of(idp).filter(|_| !later);
    let mut vendor = said.get("vendor").cloned().or_else(|| facts.vendor().map(str::to_owned));
    let root = match given {
        Some(place) => Root::Given(place),
        None if vendor.as_deref() == Some(OURSELVES) => Root::Presumed,
        None if vendor.is_none() && facts.protocol == Protocol::Oidc && is_named_root(idp) => Root::Presumed,
        None => Root::No,
    };
    if matches!(root, Root::Given(_)) {
        vendor.get_or_insert_with(|| OURSELVES.to_owned());
    }
    let vendor = vendor.or_else(own_directory).or_else(own_file);
    let network = match said.get("network").map(String::as_str) {
        Some("local") => Network::Local,
        Some(_) => Network::Wide,
        None if facts.is_local() && !later => Network::Local,
        None if facts.vendor().is_some() => Network::Wide,
        None => Network::Unknown,
    };
    let on_site = || (network == Network::Local).then(|| "local network".to_owned());
    let region = said.get("region").cloned().or_else(|| facts.region()).or_else(on_site);
    let link = said.get("network").filter(|name| !NEAR_OR_FAR.contains(&name.as_str())).cloned();
    Known { vendor, region, network, link, root, later }
}

/// Whether the address is a variable or a reference: what stands for it meanwhile is no host name to judge.
fn is_filled_in_later(idp: &Idp, document: &Document, source: &Source) -> bool {
    let span = document.value(&child(&idp.pointer, idp.facts.address_key)).span;
    source.text.get(span).is_some_and(|written| written.contains(['{', '<']))
}

/// A connector called `root-dc1`, or a host called `root-dc1.example.com`.
fn is_named_root(idp: &Idp) -> bool {
    let host = idp.facts.hosts.first().and_then(|host| host.split('.').next()).unwrap_or_default();
    [idp.name.as_str(), host]
        .iter()
        .any(|name| name.split(['-', '_']).any(|part| part.eq_ignore_ascii_case("root")))
}

/// The `key=value` pairs of comments in the section, on its last line, or directly above it.
fn said(idp: &Idp, document: &Document, source: &Source) -> BTreeMap<String, String> {
    let span = document.value(&idp.pointer).span;
    let begins = source.position(span.start);
    let (first, mut last) = (begins.line, source.position(span.end.max(1) - 1).line);
    // A block ends where the next one begins; the comment above that one, further out, is about that one.
    let is_beyond = |line: usize| {
        let (text, trimmed) = (source.line(line), source.line(line).trim_start());
        trimmed.is_empty() || (trimmed.starts_with('#') && text.len() - trimmed.len() + 1 < begins.column)
    };
    while last > first && is_beyond(last) {
        last -= 1;
    }
    let above = lines_of_comment_above(source, first);
    document
        .comments
        .iter()
        .filter(|comment| (above..=last).contains(&source.position(comment.span.start).line))
        .filter_map(|comment| comment.text.strip_prefix("maverics:"))
        .flat_map(str::split_whitespace)
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_ascii_lowercase()))
        .collect()
}

/// First line of the block of comment lines that ends just above `line`; `line` itself without one.
fn lines_of_comment_above(source: &Source, line: usize) -> usize {
    let mut first = line;
    while first > 1 && source.line(first - 1).trim_start().starts_with('#') {
        first -= 1;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::model::Fleet;
    use crate::model::read::{ReadOptions, read};

    const TEXT: &str = "
version: '1'
connectors:
  # The old one.
  # maverics: vendor=Acme region=us-east
  - name: a
    type: oidc
    oidcWellKnownURL: https://a.okta.com/.well-known/openid-configuration
    oauthClientID: x
    # maverics: network=wan
  # maverics: region=eu-west
  - name: b # maverics: network=local
    type: oidc
    oidcWellKnownURL: https://b.okta.com/.well-known/openid-configuration
    oauthClientID: x
  - {name: later, type: oidc, oauthClientID: x, oidcWellKnownURL: 'https://{{ env.HOST }}/.well-known/openid-configuration'}
  - {name: root-dc1, type: oidc, oauthClientID: x, oidcWellKnownURL: 'https://r.example.com/.well-known/openid-configuration'}
";

    #[test]
    fn comments_win_over_host_names() {
        let mut sources = Sources::default();
        let deployment = read("t.yaml", TEXT, &mut sources, &ReadOptions::default()).deployment.unwrap();
        let fleet = Fleet { deployments: vec![deployment] };
        let deployment = &fleet.deployments[0];
        let source = sources.get(deployment.document.file);
        let roots = fleet.roots();
        let known: Vec<Known> =
            deployment.idps.iter().map(|idp| known(idp, &roots, &deployment.document, source)).collect();
        assert_eq!((known[0].vendor.as_deref(), known[0].region.as_deref()), (Some("acme"), Some("us-east")));
        assert_eq!(known[0].network, Network::Wide, "what the comment leaves open, the host name says");
        assert_eq!((known[1].vendor.as_deref(), known[1].network), (Some("okta"), Network::Local));
        assert_eq!(known[1].region.as_deref(), Some("eu-west"), "the comment above it is its own");
        assert_eq!(known[2].network, Network::Unknown, "a variable is no local host");
        assert_eq!((known[3].vendor.as_deref(), known[3].root), (None, Root::Presumed));
    }
}
