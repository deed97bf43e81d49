//! Which continuity tier a fleet meets, and what would break it. Pure: linked deployments in, findings and
//! verdicts out; it opens nothing and asks nobody.
//!
//! A rule is one file in `rules/` and one line in its table. Rules report at their own level; what the user
//! selected and what comments in the files allow is applied afterwards ([`select`]).

pub mod detection;
pub mod explain;
pub mod facts;
pub mod report;
pub mod rule;
pub mod rules;
pub mod select;
pub mod tiers;

pub use rule::Rule;
pub use rules::RULES;
pub use select::Selection;

use facts::Known;

use crate::diag::{Diagnostic, Place, Sources, sort};
use crate::model::attributes::AttributeRule;
use crate::model::{Continuity, Deployment, Fleet, Idp};

/// Everything that linting brought.
#[derive(Debug)]
pub struct Outcome {
    /// In the order of the files.
    pub findings: Vec<Diagnostic>,
    /// One verdict for each tier.
    pub tiers: Vec<tiers::Verdict>,
    /// How long outages go unnoticed, for each continuity connector.
    pub detection: Vec<detection::Line>,
}

/// Runs every rule over the fleet.
pub fn run(fleet: &Fleet, sources: &Sources, selection: &Selection) -> Outcome {
    let scene = Scene::new(fleet, sources);
    let mut report = rule::Report::default();
    for rule in RULES {
        (rule.check)(&scene, &mut report);
    }
    let findings = select::heed_comments(report.findings, fleet, sources);
    let mut findings = selection.apply(findings);
    sort(&mut findings);
    Outcome { findings, tiers: tiers::judge(&scene), detection: detection::lines(&scene) }
}

/// What a check looks at: the fleet, and what is known of each member.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The deployments.
    pub fleet: &'a Fleet,
    /// Their files.
    pub sources: &'a Sources,
    /// Per deployment, per provider.
    known: Vec<Vec<Known>>,
}

impl<'a> Scene<'a> {
    /// Gathers what is known.
    pub fn new(fleet: &'a Fleet, sources: &'a Sources) -> Self {
        let known = fleet.deployments.iter().map(|deployment| {
            let source = sources.get(deployment.document.file);
            let of = |idp| facts::known(idp, fleet, &deployment.document, source);
            deployment.idps.iter().map(of).collect()
        });
        Scene { fleet, sources, known: known.collect() }
    }

    /// Deployments with what is known of their providers.
    pub fn sites(&self) -> impl Iterator<Item = Site<'_>> {
        self.fleet.deployments.iter().zip(&self.known).map(|(deployment, known)| Site { deployment, known })
    }

    /// Continuity connectors of all deployments.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.sites().flat_map(|site| {
            site.deployment.continuity.iter().map(move |continuity| Group { site, continuity })
        })
    }
}

/// One deployment of the scene.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// What is known of its providers, in their order.
    pub known: &'a [Known],
}

/// One continuity connector of the scene.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// Where it stands.
    pub site: Site<'a>,
    /// The connector.
    pub continuity: &'a Continuity,
}

/// A member of a continuity connector.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The provider.
    pub idp: &'a Idp,
    /// What is known of it.
    pub known: &'a Known,
}

impl<'a> Group<'a> {
    /// Members in order; the first is the primary.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> + Clone {
        let site = self.site;
        self.continuity
            .members
            .iter()
            .map(move |index| Member { idp: site.deployment.idp(*index), known: &site.known[index.0] })
    }

    /// Attributes without default that some members are not mapped for: place in the list, attribute, members.
    pub fn unmapped(&self) -> impl Iterator<Item = (usize, &'a AttributeRule, Vec<&'a str>)> {
        let Group { site, continuity } = *self;
        let rules =
            continuity.attributes.iter().flatten().enumerate().filter(|(_, rule)| rule.default.is_none());
        let without = move |rule: &AttributeRule| -> Vec<&'a str> {
            let mapped = |index| rule.mapping.iter().any(|(have, _)| *have == index);
            let members = continuity.members.iter().filter(|index| !mapped(**index));
            members.map(|index| site.deployment.idp(*index).name.as_str()).collect()
        };
        rules.map(move |(i, rule)| (i, rule, without(rule))).filter(|(_, _, members)| !members.is_empty())
    }

    /// The name of the connector.
    pub fn name(&self) -> &'a str {
        self.continuity.name.as_str()
    }

    /// Where a key of the connector stands.
    pub fn place(&self, key: &str) -> Place {
        self.site.deployment.document.key(&format!("{}/{key}", self.continuity.pointer))
    }
}

impl Member<'_> {
    /// Its name, for messages.
    pub fn name(&self) -> &str {
        self.idp.name.as_str()
    }
}

#[cfg(test)]
mod tests;
