//! SQL Server's scripts in batches, as its own clients cut them: at a line that is `GO`, outside of strings and comments.
//! Where a statement ends inside a batch is the server's business alone: no `;` has to.
//! A line that only looks like one is never handed on: to the server `GO` would be a name, and what follows part of the batch.

use crate::database::EngineName;

use super::lexer::{Kind, Lexer, Token};
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
    // nothing but blanks and comments so far on this line
    let mut fresh = true;
    while let Some(token) = lexer.next() {
        while ends.next_if(|end| *end <= token.start).is_some() {
            pieces.extend(batch.end(script, &mut place));
        }
        let text = &script[token.start..token.end];
        let begins_line = fresh;
        fresh = match token.kind {
            Kind::Space | Kind::Comment => fresh || text.contains(LINE_ENDS),
            _ => false,
        };
        match token.kind {
            Kind::Space => continue,
            Kind::Comment => {
                batch.begin.get_or_insert(token.start);
                continue;
            }
            Kind::Word if begins_line && let Some(at) = go(script, &token) => {
                match line_of_go(&lexer, script, at + GO.len()) {
                    Some((times, end)) => {
                        if let Some(piece) = batch.end(script, &mut place) {
                            pieces.extend(std::iter::repeat_n(piece, times));
                        }
                        lexer.jump(end);
                        continue;
                    }
                    // of a column in a list: a batch that ended here would be none
                    None if batch.parens > 0 => {}
                    None => return client(script, at, &mut place, 0),
                }
            }
            Kind::Symbol(b'(') => batch.parens += 1,
            Kind::Symbol(b')') => batch.parens = batch.parens.saturating_sub(1),
            // `:r file`, `:setvar`, `!! command`: of sqlcmd
            Kind::Symbol(b':' | b'!') if begins_line && is_command(script, token.start) => {
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
    /// Round brackets that are open.
    parens: usize,
}

impl Batch {
    fn take(&mut self, start: usize, end: usize) {
        self.begin.get_or_insert(start);
        self.first.get_or_insert(start);
        self.end = end;
    }

    /// Ends it; none if there is nothing in it but comments.
    fn end<'a>(&mut self, script: &'a str, place: &mut place::Counter<'a>) -> Option<Piece<'a>> {
        let Self { begin, first, end, .. } = std::mem::take(self);
        let (begin, first) = (begin?, first?);
        let (line, column) = place.at(first);
        Some(Piece { text: &script[begin..end], offset: begin, line, column })
    }
}

const GO: &str = "go";
/// Files of old Macs end their lines with the first alone.
const LINE_ENDS: [char; 2] = ['\r', '\n'];

/// A blank that the server knows and the lexer takes for a letter: no-break spaces, and the mark of a file that was
/// appended to another.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{feff}'
}

/// Where `GO` begins, if the word is one; `GOODS`, `go_live`, `go.t` and `go,` are names.
fn go(script: &str, word: &Token) -> Option<usize> {
    let at = word.start + script[word.start..word.end].find(|letter| !is_blank(letter))?;
    let rest = script[at..].get(..GO.len()).filter(|text| text.eq_ignore_ascii_case(GO));
    let after = &script[at + rest?.len()..];
    let ends = after.is_empty() || after.starts_with(|letter| is_blank(letter) || letter == ';');
    (ends || after.starts_with("--") || after.starts_with("/*")).then_some(at)
}

/// How often the batch before this `GO` runs, and where its line ends; none = the line says something else, too.
fn line_of_go(lexer: &Lexer<'_>, script: &str, from: usize) -> Option<(usize, usize)> {
    let mut lexer = lexer.clone();
    lexer.jump(from);
    let (mut times, mut end) = (None, from);
    while let Some(token) = lexer.next() {
        let text = &script[token.start..token.end];
        match token.kind {
            Kind::Space | Kind::Comment if text.contains(LINE_ENDS) => break,
            Kind::Space | Kind::Comment => {}
            Kind::Word => {
                let count = text.trim_matches(is_blank);
                let again = times.is_some() || !count.bytes().all(|byte| byte.is_ascii_digit());
                match count {
                    "" => {}
                    _ if again => return None,
                    _ => times = Some(count.parse().unwrap_or(usize::MAX)),
                }
            }
            _ => return None,
        }
        end = token.end;
    }
    let times = times.unwrap_or(1);
    (1..=MOST).contains(&times).then_some((times, end))
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
    let line = script[at..].split(LINE_ENDS).next().unwrap_or_default();
    let command = match one_word {
        0 => line.trim_end(),
        _ => line.split_whitespace().next().unwrap_or_default(),
    };
    let (line, column) = place.at(at);
    Split::Client { command: command.chars().take(40).collect(), line, column }
}

#[cfg(test)]
mod tests;
