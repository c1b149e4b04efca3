//! `doctor`: everything that a deploy would meet, looked at one by one, each with what to do. Changes nothing: rights to
//! write are tried with statements that touch no row, in transactions that are taken back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, timeout};

use crate::database::{Database, DbError, DbErrorKind, Purpose, Server};
use crate::error::{Doing, Error};
use crate::exit::Exit;
use crate::explain::explain;
use crate::follow::{goes_on_at_once, look_once};
use crate::job::Job;
use crate::job::held_up::HeldUp;
use crate::ledger::LEDGER_VERSION;
use crate::ledger::past::Tables;
use crate::ledger::rights::Lacking;
use crate::model::doctor::{Finding, Health};
use crate::model::migration::Pending;
use crate::model::run::Role;

/// Clocks that differ by less are as good as one.
const SAME_CLOCK: i64 = 2_000;
/// A leader that installs makes one table after the other.
const INSTALLING: Duration = Duration::from_secs(2);
/// How long the server may take for one check.
const ANSWER: Duration = Duration::from_secs(10);
/// How many of the newest runs are looked at for rows that no leader wrote.
const LOOKED_AT: usize = 50;
/// What no follower reads.
const STEPS: &str = "bellwether_steps";
/// What becomes of files that are not understood.
const NOT_UNDERSTOOD: &str = "a deploy goes on and says so: the leader's tool and the ledger decide, and who waits takes \
     the leader's word; once what is named is mended, the history decides again";

impl Finding {
    /// An error that a deploy would end with, as it would tell it.
    pub fn of(check: &'static str, health: Health, error: &Error) -> Self {
        let told = explain(error);
        // who deploys waits for a file's writer
        let waits = HeldUp::of(error, false).is_some();
        let health = if waits && health == Health::Bad { Health::Warn } else { health };
        let usage = error.exit() == Exit::Usage;
        Self { check, health, found: told.title, causes: told.causes, todo: told.hints, usage }
    }
}

/// What a session tells of clock, ledger, rights and history; the lock is the caller's.
pub async fn examine(job: &Job, session: &mut dyn Database, server: &Server) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(checked("clock", job, clock(job, session)).await);
    let tables = match timeout(ANSWER, tables(job, session)).await {
        Ok(Ok(tables)) => Some(tables),
        Ok(Err(error)) => {
            findings.push(Finding::of("ledger", Health::Bad, &error));
            None
        }
        Err(_) => {
            findings.push(late("ledger", job));
            None
        }
    };
    if let Some(tables) = &tables {
        findings.push(checked("ledger", job, ledger(job, session, tables)).await);
        if !tables.present.is_empty() {
            findings.push(checked("following", job, following(job, session)).await);
        }
        findings.push(checked("leading", job, leading(job, server, tables)).await);
        if tables.missing.is_empty() {
            findings.push(checked("runs", job, runs(job, session)).await);
        }
    }
    if job.bundle.is_some() {
        findings.push(checked("migrations", job, migrations(job, session)).await);
    }
    findings
}

async fn checked(
    check: &'static str,
    job: &Job,
    finding: impl Future<Output = Result<Finding, Error>>,
) -> Finding {
    match timeout(ANSWER, finding).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => Finding::of(check, Health::Bad, &error),
        Err(_) => late(check, job),
    }
}

fn late(check: &'static str, job: &Job) -> Finding {
    let error = DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", ANSWER.as_secs()));
    Finding::of(check, Health::Bad, &job.refused(Doing::Looking, error))
}

/// Nothing is decided by it, but ages and the window of old failures are told by the database's.
async fn clock(job: &Job, session: &mut dyn Database) -> Result<Finding, Error> {
    let asked = Instant::now();
    let theirs = job.ledger.now(session).await.map_err(|error| job.refused(Doing::Looking, error))?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ours = ours.saturating_sub(asked.elapsed() / 2).as_millis();
    let ahead = theirs.saturating_sub(i64::try_from(ours).unwrap_or(i64::MAX));
    let seconds = ahead.unsigned_abs() / 1000;
    Ok(match ahead {
        ahead if ahead.abs() < SAME_CLOCK => Finding::ok("clock", "the database's clock and ours agree"),
        ahead => Finding::not_ok(
            "clock",
            Health::Warn,
            format!(
                "the database's clock is {seconds} s {} ours",
                if ahead > 0 { "ahead of" } else { "behind" }
            ),
            vec!["no deploy fails by it: who is alive is told by nobody's clock; ages and dates are the database's".to_owned()],
        ),
    })
}

