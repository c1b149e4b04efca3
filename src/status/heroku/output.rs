//! The end of what a release phase or a build has written. Whatever becomes of the stream, it takes little time and room,
//! and shows no secret of ours.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use tokio::time::{Instant, timeout_at};

use crate::model::secret::{Secret, without_passwords};

/// All in all: the verdict must not wait for it.
const TIME: Duration = Duration::from_secs(4);
/// What is read at most.
const MOST: usize = 4 << 20;
/// What is kept of it.
const KEPT: usize = 16 << 10;
/// What is told of it.
const LINES: usize = 30;
const LONGEST_LINE: usize = 300;

/// What there is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Its last lines.
    Tail(String),
    /// Nothing: `is gone`.
    None(&'static str),
}

/// Reads a stream to its end, or as far as it gets. Sends no token: it is another server's.
pub(super) async fn read(http: &reqwest::Client, url: &str, secrets: &[Secret]) -> Output {
    let until = Instant::now() + TIME;
    let asked = http.get(url).header(ACCEPT, "text/plain").timeout(TIME).send();
    let mut response = match timeout_at(until, asked).await {
        Ok(Ok(response)) if response.status().is_success() => response,
        Ok(Ok(_)) => return Output::None("is gone"),
        Ok(Err(_)) | Err(_) => return Output::None("cannot be reached"),
    };
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let events = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
    let (mut kept, mut seen) = (Vec::new(), 0);
    // a stream that breaks or never ends has told us something all the same
    while let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await {
        seen += chunk.len();
        kept.extend_from_slice(&chunk);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        if seen >= MOST {
            break;
        }
    }
    let text = String::from_utf8_lossy(&kept);
    tail(&text, seen > kept.len(), events, secrets)
}

/// The last lines that say anything. `cut`: there was more before.
fn tail(text: &str, cut: bool, events: bool, secrets: &[Secret]) -> Output {
    // a piece of a line may be a piece of a secret
    let text = if cut { text.split_once('\n').map_or("", |(_, rest)| rest) } else { text };
    let text = match events {
        true => text.lines().filter_map(|line| line.strip_prefix("data:")).collect::<Vec<_>>().join("\n"),
        false => text.to_owned(),
    };
    // before the secrets are looked for: what no terminal shows may stand in the middle of one
    let shown = |c: &char| matches!(c, '\t' | '\n') || !c.is_control();
    let mut text: String = console::strip_ansi_codes(&text).chars().filter(shown).collect();
    for secret in secrets.iter().map(|secret| secret.expose().trim()).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    let text = without_passwords(&text);
    let lines: Vec<String> = text.lines().map(clean).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [] if cut => Output::None("has no line that ends"),
        [] => Output::None("is empty"),
        lines => Output::Tail(lines[lines.len().saturating_sub(LINES)..].join("\n")),
    }
}

/// As much of a line as is told.
fn clean(line: &str) -> String {
    let line: String = line.chars().take(LONGEST_LINE).collect();
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, cut: bool) -> Output {
        tail(text, cut, false, &[Secret::new("HRKU-s3cret"), Secret::new("")])
    }

    #[test]
    fn the_last_lines_are_told_and_what_a_terminal_obeys_is_not() {
        let text: String = (0..100).map(|line| format!("line {line}\r\n\0\n")).collect();
        let Output::Tail(tail) = told(&text, false) else { panic!() };
        assert_eq!(tail.lines().count(), LINES);
        assert!(tail.starts_with("line 70\nline 71\n") && tail.ends_with("line 99"), "{tail}");
        assert_eq!(told("\u{1b}[31mPG::Error\u{1b}[0m\u{7}", false), Output::Tail("PG::Error".to_owned()));
        assert_eq!(told("\0 \n\r\n", false), Output::None("is empty"));
    }

    #[test]
    fn secrets_are_starred_out_and_pieces_of_lines_left_out() {
        let text = "ret of ours\nkey HRKU-s3cret\nat postgres://u:pw@h/d";
        assert_eq!(told(text, true), Output::Tail("key ***\nat postgres://****@h/d".to_owned()));
        assert_eq!(told("one endless line", true), Output::None("has no line that ends"));
    }

    #[test]
    fn a_secret_with_signs_in_it_that_nobody_sees_is_one() {
        for hidden in ["HRKU-\0s3cret", "HRKU-s3\u{1b}[31mcret", "HRKU-s3\rcret"] {
            assert_eq!(told(hidden, false), Output::Tail("***".to_owned()), "{hidden:?}");
        }
    }

    #[test]
    fn events_carry_lines() {
        let text = "id: 1\ndata: one\n\n:keepalive\nid: 2\ndata:two\n";
        assert_eq!(tail(text, false, true, &[]), Output::Tail(" one\ntwo".to_owned()));
    }
}
