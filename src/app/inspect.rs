//! `plan` and `status`: what would be done, and where things stand. Reads only.

use crate::app::invocation::Invocation;
use crate::app::{asking, prepare, watching};
use crate::database::pooler::{Between, probe_pooler};
use crate::database::{LockSupport, Purpose, Server};
use crate::engine::script::fault;
use crate::error::{Doing, Error};
use crate::explain;
use crate::follow::source::Looked;
use crate::follow::{goes_on_at_once, look_once, passed_over};
use crate::job::{Job, Success, watched};
use crate::lock::choose::Chosen;
use crate::model::choice::FollowSource;
use crate::model::event::{Event, Mark, MigrationStanding, MigrationState, PlanReport, StatusReport};
use crate::model::ids::Participant;
use crate::model::migration::Pending;
use crate::model::run::{LockMode, Role, Run, RunStatus};
use crate::plan::pending::Judgement;
use crate::plan::role::unmatched_leader;

/// Prints role, release, lock and what is pending, each with its reason.
pub async fn plan(call: &Invocation<'_>) -> Result<Success, Error> {
    let settings = prepare::settings(call)?;
    if settings.follow.source == FollowSource::Command {
        return asking::plan(call, &settings);
    }
    if watching::looks_elsewhere(call, &settings)? {
        return watching::plan(call, settings).await;
    }
    let prepared = prepare::prepare(call, settings).await?;
    let (role, role_reason) = prepared.role(call)?;
    call.has_role(Some(role));
    let (release, release_reason) = prepared.release(call, role)?;
    call.has_release(release.as_ref());
    let named = unmatched_leader(&prepared.role_inputs(call), &[]).cloned();
    let job = prepared.job(call, role, release)?;
    warn_of_stranger(&job, named).await?;
    let Lock { chosen: lock, server, followers } = lock(&job).await?;
    let read_only = server.as_ref().is_some_and(|server| server.read_only);
    let looked = look_once(&job).await?;
    warn_of_doubt(&job, &looked);
    let refused = refused(&job, &looked);
    let at_once = goes_on_at_once(&job, &looked.observation, looked.judgement.as_ref());
    let judgement = looked.judgement.as_ref();
    let notices = match at_once {
        true => passed_over(&looked),
        false => judgement.map(Judgement::notices).unwrap_or_default(),
    };
    let plan = PlanReport {
        next: if at_once {
            format!("{}; would end at once with exit 0", pending(&job, &looked))
        } else if read_only && job.role != Role::Follow && looked.observation.pending != Pending::None {
            "would stop: the server is read-only, and a leader needs the primary's URL".to_owned()
        } else {
            next(&job, &looked, lock.mode.is_none().then_some(lock.reason.as_str()), &refused)
        },
        refused,
        notices,
        start: prepare::start(&job, Some(job.place()), role_reason, release_reason),
        server: server.as_ref().map(named_server),
        lock_mode: lock.mode,
        lock_reason: lock.reason,
        lock_name: job.scope.lock_name.clone(),
        lock_id: job.key.id,
        followers: Some(followers.to_owned()),
        pending: looked.observation.pending.clone(),
        migrations: states(&looked),
    };
    call.report.event(&Event::Plan(Box::new(plan)));
    Ok(silent())
}

/// What a leader and its followers would find of the server.
pub(super) struct Lock {
    /// The lock that a leader would take.
    pub(super) chosen: Chosen,
    /// None where there is no file yet (SQLite).
    pub(super) server: Option<Server>,
    /// How followers hear of the end, for people.
    pub(super) followers: &'static str,
}

/// Product and version, and that nobody can lead there.
pub(super) fn named_server(server: &Server) -> String {
    let read_only = if server.read_only { ", read-only: a standby, or told to be" } else { "" };
    format!("{} {}{read_only}", server.product, server.version)
}

/// As [`crate::follow`] does it.
fn followers(job: &Job, server: &Server, chosen: &Chosen, found: Between) -> &'static str {
    match server.lock {
        _ if job.engine.dialect.notify.is_none() => "look again and again: this database wakes nobody",
        _ if server.read_only => "look again and again: a standby wakes nobody",
        _ if found == Between::Untold => {
            "look again and again: whether a pooler is in between could not be told in time"
        }
        _ if found == Between::Pooler || job.target.pooled => {
            "look again and again: through a pooler nobody is woken"
        }
        LockSupport::Session(_) if chosen.mode != Some(LockMode::Lease) => "are woken by LISTEN",
        _ => "look again and again: under a lease nobody is woken",
    }
}

