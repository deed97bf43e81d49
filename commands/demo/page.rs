//! What the page shows, gathered from the orchestrator itself, and its text.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use maverics::ambient::UnixSecs;
use maverics::continuity::Standing;
use maverics::continuity::choose::{Candidate, choose};
use maverics::model::IdpIndex;
use maverics::serve::continuity::Snapshot;
use minijinja::{Environment, context};
use serde::Serialize;

use super::Demo;
use super::switch::Mode;
use super::visits::Visit;

/// Events of the log that are shown.
const EVENTS_SHOWN: usize = 8;

const STYLE: &str = include_str!("page.css");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.add_template("page.html", include_str!("page.html")).expect("the page template is ours");
    environment
});

/// Everything on the page.
#[derive(Serialize)]
struct View<'a> {
    person: Option<Person>,
    attributes: Vec<Row>,
    providers: Vec<Card<'a>>,
    next: Option<Next>,
    log: Vec<Line>,
    token: &'a str,
    live: bool,
    /// Path that shows this page, and the one that shows it the other way about `live`.
    here: String,
    other: String,
    sign_out: String,
}

/// Who is signed in, and by whom.
#[derive(Serialize)]
struct Person {
    name: String,
    provider: String,
    why: String,
    why_words: &'static str,
    passed_over: Vec<(String, String, &'static str)>,
    at: String,
    age: String,
}

/// One attribute: our name and value, and what each provider calls and says.
#[derive(Serialize)]
struct Row {
    name: String,
    value: Option<String>,
    sources: Vec<(String, String, Option<String>)>,
}

/// One provider.
#[derive(Serialize)]
struct Card<'a> {
    name: &'a str,
    protocol: &'static str,
    address: String,
    place: &'static str,
    standing: &'static str,
    badge: &'static str,
    words: String,
    available: bool,
    mode: &'static str,
    effect: &'static str,
    modes: [&'static str; 4],
}

/// Where a sign-in would go now.
#[derive(Serialize)]
struct Next {
    provider: String,
    why: &'static str,
}

/// One event.
#[derive(Serialize)]
struct Line {
    at: String,
    words: String,
}

/// The page for a request whose headers come from the orchestrator. `visit` is the signed-in browser's.
pub fn render(demo: &Demo, headers: &HeaderMap, visit: Option<&Visit>, path: &str, live: bool) -> String {
    let suffix = |live: bool| if live { "?live=1" } else { "" };
    let view = View {
        person: visit.map(|visit| person(demo, headers, visit)),
        attributes: attributes(demo, headers),
        providers: providers(demo),
        next: next(demo),
        log: log(demo),
        token: &demo.token,
        live,
        here: format!("{path}{}", suffix(live)),
        other: format!("{path}{}", suffix(!live)),
        sign_out: format!("{}/sign-out", demo.page_origin),
    };
    let rendered = TEMPLATES.get_template("page.html").and_then(|template| {
        template.render(context! { view => minijinja::value::Serde(&view), style => STYLE })
    });
    rendered.unwrap_or_else(|error| {
        tracing::error!(%error, "the demo's page could not be rendered");
        "<!doctype html><title>Error</title><p>The page could not be rendered; the log says why.".to_owned()
    })
}

/// Nothing from elsewhere, no script, no frame; the empty icon stands in the page itself.
pub fn content_security_policy(demo: &Demo) -> String {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        demo.page_origin
    )
}

/// A header the orchestrator set; its values are UTF-8 with everything else percent-encoded.
pub fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned())
}

fn person(demo: &Demo, headers: &HeaderMap, visit: &Visit) -> Person {
    let passed_over =
        visit.passed_over.iter().map(|(name, reason)| (name.clone(), reason.clone(), plainly(reason)));
    Person {
        name: header(headers, "x-people-displayname").unwrap_or_else(|| visit.username.clone()),
        provider: visit.provider.clone(),
        why: visit.why.clone(),
        why_words: why_words(&visit.why),
        passed_over: passed_over.collect(),
        at: clock_time(visit.since),
        age: age(demo.state.now().since(visit.since)),
    }
}

fn why_words(code: &str) -> &'static str {
    match code {
        "primary" => "it is the first choice, and it was well",
        "failover" => "the first choice was not available",
        "standby" => "the one before it failed while you signed in",
        "same-again" => "it stumbled once, was asked, and was well",
        "last-try" => "no provider seemed available, and each was tried once all the same",
        _ => "the log of the orchestrator knows more",
    }
}

