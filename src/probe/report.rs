//! A report for people and for programs.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::findings::worn;
use super::watch::HISTORY_MAX;
use super::{Asked, Choice, Report};
use crate::ambient::UnixSecs;
use crate::continuity::Why;
use crate::health::Verdict;
use crate::model::Deployment;
use crate::model::idp::IdpIndex;

/// The stable JSON shape (`schemas/output/probe.schema.json`).
pub fn json(report: &Report, deployment: &Deployment) -> Value {
    json!({
        "version": 1,
        "providers": report.providers.iter().map(|asked| provider(asked, deployment)).collect::<Vec<_>>(),
        "continuity": report.continuity.iter().map(choice).collect::<Vec<_>>(),
        "apps": report.apps.iter().map(choice).collect::<Vec<_>>(),
        "verdict": report.overall.word(),
    })
}

fn provider(asked: &Asked, deployment: &Deployment) -> Value {
    let idp = deployment.idp(asked.idp);
    let phases = &asked.last.phases;
    let unwell = asked.last.outcome.as_ref().err();
    let mut facts: Map<String, Value> = asked.last.facts.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    if let Some((begins, ends)) = simulation(asked, deployment) {
        facts.insert("simulationSecs".into(), json!(format!("{begins}..{ends}")));
    }
    json!({
        "name": idp.name.as_str(),
        "type": idp.type_name,
        "address": idp.facts.health_address.as_ref().or(idp.facts.address.as_ref()),
        "watched": idp.check.is_some(),
        "verdict": verdict(asked),
        "reason": unwell.map(|u| u.reason.code()),
        "detail": unwell.map(|u| u.detail.as_str()),
        "standing": asked.member.standing().word(),
        "asked": asked.asked,
        "answered": asked.well,
        "phases": {
            "dns": phases.dns.map(millis),
            "tcp": phases.tcp.map(millis),
            "tls": phases.tls.map(millis),
            "request": phases.request.map(millis),
        },
        "certificateDaysLeft": phases.certificate_days_left,
        "chainDaysLeft": phases.chain_days_left,
        "tlsVersion": phases.tls_version.map(crate::net::TlsVersion::word),
        "clockSkewSeconds": phases.clock_skew_secs,
        "history": asked.history,
        "facts": facts,
    })
}

/// From when to when `serve` will pretend an outage, in seconds after its start, which only it knows.
fn simulation(asked: &Asked, deployment: &Deployment) -> Option<(u64, u64)> {
    let check = deployment.idp(asked.idp).check_or_default();
    let (begins, ends) = check.simulation?.window()?;
    Some((begins.as_secs(), ends.as_secs()))
}

fn choice(choice: &Choice) -> Value {
    let others = choice.others.iter().map(|(name, reason)| json!({"name": name, "reason": reason.code()}));
    json!({
        "name": choice.name,
        "wouldServe": choice.would_serve,
        "reason": choice.why.code(),
        "others": others.collect::<Vec<_>>(),
    })
}

fn verdict(asked: &Asked) -> &'static str {
    if asked.last.is_well() { "healthy" } else { "unhealthy" }
}

