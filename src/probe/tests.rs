//! Providers that answer, refuse or hang, made of a few lines each.

use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Duration;

use super::*;
use crate::connector::{Answer, Begin, BeginRequest, CompleteRequest, Fault, Identity};
use crate::continuity::Why;
use crate::diag::Sources;
use crate::health::{Reason, Unwell, Verdict};
use crate::model::read::{ReadOptions, read};
use crate::net::Phases;

const NOW: crate::ambient::UnixSecs = crate::ambient::UnixSecs(1_000_000);

/// Answers by a script; the last word is repeated. A hanging one never answers.
struct Scripted(&'static [Say]);

#[derive(Clone, Copy)]
enum Say {
    Well,
    Refused,
    Hangs,
}

struct Running {
    script: Scripted,
    place: AtomicUsize,
}

impl Connector for Running {
    fn probe(&self, _: Duration) -> Answer<'_, Verdict> {
        let place = self.place.fetch_add(1, Ordering::Relaxed);
        let say = self.script.0[place.min(self.script.0.len() - 1)];
        Box::pin(async move {
            match say {
                Say::Well => Verdict { outcome: Ok(()), phases: Phases::default(), facts: Vec::new() },
                Say::Refused => Verdict::unwell(Unwell::new(Reason::ConnectionRefused, "refused")),
                Say::Hangs => std::future::pending().await,
            }
        })
    }

    fn pre_flight(&self, budget: Duration) -> Answer<'_, Verdict> {
        self.probe(budget)
    }

    fn begin<'a>(&'a self, _: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>> {
        Box::pin(async { Err(Fault::Unsupported("not in this test")) })
    }

    fn complete<'a>(&'a self, _: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>> {
        Box::pin(async { Err(Fault::Unsupported("not in this test")) })
    }
}

fn deployment(rest: &str) -> Deployment {
    let connector = |name: &str, assurance: u8| {
        format!(
            "  - {{name: {name}, type: oidc, assurance: {assurance}, oauthClientID: x, oauthRedirectURL: 'https://o.example.com/cb', oidcWellKnownURL: 'https://{name}.example.com/.well-known/openid-configuration', healthCheck: {{enabled: true, unhealthyThreshold: 3}}}}\n"
        )
    };
    let text = format!(
        "version: '1'\nconnectors:\n{}{}  - {{name: ha, type: continuity, failover: {{idps: [a, b]}}}}\n{rest}",
        connector("a", 2),
        connector("b", 1)
    );
    let reading = read("t.yaml", &text, &mut Sources::default(), &ReadOptions::default());
    reading.deployment.unwrap_or_else(|| panic!("{:?}", reading.findings))
}

const APP: &str = "
apps:
  - name: web
    type: proxy
    routePatterns: [/]
    upstream: http://127.0.0.1:3000
    policies: [{location: /, authentication: {idps: [ha], minimumAssurance: 2}, authorization: {allowAll: true}}]
";

