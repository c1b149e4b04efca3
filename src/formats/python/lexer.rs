//! Python's text cut into tokens and statements. Knows brackets, strings, comments and line ends, and no grammar.

use crate::formats::python::Refused;

/// Brackets in brackets; Python itself gives up at 200.
const DEEPEST: usize = 100;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword, a number.
    Word,
    /// A string, with its prefix and quotes.
    Text,
    /// `(`, `[`, `{`.
    Open,
    /// `)`, `]`, `}`.
    Close,
    /// `,`.
    Comma,
    /// `:`.
    Colon,
    /// `.`.
    Dot,
    /// `=`.
    Equals,
    /// `:=`, `+=` and the like: binds a name to what is computed.
    Changes,
    /// Any other sign.
    Sign,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub from: usize,
    length: u32,
    line: u32,
}

impl Token {
    /// The byte after it.
    pub fn to(self) -> usize {
        self.from + self.length as usize
    }

    /// Its line, from 1.
    pub fn line(self) -> usize {
        self.line as usize
    }
}

/// One statement: never without tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    /// How far it is indented.
    pub indent: usize,
    /// Its first token.
    pub from: usize,
    /// The token after its last.
    pub to: usize,
}

/// Cuts a text.
pub(super) fn lex(text: &str) -> Result<(Vec<Token>, Vec<Statement>), Refused> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        at: start,
        line: 1,
        open: Vec::new(),
        indent: 0,
        began: 0,
        tokens: Vec::new(),
        statements: Vec::new(),
    };
    lexer.indent();
    while lexer.at < lexer.bytes.len() {
        lexer.step()?;
    }
    if let Some((_, line)) = lexer.open.last() {
        return Err(Refused::new(*line, "opens a bracket that nothing closes"));
    }
    lexer.end();
    Ok((lexer.tokens, lexer.statements))
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    /// Brackets that wait for their end, with their lines.
    open: Vec<(u8, usize)>,
    indent: usize,
    /// The first token of the statement at hand.
    began: usize,
    tokens: Vec<Token>,
    statements: Vec<Statement>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Measures a line's indent.
    fn indent(&mut self) {
        self.indent = 0;
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' => self.indent += 1,
                b'\t' => self.indent = self.indent / 8 * 8 + 8,
                b'\x0c' => self.indent = 0,
                _ => break,
            }
            self.at += 1;
        }
    }

    /// Ends the statement at hand.
    fn end(&mut self) {
        let (from, to) = (self.began, self.tokens.len());
        if from < to {
            self.statements.push(Statement { indent: self.indent, from, to });
        }
        self.began = to;
    }

    /// Past a line's end.
    fn line_end(&mut self) {
        self.at += if self.peek(0) == Some(b'\r') && self.peek(1) == Some(b'\n') { 2 } else { 1 };
        self.line += 1;
    }

    fn push(&mut self, kind: Kind, from: usize, line: usize) {
        let length = u32::try_from(self.at - from).unwrap_or(u32::MAX);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        self.tokens.push(Token { kind, from, length, line });
    }

    fn sign(&mut self, kind: Kind, length: usize) {
        let from = self.at;
        self.at += length;
        self.push(kind, from, self.line);
    }

    fn step(&mut self) -> Result<(), Refused> {
        let Some(byte) = self.peek(0) else { return Ok(()) };
        match byte {
            b' ' | b'\t' | b'\x0c' => self.at += 1,
            b'\n' | b'\r' => {
                self.line_end();
                if self.open.is_empty() {
                    self.end();
                    self.indent();
                }
            }
            b'#' => {
                while self.peek(0).is_some_and(|byte| byte != b'\n' && byte != b'\r') {
                    self.at += 1;
                }
            }
            b'\\' if matches!(self.peek(1), Some(b'\n' | b'\r')) => {
                self.at += 1;
                self.line_end();
            }
            b'\\' => return Err(Refused::new(self.line, "has a backslash that is no Python")),
            b'"' | b'\'' => self.string(self.at)?,
            b'(' | b'[' | b'{' => {
                if self.open.len() == DEEPEST {
                    return Err(Refused::new(self.line, "nests its brackets too deeply"));
                }
                self.open.push((byte, self.line));
                self.sign(Kind::Open, 1);
            }
            b')' | b']' | b'}' => {
                let fits = matches!(
                    (self.open.pop(), byte),
                    (Some((b'(', _)), b')') | (Some((b'[', _)), b']') | (Some((b'{', _)), b'}')
                );
                if !fits {
                    return Err(Refused::new(self.line, "closes a bracket that is not open"));
                }
                self.sign(Kind::Close, 1);
            }
            b';' if self.open.is_empty() => {
                self.at += 1;
                self.end();
            }
            b',' => self.sign(Kind::Comma, 1),
            b'.' => self.sign(Kind::Dot, 1),
            b'=' if self.peek(1) == Some(b'=') => self.sign(Kind::Sign, 2),
            b'=' => self.sign(Kind::Equals, 1),
            b'!' | b'<' | b'>' if self.peek(1) == Some(b'=') => self.sign(Kind::Sign, 2),
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => self.word()?,
            _ if self.peek(1) == Some(b'=') => self.sign(Kind::Changes, 2),
            b':' => self.sign(Kind::Colon, 1),
            _ => self.sign(Kind::Sign, 1),
        }
        Ok(())
    }

    /// A word, or the prefix of a string.
    fn word(&mut self) -> Result<(), Refused> {
        let from = self.at;
        while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80) {
            self.at += 1;
        }
        let is_prefix = self.at - from <= 2
            && self.bytes[from..self.at]
                .iter()
                .all(|byte| matches!(byte.to_ascii_lowercase(), b'r' | b'u' | b'b' | b'f' | b't'));
        if is_prefix && matches!(self.peek(0), Some(b'"' | b'\'')) {
            return self.string(from);
        }
        self.push(Kind::Word, from, self.line);
        Ok(())
    }

    /// A string whose opening quote is at hand and whose prefix begins at `from`. Within a formatted one, quotes of its
    /// own kind are not looked for: before Python 3.12 there were none.
    fn string(&mut self, from: usize) -> Result<(), Refused> {
        let (line, Some(quote)) = (self.line, self.peek(0)) else { return Ok(()) };
        let triple = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        self.at += if triple { 3 } else { 1 };
        loop {
            match self.peek(0) {
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek(0) {
                        Some(b'\n' | b'\r') => self.line_end(),
                        Some(_) => self.at += 1,
                        None => {}
                    }
                }
                Some(b'\n' | b'\r') if triple => self.line_end(),
                Some(byte) if byte == quote && !triple => {
                    self.at += 1;
                    break;
                }
                Some(byte) if byte == quote && self.peek(1) == Some(quote) && self.peek(2) == Some(quote) => {
                    self.at += 3;
                    break;
                }
                None | Some(b'\n' | b'\r') => {
                    return Err(Refused::new(line, "begins a string that does not end"));
                }
                Some(_) => self.at += 1,
            }
        }
        self.push(Kind::Text, from, line);
        Ok(())
    }
}
