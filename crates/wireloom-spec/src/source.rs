//! The text of a file and where its lines begin. Knows nothing of YAML.

use crate::model::Span;

/// A file's text with an index of its lines.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// Name of the file, as diagnostics show it.
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    line_starts: Vec<usize>,
}

/// A position that people read: both numbers count from 1, the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file,
            text,
            line_starts,
        }
    }

    /// Line and column of a byte offset; of the end of the text for an offset past it.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = self.floor(offset);
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .map_or(0, |before| before.chars().count())
            + 1;
        Position { line, column }
    }

    /// The part of a span on its first line: what a caret is drawn under. Never cuts a character.
    pub(crate) fn first_line(&self, span: Span) -> Span {
        let start = self.floor(span.start);
        let end = self.floor(span.end.max(start));
        let line = self
            .text
            .get(start..end)
            .and_then(|text| text.lines().next())
            .unwrap_or("");
        Span {
            start,
            end: start + line.trim_end().len(),
        }
    }

    pub(crate) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::{Position, Source, Span};

    #[test]
    fn columns_count_characters() {
        let source = Source::new("f", "a: 1\nkéy: ü\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(5), Position { line: 2, column: 1 });
        assert_eq!(source.position(11), Position { line: 2, column: 6 });
        assert_eq!(source.position(9_999), Position { line: 3, column: 1 });
    }

    #[test]
    fn carets_stay_on_one_line() {
        let source = Source::new("f", "a: {\n b: 1 }\n");
        assert_eq!(
            source.first_line(Span { start: 3, end: 12 }),
            Span { start: 3, end: 4 }
        );
    }
}
