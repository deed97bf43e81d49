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
pub use crate::continuity::outlook::{Choice, Overall};
use crate::continuity::outlook::{Outlook, outlook};
use crate::continuity::state::{Member, Observation, Standing};
use crate::model::Deployment;
use crate::model::idp::IdpIndex;

pub use ask::{Answered, Options, ask};
pub use watch::{Asked, Watch};

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
    let all_well = providers.iter().all(|asked| asked.last.is_well() && asked.member.is_available());
    let Outlook { continuity, apps, overall } =
        outlook(deployment, &members(deployment, &providers), all_well);
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

#[cfg(test)]
mod tests;
