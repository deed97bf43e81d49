//! What a drill brought, for people and for programs.

use serde_json::{Value, json};

use super::measure::Measured;
use super::record::{Entry, Logins, What};
use super::{Rehearsal, Report};
use crate::continuity::Change;
use crate::health::Reason;
use crate::value::Duration;

/// Most lines of a timeline for people; programs get all of it.
pub const LINES_MAX: usize = 200;

/// An event in stable words, shared by all formats.
pub(super) struct Words {
    /// What it is about: a member or the continuity connector.
    pub(super) subject: String,
    /// Stable code: as in the log of `serve` where that has the event too.
    pub(super) event: &'static str,
    /// State, member or fault before.
    pub(super) from: Option<String>,
    /// State, member or fault now.
    pub(super) to: Option<String>,
    /// Reason code.
    pub(super) reason: Option<&'static str>,
    /// For people.
    pub(super) sentence: String,
}

pub(super) fn words(rehearsal: &Rehearsal, what: What) -> Words {
    let member = |place: usize| rehearsal.members[place].clone();
    let of = |subject: String, event, reason: Option<&'static str>, sentence: String| Words {
        subject,
        event,
        from: None,
        to: None,
        reason,
        sentence,
    };
    match what {
        What::FaultBegins(fault) => {
            let fault = &rehearsal.faults[fault];
            let lasting = match fault.until {
                Some(_) => format!(" for {}", Duration::from_millis(fault.lasted)),
                None => " to the end".to_owned(),
            };
            let sentence = format!("fault begins: {}{lasting}", fault.fault);
            let to = Some(fault.fault.to_string());
            Words { to, ..of(member(fault.member), "fault.begins", None, sentence) }
        }
        What::FaultEnds(fault) => {
            let fault = &rehearsal.faults[fault];
            let from = Some(fault.fault.to_string());
            let sentence = format!("fault ends: {}", fault.fault);
            Words { from, ..of(member(fault.member), "fault.ends", None, sentence) }
        }
        What::Changed(place, change) => {
            let subject = member(place);
            match change {
                Change::Standing { from, to, reason } => {
                    let reason = reason.map_or("recovered", Reason::code);
                    let sentence = format!("{} -> {} ({reason})", from.word(), to.word());
                    let (from, to) = (Some(from.word().to_owned()), Some(to.word().to_owned()));
                    Words { from, to, ..of(subject, "health.state.changed", Some(reason), sentence) }
                }
                Change::Suspected(reason) => {
                    let sentence = format!("suspect ({reason}): new logins skip it until a probe succeeds");
                    of(subject, "health.suspected", Some(reason.code()), sentence)
                }
                Change::Cleared => {
                    of(subject, "health.cleared", None, "no longer suspect (a probe succeeded)".to_owned())
                }
                Change::Damped(factor) => {
                    let sentence = format!("flaps: its healthy threshold is multiplied by {factor}");
                    let to = Some(factor.to_string());
                    Words { to, ..of(subject, "health.flapping", None, sentence) }
                }
            }
        }
        What::Serves { from, to, why } => {
            let event = if to == 0 { "continuity.failback" } else { "continuity.failover" };
            let (from, to) = (member(from), member(to));
            let sentence = format!("logins go to {to} instead of {from} ({})", why.code());
            let name = rehearsal.name.clone();
            Words { from: Some(from), to: Some(to), ..of(name, event, Some(why.code()), sentence) }
        }
        What::Restarted(place, reason) => {
            let from = member(place);
            let sentence = format!("a login under way leaves {from} ({reason})");
            let name = rehearsal.name.clone();
            let code = Some(reason.code());
            Words { from: Some(from), ..of(name, "continuity.login.restarted", code, sentence) }
        }
        What::Exhausted => {
            let sentence = "nobody is available".to_owned();
            of(rehearsal.name.clone(), "continuity.exhausted", None, sentence)
        }
        What::ServesAgain(place, why) => {
            let to = member(place);
            let sentence = format!("logins go to {to} again ({})", why.code());
            let name = rehearsal.name.clone();
            Words { to: Some(to), ..of(name, "continuity.available", Some(why.code()), sentence) }
        }
    }
}

