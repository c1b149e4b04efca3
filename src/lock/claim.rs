//! The claim: one transaction in which a leader looks again under the lock's row and, if there is work, records its
//! run with a higher fence.

use tokio::time::Instant;

use crate::database::{Database, DbError, DbErrorKind, Holder, LockKey};
use crate::ledger::Ledger;
use crate::ledger::claim::LockRow;
use crate::ledger::look::{Look, LookError, Scope};
use crate::ledger::record::Mine;
use crate::lock::judge::{Facts, is_over};
use crate::lock::observer::Observer;
use crate::model::ids::RunId;
use crate::model::run::{LockMode, Run, RunStatus};

/// What became of one claim.
#[derive(Debug)]
pub enum Claim<T> {
    /// Our run is recorded; its row as inserted.
    Mine(Box<Run>),
    /// The run that the row names is not over, or somebody else is claiming: try again later.
    NotGot,
    /// The second look, under the lock, says that there is nothing for us to do, or that we may not.
    Settled(T),
}

/// Judges the look that was taken inside the claim.
#[async_trait::async_trait]
pub trait SecondLook<T>: Send {
    /// Reads the history there, and decides: some = end the claim without a run. `since`: the fence from which on runs
    /// are not old to us ([`Observer::since`]).
    async fn judge(
        &mut self,
        session: &mut dyn Database,
        look: &Look,
        since: Option<i64>,
    ) -> Result<Option<T>, LookError>;
}

/// Claims on the work session, which holds the session lock `key` unless `run` goes by a lease. `run` is ours without
/// its fence. Its writes commit or roll back as a whole; afterwards no transaction is open.
pub async fn claim<T>(
    ledger: &Ledger,
    work: &mut dyn Database,
    scope: &Scope,
    key: &LockKey,
    observer: &mut Observer,
    mut run: Run,
    second_look: &mut dyn SecondLook<T>,
) -> Result<Claim<T>, LookError> {
    let claimed = match attempt(ledger, work, scope, key, observer, &mut run, second_look).await {
        Ok((claimed, found)) if ledger.is_whole() => found.write(ledger, work, scope, claimed).await,
        Ok((Claim::NotGot, _)) => {
            work.script("ROLLBACK").await?;
            return Ok(Claim::NotGot);
        }
        Ok((claimed, _)) => {
            // settled without a run: the mark on a dead one before us stays
            let writes = match &claimed {
                Claim::Mine(run) => ledger.claiming(run).to_vec(),
                Claim::NotGot | Claim::Settled(_) => Vec::new(),
            };
            ledger.commit(work, &writes, true).await.map(|()| claimed).map_err(LookError::from)
        }
        Err(error) => Err(error),
    };
    let Err(error) = claimed else { return claimed };
    // the session may be gone, or nothing may have begun; the first error is the one that counts
    let _ = work.script("ROLLBACK").await;
    match error {
        // somebody else is at the row
        LookError::Database(error) if error.kind.contended() => Ok(Claim::NotGot),
        error => Err(error),
    }
}

/// What a claim goes by that is written in one message, at its end.
struct Found {
    row: LockRow,
    /// The run before ours, if it is to be marked, and by whom.
    dead: Option<(RunId, String)>,
}

impl Found {
    /// Nothing was kept locked meanwhile: what has changed since is compared. A row that another claim has taken, or a
    /// run that has ended by itself, is not got, and looked at again; that nothing else moves under one lock name is the
    /// fence's doing.
    async fn write<T>(
        self,
        ledger: &Ledger,
        work: &mut dyn Database,
        scope: &Scope,
        claimed: Claim<T>,
    ) -> Result<Claim<T>, LookError> {
        let run = match &claimed {
            Claim::Mine(run) => Some(run.as_ref()),
            Claim::Settled(_) if self.dead.is_some() => None,
            Claim::NotGot | Claim::Settled(_) => return Ok(claimed),
        };
        let dead = self.dead.as_ref().map(|(run, by)| (run, by.as_str()));
        let done = ledger.claim_at_once(work, &scope.lock_name, &self.row, dead, run).await?;
        Ok(if done { claimed } else { Claim::NotGot })
    }
}

async fn attempt<T>(
    ledger: &Ledger,
    work: &mut dyn Database,
    scope: &Scope,
    key: &LockKey,
    observer: &mut Observer,
    run: &mut Run,
    second_look: &mut dyn SecondLook<T>,
) -> Result<(Claim<T>, Found), LookError> {
    let mut found = Found { row: ledger.begin_claim(work, &scope.lock_name).await?, dead: None };
    if let Some(before) = &found.row.run
        && let Some(before) = ledger.run(work, before).await?
    {
        let silent = observer.holder_is_silent(&before, Instant::now());
        let facts = facts(ledger, work, key, run.lock_mode, &before, silent).await?;
        if !is_over(&before, &facts) {
            return Ok((Claim::NotGot, found));
        }
        if before.status == RunStatus::Running {
            let by = format!("found silent by {}", run.leader);
            match ledger.is_whole() {
                true => found.dead = Some((before.id, by)),
                false => drop(ledger.abandon(work, &before.id, &by).await?),
            }
        }
    }
    let look = ledger.look(work, scope, observer.since()).await?;
    if observer.since().is_none() {
        // who got the lock at once has not looked before: what has ended by now is old
        observer.see(&look, None, Instant::now());
    }
    if let Some(settled) = second_look.judge(work, &look, observer.since()).await? {
        return Ok((Claim::Settled(settled), found));
    }
    // after a failover, a run's can be above the row's
    let highest = found.row.fence.max(look.high);
    run.fence = highest.checked_add(1).ok_or_else(|| {
        DbError::new(
            DbErrorKind::Statement,
            format!("the ledger's highest fence is {highest}, and none is above it"),
        )
    })?;
    Ok((Claim::Mine(Box::new(run.clone())), found))
}

/// What there is to know of the run before ours. Nothing of one that succeeded goes on, so the server is not asked; what
/// is asked of a silent one alone is asked only then.
async fn facts(
    ledger: &Ledger,
    work: &mut dyn Database,
    key: &LockKey,
    ours: LockMode,
    before: &Run,
    silent: bool,
) -> Result<Facts, DbError> {
    let lock_is_ours = ours == LockMode::Session;
    let unfinished = !matches!(before.status, RunStatus::Succeeded | RunStatus::Abandoned);
    let ended_or_silent = silent || before.status != RunStatus::Running;
    let lock_is_theirs = silent && !lock_is_ours && matches!(work.holder(key).await?, Holder::Other(_));
    Ok(Facts {
        silent,
        lock_is_ours,
        session_lives: unfinished && ledger.session_lives(work, &before.session).await?,
        lock_is_theirs,
        statement_runs: unfinished && ended_or_silent && ledger.statement_runs(work, before).await?,
        lock_covers_all: ledger.dialect().session_lives.is_none(),
    })
}

/// Who we are in every write, once the claim stands.
pub fn mine(run: &Run) -> Mine {
    Mine { run: run.id.clone(), fence: run.fence }
}
