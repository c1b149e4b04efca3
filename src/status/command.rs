//! A status command: its exit code is the answer. It runs under the same guard as a leader's command, so that nothing
//! of it is left when it is done, or when we are.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::engine::command::{Command, Ending};
use crate::status::{Answer, Failure};

/// The guard ends what it guards after ten seconds without a byte.
const BEAT_EVERY: Duration = Duration::from_secs(2);

/// A program that says how things stand.
#[derive(Clone, Debug)]
pub struct StatusCommand {
    /// What to run.
    pub command: Command,
    /// Between two runs.
    pub every: Duration,
    /// What one run may take, and less where the budget ends before.
    pub limit: Duration,
    /// Exit codes that mean ready.
    pub ready: Vec<i32>,
    /// Exit codes that mean not yet.
    pub pending: Vec<i32>,
}

impl StatusCommand {
    /// The program's name, for messages.
    pub fn program(&self) -> &str {
        self.command.argv.first().map_or("", String::as_str)
    }

    /// Runs it once. At its limit it is ended, at `deadline`, and when `signal` comes; all that it started ends with it.
    pub async fn ask(&self, deadline: Instant, signal: impl Future<Output = u8>) -> Answer {
        let began = Instant::now();
        let until = deadline.min(began + self.limit);
        let started = match self.command.unusable_folder() {
            Some(ending) => Err(ending),
            None => self.command.start_unheard().map_err(|error| Ending::not_started(&error)),
        };
        let mut running = match started {
            Ok(running) => running,
            Err(ending) => return Answer::Failed(Failure::Ended(ending), String::new()),
        };
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(signal);
        let (mut stopped, mut silent) = (None, None);
        let ending = loop {
            let cut = stopped.is_some() || silent.is_some();
            tokio::select! {
                ending = running.ended() => break ending,
                number = &mut signal, if !cut => {
                    running.signal(number).await;
                    stopped = Some(number);
                }
                () = sleep_until(until), if !cut => {
                    running.end().await;
                    silent = Some(began.elapsed());
                }
                _ = ticks.tick() => running.beat().await,
            }
        };
        let output = running.tail().await;
        match (stopped, silent) {
            (Some(number), _) => Answer::Stopped(number),
            (None, Some(after)) => Answer::Failed(Failure::Silent(after), output),
            (None, None) => self.answer(ending, output),
        }
    }

    fn answer(&self, ending: Ending, output: String) -> Answer {
        match ending {
            Ending::Exit(code) if self.ready.contains(&code) => Answer::Ready,
            Ending::Exit(code) if self.pending.contains(&code) => Answer::Pending(output),
            ending => Answer::Failed(Failure::Ended(ending), output),
        }
    }
}
