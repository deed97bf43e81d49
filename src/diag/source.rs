//! Source files, byte spans, and the lines and columns people read.

use std::ops::Range;
use std::sync::Arc;

/// A byte range in one file.
pub type Span = Range<usize>;

/// Which of the files read in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A span in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// Bytes of it.
    pub span: Span,
}

/// A position as editors count it: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
}

/// One file that was read.
#[derive(Debug)]
pub struct Source {
    /// The name it was given by.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
    line_starts: Vec<usize>,
}

impl Source {
    fn new(name: String, text: Arc<str>) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1));
        Source { name, line_starts: line_starts.collect(), text }
    }

    /// Line and column of a byte offset; an offset past the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let column = self.text[self.line_starts[line]..offset].chars().count() + 1;
        Position { line: line + 1, column }
    }

    /// The text of a line, counted from 1, without its end.
    pub fn line(&self, line: usize) -> &str {
        let start = self.line_starts.get(line.wrapping_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

/// The files of one run.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Takes a file in.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push(Source::new(name.into(), text.into()));
        FileId(self.files.len() - 1)
    }

    /// The file behind an id of this collection.
    pub fn get(&self, id: FileId) -> &Source {
        &self.files[id.0]
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether none was read.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// `file:line:column` of a place.
    pub fn show(&self, place: &Place) -> String {
        let source = self.get(place.file);
        let at = source.position(place.span.start);
        format!("{}:{}:{}", source.name, at.line, at.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "über: 1\nb: 2\n");
        let source = sources.get(id);
        assert_eq!(source.position(7), Position { line: 1, column: 7 });
        assert_eq!(source.position(9), Position { line: 2, column: 1 });
        assert_eq!(source.position(1), Position { line: 1, column: 1 }, "inside a character");
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
        assert_eq!(source.line(2), "b: 2");
        assert_eq!(source.line(9), "");
    }
}
