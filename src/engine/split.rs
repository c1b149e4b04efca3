//! Cuts a script into statements as the database's own client does, and never where the server would not: strings,
//! comments, quoted names, dollar quotes, `DELIMITER` and compound bodies stay whole. Reads text, runs nothing.
//!
//! The scanner is our own. sqlparser's tokenizer refuses text that its dialect does not know (a script is whatever the
//! server takes), knows lines but no byte offsets, has no `DELIMITER`, and makes a heap string of every token, which a
//! 50 MB dump cannot afford. Whether a `;` ends a statement needs only the few words that [`body`] follows.

mod batches;
mod body;
mod inspect;
mod lexer;
mod place;
mod tsql;

use crate::database::EngineName;

use body::Body;
use lexer::{Kind, Lexer, Token};

pub use inspect::{
    Concurrent, concurrent_index, copies_from_stdin, may_stay_in_part, refuses_transactions,
    transaction_control,
};
pub use place::{byte_offset, locate};

/// What a script consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// Its statements in order; empty ones (only blanks and comments) are left out.
    Statements(Vec<Piece<'a>>),
    /// It cannot be cut safely, but the server may understand it as it is.
    Whole {
        /// Why, in words that follow "because".
        reason: String,
    },
    /// It talks to a client program, which is not the server's language and not ours.
    Client {
        /// The command's own word, without its arguments: `\connect`, `.read`, `source`.
        command: String,
        /// Its line, from 1.
        line: usize,
        /// Its column in characters, from 1.
        column: usize,
    },
}

/// One statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What is sent: with the comments in front of it, without the delimiter after it.
    pub text: &'a str,
    /// Where `text` begins in the script, in bytes from 0; maps the server's position back.
    pub offset: usize,
    /// The line of its first word, from 1.
    pub line: usize,
    /// The column of its first word in characters, from 1.
    pub column: usize,
}

/// Cuts a script. Never fails: what is no SQL becomes a statement that the server will refuse.
pub fn split(script: &str, engine: EngineName) -> Split<'_> {
    if engine == EngineName::SqlServer {
        return batches::split(script);
    }
    Splitter::new(script, engine).run()
}

/// Cuts a script of SQL Server's at these places too, bytes in order: a tool's messages, each of which is a batch.
pub fn batches_of<'a>(script: &'a str, ends: &[usize]) -> Split<'a> {
    batches::split_at(script, ends)
}

struct Splitter<'a> {
    script: &'a str,
    engine: EngineName,
    lexer: Lexer<'a>,
    place: place::Counter<'a>,
    pieces: Vec<Piece<'a>>,
    body: Body,
    /// First comment or word of the statement at work.
    begin: Option<usize>,
    /// Its first word.
    first: Option<usize>,
    /// Where its last word ends.
    end: usize,
    parens: usize,
    /// `DELIMITER` was used: the file is for a client that cuts by it, and must not be sent whole.
    delimited: bool,
}

/// What a token means for the statement at work.
enum Step<'a> {
    Go,
    Stop(Split<'a>),
}

impl<'a> Splitter<'a> {
    fn new(script: &'a str, engine: EngineName) -> Self {
        Self {
            script,
            engine,
            lexer: Lexer::new(script, engine),
            place: place::Counter::new(script),
            pieces: Vec::new(),
            body: Body::new(engine),
            begin: None,
            first: None,
            end: 0,
            parens: 0,
            delimited: false,
        }
    }

