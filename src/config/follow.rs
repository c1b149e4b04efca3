//! `follow:` in the config, and the status command that some of it describes.

use std::time::Duration;

use crate::cli::Request;
use crate::config::FollowSettings;
use crate::config::error::{ConfigError, Problem};
use crate::config::raw::{RawEnvironment, Span};
use crate::config::reader::Reader;
use crate::model::choice::FollowSource;

impl Reader<'_> {
    pub(super) fn follow(&self, request: &Request) -> Result<FollowSettings, ConfigError> {
        let span = |key: &str, default: u64, get: fn(&RawEnvironment) -> Option<&Span>| {
            self.span(key, get).map(|span| span.unwrap_or(Duration::from_secs(default)))
        };
        let settings = FollowSettings {
            source: match request.global.follow {
                Some(source) => source,
                None => self
                    .word("follow.source", FollowSource::ALL, |e| e.follow.as_ref()?.source.as_ref())?
                    .unwrap_or(FollowSource::Ledger),
            },
            start: span("follow.start", 900, |e| e.follow.as_ref()?.start.as_ref())?,
            grace: span("follow.grace", 60, |e| e.follow.as_ref()?.grace.as_ref())?,
            window: span("follow.window", 900, |e| e.follow.as_ref()?.window.as_ref())?,
            needs: self.text("follow.needs", |e| e.follow.as_ref()?.needs.as_ref())?,
            command: self.list("follow.command", |e| e.follow.as_ref()?.command.as_ref())?,
            every: span("follow.every", 5, |e| e.follow.as_ref()?.every.as_ref())?,
            timeout: span("follow.timeout", 60, |e| e.follow.as_ref()?.timeout.as_ref())?,
            ready: self.codes("follow.ready", 0, |e| e.follow.as_ref()?.ready.as_ref())?,
            pending: self.codes("follow.pending", 1, |e| e.follow.as_ref()?.pending.as_ref())?,
        };
        let zero = || "it must be more than 0".to_owned();
        if settings.every.is_zero() {
            return Err(self.wrong("follow.every", |e| e.follow.as_ref()?.every.as_ref().map(drop), zero()));
        }
        if settings.timeout.is_zero() {
            return Err(self.wrong(
                "follow.timeout",
                |e| e.follow.as_ref()?.timeout.as_ref().map(drop),
                zero(),
            ));
        }
        if settings.source == FollowSource::Command {
            self.status_command(&settings, request)?;
        }
        Ok(settings)
    }

    /// Exit codes as a process can have them.
    fn codes(
        &self,
        key: &str,
        default: i32,
        get: fn(&RawEnvironment) -> Option<&Vec<i32>>,
    ) -> Result<Vec<i32>, ConfigError> {
        let Some((layer, codes)) = self.find(get) else { return Ok(vec![default]) };
        match codes.iter().find(|code| !(0..=255).contains(*code)) {
            Some(code) => Err(self.bad(layer, key, format!("{code} is no exit code: 0 to 255 are"), None)),
            None => Ok(codes.clone()),
        }
    }

    fn status_command(&self, settings: &FollowSettings, request: &Request) -> Result<(), ConfigError> {
        let command = |e: &RawEnvironment| e.follow.as_ref()?.command.as_ref().map(drop);
        if !request.action.command().is_empty() {
            let reason = "what stands after -- is a leader's command, and here the leader does not run bellwether: \
                          the status command belongs into the config";
            let key = "follow.command".to_owned();
            return Err(Problem::BadValue { key, reason: reason.to_owned(), nearest: None }.nowhere());
        }
        if settings.command.first().is_none_or(|program| program.trim().is_empty()) {
            let reason = "`follow.source: command` needs a program to run".to_owned();
            return Err(self.wrong("follow.command", command, reason));
        }
        if settings.ready.is_empty() {
            let reason = "without an exit code that means ready the wait would never end well".to_owned();
            return Err(self.wrong("follow.ready", |e| e.follow.as_ref()?.ready.as_ref().map(drop), reason));
        }
        if let Some(code) = settings.pending.iter().find(|code| settings.ready.contains(code)) {
            // with one of the two written, the other one is its default
            let written = self.find(|e| e.follow.as_ref()?.pending.as_ref()).is_some();
            return Err(match written {
                true => {
                    let reason = format!("{code} is in follow.ready too, and cannot mean both");
                    self.wrong("follow.pending", |e| e.follow.as_ref()?.pending.as_ref().map(drop), reason)
                }
                false => {
                    let reason =
                        format!("{code} means not yet unless follow.pending says else, and cannot mean both");
                    self.wrong("follow.ready", |e| e.follow.as_ref()?.ready.as_ref().map(drop), reason)
                }
            });
        }
        Ok(())
    }

    /// At the key if it is written, else in no file.
    fn wrong(&self, key: &str, get: fn(&RawEnvironment) -> Option<()>, reason: String) -> ConfigError {
        match self.find(get) {
            Some((layer, ())) => self.bad(layer, key, reason, None),
            None => Problem::BadValue { key: key.to_owned(), reason, nearest: None }.nowhere(),
        }
    }
}
