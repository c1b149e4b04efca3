//! The operator's verbs: a job without migrations where none are needed, and the report of what was found.

use std::sync::Arc;

use crate::app::inspect::silent;
use crate::app::invocation::Invocation;
use crate::app::prepare;
use crate::cli::Output;
use crate::error::Error;
use crate::job::{Job, Success};
use crate::model::event::Event;
use crate::model::ids::Version;
use crate::model::resolve::Resolution;
use crate::model::run::Role;
use crate::operate::{self, resolve, unlock::Confirm, unlock::Wanted};
use crate::platform::{self, Env};
use crate::report::{self, Report};

/// A job for whom neither migrations nor a release matter: every run of our lock name is meant.
async fn job(call: &Invocation<'_>) -> Result<Job, Error> {
    let mut settings = prepare::settings(call)?;
    settings.migrations = None;
    settings.command.clear();
    settings.check.clear();
    prepare::prepare(call, settings).await?.job(call, Role::Follow, None)
}

/// Shows who has the lock, and takes it away.
pub async fn unlock(call: &Invocation<'_>, yes: bool, force: bool) -> Result<Success, Error> {
    let job = job(call).await?;
    let who = who(&job, call.env);
    let wanted = Wanted { force, who: &who };
    let human = call.request.global.output == Output::Human;
    let terminal = Terminal { yes, human, report: Arc::clone(&call.report) };
    let done = operate::unlock::unlock(&job, &wanted, &terminal).await?;
    call.has_run(done.run.as_ref());
    Ok(done)
}

/// What the flags of `resolve` say; clap lets only one of the two versions through.
pub fn wanted(
    version: Option<&Version>,
    up_to: Option<&Version>,
    applied: bool,
) -> Result<resolve::Wanted, Error> {
    let now = if applied { Resolution::Applied } else { Resolution::RolledBack };
    match (version, up_to) {
        (Some(version), _) => Ok(resolve::Wanted::One(version.clone(), now)),
        (None, Some(version)) => Ok(resolve::Wanted::UpTo(version.clone())),
        (None, None) => Err(Error::Bug { what: "resolve without a version".to_owned() }),
    }
}

/// Writes into the history what people say of a migration.
pub async fn resolve(call: &Invocation<'_>, wanted: &resolve::Wanted) -> Result<Success, Error> {
    let mut settings = prepare::settings(call)?;
    settings.command.clear(); // the files are meant, whoever sends them
    settings.check.clear();
    let job = prepare::prepare(call, settings).await?.job(call, Role::Lead, None)?;
    let by = format!("resolved by {}", who(&job, call.env));
    let asked = resolve::Asked { wanted, by: &by, wait: call.request.global.lock_wait };
    let done = resolve::resolve(&job, &asked).await?;
    call.has_run(done.run.as_ref());
    Ok(done)
}

/// `alice@laptop`, and the participant's name where that says more.
fn who(job: &Job, env: Env<'_>) -> String {
    let identity = &job.identity;
    let who = format!("{}@{}", platform::person(env), identity.host);
    match identity.participant.as_str() == identity.host {
        true => who,
        false => format!("{who} ({})", identity.participant),
    }
}

/// Asks a person, unless `--yes` has answered.
struct Terminal {
    yes: bool,
    human: bool,
    report: Arc<dyn Report>,
}

#[async_trait::async_trait]
impl Confirm for Terminal {
    fn possible(&self) -> bool {
        let terminal = report::Terminal::detect();
        self.yes || (self.human && terminal.stdin && terminal.stderr)
    }

    async fn confirm(&self, question: String) -> Option<bool> {
        if self.yes {
            return Some(true);
        }
        let report = Arc::clone(&self.report);
        tokio::task::spawn_blocking(move || report.confirm(&question)).await.ok().flatten()
    }
}

/// Prints past runs, or one with its steps.
pub async fn history(call: &Invocation<'_>, run: Option<&str>, limit: u16) -> Result<Success, Error> {
    let job = job(call).await?;
    let event = match run {
        Some(prefix) => Event::RunSteps(Box::new(operate::history::run(&job, prefix).await?)),
        None => {
            // two environments on one database share its lock: all are shown unless one is asked for
            let environment = call.request.global.environment.as_ref();
            let runs = operate::history::runs(&job, environment, usize::from(limit)).await?;
            Event::History(Box::new(runs))
        }
    };
    call.report.event(&event);
    Ok(silent())
}
