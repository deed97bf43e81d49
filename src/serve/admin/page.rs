//! The operator page: one document, no script, nothing from elsewhere, good without its style sheet.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use minijinja::{Environment, context};
use serde::Serialize;

use super::past;
use super::report::{self, Probe, Provider, Scene};
use super::words::{self, Level};
use crate::serve::edge::{Body, Response};
use crate::serve::state::State;

/// Probes in a picture.
pub const PROBES_SHOWN: usize = 60;
/// Turns and sessions on the page; the JSON has more.
const TURNS_SHOWN: usize = 40;
const SESSIONS_SHOWN: usize = 20;
/// Seconds between two loads, when the operator wants it live.
const RELOAD_SECS: u64 = 5;

/// Height of a picture, and width of one probe in it.
const HEIGHT: u64 = 40;
const STEP: u64 = 5;

const STYLE: &str = include_str!("page.css");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.add_template("page.html", include_str!("page.html")).expect("the page template is ours");
    environment
});

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

#[derive(Serialize)]
struct View<'a> {
    node: &'a str,
    at: &'a str,
    clock: &'a str,
    uptime: String,
    program: &'a str,
    configuration: Option<&'a str>,
    live: bool,
    reload_secs: u64,
    draining: bool,
    error: Option<&'a str>,
    level: &'static str,
    sign: &'static str,
    title: String,
    more: Vec<String>,
    providers: Vec<Card<'a>>,
    groups: Vec<Plan<'a>>,
    turns: Vec<Line>,
    sessions: Vec<Row>,
    sessions_total: usize,
}

#[derive(Serialize)]
struct Card<'a> {
    name: &'a str,
    kind: &'a str,
    word: &'static str,
    level: &'static str,
    sign: &'static str,
    available: bool,
    watched: bool,
    reason: Option<&'a str>,
    meaning: String,
    since: &'a str,
    since_clock: &'a str,
    failures: u32,
    threshold: u32,
    recovers: u32,
    last: Option<Last<'a>>,
    picture: Picture,
}

#[derive(Serialize)]
struct Last<'a> {
    millis: u64,
    at: &'a str,
    clock: &'a str,
    reason: Option<&'a str>,
}

/// The last probes, drawn. A good one is a solid bar as high as it was slow; a failed one is a hollow box of
/// full height, so that it shows without colour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Picture {
    width: u64,
    height: u64,
    bars: Vec<Bar>,
    words: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Bar {
    x: u64,
    y: u64,
    height: u64,
    failed: bool,
}

#[derive(Serialize)]
struct Plan<'a> {
    name: &'a str,
    serving: &'a str,
    serving_reason: &'a str,
    serving_since: &'a str,
    serving_clock: &'a str,
    members: Vec<Member<'a>>,
}

#[derive(Serialize)]
struct Member<'a> {
    name: &'a str,
    serves: bool,
    place: &'static str,
    code: &'a str,
    because: Option<&'a str>,
    words: String,
}

#[derive(Serialize)]
struct Line {
    at: String,
    clock: String,
    words: String,
    code: String,
    level: &'static str,
}

#[derive(Serialize)]
struct Row {
    session: String,
    age: String,
    idle: String,
    providers: String,
}

