//! Tokens of a script, just fine enough to know where a statement may end. Every byte belongs to exactly one token.

use crate::database::EngineName;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks and line ends, and a byte order mark at the beginning.
    Space,
    /// A comment that the server does not run.
    Comment,
    /// A name, a keyword or a number.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string.
    Text,
    /// One byte of anything else.
    Symbol(u8),
    /// The beginning of a comment that the server runs: `/*!50003`.
    Open,
    /// Its end.
    Close,
    /// Quotes or a comment up to the end of the script.
    Unended(&'static str),
}

/// One token, in bytes from the beginning of the script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Settings of the session that change what a quote means; a script may set them.
#[derive(Clone, Copy, Default)]
struct Quirks {
    /// PostgreSQL's `standard_conforming_strings = off`.
    escapes_everywhere: bool,
    /// MySQL's `NO_BACKSLASH_ESCAPES`.
    no_escapes: bool,
    /// MySQL's `ANSI_QUOTES`.
    ansi_quotes: bool,
    /// MariaDB's `ORACLE`.
    oracle: bool,
}

/// Walks through a script.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    script: &'a str,
    bytes: &'a [u8],
    at: usize,
    engine: EngineName,
    quirks: Quirks,
    /// Depth of `/*! … */`.
    executable: usize,
    /// What `DELIMITER` set, unless it is `;`.
    delimiter: Option<&'a str>,
}

impl<'a> Lexer<'a> {
    pub fn new(script: &'a str, engine: EngineName) -> Self {
        let bytes = script.as_bytes();
        Self { script, bytes, at: 0, engine, quirks: Quirks::default(), executable: 0, delimiter: None }
    }

    pub fn plain_delimiter(&self) -> bool {
        self.delimiter.is_none()
    }

    pub fn in_executable_comment(&self) -> bool {
        self.executable > 0
    }

    pub fn oracle(&self) -> bool {
        self.quirks.oracle
    }

    pub fn jump(&mut self, to: usize) {
        self.at = to.min(self.bytes.len());
    }

    pub fn delimit(&mut self, delimiter: &'a str) {
        self.delimiter = Some(delimiter).filter(|text| !matches!(*text, ";" | ""));
    }

