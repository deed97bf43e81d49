//! How long does a rehearsal take? Input: a thousand simulated hours of three members probed every 30 s with a
//! flapping primary and nobody signing in; and a quarter of an hour with a hundred people a second.

use maverics::diag::Sources;
use maverics::drill::{self, Options, Rate};
use maverics::model::{self, Deployment, read::ReadOptions};

const TEXT: &str = include_str!("../fixtures/seeds/tier2-diversified.yaml");

fn deployment() -> Deployment {
    let reading = model::read("tier2.yaml", TEXT, &mut Sources::default(), &ReadOptions::default());
    reading.deployment.or(reading.planned).expect("the fixture is valid")
}

fn options(fail: &str, duration: &str, logins: Rate) -> Options {
    Options {
        outages: Some(vec![fail.parse().expect("an outage")]),
        duration: Some(duration.parse().expect("a duration")),
        logins,
        ..Options::default()
    }
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn drill_1000_hours(bencher: divan::Bencher<'_, '_>) {
    let deployment = deployment();
    let options = options("okta-idp@1h+900h=flap:20%", "1000h", Rate::NONE);
    bencher.bench(|| drill::run(&deployment, &options));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn drill_90_000_logins(bencher: divan::Bencher<'_, '_>) {
    let deployment = deployment();
    let options = options("okta-idp@1m+5m=blackhole", "15m", "100/s".parse().expect("a rate"));
    bencher.bench(|| drill::run(&deployment, &options));
}
