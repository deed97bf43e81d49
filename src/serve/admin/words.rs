//! Codes in words, for the operator page. The codes stand beside them: log, probe and metrics go by those.

use super::past::Turn;
use super::report::{Moment, Other, Provider, Scene};
use crate::continuity::Why;
use crate::continuity::outlook::Choice;
use crate::health::Reason;

/// How bad it is: picks colour and sign, both of which repeat what the words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Somebody should look.
    Warn,
    /// Somebody should act.
    Bad,
}

impl Level {
    /// For the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Level::Good => "good",
            Level::Warn => "warn",
            Level::Bad => "bad",
        }
    }

    /// A sign whose shape says it too.
    pub fn sign(self) -> &'static str {
        match self {
            Level::Good => "✓",
            Level::Warn => "▲",
            Level::Bad => "✕",
        }
    }
}

/// The line on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How bad.
    pub level: Level,
    /// In one line.
    pub title: String,
    /// For each continuity connector that has more to say.
    pub more: Vec<String>,
}

/// The meaning of a reason code, to stand after a colon.
pub fn meaning(code: &str) -> String {
    let reason = Reason::ALL.iter().find(|reason| reason.code() == code);
    let words = reason.map_or("", |reason| reason.words()).trim_end_matches('.');
    let mut chars = words.chars();
    // A sentence becomes a clause, but for names such as HTTP.
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            format!("{}{}", first.to_lowercase(), &words[first.len_utf8()..])
        }
        _ => words.to_owned(),
    }
}

/// Why logins go to a provider, or do not.
pub fn why(code: &str) -> &'static str {
    match code {
        "primary" => "first of the list, and available",
        "failover" => "available, and those before it are not",
        "standby" => "available, in case those before it fail",
        "unhealthy" => "its probes fail",
        "suspect" => "skipped until a probe succeeds",
        "below-assurance" => "weaker than what is asked for",
        "last-try" => "nobody is available: each is tried once all the same",
        "last-resort" => "nobody is available, and the configuration sends people there anyway",
        _ => "",
    }
}

/// `unhealthy (connection-refused: nothing listens there)`.
fn ailment(reason: &str, because: Option<&str>) -> String {
    match because {
        Some(code) => format!("{reason} ({code}: {})", meaning(code)),
        None => reason.to_owned(),
    }
}

fn ailing(why: Why) -> bool {
    matches!(why, Why::Unhealthy(_) | Why::Suspect(_))
}

/// One continuity connector: how bad, in one sentence, and what ails whom.
fn told(scene: &Scene, choice: &Choice) -> (Level, String, Vec<String>) {
    let ill = choice.others.iter().filter(|(_, why)| ailing(*why)).map(|(name, why)| {
        let provider = scene.status.providers.iter().find(|provider| provider.name == *name);
        let since = provider.map(|provider| format!(" since {} UTC", clock(&since(provider).0)));
        let ailment = ailment(why.code(), why.because().map(Reason::code));
        format!("{name} is {ailment}{}", since.unwrap_or_default())
    });
    let ill: Vec<String> = ill.collect();
    let (level, title) = match (&choice.would_serve, choice.why) {
        (Some(to), Why::Failover) => {
            let group = scene.status.continuity.iter().find(|group| group.now.name == choice.name);
            let since = group.filter(|group| group.serving.name == *to).map(|group| &group.serving.since.0);
            let serves = since
                .map_or(" serves the next login".into(), |at| format!(" serves since {} UTC", clock(at)));
            (Level::Warn, format!("Failover: {to}{serves}."))
        }
        (Some(to), Why::LastResort) => {
            (Level::Bad, format!("Nobody is well; people are sent to {to} all the same."))
        }
        (Some(to), _) if ill.is_empty() => (Level::Good, format!("All logins are served by {to}.")),
        (Some(to), _) => {
            (Level::Warn, format!("All logins are served by {to}, and not everybody stands by."))
        }
        (None, _) => (Level::Bad, "Nobody can sign in.".to_owned()),
    };
    (level, title, ill)
}

/// Since when a provider is as it is.
pub fn since(provider: &Provider) -> &Moment {
    match (&provider.suspect_since, provider.standing) {
        (Some(since), "healthy" | "unknown") => since,
        _ => &provider.since,
    }
}

/// The verdict of everything.
pub fn verdict(scene: &Scene) -> Verdict {
    with_unwatched(scene, of_known(scene))
}

/// What nobody watches is not known to be well: the page that says so would be believed.
fn with_unwatched(scene: &Scene, mut verdict: Verdict) -> Verdict {
    let unwatched = scene.status.providers.iter().filter(|provider| !provider.watched);
    let names: Vec<&str> = unwatched.map(|provider| provider.name.as_str()).collect();
    if !names.is_empty() {
        verdict.level = verdict.level.max(Level::Warn);
        let names = names.join(", ");
        verdict.more.push(format!("No health check watches {names}: only those who sign in find out."));
    }
    verdict
}

