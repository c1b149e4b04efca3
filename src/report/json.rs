//! JSON lines: one object per event per line on stdout, described in `docs/events.md`. On stderr there is only what is
//! meant for a CI system.

use std::io::Write;
use std::time::Instant;

use crate::model::event::Event;
use crate::report::pace::Pace;
use crate::report::{Options, Teller, line};

/// Writes each event as it is.
pub struct Json {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    pace: Pace,
    options: Options,
    /// The beginning of a character, the rest of which the command has yet to write.
    cut: Vec<u8>,
}

impl Json {
    /// Begins now.
    pub fn new(
        options: Options,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        now: Instant,
    ) -> Self {
        Self { out, err, pace: Pace::new(now, options.verbosity > 1), options, cut: Vec::new() }
    }

    fn write(&mut self, now: Instant, event: &Event) {
        if self.options.verbosity < 0 && !line::is_vital(event) {
            return;
        }
        // an event is plain data with text keys: serde_json has no reason to refuse it
        let Ok(mut text) = serde_json::to_string(event) else { return };
        if self.options.github {
            // a runner acts on `##[` anywhere in a line; `#` can only stand inside a JSON string
            text = text.replace("##[", "#\\u0023[");
        }
        text.push('\n');
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        self.pace.said(now);
    }
}

impl Teller for Json {
    fn tell(&mut self, now: Instant, event: &Event) {
        if !self.cut.is_empty() && matches!(event, Event::Outcome(_)) {
            let text = String::from_utf8_lossy(&std::mem::take(&mut self.cut)).into_owned();
            self.write(now, &Event::Output { text });
        }
        if self.pace.admit(now, event) {
            self.write(now, event);
        }
    }

    fn output(&mut self, now: Instant, bytes: &[u8]) {
        self.cut.extend_from_slice(bytes);
        let rest = self.cut.split_off(whole_characters(&self.cut));
        let whole = std::mem::replace(&mut self.cut, rest);
        if !whole.is_empty() {
            self.write(now, &Event::Output { text: String::from_utf8_lossy(&whole).into_owned() });
        }
    }

    fn aside(&mut self, lines: &str) {
        let _ = self.err.write_all(lines.as_bytes()).and_then(|()| self.err.flush());
    }

    fn tick(&mut self, now: Instant) {
        if let Some(event) = self.pace.due(now) {
            self.write(now, &event);
        }
    }
}

/// How many bytes there are before a character of UTF-8 that is begun and not ended.
fn whole_characters(bytes: &[u8]) -> usize {
    for (back, byte) in (1..=3).zip(bytes.iter().rev()) {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        return if length > back { bytes.len() - back } else { bytes.len() };
    }
    bytes.len()
}
