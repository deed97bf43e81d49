//! How long does reading take, from text to linked deployment? Input: one continuity connector over N OIDC
//! members with attributes (about 12 lines each).

use maverics::diag::Sources;
use maverics::model::{self, read::ReadOptions};

fn configuration(members: usize) -> String {
    let mut text = String::from("version: \"1\"\nconnectors:\n");
    for i in 0..members {
        text.push_str(&format!(
            "  - name: idp-{i}\n    type: oidc\n    oidcWellKnownURL: https://idp{i}.example.com/.well-known/openid-configuration\n    \
             oauthClientID: orchestrator\n    oauthClientSecret: <vault.idp-{i}>\n    oauthRedirectURL: https://orch.example.com/oidc/callback\n    \
             healthCheck:\n      enabled: true\n      interval: 30s\n      timeout: 10s\n      unhealthyThreshold: 3\n      healthyThreshold: 2\n"
        ));
    }
    text.push_str("  - name: ha\n    type: continuity\n    failover:\n      idps:\n");
    (0..members).for_each(|i| text.push_str(&format!("        - idp-{i}\n")));
    text
}

#[divan::bench(args = [40, 830])]
fn read_and_link(bencher: divan::Bencher<'_, '_>, members: usize) {
    let text = configuration(members);
    let _ = model::schema::checker();
    bencher.counter(divan::counter::ItemsCount::new(text.lines().count())).bench(|| {
        let mut sources = Sources::default();
        let reading = model::read("bench.yaml", &text, &mut sources, &ReadOptions::default());
        assert!(reading.deployment.is_some());
        reading
    });
}

#[divan::bench]
fn schema_from_types_and_compile() -> maverics::config::check::Checker {
    maverics::config::check::Checker::new(model::schema::document())
}
