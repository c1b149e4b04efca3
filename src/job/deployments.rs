//! A leader's run as a GitHub deployment, in a task of its own: neither beats nor migrations wait for GitHub. Where
//! deployments are required, making one comes before the work, and the last word after it counts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{Asking, Error, GithubError};
use crate::exit::Exit;
use crate::explain::explain;
use crate::job::{Job, Success};
use crate::model::event::Event;
use crate::model::ids::Version;
use crate::model::run::{EngineKind, Role, Run, RunStatus};
use crate::model::secret::without_passwords;
use crate::report::Report;
use crate::status::github::client::Client;
use crate::status::github::read::Reader;
use crate::status::github::wire::{PAYLOAD_VERSION, Payload};
use crate::status::github::write::{Announcement, State};
use crate::status::rest::Failure;

/// What making a required deployment may take: a lease is not trusted for much longer without a beat.
const BEFORE_WORK: Duration = Duration::from_secs(8);
/// What the last word may take, within the budget and a little more.
const LAST_WORD: Duration = Duration::from_secs(15);
const AFTER_BUDGET: Duration = Duration::from_secs(8);
/// After a signal: the platform ends us soon.
const AFTER_SIGNAL: Duration = Duration::from_secs(2);
/// Between tries of the last word, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Where a leader tells of its run.
pub struct Deployments {
    /// The repository.
    pub client: Arc<Client>,
    /// `github.deployments: required`.
    pub required: bool,
    /// Names that the commit may have there.
    pub refs: Vec<String>,
    /// For what goes wrong.
    pub report: Arc<dyn Report>,
    /// Of the run, once there is one: a process leads one.
    task: Mutex<Option<Task>>,
}

struct Task {
    wanted: watch::Sender<Word>,
    ended: JoinHandle<Result<(), Untold>>,
}

/// The state that the deployment is to have.
#[derive(Clone)]
struct Word {
    state: State,
    description: String,
}

impl Word {
    fn new(state: State, description: impl Into<String>) -> Self {
        Self { state, description: description.into() }
    }

    fn is_last(&self) -> bool {
        !matches!(self.state, State::Queued | State::InProgress)
    }

    /// How an end reads: what the ledger has as a verdict is a failure, anything else an error.
    fn of(ended: &Result<Success, Error>) -> Self {
        let error = match ended {
            Ok(success) => return Self::new(State::Success, success.message.clone()),
            Err(error) => error,
        };
        let state = match error {
            Error::Signalled { .. } | Error::LockLost { .. } | Error::NotRecorded { .. } => State::Error,
            _ => State::Failure,
        };
        Self::new(state, without_passwords(&explain(error).title))
    }
}

/// Why the last word did not get through, and whether that has been said already.
struct Untold {
    failure: Failure,
    said: bool,
}

impl From<Failure> for Untold {
    fn from(failure: Failure) -> Self {
        Self { failure, said: false }
    }
}

impl Deployments {
    /// Says nothing yet.
    pub fn new(client: Client, required: bool, refs: Vec<String>, report: Arc<dyn Report>) -> Self {
        Self { client: Arc::new(client), required, refs, report, task: Mutex::new(None) }
    }

    /// Tells that a run is claimed. Waits for the answer only where deployments are required.
    pub async fn claimed(&self, run: &Run) -> Result<(), Error> {
        let (wanted, inbox) = watch::channel(Word::new(State::Queued, "the lock is ours"));
        let (begins, mut begun) = watch::channel(None);
        let teller = Teller {
            client: Arc::clone(&self.client),
            announcement: Announcement { refs: self.refs.clone(), payload: Payload::of(run) },
            log_url: run.url.clone(),
            required: self.required,
            report: Arc::clone(&self.report),
        };
        let task = Task { wanted, ended: tokio::spawn(teller.run(inbox, begins)) };
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        if !self.required {
            return Ok(());
        }
        // given up here, it may be made all the same: the task stays, and has the last word
        let taken = timeout(BEFORE_WORK, begun.wait_for(Option::is_some)).await;
        let taken = taken.ok().and_then(|taken| taken.ok()?.clone());
        let taken = taken.unwrap_or_else(|| Err(no_answer(BEFORE_WORK)));
        taken.map_err(|failure| self.refused(failure, Vec::new()))
    }

    /// Tells that the work has begun; waits for nothing.
    pub fn at_work(&self) {
        self.want(Word::new(State::InProgress, "migrating"));
    }

    /// Tells how the run ended; waits for nothing.
    pub fn ended(&self, ended: &Result<Success, Error>) {
        self.want(Word::of(ended));
    }

