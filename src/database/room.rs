//! Whether a server is near the limit of its connections: then nobody who only waits keeps one.

use crate::database::error::DbError;
use crate::database::statement::Statement;
use crate::database::{Database, Dialect};

/// True from four fifths of the connections on that the server has for everybody. False where there is no limit
/// (SQLite). Errors are those of the session.
pub async fn is_crowded(session: &mut dyn Database) -> Result<bool, DbError> {
    let dialect: &Dialect = session.dialect();
    let Some(question) = dialect.crowded else { return Ok(false) };
    let question = Statement::new(dialect, &[], question, vec![]);
    Ok(!session.query(&question).await?.rows.is_empty())
}
