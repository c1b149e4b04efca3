//! Why a container ended, where Kubernetes reads it: the termination log. Never holds up our end, and never fails it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::event::Event;
use crate::model::secret::Secret;
use crate::report::{self, Report};

/// Kubernetes reads no more of one container.
const MOST: usize = 4096;
/// Of a longer text: the sentence that says what happened. What a command said last is at its end.
const BEGINNING: usize = 1024;
const GAP: &str = "\n…\n";

/// Passes everything on, and leaves the reason of a failure.
pub(super) struct Reason {
    inner: Arc<dyn Report>,
    file: PathBuf,
}

impl Reason {
    pub(super) fn new(inner: Arc<dyn Report>, file: PathBuf) -> Self {
        Self { inner, file }
    }

    /// The kubelet makes the file; where there is none, nobody reads it.
    fn leave(&self, text: &str) {
        let opened = OpenOptions::new().write(true).truncate(true).open(&self.file);
        let _ = opened.and_then(|mut file| file.write_all(shortened(text).as_bytes()));
    }
}

impl Report for Reason {
    fn event(&self, event: &Event) {
        if let Event::Outcome(outcome) = event
            && outcome.exit != 0
        {
            self.leave(&report::in_words(outcome));
        }
        self.inner.event(event);
    }

    fn output(&self, bytes: &[u8]) {
        self.inner.output(bytes);
    }

    fn aside(&self, lines: &str) {
        self.inner.aside(lines);
    }

    fn conceal(&self, secret: &Secret) {
        self.inner.conceal(secret);
    }

    fn confirm(&self, question: &str) -> Option<bool> {
        self.inner.confirm(question)
    }

    fn finish(&self) {
        self.inner.finish();
    }
}

/// Its beginning and its end, in at most [`MOST`] bytes.
fn shortened(text: &str) -> String {
    if text.len() <= MOST {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(BEGINNING);
    let tail = text.ceil_char_boundary(text.len() - (MOST - BEGINNING - GAP.len()));
    format!("{}{GAP}{}", &text[..head], &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Explained, Outcome};

    fn outcome(exit: u8, cause: &str) -> Event {
        let title = "the migration 0002_index failed".to_owned();
        let error = Explained {
            title: title.clone(),
            causes: vec![cause.to_owned()],
            snippet: None,
            hints: Vec::new(),
            marks: Vec::new(),
        };
        Event::Outcome(Outcome {
            exit,
            role: None,
            outcome: "failed",
            release: None,
            run: None,
            url: None,
            applied: Vec::new(),
            duration_ms: 10,
            error: (exit != 0).then_some(error),
            message: title,
        })
    }

    /// What is left in a file that said "before".
    fn left(event: &Event) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("termination-log");
        std::fs::write(&file, "before").unwrap();
        Reason::new(report::silent(), file.clone()).event(event);
        std::fs::read_to_string(file).unwrap()
    }

    #[test]
    fn a_failure_leaves_its_reason_and_a_success_nothing() {
        let text = left(&outcome(10, "no such column: emial"));
        assert!(text.starts_with("error: the migration 0002_index failed\n"), "{text}");
        assert!(text.contains("no such column: emial") && text.contains("exit code 10"), "{text}");
        assert_eq!(left(&outcome(0, "")), "before");
    }

    #[test]
    fn a_long_one_keeps_beginning_and_end_within_four_kilobytes() {
        for letter in ["x", "ü", "語", "𝄞"] {
            let text = left(&outcome(10, &format!("{}the last line", format!("{letter} ").repeat(4000))));
            assert!(text.len() <= MOST && text.len() > MOST - 8, "{}", text.len());
            assert!(text.starts_with("error: the migration") && text.contains("the last line\n"), "{text}");
        }
    }

    #[test]
    fn where_there_is_no_file_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        for file in [folder.path().join("log"), folder.path().to_owned()] {
            Reason::new(report::silent(), file).event(&outcome(10, ""));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
