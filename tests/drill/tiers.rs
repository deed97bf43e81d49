//! Tier 1 and Tier 4 of the guide, with the seconds worked out by hand.
//!
//! A provider that is well answers a request after 50 ms, and a probe of an OpenID provider is two of them. The
//! first probe is at 0, the second at the phase, from then on one every interval. Logins come every 30 s,
//! so that nobody stands on a page when the fault begins: a person types for 20 s at most. Without pre-flight
//! the login of 0 comes before the provider's documents do, and takes the 50 ms to fetch them itself.

use maverics::drill::record::Failure;

use super::{TIER1, TIER4, even, rehearse, without_pre_flight};

/// One outage of the primary, from 60 s to 360 s.
struct Case {
    what: &'static str,
    text: &'static str,
    fail: &'static str,
    phase: &'static str,
    pre_flight: bool,
    /// Milliseconds from the fault until logins avoid the primary, until it is unhealthy, and from its end
    /// until logins go there again.
    noticed: u64,
    unhealthy: u64,
    recovered: u64,
    failed: u64,
    delayed: u64,
    worst_delay: u64,
}

const CASES: &[Case] = &[
    // Interval 30 s, timeout 10 s, 3 failures, 2 successes; phase 10 s: probes at 0, 10, 40, 70, 100, 130, ...
    // Refused at 70, 100 and 130, each at once: unhealthy at 130, 70 s after 60. Well again at 370 and 400, each
    // after 100 ms: 40.1 s after 360. The logins of 60, 90 and 120 find a dead page, and again 5 s later.
    Case {
        what: "tier 1, refused, probes alone",
        text: TIER1,
        fail: "primary-idp@60s+5m",
        phase: "10s",
        pre_flight: false,
        noticed: 70_000,
        unhealthy: 70_000,
        recovered: 40_100,
        failed: 3,
        delayed: 0,
        worst_delay: 50,
    },
    // The login of 60 asks, is refused at once, and goes to the backup.
    Case {
        what: "tier 1, refused, with pre-flight",
        text: TIER1,
        fail: "primary-idp@60s+5m",
        phase: "10s",
        pre_flight: true,
        noticed: 0,
        unhealthy: 70_000,
        recovered: 40_100,
        failed: 0,
        delayed: 0,
        worst_delay: 0,
    },
    // Each of the three probes takes its 10 s: unhealthy at 140. The probe of 340 ends at 350, those of 370 and
    // 400 are well.
    Case {
        what: "tier 1, hanging, probes alone",
        text: TIER1,
        fail: "primary-idp@60s+5m=blackhole",
        phase: "10s",
        pre_flight: false,
        noticed: 80_000,
        unhealthy: 80_000,
        recovered: 40_100,
        failed: 3,
        delayed: 0,
        worst_delay: 50,
    },
    // The login of 60 waits for its pre-flight's 3 s; the next one is at 90, and does not wait.
    Case {
        what: "tier 1, hanging, with pre-flight",
        text: TIER1,
        fail: "primary-idp@60s+5m=blackhole",
        phase: "10s",
        pre_flight: true,
        noticed: 3_000,
        unhealthy: 80_000,
        recovered: 40_100,
        failed: 0,
        delayed: 1,
        worst_delay: 3_000,
    },
    // Interval 10 s, timeout 5 s, 2 failures, 3 successes; phase 5 s: probes at 0, 5, 15, ..., 55, 65, 75, ...
    // Refused at 65 and 75: 15 s. Well again at 365, 375 and 385: 25.1 s. The login of 60 finds a dead page, and
    // again at 65; that of 90 goes to the backup.
    Case {
        what: "tier 4, refused, probes alone",
        text: TIER4,
        fail: "cloud-idp@60s+5m",
        phase: "5s",
        pre_flight: false,
        noticed: 15_000,
        unhealthy: 15_000,
        recovered: 25_100,
        failed: 1,
        delayed: 0,
        worst_delay: 50,
    },
    Case {
        what: "tier 4, refused, with pre-flight",
        text: TIER4,
        fail: "cloud-idp@60s+5m",
        phase: "5s",
        pre_flight: true,
        noticed: 0,
        unhealthy: 15_000,
        recovered: 25_100,
        failed: 0,
        delayed: 0,
        worst_delay: 0,
    },
    // The probes of 65 and 75 take their 5 s: 20 s, as the guide says.
    Case {
        what: "tier 4, hanging, probes alone",
        text: TIER4,
        fail: "cloud-idp@60s+5m=blackhole",
        phase: "5s",
        pre_flight: false,
        noticed: 20_000,
        unhealthy: 20_000,
        recovered: 25_100,
        failed: 1,
        delayed: 0,
        worst_delay: 50,
    },
    Case {
        what: "tier 4, hanging, with pre-flight",
        text: TIER4,
        fail: "cloud-idp@60s+5m=blackhole",
        phase: "5s",
        pre_flight: true,
        noticed: 3_000,
        unhealthy: 20_000,
        recovered: 25_100,
        failed: 0,
        delayed: 1,
        worst_delay: 3_000,
    },
    // A status comes after 50 ms: the probes of 65 and 75 end at 75.05; the pre-flight of 60 at 60.05, which is
    // nothing a person notices.
    Case {
        what: "tier 4, errors, with pre-flight",
        text: TIER4,
        fail: "cloud-idp@60s+5m=http:503",
        phase: "5s",
        pre_flight: true,
        noticed: 50,
        unhealthy: 15_050,
        recovered: 25_100,
        failed: 0,
        delayed: 0,
        worst_delay: 50,
    },
];

