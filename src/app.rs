//! From the command line to the exit code: the only file (with its folder) that knows every concrete type.

mod asking;
mod doctor;
mod github;
mod here;
mod heroku;
mod inspect;
mod install;
mod invocation;
mod operator;
mod prepare;
mod reading;
mod scaffold;
mod time;
mod watching;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::cli::line::same_migrations;
use crate::cli::{self, Action, Request, UsageError};
use crate::engine::guard;
use crate::error::{Cut, Error};
use crate::exit::Exit;
use crate::explain::{explain_here, with_flags};
use crate::follow::follow;
use crate::job::deployments::close;
use crate::job::{Job, Party, Success, milliseconds};
use crate::lead::lead;
use crate::model::choice::FollowSource;
use crate::model::event::{Event, Outcome};
use crate::model::run::Role;
use crate::platform::{self, Env};
use crate::report;
use here::Here;
use invocation::{Invocation, Signals};

/// After a signal: cancel, record, free the lock; then we go whatever the network does.
const AFTER_SIGNAL: Duration = Duration::from_secs(7);
/// After the budget: everyone ends by it + 10 s.
const AFTER_BUDGET: Duration = Duration::from_secs(9);
/// A second Ctrl-C sooner than this is the same one, felt twice.
const SECOND_INTERRUPT: Duration = Duration::from_secs(1);

/// Runs one command line to its exit code.
pub fn run(args: impl Iterator<Item = OsString>, env: Env<'_>) -> u8 {
    let began = Instant::now();
    let args: Vec<OsString> = args.collect();
    if args.get(1).is_some_and(|verb| verb == guard::VERB) {
        return guard_process(&args);
    }
    let place = platform::here(env);
    place.begin(env);
    let given = |name: &str| place.variable(env, name);
    let here = Here { place, env: &given, surroundings: place.surroundings(env), began };
    let args = match here.called(args) {
        Ok(args) => args,
        Err(text) => return here.unusable(&UsageError::of_call(&text), &[]),
    };
    let request = match Request::from_env_and_args(args.clone(), here.env) {
        Ok(request) => request,
        Err(usage) => return here.unusable(&usage, &args),
    };
    let verbosity = i8::try_from(request.global.verbose).unwrap_or(i8::MAX) - i8::from(request.global.quiet);
    let options = here.options(request.global.output, request.global.color, verbosity);
    let report = place.report(env, request.action.verb(), options, report::reporter(options));
    let call = Invocation::new(&request, here.env, Arc::clone(&report), began);
    let ended = execute(&call);
    let outcome = outcome(ended, &call, &here);
    let exit = outcome.exit;
    report.event(&Event::Outcome(outcome));
    report.finish();
    exit
}

fn execute(call: &Invocation<'_>) -> Result<Success, Error> {
    match &call.request.action {
        Action::Completions { shell } => {
            report::print_result(&completions(*shell, call.env));
            Ok(Success::default())
        }
        Action::Install { path } => install::install(path),
        Action::Deploy { .. } | Action::Lead { .. } | Action::Follow { .. } => block_on(deploy(call)),
        Action::Plan => block_on(inspect::plan(call)),
        Action::Status { check } => block_on(inspect::status(call, *check)),
        Action::History { run, limit } => block_on(operator::history(call, run.as_deref(), *limit)),
        Action::Unlock { yes, force } => block_on(operator::unlock(call, *yes, *force)),
        Action::Resolve { version, up_to, applied, .. } => {
            let wanted = operator::wanted(version.as_ref(), up_to.as_ref(), *applied)?;
            block_on(operator::resolve(call, &wanted))
        }
        Action::Doctor => block_on(doctor::doctor(call)),
        Action::Init { platform } => scaffold::init(call, *platform),
        Action::New { name } => scaffold::new(call, name),
    }
}

/// One thread: a follower waits most of its life, and a leader's server does the work.
fn block_on(work: impl Future<Output = Result<Success, Error>>) -> Result<Success, Error> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = built.map_err(|error| Error::Bug { what: format!("no runtime: {error}") })?;
    let ended = runtime.block_on(work);
    // a name that is still being looked up in a thread of its own must not hold up our end
    runtime.shutdown_background();
    ended
}

