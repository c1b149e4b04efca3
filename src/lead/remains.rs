//! A wrapped command, watched through its own tool's history: how far it is, and what it left pending. Reads on a session
//! of its own, so that no lock which the command takes can hold up our beats. Changes nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, DbError, DbErrorKind, Purpose};
use crate::error::{Doing, Error};
use crate::job::Job;
use crate::lead::run::Working;
use crate::ledger::history::{HistoryTable, Recorded};
use crate::lock::beats::{EVERY, SharedProgress};
use crate::model::event::Event;
use crate::model::migration::{Bundle, Pending};
use crate::plan::pending::Judgement;

/// What one look may take; it waits for no lock, but servers are busy while they migrate.
const LOOK: Duration = Duration::from_secs(10);
/// How long the last look is tried: nobody beats meanwhile, and who does not for 15 s is silent.
const PATIENCE: Duration = Duration::from_secs(8);
const AGAIN: Duration = Duration::from_millis(500);
/// How long the look after a failure may take.
const BRIEF: Duration = Duration::from_secs(3);

impl Working<'_> {
    /// Ends the run if the command left something of our bundle pending; what is unknown is said and ends nothing.
    pub(super) async fn nothing_remains(&self) -> Result<(), Error> {
        let (Some(bundle), Some(history)) = (&self.job.bundle, self.job.history_by_path()) else {
            return Ok(());
        };
        let judgement = self.look_after(bundle, &history).await?;
        self.odd.say_once(self.job, &judgement);
        match judgement.pending(bundle) {
            Pending::None => Ok(()),
            Pending::Some(versions) => Err(Error::LeftPending {
                command: self.job.command.iter().flat_map(|command| command.argv.clone()).collect(),
                pending: self.job.named(&versions),
                history,
                folder: bundle.folder.display().to_string(),
                target: self.job.place(),
            }),
            Pending::Unknown => {
                if let Some(why) = judgement.why_unknown(bundle) {
                    let message = format!(
                        "whether the command left anything pending is unknown: {why}{}",
                        seems(&judgement)
                    );
                    self.job.report.event(&Event::Notice { message });
                }
                Ok(())
            }
        }
    }

    /// A command that failed before anybody had seen the history may have failed by what is odd there.
    pub(super) async fn tell_what_is_odd(&self) {
        let (Some(bundle), Some(history)) = (&self.job.bundle, self.job.history_by_path()) else { return };
        if self.odd.is_told() {
            return;
        }
        // its failure is not to be held up by a server that is perhaps gone
        if let Ok(Ok(judgement)) = timeout(BRIEF, self.look_once(bundle, &history)).await {
            self.odd.say_once(self.job, &judgement);
        }
    }

    async fn look_once(&self, bundle: &Bundle, history: &HistoryTable) -> Result<Judgement, Error> {
        let (mut session, _) = self.job.open(Purpose::Look, false).await?;
        look(self.job, session.as_mut(), bundle, history).await
    }

    /// The look after the command.
    async fn look_after(&self, bundle: &Bundle, history: &HistoryTable) -> Result<Judgement, Error> {
        let until = (Instant::now() + PATIENCE).min(self.job.limits.deadline());
        loop {
            match self.look_once(bundle, history).await {
                Ok(judgement) => return Ok(judgement),
                // its tool may have rights that we have not
                Err(Error::NoPrivilege { error, .. }) => {
                    return Ok(Judgement::unknown(bundle, error.message, self.job.rules));
                }
                Err(error) if error.passes() && Instant::now() + AGAIN < until => {
                    self.job.retrying("looking at", &error, AGAIN);
                    self.job.pause(AGAIN).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What can be said all the same.
fn seems(judgement: &Judgement) -> String {
    match judgement.pending.len().saturating_sub(judgement.undecided.len()) {
        _ if judgement.unknown.is_some() => String::new(),
        0 => String::new(),
        1 => "; of what is understood, 1 migration seems to be pending".to_owned(),
        many => format!("; of what is understood, {many} migrations seem to be pending"),
    }
}

/// Says how far the command is, for as long as [`Watcher::watch`] is polled. What cannot be seen just now is looked at
/// again.
pub(super) struct Watcher<'a> {
    job: &'a Job,
    bundle: &'a Bundle,
    history: HistoryTable,
    progress: SharedProgress,
    odd: Odd,
    session: Option<Box<dyn Database>>,
    /// How many were pending before the command began; none = that was not seen.
    total: Option<usize>,
}

impl<'a> Watcher<'a> {
    /// Looks once before the command begins. None where there is nothing to look at; a SQLite file is the command's alone,
    /// for which a reader's lock at the wrong moment would be an error.
    pub(super) async fn before(job: &'a Job, progress: SharedProgress, odd: Odd) -> Option<Self> {
        let (bundle, history) = job.bundle.as_ref().zip(job.history_by_path()).filter(|_| job.beats())?;
        let mut watcher = Self { job, bundle, history, progress, odd, session: None, total: None };
        // the command does not wait for a slow server
        if timeout(BRIEF, watcher.count()).await.is_err() {
            watcher.session = None; // a question is open on it
        }
        Some(watcher)
    }

    async fn count(&mut self) -> Option<()> {
        let session = self.session.insert(self.job.connect(Purpose::Look, LOOK).await.ok()?);
        let recorded = match self.history.read(session.as_mut()).await.ok()? {
            // the tool makes its table first, and we may see it when the half is done
            Recorded::Nowhere => Recorded::Rows(Vec::new()),
            recorded => recorded,
        };
        let judgement = self.job.judgement(self.bundle, &self.history, &recorded);
        if judgement.pending(self.bundle) != Pending::Unknown {
            self.total = Some(judgement.pending.len());
        }
        Some(())
    }

    /// Until nothing can be seen in this history.
    pub(super) async fn watch(mut self) -> Infallible {
        loop {
            if let Some(mut session) = self.session().await {
                while let Ok(judgement) = look(self.job, session.as_mut(), self.bundle, &self.history).await {
                    self.tell(&judgement);
                    sleep(EVERY).await;
                }
            }
            sleep(EVERY).await;
        }
    }

    async fn session(&mut self) -> Option<Box<dyn Database>> {
        match self.session.take() {
            Some(session) => Some(session),
            None => self.job.connect(Purpose::Look, LOOK).await.ok(),
        }
    }

    fn tell(&mut self, judgement: &Judgement) {
        self.odd.say_once(self.job, judgement);
        // before its first migration, a tool may not have made its table yet
        if judgement.pending(self.bundle) == Pending::Unknown {
            return;
        }
        let left = judgement.pending.len();
        // what was done before the first look is not known
        let Some(total) = self.total.or((left > 0).then_some(left)) else { return };
        self.total = Some(total);
        let next = judgement.pending.first().and_then(|index| self.bundle.migrations.get(*index));
        let (done, total) = (total.saturating_sub(left), total.max(left));
        self.progress.update(|progress| {
            progress.total = i64::try_from(total).unwrap_or(i64::MAX);
            progress.done = i64::try_from(done).unwrap_or(i64::MAX);
            if let Some(next) = next {
                progress.current = Some(next.name.clone());
            }
        });
        self.job.report.event(&Event::Progress { done: done as u64, total: total as u64 });
    }
}

/// Whether it was said what is odd in the history: by the first look that gets through, which for a short command, and in
/// SQLite, is the one after it.
#[derive(Clone, Default)]
pub(super) struct Odd(Arc<AtomicBool>);

impl Odd {
    fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Nothing of it ends the run: the tool has its own mind about it.
    fn say_once(&self, job: &Job, judgement: &Judgement) {
        if self.0.swap(true, Ordering::Relaxed) {
            return;
        }
        for message in judgement.notices() {
            job.report.event(&Event::Notice { message });
        }
    }
}

async fn look(
    job: &Job,
    session: &mut dyn Database,
    bundle: &Bundle,
    history: &HistoryTable,
) -> Result<Judgement, Error> {
    let judged = timeout(LOOK, job.judge(session, Some(history))).await.unwrap_or_else(|_| {
        Err(DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", LOOK.as_secs())))
    });
    let (judgement, _) = judged.map_err(|error| job.refused(Doing::ReadingHistory, error))?;
    Ok(judgement.unwrap_or_else(|| Judgement::unknown(bundle, "there is no history".to_owned(), job.rules)))
}
