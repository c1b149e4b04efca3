//! One line of text for people: its first words may have a colour. Owns colours and what a CI runner must not misread.

use std::borrow::Cow;

use crate::model::event::Event;

/// What a line's first words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Nothing special.
    Plain,
    /// Done.
    Good,
    /// To be looked at.
    Odd,
    /// Failed.
    Bad,
    /// Advice.
    Help,
}

/// One line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    mood: Mood,
    head: String,
    rest: String,
}

impl Line {
    /// A line that begins with words that have a colour.
    pub fn new(mood: Mood, head: impl Into<String>, rest: impl Into<String>) -> Self {
        Self { mood, head: head.into(), rest: rest.into() }
    }

    /// A line without colours.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Mood::Plain, "", text)
    }

    /// Moves the line to the right.
    pub fn indented(mut self, by: usize) -> Self {
        let into = if self.head.is_empty() { &mut self.rest } else { &mut self.head };
        if !into.is_empty() {
            into.insert_str(0, &" ".repeat(by));
        }
        self
    }

    /// As it is written, with the line's end.
    pub fn draw(&self, colors: bool, github: bool) -> String {
        let code = match self.mood {
            Mood::Plain => None,
            Mood::Good => Some("32"),
            Mood::Odd => Some("33"),
            Mood::Bad => Some("1;31"),
            Mood::Help => Some("36"),
        };
        match code.filter(|_| colors && !self.head.is_empty()) {
            Some(code) => format!("\x1b[{code}m{}\x1b[0m{}\n", self.head, harmless(&self.rest, github)),
            None => format!("{}\n", harmless(&format!("{}{}", self.head, self.rest), github)),
        }
    }
}

/// A text of several lines, made harmless line by line.
pub fn harmless_lines(text: &str) -> String {
    text.split_inclusive('\n').map(|line| harmless(line, true)).collect()
}

/// Sees `##[` in what comes piece by piece: a GitHub runner acts on it anywhere in a line, and its log shows the rest
/// in another form even where it does not act.
#[derive(Debug, Default)]
pub struct Hashes(usize);

impl Hashes {
    /// The same bytes with a blank in each `##[`.
    pub fn apart(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut apart = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if *byte == b'[' && self.0 >= 2 {
                apart.push(b' ');
            }
            self.0 = if *byte == b'#' { self.0 + 1 } else { 0 };
            apart.push(*byte);
        }
        apart
    }
}

/// What stands between its two lines is no command to a GitHub runner, whatever it looks like. Its token is one that
/// nobody can guess: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
#[derive(Debug, Default)]
pub struct Fence(Option<String>);

impl Fence {
    /// The line that begins it; empty if it stands already.
    pub fn raise(&mut self) -> String {
        match &self.0 {
            Some(_) => String::new(),
            None => {
                let token = self.0.insert(uuid::Uuid::new_v4().to_string());
                format!("::stop-commands::{token}\n")
            }
        }
    }

    /// The line that ends it; empty if none stands.
    pub fn lower(&mut self) -> String {
        self.0.take().map(|token| format!("::{token}::\n")).unwrap_or_default()
    }
}

/// A GitHub runner acts on `::command::` where a line begins, and on `##[command]` anywhere.
fn harmless(text: &str, github: bool) -> Cow<'_, str> {
    if !github || !(text.contains("::") || text.contains("##[")) {
        return Cow::Borrowed(text);
    }
    let apart = text.replace("##[", "# #[");
    let begin = apart.len() - apart.trim_start().len();
    if apart[begin..].starts_with("::") {
        return Cow::Owned(format!("{}: {}", &apart[..begin], &apart[begin + 1..]));
    }
    Cow::Owned(apart)
}

/// What `-q` leaves; of a success, people hear nothing all the same.
pub fn is_vital(event: &Event) -> bool {
    matches!(event, Event::Warning { .. }) || is_result(event)
}

/// What is the answer to a command.
pub fn is_result(event: &Event) -> bool {
    matches!(
        event,
        Event::Plan(_)
            | Event::Status(_)
            | Event::History(_)
            | Event::RunSteps(_)
            | Event::Lock(_)
            | Event::Unlocked(_)
            | Event::Resolved(_)
            | Event::Doctor(_)
            | Event::Init(_)
            | Event::New(_)
            | Event::Outcome(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_sees_no_commands_in_foreign_text() {
        let drawn = |text: &str| Line::plain(text).indented(2).draw(false, true);
        assert_eq!(drawn("::add-mask::x"), "  : :add-mask::x\n");
        assert_eq!(drawn("cast 'a'::text"), "  cast 'a'::text\n");
        assert_eq!(drawn("see ##[error]x"), "  see # #[error]x\n");
        assert_eq!(Line::plain("::x::").draw(false, false), "::x::\n");
    }

    #[test]
    fn an_old_command_is_broken_wherever_its_output_was_cut() {
        let text = b"a ##[error]b #[c] ###[d] ##\n[e]";
        let want = "a ## [error]b #[c] ### [d] ##\n[e]";
        for cut in 0..text.len() {
            let mut hashes = Hashes::default();
            let apart = [hashes.apart(&text[..cut]), hashes.apart(&text[cut..])].concat();
            assert_eq!(String::from_utf8(apart).unwrap(), want);
        }
        assert_eq!(harmless_lines("error: x\n  ::add-mask::y\n"), "error: x\n  : :add-mask::y\n");
    }

    #[test]
    fn only_the_first_words_have_a_colour() {
        let line = Line::new(Mood::Bad, "error:", " lost");
        assert_eq!(line.draw(true, false), "\x1b[1;31merror:\x1b[0m lost\n");
        assert_eq!(line.draw(false, false), "error: lost\n");
    }
}