    /// The first last word counts.
    fn want(&self, word: Word) {
        if let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner) {
            task.wanted.send_if_modified(|wanted| {
                let changes = !wanted.is_last();
                if changes {
                    *wanted = word;
                }
                changes
            });
        }
    }

    /// Until the last word is told, or cannot be.
    async fn last_word(&self, job: &Job, ended: &Result<Success, Error>) -> Result<(), Untold> {
        self.want(Word::of(ended));
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (task, ended) {
            (Some(task), _) => task
                .ended
                .await
                .unwrap_or_else(|error| Err(Failure::Odd { what: format!("nothing: {error}") }.into())),
            // of a run that was led while we were there its leader tells
            (None, Ok(success)) if success.before || job.role == Role::Lead => {
                Ok(self.nothing_to_do(job, success).await?)
            }
            (None, _) => Ok(()),
        }
    }

    /// All was done before: whoever follows here has to see that too, if no deployment says it yet.
    async fn nothing_to_do(&self, job: &Job, success: &Success) -> Result<(), Failure> {
        let latest = Reader::new(Arc::clone(&self.client)).look(&job.scope, None).await?.look.latest;
        if latest.is_some_and(|latest| latest.status == RunStatus::Succeeded) {
            return Ok(());
        }
        let payload = Payload {
            bellwether: PAYLOAD_VERSION,
            lock: job.scope.lock_name.clone(),
            environment: job.scope.environment.0.clone(),
            release: job.release().0,
            digest: job.digest().0,
            deploy: job.scope.deploy.as_ref().map(|deploy| deploy.0.clone()),
            run: success.run.as_ref().map(|run| run.0.clone()),
            fence: None,
            participant: job.identity.participant.0.clone(),
            platform: job.identity.platform.clone(),
            host: job.identity.host.clone(),
            engine: if job.command.is_some() { EngineKind::Command } else { EngineKind::Sql }.to_string(),
        };
        let id = self.client.announce(&Announcement { refs: self.refs.clone(), payload }).await?;
        let word = Word::new(State::Success, success.message.clone());
        tell(&self.client, id, &word, job.identity.url.as_deref()).await
    }

    fn refused(&self, failure: Failure, applied: Vec<Version>) -> Error {
        let repository = self.client.repository().to_string();
        Error::Github(GithubError::Refused { repository, asking: Asking::Writing, failure, applied })
    }
}

/// Waits until the last word is told, for as long as there is time. That it is not is a warning, and an error only where
/// deployments are required and all else went well.
pub async fn close(job: &Job, ended: Result<Success, Error>) -> Result<Success, Error> {
    let Some(deployments) = &job.deployments else { return ended };
    let until_end = (job.limits.deadline() + AFTER_BUDGET).saturating_duration_since(Instant::now());
    let limit = until_end.min(LAST_WORD).max(AFTER_SIGNAL);
    let told = tokio::select! {
        told = timeout(limit, deployments.last_word(job, &ended)) => {
            told.unwrap_or_else(|_| Err(no_answer(limit).into()))
        }
        () = async { job.signalled().await; sleep(AFTER_SIGNAL).await } => Err(no_answer(AFTER_SIGNAL).into()),
    };
    match (told, ended) {
        (Ok(()), ended) => ended,
        (Err(untold), Ok(success)) if deployments.required => {
            Err(deployments.refused(untold.failure, success.applied))
        }
        (Err(untold), ended) => {
            let same = matches!(&ended, Err(error) if error.exit() == Exit::StatusSource);
            if !untold.said && !same {
                warn(&deployments.client, deployments.report.as_ref(), &untold.failure);
            }
            ended
        }
    }
}

fn no_answer(limit: Duration) -> Failure {
    Failure::Unreachable { reason: format!("no answer within {} s", limit.as_secs()) }
}

fn warn(client: &Client, report: &dyn Report, failure: &Failure) {
    let message = format!(
        "the deployments of {} do not tell of this run, and who follows by them waits in vain: {failure}",
        client.repository()
    );
    report.event(&Event::Warning { message });
}

/// The task of one run.
struct Teller {
    client: Arc<Client>,
    announcement: Announcement,
    log_url: Option<String>,
    required: bool,
    report: Arc<dyn Report>,
}

/// How the deployment and its first status were taken, once that is known.
type Begun = watch::Sender<Option<Result<(), Failure>>>;

impl Teller {
    async fn run(self, mut inbox: watch::Receiver<Word>, begun: Begun) -> Result<(), Untold> {
        let id = match self.announce().await {
            Ok(id) => id,
            Err(failure) => {
                begun.send_replace(Some(Err(failure.clone())));
                if !self.required {
                    warn(&self.client, self.report.as_ref(), &failure);
                }
                return Err(Untold { failure, said: true });
            }
        };
        loop {
            let word = inbox.borrow_and_update().clone();
            let told = tell(&self.client, id, &word, self.log_url.as_deref()).await;
            if word.is_last() {
                return Ok(told?);
            }
            // what comes after it says more
            begun.send_replace(Some(told));
            if inbox.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Where there are too many requests just now, there may be fewer before the migrations are done.
    async fn announce(&self) -> Result<i64, Failure> {
        loop {
            match self.client.announce(&self.announcement).await {
                Err(Failure::RateLimited { wait }) if !self.required => sleep(wait).await,
                announced => return announced,
            }
        }
    }
}

/// One status. The last word is tried until who waits for it gives up; the others once.
async fn tell(client: &Client, deployment: i64, word: &Word, log_url: Option<&str>) -> Result<(), Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        match client.tell(deployment, word.state, &word.description, log_url).await {
            Err(failure) if failure.passes() && word.is_last() => {
                sleep(match failure {
                    Failure::RateLimited { wait } => wait,
                    _ => pause,
                })
                .await;
                pause *= 2;
            }
            told => return told,
        }
    }
}
