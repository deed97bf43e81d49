//! A report as Prometheus reads it (text exposition format 0.0.4).

use std::fmt::{Display, Write};

use super::{Asked, Overall, Report};
use crate::health::fact;
use crate::model::Deployment;

/// One metric with all its samples.
struct Family {
    name: &'static str,
    help: &'static str,
    samples: String,
}

impl Family {
    fn new(name: &'static str, help: &'static str) -> Self {
        Family { name, help, samples: String::new() }
    }

    fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.samples, "{}{labels} {value}", self.name);
    }
}

/// The whole text. A metric of which nothing is known is left out.
pub fn text(report: &Report, deployment: &Deployment) -> String {
    let mut up = Family::new("maverics_probe_up", "Whether the last answer of the provider was good.");
    let mut available =
        Family::new("maverics_probe_available", "Whether serve would send logins there after these answers.");
    let mut asked_total = Family::new("maverics_probe_asked", "Questions of this run.");
    let mut answered = Family::new("maverics_probe_answered", "Good answers among them.");
    let mut reason =
        Family::new("maverics_probe_reason", "Why the provider is not well; one sample with the value 1.");
    let mut phase =
        Family::new("maverics_probe_phase_seconds", "How long each part of the last question took.");
    let mut certificate = Family::new(
        "maverics_probe_certificate_days_left",
        "Days until a certificate expires: the provider's own, and the least of its chain.",
    );
    let mut skew = Family::new("maverics_probe_clock_skew_seconds", "The provider's clock minus ours.");
    let mut keys =
        Family::new("maverics_probe_usable_keys", "Keys of the provider that a token can be verified with.");
    let mut until = Family::new(
        "maverics_probe_valid_until_timestamp_seconds",
        "When the metadata of a SAML provider, and the last of its signing certificates, end.",
    );
    let mut servers =
        Family::new("maverics_probe_servers", "Servers of a directory, by whether they answered.");
    for asked in &report.providers {
        let name = deployment.idp(asked.idp).name.as_str();
        let of = [("provider", name)];
        up.add(
            &[("provider", name), ("type", &deployment.idp(asked.idp).type_name)],
            u8::from(asked.last.is_well()),
        );
        available.add(&of, u8::from(asked.member.is_available()));
        asked_total.add(&of, asked.asked);
        answered.add(&of, asked.well);
        if let Err(unwell) = &asked.last.outcome {
            reason.add(&[("provider", name), ("reason", unwell.reason.code())], 1);
        }
        let phases = &asked.last.phases;
        for (part, time) in
            [("dns", phases.dns), ("tcp", phases.tcp), ("tls", phases.tls), ("request", phases.request)]
        {
            if let Some(time) = time {
                phase.add(&[("provider", name), ("phase", part)], time.as_secs_f64());
            }
        }
        for (whose, days) in [("own", phases.certificate_days_left), ("chain", phases.chain_days_left)] {
            if let Some(days) = days {
                certificate.add(&[("provider", name), ("whose", whose)], days);
            }
        }
        if let Some(secs) = phases.clock_skew_secs {
            skew.add(&of, secs);
        }
        if let Some(usable) = usable_keys(asked) {
            keys.add(&of, usable);
        }
        for (what, fact) in [
            ("metadata", fact::METADATA_VALID_UNTIL),
            ("signing-certificate", fact::SIGNING_CERTIFICATE_UNTIL),
        ] {
            if let Some(at) = asked.last.fact(fact).and_then(super::findings::until) {
                until.add(&[("provider", name), ("what", what)], at);
            }
        }
        if let Some((up, all)) = asked.last.fact(fact::SERVERS).and_then(counted) {
            servers.add(&[("provider", name), ("state", "up")], up);
            servers.add(&[("provider", name), ("state", "down")], all.saturating_sub(up));
        }
    }
    let mut serves = Family::new(
        "maverics_probe_would_serve",
        "Who would serve a login now, and why; 0 and no provider when nobody would.",
    );
    for (what, choices) in [("continuity", &report.continuity), ("app", &report.apps)] {
        for choice in choices {
            let provider = choice.would_serve.as_deref().unwrap_or_default();
            let labels = [
                ("kind", what),
                ("name", choice.name.as_str()),
                ("provider", provider),
                ("reason", choice.why.code()),
            ];
            serves.add(&labels, u8::from(choice.would_serve.is_some()));
        }
    }
    let mut verdict =
        Family::new("maverics_probe_verdict", "How things stand altogether; the one that holds is 1.");
    for overall in [Overall::Healthy, Overall::Degraded, Overall::Outage] {
        verdict.add(&[("verdict", overall.word())], u8::from(report.overall == overall));
    }
    let families = [
        up,
        available,
        asked_total,
        answered,
        reason,
        phase,
        certificate,
        skew,
        keys,
        until,
        servers,
        serves,
        verdict,
    ];
    let mut out = String::new();
    for Family { name, help, samples } in families.into_iter().filter(|family| !family.samples.is_empty()) {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{samples}");
    }
    out
}

/// `2 of 3`.
fn counted(servers: &str) -> Option<(u64, u64)> {
    let (up, all) = servers.split_once(" of ")?;
    Some((up.parse().ok()?, all.parse().ok()?))
}

fn usable_keys(asked: &Asked) -> Option<u64> {
    asked.last.fact(fact::USABLE_KEYS)?.parse().ok()
}

/// A label's value: backslash, quote and line feed are escaped.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_a_line() {
        let mut family = Family::new("m", "h");
        family.add(&[("a", "x\"y\\z\nw")], 1);
        family.add(&[], 2.5);
        assert_eq!(family.samples, "m{a=\"x\\\"y\\\\z\\nw\"} 1\nm 2.5\n");
    }
}
