//! A report as findings, each at the place in the file that it is about.

use super::codes::{
    CERTIFICATE_EXPIRES, CLOCK_SKEWED, METADATA_EXPIRES, NOBODY_SERVES, PROVIDER_UNWELL, SERVER_DOWN,
    SIGNING_CERTIFICATE_EXPIRES,
};
use super::{Asked, Choice, Report};
use crate::ambient::UnixSecs;
use crate::diag::{Diagnostic, sort};
use crate::health::fact;
use crate::model::{Deployment, Idp};

/// A certificate with fewer days left is told.
pub const CERTIFICATE_DAYS_MIN: i32 = 14;
/// Metadata that names its end with fewer days left is told: those who renew it daily name one of a week or two.
pub const METADATA_DAYS_MIN: i64 = 3;
/// A signing certificate with fewer days left is told.
pub const SIGNING_DAYS_MIN: i64 = 30;
/// A larger difference between the clocks is told, in seconds.
pub const CLOCK_SKEW_SECS_MAX: u32 = 30;

/// Everything in a report that somebody should look at.
pub fn findings(report: &Report, deployment: &Deployment, now: UnixSecs) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> =
        report.providers.iter().flat_map(|asked| of_provider(asked, deployment, now)).collect();
    let groups = report.continuity.iter().map(|choice| {
        let group = deployment.continuity.iter().find(|group| group.name.as_str() == choice.name);
        ("continuity", choice, group.map(|group| group.pointer.as_str()))
    });
    let apps = report.apps.iter().map(|choice| {
        let app = deployment.apps.iter().find(|app| app.name().as_str() == choice.name);
        ("app", choice, app.map(|app| app.pointer()))
    });
    for (what, choice, pointer) in groups.chain(apps).filter(|(_, choice, _)| !choice.is_served()) {
        found.push(at(unserved(what, choice), deployment, pointer));
    }
    sort(&mut found);
    found
}

fn at(finding: Diagnostic, deployment: &Deployment, pointer: Option<&str>) -> Diagnostic {
    match pointer {
        Some(pointer) => finding.at(deployment.document.value(&format!("{pointer}/name"))),
        None => finding,
    }
}

fn unserved(what: &str, choice: &Choice) -> Diagnostic {
    let tried = choice.others.iter().map(|(name, reason)| format!("{name} ({})", reason.code()));
    let tried: Vec<String> = tried.collect();
    let finding = Diagnostic::new(
        &NOBODY_SERVES,
        format!("{what} `{}`: nobody would serve a login now ({})", choice.name, choice.why.code()),
    );
    if tried.is_empty() { finding } else { finding.help(format!("Asked: {}.", tried.join(", "))) }
}

fn of_provider(asked: &Asked, deployment: &Deployment, now: UnixSecs) -> Vec<Diagnostic> {
    let idp = deployment.idp(asked.idp);
    let mut found = Vec::new();
    let unwell = match &asked.last.outcome {
        Err(unwell) => Some(format!("{}: {}", unwell.reason, unwell.detail)),
        Ok(()) if !asked.member.is_available() => {
            Some("it answers again, not often enough yet to be healthy by its thresholds".into())
        }
        Ok(()) => None,
    };
    if let Some(words) = unwell {
        let finding = Diagnostic::new(&PROVIDER_UNWELL, format!("`{}` is not well: {words}", idp.name));
        found.push(match idp.facts.health_address.as_ref().or(idp.facts.address.as_ref()) {
            Some(address) => finding.help(format!("Asked: {address}")),
            None => finding,
        });
    }
    found.extend(worn(asked, idp, now));
    found.into_iter().map(|finding| at(finding, deployment, Some(&idp.pointer))).collect()
}

/// What will ail a provider, or ails a part of it, whether or not it is well.
pub(super) fn worn(asked: &Asked, idp: &Idp, now: UnixSecs) -> Vec<Diagnostic> {
    let phases = &asked.last.phases;
    let mut found = Vec::new();
    if let Some(days) = phases.chain_days_left.or(phases.certificate_days_left)
        && days < CERTIFICATE_DAYS_MIN
    {
        let words = match phases.certificate_days_left {
            Some(own) if own <= days => format!("the certificate of `{}` has {days} days left", idp.name),
            _ => format!("a certificate between `{}` and its root has {days} days left", idp.name),
        };
        found.push(Diagnostic::new(&CERTIFICATE_EXPIRES, words));
    }
    if let Some(secs) = phases.clock_skew_secs
        && secs.unsigned_abs() > CLOCK_SKEW_SECS_MAX
    {
        let (by, way) = (secs.unsigned_abs(), if secs > 0 { "ahead of" } else { "behind" });
        let words = format!("the clock of `{}` is {by} s {way} ours", idp.name);
        found.push(Diagnostic::new(&CLOCK_SKEWED, words).help("Tokens are refused beyond 60 s."));
    }
    let now_secs = i64::try_from(now.0).unwrap_or(i64::MAX);
    let days_left = |name: &str| Some((until(asked.last.fact(name)?)? - now_secs).div_euclid(86_400));
    if let Some(days) = days_left(fact::METADATA_VALID_UNTIL).filter(|days| *days < METADATA_DAYS_MIN) {
        let words = format!("the metadata of `{}` may be used for {} more", idp.name, of_days(days));
        found.push(Diagnostic::new(&METADATA_EXPIRES, words).help("Then every sign-in there is refused."));
    }
    if let Some(days) = days_left(fact::SIGNING_CERTIFICATE_UNTIL).filter(|days| *days < SIGNING_DAYS_MIN) {
        let words = match days {
            ..0 => format!("the signing certificate of `{}` has ended", idp.name),
            days => format!("the signing certificate of `{}` ends in {}", idp.name, of_days(days)),
        };
        let help = "Ask whoever runs the provider when its key changes.";
        found.push(Diagnostic::new(&SIGNING_CERTIFICATE_EXPIRES, words).help(help));
    }
    if let (Some(down), true) = (asked.last.fact(fact::SERVERS_DOWN), asked.last.is_well()) {
        let answer = asked.last.fact(fact::SERVERS).unwrap_or("some");
        let words = format!("{answer} servers of `{}` answer; down: {down}", idp.name);
        found.push(Diagnostic::new(&SERVER_DOWN, words));
    }
    found
}

fn of_days(days: i64) -> String {
    match days {
        ..1 => "less than a day".into(),
        1 => "1 day".into(),
        days => format!("{days} days"),
    }
}

/// Unix seconds of an RFC 3339 time.
pub(super) fn until(text: &str) -> Option<i64> {
    text.parse().ok().map(|time: jiff::Timestamp| time.as_second())
}