/// A reason code in plain words, after "it ...".
fn plainly(reason: &str) -> &'static str {
    match reason {
        "connection-refused" => "refused the connection",
        "timeout" => "did not answer in time",
        "unexpected-status" | "directory-unavailable" => "answered with an error",
        "connection-lost" => "dropped the connection",
        _ => "was not well",
    }
}

/// The names are those of the configuration that runs, the values those of this request.
fn attributes(demo: &Demo, headers: &HeaderMap) -> Vec<Row> {
    let deployment = &demo.state.deployment;
    let rules = deployment.continuity.first().and_then(|group| group.attributes.as_ref());
    let shown = |text: String| text.replace(',', ", ");
    rules
        .into_iter()
        .flatten()
        .map(|rule| Row {
            name: rule.name.clone(),
            value: header(headers, &format!("x-people-{}", rule.name)).map(shown),
            sources: rule
                .mapping
                .iter()
                .map(|(index, path)| {
                    let provider = deployment.idp(*index).name.as_str();
                    let said = header(headers, &format!("x-{provider}-{}", rule.name)).map(shown);
                    (provider.to_owned(), path.literal.clone(), said)
                })
                .collect(),
        })
        .collect()
}

fn providers(demo: &Demo) -> Vec<Card<'_>> {
    let snapshots = demo.state.board.snapshot();
    demo.switches
        .iter()
        .enumerate()
        .filter_map(|(i, (role, switch))| {
            let seen = snapshots.iter().find(|snapshot| snapshot.name == role.name)?;
            let (mode, speech) = (switch.mode(), switch.speech);
            Some(Card {
                name: role.name,
                protocol: role.protocol(),
                address: format!("{}.localhost:{}", role.name, switch.public.port()),
                place: if i == 0 { "first choice" } else { "stands by" },
                standing: seen.standing.word(),
                badge: if seen.suspect.is_some() && seen.standing != Standing::Unhealthy {
                    "suspect"
                } else {
                    seen.standing.word()
                },
                words: seen_words(seen),
                available: seen.available,
                mode: mode.word(speech),
                effect: mode.effect(speech),
                modes: Mode::ALL.map(|mode| mode.word(speech)),
            })
        })
        .collect()
}

/// What the orchestrator makes of a provider.
fn seen_words(seen: &Snapshot) -> String {
    let mut words = format!("{} for {}", seen.standing.word(), age(seen.since_secs));
    match (seen.suspect, seen.reason) {
        (Some(reason), _) if seen.standing != Standing::Unhealthy => {
            words.push_str(&format!(", suspect ({reason})"));
        }
        (_, Some(reason)) => words.push_str(&format!(" ({reason})")),
        _ => {}
    }
    words.push_str(if seen.available { "; new sign-ins may go there" } else { "; new sign-ins skip it" });
    words
}

/// The very choice that a sign-in would meet, before its pre-flight.
fn next(demo: &Demo) -> Option<Next> {
    let group = demo.state.deployment.continuity.first()?;
    let indices: Vec<IdpIndex> = group.members.iter().copied().collect();
    let members = demo.state.board.members(indices.iter().copied());
    let candidates: Vec<Candidate<'_>> =
        members.iter().map(|m| Candidate { member: Some(m), assurance: None, tried: false }).collect();
    let (place, why) = choose(&candidates, None).first()?;
    let available = members.get(place)?.is_available();
    available
        .then(|| Next { provider: demo.state.deployment.idp(indices[place]).name.0.clone(), why: why.code() })
}

fn log(demo: &Demo) -> Vec<Line> {
    let told = demo.journal.told(EVENTS_SHOWN).into_iter();
    told.map(|(at, words)| Line { at: clock_time(at), words }).collect()
}

fn clock_time(at: UnixSecs) -> String {
    let at = jiff::Timestamp::from_second(i64::try_from(at.0).unwrap_or(0)).unwrap_or_default();
    at.strftime("%H:%M:%S").to_string()
}

fn age(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} s"),
        120..7200 => format!("{} min", secs / 60),
        _ => format!("{} h", secs / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_times() {
        assert_eq!(
            (age(0), age(119), age(120), age(7200)),
            ("0 s".into(), "119 s".into(), "2 min".into(), "2 h".into())
        );
        assert_eq!(clock_time(UnixSecs(86_399)), "23:59:59");
    }
}
