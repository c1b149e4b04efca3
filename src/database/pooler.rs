//! Whether a pooler stands between us and PostgreSQL: one session's server process changes while another holds a
//! transaction open. Takes no lock that could leak.

use crate::database::error::DbError;
use crate::database::statement::Statement;
use crate::database::{Database, postgres};

/// One round finds a pooler that has nothing else to do; ten find a busy one.
const ROUNDS: usize = 10;

/// True if `a` was seen on two server processes. To be asked before either session is identified, since that sets
/// them up, and through a pooler the settings would reach the application's connections. False on anything that is
/// not PostgreSQL. Errors are those of the sessions.
pub async fn probe_pooler(a: &mut dyn Database, b: &mut dyn Database) -> Result<bool, DbError> {
    if a.dialect().name != postgres::DIALECT.name {
        return Ok(false);
    }
    let first = backend(a).await?;
    for _ in 0..ROUNDS {
        b.script("BEGIN; SELECT 1").await?;
        let meanwhile = backend(a).await;
        b.script("COMMIT").await?;
        // the process that is freed last is lent first: else two that have settled would go on with one each
        if meanwhile? != first || backend(a).await? != first {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn backend(session: &mut dyn Database) -> Result<i64, DbError> {
    let statement = Statement::new(session.dialect(), &[], "SELECT pg_catalog.pg_backend_pid()", vec![]);
    let reply = session.query(&statement).await?;
    reply.rows.first().map_or(Ok(0), |row| row.int(0))
}
