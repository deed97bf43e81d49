//! What do the offline rooms cost? Input: a fleet of 200 files (four roots, 196 edges) for the linter, one
//! deployment and three nodes for the balancer, one finding for the renderer.

use maverics::diag::{Diagnostic, Place, Sources, text};
use maverics::lb::{Options, Pool, TARGETS, write};
use maverics::lint::{self, Selection, fleet::Text};
use maverics::model::fleet::Fleet;
use maverics::model::{self, Deployment, read::ReadOptions};

const TEXT: &str = include_str!("../fixtures/seeds/tier1-basic.yaml");
const ROOT: &str = include_str!("../fixtures/seeds/tier3-root.yaml");
const EDGE: &str = include_str!("../fixtures/seeds/tier3-edge.yaml");

fn deployment(sources: &mut Sources) -> Deployment {
    let reading = model::read("tier1.yaml", TEXT, sources, &ReadOptions::default());
    reading.deployment.expect("the fixture is valid")
}

/// Four roots and 196 edges over two of them each.
fn fleet() -> Vec<Text> {
    let root = |i: usize| ROOT.replace("root-dc1", &format!("root-dc{i}"));
    let edge = |i: usize| {
        let text = EDGE.replace("edge-branch-a", &format!("edge-{i}"));
        text.replace("root-dc1", &format!("root-dc{}", i % 3 + 1)).replace("root-dc2", "root-dc4")
    };
    (1..=4)
        .map(|i| Text { name: format!("root-{i}.yaml"), text: root(i) })
        .chain((0..196).map(|i| Text { name: format!("edge-{i}.yaml"), text: edge(i) }))
        .collect()
}

/// The whole of `maverics lint` but for the files: reading, linking, every rule, tiers.
#[divan::bench]
fn lint_a_fleet_of_200_texts(bencher: divan::Bencher<'_, '_>) {
    let texts = fleet();
    bencher
        .bench(|| lint::fleet::lint(&texts, &ReadOptions::default(), &Selection::default()).findings.len());
}

/// The rules alone.
#[divan::bench]
fn run_every_rule_over_200_deployments(bencher: divan::Bencher<'_, '_>) {
    let mut sources = Sources::default();
    let mut fleet_of_200 = Fleet::default();
    for text in fleet() {
        let reading = model::read(&text.name, &text.text, &mut sources, &ReadOptions::default());
        fleet_of_200.deployments.extend(reading.deployment.or(reading.planned));
    }
    bencher.bench(|| lint::run(&fleet_of_200, &sources, &Selection::default()).findings.len());
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
