//! `maverics explain`: the page of a finding, or of an event of the log.

use anyhow::Result;
use maverics::continuity::choose::WHYS;
use maverics::diag::{Code, did_you_mean};
use maverics::health::Reason;
use maverics::serve::telemetry::kinds::{KINDS, Kind};
use maverics::{config, lint, model, probe};

use super::args::When;
use super::outcome::Outcome;
use super::output;

/// Print the page of a finding: why it matters, and how to put it right
///
/// Events of the log and the reasons that probes, log and metrics give have a line as well: `maverics explain events`
/// and `maverics explain reasons` list them, and what each means.
#[derive(clap::Args)]
pub struct Args {
    /// Code or name, such as MV0101 or unknown-key; all are listed without one. Or an event, such as
    /// continuity.failover, or a reason, such as timeout; `events` and `reasons` list those
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

/// Everything that a command can say about a configuration, in the order of the codes.
pub fn all_codes() -> Vec<&'static Code> {
    let rooms = [config::codes::ALL, model::codes::ALL, lint::select::ALL, probe::codes::ALL];
    let mut codes: Vec<&'static Code> = rooms.iter().flat_map(|room| room.iter().copied()).collect();
    codes.extend(lint::RULES.iter().map(|rule| &rule.code));
    codes.sort_by_key(|code| code.id);
    codes
}

pub fn run(args: &Args) -> Result<Outcome> {
    let codes = all_codes();
    let Some(wanted) = &args.code else {
        output::stdout(When::Never, |out, _| {
            codes
                .iter()
                .try_for_each(|code| writeln!(out, "{} {:<5} {}", code.id, code.level.word(), code.name))
        })?;
        return Ok(Outcome::Clean);
    };
    if wanted == "events" {
        output::stdout(When::Never, |out, _| {
            KINDS.iter().try_for_each(|kind| writeln!(out, "{:<28} {}", kind.name, kind.doc))
        })?;
        return Ok(Outcome::Clean);
    }
    if wanted == "reasons" {
        output::stdout(When::Never, |out, _| {
            let reasons = Reason::ALL.iter().map(|reason| (reason.code(), reason.words()));
            reasons
                .chain(WHYS.iter().copied())
                .try_for_each(|(code, words)| writeln!(out, "{code:<28} {words}"))
        })?;
        return Ok(Outcome::Clean);
    }
    if let Some(kind) = Kind::named(wanted) {
        output::stdout(When::Never, |out, _| writeln!(out, "{}\n{}", kind.name, kind.doc))?;
        return Ok(Outcome::Clean);
    }
    let found = codes.iter().find(|code| code.id.eq_ignore_ascii_case(wanted) || code.name == wanted);
    let Some(code) = found else {
        // The words of log, probe, drill and metrics; a finding of the same name goes first.
        if let Some(reason) = Reason::ALL.iter().find(|reason| reason.code() == wanted.as_str()) {
            output::stdout(When::Never, |out, _| writeln!(out, "{}\n{}", reason.code(), reason.words()))?;
            return Ok(Outcome::Clean);
        }
        if let Some((code, words)) = WHYS.iter().find(|(code, _)| code == wanted) {
            output::stdout(When::Never, |out, _| writeln!(out, "{code}\n{words}"))?;
            return Ok(Outcome::Clean);
        }
        let events = KINDS.iter().map(|kind| kind.name);
        let reasons = Reason::ALL.iter().map(|reason| reason.code());
        let known = codes.iter().flat_map(|code| [code.id, code.name]).chain(events).chain(reasons);
        let guess = did_you_mean(wanted, known).map(|guess| format!("; did you mean `{guess}`?"));
        let all = || "; `maverics explain` lists all".to_owned();
        let words = format!("no finding is called `{wanted}`{}", guess.unwrap_or_else(all));
        return Ok(output::failure(&anyhow::anyhow!(words), Outcome::Usage));
    };
    output::stdout(When::Never, |out, _| {
        writeln!(out, "{} {} ({})\n{}\n\n{}", code.id, code.name, code.level, code.summary, code.page)
    })?;
    Ok(Outcome::Clean)
}
