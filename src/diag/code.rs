//! Stable codes: the record behind `explain`, and the level a finding starts with.

use std::fmt;

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; nothing breaks.
    Info,
    /// Works, and will surprise somebody.
    Warn,
    /// Does not work, or is not safe.
    Error,
}

impl Level {
    /// The word used in every output format.
    pub fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a check can say, as data. Each room declares its own; `commands/explain.rs` lists them all.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `MV` and four digits; never reused.
    pub id: &'static str,
    /// Kebab-case name that reads well after "allow".
    pub name: &'static str,
    /// Level a finding starts with.
    pub level: Level,
    /// One line.
    pub summary: &'static str,
    /// Why it matters and how to put it right: the text of `maverics explain`.
    pub page: &'static str,
}
