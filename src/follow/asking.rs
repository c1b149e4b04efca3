//! Follows a leader that does not run bellwether: asks a status command again and again. No database, no ledger, no
//! release.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::error::{Error, StatusError};
use crate::job::{Party, Success, milliseconds, signalled};
use crate::model::event::Event;
use crate::report::Report;
use crate::status::command::StatusCommand;
use crate::status::{Answer, Failure};

/// How much of a status command's first line goes into ours.
const FIRST_LINE: usize = 120;

/// Whom to ask, and for how long.
pub struct Asker {
    /// The status command.
    pub source: StatusCommand,
    /// When the process began.
    pub began: Instant,
    /// All in all.
    pub budget: Duration,
    /// Where events go.
    pub report: Arc<dyn Report>,
    /// The signal that is to end us, once there is one.
    pub signal: watch::Receiver<Option<u8>>,
}

impl Asker {
    /// When the budget ends.
    pub fn deadline(&self) -> Instant {
        self.began + self.budget
    }

    /// The budget ended: what was said last, and how often it said not yet.
    pub fn late(&self, times: u32, output: String) -> Error {
        let (command, waited) = (self.source.command.argv.clone(), self.began.elapsed());
        Error::Status(StatusError::Late { command, waited, times, output })
    }

    /// Asks once: what is ready, or why it is not yet.
    pub async fn ask_once(&self) -> Result<Result<String, String>, Error> {
        match self.ask().await {
            Answer::Ready => Ok(Ok(self.ready().message)),
            Answer::Pending(output) => Ok(Err(self.reason(&output))),
            Answer::Failed(failure, output) => Err(self.failed(failure, output)),
            Answer::Stopped(signal) => Err(self.stopped(signal, 0, "")),
        }
    }

    async fn ask(&self) -> Answer {
        self.source.ask(self.deadline(), signalled(&self.signal)).await
    }

    /// Asks until the answer is ready, an error, or too late.
    pub async fn ask_until_ready(&self) -> Result<Success, Error> {
        let (mut times, mut last) = (0, String::new());
        loop {
            match self.ask().await {
                Answer::Ready => return Ok(self.ready()),
                Answer::Stopped(signal) => return Err(self.stopped(signal, times, &last)),
                Answer::Failed(Failure::Silent(_), output) if Instant::now() >= self.deadline() => {
                    // a whole answer tells more than the beginning of one
                    return Err(self.late(times, if times == 0 { output } else { last }));
                }
                Answer::Failed(failure, output) => return Err(self.failed(failure, output)),
                Answer::Pending(output) => {
                    times += 1;
                    last = output;
                }
            }
            let waited_ms = milliseconds(self.began.elapsed());
            self.report.event(&Event::Waiting { reason: self.reason(&last), waited_ms });
            let left = self.deadline().saturating_duration_since(Instant::now());
            tokio::select! {
                () = sleep(self.source.every.min(left)) => {}
                signal = signalled(&self.signal) => return Err(self.stopped(signal, times, &last)),
            }
            if Instant::now() >= self.deadline() {
                return Err(self.late(times, last));
            }
        }
    }

    fn ready(&self) -> Success {
        let message = format!("{} says that all is ready", self.source.program());
        Success { message, ..Success::default() }
    }

    fn failed(&self, failure: Failure, output: String) -> Error {
        let StatusCommand { command, ready, pending, .. } = self.source.clone();
        Error::Status(StatusError::Failed { command: command.argv, failure, output, ready, pending })
    }

    fn stopped(&self, signal: u8, times: u32, last: &str) -> Error {
        let mut error = Party::interrupted(signal);
        if let Error::Signalled { waiting, .. } = &mut error {
            *waiting = Some(if times == 0 { "nothing yet".to_owned() } else { self.reason(last) });
        }
        error
    }

    /// The first line that says anything, shortened.
    fn reason(&self, output: &str) -> String {
        let program = self.source.program();
        let first = output.lines().map(str::trim).find(|line| !line.is_empty());
        match first {
            None => format!("{program} says not yet"),
            Some(line) => match line.char_indices().nth(FIRST_LINE) {
                Some((end, _)) => format!("{program} says not yet: {}…", &line[..end]),
                None => format!("{program} says not yet: {line}"),
            },
        }
    }
}
