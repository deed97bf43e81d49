//! Text to a linked deployment: the whole pipeline on one screen.

use std::sync::Arc;

use super::{Deployment, link, schema};
use crate::config;
use crate::config::fill::{Fillers, fill};
use crate::config::yaml::{self, Document};
use crate::diag::{Diagnostic, Level, Sources, sort};
use crate::value::url::PlainHttp;

/// What reading one file brought.
#[derive(Debug)]
pub struct Reading {
    /// The deployment, when there is no error.
    pub deployment: Option<Deployment>,
    /// The deployment as it is meant, when all that is wrong is that parts of it are absent or not run here:
    /// enough for `lint`, never for `serve`.
    pub planned: Option<Deployment>,
    /// Its tree, when it is YAML at all.
    pub document: Option<Arc<Document>>,
    /// Everything found, in the order of the file.
    pub findings: Vec<Diagnostic>,
}

/// How to read.
#[derive(Default)]
pub struct ReadOptions<'a> {
    /// What references are filled from.
    pub fillers: Fillers<'a>,
    /// Where plain http is fine.
    pub plain: PlainHttp,
    /// Report keys of ours.
    pub show_extensions: bool,
}

/// Reads a file that was added to `sources`.
pub fn read(name: &str, text: &str, sources: &mut Sources, options: &ReadOptions<'_>) -> Reading {
    // Without the mark of some editors, which the spans do not count.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = sources.add(name, text);
    let (document, mut findings) = yaml::parse(file, text);
    let Some(mut document) = document else {
        return Reading { deployment: None, planned: None, document: None, findings };
    };
    let checker = schema::checker();
    findings.extend(fill(&mut document, text, checker.schema(), &options.fillers));
    let checked = checker.check(&document, options.show_extensions);
    findings.extend(checked.findings);
    let document = Arc::new(document);
    let linked = link::link(&document, &checked.faulty, &checked.references, &options.plain, &mut findings);
    sort(&mut findings);
    // A block used through several aliases has one mistake, however often it is expanded.
    findings.dedup_by(|a, b| a.code == b.code && a.place == b.place && a.message == b.message);
    let mut errors = findings.iter().filter(|f| f.level >= Level::Error).map(|f| f.code).peekable();
    let clean = errors.peek().is_none();
    let tolerable =
        errors.all(|code| [&config::codes::UNSUPPORTED_HERE, &super::codes::MISSING_PART].contains(&code));
    let (deployment, planned) = match linked {
        Some(linked) if clean => (Some(linked), None),
        Some(linked) if tolerable => (None, Some(linked)),
        _ => (None, None),
    };
    Reading { deployment, planned, document: Some(document), findings }
}
