//! What a drill brought, for programs.

use serde_json::{Value, json};

use super::measure::Measured;
use super::record::Entry;
use super::words::words;
use super::{Rehearsal, Report};
use crate::value::Duration;

/// The stable JSON shape (`schemas/output/drill.schema.json`). Times are in seconds.
pub fn report(report: &Report) -> Value {
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

/// The JSON Schema of [`report()`].
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