#[test]
fn the_guides_tiers_by_the_second() {
    for case in CASES {
        let text = if case.pre_flight { case.text.to_owned() } else { without_pre_flight(case.text) };
        let rehearsal = rehearse(&text, &even(&[case.fail], "2/m", case.phase));
        let seen = rehearsal.faults[0].seen;
        let logins = &rehearsal.record.logins;
        assert_eq!(seen.noticed, Some(case.noticed), "{}", case.what);
        assert_eq!(seen.unhealthy, Some(case.unhealthy), "{}", case.what);
        assert_eq!(seen.recovered, Some(case.recovered), "{}", case.what);
        assert_eq!(
            (logins.failures(), logins.delayed(), logins.worst_delay()),
            (case.failed, case.delayed, case.worst_delay),
            "{}",
            case.what
        );
        assert_eq!(logins.failed.get(&Failure::DeadPage).copied().unwrap_or(0), case.failed, "{}", case.what);
        assert_eq!((logins.stranded, logins.restarted), (0, 0), "{}", case.what);
        assert_eq!(rehearsal.record.switches, 2, "{}: there and back", case.what);
    }
}

/// Whatever the phase, probes notice within the closed form of `lint`, and nearly as late as it says.
#[test]
fn probes_notice_within_the_closed_form() {
    // A probe that is well takes 100 ms, and one that is not may have been well for its first half.
    const SLACK: u64 = 100;
    for (text, member) in [(TIER1, "primary-idp"), (TIER4, "cloud-idp")] {
        for fault in ["refused", "blackhole", "http:500", "slow:9s", "slow:11s"] {
            let (mut slowest, mut slowest_back) = (0, 0);
            let mut worst = (None, None);
            for phase in 0..60 {
                let fail = format!("{member}@200s+300s={fault}");
                let options = even(&[&fail], "0", &format!("{}ms", phase * 499));
                let measured = &rehearse(text, &options).faults[0];
                worst = (measured.noticed_at_worst, measured.recovered_at_worst);
                let (Some(noticed), Some(recovered)) = (measured.seen.noticed, measured.seen.recovered)
                else {
                    panic!("{fault} of {member} was not noticed");
                };
                (slowest, slowest_back) = (slowest.max(noticed), slowest_back.max(recovered));
            }
            let (Some(closed), Some(back)) = (worst.0, worst.1) else { panic!("{fault} has a closed form") };
            let (closed, back) = (closed.as_millis(), back.as_millis());
            assert!(slowest <= closed + SLACK, "{member} {fault}: {slowest} > {closed}");
            assert!(slowest + 1_000 > closed, "{member} {fault}: {slowest} of {closed}");
            assert!(slowest_back <= back + SLACK, "{member} {fault}: {slowest_back} > {back}");
            // A slow probe that ends after the fault has its second document at once, and may be well in time.
            let early = fault == "slow:9s";
            assert!(early || slowest_back + 1_000 > back, "{member} {fault}: {slowest_back} of {back}");
        }
    }
}
