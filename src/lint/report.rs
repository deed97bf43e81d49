//! What lint says besides its findings: verdicts and detection times, for people and for programs.

use serde_json::{Map, Value, json};

use super::Outcome;
use super::detection::Line;
use super::tiers::{Verdict, highest};
use crate::continuity::detection::Times;
use crate::value::Duration;

/// The fields that `maverics lint --format json` adds to the common report: `tier`, `tiers`, `detection`.
pub fn json(outcome: &Outcome) -> Map<String, Value> {
    let tiers: Map<String, Value> = outcome
        .tiers
        .iter()
        .map(|verdict| {
            let Verdict { tier, missing, unproven } = verdict;
            let body = json!({"met": verdict.is_met(), "missing": missing, "unproven": unproven});
            (tier.number().to_string(), body)
        })
        .collect();
    let detection: Map<String, Value> =
        outcome.detection.iter().map(|line| (line.name.clone(), of_line(line))).collect();
    let mut out = Map::new();
    out.insert("tier".into(), json!(highest(&outcome.tiers)));
    out.insert("tiers".into(), tiers.into());
    out.insert("detection".into(), detection.into());
    out
}

fn of_line(line: &Line) -> Value {
    let mut out = Map::new();
    match &line.slowest {
        Some(times) => out.extend(of_times(times)),
        None => {
            out.extend(["worst", "mean", "worstRefused", "failback"].map(|key| (key.to_owned(), Value::Null)))
        }
    }
    out.insert("preFlight".into(), json!(line.pre_flight.map(seconds)));
    out.insert("unwatched".into(), json!(line.unwatched));
    let members = line.members.iter().map(|(name, times)| (name.clone(), Value::Object(of_times(times))));
    out.insert("members".into(), Value::Object(members.collect()));
    Value::Object(out)
}

fn of_times(times: &Times) -> Map<String, Value> {
    let parts = [
        ("worst", times.worst),
        ("mean", times.mean),
        ("worstRefused", times.worst_refused),
        ("failback", times.failback),
    ];
    parts.into_iter().map(|(key, time)| (key.to_owned(), seconds(time))).collect()
}

/// Seconds; whole ones without a fraction.
fn seconds(time: Duration) -> Value {
    match time.as_millis() {
        millis if millis % 1000 == 0 => json!(millis / 1000),
        millis => json!(millis as f64 / 1000.0),
    }
}

/// The lines below the findings, for people.
pub fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    for line in &outcome.detection {
        let times = match &line.slowest {
            Some(t) => format!(
                "an outage is noticed within {} ({} on average, {} when connections are refused), a recovery within {}",
                t.worst, t.mean, t.worst_refused, t.failback
            ),
            None => "no probe notices an outage: no member is watched".to_owned(),
        };
        out.push_str(&format!("{}: {times}\n", line.name));
        if let Some(wait) = line.pre_flight {
            out.push_str(&format!("  with pre-flight, a login notices at once and waits at most {wait}\n"));
        }
        if line.slowest.is_some() && !line.unwatched.is_empty() {
            out.push_str(&format!("  not watched: {}\n", line.unwatched.join(", ")));
        }
    }
    for verdict in &outcome.tiers {
        let met = if verdict.is_met() { "met" } else { "not met" };
        out.push_str(&format!("tier {} ({}): {met}\n", verdict.tier.number(), verdict.tier.name()));
        out.extend(verdict.missing.iter().map(|words| format!("  missing: {words}\n")));
        out.extend(verdict.unproven.iter().map(|words| format!("  unproven: {words}\n")));
    }
    out
}

/// The JSON Schema of the whole report: that of the findings, and the fields that [`json()`] adds.
pub fn schema() -> Value {
    let mut schema = crate::diag::json::schema();
    schema["title"] = json!("Report of maverics lint");
    let fields = fields();
    if let (Some(properties), Value::Object(more)) = (schema["properties"].as_object_mut(), fields) {
        properties.extend(more);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.extend(["tier", "tiers", "detection"].map(Value::from));
    }
    schema
}

fn fields() -> Value {
    let times = json!({
        "worst": {"type": ["number", "null"], "minimum": 0},
        "mean": {"type": ["number", "null"], "minimum": 0},
        "worstRefused": {"type": ["number", "null"], "minimum": 0},
        "failback": {"type": ["number", "null"], "minimum": 0},
    });
    let mut line = times.clone();
    line["preFlight"] = json!({"type": ["number", "null"], "description": "Seconds a login waits at most; null when it is off."});
    line["unwatched"] = json!({"type": "array", "items": {"type": "string"}});
    line["members"] =
        json!({"type": "object", "additionalProperties": {"type": "object", "properties": times}});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let verdict = json!({
        "type": "object",
        "required": ["met", "missing", "unproven"],
        "properties": {"met": {"type": "boolean"}, "missing": texts, "unproven": texts},
    });
    json!({
        "tier": {"type": "integer", "minimum": 0, "maximum": 4, "description": "The highest tier that is met; 0 for none."},
        "tiers": {
            "type": "object",
            "description": "Each tier, judged by itself.",
            "required": ["1", "2", "3", "4"],
            "additionalProperties": verdict,
        },
        "detection": {
            "type": "object",
            "description": "Per continuity connector, in seconds.",
            "additionalProperties": {"type": "object", "properties": line},
        },
    })
}
