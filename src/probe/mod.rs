//! Asks every identity provider whether it is well, and says where logins would go now.
//!
//! The question is the one `serve` asks, through the same connectors; the answers go through the same state
//! machine and the same choice. A verdict here is a verdict there. All providers are asked at once, each with
//! its own budget, so one that hangs delays nothing but the end.

pub mod ask;
pub mod codes;
pub mod findings;
pub mod prometheus;
pub mod report;
pub mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ambient::Clock;
use crate::connector::Connector;
use crate::connector::continuity::config::LastResort;
use crate::continuity::choose::Candidate;
use crate::continuity::state::{Member, Observation, Standing};
use crate::continuity::{Plan, Why, choose};
use crate::model::idp::IdpIndex;
use crate::model::{Candidate as Linked, Deployment, SignIn};

pub use ask::{Answered, Options, ask};
pub use watch::{Asked, Watch};

/// Who would serve a login now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Name of the continuity connector, or of the app.
    pub name: String,
    /// The provider; `None` when nobody is left.
    pub would_serve: Option<String>,
    /// Reason code.
    pub reason: &'static str,
    /// Everybody else, with the reason for its place.
    pub others: Vec<(String, &'static str)>,
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

/// What probing brought.
#[derive(Debug, Clone)]
pub struct Report {
    /// Per provider, in the order of the file.
    pub providers: Vec<Asked>,
    /// Per continuity connector.
    pub continuity: Vec<Choice>,
    /// Per app, by the first of its sign-ins for which nobody is left, else by its first.
    pub apps: Vec<Choice>,
    /// Altogether.
    pub overall: Overall,
}

/// Asks the opened providers as often as wanted, and chooses as `serve` would. Providers that are not among
/// `opened` count as available, as in `serve` before the first answer.
pub async fn run(
    deployment: &Deployment,
    opened: Vec<(IdpIndex, Arc<dyn Connector>)>,
    options: &Options,
    clock: &Clock,
) -> Report {
    let mut watch = Watch::new(deployment, options);
    let mut answers = ask(deployment, opened, options);
    while let Some(answered) = answers.recv().await {
        watch.take(answered, clock.millis());
    }
    watch.report()
}

/// Verdicts from what is known; pure.
pub fn judge(deployment: &Deployment, providers: Vec<Asked>) -> Report {
    let scene = Scene { deployment, members: members(deployment, &providers) };
    let continuity = deployment.continuity.iter().map(|group| {
        let linked: Vec<IdpIndex> = group.members.iter().copied().collect();
        let last_resort = |_| group.last_resort == LastResort::Primary;
        scene.choice(group.name.as_str(), &linked, None, last_resort)
    });
    let continuity: Vec<Choice> = continuity.collect();
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
    let all_well = providers.iter().all(|asked| asked.last.is_well() && asked.member.is_available());
    // Without apps, the continuity connectors stand for those to come; without either, the providers do.
    let stranded = match (apps.is_empty(), continuity.is_empty()) {
        (false, _) => apps.iter().any(|choice| !choice.is_served()),
        (true, false) => continuity.iter().any(|choice| !choice.is_served()),
        (true, true) => !providers.is_empty() && providers.iter().all(|asked| !asked.member.is_available()),
    };
    let overall = match (stranded, all_well) {
        (true, _) => Overall::Outage,
        (false, true) => Overall::Healthy,
        (false, false) => Overall::Degraded,
    };
    Report { providers, continuity, apps, overall }
}

/// What is known of each asked provider, the pre-flight of a login made now included: its question is the
/// probe's first one, and the probe has just failed.
fn members(deployment: &Deployment, providers: &[Asked]) -> BTreeMap<IdpIndex, Member> {
    let groups =
        |idp| deployment.continuity.iter().filter(move |group| group.members.as_slice().contains(&idp));
    let of = |asked: &Asked| {
        let mut member = asked.member.clone();
        let asks_first = groups(asked.idp).all(|group| !group.pre_flight.disabled);
        if let (Err(unwell), true) =
            (&asked.last.outcome, asks_first && member.standing() != Standing::Unhealthy)
        {
            member.observe(Observation::PreFlightFailed(unwell.reason), member.since());
        }
        (asked.idp, member)
    };
    providers.iter().map(of).collect()
}

struct Scene<'a> {
    deployment: &'a Deployment,
    members: BTreeMap<IdpIndex, Member>,
}

impl Scene<'_> {
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
        let (would_serve, reason) = match order.first() {
            // Everybody is tried once more, and nobody is known to answer.
            Some((_, Why::LastTry)) => match order.iter().find(|(place, _)| last_resort(*place)) {
                Some((place, _)) => (Some(name_of(*place)), Why::LastResort.code()),
                None => (None, Why::LastTry.code()),
            },
            Some((place, why)) => (Some(name_of(*place)), why.code()),
            None => (None, Why::BelowAssurance.code()),
        };
        let served = would_serve.is_some();
        let rest =
            order.iter().skip(usize::from(served)).filter(|(_, why)| *why != Why::LastTry).chain(&skipped);
        let others = rest.map(|(place, why)| (name_of(*place), why.code())).collect();
        Choice { name: name.to_owned(), would_serve, reason, others }
    }
}

impl Choice {
    /// Whether somebody who is thought to be well serves; a last resort is not.
    fn is_served(&self) -> bool {
        self.would_serve.is_some() && self.reason != Why::LastResort.code()
    }
}

#[cfg(test)]
mod tests;