fn of_known(scene: &Scene) -> Verdict {
    let all: Vec<(&str, (Level, String, Vec<String>))> =
        scene.choices.iter().map(|choice| (choice.name.as_str(), told(scene, choice))).collect();
    match all.as_slice() {
        [] => of_providers(scene),
        [(_, (level, title, ill))] => {
            let because = |(i, words): (usize, &String)| match i {
                0 => format!("Because {words}."),
                _ => format!("And {words}."),
            };
            let more = ill.iter().enumerate().map(because).collect();
            Verdict { level: *level, title: title.clone(), more: with_apps(scene, *level, more) }
        }
        all => {
            let level = all.iter().map(|(_, (level, ..))| *level).max().unwrap_or(Level::Good);
            let title = match level {
                Level::Good => "All logins are served by the first choice.",
                Level::Warn => "Everybody can sign in, and not everything is well.",
                Level::Bad => "Some people cannot sign in.",
            };
            let more = all.iter().map(|(name, (_, title, ill))| match ill.as_slice() {
                [] => format!("{name}: {title}"),
                ill => format!("{name}: {title} {}.", ill.join(", ")),
            });
            Verdict { level, title: title.into(), more: with_apps(scene, level, more.collect()) }
        }
    }
}

/// Without continuity, each provider stands for itself.
fn of_providers(scene: &Scene) -> Verdict {
    let ill: Vec<&Provider> = scene.status.providers.iter().filter(|provider| !provider.available).collect();
    let words = |provider: &&Provider| {
        let (word, _) = state(provider);
        format!("{} is {}.", provider.name, ailment(word, provider.suspect.or(provider.reason)))
    };
    let (level, title) = match (ill.len(), scene.status.providers.len()) {
        (0, _) => (Level::Good, "Every provider is available."),
        (ill, all) if ill == all => (Level::Bad, "Nobody can sign in."),
        _ => (Level::Bad, "Some people cannot sign in."),
    };
    Verdict { level, title: title.into(), more: with_apps(scene, level, ill.iter().map(words).collect()) }
}

/// Apps that nobody can sign in to, though others can.
fn with_apps(scene: &Scene, level: Level, mut more: Vec<String>) -> Vec<String> {
    let apps = scene.status.apps.iter().filter(|app| app.would_serve.is_none());
    let stranded: Vec<&str> = apps.map(|app| app.name.as_str()).collect();
    if !stranded.is_empty() && (level != Level::Bad || stranded.len() < scene.status.apps.len()) {
        more.push(format!("Nobody can sign in to {}.", stranded.join(", ")));
    }
    more
}

/// A provider's state in one word, and how bad it is.
pub fn state(provider: &Provider) -> (&'static str, Level) {
    match (provider.standing, provider.suspect) {
        ("unhealthy", _) => ("unhealthy", Level::Bad),
        (_, Some(_)) => ("suspect", Level::Warn),
        ("unknown", _) => ("unknown", Level::Warn),
        _ => ("healthy", Level::Good),
    }
}

/// A member of a plan that does not serve.
pub fn other(other: &Other) -> String {
    match other.because {
        Some(code) => meaning(code),
        None => why(other.reason).to_owned(),
    }
}

/// A turn in a sentence.
pub fn turn(turn: &Turn) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let connector = text(&turn.connector);
    let reason = turn.reason.unwrap_or_default();
    match turn.event {
        "continuity.failover" | "continuity.failback" => {
            let because = turn.because.map(|code| match meaning(code) {
                words if words.is_empty() => format!(" ({})", why(code)),
                words => format!(" ({words})"),
            });
            format!(
                "Logins of {} go to {} instead of {}{}.",
                text(&turn.continuity),
                text(&turn.to),
                text(&turn.from),
                because.unwrap_or_default()
            )
        }
        "health.state.changed" if turn.to.as_deref() == Some("healthy") => match turn.from.as_deref() {
            Some("unknown") => format!("{connector} is healthy: its first probe succeeded."),
            _ => format!("{connector} is healthy again."),
        },
        "health.state.changed" => format!("{connector} is {}: {}.", text(&turn.to), meaning(reason)),
        "health.suspected" => format!("New logins skip {connector}: {}.", meaning(reason)),
        "health.cleared" => format!("New logins may go to {connector} again: a probe succeeded."),
        "health.flapping" => format!(
            "{connector} flaps: it now takes {} times as many good probes to be healthy.",
            turn.times.unwrap_or(1)
        ),
        "continuity.exhausted" => {
            let times = turn.times.unwrap_or(1);
            let people = if times == 1 { "Somebody".to_owned() } else { format!("{times} times, somebody") };
            format!("{people} could not sign in to {}: no provider was available.", text(&turn.app))
        }
        _ => String::new(),
    }
}

/// `12:03:04` of an RFC 3339 text.
pub fn clock(moment: &str) -> &str {
    moment.get(11..19).unwrap_or(moment)
}

/// How long, roughly.
pub fn age(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} s"),
        120..7200 => format!("{} min", secs / 60),
        7200..172_800 => format!("{} h", secs / 3600),
        _ => format!("{} days", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_clause() {
        for reason in Reason::ALL {
            let words = meaning(reason.code());
            assert!(words.len() > 5 && !words.ends_with('.'), "{reason}: {words}");
        }
        assert_eq!(meaning("connection-refused"), "nothing listens there");
        assert_eq!(meaning("not-json"), "not the JSON document that belongs there");
        assert_eq!(meaning("no such code"), "");
    }

    #[test]
    fn every_choice_has_words() {
        for code in [
            "primary",
            "failover",
            "standby",
            "unhealthy",
            "suspect",
            "below-assurance",
            "last-try",
            "last-resort",
        ] {
            assert!(!why(code).is_empty(), "{code}");
        }
        assert_eq!(
            (age(119), age(7200), clock("2026-01-02T03:04:05Z")),
            ("119 s".into(), "2 h".into(), "03:04:05")
        );
    }
}