async fn tables(job: &Job, session: &mut dyn Database) -> Result<Tables, Error> {
    let looking = |error| job.refused(Doing::Looking, error);
    let mut tables = job.ledger.tables(session).await.map_err(looking)?;
    if tables.are_half() {
        job.pause(INSTALLING).await?;
        tables = job.ledger.tables(session).await.map_err(looking)?;
    }
    Ok(tables)
}

async fn ledger(job: &Job, session: &mut dyn Database, tables: &Tables) -> Result<Finding, Error> {
    if tables.present.is_empty() {
        return Ok(Finding::ok("ledger", "there is none yet: the first leader makes it"));
    }
    super::whole(job, tables)?;
    let version = match job.ledger.version(session).await {
        Err(error) if error.kind == DbErrorKind::Privilege => {
            return Ok(Finding::ok("ledger", "it is there; its version may not be read"));
        }
        version => version.map_err(|error| job.refused(Doing::Looking, error))?,
    };
    Ok(match version {
        Some(version) if version.is_readable() => Finding::ok(
            "ledger",
            format!("version {}, which this bellwether ({LEDGER_VERSION}) reads and writes", version.version),
        ),
        Some(version) => {
            Finding::of("ledger", Health::Bad, &Error::LedgerNewer { min_reader: version.min_reader })
        }
        None => Finding::not_ok(
            "ledger",
            Health::Warn,
            "bellwether_meta says no version: an installation was cut off, or the row was deleted",
            vec!["the next leader writes it".to_owned()],
        ),
    })
}

/// What a follower needs: to read ledger and history.
async fn following(job: &Job, session: &mut dyn Database) -> Result<Finding, Error> {
    let lacking = job.ledger.unreadable(session).await;
    let lacking = match lacking {
        Err(error) if error.kind == DbErrorKind::MissingTable => None, // told already
        lacking => lacking.map_err(|error| job.refused(Doing::Looking, error))?,
    };
    let steps = lacking.as_ref().is_some_and(|lacking| lacking.table == STEPS);
    let lacking = lacking.map(|Lacking { error, .. }| job.refused(Doing::Looking, error));
    if let Some(error) = lacking.as_ref().filter(|_| !steps) {
        return Ok(Finding::of("following", Health::Bad, error));
    }
    if let Some(history) = job.history_by_path() {
        let read = history.read(session).await;
        read.map_err(|error| job.refused(Doing::ReadingHistory, error))?;
    }
    let Some(error) = lacking else {
        return Ok(Finding::ok("following", "this user may read what a follower reads"));
    };
    let told = Finding::of("following", Health::Warn, &error);
    let found = format!(
        "this user may read what a follower reads, but not {STEPS}, which `bellwether history` shows"
    );
    Ok(Finding { found, ..told })
}

/// What a leader needs: to make the tables, or to write them. Who only follows is told, and no worse for it.
async fn leading(job: &Job, server: &Server, tables: &Tables) -> Result<Finding, Error> {
    let severe = if job.role == Role::Follow { Health::Warn } else { Health::Bad };
    if server.read_only && !job.beats() {
        let error = DbError::new(DbErrorKind::Privilege, "the file, or its folder, may not be written");
        return Ok(Finding::of("leading", severe, &job.refused(Doing::Claiming, error)));
    }
    if server.read_only {
        let name = format!("{} {}", server.product, server.version);
        return Ok(Finding::of(
            "leading",
            severe,
            &Error::ReadOnlyServer { target: job.place(), server: name },
        ));
    }
    // a session without settings of its own: there may be a pooler in between
    let mut session = job.connect(Purpose::Beat, ANSWER).await?;
    if !tables.missing.is_empty() {
        let schema = job.ledger.schema().or(job.engine.dialect.default_schema);
        let may = job.ledger.may_create(session.as_mut(), schema.unwrap_or(&server.database)).await;
        let may = may.map_err(|error| job.refused(Doing::Installing, error))?;
        return Ok(match may {
            Some(false) => {
                let error = DbError::new(DbErrorKind::Privilege, "this user may not make tables there");
                Finding::of("leading", severe, &job.refused(Doing::Installing, error))
            }
            _ => Finding::ok("leading", "this user may make the ledger's tables"),
        });
    }
    if let Some(history) = job.history_table(server) {
        let lacking = history.unwritable(session.as_mut()).await;
        if let Some(error) = lacking.map_err(|error| job.refused(Doing::ReadingHistory, error))? {
            return Ok(Finding::of("leading", severe, &job.may_not_write(&history, error)));
        }
    }
    match job.ledger.unwritable(session.as_mut()).await {
        Ok(None) => Ok(Finding::ok("leading", "this user may write what a leader writes")),
        Ok(Some(Lacking { error, .. })) => {
            Ok(Finding::of("leading", severe, &job.refused(Doing::Claiming, error)))
        }
        Err(error) if matches!(error.kind, DbErrorKind::Busy | DbErrorKind::LockTimeout) => {
            Ok(Finding::ok("leading", "not tried: somebody is writing just now"))
        }
        Err(error) => Err(job.refused(Doing::Claiming, error)),
    }
}