fn completions(shell: clap_complete::Shell, env: Env<'_>) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::command(env), "bellwether", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

async fn deploy(call: &Invocation<'_>) -> Result<Success, Error> {
    listen(&call.signals)?;
    let settings = prepare::settings(call)?;
    if settings.follow.source == FollowSource::Command {
        return asking::ask(call, &settings).await;
    }
    if watching::looks_elsewhere(call, &settings)? {
        return watching::follow(call, settings).await;
    }
    let job = prepare::job(call, settings).await?;
    let ended = tokio::select! {
        biased;
        ended = perform(&job) => ended,
        ended = last_resort(&job, call.signals.force.subscribe()) => ended,
        never = time::say_when_short(job.limits.began, job.limits.budget, &*call.report) => match never {},
    };
    call.has_run(job.own_run.get());
    close(&job, ended).await
}

async fn perform(job: &Job) -> Result<Success, Error> {
    match job.role {
        Role::Lead => lead(job).await,
        Role::Follow | Role::Elect => follow(job).await,
    }
}

/// What ends us when the orderly way hangs: on a dead network no statement returns. How our run ended stands, if that is
/// known or can only be one thing, whether it could be recorded or not.
async fn last_resort(job: &Job, mut forced: watch::Receiver<bool>) -> Result<Success, Error> {
    let signal = async {
        let signal = job.signalled().await;
        let grace = job.command.as_ref().map_or(Duration::ZERO, |command| command.grace);
        let _ = timeout(grace + AFTER_SIGNAL, forced.wait_for(|forced| *forced)).await;
        Party::interrupted(signal)
    };
    let budget = async {
        sleep_until(job.limits.deadline() + AFTER_BUDGET).await;
        match job.role {
            Role::Lead => Error::BudgetEnded {
                budget: job.limits.budget,
                step: None,
                applied: Vec::new(),
                cut: Cut::default(),
                waited_for: None,
            },
            Role::Follow | Role::Elect => Error::LeaderLate {
                run: None,
                at_work: false,
                waited: job.limits.began.elapsed(),
                pending: None,
                seeking: job.seeking(Vec::new()),
            },
        }
    };
    let error = tokio::select! {
        error = signal => error,
        error = budget => error,
    };
    job.known.take().unwrap_or(Err(error))
}

/// SIGINT and SIGTERM: the first one says how we end; a second SIGINT, more than a second later, ends us at once.
fn listen(signals: &Signals) -> Result<(), Error> {
    let listen = |kind| signal(kind).map_err(|error| Error::Bug { what: format!("no signals: {error}") });
    let (interrupt, terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::spawn(watch_signals(interrupt, terminate, signals.first.clone(), signals.force.clone()));
    Ok(())
}

async fn watch_signals(
    mut interrupt: Signal,
    mut terminate: Signal,
    first: watch::Sender<Option<u8>>,
    force: watch::Sender<bool>,
) {
    let mut interrupted: Option<Instant> = None;
    loop {
        let number = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        };
        first.send_if_modified(|signal| {
            let is_first = signal.is_none();
            if is_first {
                *signal = u8::try_from(number).ok();
            }
            is_first
        });
        if number == SignalKind::interrupt().as_raw_value() {
            let since = interrupted.get_or_insert_with(Instant::now).elapsed();
            if since > SECOND_INTERRUPT {
                force.send_replace(true);
            }
        }
    }
}

/// `bellwether __guard GRACE_MS -- CMD ARG…`: started by a leader, never by a person.
fn guard_process(args: &[OsString]) -> u8 {
    let grace = args
        .get(2)
        .and_then(|text| text.to_str()?.parse().ok())
        .map_or(Duration::ZERO, Duration::from_millis);
    let command: Vec<String> = args.iter().skip(4).map(|arg| arg.to_string_lossy().into_owned()).collect();
    match guard::guard(grace, &command) {
        Ok(()) => Exit::Done.code(),
        Err(_) => Exit::Bug.code(),
    }
}

fn outcome(ended: Result<Success, Error>, call: &Invocation<'_>, here: &Here<'_>) -> Outcome {
    let facts = call.facts.borrow();
    let (exit, run, url, applied, message, error) = match ended {
        Ok(success) => (Exit::Done, success.run, success.url, success.applied, success.message, None),
        Err(error) => {
            let mut explained = explain_here(&error, &here.surroundings);
            with_flags(&mut explained.hints, &same_migrations(&call.request.global));
            let applied = error.applied().to_vec();
            (
                error.exit(),
                error.run().map(|run| run.id.clone()).or_else(|| facts.run.clone()),
                error.run().and_then(|run| run.url.clone()),
                applied,
                explained.title.clone(),
                Some(explained),
            )
        }
    };
    Outcome {
        exit: exit.code(),
        role: facts.role,
        outcome: exit.word(),
        release: facts.release.clone(),
        run,
        url,
        applied,
        duration_ms: milliseconds(here.began.elapsed()),
        error,
        message,
    }
}
