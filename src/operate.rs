//! What people do by hand: read what was, take a dead leader's lock away, say what became of a migration, find out what
//! is wrong. Each verb has a file of its own; none of them prints.

pub mod doctor;
pub mod history;
pub mod resolve;
pub mod unlock;

use std::time::Duration;

use crate::database::{Database, DbError, DbErrorKind};
use crate::error::{Doing, Error, OperateError};
use crate::job::Job;
use crate::ledger::past::Tables;

/// A leader that installs makes one table after the other; so long a ledger may look like half of one.
const INSTALLING: Duration = Duration::from_secs(2);

/// Whether there is a ledger: all of it, or nothing. Half of it is an error that names what is missing.
pub async fn has_ledger(job: &Job, session: &mut dyn Database) -> Result<bool, Error> {
    let mut tables = tables(job, session).await?;
    if tables.are_half() {
        job.pause(INSTALLING).await?;
        tables = self::tables(job, session).await?;
    }
    whole(job, &tables)?;
    Ok(tables.missing.is_empty())
}

fn whole(job: &Job, tables: &Tables) -> Result<(), Error> {
    if !tables.are_half() {
        return Ok(());
    }
    let (present, missing) = (tables.present.clone(), tables.missing.clone());
    Err(OperateError::LedgerHalf { target: job.place(), present, missing }.into())
}

async fn tables(job: &Job, session: &mut dyn Database) -> Result<Tables, Error> {
    job.ledger.tables(session).await.map_err(|error| job.refused(Doing::Looking, error))
}

/// A table that is missing tells nothing until we know whether the others are.
pub async fn or_nothing<T: Default>(
    job: &Job,
    session: &mut dyn Database,
    answer: Result<T, DbError>,
) -> Result<T, Error> {
    match answer {
        Err(error) if error.kind == DbErrorKind::MissingTable => match has_ledger(job, session).await? {
            true => Err(job.refused(Doing::Looking, error)),
            false => Ok(T::default()),
        },
        answer => answer.map_err(|error| job.refused(Doing::Looking, error)),
    }
}