/// Milliseconds with one decimal.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A table, a line for each provider that is not well, and who would serve.
pub fn text(report: &Report, deployment: &Deployment, now: UnixSecs) -> String {
    let mut rows = vec![
        ["PROVIDER", "TYPE", "VERDICT", "DNS", "TCP", "TLS", "REQUEST", "CERT", "SKEW"].map(str::to_owned),
    ];
    rows.extend(report.providers.iter().map(|asked| row(asked, deployment)));
    let mut out = table(&rows);
    out.push_str(&histories(report, deployment));
    for asked in &report.providers {
        let idp = deployment.idp(asked.idp);
        if let Err(unwell) = &asked.last.outcome {
            out.push_str(&format!("\n{}: {}: {}\n", idp.name, unwell.reason, unwell.detail));
            if let Some(address) = idp.facts.health_address.as_ref().or(idp.facts.address.as_ref()) {
                out.push_str(&format!("  asked: {address}\n"));
            }
        }
    }
    let worn = report.providers.iter().flat_map(|asked| worn(asked, deployment.idp(asked.idp), now));
    let notes: String = worn.map(|f| format!("{}: {}\n", f.level.word(), f.message)).collect();
    if !notes.is_empty() {
        out.push_str(&format!("\n{notes}"));
    }
    for asked in &report.providers {
        if simulation(asked, deployment).is_some() {
            let name = &deployment.idp(asked.idp).name;
            out.push_str(&format!(
                "\n{name}: an outage is pretended (healthCheck.simulation) at times that `serve` counts from its start\n"
            ));
        }
    }
    for (what, choices) in [("continuity", &report.continuity), ("app", &report.apps)] {
        if !choices.is_empty() {
            out.push('\n');
        }
        for choice in choices {
            out.push_str(&format!("{what} {}: {}\n", choice.name, sentence(choice)));
        }
    }
    out.push_str(&format!("\nverdict: {}\n", report.overall.word()));
    out
}

fn row(asked: &Asked, deployment: &Deployment) -> [String; 9] {
    let idp = deployment.idp(asked.idp);
    let phases = &asked.last.phases;
    let time = |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.1} ms", millis(time)));
    let verdict = match asked.asked {
        0 | 1 => verdict(asked).to_owned(),
        asked_times => format!("{} {}/{asked_times}", verdict(asked), asked.well),
    };
    [
        idp.name.to_string(),
        idp.type_name.clone(),
        verdict,
        time(phases.dns),
        time(phases.tcp),
        time(phases.tls),
        time(phases.request),
        phases.certificate_days_left.map_or("-".to_owned(), |days| format!("{days} d")),
        phases.clock_skew_secs.map_or("-".to_owned(), |secs| format!("{secs:+} s")),
    ]
}

