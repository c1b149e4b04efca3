//! Workflow commands: lines that the runner acts on. It reads them on both streams, `::command::` where a line begins;
//! data is escaped, and nothing foreign gets into a command's name.

use crate::model::event::{Explained, Mark};
use crate::report::words;

/// The runner keeps so many characters of a message (UTF-16).
const MESSAGE: usize = 4096;
/// And of a title, as a page shows it.
const TITLE: usize = 200;

/// The kinds of annotation; of each, the runner keeps ten per step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Warning,
}

/// How many annotations of one kind are kept.
pub(super) const KEPT: usize = 10;

/// Where a text stands, and what it says.
#[derive(Clone, Debug, Default)]
pub(super) struct Annotation {
    /// From the workspace, or absolute.
    pub file: Option<String>,
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub title: String,
    pub message: String,
}

impl Annotation {
    /// The command, with the line's end.
    pub fn command(&self, kind: Kind) -> String {
        let kind = match kind {
            Kind::Error => "error",
            Kind::Warning => "warning",
        };
        let mut properties = Vec::new();
        if let Some(file) = &self.file {
            properties.push(format!("file={}", property(file)));
            // a column without its line means nothing to the runner
            if let Some(line) = self.line {
                properties.push(format!("line={line}"));
                properties.extend(self.column.map(|column| format!("col={column}")));
            }
        }
        properties.push(format!("title={}", property(&cut(&words::line(&self.title), TITLE))));
        let message = data(&cut(&words::block(&self.message), MESSAGE));
        without_old(&format!("::{kind} {}::{message}\n", properties.join(",")))
    }
}

/// What an error says, for an annotation: facts and advice, and no drawing, since it stands beside the line itself.
pub(super) fn message(error: &Explained, mark: Option<&Mark>) -> String {
    let mut lines = vec![mark.map_or(error.title.as_str(), |mark| mark.message.as_str())];
    if lines[0] != error.title {
        lines.push(&error.title);
    }
    lines.extend(error.causes.iter().map(String::as_str));
    let hints = error.hints.iter().map(|hint| format!("help: {hint}"));
    lines.into_iter().map(str::to_owned).chain(hints).collect::<Vec<_>>().join("\n")
}

/// Begins a part of the log that can be folded.
pub(super) fn group(title: &str) -> String {
    without_old(&format!("::group::{}\n", data(&words::line(title))))
}

/// Ends it.
pub(super) const END_GROUP: &str = "::endgroup::\n";

/// The runner stars this out of everything that comes later.
pub(super) fn mask(secret: &str) -> String {
    format!("::add-mask::{}\n", data(secret))
}

/// The older form of a command would be found anywhere in a line, were the newer one not looked for first.
fn without_old(line: &str) -> String {
    line.replace("##[", "# #[")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// As the runner counts: in UTF-16 units.
fn cut(text: &str, limit: usize) -> String {
    if text.encode_utf16().count() <= limit {
        return text.to_owned();
    }
    let mut units = 1;
    let kept = text.chars().take_while(|c| {
        units += c.len_utf16();
        units <= limit
    });
    kept.collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_it_says() {
        let annotation = Annotation {
            file: Some("db/a,b:c.sql".to_owned()),
            line: Some(3),
            column: Some(7),
            title: "50%\n::add-mask::x".to_owned(),
            message: "one\r\n::error::two\n##[error]three 100%".to_owned(),
        };
        assert_eq!(
            annotation.command(Kind::Error),
            "::error file=db/a%2Cb%3Ac.sql,line=3,col=7,title=50%25 %3A%3Aadd-mask%3A%3Ax::one%0A::error::two%0A# #[error]three 100%25\n"
        );
        let nowhere = Annotation { line: Some(3), title: "t".to_owned(), ..Annotation::default() };
        assert_eq!(nowhere.command(Kind::Warning), "::warning title=t::\n");
    }

    #[test]
    fn a_message_is_cut_as_the_runner_counts() {
        let long = Annotation { message: "😀".repeat(3000), ..Annotation::default() };
        let command = long.command(Kind::Error);
        let message = command.trim_end().rsplit("::").next().unwrap();
        assert!(message.ends_with('…'));
        let units = message.encode_utf16().count();
        assert!((MESSAGE - 2..=MESSAGE).contains(&units), "{units}");
    }
}