/// Lines for people.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    for rehearsal in &report.rehearsals {
        let name = report.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let Report { duration, logins, seed, .. } = report;
        out.push_str(&format!(
            "{name}{} ({}), {duration}, logins {logins}, seed {seed}\n\n",
            rehearsal.name,
            rehearsal.members.join(", ")
        ));
        timeline(rehearsal, &mut out);
        out.push('\n');
        faults(rehearsal, &mut out);
        shares(rehearsal, &mut out);
        out.push_str(&sentence(&rehearsal.record.logins));
        out.push('\n');
    }
    for check in &report.checks {
        let held = if check.held { "pass" } else { "FAIL" };
        out.push_str(&format!("{held}: {}: {}\n", check.name, check.words));
    }
    out.push_str(match (report.checks.is_empty(), report.passed()) {
        (true, _) => "verdict: none was asked for (--max-detect, --max-failed)\n",
        (false, true) => "verdict: pass\n",
        (false, false) => "verdict: fail\n",
    });
    out
}

fn timeline(rehearsal: &Rehearsal, out: &mut String) {
    let entries = &rehearsal.record.timeline;
    let shown: Vec<(u64, Words)> =
        entries.iter().take(LINES_MAX).map(|Entry { at, what }| (*at, words(rehearsal, *what))).collect();
    let width = shown.iter().map(|(_, words)| words.subject.chars().count()).max().unwrap_or_default();
    for (at, words) in &shown {
        out.push_str(&format!("{}  {:width$}  {}\n", clock(*at), words.subject, words.sentence));
    }
    let more = (entries.len() - shown.len()) as u64 + rehearsal.record.cut;
    if more > 0 {
        out.push_str(&format!("... and {more} more; --format json has them\n"));
    }
}

