//! Asking: a loop for each provider, so that one that hangs delays no other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::config::connectors::HealthCheck;
use crate::connector::Connector;
use crate::health::{Reason, Unwell, Verdict};
use crate::model::Deployment;
use crate::model::idp::IdpIndex;

/// What a connector may need beyond its budget to notice that it is spent.
const GRACE: Duration = Duration::from_secs(1);
/// Answers that wait to be taken; those who have more wait themselves.
const WAITING_MAX: usize = 64;
/// Bounds of the interval that a provider's own configuration gives, in seconds: a person watches.
pub const INTERVAL_SECS: std::ops::RangeInclusive<u64> = 1..=60;

/// How to ask.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often each provider is asked; until somebody stops it when `None`.
    pub count: Option<u32>,
    /// From the start of one question to the start of the next to the same provider; the provider's own
    /// interval, within [`INTERVAL_SECS`], without it.
    pub interval: Option<Duration>,
    /// Budget of one question; the provider's own timeout without it.
    pub timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options { count: Some(1), interval: Some(Duration::from_secs(1)), timeout: None }
    }
}

impl Options {
    /// Whether one answer is all there is: the state of a moment, to which no threshold applies.
    pub fn is_once(&self) -> bool {
        self.count.is_some_and(|count| count <= 1)
    }

    fn budget(&self, check: &HealthCheck) -> Duration {
        self.timeout.unwrap_or(check.timeout.min(check.interval).std())
    }

    fn interval(&self, check: &HealthCheck) -> Duration {
        let own = || {
            let (least, most) =
                (Duration::from_secs(*INTERVAL_SECS.start()), Duration::from_secs(*INTERVAL_SECS.end()));
            check.interval.std().clamp(least, most)
        };
        self.interval.unwrap_or_else(own)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Whose.
    pub idp: IdpIndex,
    /// What it was.
    pub verdict: Verdict,
}

/// Asks the opened providers, each at its own pace, and hands out the answers as they come. It is over when all
/// were asked as often as wanted; dropping the receiver ends it, too.
pub fn ask(
    deployment: &Deployment,
    opened: Vec<(IdpIndex, Arc<dyn Connector>)>,
    options: &Options,
) -> mpsc::Receiver<Answered> {
    let (tell, told) = mpsc::channel(WAITING_MAX);
    for (idp, connector) in opened {
        let check = deployment.idp(idp).check_or_default();
        let (budget, interval) = (options.budget(&check), options.interval(&check));
        let (tell, count) = (tell.clone(), options.count);
        tokio::spawn(async move {
            let mut next = Instant::now();
            let mut asked = 0;
            while count.is_none_or(|count| asked < count.max(1)) {
                sleep_until(next).await;
                // No question waits for the one before it, and none is made up for.
                next = (next + interval).max(Instant::now());
                let answered = Answered { idp, verdict: once(connector.clone(), budget).await };
                if tell.send(answered).await.is_err() {
                    return;
                }
                asked += 1;
            }
        });
    }
    told
}

/// One question. A panic in it is an answer like any other.
async fn once(connector: Arc<dyn Connector>, budget: Duration) -> Verdict {
    // A set, because it calls off what is in it when it is dropped.
    let mut asking = JoinSet::new();
    asking.spawn(async move { connector.probe(budget).await });
    match timeout(budget + GRACE, asking.join_next()).await {
        Ok(Some(Ok(verdict))) => verdict,
        Ok(_) => Verdict::unwell(Unwell::new(Reason::ProbeCrashed, "the question broke off")),
        Err(_) => Verdict::unwell(Unwell::new(
            Reason::Timeout,
            format!("no answer within {} ms", budget.as_millis()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_of_ones_own_is_bounded() {
        let check = |secs| HealthCheck {
            interval: crate::value::Duration::from_secs(secs),
            ..HealthCheck::default()
        };
        let watching = Options { count: None, interval: None, timeout: None };
        for (own, want) in [(1, 1), (30, 30), (600, 60)] {
            assert_eq!(watching.interval(&check(own)).as_secs(), want);
        }
        assert_eq!(Options::default().interval(&check(600)).as_secs(), 1);
        assert_eq!(watching.budget(&check(5)).as_secs(), 5, "never longer than the interval of serve");
    }
}