    fn run(mut self) -> Split<'a> {
        loop {
            if self.lexer.skip_delimiter() {
                self.cut();
                continue;
            }
            let Some(token) = self.lexer.next() else { break };
            if let Step::Stop(split) = self.step(token) {
                return split;
            }
        }
        if let Some(reason) = self.body.open().filter(|_| self.first.is_some() && !self.delimited) {
            let line = self.place.at(self.first.unwrap_or_default()).0;
            return Split::Whole { reason: format!("{reason} that begins on line {line} does not end") };
        }
        self.cut();
        Split::Statements(self.pieces)
    }

    fn step(&mut self, token: Token) -> Step<'a> {
        let text = &self.script[token.start..token.end];
        match token.kind {
            Kind::Space => return Step::Go,
            Kind::Comment => {
                self.begin.get_or_insert(token.start);
                return Step::Go;
            }
            Kind::Unended(what) if !self.delimited => {
                let line = self.place.at(token.start).0;
                return Step::Stop(Split::Whole {
                    reason: format!("{what} that begins on line {line} does not end"),
                });
            }
            Kind::Symbol(b';') if self.lexer.plain_delimiter() => {
                let ends = self.body.semicolon();
                if ends && !self.parens_hold() && !self.lexer.in_executable_comment() {
                    self.cut();
                } else {
                    self.take(token);
                }
                return Step::Go;
            }
            Kind::Symbol(b'\\') if self.engine != EngineName::Sqlite => return self.backslash(token),
            Kind::Symbol(b'.') if self.engine == EngineName::Sqlite && self.first.is_none() => {
                return self.client(token.start);
            }
            Kind::Word if self.engine == EngineName::MySql && self.is_client_word(token, text) => {
                return self.client_word(token, text);
            }
            Kind::Symbol(b'(') => self.parens += 1,
            Kind::Symbol(b')') => self.parens = self.parens.saturating_sub(1),
            _ => {}
        }
        if self.lexer.plain_delimiter() {
            self.body.token(token.kind, text);
        }
        if self.body.foreign_grammar() {
            let reason = "sql_mode=ORACLE has another grammar of routines".to_owned();
            return Step::Stop(Split::Whole { reason });
        }
        self.take(token);
        Step::Go
    }

    /// psql, and the server's grammar, know statements with others in parentheses: `CREATE RULE … DO (…; …)`.
    fn parens_hold(&self) -> bool {
        self.engine == EngineName::Postgres && self.parens > 0
    }

    fn take(&mut self, token: Token) {
        self.begin.get_or_insert(token.start);
        // an executable comment's marks are sent, but its position is that of its first word
        if !matches!(token.kind, Kind::Open | Kind::Close) {
            self.first.get_or_insert(token.start);
        }
        self.end = token.end;
    }

    /// Ends the statement at work, if there is any.
    fn cut(&mut self) {
        if let (Some(begin), Some(first)) = (self.begin, self.first) {
            let (line, column) = self.place.at(first);
            let piece = Piece { text: &self.script[begin..self.end], offset: begin, line, column };
            self.lexer.heed(&self.script[first..self.end]);
            if self.engine == EngineName::Postgres && inspect::reads_stdin(piece.text) {
                self.lexer.skip_copy_data();
            }
            self.pieces.push(piece);
        }
        (self.begin, self.first, self.parens) = (None, None, 0);
        self.body = Body::new(self.engine);
        self.body.oracle(self.lexer.oracle());
    }

    /// A backslash outside quotes belongs to a client, except for MySQL's `\N` (NULL) and its client's `\g`.
    fn backslash(&mut self, token: Token) -> Step<'a> {
        let mysql = self.engine == EngineName::MySql;
        match self.script.as_bytes().get(token.end) {
            Some(b'N') if mysql => self.take(token),
            Some(b'g' | b'G') if mysql => {
                self.lexer.jump(token.end + 1);
                self.cut();
            }
            _ => return self.client(token.start),
        }
        Step::Go
    }

    fn client(&mut self, at: usize) -> Step<'a> {
        let rest = &self.script[at..];
        let command = rest.split(char::is_whitespace).next().unwrap_or(rest).chars().take(40).collect();
        let (line, column) = self.place.at(at);
        Step::Stop(Split::Client { command, line, column })
    }

    /// `DELIMITER` and `SOURCE` where the client takes them for its own: at the beginning of a statement; and a
    /// `DELIMITER` with nothing but signs after it also at the beginning of a line, where a `;` was forgotten.
    fn is_client_word(&self, token: Token, text: &str) -> bool {
        if text.eq_ignore_ascii_case("delimiter") {
            let argument = self.lexer.line_from(token.end).trim();
            let signs = !argument.is_empty() && !argument.contains(|c: char| c.is_alphanumeric() || c == '_');
            let line_start = self.script[..token.start].trim_end_matches([' ', '\t']).ends_with('\n');
            return !argument.is_empty()
                && (self.first.is_none() || (signs && line_start && self.parens == 0));
        }
        text.eq_ignore_ascii_case("source") && self.first.is_none()
    }

    fn client_word(&mut self, token: Token, text: &str) -> Step<'a> {
        if !text.eq_ignore_ascii_case("delimiter") {
            return self.client(token.start);
        }
        self.cut();
        let line = self.lexer.line_from(token.end);
        self.lexer.delimit(line.split_whitespace().next().unwrap_or(";").trim_matches(['\'', '"', '`']));
        self.lexer.jump(token.end + line.len());
        self.delimited = true;
        Step::Go
    }
}

#[cfg(test)]
mod tests;
