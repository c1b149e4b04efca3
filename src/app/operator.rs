//! The operator's verbs: a job without migrations where none are needed, and the report of what was found.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::inspect::silent;
use crate::app::prepare;
use crate::cli::Request;
use crate::error::Error;
use crate::job::{Job, Success};
use crate::model::event::Event;
use crate::model::run::Role;
use crate::operate;
use crate::platform::Env;
use crate::report::Report;

/// A job for whom neither migrations nor a release matter: every run of our lock name is meant.
fn job(request: &Request, env: Env<'_>, report: &Arc<dyn Report>, began: Instant) -> Result<Job, Error> {
    let mut settings = prepare::settings(request, env)?;
    settings.migrations = None;
    settings.command.clear();
    settings.check.clear();
    let prepared = prepare::prepare(request, settings, env, report)?;
    let (_never, signal) = watch::channel(None);
    prepared.job(request, Role::Follow, None, report, began, signal)
}

/// Prints past runs, or one with its steps.
pub async fn history(
    request: &Request,
    run: Option<&str>,
    limit: u16,
    env: Env<'_>,
    report: &Arc<dyn Report>,
    began: Instant,
) -> Result<Success, Error> {
    let job = job(request, env, report, began)?;
    let event = match run {
        Some(prefix) => Event::RunSteps(Box::new(operate::history::run(&job, prefix).await?)),
        None => {
            // two environments on one database share its lock: all are shown unless one is asked for
            let environment = request.global.environment.as_ref();
            let runs = operate::history::runs(&job, environment, usize::from(limit)).await?;
            Event::History(Box::new(runs))
        }
    };
    report.event(&event);
    Ok(silent())
}
