//! SQL Server's scripts in batches, as its own clients cut them: at a line that is `GO`, outside of strings and comments.
//! Where a statement ends inside a batch is the server's business alone: no `;` has to.

use crate::database::EngineName;

use super::lexer::{Kind, Lexer};
use super::{Piece, Split, place};

/// How often `GO n` may repeat: each time is a piece of its own.
const MOST: usize = 10_000;

/// Cuts a script. A batch that `GO n` repeats is there as often.
pub(super) fn split(script: &str) -> Split<'_> {
    split_at(script, &[])
}

/// The same, and behind each of these bytes.
pub(super) fn split_at<'a>(script: &'a str, ends: &[usize]) -> Split<'a> {
    let mut ends = ends.iter().copied().peekable();
    let mut lexer = Lexer::new(script, EngineName::SqlServer);
    let mut place = place::Counter::new(script);
    let mut pieces = Vec::new();
    let mut batch = Batch::default();
    while let Some(token) = lexer.next() {
        while ends.next_if(|end| *end <= token.start).is_some() {
            pieces.extend(batch.end(script, &mut place));
        }
        let text = &script[token.start..token.end];
        match token.kind {
            Kind::Space => continue,
            Kind::Comment => {
                batch.begin.get_or_insert(token.start);
                continue;
            }
            Kind::Word if text.eq_ignore_ascii_case("go") && begins_line(script, token.start) => {
                let line = lexer.line_from(token.end);
                let Some(times) = times(line) else {
                    if is_ended(line) {
                        return client(script, token.start, &mut place, 0);
                    }
                    batch.take(token.start, token.end);
                    continue;
                };
                if times > MOST {
                    return client(script, token.start, &mut place, 0);
                }
                if let Some(piece) = batch.end(script, &mut place) {
                    pieces.extend(std::iter::repeat_n(piece, times));
                }
                lexer.jump(token.end + line.len());
                continue;
            }
            // `:r file`, `:setvar`, `!! command`: of sqlcmd
            Kind::Symbol(b':' | b'!')
                if begins_line(script, token.start) && is_command(script, token.start) =>
            {
                return client(script, token.start, &mut place, 1);
            }
            _ => {}
        }
        batch.take(token.start, token.end);
    }
    pieces.extend(batch.end(script, &mut place));
    Split::Statements(pieces)
}

/// The batch at work.
#[derive(Default)]
struct Batch {
    /// Its first comment or word.
    begin: Option<usize>,
    /// Its first word.
    first: Option<usize>,
    /// Where its last word ends.
    end: usize,
}

impl Batch {
    fn take(&mut self, start: usize, end: usize) {
        self.begin.get_or_insert(start);
        self.first.get_or_insert(start);
        self.end = end;
    }

    /// Ends it; none if there is nothing in it but comments.
    fn end<'a>(&mut self, script: &'a str, place: &mut place::Counter<'a>) -> Option<Piece<'a>> {
        let Self { begin, first, end } = std::mem::take(self);
        let (begin, first) = (begin?, first?);
        let (line, column) = place.at(first);
        Some(Piece { text: &script[begin..end], offset: begin, line, column })
    }
}

/// Whether only blanks stand before it on its line.
fn begins_line(script: &str, at: usize) -> bool {
    let line = script[..at].rsplit('\n').next().unwrap_or_default();
    line.chars().all(|letter| letter.is_whitespace() || letter == '\u{feff}')
}

/// How often the batch before this `GO` runs, by the rest of its line; none = it is no such line.
fn times(rest: &str) -> Option<usize> {
    let rest = rest.trim();
    let count = rest.split("--").next().unwrap_or_default().trim();
    let digits = count.bytes().all(|byte| byte.is_ascii_digit());
    match count {
        "" => Some(1),
        _ if digits => Some(count.parse().unwrap_or(usize::MAX)),
        _ => None,
    }
}

/// `GO;`, of which neither a client nor the server makes anything.
fn is_ended(rest: &str) -> bool {
    let end = rest.split("--").next().unwrap_or_default().trim();
    end.starts_with(';') && end.trim_matches([';', ' ', '\t']).is_empty()
}

/// Whether sqlcmd takes the line for its own.
fn is_command(script: &str, at: usize) -> bool {
    let words = [
        "r",
        "setvar",
        "connect",
        "on",
        "out",
        "error",
        "perftrace",
        "exit",
        "quit",
        "reset",
        "ed",
        "xml",
        "list",
    ];
    let rest = &script[at..];
    if rest.starts_with("!!") {
        return true;
    }
    let word = rest[1..].split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    rest.starts_with(':') && words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// `words` more than the first belong to the command's name.
fn client<'a>(script: &'a str, at: usize, place: &mut place::Counter<'a>, one_word: usize) -> Split<'a> {
    let line = script[at..].lines().next().unwrap_or_default();
    let command = match one_word {
        0 => line.trim_end(),
        _ => line.split_whitespace().next().unwrap_or_default(),
    };
    let (line, column) = place.at(at);
    Split::Client { command: command.chars().take(40).collect(), line, column }
}

#[cfg(test)]
mod tests;
