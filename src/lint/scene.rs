//! What a check looks at: the fleet, what is known of each provider, and the few walks that most rules take
//! (every continuity connector, its members, who signs in where, what is read from whom).

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::{self, Known, Network, Root};
use crate::config::connectors::HealthCheck;
use crate::config::text::Template;
use crate::config::yaml::{Document, child};
use crate::connector::facts::is_local_host;
use crate::diag::source::Source;
use crate::diag::{Place, Sources};
use crate::model::app::{App, OidcApp, Policy, ProxyApp};
use crate::model::attributes::{AttributeRule, SourcePath};
use crate::model::manner::Manners;
use crate::model::rules::{AttributePath, Authorization};
use crate::model::{Continuity, ContinuityIndex, Deployment, Fleet, Idp, IdpIndex, ProviderRef, SignIn};

/// The fleet, and what is known of each provider.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The deployments.
    pub fleet: &'a Fleet,
    /// Their files.
    pub sources: &'a Sources,
    /// Per deployment, per provider.
    known: Vec<Vec<Known>>,
    /// Per deployment: whether another, or itself, signs in with it.
    is_root: Vec<bool>,
}

impl<'a> Scene<'a> {
    /// Gathers what is known.
    pub fn new(fleet: &'a Fleet, sources: &'a Sources) -> Self {
        let roots = fleet.roots();
        let known = fleet.deployments.iter().map(|deployment| {
            let source = sources.get(deployment.document.file);
            let of = |idp| facts::known(idp, &roots, &deployment.document, source);
            deployment.idps.iter().map(of).collect()
        });
        let known: Vec<Vec<Known>> = known.collect();
        let mut is_root = vec![false; fleet.deployments.len()];
        for place in known.iter().flatten().filter_map(|known| known.root.given()) {
            is_root[place] = true;
        }
        Scene { fleet, sources, known, is_root }
    }

    /// Deployments with what is known of their providers.
    pub fn sites(&self) -> impl Iterator<Item = Site<'_>> {
        (0..self.known.len()).map(|place| self.site(place))
    }

    /// The deployment at a place of the fleet.
    pub fn site(&self, place: usize) -> Site<'_> {
        let deployment = &self.fleet.deployments[place];
        let source = self.sources.get(deployment.document.file);
        Site { place, deployment, source, known: &self.known[place], is_root: self.is_root[place] }
    }

    /// Continuity connectors of all deployments.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.sites().flat_map(|site| site.groups())
    }
}

/// One deployment of the scene.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// Its place in the fleet.
    pub place: usize,
    /// The deployment.
    pub deployment: &'a Deployment,
    /// Its file.
    pub source: &'a Source,
    /// What is known of its providers, in their order.
    pub known: &'a [Known],
    /// Whether somebody in the fleet signs in with it.
    pub is_root: bool,
}