/// The page as an answer. `error`: what became of an action.
pub(super) fn answer(state: &State, live: bool, error: Option<&str>, status: StatusCode) -> Response {
    let mut response = Response::new(Body::of(html(state, live, error)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Not `no-referrer`: under it browsers send `Origin: null` with our own forms.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(POLICY.as_str()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn html(state: &State, live: bool, error: Option<&str>) -> String {
    let scene = report::scene(state);
    let history = past::history(state);
    let sessions = report::sessions(state, SESSIONS_SHOWN);
    let status = &scene.status;
    let verdict = words::verdict(&scene);
    let turns = history.turns.iter().take(TURNS_SHOWN).map(|turn| Line {
        clock: words::clock(&turn.at.0).to_owned(),
        at: turn.at.0.clone(),
        words: words::turn(turn),
        code: [turn.reason, turn.because].into_iter().flatten().collect::<Vec<_>>().join(", "),
        level: match turn.event {
            "continuity.failback" | "health.cleared" => Level::Good,
            "health.state.changed" if turn.to.as_deref() == Some("healthy") => Level::Good,
            "continuity.exhausted" | "health.state.changed" => Level::Bad,
            _ => Level::Warn,
        }
        .class(),
    });
    let rows = sessions.sessions.into_iter().map(|session| Row {
        session: session.session,
        age: words::age(session.age_seconds),
        idle: words::age(session.idle_seconds),
        providers: session
            .providers
            .iter()
            .map(|by| format!("{} ({})", by.name, by.reason))
            .collect::<Vec<_>>()
            .join(", "),
    });
    let view = View {
        node: &status.node,
        at: &status.at.0,
        clock: words::clock(&status.at.0),
        uptime: words::age(status.uptime_seconds),
        program: status.program,
        configuration: status.configuration.as_deref(),
        live,
        reload_secs: RELOAD_SECS,
        draining: status.draining,
        error,
        level: verdict.level.class(),
        sign: verdict.level.sign(),
        title: verdict.title,
        more: verdict.more,
        providers: status.providers.iter().map(card).collect(),
        groups: plans(&scene),
        turns: turns.collect(),
        sessions: rows.collect(),
        sessions_total: sessions.total,
    };
    let rendered = TEMPLATES.get_template("page.html").and_then(|template| {
        template.render(context! { view => minijinja::value::Serde(&view), style => STYLE })
    });
    rendered.unwrap_or_else(|error| {
        tracing::error!(%error, "the operator page could not be rendered");
        "<!doctype html><title>Error</title><p>The page could not be rendered; the log says why.".to_owned()
    })
}

fn card(provider: &Provider) -> Card<'_> {
    let (word, level) = words::state(provider);
    let reason = provider.suspect.or(provider.reason);
    let since = words::since(provider);
    Card {
        name: &provider.name,
        kind: &provider.kind,
        word,
        level: level.class(),
        sign: level.sign(),
        available: provider.available,
        watched: provider.watched,
        reason,
        meaning: reason.map(words::meaning).unwrap_or_default(),
        since: &since.0,
        since_clock: words::clock(&since.0),
        failures: provider.consecutive_failures,
        threshold: provider.unhealthy_threshold,
        recovers: provider.healthy_threshold,
        last: provider.last_probe.as_ref().map(|probe| Last {
            millis: probe.millis,
            at: &probe.at.0,
            clock: words::clock(&probe.at.0),
            reason: probe.reason,
        }),
        picture: picture(&provider.probes),
    }
}

fn picture(probes: &[Probe]) -> Picture {
    let probes = &probes[probes.len().saturating_sub(PROBES_SHOWN)..];
    let mut good: Vec<u64> = probes.iter().filter(|p| p.reason.is_none()).map(|p| p.millis).collect();
    good.sort_unstable();
    let slowest = good.last().copied().unwrap_or(0).max(1);
    // The newest is at the right, wherever the record begins.
    let first = (PROBES_SHOWN - probes.len()) as u64;
    let bars = probes.iter().zip(first..).map(|(probe, place)| {
        let failed = probe.reason.is_some();
        // A square root: one slow answer must not flatten the others.
        let share = (probe.millis as f64 / slowest as f64).sqrt();
        let height = if failed { HEIGHT } else { 3 + (share * (HEIGHT - 9) as f64) as u64 };
        Bar { x: place * STEP, y: HEIGHT - height, height, failed }
    });
    let failed = probes.len() - good.len();
    let words = match (probes.len(), good.get(good.len() / 2)) {
        (0, _) => "No probe yet.".to_owned(),
        (all, None) => format!("The last {all} probes all failed."),
        (all, Some(middle)) => {
            let failed = if failed == 0 { "none failed".to_owned() } else { format!("{failed} failed") };
            format!(
                "Last {all} probes: {failed}; good ones took {middle} ms in the middle, {slowest} ms at most."
            )
        }
    };
    Picture { width: PROBES_SHOWN as u64 * STEP, height: HEIGHT, bars: bars.collect(), words }
}

fn plans(scene: &Scene) -> Vec<Plan<'_>> {
    let groups = scene.status.continuity.iter().map(|group| {
        let serves = group.now.would_serve.as_deref().map(|name| Member {
            name,
            serves: true,
            place: "would serve",
            code: group.now.reason,
            because: None,
            words: words::why(group.now.reason).to_owned(),
        });
        let others = group.now.others.iter().map(|other| Member {
            name: &other.name,
            serves: false,
            place: match other.reason {
                "standby" => "stands by",
                // Nobody is left, and a login tries them once all the same.
                "unhealthy" | "suspect" if group.now.reason == "last-try" => "tried once",
                _ => "passed over",
            },
            code: other.reason,
            because: other.because,
            words: words::other(other),
        });
        Plan {
            name: &group.now.name,
            serving: &group.serving.name,
            serving_reason: group.serving.reason,
            serving_since: &group.serving.since.0,
            serving_clock: words::clock(&group.serving.since.0),
            members: serves.into_iter().chain(others).collect(),
        }
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::UnixSecs;

    #[test]
    fn a_picture_of_the_newest_probes() {
        let probe = |i: u64| Probe {
            at: UnixSecs(i).into(),
            millis: if i == 99 { 400 } else { 4 },
            reason: (i == 50).then_some("timeout"),
        };
        let probes: Vec<Probe> = (0..100).map(probe).collect();
        let drawn = picture(&probes);
        assert_eq!((drawn.bars.len(), drawn.bars[0].x, drawn.width), (60, 0, 300));
        assert_eq!(drawn.bars[10], Bar { x: 50, y: 0, height: 40, failed: true });
        assert_eq!((drawn.bars[59].height, drawn.bars[0].height), (34, 6));
        assert_eq!(
            drawn.words,
            "Last 60 probes: 1 failed; good ones took 4 ms in the middle, 400 ms at most."
        );
        assert_eq!(picture(&probes[..2]).bars[1].x, 295);
        assert_eq!(picture(&[]).words, "No probe yet.");
        assert_eq!(picture(&probes[50..51]).words, "The last 1 probes all failed.");
    }
}