    /// The rest of the line, without its end.
    pub fn line_from(&self, at: usize) -> &'a str {
        self.script[at..].split('\n').next().unwrap_or_default()
    }

    /// Whether the next bytes are what `DELIMITER` set; if so, they are behind us.
    pub fn skip_delimiter(&mut self) -> bool {
        let Some(delimiter) = self.delimiter else { return false };
        let rest = &self.bytes[self.at..];
        let word = delimiter.ends_with(char::is_alphanumeric);
        let goes_on = word && rest.get(delimiter.len()).is_some_and(|byte| is_word(*byte));
        let found = rest.starts_with(delimiter.as_bytes()) && !goes_on && !rest.starts_with(b"/*");
        if found {
            self.at += delimiter.len();
            self.executable = 0;
        }
        found
    }

    /// Past the data lines after `COPY … FROM STDIN;`: up to a line `\.`, or to the end.
    pub fn skip_copy_data(&mut self) {
        loop {
            let rest = &self.bytes[self.at..];
            let Some(line) = rest.iter().position(|byte| *byte == b'\n') else {
                self.at = self.bytes.len();
                return;
            };
            self.at += line + 1;
            if rest[..line].trim_ascii_end() == b"\\." {
                return;
            }
        }
    }

    /// Takes note of a statement that changes what quotes mean from here on.
    pub fn heed(&mut self, statement: &str) {
        let is_set = statement.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("set"));
        if !is_set || statement.len() > 1000 {
            return;
        }
        let text = statement.to_ascii_lowercase();
        if self.engine == EngineName::Postgres {
            if let Some((_, value)) = text.split_once("standard_conforming_strings") {
                let value = value.trim_start().trim_start_matches(['=', ' ', '\'']);
                let value = value.strip_prefix("to ").unwrap_or(value).trim_start_matches([' ', '\'']);
                self.quirks.escapes_everywhere =
                    ["off", "false", "no", "0"].iter().any(|no| value.starts_with(no));
            }
        } else if self.engine == EngineName::MySql
            && let Some((_, value)) = text.split_once("sql_mode")
        {
            let has = |mode: &str| {
                let words = value.split(|c: char| !c.is_alphanumeric() && c != '_');
                !value.contains("replace(") && words.into_iter().any(|word| word == mode)
            };
            self.quirks.no_escapes = has("no_backslash_escapes");
            self.quirks.ansi_quotes = has("ansi_quotes") || has("ansi");
            self.quirks.oracle = has("oracle");
        }
    }

    /// The next token; none at the end.
    pub fn next(&mut self) -> Option<Token> {
        let start = self.at;
        let byte = *self.bytes.get(start)?;
        let kind = match (byte, self.bytes.get(start + 1)) {
            (0xef, _) if start == 0 && self.script.starts_with('\u{feff}') => self.until(Kind::Space, 3),
            (b' ' | b'\t'..=b'\r', _) => self.run(Kind::Space, is_space),
            (b'-', Some(b'-')) if self.dashes_comment() => self.line_comment(),
            (b'#', _) if self.engine == EngineName::MySql => self.line_comment(),
            (b'/', Some(b'*')) => self.block_comment(),
            (b'*', Some(b'/')) if self.executable > 0 => {
                self.executable -= 1;
                self.until(Kind::Close, start + 2)
            }
            (b'\'', _) => {
                let mysql = self.engine == EngineName::MySql && !self.quirks.no_escapes;
                self.quoted(Kind::Text, byte, start + 1, mysql || self.quirks.escapes_everywhere)
            }
            (b'"', _) if self.engine == EngineName::MySql && !self.quirks.ansi_quotes => {
                self.quoted(Kind::Text, byte, start + 1, !self.quirks.no_escapes)
            }
            (b'"', _) => self.quoted(Kind::Quoted, byte, start + 1, false),
            (b'`', _) if matches!(self.engine, EngineName::MySql | EngineName::Sqlite) => {
                self.quoted(Kind::Quoted, byte, start + 1, false)
            }
            (b'[', _) if self.engine == EngineName::Sqlite => self.closed(Kind::Quoted, start + 1, "]"),
            (b'[', _) if self.engine == EngineName::SqlServer => {
                self.quoted(Kind::Quoted, b']', start + 1, false)
            }
            (b'$', _) if self.engine == EngineName::Postgres => self.dollar(),
            (byte, _) if is_word(byte) => self.word(),
            _ => self.until(Kind::Symbol(byte), start + 1),
        };
        Some(Token { kind, start, end: self.at })
    }

    fn until(&mut self, kind: Kind, end: usize) -> Kind {
        self.at = end;
        kind
    }

    fn unended(&mut self, what: &'static str) -> Kind {
        self.until(Kind::Unended(what), self.bytes.len())
    }

    fn run(&mut self, kind: Kind, belongs: fn(u8) -> bool) -> Kind {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
        self.until(kind, self.at + length)
    }

    /// MySQL wants a blank after the dashes: `5--1` is a sum.
    fn dashes_comment(&self) -> bool {
        let after = self.bytes.get(self.at + 2);
        self.engine != EngineName::MySql || after.is_none_or(|byte| *byte <= b' ' || *byte == 0x7f)
    }

    fn line_comment(&mut self) -> Kind {
        let returns = matches!(self.engine, EngineName::Postgres | EngineName::SqlServer);
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n' || (returns && *byte == b'\r'));
        self.until(Kind::Comment, self.at + end.unwrap_or(rest.len()))
    }

    fn block_comment(&mut self) -> Kind {
        let rest = &self.bytes[self.at..];
        match self.engine {
            // `/*M!999999\- …`, which begins MariaDB's dumps, is for its client and run by no server
            EngineName::MySql if rest.starts_with(b"/*!999999") || rest.starts_with(b"/*M!999999") => {
                self.closed(Kind::Comment, self.at + 2, "*/")
            }
            EngineName::MySql if rest.starts_with(b"/*!") || rest.starts_with(b"/*M!") => {
                let mark = if rest[2] == b'!' { 3 } else { 4 };
                let digits = rest[mark..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
                self.executable += 1;
                self.until(Kind::Open, self.at + mark + digits)
            }
            EngineName::Postgres | EngineName::SqlServer => self.nested_comment(),
            // SQLite takes the end of the text for the end of the comment
            EngineName::Sqlite if !self.script[self.at + 2..].contains("*/") => {
                self.until(Kind::Comment, self.bytes.len())
            }
            _ => match self.closed(Kind::Comment, self.at + 2, "*/") {
                Kind::Unended(_) => Kind::Unended("a comment"),
                kind => kind,
            },
        }
    }

    fn nested_comment(&mut self) -> Kind {
        let (mut at, mut depth) = (self.at + 2, 1);
        while let Some(step) = self.bytes[at..].iter().position(|byte| matches!(byte, b'*' | b'/')) {
            at += step;
            match self.bytes[at..] {
                [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
                [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
                _ => at += 1,
            }
            if depth == 0 {
                return self.until(Kind::Comment, at);
            }
        }
        self.unended("a comment")
    }

    /// Up to `close`, which cannot be escaped.
    fn closed(&mut self, kind: Kind, from: usize, close: &str) -> Kind {
        match self.script[from..].find(close) {
            Some(length) => self.until(kind, from + length + close.len()),
            None => self.unended("a quoted text"),
        }
    }

    /// Up to a quote that is not doubled, and not escaped where backslashes escape.
    fn quoted(&mut self, kind: Kind, quote: u8, from: usize, escapes: bool) -> Kind {
        match self.quote_end(quote, from, escapes) {
            Some(end) => self.until(kind, end),
            None => self.unended("a quoted text"),
        }
    }

    fn quote_end(&self, quote: u8, from: usize, escapes: bool) -> Option<usize> {
        let mut at = from;
        loop {
            let rest = self.bytes.get(at..)?;
            at += rest.iter().position(|byte| *byte == quote || (escapes && *byte == b'\\'))?;
            if self.bytes[at] == quote && self.bytes.get(at + 1) != Some(&quote) {
                return Some(at + 1);
            }
            at += 2;
        }
    }

    /// `E'…'`, and what continues it: a further string after a line end (SQL's way to break long ones).
    fn escape_string(&mut self, from: usize) -> Kind {
        let mut from = from;
        loop {
            let Some(end) = self.quote_end(b'\'', from, true) else { return self.unended("a quoted text") };
            let rest = &self.bytes[end..];
            let blanks = rest.iter().take_while(|byte| is_space(**byte)).count();
            if rest.get(blanks) != Some(&b'\'') || !rest[..blanks].contains(&b'\n') {
                return self.until(Kind::Text, end);
            }
            from = end + blanks + 1;
        }
    }

    fn dollar(&mut self) -> Kind {
        let rest = &self.bytes[self.at + 1..];
        let tag = rest.iter().take_while(|byte| is_word(**byte) && **byte != b'$').count();
        if rest.get(tag) != Some(&b'$') || rest[0].is_ascii_digit() {
            return self.until(Kind::Symbol(b'$'), self.at + 1);
        }
        let body = self.at + tag + 2;
        self.closed(Kind::Text, body, &self.script[self.at..body])
    }

    fn word(&mut self) -> Kind {
        let rest = &self.bytes[self.at..];
        let mut length = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        // `END$$`: the client cuts at its delimiter, although the server takes `$` for a letter
        if let Some(delimiter) = self.delimiter.filter(|text| text.starts_with('$')) {
            length = self.script[self.at..self.at + length].find(delimiter).unwrap_or(length).max(1);
        }
        if self.engine == EngineName::Postgres
            && length == 1
            && rest.get(1) == Some(&b'\'')
            && rest[0] | 32 == b'e'
        {
            return self.escape_string(self.at + 2);
        }
        self.until(Kind::Word, self.at + length)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