impl<'a> Site<'a> {
    /// Its tree.
    pub fn document(&self) -> &'a Document {
        &self.deployment.document
    }

    /// Its continuity connectors.
    pub fn groups(self) -> impl Iterator<Item = Group<'a>> {
        self.deployment.continuity.iter().map(move |continuity| Group { site: self, continuity })
    }

    /// One of them.
    pub fn group(self, index: ContinuityIndex) -> Group<'a> {
        Group { site: self, continuity: self.deployment.continuity(index) }
    }

    /// Its providers, members of a continuity connector or not.
    pub fn idps(self) -> impl Iterator<Item = Member<'a>> {
        (0..self.deployment.idps.len()).map(move |i| self.idp(IdpIndex(i)))
    }

    /// One of them.
    pub fn idp(self, index: IdpIndex) -> Member<'a> {
        Member { site: self, index, idp: self.deployment.idp(index), known: &self.known[index.0] }
    }

    /// Its relying parties.
    pub fn oidc_apps(&self) -> impl Iterator<Item = &'a OidcApp> {
        self.deployment.apps.iter().filter_map(|app| match app {
            App::Oidc(app) => Some(&**app),
            App::Proxy(_) => None,
        })
    }

    /// Its protected upstreams.
    pub fn proxy_apps(&self) -> impl Iterator<Item = &'a ProxyApp> {
        self.deployment.apps.iter().filter_map(|app| match app {
            App::Proxy(app) => Some(&**app),
            App::Oidc(_) => None,
        })
    }

    /// Policies of a proxied application with the pointers of their sections.
    pub fn policies(&self, app: &'a ProxyApp) -> Vec<(String, &'a Policy)> {
        let at = child(&app.pointer, "policies");
        let written = self.document().root.pointer(&at).and_then(Value::as_array);
        let places: BTreeMap<&str, usize> = written
            .into_iter()
            .flatten()
            .enumerate()
            .filter_map(|(i, policy)| Some((policy.get("location")?.as_str()?, i)))
            .collect();
        let pointer = |policy: &Policy| places.get(policy.location.as_str()).map(|i| format!("{at}/{i}"));
        app.policies.all().filter_map(|policy| Some((pointer(policy)?, policy))).collect()
    }

    /// Every sign-in that an app asks for, with the pointer of its list of providers.
    pub fn sign_ins(&self) -> Vec<(String, &'a SignIn)> {
        const IDPS: &str = "authentication/idps";
        let mut out = Vec::new();
        for app in &self.deployment.apps {
            match app {
                App::Oidc(app) => out.push((format!("{}/{IDPS}", app.pointer), &app.sign_in)),
                App::Proxy(app) => {
                    for (pointer, policy) in self.policies(app) {
                        out.extend(policy.sign_in.iter().map(|s| (format!("{pointer}/{IDPS}"), s)));
                    }
                }
            }
        }
        out
    }

    /// Everything that an app reads of people, with where it says so.
    pub fn reads(&self, app: &'a App) -> Vec<Read> {
        let mut out = Vec::new();
        match app {
            App::Oidc(app) => {
                let nested = format!("{}/accessToken/claimsMapping", app.pointer);
                let base = match self.document().root.pointer(&nested) {
                    Some(_) => nested,
                    None => child(&app.pointer, "claimsMapping"),
                };
                out.extend(app.claims.iter().map(|(claim, path)| Read {
                    pointer: child(&base, claim),
                    path: path.clone(),
                    kind: ReadKind::Claim,
                }));
                rules(&app.pointer, &app.authorization, &mut out);
            }
            App::Proxy(app) => {
                let at = child(&app.pointer, "headers");
                let manners = Manners::new(&self.deployment.idps, &self.deployment.continuity);
                let headers = self.document().root.pointer(&at).and_then(Value::as_array);
                for (i, header) in headers.into_iter().flatten().enumerate() {
                    let text = header.get("value").and_then(Value::as_str).unwrap_or_default();
                    let Ok(template) = Template::parse(text) else { continue };
                    out.extend(template.paths().map(|path| Read {
                        pointer: format!("{at}/{i}/value"),
                        path: AttributePath::of(path, &manners),
                        kind: ReadKind::Header,
                    }));
                }
                for (pointer, policy) in self.policies(app) {
                    rules(&pointer, &policy.authorization, &mut out);
                }
            }
        }
        out
    }

    /// Host names at which people reach this orchestrator: callbacks, issuer, and the routes of its apps.
    pub fn public_hosts(&self) -> Vec<String> {
        let urls = self.deployment.public_urls();
        let mut hosts: Vec<String> = urls.iter().map(|url| url.host().to_owned()).collect();
        let routes = self.proxy_apps().flat_map(|app| app.routes.iter());
        let host = |host: &String| host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned();
        hosts.extend(routes.filter_map(|route| route.host.as_ref().map(host)));
        hosts
    }
}

fn rules(section: &str, authorization: &Authorization, out: &mut Vec<Read>) {
    let Authorization::Rules(rule) = authorization else { return };
    let mut paths = Vec::new();
    rule.paths(&mut paths);
    let pointer = format!("{section}/authorization/rules");
    out.extend(paths.into_iter().map(|path| Read {
        pointer: pointer.clone(),
        path: path.clone(),
        kind: ReadKind::Rule,
    }));
}

/// An attribute that an app reads.
#[derive(Debug, Clone)]
pub struct Read {
    /// Where it says so; for a rule, the list of rules it is in.
    pub pointer: String,
    /// What it reads.
    pub path: AttributePath,
    /// What for.
    pub kind: ReadKind,
}

/// What an attribute is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadKind {
    /// A claim of a token.
    Claim,
    /// A header for the upstream.
    Header,
    /// A decision.
    Rule,
}

/// One continuity connector of the scene.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// Where it stands.
    pub site: Site<'a>,
    /// The connector.
    pub continuity: &'a Continuity,
}

