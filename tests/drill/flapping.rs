//! A provider that is up or down by chance, for ten minutes.

use maverics::continuity::{Change, Standing};
use maverics::drill::record::What;
use maverics::drill::{Options, Rehearsal};

use super::{TIER4, rehearse, with_failover, without_pre_flight};

/// Interval 10 s: sixty probes, sixty periods.
const FLAP: &str = "cloud-idp@60s+10m=flap:50%";

fn flapping(text: &str, seed: u64, logins: &str) -> Rehearsal {
    let options = Options {
        outages: Some(vec![FLAP.parse().expect("an outage")]),
        logins: logins.parse().expect("a rate"),
        seed,
        ..Options::default()
    };
    rehearse(text, &options)
}

/// Changes between healthy and unhealthy while it flapped.
fn changes(rehearsal: &Rehearsal) -> usize {
    let entries = rehearsal.record.timeline.iter();
    let told = entries.filter(|entry| entry.at >= 60_000 && entry.at < 660_000);
    told.filter(|entry| {
        matches!(entry.what, What::Changed(0, Change::Standing { from, .. }) if from != Standing::Unknown)
    })
    .count()
}

#[test]
fn flapping_is_damped_and_fails_nobody() {
    let calm = without_pre_flight(TIER4);
    let restless = calm.replace("preFlight:", "damping: {disabled: true}\n      preFlight:");
    let (mut damped, mut undamped) = (0, 0);
    for seed in 1..=8 {
        // 2 failures and 3 successes in a row change its state, and every third change doubles the 3: 2 + 3 + 2,
        // 6 + 2 + 6, 2 + 12 + 2 probes make nine changes of 37 probes; the tenth needs 24 more, and 60 are there.
        let by_probes = flapping(&calm, seed, "0");
        assert!(changes(&by_probes) <= 9, "seed {seed}: {} changes", changes(&by_probes));
        assert!(by_probes.record.switches <= 10, "seed {seed}: nine while it flaps, and the way back");
        damped += changes(&by_probes);
        undamped += changes(&flapping(&restless, seed, "0"));

        // With pre-flight, suspicion moves logins too. Every third change of its availability doubles the good
        // probes in a row that end a suspicion: 1 + 2 + 2 + 4 of them for the first nine changes, and 8 for each
        // pair after that. Sixty probes have room for six more pairs, so there are 21 moves at most, and the way
        // back.
        let rehearsal = flapping(TIER4, seed, "2/s");
        let logins = &rehearsal.record.logins;
        assert_eq!(logins.failures(), 0, "seed {seed}: {:?}", logins.failed);
        assert!(rehearsal.record.switches <= 22, "seed {seed}: {}", rehearsal.record.switches);
        assert!(changes(&rehearsal) <= 9, "seed {seed}: {} changes", changes(&rehearsal));
        assert!(logins.worst_delay() <= 3_500, "seed {seed}: {}", logins.worst_delay());
        assert_eq!(logins.begun, logins.succeeded() + logins.failures() + logins.under_way);
    }
    assert!(undamped > damped, "damping matters: {damped} changes with, {undamped} without");
    let told = flapping(&with_failover(TIER4, "preFlight: {maxAge: 5s}"), 1, "2/s");
    assert_eq!(told.record.logins.failures(), 0, "evidence of life that is accepted for a while");
}
