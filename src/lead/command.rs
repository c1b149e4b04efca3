//! A wrapped command at work: its beats run on the lock's own session, and each good one tells the guard to go on.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::database::{Database, DbError, Holder};
use crate::engine::command::{Command, Ending, Running};
use crate::error::{AtWork, Cut, Error};
use crate::lead::remains::Watcher;
use crate::lead::run::{Voice, Working};
use crate::lock::beats::{BEAT_LIMIT, EVERY, FIRST, tell_missed};
use crate::lock::line::no_answer;
use crate::lock::trust::since_boot;
use crate::model::run::{LockMode, Run};

impl Working<'_> {
    /// The command, then the check.
    pub(super) async fn run_commands(
        &mut self,
        work: &mut dyn Database,
        run: &Run,
        command: &Command,
    ) -> Result<(), Error> {
        let environment = vec![
            ("BELLWETHER_RELEASE".to_owned(), run.release.0.clone()),
            ("BELLWETHER_RUN".to_owned(), run.id.0.clone()),
            ("BELLWETHER_FENCE".to_owned(), run.fence.to_string()),
        ];
        for (command, check) in
            std::iter::once((command, false)).chain(self.job.check.iter().map(|it| (it, true)))
        {
            let command = Command { environment: environment.clone(), ..command.clone() };
            self.progress.update(|progress| progress.current = command.argv.first().cloned());
            match self.run_command(work, &command, check).await {
                Ok(()) if !check => self.nothing_remains().await?,
                Err(error @ Error::Command { .. }) if !check => {
                    self.tell_what_is_odd().await;
                    return Err(error);
                }
                ended => ended?,
            }
        }
        Ok(())
    }

    async fn run_command(
        &mut self,
        work: &mut dyn Database,
        command: &Command,
        check: bool,
    ) -> Result<(), Error> {
        let report = Arc::clone(&self.job.report);
        let watcher = match check {
            true => None,
            false => tokio::select! {
                biased;
                signal = self.job.signalled() => return Err(self.signalled(signal, None)),
                () = sleep_until(self.job.limits.deadline()) => return Err(self.budget_ended(None)),
                watcher = Watcher::before(self.job, self.progress.clone(), self.odd.clone()) => watcher,
            },
        };
        let started = match command.unusable_folder() {
            Some(ending) => Err(ending),
            None => command.start(&report).map_err(|error| Ending::not_started(&error)),
        };
        let mut running = started.map_err(|ending| {
            let (command, output) = (command.argv.clone(), String::new());
            Error::Command { command, ending, output, check }
        })?;
        let watched = self.watch(work, &mut running, command, watcher).await;
        let ending = match watched {
            Ok(ending) => ending,
            // told to end: by a signal, the budget or a lost lock; what it says of itself does not matter
            Err(cut) => {
                running.tail().await;
                return Err(cut);
            }
        };
        let said = running.tail().await;
        // others read it in the ledger
        let password = self.job.target.password.as_ref();
        let output = password.map_or_else(|| said.clone(), |password| password.hidden_in(&said));
        match ending {
            Ending::Exit(0) => Ok(()),
            ending => Err(Error::Command { command: command.argv.clone(), ending, output, check }),
        }
    }

    /// Until the command and all that it started are gone.
    async fn watch(
        &mut self,
        work: &mut dyn Database,
        running: &mut Running,
        command: &Command,
        watcher: Option<Watcher<'_>>,
    ) -> Result<Ending, Error> {
        let at_work = || command.argv.first().map(|program| AtWork::Command(program.clone()));
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // the claim was a moment ago, and a short command need not wait for a beat
        ticks.reset_after(FIRST);
        let mut cut = None;
        let mut late = false;
        let mut lost_lock = false;
        let job = self.job;
        let watched = async {
            match watcher {
                Some(watcher) => watcher.watch().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(watched);
        loop {
            tokio::select! {
                // where every beat takes its whole limit, the next one is always due: the end comes first
                biased;
                ending = running.ended() => return match cut {
                    Some(cut) => Err(cut),
                    // who is silent for so long has no lock that it could trust
                    None if ending == Ending::Unwatched => {
                        Err(self.lock_lost("we were held up, and gave no sign of life for 10 s".to_owned(), at_work()))
                    }
                    None => Ok(ending),
                },
                signal = job.signalled(), if cut.is_none() => {
                    running.signal(signal).await;
                    cut = Some(self.signalled(signal, at_work()));
                    // its grace may outlast ours
                    let at_work_still = Cut { unanswered: true, ..Cut::default() };
                    job.known.put(Err(self.signalled(signal, at_work()).cut_off(at_work_still)));
                }
                // after a signal too: its grace does not outlast the budget
                () = sleep_until(job.limits.deadline()), if !late => {
                    late = true;
                    running.end().await;
                    cut.get_or_insert_with(|| self.budget_ended(at_work()));
                }
                never = &mut watched => match never {},
                _ = ticks.tick(), if !lost_lock => {
                    let began = since_boot();
                    let lost = match timeout(BEAT_LIMIT, self.beat(work)).await {
                        Ok(Ok(None)) => {
                            self.trust.renew(began);
                            // who was frozen with the answer at hand has a good one, from a time that is over
                            let over = self.trust.is_over(since_boot());
                            if !over {
                                running.beat().await;
                            }
                            over.then(|| "we were held up, and gave no sign of life for 10 s".to_owned())
                        }
                        Ok(Ok(Some(reason))) => Some(reason),
                        Ok(Err(error)) if error.kind.ends_session() => {
                            Some(format!("the session that holds it broke: {}", error.message))
                        }
                        Ok(Err(error)) => self.missed(&error.message),
                        Err(_) => self.missed(&no_answer(BEAT_LIMIT).message),
                    };
                    if let Some(reason) = lost {
                        lost_lock = true;
                        running.kill().await;
                        cut = Some(self.lock_lost(reason, at_work()));
                    }
                }
            }
        }
    }

    /// Some = the lock is lost, because.
    async fn beat(&mut self, work: &mut dyn Database) -> Result<Option<String>, DbError> {
        // a SQLite file is the command's to write; there, who has the lock file is alive
        if self.job.beats()
            && let Voice::Inline(recorder) = &mut self.voice
        {
            let progress = self.progress.get();
            if !recorder.beat(work, &progress).await? {
                return Ok(Some("another run has taken over: the ledger says that ours is over".to_owned()));
            }
        }
        if self.mode == LockMode::Lease {
            return Ok(None); // the row above is all there is
        }
        match work.holder(&self.job.key).await? {
            Holder::Ours => Ok(None),
            Holder::Free | Holder::Other(_) => {
                Ok(Some("the server has freed it: our session does not hold it any more".to_owned()))
            }
        }
    }

    /// Lost only when the last good beat began too long ago.
    fn missed(&self, reason: &str) -> Option<String> {
        tell_missed(self.job.report.as_ref(), self.trust, reason);
        let now = since_boot();
        let since = self.trust.age(now).as_secs();
        self.trust.is_over(now).then(|| format!("no sign of life got through for {since} s: {reason}"))
    }
}
