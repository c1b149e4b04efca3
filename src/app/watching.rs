//! A follower that looks elsewhere than at the ledger: from config and platform to the source. Touches no database.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use crate::app::inspect::{readiness, silent};
use crate::app::invocation::Invocation;
use crate::app::prepare::{self, Prepared};
use crate::app::{AFTER_BUDGET, AFTER_SIGNAL, github, heroku, time};
use crate::config::Settings;
use crate::error::{Asking, Elsewhere, Error};
use crate::follow::remote::{Distant, Remote};
use crate::follow::source::{Looked, Memory, Source};
use crate::follow::watch as watch_source;
use crate::job::{Party, Success, watched};
use crate::model::choice::FollowSource;
use crate::model::event::{Event, PlanReport, Start, StatusReport};
use crate::model::migration::Pending;
use crate::model::run::Role;
use crate::plan::PlanError;
use crate::plan::role::role;
use crate::status::github::read::Reader;

/// Whether what is followed is told by somebody else's API.
pub fn is_remote(source: FollowSource) -> bool {
    matches!(source, FollowSource::Github | FollowSource::Heroku)
}

/// Whether this participant looks at a source that is no ledger. A leader leads whatever the source is; an elect has to
/// see the ledger.
pub fn looks_elsewhere(call: &Invocation<'_>, settings: &Settings) -> Result<bool, Error> {
    let of = settings.follow.source;
    if !is_remote(of) && of != FollowSource::History {
        return Ok(false);
    }
    match role(&prepare::role_inputs(call, settings))? {
        // a history is in the database, as the ledger is
        (Role::Follow, _) => Ok(of != FollowSource::History),
        (Role::Lead, _) => Ok(false),
        (role, reason) => Err(PlanError::OnlyFollows { of, role, reason }.into()),
    }
}

/// What such a follower is, and where it looks.
struct Watcher {
    party: Party,
    remote: Box<dyn Remote>,
    start: Start,
}

async fn watcher(call: &Invocation<'_>, settings: Settings) -> Result<Watcher, Error> {
    let mut prepared = prepare::without_database(call, settings).await?;
    // `status` has no role to play
    let decided = role(&prepared.role_inputs(call)).ok();
    let role_reason = decided.map_or_else(String::new, |(_, reason)| reason);
    call.has_role(Some(Role::Follow));
    let remote = remote(call, &prepared)?;
    let (release, release_reason) = prepared.release(call, Role::Follow)?;
    call.has_release(release.as_ref());
    let mut party = prepared.party(call, Role::Follow, release);
    if prepared.settings.follow.source == FollowSource::Heroku && party.scope.deploy.take().is_some() {
        let message = "Heroku's releases know of no deploys: --deploy does not count here".to_owned();
        call.report.event(&Event::Warning { message });
    }
    let start = prepare::start(&party, None, role_reason, release_reason);
    Ok(Watcher { party, remote, start })
}

fn remote(call: &Invocation<'_>, prepared: &Prepared) -> Result<Box<dyn Remote>, Error> {
    if prepared.settings.follow.source == FollowSource::Heroku {
        return Ok(Box::new(heroku::reader(call, &prepared.settings)?));
    }
    let client = github::client(call, &prepared.settings, Asking::Reading)?;
    Ok(Box::new(Reader::new(Arc::new(client))))
}

/// Waits for the verdict.
pub async fn follow(call: &Invocation<'_>, settings: Settings) -> Result<Success, Error> {
    let Watcher { party, remote, start } = watcher(call, settings).await?;
    call.report.event(&Event::Start(start));
    let mut source = Distant::new(&party, remote);
    tokio::select! {
        biased;
        ended = watch_source(&party, &mut source, None) => ended,
        error = last_resort(&party, call.signals.force.subscribe()) => Err(error),
        never = time::say_when_short(party.limits.began, party.limits.budget, &*call.report) => match never {},
    }
}

/// What ends us when the orderly way hangs.
async fn last_resort(party: &Party, mut forced: watch::Receiver<bool>) -> Error {
    let signal = async {
        let signal = party.signalled().await;
        let _ = timeout(AFTER_SIGNAL, forced.wait_for(|forced| *forced)).await;
        Party::interrupted(signal)
    };
    tokio::select! {
        error = signal => error,
        () = sleep_until(party.limits.deadline() + AFTER_BUDGET) => Error::LeaderLate {
            run: None,
            at_work: false,
            waited: party.limits.began.elapsed(),
            pending: None,
            seeking: party.seeking(Vec::new()),
        },
    }
}

/// Says where a follower would look, after one look.
pub async fn plan(call: &Invocation<'_>, settings: Settings) -> Result<Success, Error> {
    let lock = settings.lock.clone();
    let Watcher { party, remote, start } = watcher(call, settings).await?;
    let place = remote.place();
    let standing = standing(&place, &look_once(&party, remote).await?);
    call.report.event(&Event::Plan(Box::new(PlanReport {
        start,
        server: None,
        lock_mode: None,
        lock_reason: "followers take none".to_owned(),
        lock_name: lock.name,
        lock_id: lock.id,
        followers: None,
        pending: Pending::Unknown,
        migrations: Vec::new(),
        refused: Vec::new(),
        notices: Vec::new(),
        next: format!("{standing}; would wait for the leader by {place}"),
    })));
    Ok(silent())
}

fn standing(place: &Elsewhere, looked: &Looked) -> String {
    match &looked.observation.latest {
        Some(seen) => {
            format!("the latest run of our release, by {}, is {}", seen.run.leader, seen.run.status)
        }
        None => place.nothing_yet(),
    }
}

/// Where a follower looks, and what is there, in one sentence for `doctor`.
pub async fn found(call: &Invocation<'_>, settings: Settings) -> Result<String, Error> {
    let Watcher { party, remote, .. } = watcher(call, settings).await?;
    let place = remote.place();
    let standing = standing(&place, &look_once(&party, remote).await?);
    Ok(format!("{place} can be read; {standing}"))
}

/// Looks once.
pub async fn status(call: &Invocation<'_>, settings: Settings, check: bool) -> Result<Success, Error> {
    let Watcher { party, remote, .. } = watcher(call, settings).await?;
    call.has_role(None);
    let looked = look_once(&party, remote).await?;
    let latest = looked.observation.latest.as_ref();
    let (ready, reason) = readiness(latest.map(|seen| (&seen.run, seen.alive)), &Pending::Unknown);
    call.report.event(&Event::Status(Box::new(StatusReport {
        environment: party.scope.environment.clone(),
        release: party.scope.release.clone(),
        format: party.format_name(),
        format_reason: party.format_reason.clone(),
        run: latest.map(|seen| watched(&seen.run, looked.observation.now, None)),
        error: latest.and_then(|seen| seen.run.error.clone()),
        pending: Pending::Unknown,
        migrations: Vec::new(),
        ready,
        reason: reason.clone(),
    })));
    if check && !ready { Err(Error::NotReady { reason }) } else { Ok(silent()) }
}

async fn look_once(party: &Party, remote: Box<dyn Remote>) -> Result<Looked, Error> {
    Distant::new(party, remote).look(&mut Memory::default()).await
}
