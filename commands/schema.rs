//! `maverics schema`: what editors and programs need.

use anyhow::Result;
use clap::ValueEnum;
use maverics::serve::admin::schema;
use maverics::{diag, drill, lint, model, probe};
use serde_json::Value;

use super::args::When;
use super::outcome::Outcome;
use super::output;

/// Print a JSON Schema: of the configuration, or of what the commands print
#[derive(clap::Args)]
pub struct Args {
    /// Which one
    #[arg(value_enum, value_name = "NAME", default_value_t)]
    name: Name,
}

/// The schemas there are.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Name {
    /// maverics.yaml
    #[default]
    Config,
    /// The JSON report of validate
    Diagnostics,
    /// The JSON report of lint
    Lint,
    /// The JSON report of probe
    Probe,
    /// /api/status of the admin listener
    AdminStatus,
    /// /api/history of the admin listener
    AdminHistory,
    /// /api/sessions of the admin listener
    AdminSessions,
    /// The JSON report of drill
    Drill,
    /// A scenario of drill
    DrillScenario,
}

impl Name {
    /// Its schema.
    pub fn document(self) -> Value {
        match self {
            Name::Config => model::schema::document(),
            Name::Diagnostics => diag::json::schema(),
            Name::Lint => lint::report::schema(),
            Name::Probe => probe::report::schema(),
            Name::AdminStatus => schema::status(),
            Name::AdminHistory => schema::history(),
            Name::AdminSessions => schema::sessions(),
            Name::Drill => drill::json::schema(),
            Name::DrillScenario => drill::scenario::document(),
        }
    }

    /// Where the committed copy is.
    pub fn file(self) -> &'static str {
        match self {
            Name::Config => "schemas/maverics.schema.json",
            Name::Diagnostics => "schemas/output/diagnostics.schema.json",
            Name::Lint => "schemas/output/lint.schema.json",
            Name::Probe => "schemas/output/probe.schema.json",
            Name::AdminStatus => "schemas/output/admin-status.schema.json",
            Name::AdminHistory => "schemas/output/admin-history.schema.json",
            Name::AdminSessions => "schemas/output/admin-sessions.schema.json",
            Name::Drill => "schemas/output/drill.schema.json",
            Name::DrillScenario => "schemas/drill-scenario.schema.json",
        }
    }
}

pub fn run(args: &Args) -> Result<Outcome> {
    output::stdout(When::Never, |out, _| output::pretty(out, &args.name.document()))?;
    Ok(Outcome::Clean)
}