async fn probe(deployment: &Deployment, scripts: [&'static [Say]; 2], count: u32) -> Report {
    let opened = scripts.into_iter().enumerate().map(|(i, script)| {
        let running = Running { script: Scripted(script), place: 0.into() };
        (IdpIndex(i), Arc::new(running) as Arc<dyn Connector>)
    });
    let options = Options {
        count: Some(count),
        interval: Some(Duration::from_millis(10)),
        timeout: Some(Duration::from_secs(5)),
    };
    run(deployment, opened.collect(), &options, &Clock::fixed(NOW)).await
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_unwell_and_the_next_would_serve() {
    let deployment = deployment("");
    let begun = tokio::time::Instant::now();
    let report = probe(&deployment, [&[Say::Hangs], &[Say::Well]], 1).await;
    assert!(begun.elapsed() <= Duration::from_secs(6));
    assert_eq!(report.overall, Overall::Degraded);
    let choice = &report.continuity[0];
    assert_eq!((choice.would_serve.as_deref(), choice.why.code()), (Some("b"), "failover"));
    assert_eq!(choice.others, [("a".to_owned(), Why::Unhealthy(Some(Reason::Timeout)))]);
    let json = report::json(&report, &deployment);
    assert_eq!(json["providers"][0]["reason"], "timeout");
    assert_eq!(json["continuity"][0]["wouldServe"], "b");
    let text = report::text(&report, &deployment, NOW);
    assert!(text.contains("continuity ha: b would serve a login now (failover); a (unhealthy)\n"), "{text}");
    assert!(text.ends_with("verdict: degraded\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn everybody_well_and_nobody_well() {
    let deployment = deployment("");
    let report = probe(&deployment, [&[Say::Well], &[Say::Well]], 1).await;
    assert_eq!((report.overall, report.continuity[0].why.code()), (Overall::Healthy, "primary"));
    let report = probe(&deployment, [&[Say::Refused], &[Say::Refused]], 1).await;
    assert_eq!((report.overall, report.continuity[0].would_serve.clone()), (Overall::Outage, None));
}

#[tokio::test(start_paused = true)]
async fn thresholds_count_and_a_login_asks_for_itself() {
    let deployment = deployment("");
    let report = probe(&deployment, [&[Say::Refused], &[Say::Well]], 3).await;
    assert_eq!(report.providers[0].member.standing(), Standing::Unhealthy);
    let report = probe(&deployment, [&[Say::Well, Say::Refused], &[Say::Well]], 2).await;
    assert_eq!(
        report.providers[0].member.standing(),
        Standing::Healthy,
        "one failure is below the threshold"
    );
    assert_eq!(
        report.continuity[0].others,
        [("a".to_owned(), Why::Suspect(Reason::ConnectionRefused))],
        "a login would notice all the same"
    );
    let report = probe(&deployment, [&[Say::Refused, Say::Well], &[Say::Well]], 2).await;
    assert_eq!((report.overall, report.continuity[0].why.code()), (Overall::Healthy, "primary"));
    assert_eq!((report.providers[0].asked, report.providers[0].well), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_needs_more_than_what_is_left_is_an_outage() {
    let deployment = deployment(APP);
    let report = probe(&deployment, [&[Say::Refused], &[Say::Well]], 1).await;
    assert_eq!(report.continuity[0].would_serve.as_deref(), Some("b"));
    assert_eq!((report.apps[0].would_serve.clone(), report.apps[0].why.code()), (None, "last-try"));
    assert_eq!(report.overall, Overall::Outage);
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_while_one_provider_hangs() {
    let deployment = deployment("");
    let clock = Clock::fixed(NOW);
    let opened = [&[Say::Hangs][..], &[Say::Well]].into_iter().enumerate().map(|(i, script)| {
        let running = Running { script: Scripted(script), place: 0.into() };
        (IdpIndex(i), Arc::new(running) as Arc<dyn Connector>)
    });
    let options = Options { count: None, interval: None, timeout: Some(Duration::from_secs(20)) };
    let mut watch = Watch::new(&deployment, &options);
    let mut answers = ask(&deployment, opened.collect(), &options);
    for _ in 0..100 {
        watch.take(answers.recv().await.unwrap(), clock.millis());
    }
    let report = watch.report();
    let (hanging, well) = (&report.providers[0], &report.providers[1]);
    assert!(
        hanging.asked >= 40 && well.asked >= 40,
        "each at its own pace: {} {}",
        hanging.asked,
        well.asked
    );
    assert_eq!((well.history.len(), well.well), ((well.asked as usize).min(watch::HISTORY_MAX), well.asked));
    assert!(hanging.history.iter().all(|well| !well));
    assert_eq!(hanging.member.standing(), Standing::Unhealthy);
    let text = report::text(&report, &deployment, NOW);
    assert!(text.contains("\na  \u{2581}") && text.contains("\nb  \u{2587}"), "{text}");
    drop(answers);
}

#[tokio::test(start_paused = true)]
async fn findings_have_a_place_in_the_file() {
    let deployment = deployment(APP);
    let report = probe(&deployment, [&[Say::Refused], &[Say::Well]], 1).await;
    let found = findings::findings(&report, &deployment, NOW);
    let names: Vec<&str> = found.iter().map(|finding| finding.code.name).collect();
    assert_eq!(names, ["provider-unwell", "nobody-would-serve"]);
    assert!(found.iter().all(|finding| finding.place.is_some()));
    let mut worn = probe(&deployment, [&[Say::Well], &[Say::Well]], 1).await;
    assert!(findings::findings(&worn, &deployment, NOW).is_empty());
    worn.providers[0].last.phases.certificate_days_left = Some(90);
    worn.providers[0].last.phases.chain_days_left = Some(3);
    worn.providers[1].last.phases.clock_skew_secs = Some(-45);
    let found = findings::findings(&worn, &deployment, NOW);
    let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        ["a certificate between `a` and its root has 3 days left", "the clock of `b` is 45 s behind ours"]
    );
}

/// What SAML providers and directories tell besides: 1,000,000 s after the epoch is the 12th of January 1970.
#[tokio::test(start_paused = true)]
async fn facts_of_other_kinds_are_told_everywhere() {
    use crate::health::fact;
    let deployment = deployment("");
    let mut report = probe(&deployment, [&[Say::Well], &[Say::Well]], 1).await;
    let told = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    report.providers[0].last.facts = vec![
        told(fact::METADATA_VALID_UNTIL, "1970-01-14T14:00:00Z"),
        told(fact::SIGNING_CERTIFICATE_UNTIL, "1970-01-11T00:00:00Z"),
    ];
    report.providers[1].last.facts =
        vec![told(fact::SERVERS, "2 of 3"), told(fact::SERVERS_DOWN, "ldaps://b:636 (timeout)")];
    let found = findings::findings(&report, &deployment, NOW);
    let said: Vec<(&str, &str)> = found.iter().map(|f| (f.code.name, f.message.as_str())).collect();
    assert_eq!(
        said,
        [
            ("metadata-expires-soon", "the metadata of `a` may be used for 2 days more"),
            ("signing-certificate-expires-soon", "the signing certificate of `a` has ended"),
            ("directory-server-down", "2 of 3 servers of `b` answer; down: ldaps://b:636 (timeout)"),
        ]
    );
    assert!(found.iter().all(|finding| finding.place.is_some()));
    let text = report::text(&report, &deployment, NOW);
    assert!(text.contains("\nwarn: 2 of 3 servers of `b` answer; down: ldaps://b:636 (timeout)\n"), "{text}");
    assert!(text.ends_with("verdict: healthy\n"), "the connector is well: {text}");
    let json = report::json(&report, &deployment);
    assert_eq!(json["providers"][1]["facts"]["serversDown"], "ldaps://b:636 (timeout)");
    let metrics = prometheus::text(&report, &deployment);
    for line in [
        "maverics_probe_servers{provider=\"b\",state=\"up\"} 2\n",
        "maverics_probe_servers{provider=\"b\",state=\"down\"} 1\n",
        "maverics_probe_valid_until_timestamp_seconds{provider=\"a\",what=\"metadata\"} 1173600\n",
        "maverics_probe_valid_until_timestamp_seconds{provider=\"a\",what=\"signing-certificate\"} 864000\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    // Far ends are nobody's business, and a directory that is down says so itself.
    report.providers[0].last.facts = vec![told(fact::METADATA_VALID_UNTIL, "1970-01-16T00:00:00Z")];
    report.providers[1].last.outcome = Err(Unwell::new(Reason::Timeout, "no answer"));
    let found = findings::findings(&report, &deployment, NOW);
    assert_eq!(found.iter().map(|f| f.code.name).collect::<Vec<_>>(), ["provider-unwell"]);
}
