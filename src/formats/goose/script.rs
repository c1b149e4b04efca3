//! What goose's parser (`internal/sqlparser/parser.go` of 3.27) makes of a script: where its `Up` part is, and what goose
//! would refuse. Line by line as goose reads it, its oddities included; what the database does with a part is elsewhere.

use std::ops::Range;

use crate::formats::folder::lines;

/// A script's `Up` part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Up {
    /// Where it is, bytes.
    pub part: Range<usize>,
    /// Without `NO TRANSACTION`, wherever that stands.
    pub transactional: bool,
}

/// What is wrong with a script, and in which line.
pub(super) type Wrong = (Option<usize>, String);

/// Where in the script we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Up,
    UpBlock,
    Down,
    DownBlock,
}

struct Parser {
    state: State,
    part: Range<usize>,
    transactional: bool,
    /// What has been read of a statement: none, only blanks, or text that begins in this line.
    statement: Option<Option<usize>>,
    /// `ENVSUB ON`.
    substitutes: bool,
}

/// Reads a script.
pub(super) fn parse(text: &str) -> Result<Up, Wrong> {
    let mut parser =
        Parser { state: State::Start, part: 0..0, transactional: true, statement: None, substitutes: false };
    let mut last = 0;
    for (begin, number, line) in lines(text) {
        let end = text[begin..].find('\n').map_or(text.len(), |at| begin + at + 1);
        let comment = line.trim_start().starts_with("--");
        if comment && line.contains("+goose") {
            parser.annotation(line, begin, end).map_err(|what| (Some(number), what))?;
        } else {
            parser.line(line, comment, number).map_err(|what| (Some(number), what))?;
        }
        last = number;
    }
    match parser.state {
        State::Start => return Err((None, "it has no `-- +goose Up`".to_owned())),
        State::UpBlock | State::DownBlock => {
            return Err((Some(last), "a StatementBegin has no StatementEnd".to_owned()));
        }
        State::Up => {
            parser.finish()?;
            parser.part.end = text.len();
        }
        State::Down => {}
    }
    Ok(Up { part: parser.part, transactional: parser.transactional })
}

/// Where the statements of an `Up` part end as goose sends them, bytes: behind a line that ends with `;`, and behind
/// StatementEnd.
pub(super) fn ends(part: &str) -> Vec<usize> {
    let (mut ends, mut in_block) = (Vec::new(), false);
    for (begin, _, line) in lines(part) {
        let after = part[begin..].find('\n').map_or(part.len(), |at| begin + at + 1);
        let words = annotation(line).map(|words| words.to_ascii_lowercase());
        match words.as_deref() {
            Some("statementbegin") => in_block = true,
            Some("statementend") => {
                in_block = false;
                ends.push(after);
            }
            None if !in_block && ends_with_semicolon(line) => ends.push(after),
            _ => {}
        }
    }
    ends
}

/// What a line says to goose.
fn annotation(line: &str) -> Option<String> {
    let is_one = line.trim_start().starts_with("--") && line.contains("+goose");
    is_one.then(|| line.replace("--", "").replacen("+goose", "", 1).trim().to_owned())
}

impl Parser {
    fn annotation(&mut self, line: &str, begin: usize, end: usize) -> Result<(), String> {
        if line.starts_with([' ', '\t']) {
            return Err("a goose annotation must not be indented".to_owned());
        }
        let words = annotation(line).unwrap_or_default();
        match (words.to_ascii_lowercase().as_str(), self.state) {
            ("up", State::Start) => (self.state, self.part) = (State::Up, end..end),
            ("up", _) => return Err("it has a second `-- +goose Up`".to_owned()),
            ("down", State::Up) => {
                self.finish().map_err(|(_, what)| what)?;
                (self.state, self.part.end) = (State::Down, begin);
            }
            ("down", _) => return Err("`-- +goose Down` must come after `-- +goose Up`".to_owned()),
            ("statementbegin", State::Up) => self.state = State::UpBlock,
            ("statementbegin", State::Down) => self.state = State::DownBlock,
            ("statementbegin", _) => {
                return Err(
                    "StatementBegin must come after `-- +goose Up` or Down, and not in another".to_owned()
                );
            }
            ("statementend", State::UpBlock) if self.statement.is_none() => {
                return Err("nothing stands between StatementBegin and StatementEnd".to_owned());
            }
            ("statementend", State::UpBlock) => (self.state, self.statement) = (State::Up, None),
            ("statementend", State::DownBlock) => self.state = State::Down,
            ("statementend", _) => return Err("StatementEnd must come after StatementBegin".to_owned()),
            ("no transaction", _) => self.transactional = false,
            ("envsub on", _) => {
                self.substitutes = true;
                // what is in the way back is not run
                if matches!(self.state, State::Up | State::UpBlock) {
                    return Err(ENVSUB.to_owned());
                }
            }
            ("envsub off", _) => self.substitutes = false,
            _ => return Err(format!("goose knows no annotation {words:?}")),
        }
        Ok(())
    }

    fn line(&mut self, line: &str, comment: bool, number: usize) -> Result<(), String> {
        // goose leaves out what stands before a statement, but not lines of blanks
        if self.statement.is_none() && (comment || line.is_empty()) {
            return Ok(());
        }
        match self.state {
            State::Start if line.trim().is_empty() => Ok(()),
            State::Start if line.starts_with('\u{feff}') => {
                Err("it begins with a byte order mark, behind which goose sees no comment: save it without"
                    .to_owned())
            }
            State::Start => Err("nothing but comments may stand before `-- +goose Up`".to_owned()),
            State::Up | State::UpBlock if self.substitutes => Err(ENVSUB.to_owned()),
            State::Up | State::UpBlock => {
                let text = (!line.trim().is_empty()).then_some(number);
                let before = self.statement.flatten();
                let ends = self.state == State::Up && ends_with_semicolon(line);
                self.statement = if ends { None } else { Some(before.or(text)) };
                Ok(())
            }
            State::Down | State::DownBlock => Ok(()),
        }
    }

    /// The last statement outside of StatementBegin and StatementEnd has to end.
    fn finish(&mut self) -> Result<(), Wrong> {
        match self.statement.take().flatten() {
            None => Ok(()),
            Some(line) => {
                let what =
                    format!("the statement that begins in line {line} does not end with `;` at a line's end");
                Err((Some(line), what))
            }
        }
    }
}

const ENVSUB: &str = "ENVSUB puts variables of the environment into the script, which only goose does";

/// Whether the last word in front of a comment ends with `;`.
fn ends_with_semicolon(line: &str) -> bool {
    let words = line.split_whitespace().take_while(|word| !word.starts_with("--"));
    words.last().is_some_and(|last| last.ends_with(';'))
}
