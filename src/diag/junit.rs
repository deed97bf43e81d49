//! Findings for test reports: JUnit XML, one suite per file, one failing case per finding.

use std::fmt::Write;

use super::{Diagnostic, FileId, Level, Sources, tally};

/// The whole report. Warnings and infos are cases that pass, with their words as output.
pub fn report(findings: &[Diagnostic], sources: &Sources) -> String {
    let (failures, ..) = tally(findings);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let tests: usize = (0..sources.len()).map(|i| of_file(findings, FileId(i)).count().max(1)).sum();
    let _ = writeln!(out, "<testsuites name=\"maverics\" tests=\"{tests}\" failures=\"{failures}\">");
    for i in 0..sources.len() {
        suite(&mut out, findings, sources, FileId(i));
    }
    out.push_str("</testsuites>\n");
    out
}

fn of_file(findings: &[Diagnostic], file: FileId) -> impl Iterator<Item = &Diagnostic> {
    // A finding about no place belongs to the first file.
    findings.iter().filter(move |d| d.place.as_ref().map_or(FileId(0), |place| place.file) == file)
}

fn suite(out: &mut String, findings: &[Diagnostic], sources: &Sources, file: FileId) {
    let name = escape(&sources.get(file).name);
    let failures = of_file(findings, file).filter(|d| d.level == Level::Error).count();
    let tests = of_file(findings, file).count();
    let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\">", tests.max(1));
    if tests == 0 {
        let _ = writeln!(out, "    <testcase classname=\"{name}\" name=\"no findings\"/>");
    }
    for d in of_file(findings, file) {
        let place = d.place.as_ref().map_or_else(|| name.clone(), |place| escape(&sources.show(place)));
        let message = escape(&d.message);
        let help = escape(d.help.as_deref().unwrap_or_default());
        let _ = writeln!(out, "    <testcase classname=\"{name}\" name=\"{} {place}\">", d.code.name);
        let _ = match d.level {
            Level::Error => writeln!(
                out,
                "      <failure type=\"{}\" message=\"{message}\">{place}: {message} {help}</failure>",
                d.code.id
            ),
            level => writeln!(out, "      <system-out>{level}: {message} {help}</system-out>"),
        };
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}

/// Text in XML: markup escaped, and characters that XML 1.0 cannot carry replaced.
fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\t' | '\n' | '\r' => format!("&#{};", u32::from(c)),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => '\u{fffd}'.to_string(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_the_markup() {
        assert_eq!(escape("a<b>&\"\u{1b}\n"), "a&lt;b&gt;&amp;&quot;\u{fffd}&#10;");
    }
}
