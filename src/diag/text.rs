//! Findings for people: the source line, a caret, a second label, the remedy.

use annotate_snippets::{AnnotationKind, Group, Level as Mark, Renderer, Snippet};

use super::{Diagnostic, Level, Sources};

/// Renders one finding. `colour` follows the terminal; golden files use plain text.
pub fn render(finding: &Diagnostic, sources: &Sources, colour: bool) -> String {
    let mark = match finding.level {
        Level::Error => Mark::ERROR,
        Level::Warn => Mark::WARNING,
        Level::Info => Mark::INFO,
    };
    let name = format!("{}: {}", finding.code.id, finding.code.name);
    let title = mark.primary_title(finding.message.as_str()).id(name.as_str());
    let mut group = Group::with_title(title);
    if let Some(place) = &finding.place {
        let source = sources.get(place.file);
        let mut snippet = Snippet::source(source.text.as_ref())
            .path(source.name.as_str())
            .annotation(AnnotationKind::Primary.span(clamp(&place.span, &source.text)));
        let mut elsewhere = Vec::new();
        for (other, words) in &finding.related {
            if other.file == place.file {
                let span = clamp(&other.span, &source.text);
                snippet = snippet.annotation(AnnotationKind::Context.span(span).label(words.as_str()));
            } else {
                let file = sources.get(other.file);
                let span = clamp(&other.span, &file.text);
                elsewhere.push(
                    Snippet::source(file.text.as_ref())
                        .path(file.name.as_str())
                        .annotation(AnnotationKind::Context.span(span).label(words.as_str())),
                );
            }
        }
        group = group.element(snippet);
        for snippet in elsewhere {
            group = group.element(snippet);
        }
    }
    if let Some(help) = &finding.help {
        group = group.element(Mark::HELP.message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group]).to_string()
}

/// Keeps a span inside its text, on character borders and one line where it can be.
fn clamp(span: &std::ops::Range<usize>, text: &str) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    let end = floor(span.end.max(span.start));
    let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    start..end.min(line_end).max(start)
}
