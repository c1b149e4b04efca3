//! What `init` and `new` found and wrote, on stdout: for `new` the paths alone, so that an editor can be given them.

use crate::model::scaffold::{FileState, InitFile, InitReport, NewReport};
use crate::report::line::{Line, Mood};
use crate::report::tables::Rows;
use crate::report::words;

/// How far a text to copy is moved to the right.
const INDENT: usize = 4;

/// `init`: what was found, each file, and what to do now.
pub fn init(init: &InitReport) -> Vec<Line> {
    let mut rows = Rows::default();
    rows.maybe("migrations", init.migrations.as_deref());
    match (&init.format, &init.format_reason) {
        (Some(format), Some(reason)) => rows.because("format", format, reason),
        (Some(format), None) => rows.add("format", format),
        (None, Some(reason)) => rows.because("format", "unknown", reason),
        (None, None) => {}
    }
    if let Some(reason) = &init.command_reason {
        rows.because("command", &init.command.join(" "), reason);
    }
    let mut lines = rows.lines();
    lines.extend(init.files.iter().flat_map(file));
    for step in &init.next {
        lines.push(Line::new(Mood::Help, "next:", format!(" {}", words::line(step))));
    }
    lines
}

fn file(file: &InitFile) -> Vec<Line> {
    let (mood, word) = match file.state {
        FileState::Written => (Mood::Good, "wrote"),
        FileState::Kept => (Mood::Odd, "kept"),
    };
    let reason = file.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let text = format!(" {}{}", words::line(&file.path), words::line(&reason));
    let mut lines = vec![Line::new(mood, word, text)];
    if let Some(add) = &file.add {
        lines.push(Line::plain(""));
        lines.extend(add.lines().map(|line| Line::plain(words::line(line)).indented(INDENT)));
        lines.push(Line::plain(""));
    }
    lines
}

/// `new`: a path each.
pub fn new(new: &NewReport) -> Vec<Line> {
    new.files.iter().map(|path| Line::plain(words::line(path))).collect()
}

/// `new`: what a new file needs before it counts, beside the results.
pub fn to_add(new: &NewReport) -> Vec<Line> {
    let Some(add) = &new.add else { return Vec::new() };
    let text = format!(" {} runs it once {} has this, {}:", new.format, words::line(&add.path), add.place);
    let mut lines = vec![Line::new(Mood::Help, "next:", text)];
    lines.extend(add.text.lines().map(|line| Line::plain(words::line(line)).indented(INDENT)));
    lines
}
