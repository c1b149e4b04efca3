//! The end of a process, for somebody who was woken up by it: what happened, what the database said, where, what to do.

use crate::model::event::{Explained, Outcome};
use crate::report::line::{Line, Mood};
use crate::report::words;

/// One line for a success, a paragraph for anything else.
pub fn lines(end: &Outcome) -> Vec<Line> {
    let message = words::line(&end.message);
    let Some(error) = &end.error else {
        let (mood, head) = if end.exit == 0 { (Mood::Good, "done:") } else { (Mood::Bad, "error:") };
        return vec![Line::new(mood, head, format!(" {message} ({})", words::duration(end.duration_ms)))];
    };
    let mut lines = facts(error);
    if !end.message.is_empty() && end.message != error.title {
        lines.push(Line::plain(message));
    }
    lines.extend(hints(error));
    let outcome = end.outcome.replace('_', " ");
    lines.push(Line::plain(format!(
        "exit code {} ({outcome}) after {}",
        end.exit,
        words::duration(end.duration_ms)
    )));
    lines
}

fn facts(error: &Explained) -> Vec<Line> {
    let mut lines = vec![Line::new(Mood::Bad, "error:", format!(" {}", words::line(&error.title)))];
    for cause in &error.causes {
        lines.extend(block(cause).map(|line| line.indented(2)));
    }
    if let Some(snippet) = &error.snippet {
        lines.push(Line::plain(""));
        lines.extend(block(snippet));
        lines.push(Line::plain(""));
    }
    lines
}

fn hints(error: &Explained) -> Vec<Line> {
    let mut lines = Vec::new();
    for hint in &error.hints {
        let clean = words::block(hint);
        let mut rows = clean.trim_end().lines();
        lines.push(Line::new(Mood::Help, "help:", format!(" {}", rows.next().unwrap_or_default())));
        lines.extend(rows.map(|row| Line::plain(row).indented(6)));
    }
    lines
}

fn block(text: &str) -> impl Iterator<Item = Line> {
    let clean = words::block(text).into_owned();
    let rows: Vec<Line> = clean.trim_end().lines().map(|row| Line::plain(row.trim_end())).collect();
    rows.into_iter()
}
