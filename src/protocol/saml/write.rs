//! Writing XML: small, escaped, the same bytes for the same values.

/// XML being written.
#[derive(Debug, Default)]
pub(super) struct Writer(String);

impl Writer {
    pub(super) fn new() -> Self {
        Writer::default()
    }

    /// `<name attributes>`
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.0.push('>');
        self
    }

    /// `</name>`
    pub(super) fn close(&mut self, name: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// `<name attributes/>`
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.0.push_str("/>");
        self
    }

    /// `<name attributes>text</name>`
    pub(super) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> &mut Self {
        self.open(name, attributes);
        escape(&mut self.0, text, false);
        self.close(name)
    }

    /// XML that was written elsewhere.
    pub(super) fn raw(&mut self, xml: &str) -> &mut Self {
        self.0.push_str(xml);
        self
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(&mut self.0, value, true);
            self.0.push('"');
        }
    }
}

/// What XML cannot say at all is written as the replacement character, so that no value makes a document
/// which nobody can read.
fn escape(out: &mut String, text: &str, attribute: bool) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' if attribute => {
                out.push_str(if c == '\t' { "&#9;" } else { "&#10;" });
            }
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::{MESSAGE, Tree};
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for value in
            ["plain", "<a b=\"c\">&'", "tab\tline\nreturn\r", "\u{0}\u{1F}\u{FFFF}", "ü 漢 🦀", "]]>", ""]
        {
            let mut writer = Writer::new();
            writer.open("a", &[("x", value)]).leaf("b", &[], value).close("a");
            let xml = writer.finish();
            let tree = Tree::parse(&xml, &MESSAGE).unwrap_or_else(|fault| panic!("{xml}: {fault}"));
            let want: String = value
                .chars()
                .map(|c| if (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{FFFF}' { '\u{FFFD}' } else { c })
                .collect();
            assert_eq!(tree.root().attr("x"), Some(want.as_str()));
            assert_eq!(tree.root().elements().unwrap()[0].text().unwrap(), want);
        }
    }
}