/// Rows that no leader wrote stop those who read them.
async fn runs(job: &Job, session: &mut dyn Database) -> Result<Finding, Error> {
    let runs = job.ledger.past_runs(session, &job.scope.lock_name, None, LOOKED_AT).await;
    let runs = runs.map_err(|error| job.refused(Doing::Looking, error))?;
    let Some(newest) = runs.first() else {
        return Ok(Finding::ok("runs", format!("none yet under the lock name {}", job.scope.lock_name)));
    };
    if let Some(odd) = runs.iter().find(|run| !run.odd.is_empty()) {
        return Ok(Finding::not_ok(
            "runs",
            Health::Warn,
            format!("the row of the run {} is odd: {}", odd.run, odd.odd.join("; ")),
            vec![
                format!("see it with `bellwether history {}`; was it edited by hand?", odd.run),
                "while nobody is at work, a row that should not be there can be deleted from bellwether_runs"
                    .to_owned(),
            ],
        ));
    }
    Ok(Finding::ok(
        "runs",
        format!("the latest, by {}, is {}: `bellwether history` lists them", newest.leader, newest.status),
    ))
}

async fn migrations(job: &Job, session: &mut dyn Database) -> Result<Finding, Error> {
    let Some(bundle) = &job.bundle else { return Ok(Finding::ok("migrations", "none here")) };
    let judged = job.judge(session, job.history_by_path().as_ref()).await;
    let (judgement, pending) = judged.map_err(|error| job.refused(Doing::ReadingHistory, error))?;
    let all = bundle.migrations.len();
    let pending = match pending {
        Pending::None => "all applied".to_owned(),
        Pending::Some(versions) => format!("{} pending", versions.len()),
        Pending::Unknown => {
            let why = judgement.as_ref().and_then(|judgement| judgement.why_unknown(bundle));
            format!("what is pending is unknown{}", why.map_or_else(String::new, |why| format!(" ({why})")))
        }
    };
    let why = job.format_reason.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    let found =
        format!("{all} of the format {}{why} in {}: {pending}", bundle.format, bundle.folder.display());
    let Some(judgement) = judgement else { return Ok(Finding::ok("migrations", found)) };
    let mut causes = judgement.notices();
    let refusals = judgement.refusals.clone();
    if let Some(doubt) = judgement.doubt.clone().filter(|_| refusals.is_empty()) {
        causes.insert(0, doubt);
        return Ok(Finding { causes, ..Finding::not_ok("migrations", Health::Warn, found, Vec::new()) });
    }
    let Some(history) = job.history_by_path().filter(|_| !refusals.is_empty()) else {
        return Ok(match bundle.unread.is_empty() {
            true => Finding { causes, ..Finding::ok("migrations", found) },
            false => {
                let todo = vec![NOT_UNDERSTOOD.to_owned()];
                Finding { causes, ..Finding::not_ok("migrations", Health::Warn, found, todo) }
            }
        });
    };
    let folder = bundle.folder.display().to_string();
    let mut refused =
        Finding::of("migrations", Health::Warn, &Error::HistoryRefused { refusals, history, folder });
    refused.found = format!("{found}; a leader would refuse: {}", refused.found);
    refused.causes.extend(causes);
    let looked = look_once(job).await?;
    if goes_on_at_once(job, &looked.observation, Some(&judgement)) {
        refused.causes.push(format!("what we need is applied: who has the role {} goes on", job.role));
    }
    Ok(refused)
}
