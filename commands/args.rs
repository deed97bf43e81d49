//! Options that several commands share, and the environment.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use maverics::diag::Level;
use maverics::secrets::{self, Provider};

/// Where the configuration comes from.
#[derive(Args, Debug, Default)]
pub struct FileArgs {
    /// Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else
    /// /etc/maverics/maverics.yaml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Name that findings give to standard input
    #[arg(long, value_name = "NAME", default_value = "<stdin>")]
    pub stdin_filename: String,

    /// Accept plain http for this URL (scheme, host and port count); may be repeated
    #[arg(long, value_name = "URL")]
    pub allow_insecure_http: Vec<String>,
}

impl FileArgs {
    /// Where plain http is fine.
    pub fn plain_http(&self) -> maverics::value::url::PlainHttp {
        maverics::value::url::PlainHttp { allowed: self.allow_insecure_http.clone() }
    }
}

/// Where the configuration comes from, and its secrets: for the commands that open them.
#[derive(Args, Debug, Default)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub files: FileArgs,

    /// Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]
    #[arg(long, value_name = "URL", hide_default_value = true)]
    pub secret_provider: Option<String>,
}

impl std::ops::Deref for ConfigArgs {
    type Target = FileArgs;

    fn deref(&self) -> &FileArgs {
        &self.files
    }
}

impl ConfigArgs {
    /// The secret store's URL: the option, else the environment.
    pub fn secret_provider(&self) -> Option<String> {
        self.secret_provider.clone().or_else(|| environment("MAVERICS_SECRET_PROVIDER"))
    }

    /// The secret store, when one is named.
    pub fn open_secret_provider(&self) -> Result<Option<Box<dyn Provider>>> {
        let Some(url) = self.secret_provider() else { return Ok(None) };
        secrets::open(&url, exact_environment).map(Some).map_err(|error| anyhow!("the secret store: {error}"))
    }
}

/// How findings are reported.
#[derive(Args, Debug, Default)]
pub struct ReportArgs {
    /// Format of the report [default: github where $GITHUB_ACTIONS is set, else text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: When,

    /// Least level of a finding that makes the exit code 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    pub fail_level: FailLevel,
}

impl ReportArgs {
    /// The format: as asked, else what the surroundings read.
    pub fn format(&self) -> Format {
        self.format.unwrap_or_else(|| match environment("GITHUB_ACTIONS") {
            Some(_) => Format::Github,
            None => Format::Text,
        })
    }
}

/// Format of a report.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people
    Text,
    /// For programs (schemas/output/diagnostics.schema.json)
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
    /// Code quality report of GitLab
    Gitlab,
    /// JUnit XML
    Junit,
}

/// When to use colour.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set; always where CLICOLOR_FORCE is
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Least level that fails.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailLevel {
    /// Errors
    #[default]
    Error,
    /// Warnings and errors
    Warn,
    /// Everything
    Info,
}

impl From<FailLevel> for Level {
    fn from(level: FailLevel) -> Self {
        match level {
            FailLevel::Error => Level::Error,
            FailLevel::Warn => Level::Warn,
            FailLevel::Info => Level::Info,
        }
    }
}

/// A variable of the environment; empty counts as unset.
pub fn environment(name: &str) -> Option<String> {
    exact_environment(name).filter(|value| !value.is_empty())
}

/// A variable of the environment, empty ones included: what `{{ env.NAME }}` stands for.
#[expect(clippy::disallowed_methods, reason = "here the environment becomes values that are handed down")]
pub fn exact_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