/// Asks the server, with a second session for whether there is a pooler.
pub(super) async fn lock(job: &Job) -> Result<Lock, Error> {
    let wanted = job.lock_wanted();
    let mut session = match job.connect(Purpose::Look, job.limits.budget).await {
        Err(error) if job.no_file(&error) => {
            let reason = "the database file is not there yet; a leader makes it and locks the file beside it";
            let chosen =
                wanted.unasked().unwrap_or_else(|| wanted.asked(LockSupport::Session(reason.to_owned())));
            return Ok(Lock {
                chosen,
                server: None,
                followers: "look again and again: this database wakes nobody",
            });
        }
        session => session?,
    };
    let unasked = wanted.unasked();
    let mut found = Between::Nothing;
    if job.beats() && unasked.is_none() {
        let mut other = job.connect(Purpose::Look, job.limits.budget).await?;
        let probed = probe_pooler(session.as_mut(), other.as_mut()).await;
        found = probed.map_err(|error| job.refused(Doing::Identifying, error))?;
    }
    if found == Between::Untold {
        // this one is in the middle of something
        drop(session);
        session = job.connect(Purpose::Look, job.limits.budget).await?;
    }
    let server = job.identify(session.as_mut()).await?;
    let probed = job.engine.dialect.notify.is_some() && unasked.is_none();
    let chosen = unasked.or_else(|| wanted.through(found));
    let mut chosen = chosen.unwrap_or_else(|| wanted.asked(server.lock.clone()));
    if probed && chosen.mode == Some(LockMode::Session) {
        chosen.reason.push_str("; no pooler is in between");
    }
    let followers = followers(job, &server, &chosen, found);
    Ok(Lock { chosen, server: Some(server), followers })
}

/// An old project's migrations would all be applied anew.
fn warn_of_doubt(job: &Job, looked: &Looked) {
    if let Some(message) = looked.judgement.as_ref().and_then(|judgement| judgement.doubt.clone()) {
        job.report.event(&Event::Warning { message });
    }
}