fn table(rows: &[[String; 9]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 9] = std::array::from_fn(width);
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn sentence(choice: &Choice) -> String {
    let serves = match &choice.would_serve {
        Some(name) => format!("{name} would serve a login now ({})", choice.why.code()),
        None if choice.why == Why::LastTry => {
            format!(
                "nobody is known to be well; a login tries each once all the same ({})",
                choice.why.code()
            )
        }
        None => format!("nobody would serve a login now ({})", choice.why.code()),
    };
    if choice.others.is_empty() {
        return serves;
    }
    let others = choice.others.iter().map(|(name, why)| format!("{name} ({})", why.code()));
    format!("{serves}; {}", others.collect::<Vec<_>>().join(", "))
}

/// A line for each provider that was asked more than once: its last answers, oldest first.
fn histories(report: &Report, deployment: &Deployment) -> String {
    let asked_again = || report.providers.iter().filter(|asked| asked.history.len() > 1);
    let name = |asked: &Asked| deployment.idp(asked.idp).name.to_string();
    let width = asked_again().map(|asked| name(asked).chars().count()).max().unwrap_or_default();
    let lines = asked_again().map(|asked| {
        let bars: String =
            asked.history.iter().map(|well| if *well { '\u{2587}' } else { '\u{2581}' }).collect();
        format!("{:width$}  {bars}  {}\n", name(asked), asked.member.standing().word())
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// One answer as a line, for a log that grows.
pub fn line(
    idp: IdpIndex,
    verdict: &Verdict,
    report: &Report,
    deployment: &Deployment,
    at: UnixSecs,
) -> String {
    let name = &deployment.idp(idp).name;
    let standing = report.providers.iter().find(|asked| asked.idp == idp);
    let standing = standing.map_or("unknown", |asked| asked.member.standing().word());
    let words = match &verdict.outcome {
        Ok(()) => match verdict.phases.request {
            Some(time) => format!("well in {:.1} ms", millis(time)),
            None => "well".to_owned(),
        },
        Err(unwell) => format!("{}: {}", unwell.reason, unwell.detail),
    };
    format!("{} {name}: {words} ({standing})\n", time(at))
}

/// What is different about who would serve, as lines for the same log.
pub fn changes(before: Option<&Report>, now: &Report, at: UnixSecs) -> String {
    let kinds = |report: &Report| {
        let named = |what: &'static str, choices: &[Choice]| {
            choices.iter().map(|choice| (what, choice.clone())).collect::<Vec<_>>()
        };
        [named("continuity", &report.continuity), named("app", &report.apps)].concat()
    };
    let known = before.map(kinds).unwrap_or_default();
    let fresh = kinds(now).into_iter().filter(|(what, choice)| {
        let had = known.iter().find(|(kind, had)| kind == what && had.name == choice.name);
        had.is_none_or(|(_, had)| had.would_serve != choice.would_serve || had.why != choice.why)
    });
    let mut out: String = fresh
        .map(|(what, choice)| format!("{} {what} {}: {}\n", time(at), choice.name, sentence(&choice)))
        .collect();
    if before.is_none_or(|before| before.overall != now.overall) {
        out.push_str(&format!("{} verdict: {}\n", time(at), now.overall.word()));
    }
    out
}

/// As RFC 3339 writes it, in UTC.
fn time(at: UnixSecs) -> String {
    let secs = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(secs).map_or_else(|_| at.0.to_string(), |time| time.to_string())
}

/// The JSON Schema of [`json()`].
pub fn schema() -> Value {
    let phase = json!({"type": ["number", "null"], "minimum": 0, "description": "Milliseconds; null when it did not happen."});
    let text = |description: &str| json!({"type": "string", "description": description});
    let maybe_text = |description: &str| json!({"type": ["string", "null"], "description": description});
    let choices = json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name", "wouldServe", "reason"],
            "properties": {
                "name": text("Continuity connector, or app."),
                "wouldServe": maybe_text("Provider a login would be sent to now; null when nobody is left."),
                "reason": text("Reason code of the choice."),
                "others": {"type": "array", "items": {
                    "type": "object",
                    "required": ["name", "reason"],
                    "properties": {"name": {"type": "string"}, "reason": {"type": "string"}},
                }},
            },
        },
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of maverics probe",
        "type": "object",
        "required": ["version", "providers", "continuity", "apps", "verdict"],
        "properties": {
            "version": {"const": 1},
            "verdict": {"enum": ["healthy", "degraded", "outage"], "description": "outage: some app has no healthy provider left."},
            "continuity": choices,
            "apps": choices,
            "providers": {"type": "array", "items": {
                "type": "object",
                "required": ["name", "type", "verdict", "reason", "detail", "phases"],
                "properties": {
                    "name": text("Connector."),
                    "type": text("Value of its `type`."),
                    "address": maybe_text("What was asked."),
                    "watched": {"type": "boolean", "description": "Whether `serve` asks it at regular times."},
                    "verdict": {"enum": ["healthy", "unhealthy"], "description": "By the last answer."},
                    "reason": maybe_text("Stable reason code."),
                    "detail": maybe_text("Words for the operator."),
                    "standing": {"enum": ["unknown", "healthy", "unhealthy"], "description": "By the thresholds, with --count."},
                    "asked": {"type": "integer", "minimum": 1},
                    "answered": {"type": "integer", "minimum": 0},
                    "phases": {"type": "object", "properties": {"dns": phase, "tcp": phase, "tls": phase, "request": phase}},
                    "certificateDaysLeft": {"type": ["integer", "null"], "description": "Of the provider's own certificate."},
                    "chainDaysLeft": {"type": ["integer", "null"], "description": "The least of all certificates it sent."},
                    "tlsVersion": maybe_text("TLS version spoken, such as 1.3."),
                    "history": {"type": "array", "maxItems": HISTORY_MAX, "items": {"type": "boolean"}, "description": "Whether each of the last answers was good, oldest first."},
                    "clockSkewSeconds": {"type": ["integer", "null"], "description": "Their clock minus ours."},
                    "facts": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            }},
        },
    })
}
