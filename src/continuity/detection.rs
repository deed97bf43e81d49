//! How long an outage goes unnoticed, in closed form. Without pre-flight: the outage begins just after a
//! good answer was sent, then `threshold` probes fail, the last one after its whole timeout. With pre-flight
//! a login notices at once, and nobody waits longer than the pre-flight's budget.

use crate::config::connectors::HealthCheck;
use crate::value::Duration;

/// Detection and recovery of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Longest from outage to unhealthy, when the provider hangs: `threshold x interval + timeout`.
    pub worst: Duration,
    /// Mean over the moment the outage begins, when the provider hangs.
    pub mean: Duration,
    /// Longest when it refuses connections: `threshold x interval`.
    pub worst_refused: Duration,
    /// Longest from recovery to healthy: `threshold x interval`.
    pub failback: Duration,
}

/// The times of a health check.
pub fn times(check: &HealthCheck) -> Times {
    let interval = check.interval.as_millis();
    let timeout = check.timeout.as_millis().min(interval);
    let down = u64::from(check.unhealthy_threshold.max(1)) * interval;
    Times {
        worst: Duration::from_millis(down + timeout),
        mean: Duration::from_millis(down - interval / 2 + timeout),
        worst_refused: Duration::from_millis(down),
        failback: Duration::from_millis(u64::from(check.healthy_threshold.max(1)) * interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Millis;
    use crate::continuity::state::{Member, Observation, Settings, Standing};
    use crate::health::Reason;

    /// Runs the state machine against a provider that dies (hanging) at `death`, and says when it is known.
    fn simulate(check: &HealthCheck, death: u64) -> u64 {
        let (interval, timeout) = (check.interval.as_millis(), check.timeout.as_millis());
        let mut member = Member::new(Settings::of(check, false), Millis(0));
        for probe in 0.. {
            let begun = probe * interval;
            let (at, observation) = if begun < death {
                (begun, Observation::ProbeOk)
            } else {
                (begun + timeout, Observation::ProbeFailed(Reason::Timeout))
            };
            member.observe(observation, Millis(at));
            if member.standing() == Standing::Unhealthy {
                return at - death;
            }
        }
        unreachable!("the loop ends when the provider is known to be down")
    }

    #[test]
    fn the_formula_is_the_state_machine() {
        let check = HealthCheck {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            unhealthy_threshold: 2,
            ..HealthCheck::default()
        };
        let times = times(&check);
        assert_eq!(times.worst, Duration::from_secs(25));
        let seen: Vec<u64> = (100_001..=110_000).step_by(37).map(|death| simulate(&check, death)).collect();
        let worst = seen.iter().max().copied().unwrap_or_default();
        assert!(worst < times.worst.as_millis() && worst > times.worst.as_millis() - 100, "{worst}");
        let mean = seen.iter().sum::<u64>() / seen.len() as u64;
        assert!(mean.abs_diff(times.mean.as_millis()) < 100, "{mean} {:?}", times.mean);
    }
}