/// A measured time: `910ms`, `2.769s`, `1m8.297s`.
pub(super) fn span(millis: u64) -> String {
    match (millis / 60_000, millis % 60_000) {
        (0, millis @ 0..1_000) => format!("{millis}ms"),
        (minutes, rest) => {
            let minutes = if minutes > 0 { format!("{minutes}m") } else { String::new() };
            let part = format!("{}.{:03}", rest / 1_000, rest % 1_000);
            format!("{minutes}{}s", part.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

/// Hours, minutes, seconds and milliseconds from the start.
pub(super) fn clock(millis: u64) -> String {
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1_000)
}

fn faults(rehearsal: &Rehearsal, out: &mut String) {
    if rehearsal.faults.is_empty() {
        return;
    }
    let measured = |millis: Option<u64>| match millis {
        Some(0) => "at once".to_owned(),
        Some(millis) => span(millis),
        None => "-".to_owned(),
    };
    let at_worst = |time: Option<Duration>| time.map_or("-".to_owned(), |time| time.to_string());
    let mut rows = vec![
        ["FAULT", "AT", "AVOIDED AFTER", "UNHEALTHY AFTER", "AT WORST", "BACK AFTER", "AT WORST"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(rehearsal.faults.iter().map(|fault| {
        vec![
            format!("{} {}", rehearsal.members[fault.member], fault.fault),
            Duration::from_millis(fault.from).to_string(),
            measured(fault.seen.noticed),
            measured(fault.seen.unhealthy),
            at_worst(fault.noticed_at_worst),
            measured(fault.seen.recovered),
            at_worst(fault.recovered_at_worst),
        ]
    }));
    table(&rows, out);
    if let Some(budget) = rehearsal.pre_flight {
        out.push_str(&format!("with pre-flight, a login notices at once and waits at most {budget}\n"));
    }
    out.push('\n');
}

fn shares(rehearsal: &Rehearsal, out: &mut String) {
    let logins = &rehearsal.record.logins;
    if logins.begun == 0 {
        return;
    }
    let mut rows = vec![["PROVIDER", "SIGNED IN", "SHARE", "SENT THERE"].map(str::to_owned).to_vec()];
    for (place, name) in rehearsal.members.iter().enumerate() {
        let sent = logins.selections[place].iter().map(|(why, times)| format!("{why} {times}"));
        let sent = sent.collect::<Vec<_>>().join(", ");
        rows.push(vec![
            name.clone(),
            logins.signed_in[place].to_string(),
            share(logins, place),
            if sent.is_empty() { "-".to_owned() } else { sent },
        ]);
    }
    table(&rows, out);
    out.push('\n');
}

/// In hundredths, with one decimal.
fn share(logins: &Logins, place: usize) -> String {
    let thousandths = (logins.signed_in[place] * 1_000 + logins.succeeded() / 2)
        .checked_div(logins.succeeded())
        .unwrap_or_default();
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn table(rows: &[Vec<String>], out: &mut String) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
}

/// What became of the logins.
fn sentence(logins: &Logins) -> String {
    if logins.begun == 0 {
        return "logins: nobody came; the timeline says whom a login would have been sent to\n".to_owned();
    }
    let mut out = format!(
        "logins: {} came, {} signed in, {} failed",
        logins.begun,
        logins.succeeded(),
        logins.failures()
    );
    let failed: Vec<String> =
        logins.failed.iter().map(|(failure, times)| format!("{} {times}", failure.code())).collect();
    if !failed.is_empty() {
        out.push_str(&format!(" ({})", failed.join(", ")));
    }
    out.push_str(&format!(", {} under way at the end\n", logins.under_way));
    out.push_str(&format!("  delayed: {}", logins.delayed()));
    if logins.delayed() > 0 {
        let [worst, p99] = [logins.worst_delay(), logins.p99_delay()].map(span);
        out.push_str(&format!("; {worst} longer than usual at worst, {p99} or less for 99 of 100"));
    }
    out.push('\n');
    for (count, words) in [
        (logins.retried, "saw an error page and signed in at the second try"),
        (logins.restarted, "had to sign in at a second provider: the first failed under way"),
        (logins.stranded, "stood on a page of the provider when it died, and came back later"),
    ] {
        if count > 0 {
            out.push_str(&format!("  {count} {words}\n"));
        }
    }
    out
}

/// The stable JSON shape (`schemas/output/drill.schema.json`). Times are in seconds.
pub fn json(report: &Report) -> Value {
    let checks = report
        .checks
        .iter()
        .map(|check| json!({"name": check.name, "held": check.held, "words": check.words}));
    json!({
        "version": 1,
        "name": report.name,
        "seed": report.seed,
        "duration": seconds(report.duration.as_millis()),
        "logins": report.logins.to_string(),
        "continuity": report.rehearsals.iter().map(of_rehearsal).collect::<Vec<_>>(),
        "checks": checks.collect::<Vec<_>>(),
        "passed": report.passed(),
    })
}

fn of_rehearsal(rehearsal: &Rehearsal) -> Value {
    let record = &rehearsal.record;
    let timeline = record.timeline.iter().map(|Entry { at, what }| {
        let words = words(rehearsal, *what);
        json!({
            "at": seconds(*at),
            "event": words.event,
            "subject": words.subject,
            "from": words.from,
            "to": words.to,
            "reason": words.reason,
        })
    });
    let logins = &record.logins;
    let members = rehearsal.members.iter().enumerate().map(|(place, name)| {
        let selections: serde_json::Map<String, Value> =
            logins.selections[place].iter().map(|(why, times)| ((*why).to_owned(), json!(times))).collect();
        json!({"name": name, "signedIn": logins.signed_in[place], "selections": selections})
    });
    let failures: serde_json::Map<String, Value> =
        logins.failed.iter().map(|(failure, times)| (failure.code().to_owned(), json!(times))).collect();
    json!({
        "name": rehearsal.name,
        "preFlight": rehearsal.pre_flight.map(|budget| seconds(budget.as_millis())),
        "members": members.collect::<Vec<_>>(),
        "faults": rehearsal.faults.iter().map(|fault| of_fault(rehearsal, fault)).collect::<Vec<_>>(),
        "logins": {
            "begun": logins.begun,
            "signedIn": logins.succeeded(),
            "failed": logins.failures(),
            "failures": failures,
            "delayed": logins.delayed(),
            "worstDelay": seconds(logins.worst_delay()),
            "p99Delay": seconds(logins.p99_delay()),
            "retried": logins.retried,
            "restarted": logins.restarted,
            "stranded": logins.stranded,
            "underWay": logins.under_way,
        },
        "switches": record.switches,
        "probes": record.probes,
        "timeline": timeline.collect::<Vec<_>>(),
        "timelineCut": record.cut,
    })
}

fn of_fault(rehearsal: &Rehearsal, fault: &Measured) -> Value {
    let worst = |time: Option<Duration>| time.map(|time| seconds(time.as_millis()));
    json!({
        "idp": rehearsal.members[fault.member],
        "fault": fault.fault.to_string(),
        "from": seconds(fault.from),
        "until": fault.until.map(seconds),
        "noticed": fault.seen.noticed.map(seconds),
        "unhealthy": fault.seen.unhealthy.map(seconds),
        "noticedAtWorst": worst(fault.noticed_at_worst),
        "recovered": fault.seen.recovered.map(seconds),
        "recoveredAtWorst": worst(fault.recovered_at_worst),
    })
}

/// Seconds; whole ones without a fraction.
fn seconds(millis: u64) -> Value {
    if millis.is_multiple_of(1_000) { json!(millis / 1_000) } else { json!(millis as f64 / 1_000.0) }
}

/// The JSON Schema of [`json()`].
pub fn schema() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let maybe_text = |description: &str| json!({"type": ["string", "null"], "description": description});
    let time = |description: &str| json!({"type": "number", "minimum": 0, "description": description});
    let maybe_time =
        |description: &str| json!({"type": ["number", "null"], "minimum": 0, "description": description});
    let count = |description: &str| json!({"type": "integer", "minimum": 0, "description": description});
    let counts = |description: &str| json!({"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}, "description": description});
    let object = |properties: Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(|map| map.keys()).collect();
        let required = json!(required);
        json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
    };
    let list = |items: Value| json!({"type": "array", "items": items});
    let member = object(json!({
        "name": text("Connector."),
        "signedIn": count("People it signed in."),
        "selections": counts("Browsers sent there, by reason code."),
    }));
    let fault = object(json!({
        "idp": text("Connector."),
        "fault": text("As --fault writes it."),
        "from": time("Begins, in seconds from the start."),
        "until": maybe_time("Ends, in seconds from the start; null when it lasted to the end."),
        "noticed": maybe_time("Seconds until logins avoided the provider: suspect or unhealthy."),
        "unhealthy": maybe_time("Seconds until the thresholds called it unhealthy."),
        "noticedAtWorst": maybe_time("By probes alone, by the closed form; null when they do not notice it, or by chance."),
        "recovered": maybe_time("Seconds from the end of the fault until logins went there again."),
        "recoveredAtWorst": maybe_time("By the closed form, without damping."),
    }));
    let logins = object(json!({
        "begun": count("People who came."),
        "signedIn": count("In the app."),
        "failed": count("Not in the app after one more try."),
        "failures": counts("By why: exhausted, dead-page, rejected, gave-up."),
        "delayed": count("Took noticeably longer than usual."),
        "worstDelay": time("Longest time beyond the usual, in seconds, of those not stranded."),
        "p99Delay": time("Exceeded by one of a hundred, in seconds."),
        "retried": count("Signed in at the second try."),
        "restarted": count("Signed in at a second provider after the first failed under way."),
        "stranded": count("Stood on a page of a provider when it died."),
        "underWay": count("Still under way when the drill ended."),
    }));
    let entry = object(json!({
        "at": time("Seconds from the start."),
        "event": text("Stable code; that of the log of serve, where it has the event."),
        "subject": text("Connector."),
        "from": maybe_text("State, provider or fault before."),
        "to": maybe_text("State, provider, fault or factor now."),
        "reason": maybe_text("Stable reason code."),
    }));
    let rehearsal = object(json!({
        "name": text("Continuity connector."),
        "preFlight": maybe_time("Longest wait before a login; null where members are not asked first."),
        "members": list(member),
        "faults": list(fault),
        "logins": logins,
        "switches": count("How often logins went to another provider than before."),
        "probes": count("Scheduled probes."),
        "timeline": list(entry),
        "timelineCut": count("Entries left out."),
    }));
    let check = object(json!({
        "name": {"enum": ["max-detect", "max-failed"]},
        "held": {"type": "boolean"},
        "words": text("What was seen."),
    }));
    let mut schema = object(json!({
        "version": {"const": 1},
        "name": maybe_text("Of the scenario."),
        "seed": count("The same seed gives the same report."),
        "duration": time("Simulated seconds."),
        "logins": text("Rate of logins, as --logins writes it."),
        "continuity": list(rehearsal),
        "checks": list(check),
        "passed": {"type": "boolean", "description": "Whether all checks held; true without checks."},
    }));
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Report of maverics drill");
    schema
}
