//! The leader's signs of life, on a session of their own: a task that beats every 2 s, tells when the lock is lost (a
//! lease also when no beat got through for as long as it may be trusted), cancels the work session's statement, and
//! writes the verdict.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::database::{Database, DbError, DbErrorKind, Engine, Holder, LockKey, Purpose, Statement, Target};
use crate::ledger::record::{Progress, Recorder, Verdict};
use crate::lock::line::{Line, no_answer};
use crate::lock::trust::{Trust, since_boot};
use crate::model::event::Event;
use crate::report::Report;

/// Between beats.
pub const EVERY: Duration = Duration::from_secs(2);
/// Until the first one.
pub const FIRST: Duration = Duration::from_millis(300);
/// What one beat may take.
pub const BEAT_LIMIT: Duration = Duration::from_secs(2);
/// Between two questions that were not answered.
const CONFIRM_AGAIN: Duration = Duration::from_millis(200);

/// Whether the lock is still ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// As far as we know.
    Held,
    /// No, because.
    Lost(String),
}

/// How far the run is; written by the work, read by the beats.
#[derive(Clone, Debug, Default)]
pub struct SharedProgress(Arc<Mutex<Progress>>);

impl SharedProgress {
    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// As it is now.
    pub fn get(&self) -> Progress {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the task needs to know of the leader.
pub struct Leader {
    /// To open the beat session anew.
    pub engine: &'static Engine,
    /// Where.
    pub target: Arc<Target>,
    /// The lock that the work session must hold.
    pub key: LockKey,
    /// The work session, as runs record it; none under a lease, which belongs to no session.
    pub work_session: Option<String>,
    /// Opened by the claim. A lease is lost when it is over; a live session lock is not.
    pub trust: Trust,
    /// For missed beats.
    pub report: Arc<dyn Report>,
}

/// The task, from outside.
pub struct Beats {
    commands: mpsc::Sender<Command>,
    lock: watch::Receiver<Lock>,
    task: JoinHandle<()>,
}

/// Why a lease is lost whose trust is over.
const NO_SIGN: &str = "no sign of life got through for 10 s";

enum Command {
    Interrupt(Statement),
    Confirm(oneshot::Sender<bool>),
    Finish(Verdict, Duration, oneshot::Sender<Result<bool, DbError>>),
}

impl Beats {
    /// Starts beating on `session`.
    pub fn start(
        session: Box<dyn Database>,
        recorder: Recorder,
        progress: SharedProgress,
        leader: Leader,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(4);
        let (lost, lock) = watch::channel(Lock::Held);
        let purpose = if leader.work_session.is_some() { Purpose::Beat } else { Purpose::Lease };
        let line = Line::new(leader.engine, Arc::clone(&leader.target), purpose, Some(session));
        let heart = Heart { line, recorder, progress, leader, lost };
        Self { commands, lock, task: tokio::spawn(heart.run(inbox)) }
    }

    /// Whether the lock is still ours; changes at most once.
    pub fn lock(&self) -> watch::Receiver<Lock> {
        self.lock.clone()
    }

    /// Cancels what the work session runs. Best effort: the work's own end tells whether it came through.
    pub async fn interrupt(&self, statement: &Statement) {
        let _ = self.commands.send(Command::Interrupt(statement.clone())).await;
    }

    /// Beats at once, and again until it is known whether the lock is still ours.
    pub async fn confirm(&self) -> Lock {
        loop {
            let (answer, answered) = oneshot::channel();
            let asked = self.commands.send(Command::Confirm(answer)).await.is_ok();
            let good = asked && answered.await.unwrap_or(false);
            match &*self.lock.borrow() {
                Lock::Held if good => return Lock::Held,
                Lock::Held => {}
                lost @ Lock::Lost(_) => return lost.clone(),
            }
            sleep(CONFIRM_AGAIN).await;
        }
    }

    /// Writes the verdict, trying for `patience`, and ends the task. False: the run is not ours any more.
    pub async fn finish(self, verdict: Verdict, patience: Duration) -> Result<bool, DbError> {
        let (answer, answered) = oneshot::channel();
        let gone = || DbError::new(DbErrorKind::ConnectionLost, "the beat session's task is gone");
        self.commands.send(Command::Finish(verdict, patience, answer)).await.map_err(|_| gone())?;
        let result = answered.await.map_err(|_| gone())?;
        self.task.abort();
        result
    }
}

struct Heart {
    line: Line,
    recorder: Recorder,
    progress: SharedProgress,
    leader: Leader,
    lost: watch::Sender<Lock>,
}

impl Heart {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // early, so that whoever comes at once sees the first step rather than none
        ticks.reset_after(FIRST);
        loop {
            tokio::select! {
                biased;
                command = inbox.recv() => match command {
                    Some(Command::Interrupt(statement)) => self.interrupt(&statement).await,
                    Some(Command::Confirm(answer)) => drop(answer.send(self.beat().await)),
                    Some(Command::Finish(verdict, patience, answer)) => {
                        let _ = answer.send(self.finish(&verdict, patience).await);
                        return;
                    }
                    None => return,
                },
                _ = ticks.tick() => drop(self.beat().await),
                () = sleep(self.leader.trust.left(since_boot())), if self.is_lease() && !self.is_lost() => {
                    self.line.close();
                    self.lose(NO_SIGN.to_owned());
                }
            }
        }
    }

    fn is_lease(&self) -> bool {
        self.leader.work_session.is_none()
    }

    fn is_lost(&self) -> bool {
        *self.lost.borrow() != Lock::Held
    }

    /// Once.
    fn lose(&mut self, reason: String) {
        self.lost.send_if_modified(|lock| {
            let first = *lock == Lock::Held;
            if first {
                *lock = Lock::Lost(reason);
            }
            first
        });
    }

    /// True: a good one. After a loss there is none.
    async fn beat(&mut self) -> bool {
        let began = since_boot();
        let limit = match self.is_lease() {
            // nobody knows what happened while we slept
            true => BEAT_LIMIT.min(self.leader.trust.left(began)),
            false => BEAT_LIMIT,
        };
        if self.is_lost() || limit.is_zero() {
            return false;
        }
        let progress = self.progress.get();
        match timeout(limit, self.try_beat(&progress)).await {
            Ok(Ok(None)) => {
                self.leader.trust.renew(began);
                // who was frozen with the answer at hand has a good one, from a time that is over
                return !self.is_lease() || !self.leader.trust.is_over(since_boot());
            }
            Ok(Ok(Some(reason))) => self.lose(reason),
            Ok(Err(error)) => self.missed(&error.message),
            Err(_) => self.missed(&no_answer(BEAT_LIMIT).message),
        }
        false
    }

    /// Some = the lock is lost, because.
    async fn try_beat(&mut self, progress: &Progress) -> Result<Option<String>, DbError> {
        let mut session = self.line.take().await?;
        if !self.recorder.beat(session.as_mut(), progress).await? {
            return Ok(Some("another run has taken over: the ledger says that ours is over".to_owned()));
        }
        let Some(ours) = &self.leader.work_session else {
            self.line.put(session);
            return Ok(None);
        };
        let holder = session.holder(&self.leader.key).await?;
        self.line.put(session);
        Ok(match holder {
            Holder::Other(Some(session)) if session == *ours => None,
            Holder::Other(Some(session)) => Some(format!("session {session} has the lock now")),
            Holder::Other(None) => None,
            Holder::Free | Holder::Ours => {
                Some("the server has freed it: the work session does not hold it any more".to_owned())
            }
        })
    }

    fn missed(&self, reason: &str) {
        tell_missed(self.leader.report.as_ref(), self.leader.trust, reason);
    }

    async fn interrupt(&mut self, statement: &Statement) {
        let send = async {
            let mut session = self.line.take().await?;
            session.query(statement).await?;
            self.line.put(session);
            Ok::<_, DbError>(())
        };
        if let Ok(Err(error)) = timeout(BEAT_LIMIT, send).await {
            self.missed(&error.message);
        }
    }

    async fn finish(&mut self, verdict: &Verdict, patience: Duration) -> Result<bool, DbError> {
        let (progress, leader) = (self.progress.get(), &self.leader);
        let missed = |reason: &str| tell_missed(leader.report.as_ref(), leader.trust, reason);
        self.line.finish(&mut self.recorder, (&progress, verdict), patience, false, missed).await
    }
}

/// That no sign of life got through, and for how long.
pub fn tell_missed(report: &dyn Report, trust: Trust, reason: &str) {
    let since_ms = u64::try_from(trust.age(since_boot()).as_millis()).unwrap_or(u64::MAX);
    report.event(&Event::BeatMissed { reason: reason.to_owned(), since_ms });
}
