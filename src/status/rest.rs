//! What the sources with an HTTP API have in common: why there is no answer, and pages that are sent anew only if they
//! have changed. Decides nothing, and repeats no request.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use http::HeaderMap;
use http::header::DATE;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ledger::look::Look;
use crate::model::run::{Run, RunStatus};

/// What one request may take, its answer included.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// How long a rate limit lasts that does not say how long.
const UNTOLD_LIMIT: Duration = Duration::from_secs(60);
/// Whoever says that no time at all is enough is asked no more often than this all the same.
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);
/// Longer than anybody's time, and short enough to be added to a moment.
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How much of an API's own message is told.
const MESSAGE: usize = 300;

/// Why there can be no client. Exit 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoClient {
    /// The API's address is none.
    BadUrl,
    /// The token holds what no header can.
    BadToken,
    /// There are no root certificates to know the API by.
    NoRoots,
}

/// Why an API did not do what we asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No answer.
    #[error("{reason}")]
    Unreachable {
        /// Why not.
        reason: String,
    },
    /// 5xx: trouble of its own.
    #[error("it answered {status}")]
    Unavailable {
        /// The code.
        status: u16,
    },
    /// 403 or 429: too many requests.
    #[error("the rate limit is used up for {} s", wait.as_secs())]
    RateLimited {
        /// How long it wants to be left alone.
        wait: Duration,
    },
    /// 401: the token is wrong, has expired, or its job has ended.
    #[error("it does not know the token: {message}")]
    Unauthorized {
        /// What it says.
        message: String,
    },
    /// 403: the token may not do this.
    #[error("it forbids that: {message}")]
    Forbidden {
        /// What it says.
        message: String,
    },
    /// 404: there is no such thing, or none for this token.
    #[error("it knows no such repository or app, or does not show it to this token")]
    NotFound,
    /// 202: GitHub has merged the default branch in place of making a deployment.
    #[error("it made no deployment, but a merge: {message}")]
    Merged {
        /// What it says.
        message: String,
    },
    /// 409: a merge conflict, or checks that are not green.
    #[error("it refuses a deployment now: {message}")]
    Conflict {
        /// What it says.
        message: String,
    },
    /// 422: something that we sent does not fit.
    #[error("it does not accept that: {message}")]
    Unprocessable {
        /// What it says.
        message: String,
    },
    /// An answer that its description does not have.
    #[error("it answered {what}")]
    Odd {
        /// What.
        what: String,
    },
}

impl Failure {
    /// Whether it may be different in a while.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. } | Self::RateLimited { .. })
    }

    /// Whether a request that it answered may have been carried out all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }

    /// Too many requests; `wait` as it says, if it does.
    pub(super) fn limited(wait: Option<Duration>) -> Self {
        Self::RateLimited { wait: wait.unwrap_or(UNTOLD_LIMIT).clamp(SHORTEST_LIMIT, LONGEST_LIMIT) }
    }

    /// There was no answer for so long.
    pub(super) fn silence(limit: Duration) -> Self {
        Self::Unreachable { reason: format!("no answer within {} s", limit.as_secs()) }
    }

    /// What went wrong at the bottom: the layers above say only that something did.
    pub(super) fn of(error: &dyn Error) -> Self {
        let mut innermost = error;
        while let Some(inner) = innermost.source() {
            innermost = inner;
        }
        Self::Unreachable { reason: plain(&innermost.to_string(), MESSAGE) }
    }
}

/// What was answered, if it was no failure.
pub struct Reply {
    /// Not changed since the answer that had our tag (304).
    pub unchanged: bool,
    /// The tag by which to ask whether this has changed.
    pub etag: Option<String>,
    /// The next page, as the API's client names pages.
    pub next: Option<String>,
    /// Its clock, milliseconds since 1970.
    pub now: i64,
    /// This was the last request for so long.
    pub exhausted: Option<Duration>,
    /// Few requests are left.
    pub scarce: bool,
    /// What was sent.
    pub body: String,
}

/// What one look brought.
pub struct Seen {
    /// As from the ledger.
    pub look: Look,
    /// Something was new.
    pub changed: bool,
    /// It wants to be left alone for so long.
    pub rest: Option<Duration>,
    /// Few requests are left: better ask seldom.
    pub scarce: bool,
}

/// What the requests of one look say besides their bodies.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) now: i64,
    pub(super) changed: bool,
    rest: Option<Duration>,
    scarce: bool,
}

impl Asked {
    /// The look that it was for.
    pub(super) fn seen(self, look: Look) -> Seen {
        let look = Look { now: self.now, ..look };
        Seen { look, changed: self.changed, rest: self.rest, scarce: self.scarce }
    }
}

