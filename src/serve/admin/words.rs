//! Codes in words, for the operator page. The codes stand beside them: log, probe and metrics go by those.

use super::report::{Other, Provider, Scene, Turn};
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

/// One continuity connector in a sentence.
fn sentence(scene: &Scene, choice: &Choice) -> (Level, String) {
    let ill: Vec<String> = choice
        .others
        .iter()
        .filter(|(_, why)| ailing(*why))
        .map(|(name, why)| format!("{name} is {}", ailment(why.code(), why.because().map(Reason::code))))
        .collect();
    let ill = ill.join(", ");
    match (&choice.would_serve, choice.why) {
        (Some(to), Why::Failover) => {
            let group = scene.status.continuity.iter().find(|group| group.now.name == choice.name);
            let since = group.filter(|group| group.serving.name == *to).map(|group| &group.serving.since.0);
            let since = since.map(|at| format!(" serves since {}", clock(at)));
            let serves = since.unwrap_or_else(|| " serves the next login".to_owned());
            (Level::Warn, format!("Failover: {to}{serves}, because {ill}."))
        }
        (Some(to), Why::LastResort) => {
            (Level::Bad, format!("Nobody is well; people are sent to {to} all the same: {ill}."))
        }
        (Some(to), _) if ill.is_empty() => (Level::Good, format!("All logins are served by {to}.")),
        (Some(to), _) => (Level::Warn, format!("All logins are served by {to}; {ill}.")),
        (None, _) => (Level::Bad, format!("Nobody can sign in: {ill}.")),
    }
}

/// The verdict of everything.
pub fn verdict(scene: &Scene) -> Verdict {
    let told: Vec<(&str, Level, String)> = scene
        .choices
        .iter()
        .map(|choice| {
            let (level, words) = sentence(scene, choice);
            (choice.name.as_str(), level, words)
        })
        .collect();
    if let [(_, level, words)] = told.as_slice() {
        let (title, more) = match words.split_once(", because ") {
            // The reason stands below, so that the headline can be read at a glance.
            Some((title, because)) => (format!("{title}."), vec![format!("Because {because}")]),
            None => match words.split_once(": ") {
                Some((title, rest)) => (format!("{title}."), vec![capital(rest)]),
                None => (words.clone(), Vec::new()),
            },
        };
        return Verdict { level: *level, title, more: with_apps(scene, more) };
    }
    if told.is_empty() {
        return of_providers(scene);
    }
    let level = told.iter().map(|(_, level, _)| *level).max().unwrap_or(Level::Good);
    let title = match level {
        Level::Good => "All logins are served by the first choice.",
        Level::Warn => "Everybody can sign in, and not everything is well.",
        Level::Bad => "Some people cannot sign in.",
    };
    let more = told.iter().map(|(name, _, words)| format!("{name}: {words}")).collect();
    Verdict { level, title: title.into(), more: with_apps(scene, more) }
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
    Verdict { level, title: title.into(), more: with_apps(scene, ill.iter().map(words).collect()) }
}

/// Apps that nobody can sign in to, though others can.
fn with_apps(scene: &Scene, mut more: Vec<String>) -> Vec<String> {
    let stranded: Vec<&str> = scene
        .status
        .apps
        .iter()
        .filter(|app| app.would_serve.is_none())
        .map(|app| app.name.as_str())
        .collect();
    if !stranded.is_empty() {
        more.push(format!("Nobody can sign in to: {}.", stranded.join(", ")));
    }
    more
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
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
                words if words.is_empty() => format!(": {} was {code}", text(&turn.from)),
                words => format!(": at {}, {words}", text(&turn.from)),
            });
            format!(
                "Logins of {} go to {} instead of {}{}.",
                text(&turn.continuity),
                text(&turn.to),
                text(&turn.from),
                because.unwrap_or_default()
            )
        }
        "health.state.changed" if turn.to.as_deref() == Some("healthy") => {
            format!("{connector} is healthy; it was {}.", text(&turn.from))
        }
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