/// A leader is named that is neither us nor anyone who ever led here: a typing error waits for ever.
async fn warn_of_stranger(job: &Job, named: Option<Participant>) -> Result<(), Error> {
    let Some(named) = named else { return Ok(()) };
    let leaders = match job.open(Purpose::Look, true).await {
        Ok((mut session, _)) => job.ledger.leaders(session.as_mut(), &job.scope.lock_name).await,
        Err(error) if job.no_file(&error) => Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let leaders = leaders.map_err(|error| job.refused(Doing::Looking, error))?;
    if !leaders.contains(&named) {
        let message = format!(
            "the config names {named} as leader; that is not this participant ({}), and nobody of that name has led here yet",
            job.identity.participant
        );
        job.report.event(&Event::Warning { message });
    }
    Ok(())
}

/// Files that a leader would not apply: what the history forbids, and scripts of which nothing could be sent.
fn refused(job: &Job, looked: &Looked) -> Vec<Mark> {
    let (Some(bundle), Some(judgement)) = (&job.bundle, &looked.judgement) else { return Vec::new() };
    let mut refused: Vec<Mark> =
        judgement.refusals.iter().map(|refusal| explain::refused(refusal, &bundle.folder)).collect();
    // a database that is not there yet is SQLite's
    let transactional = looked.server.as_ref().is_none_or(|server| server.transactional_ddl);
    if let Some(format) = job.format.filter(|_| job.command.is_none()) {
        let pending = judgement.pending.iter().filter_map(|index| bundle.migrations.get(*index));
        refused.extend(pending.filter_map(|migration| {
            let fault = fault(migration, job.engine.name, transactional, format)?;
            Some(explain::unsendable(&fault, migration))
        }));
    }
    refused
}

fn pending(job: &Job, looked: &Looked) -> String {
    match &looked.observation.pending {
        Pending::None => "nothing is pending".to_owned(),
        Pending::Some(versions) if versions.len() == 1 => "1 migration is pending".to_owned(),
        Pending::Some(versions) => format!("{} migrations are pending", versions.len()),
        Pending::Unknown => format!("what is pending is unknown{}", why_unknown(job, looked)),
    }
}

fn next(job: &Job, looked: &Looked, no_lock: Option<&str>, refused: &[Mark]) -> String {
    let pending = pending(job, looked);
    let refusals = looked.judgement.as_ref().map_or(&[][..], |judgement| judgement.refusals.as_slice());
    if let [first, ..] = refusals
        && job.role != Role::Follow
    {
        return format!("would refuse: {first}");
    }
    if let [first, ..] = refused
        && job.role != Role::Follow
    {
        return format!("would fail: {}", first.message);
    }
    if let Some(reason) = no_lock
        && job.role != Role::Follow
    {
        return format!("{pending}; would stop, since no lock is safe here: {reason}");
    }
    match job.role {
        Role::Lead => format!("{pending}; would lead"),
        Role::Elect => format!("{pending}; would lead if nobody else does, else follow"),
        Role::Follow if job.by_history => format!("{pending}; would wait until the history has all"),
        Role::Follow => format!("{pending}; would wait for the leader"),
    }
}

/// ` (because)`, where there is a reason to tell.
fn why_unknown(job: &Job, looked: &Looked) -> String {
    let (Some(bundle), Some(judgement)) = (&job.bundle, &looked.judgement) else { return String::new() };
    judgement.why_unknown(bundle).map_or_else(String::new, |why| format!(" ({why})"))
}

fn states(looked: &Looked) -> Vec<MigrationState> {
    looked.judgement.as_ref().map(|judgement| judgement.states.clone()).unwrap_or_default()
}

/// Prints the latest run that is ours and what is pending.
pub async fn status(call: &Invocation<'_>, check: bool) -> Result<Success, Error> {
    let settings = prepare::settings(call)?;
    if settings.follow.source == FollowSource::Command {
        return asking::status(call, &settings, check).await;
    }
    if watching::is_remote(settings.follow.source) {
        return watching::status(call, settings, check).await;
    }
    let prepared = prepare::prepare_to_look(call, settings).await?;
    let release = prepared.release(call, Role::Follow);
    if check && let Err(error) = release {
        return Err(error);
    }
    // without a release, every run of our lock name and environment is shown, and says nothing about us
    let (release, unsaid) = match release {
        Ok((release, _)) => (release, None),
        Err(error) => (None, Some(error)),
    };
    call.has_release(release.as_ref());
    let job = prepared.job(call, Role::Follow, release)?;
    let mut looked = look_once(&job).await?;
    if looked.judgement.is_none() && looked.server.is_some() {
        // a decision needs no history while a run is alive; whoever asks for the status wants it
        let (mut session, _) = job.open(Purpose::Look, false).await?;
        let judged = job.judge(session.as_mut(), job.history_by_path().as_ref()).await;
        let (judgement, pending) = judged.map_err(|error| job.refused(Doing::ReadingHistory, error))?;
        looked.judgement = judgement;
        looked.observation.pending = pending;
    }
    warn_of_doubt(&job, &looked);
    let latest = looked.observation.latest.as_ref();
    let (mut ready, mut reason) =
        readiness(latest.map(|seen| (&seen.run, seen.alive)), &looked.observation.pending);
    if let Some(unsaid) = unsaid.filter(|_| ready) {
        (ready, reason) = (false, unsaid.to_string());
    }
    if looked.observation.pending == Pending::Unknown {
        // a run of any release settles nothing
        if ready && job.scope.release.is_none() {
            (ready, reason) = (false, format!("{reason}, and whether what we need is applied is unknown"));
        }
        reason.push_str(&why_unknown(&job, &looked));
    }
    let now = looked.observation.now;
    let quiet = |run: &Run| {
        let since = now.saturating_sub(run.beat_at).max(0).unsigned_abs();
        (job.beats() && run.status == RunStatus::Running).then(|| std::time::Duration::from_millis(since))
    };
    let mut migrations = states(&looked);
    if latest.is_some_and(|seen| seen.alive) {
        // begun and not done is what a script looks like while it runs
        for migration in migrations.iter_mut().filter(|it| it.state == MigrationStanding::Dirty) {
            (migration.state, migration.error) = (MigrationStanding::Pending, None);
        }
    }
    call.report.event(&Event::Status(Box::new(StatusReport {
        environment: job.scope.environment.clone(),
        release: job.scope.release.clone(),
        format: job.format_name(),
        format_reason: job.format_reason.clone(),
        run: latest.map(|seen| watched(&seen.run, now, quiet(&seen.run))),
        error: latest.and_then(|seen| seen.run.error.clone()),
        pending: looked.observation.pending.clone(),
        migrations,
        ready,
        reason: reason.clone(),
    })));
    if check && !ready { Err(Error::NotReady { reason }) } else { Ok(silent()) }
}

/// Ready: nothing is pending; or the latest run that is ours succeeded and what is pending cannot be told.
pub(super) fn readiness(latest: Option<(&Run, bool)>, pending: &Pending) -> (bool, String) {
    match (latest, pending) {
        (Some((run, true)), _) => (false, format!("{} is at work", run.leader)),
        // whoever follows such a run fails too
        (Some((run, _)), _) if run.status == RunStatus::Failed => (false, format!("{} failed", run.leader)),
        (_, Pending::None) => (true, "nothing is pending".to_owned()),
        (_, Pending::Some(versions)) => {
            let are = if versions.len() == 1 { "migration is" } else { "migrations are" };
            (false, format!("{} {are} pending", versions.len()))
        }
        (Some((run, _)), Pending::Unknown) if run.status == RunStatus::Succeeded => {
            (true, format!("{} has migrated to {}", run.leader, run.release.short()))
        }
        (Some((run, _)), Pending::Unknown) => {
            (false, format!("the latest run, by {}, is {}", run.leader, run.status))
        }
        (None, Pending::Unknown) => (false, "there is no run, and what is pending is unknown".to_owned()),
    }
}

/// The report is the result.
pub fn silent() -> Success {
    Success::default()
}
