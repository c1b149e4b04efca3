//! Whether a standby has by now what it had received a moment ago. If not, what it shows of a run may be old, and that a
//! counter stands still says nothing.

use crate::database::error::DbError;
use crate::database::statement::{Statement, Value};
use crate::database::{Database, Dialect};

/// What one who looks at a standby remembers of it.
#[derive(Debug, Default)]
pub struct Standby {
    /// How far it had received at the last question, in the server's own words.
    received: Option<String>,
}

impl Standby {
    /// Whether it is behind: it does not replay, its primary cannot reach it, or it has not replayed by now what it had
    /// received at the last question. False where the server does not tell. Errors are those of the session.
    pub async fn is_behind(&mut self, session: &mut dyn Database) -> Result<bool, DbError> {
        let dialect: &Dialect = session.dialect();
        let Some(question) = dialect.standby else { return Ok(false) };
        let before = Value::from(self.received.as_deref());
        let reply = session.query(&Statement::new(dialect, &[], question, vec![before])).await?;
        let Some(row) = reply.rows.first() else { return Ok(false) };
        self.received = row.opt_text(1)?;
        row.truth(0)
    }
}