impl<'a> Group<'a> {
    /// Members in order; the first is the primary.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> + Clone {
        let site = self.site;
        self.continuity.members.iter().map(move |index| site.idp(*index))
    }

    /// How many.
    pub fn size(&self) -> usize {
        self.continuity.members.as_slice().len()
    }

    /// Members that somebody watches, with how.
    pub fn watched(&self) -> impl Iterator<Item = (Member<'a>, &'a HealthCheck)> {
        self.members().filter_map(|member| Some((member, member.idp.check.as_ref()?)))
    }

    /// Where a member is listed.
    pub fn listed(&self, member: IdpIndex) -> Place {
        let place = self.continuity.members.iter().position(|index| *index == member).unwrap_or_default();
        self.site.document().value(&format!("{}/failover/idps/{place}", self.continuity.pointer))
    }

    /// Whether a member stands on the local network: the group of a site that expects to lose the line.
    pub fn is_tactical(&self) -> bool {
        self.members().any(|member| member.known.network == Network::Local)
    }

    /// Whether all members are orchestrators: the group of an edge.
    pub fn is_over_roots(&self) -> bool {
        self.members().all(|member| member.known.root != Root::No)
    }

    /// What all members have in common, when it is known of each and there are two or more.
    pub fn shared<T: PartialEq>(&self, of: impl Fn(Member<'a>) -> Option<T>) -> Option<T> {
        let mut values = self.members().map(of);
        let first = values.next()??;
        (self.size() > 1 && values.all(|value| value.as_ref() == Some(&first))).then_some(first)
    }

    /// Attributes without default that some members are not mapped for: place in the list, attribute, members.
    pub fn unmapped(&self) -> impl Iterator<Item = (usize, &'a AttributeRule, Vec<&'a str>)> {
        let Group { site, continuity } = *self;
        let rules = self.attributes().filter(|(_, rule)| rule.default.is_none());
        let without = move |rule: &AttributeRule| -> Vec<&'a str> {
            let mapped = |index| rule.mapping.iter().any(|(have, _)| *have == index);
            let members = continuity.members.iter().filter(|index| !mapped(**index));
            members.map(|index| site.deployment.idp(*index).name.as_str()).collect()
        };
        rules.map(move |(i, rule)| (i, rule, without(rule))).filter(|(_, _, members)| !members.is_empty())
    }

    /// Attributes of the common set with their places in the list.
    pub fn attributes(&self) -> impl Iterator<Item = (usize, &'a AttributeRule)> {
        self.continuity.attributes.iter().flatten().enumerate()
    }

    /// Where an attribute is mapped for a member.
    pub fn mapping(&self, attribute: usize, member: Member<'_>) -> Place {
        let at = format!("{}/attributes/{attribute}/mapping", self.continuity.pointer);
        self.site.document().value(&child(&at, member.name()))
    }

    /// Whether an app signs people in with it.
    pub fn is_used_by(&self, sign_in: &SignIn) -> bool {
        sign_in.providers.iter().any(|provider| match provider {
            ProviderRef::Continuity(index) => {
                std::ptr::eq(self.site.deployment.continuity(*index), self.continuity)
            }
            ProviderRef::Idp(_) => false,
        })
    }

    /// The name of the connector.
    pub fn name(&self) -> &'a str {
        self.continuity.name.as_str()
    }

    /// Where a key of the connector stands.
    pub fn place(&self, key: &str) -> Place {
        self.site.document().key(&format!("{}/{key}", self.continuity.pointer))
    }
}

/// A provider: a member of a continuity connector, or one that stands alone.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Where it stands.
    pub site: Site<'a>,
    /// Its place there.
    pub index: IdpIndex,
    /// The provider.
    pub idp: &'a Idp,
    /// What is known of it.
    pub known: &'a Known,
}

impl<'a> Member<'a> {
    /// Its name, for messages.
    pub fn name(&self) -> &'a str {
        self.idp.name.as_str()
    }

    /// Pointer of a key of its section; slashes divide the steps.
    pub fn pointer(&self, key: &str) -> String {
        format!("{}/{key}", self.idp.pointer)
    }

    /// Where a key of its section stands, or where it would: the section's name.
    pub fn key(&self, key: &str) -> Place {
        let pointer = self.pointer(key);
        match self.site.document().root.pointer(&pointer) {
            Some(_) => self.site.document().key(&pointer),
            None => self.value("name"),
        }
    }

    /// The text of a key of its section, as written.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.site.document().root.pointer(&self.pointer(key)).and_then(Value::as_str)
    }

    /// Where the value of a key of its section stands.
    pub fn value(&self, key: &str) -> Place {
        self.site.document().value(&self.pointer(key))
    }

    /// Where its main address stands.
    pub fn address(&self) -> Place {
        self.value(self.idp.facts.address_key)
    }

    /// What names the provider behind the connector: its issuer, or its address. `None` while a variable
    /// stands there.
    pub fn provider(&self) -> Option<&'a str> {
        let facts = &self.idp.facts;
        let named = facts.issuer.as_deref().or(facts.address.as_deref());
        named.filter(|_| !self.known.later).map(|name| name.trim_end_matches('/'))
    }

    /// The host beyond the local network that decides whether this local provider is well, if one does: cut
    /// off from it, the provider counts as down.
    pub fn judged_afar(&self) -> Option<&'a str> {
        let custom = self.idp.check.as_ref()?.custom_endpoint.as_ref()?;
        let host = custom.endpoint.host();
        let written = self.site.source.text.get(self.value("healthCheck/customEndpoint/endpoint").span)?;
        let known = !is_local_host(host) && !written.contains(['{', '<']);
        (known && self.known.network == Network::Local).then_some(host)
    }

    /// The host it is reached at. `None` while a variable stands there, and for people in a file.
    pub fn host(&self) -> Option<&'a str> {
        self.idp.facts.hosts.first().map(String::as_str).filter(|_| !self.known.later)
    }
}

/// A path as the name of one attribute, for names with dots in them, such as URIs; escapes removed.
pub fn name_of(path: &SourcePath) -> String {
    path.segments.join(".")
}

/// The last word of a path, of a URI (`.../claims/groups`) or of a prefixed name (`cognito:groups`), lower case.
pub fn last_word(path: &SourcePath) -> String {
    let last = path.segments.last().map(String::as_str).unwrap_or_default();
    last.rsplit(['/', ':']).next().unwrap_or_default().to_ascii_lowercase()
}

/// Names in code marks, joined for a sentence: `` `a` and `b` ``.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
