//! Where logins would go now, and why, by continuity connector and by app: one answer for `probe`, the admin
//! listener and the operator page.

use std::collections::BTreeMap;

use super::choose::{Candidate, Plan, Why, choose};
use super::state::Member;
use crate::connector::continuity::config::LastResort;
use crate::model::{Candidate as Linked, Continuity, Deployment, IdpIndex, SignIn};

/// Who would serve a login now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Name of the continuity connector, or of the app.
    pub name: String,
    /// The provider; `None` when nobody is left.
    pub would_serve: Option<String>,
    /// Why that one, or why nobody.
    pub why: Why,
    /// Everybody else, with the reason for its place.
    pub others: Vec<(String, Why)>,
}

impl Choice {
    /// Whether somebody who is thought to be well serves; a last resort is not.
    pub fn is_served(&self) -> bool {
        self.would_serve.is_some() && self.why != Why::LastResort
    }
}

/// How things stand altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overall {
    /// All providers are well.
    Healthy,
    /// Some are not; everybody can sign in.
    Degraded,
    /// Some app has no healthy provider left.
    Outage,
}

impl Overall {
    /// As every format says it.
    pub fn word(self) -> &'static str {
        match self {
            Overall::Healthy => "healthy",
            Overall::Degraded => "degraded",
            Overall::Outage => "outage",
        }
    }
}

/// What would happen to logins made now.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// Per continuity connector.
    pub continuity: Vec<Choice>,
    /// Per app, by the first of its sign-ins for which nobody is left, else by its first.
    pub apps: Vec<Choice>,
    /// Altogether.
    pub overall: Overall,
}

/// Looks at every continuity connector and every app. Providers without a member count as available.
/// `all_well` says whether every provider that was asked is.
pub fn outlook(deployment: &Deployment, members: &BTreeMap<IdpIndex, Member>, all_well: bool) -> Outlook {
    let scene = Scene { deployment, members };
    let continuity: Vec<Choice> =
        deployment.continuity.iter().map(|group| scene.of_continuity(group)).collect();
    let apps: Vec<Choice> = deployment
        .apps
        .iter()
        .filter_map(|app| {
            let choices: Vec<Choice> = app
                .sign_ins()
                .into_iter()
                .map(|sign_in| scene.of_sign_in(app.name().as_str(), sign_in))
                .collect();
            choices.iter().find(|choice| !choice.is_served()).or(choices.first()).cloned()
        })
        .collect();
    // Without apps, the continuity connectors stand for those to come; without either, the providers do.
    let stranded = match (apps.is_empty(), continuity.is_empty()) {
        (false, _) => apps.iter().any(|choice| !choice.is_served()),
        (true, false) => continuity.iter().any(|choice| !choice.is_served()),
        (true, true) => !members.is_empty() && members.values().all(|member| !member.is_available()),
    };
    let overall = match (stranded, all_well) {
        (true, _) => Overall::Outage,
        (false, true) => Overall::Healthy,
        (false, false) => Overall::Degraded,
    };
    Outlook { continuity, apps, overall }
}

struct Scene<'a> {
    deployment: &'a Deployment,
    members: &'a BTreeMap<IdpIndex, Member>,
}

impl Scene<'_> {
    fn of_continuity(&self, group: &Continuity) -> Choice {
        let linked: Vec<IdpIndex> = group.members.iter().copied().collect();
        self.choice(group.name.as_str(), &linked, None, |_| group.last_resort == LastResort::Primary)
    }

    fn of_sign_in(&self, name: &str, sign_in: &SignIn) -> Choice {
        let linked: Vec<Linked> = self.deployment.candidates(sign_in);
        let idps: Vec<IdpIndex> = linked.iter().map(|candidate| candidate.idp).collect();
        let last_resort = |place: usize| {
            let through = linked[place].through;
            through.is_some_and(|group| self.deployment.continuity(group).last_resort == LastResort::Primary)
        };
        self.choice(name, &idps, sign_in.minimum_assurance, last_resort)
    }

    /// `last_resort` says of a candidate whether its continuity connector sends people there when all are down.
    fn choice(
        &self,
        name: &str,
        idps: &[IdpIndex],
        minimum_assurance: Option<u8>,
        last_resort: impl Fn(usize) -> bool,
    ) -> Choice {
        let candidates: Vec<Candidate<'_>> = idps
            .iter()
            .map(|index| Candidate {
                member: self.members.get(index),
                assurance: self.deployment.idp(*index).assurance,
                tried: false,
            })
            .collect();
        let Plan { order, skipped } = choose(&candidates, minimum_assurance);
        let name_of = |place: usize| self.deployment.idp(idps[place]).name.to_string();
        let (would_serve, why) = match order.first() {
            // Everybody is tried once more, and nobody is known to answer.
            Some((_, Why::LastTry)) => match order.iter().find(|(place, _)| last_resort(*place)) {
                Some((place, _)) => (Some(name_of(*place)), Why::LastResort),
                None => (None, Why::LastTry),
            },
            Some((place, why)) => (Some(name_of(*place)), *why),
            None => (None, Why::BelowAssurance),
        };
        let served = would_serve.is_some();
        let rest =
            order.iter().skip(usize::from(served)).filter(|(_, why)| *why != Why::LastTry).chain(&skipped);
        let others = rest.map(|(place, why)| (name_of(*place), *why)).collect();
        Choice { name: name.to_owned(), would_serve, why, others }
    }
}
