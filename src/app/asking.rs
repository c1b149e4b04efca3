//! A follower of a leader that does not run bellwether: from config and platform to its status command. Touches no
//! database, and needs neither migrations nor a release.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use crate::app::inspect::silent;
use crate::app::invocation::Invocation;
use crate::app::{AFTER_BUDGET, AFTER_SIGNAL, prepare, time};
use crate::config::{LeaderRule, Settings};
use crate::engine::command::Command;
use crate::error::Error;
use crate::follow::asking::Asker;
use crate::job::{Party, Success, signalled};
use crate::model::choice::FollowSource;
use crate::model::event::{EVENTS_VERSION, Event, PlanReport, Start, StatusReport};
use crate::model::ids::Release;
use crate::model::migration::Pending;
use crate::model::run::Role;
use crate::plan::PlanError;
use crate::plan::role::{RoleInputs, role};
use crate::status::command::StatusCommand;

/// Between a signal and SIGKILL, at most: a question has nothing to roll back.
const LONGEST_GRACE: Duration = Duration::from_secs(4);

/// Asks until the answer is there.
pub async fn ask(call: &Invocation<'_>, settings: &Settings) -> Result<Success, Error> {
    let start = start(call, settings)?;
    let asker = asker(call, settings);
    call.report.event(&Event::Start(start));
    tokio::select! {
        biased;
        ended = asker.ask_until_ready() => ended,
        error = last_resort(&asker, call.signals.force.subscribe()) => Err(error),
        never = time::say_when_short(asker.began, asker.budget, &*call.report) => match never {},
    }
}

/// Says what a follower would ask; asks nothing.
pub fn plan(call: &Invocation<'_>, settings: &Settings) -> Result<Success, Error> {
    let start = start(call, settings)?;
    let every = match settings.follow.every.as_millis() {
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    };
    let next = format!(
        "would run `{}` again and again, {every} apart, until it says ready",
        settings.follow.command.join(" ")
    );
    call.report.event(&Event::Plan(Box::new(PlanReport {
        start,
        server: None,
        lock_mode: None,
        lock_reason: "the leader does not run bellwether, and followers take none".to_owned(),
        lock_name: settings.lock.name.clone(),
        lock_id: settings.lock.id,
        followers: None,
        pending: Pending::Unknown,
        migrations: Vec::new(),
        refused: Vec::new(),
        notices: Vec::new(),
        next,
    })));
    Ok(silent())
}

/// Asks once.
pub async fn status(call: &Invocation<'_>, settings: &Settings, check: bool) -> Result<Success, Error> {
    let release = release(call).map(|(release, _)| release);
    call.has_release(release.as_ref());
    let standing = asker(call, settings).ask_once().await?;
    let (ready, reason) = (standing.is_ok(), standing.unwrap_or_else(|not_yet| not_yet));
    call.report.event(&Event::Status(Box::new(StatusReport {
        environment: settings.environment.clone(),
        release,
        format: None,
        format_reason: None,
        run: None,
        error: None,
        pending: Pending::Unknown,
        migrations: Vec::new(),
        ready,
        reason: reason.clone(),
    })));
    if check && !ready { Err(Error::NotReady { reason }) } else { Ok(silent()) }
}

fn asker(call: &Invocation<'_>, settings: &Settings) -> Asker {
    Asker {
        source: source(settings),
        began: call.began,
        budget: time::budget(settings.timeout, &call.identity, &*call.report),
        report: Arc::clone(&call.report),
        signal: call.signals.first.subscribe(),
    }
}

/// What ends us when the guard does not; its own end then ends the command.
async fn last_resort(asker: &Asker, mut forced: watch::Receiver<bool>) -> Error {
    let signal = async {
        let signal = signalled(&asker.signal).await;
        let grace = asker.source.command.grace;
        let _ = timeout(grace + AFTER_SIGNAL, forced.wait_for(|forced| *forced)).await;
        Party::interrupted(signal)
    };
    tokio::select! {
        error = signal => error,
        () = sleep_until(asker.deadline() + AFTER_BUDGET) => asker.late(0, String::new()),
    }
}

fn source(settings: &Settings) -> StatusCommand {
    let follow = &settings.follow;
    StatusCommand {
        command: Command {
            argv: follow.command.clone(),
            cwd: settings.cwd.clone(),
            environment: Vec::new(),
            grace: settings.grace.min(LONGEST_GRACE),
        },
        every: follow.every,
        limit: follow.timeout,
        ready: follow.ready.clone(),
        pending: follow.pending.clone(),
    }
}

/// It is not needed, and said all the same.
fn release(call: &Invocation<'_>) -> Option<(Release, String)> {
    let given =
        call.request.global.release.clone().map(|it| (it, "--release or BELLWETHER_RELEASE".to_owned()));
    given.or_else(|| call.identity.release.clone())
}

fn start(call: &Invocation<'_>, settings: &Settings) -> Result<Start, PlanError> {
    let Invocation { request, identity, .. } = call;
    let inputs = prepare::role_inputs(call, settings);
    // nobody is designated here: who leads is none of ours
    let (role, role_reason) = role(&RoleInputs { must_designate: false, ..inputs })?;
    if role != Role::Follow {
        return Err(PlanError::OnlyFollows { of: FollowSource::Command, role, reason: role_reason });
    }
    let (release, release_reason) = match release(call) {
        Some((release, reason)) => (Some(release), reason),
        None => (None, "a status command is asked, whatever the release".to_owned()),
    };
    call.has_role(Some(role));
    call.has_release(release.as_ref());
    Ok(Start {
        schema: EVENTS_VERSION,
        bellwether: env!("CARGO_PKG_VERSION").to_owned(),
        environment: settings.environment.clone(),
        participant: Some(identity.display_name(request.global.participant.as_ref())),
        role,
        role_reason,
        leader: match &settings.leader {
            Some(LeaderRule::Named(leader)) => Some(leader.clone()),
            _ => None,
        },
        release,
        release_reason,
        deploy: request.global.deploy.clone(),
        database: None,
        format: None,
        format_reason: None,
    })
}
