//! Offsets into a script, as people and servers count them.

use crate::database::Position;

/// Line and column of a byte offset: both from 1, columns in characters. An offset behind the end is the end.
pub fn locate(script: &str, offset: usize) -> (usize, usize) {
    Counter::new(script).at(offset)
}

/// The byte offset in `sent` that a server means by `position`; at most the text's length.
pub fn byte_offset(sent: &str, position: Position) -> usize {
    match position {
        Position::Byte(bytes) => floor(sent, bytes),
        Position::Character(characters) => {
            sent.char_indices().nth(characters).map_or(sent.len(), |(at, _)| at)
        }
        Position::Line(line) => {
            let ends = sent.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(ends).nth(line.saturating_sub(1)).unwrap_or(sent.len())
        }
    }
}

fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Counts lines and columns, each byte only once as long as the offsets grow.
pub(super) struct Counter<'a> {
    script: &'a str,
    seen: usize,
    line: usize,
    column: usize,
}

impl<'a> Counter<'a> {
    pub fn new(script: &'a str) -> Self {
        // a byte order mark is no column
        let seen = if script.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { script, seen, line: 1, column: 1 }
    }

    /// Line and column of an offset, both from 1.
    pub fn at(&mut self, offset: usize) -> (usize, usize) {
        let offset = floor(self.script, offset);
        if offset < self.seen {
            *self = Self::new(self.script);
        }
        for byte in self.script.as_bytes().get(self.seen..offset).unwrap_or_default() {
            if *byte == b'\n' {
                self.line += 1;
                self.column = 1;
            } else if byte & 0xc0 != 0x80 {
                self.column += 1;
            }
        }
        self.seen = self.seen.max(offset);
        (self.line, self.column)
    }
}
