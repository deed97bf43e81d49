//! What is wrong, where, and how to put it right.
//!
//! Every room reports through [`Diagnostic`]; only `commands/` prints one. A diagnostic carries a
//! [`Code`] (stable name and number, with the page that `maverics explain` prints), a message, an
//! optional remedy and the places it talks about.

pub mod code;
pub mod gitlab;
pub mod json;
pub mod junit;
pub mod sarif;
pub mod source;
pub mod text;

pub use code::{Code, Level};
pub use source::{FileId, Place, Sources, Span};

/// One finding.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Which rule or check found it.
    pub code: &'static Code,
    /// How serious it is; starts as the code's own level and may be changed by the user's selection.
    pub level: Level,
    /// What is wrong, one sentence.
    pub message: String,
    /// How to put it right, one or two sentences.
    pub help: Option<String>,
    /// Where it is wrong. `None` for a fact about a file as a whole that could not be opened.
    pub place: Option<Place>,
    /// Other places the message talks about, each with its own words.
    pub related: Vec<(Place, String)>,
    /// What puts it right without a decision of anybody's; empty when it takes one.
    pub edits: Vec<Edit>,
}

/// A text in place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What goes; nothing, where text is only added.
    pub place: Place,
    /// What comes.
    pub text: String,
}

impl Diagnostic {
    /// A finding at the code's own level.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            level: code.level,
            message: message.into(),
            help: None,
            place: None,
            related: Vec::new(),
            edits: Vec::new(),
        }
    }

    /// Another level than the code's own, where one finding weighs more, or less, than its kind.
    pub fn weighing(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Adds what puts it right.
    pub fn edit(mut self, edits: impl IntoIterator<Item = Edit>) -> Self {
        self.edits.extend(edits);
        self
    }

    /// Adds where.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds how to put it right.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place.
    pub fn also(mut self, place: Place, words: impl Into<String>) -> Self {
        self.related.push((place, words.into()));
        self
    }
}

/// Counts by level: errors, warnings, infos.
pub fn tally(findings: &[Diagnostic]) -> (usize, usize, usize) {
    let count = |level| findings.iter().filter(|d| d.level == level).count();
    (count(Level::Error), count(Level::Warn), count(Level::Info))
}

/// Orders findings as a reader walks a file: by file, then by place, then by code.
pub fn sort(findings: &mut [Diagnostic]) {
    findings.sort_by(|a, b| {
        let key = |d: &Diagnostic| d.place.as_ref().map(|p| (p.file, p.span.start, p.span.end));
        key(a).cmp(&key(b)).then_with(|| a.code.id.cmp(b.code.id)).then_with(|| a.message.cmp(&b.message))
    });
}

/// The best guess at what a misspelt `word` meant, if one of `known` is near enough to say so.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&folded, &fold(k)), k))
        .filter(|(distance, k)| *distance <= (k.chars().count().max(word.chars().count()) / 3).clamp(1, 4))
        .min_by_key(|(distance, k)| (*distance, k.len().abs_diff(word.len())))
        .map(|(_, k)| k)
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_near_or_absent() {
        for (word, known, want) in [
            ("helthCheck", &["healthCheck", "name"][..], Some("healthCheck")),
            ("health_check", &["healthCheck"], Some("healthCheck")),
            ("nmae", &["name", "tls"], Some("name")),
            ("banana", &["name", "tls"], None),
            ("tsl", &["tls"], Some("tls")),
        ] {
            assert_eq!(did_you_mean(word, known.iter().copied()), want, "{word}");
        }
    }
}
