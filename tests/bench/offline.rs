//! What do the offline rooms cost once a fleet is read? Input: 200 deployments of two members each for the
//! linter, one deployment and three nodes for the balancer, one finding for the renderer.

use maverics::diag::{Diagnostic, Place, Sources, text};
use maverics::lb::{Options, Pool, TARGETS, write};
use maverics::lint;
use maverics::model::fleet::Fleet;
use maverics::model::{self, Deployment, read::ReadOptions};

const TEXT: &str = include_str!("../fixtures/seeds/tier1-basic.yaml");

fn deployment(sources: &mut Sources) -> Deployment {
    let reading = model::read("tier1.yaml", TEXT, sources, &ReadOptions::default());
    reading.deployment.expect("the fixture is valid")
}

#[divan::bench]
fn lint_a_fleet_of_200(bencher: divan::Bencher<'_, '_>) {
    let mut sources = Sources::default();
    let fleet = Fleet { deployments: (0..200).map(|_| deployment(&mut sources)).collect() };
    bencher.bench(|| lint::run(&fleet, &sources, &lint::select::Selection::default()));
}

#[divan::bench]
fn write_every_balancer(bencher: divan::Bencher<'_, '_>) {
    let deployment = deployment(&mut Sources::default());
    let options = Options {
        instances: (1..=3).map(|i| format!("orch{i}=10.0.1.{i}:9443")).collect(),
        certificate: Some("/etc/lb/app.pem".into()),
        ..Options::default()
    };
    let pool = Pool::new(&deployment, &options).expect("a pool");
    bencher.bench(|| TARGETS.iter().map(|target| write(target, &pool).map_or(0, |t| t.len())).sum::<usize>());
}

#[divan::bench]
fn render_a_finding(bencher: divan::Bencher<'_, '_>) {
    let mut sources = Sources::default();
    let file = sources.add("tier1.yaml", TEXT);
    let finding = Diagnostic::new(&maverics::config::codes::UNKNOWN_KEY, "`x` is not a key of `http`")
        .at(Place { file, span: 40..50 })
        .help("Did you mean `y`?");
    bencher.bench(|| text::render(&finding, &sources, false));
}
