//! Small pieces of sentences that people read: durations, steps, runs; and foreign text made harmless.
//! Owns no layout and decides nothing about when something is said.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::event::{StepRef, Watched};
use crate::model::run::RunStatus;

/// Milliseconds as people say them: `850 ms`, `1.2 s`, `42 s`, `3 min 5 s`, `1 h 2 min`.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 if ms % 1000 >= 100 => format!("{seconds}.{} s", ms % 1000 / 100),
        1_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => two(seconds / 60, "min", seconds % 60, "s"),
        _ => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

/// An age or a wait, which is said again and again: whole seconds are enough.
pub fn age(ms: u64) -> String {
    duration(ms / 1000 * 1000).replace("0 ms", "0 s")
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// `, 12 s` after what is waited for; nothing in the first second.
pub fn so_far(ms: u64) -> String {
    if ms < 1000 { String::new() } else { format!(", {}", age(ms)) }
}

/// A [`Duration`] in milliseconds.
pub fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `3/7 20240301_add_index`; without a total only the name.
pub fn step(step: &StepRef) -> String {
    place(step.position, step.total, Some(stem(&step.name)))
}

/// A file's name without what every file has: `20240301_add_index.up.sql` is `20240301_add_index`.
pub fn stem(name: &str) -> &str {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    stem.strip_suffix(".up").unwrap_or(stem)
}

fn place(position: u64, total: u64, name: Option<&str>) -> String {
    match (total, name) {
        (0, Some(name)) => name.to_owned(),
        (0, None) => String::new(),
        (_, Some(name)) => format!("{position}/{total} {name}"),
        (_, None) => format!("{position}/{total}"),
    }
}

/// `is at 3/7 20240301_add_index`: where a run is; once it is over, what became of it.
pub fn whereabouts(run: &Watched) -> String {
    // `done` counts what is finished, and the one at work is the next
    let position = match run.current {
        Some(_) => (run.done + 1).min(run.total),
        None => run.done,
    };
    let at = place(position, run.total, run.current.as_deref().map(stem));
    let verb = match run.status {
        RunStatus::Running => "is",
        RunStatus::Succeeded => return "succeeded".to_owned(),
        RunStatus::Failed => "failed",
        RunStatus::Interrupted => "was interrupted",
        RunStatus::Abandoned => "was abandoned",
    };
    match (at.is_empty(), run.status) {
        (false, RunStatus::Running) => format!("{verb} at {at}"),
        (false, _) if run.current.is_some() => format!("{verb} at {at}"),
        (false, _) => format!("{verb} with {at} done"),
        (true, RunStatus::Running) => "is at work".to_owned(),
        (true, _) => verb.to_owned(),
    }
}

/// `, last sign of life 1 s ago`; nothing where there are no beats, or none are to come.
pub fn sign_of_life(run: &Watched) -> String {
    let beats = run.beat_age_ms.filter(|_| run.status == RunStatus::Running);
    beats.map(|ms| format!(", last sign of life {} ago", age(ms))).unwrap_or_default()
}

/// `1 migration`, `3 migrations`.
pub fn migrations(count: usize) -> String {
    if count == 1 { "1 migration".to_owned() } else { format!("{count} migrations") }
}

/// Foreign text as one line: line breaks become spaces, other control characters are written out.
pub fn line(text: &str) -> Cow<'_, str> {
    clean(text, false)
}

/// Foreign text as it is, line breaks and tabs included; other control characters are written out.
pub fn block(text: &str) -> Cow<'_, str> {
    clean(text, true)
}

fn clean(text: &str, breaks: bool) -> Cow<'_, str> {
    if !text.chars().any(|c| meddles(c) || (!breaks && matches!(c, '\n' | '\t'))) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' if breaks => clean.push(c),
            '\n' | '\r' | '\t' => clean.push(' '),
            c if meddles(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// What a terminal would act on, or what changes the order in which text is shown.
fn meddles(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\n' | '\t');
    control
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let said: Vec<String> =
            [0, 850, 999, 1_000, 1_234, 9_990, 42_000, 59_999, 60_000, 185_000, 3_600_000, 3_725_000]
                .into_iter()
                .map(duration)
                .collect();
        assert_eq!(
            said.join(", "),
            "0 ms, 850 ms, 999 ms, 1 s, 1.2 s, 9.9 s, 42 s, 59 s, 1 min, 3 min 5 s, 1 h, 1 h 2 min"
        );
        assert_eq!([0, 999, 1_900, 20_000].map(age).join(", "), "0 s, 0 s, 1 s, 20 s");
    }

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        assert_eq!(line("a\u{1b}[31mb\u{7}c\r\nd\te\u{9b}2J"), "a\\u{1b}[31mb\\u{7}c d e\\u{9b}2J");
        assert_eq!(block("a\r\n\tb\u{202e}c"), "a\n\tb\\u{202e}c");
        assert!(matches!(line("nothing odd: äß✓"), Cow::Borrowed(_)));
    }
}
