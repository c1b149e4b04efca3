//! The leader's signs of life, on a session of their own: a task that beats every 2 s, tells when the lock is lost,
//! cancels the work session's statement, and writes the verdict.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::database::{Database, DbError, DbErrorKind, Engine, Holder, LockKey, Purpose, Statement, Target};
use crate::ledger::record::{Progress, Recorder, Verdict};
use crate::model::event::Event;
use crate::report::Report;

/// Between beats.
pub const EVERY: Duration = Duration::from_secs(2);
/// Until the first one.
const FIRST: Duration = Duration::from_millis(300);
/// What one beat may take.
const BEAT_LIMIT: Duration = Duration::from_secs(2);

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
    /// The work session, as runs record it.
    pub work_session: String,
    /// For missed beats.
    pub report: Arc<dyn Report>,
}

impl Leader {
    /// Anew after a break; its server is known already, only its watchdog has to be set.
    async fn reopen(&self) -> Result<Box<dyn Database>, DbError> {
        let mut session = (self.engine.connect)(&self.target, Purpose::Beat, BEAT_LIMIT).await?;
        session.identify().await?;
        Ok(session)
    }
}

/// The task, from outside.
pub struct Beats {
    commands: mpsc::Sender<Command>,
    lock: watch::Receiver<Lock>,
    task: JoinHandle<()>,
}

enum Command {
    Interrupt(Statement),
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
        let heart =
            Heart { session: Some(session), recorder, progress, leader, lost, last_good: Instant::now() };
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
    session: Option<Box<dyn Database>>,
    recorder: Recorder,
    progress: SharedProgress,
    leader: Leader,
    lost: watch::Sender<Lock>,
    /// When the last good beat began.
    last_good: Instant,
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
                    Some(Command::Finish(verdict, patience, answer)) => {
                        let _ = answer.send(self.finish(&verdict, patience).await);
                        return;
                    }
                    None => return,
                },
                _ = ticks.tick() => self.beat().await,
            }
        }
    }

    async fn beat(&mut self) {
        let began = Instant::now();
        let progress = self.progress.get();
        match timeout(BEAT_LIMIT, self.try_beat(&progress)).await {
            Ok(Ok(None)) => self.last_good = began,
            Ok(Ok(Some(reason))) => {
                self.lost.send_if_modified(|lock| {
                    let first = *lock == Lock::Held;
                    if first {
                        *lock = Lock::Lost(reason);
                    }
                    first
                });
            }
            Ok(Err(error)) => self.missed(&error.message),
            Err(_) => self.missed("no answer within 2 s"),
        }
    }

    /// Some = the lock is lost, because.
    async fn try_beat(&mut self, progress: &Progress) -> Result<Option<String>, DbError> {
        // out of its place while in use: a beat that is cut off in the middle leaves no session to misread
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.leader.reopen().await?,
        };
        if !self.recorder.beat(session.as_mut(), progress).await? {
            return Ok(Some("another run has taken over: the ledger says that ours is over".to_owned()));
        }
        let holder = session.holder(&self.leader.key).await?;
        self.session = Some(session);
        Ok(match holder {
            Holder::Other(Some(session)) if session == self.leader.work_session => None,
            Holder::Other(Some(session)) => Some(format!("session {session} has the lock now")),
            Holder::Other(None) => None,
            Holder::Free | Holder::Ours => {
                Some("the server has freed it: the work session does not hold it any more".to_owned())
            }
        })
    }

    fn missed(&mut self, reason: &str) {
        self.session = None;
        let since_ms = u64::try_from(self.last_good.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.leader.report.event(&Event::BeatMissed { reason: reason.to_owned(), since_ms });
    }

    async fn interrupt(&mut self, statement: &Statement) {
        let send = async {
            let mut session = match self.session.take() {
                Some(session) => session,
                None => self.leader.reopen().await?,
            };
            session.query(statement).await?;
            self.session = Some(session);
            Ok::<_, DbError>(())
        };
        if let Ok(Err(error)) = timeout(BEAT_LIMIT, send).await {
            self.missed(&error.message);
        }
    }

    /// Tries until `patience` is over, and once at least.
    async fn finish(&mut self, verdict: &Verdict, patience: Duration) -> Result<bool, DbError> {
        let began = Instant::now();
        loop {
            let progress = self.progress.get();
            let tried = timeout(BEAT_LIMIT, self.try_finish(&progress, verdict)).await;
            let error = match tried {
                Ok(Ok(ours)) => return Ok(ours),
                Ok(Err(error)) => error,
                Err(_) => DbError::new(DbErrorKind::Timeout, "no answer within 2 s"),
            };
            let contended = matches!(
                error.kind,
                DbErrorKind::LockTimeout | DbErrorKind::Deadlock | DbErrorKind::Serialization
            );
            if !(error.kind.passes() || contended) || began.elapsed() >= patience {
                return Err(error);
            }
            self.missed(&error.message);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn try_finish(&mut self, progress: &Progress, verdict: &Verdict) -> Result<bool, DbError> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.leader.reopen().await?,
        };
        let ours = self.recorder.finish(session.as_mut(), progress, verdict).await?;
        self.session = Some(session);
        Ok(ours)
    }
}