/// Who can ask for a page.
pub(super) trait Api {
    /// Asks for a page, or whether it has changed.
    async fn get(&self, page: &str, etag: Option<&str>) -> Result<Reply, Failure>;
}

/// Pages as they were sent last.
#[derive(Default)]
pub(super) struct Pages(HashMap<String, Page>);

struct Page {
    etag: String,
    next: Option<String>,
    body: String,
}

impl Pages {
    /// What is on one page, and which is the next.
    pub(super) async fn read<T: DeserializeOwned>(
        &mut self,
        api: &impl Api,
        page: String,
        asked: &mut Asked,
    ) -> Result<(T, Option<String>), Failure> {
        let known = self.0.get(&page);
        let reply = api.get(&page, known.map(|page| page.etag.as_str())).await?;
        asked.now = asked.now.max(reply.now);
        asked.rest = asked.rest.max(reply.exhausted);
        asked.scarce |= reply.scarce;
        if let Some(page) = known.filter(|_| reply.unchanged) {
            return Ok((read(&page.body)?, page.next.clone()));
        }
        asked.changed = true;
        let found = (read(&reply.body)?, reply.next.clone());
        match reply.etag {
            Some(etag) => self.0.insert(page, Page { etag, next: reply.next, body: reply.body }),
            None => self.0.remove(&page),
        };
        Ok(found)
    }
}

/// A look at these runs, newest first.
pub(super) fn look(runs: Vec<Run>) -> Look {
    let over = |run: &&Run| run.status != RunStatus::Running;
    let decided = |run: &&Run| matches!(run.status, RunStatus::Succeeded | RunStatus::Failed);
    let verdict = runs.iter().find(decided).cloned();
    Look {
        ended: runs.iter().filter(over).map(|run| run.fence).max().unwrap_or(0),
        failures: verdict.as_ref().map_or(0, |run| u32::from(run.status == RunStatus::Failed)),
        verdict,
        latest: runs.into_iter().next(),
        ..Look::default()
    }
}

/// A body, as the API describes it.
pub(super) fn read<T: DeserializeOwned>(body: &str) -> Result<T, Failure> {
    // the error may quote what was sent, whole
    let odd = |error: serde_json::Error| plain(&format!("something that cannot be read: {error}"), MESSAGE);
    serde_json::from_str(body).map_err(|error| Failure::Odd { what: odd(error) })
}

/// An API's own words: its message, and what it says of fields.
pub(super) fn told(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let mut text = body["message"].as_str().unwrap_or("it does not say why").to_owned();
    for error in body["errors"].as_array().into_iter().flatten() {
        let said = error.as_str().or_else(|| error["message"].as_str()).or_else(|| error["code"].as_str());
        let field = error["field"].as_str().map(|field| format!("{field}: ")).unwrap_or_default();
        text.extend(said.map(|said| format!("; {field}{said}")));
    }
    plain(&text, MESSAGE)
}

/// One line of at most so many characters, without anything that a terminal would obey.
pub(super) fn plain(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match clean.char_indices().nth(most) {
        None => clean,
        Some(_) => clean.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The token as a header can hold it.
pub(super) fn token(text: &str) -> Result<&str, NoClient> {
    let token = text.trim();
    let fine = !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic());
    fine.then_some(token).ok_or(NoClient::BadToken)
}

/// The API's clock, milliseconds since 1970; ours where it does not say.
pub(super) fn clock(headers: &HeaderMap) -> i64 {
    headers
        .get(DATE)
        .and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok())
        .map_or_else(own_clock, |date| date.timestamp_millis())
}

fn own_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970 of RFC 3339's form; of what cannot be read, the beginning.
pub(super) fn moment(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).map_or(0, |moment| moment.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_one_line() {
        let body =
            r#"{"message": "Validation\nFailed", "errors": [{"field": "ref", "code": "invalid"}, "more"]}"#;
        assert_eq!(told(body), "Validation Failed; ref: invalid; more");
        assert_eq!(told("<html>"), "it does not say why");
        assert_eq!(plain("abcdef", 4), "abc…");
        assert_eq!(plain("abcd", 4), "abcd");
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated_at_length() {
        let what = match read::<i64>(&format!("\"\u{7f}{}\"", "a".repeat(9999))) {
            Err(Failure::Odd { what }) => what,
            other => panic!("{other:?}"),
        };
        assert!(what.starts_with("something that cannot be read: invalid type"), "{what}");
        assert!(what.chars().count() <= MESSAGE && !what.contains('\u{7f}'), "{what}");
    }

    #[test]
    fn tokens_that_no_header_can_hold_are_refused() {
        assert_eq!(token("ghs_s3cret\n"), Ok("ghs_s3cret"));
        for odd in ["", " ", "two words", "a\nb", "é"] {
            assert_eq!(token(odd), Err(NoClient::BadToken));
        }
    }
}
