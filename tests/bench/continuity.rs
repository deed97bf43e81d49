//! How much does a decision cost? Input: three members; a thousand simulated hours of probes every 30 s for
//! the state machine, one plan for the choice.

use maverics::ambient::Millis;
use maverics::continuity::choose::{Candidate, choose};
use maverics::continuity::{Member, Observation, Settings};
use maverics::health::Reason;

const SETTINGS: Settings = Settings { unhealthy_threshold: 3, healthy_threshold: 2, damped: true };

#[divan::bench]
fn a_thousand_hours_of_probes() -> u32 {
    let mut changes = 0;
    for member in 0..3u64 {
        let mut state = Member::new(SETTINGS, Millis(0));
        for probe in 0..120_000u64 {
            let now = Millis(probe * 30_000);
            // Down for ten minutes of every day, each member at another hour.
            let down = (probe + member * 960) % 2_880 < 20;
            let observation =
                if down { Observation::ProbeFailed(Reason::Timeout) } else { Observation::ProbeOk };
            changes += state.observe(observation, now).len() as u32;
        }
    }
    changes
}

#[divan::bench]
fn one_plan(bencher: divan::Bencher<'_, '_>) {
    let members: Vec<Member> = (0..3).map(|_| Member::new(SETTINGS, Millis(0))).collect();
    let view = || -> Vec<Candidate<'_>> {
        members.iter().map(|m| Candidate { member: Some(m), assurance: Some(2), tried: false }).collect()
    };
    bencher.bench(|| choose(&view(), Some(1)));
}
