//! Asks every identity provider whether it is well, and says where logins would go now.
//!
//! The question is the one `serve` asks, through the same connectors; the answers go through the same state
//! machine and the same choice. A verdict here is a verdict there. All providers are asked at once, each with
//! its own budget, so one that hangs delays nothing but the end.

pub mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::ambient::Clock;
use crate::config::connectors::HealthCheck;
use crate::connector::Connector;
pub use crate::continuity::outlook::{Choice, Overall};
use crate::continuity::outlook::{Outlook, outlook};
use crate::continuity::state::{Member, Observation, Settings, Standing};
use crate::health::{Reason, Unwell, Verdict};
use crate::model::Deployment;
use crate::model::idp::IdpIndex;

/// What a connector may need beyond its budget to notice that it is spent.
const GRACE: Duration = Duration::from_secs(1);

/// How to ask.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often each provider is asked.
    pub count: u32,
    /// Between two questions to one provider.
    pub pause: Duration,
    /// Budget of one question; the provider's own timeout without it.
    pub timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options { count: 1, pause: Duration::from_secs(1), timeout: None }
    }
}

/// What the questions to one provider brought.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The provider.
    pub idp: IdpIndex,
    /// The last answer.
    pub last: Verdict,
    /// Questions.
    pub asked: u32,
    /// Good answers among them.
    pub well: u32,
    /// What `serve` would think of it after these answers.
    pub member: Member,
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

/// Asks the opened providers, and chooses as `serve` would. Providers that are not among `opened` count as
/// available, as in `serve` before the first answer.
pub async fn run(
    deployment: &Deployment,
    opened: Vec<(IdpIndex, Arc<dyn Connector>)>,
    options: &Options,
    clock: &Clock,
) -> Report {
    let mut questions = JoinSet::new();
    for (idp, connector) in opened {
        let check = deployment.idp(idp).check_or_default();
        questions.spawn(ask(idp, connector, check, options.clone(), clock.clone()));
    }
    let mut providers = Vec::new();
    while let Some(asked) = questions.join_next().await {
        // A task ends early only when it panics; a provider without an answer is then left out.
        providers.extend(asked.ok());
    }
    providers.sort_by_key(|asked| asked.idp);
    judge(deployment, providers)
}

async fn ask(
    idp: IdpIndex,
    connector: Arc<dyn Connector>,
    check: HealthCheck,
    options: Options,
    clock: Clock,
) -> Asked {
    let budget = options.timeout.unwrap_or(check.timeout.min(check.interval).std());
    // One question is the state of this moment; thresholds are for those who ask more often.
    let settings = match options.count {
        0 | 1 => Settings { unhealthy_threshold: 1, healthy_threshold: 1, damped: false },
        _ => Settings::of(&check, false),
    };
    let mut member = Member::new(settings, clock.millis());
    let (mut asked, mut well) = (0, 0);
    loop {
        let last = match timeout(budget + GRACE, connector.probe(budget)).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::unwell(Unwell::new(
                Reason::Timeout,
                format!("no answer within {} ms", budget.as_millis()),
            )),
        };
        asked += 1;
        well += u32::from(last.is_well());
        member.observe(Observation::of(&last, check.custom_endpoint.is_some()), clock.millis());
        if asked >= options.count {
            return Asked { idp, last, asked, well, member };
        }
        sleep(options.pause).await;
    }
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
