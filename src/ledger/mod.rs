//! Our own tables: runs, steps, the lock's row. Statements are written once, for every engine. Only the leader writes;
//! everyone else needs `SELECT` and nothing more.

pub mod claim;
pub mod history;
pub mod look;
pub mod past;
pub mod record;
pub mod release;
pub mod rights;
pub mod transact;

use crate::database::statement::expand;
use crate::database::{Database, DbError, Dialect, Reply, Statement, Value};

/// The version of the tables that we write. A ledger whose `min_reader` is above it is not ours to read.
pub const LEDGER_VERSION: i64 = 1;

/// Where the ledger is, and how its server's SQL goes.
#[derive(Clone, Debug)]
pub struct Ledger {
    dialect: &'static Dialect,
    schema: Option<String>,
    names: Vec<(&'static str, String)>,
}

impl Ledger {
    /// The ledger in `schema`, else in the engine's default one.
    pub fn new(dialect: &'static Dialect, schema: Option<&str>) -> Self {
        let tables = [
            ("lock", "bellwether_lock"),
            ("runs", "bellwether_runs"),
            ("steps", "bellwether_steps"),
            ("meta", "bellwether_meta"),
        ];
        let mut names: Vec<_> =
            tables.iter().map(|(key, table)| (*key, dialect.qualify(schema, table))).collect();
        // reserved words: RELEASE in MySQL, CURRENT in SQL Server
        names.extend(["release", "current"].map(|column| (column, dialect.quote(column))));
        names.push(("now ms", format!("{}{}{}", dialect.epoch_ms.0, dialect.now, dialect.epoch_ms.1)));
        Self { dialect, schema: schema.map(str::to_owned), names }
    }

    /// How its server's SQL goes.
    pub fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// The tables that a reader reads, as a grant wants them.
    pub fn read_tables(&self) -> [(Option<&str>, &'static str); 3] {
        ["bellwether_runs", "bellwether_meta", "bellwether_steps"].map(|table| (self.schema(), table))
    }

    /// The qualified tables that a leader writes.
    pub fn written_tables(&self) -> Vec<&str> {
        self.names.iter().take(4).map(|(_, name)| name.as_str()).collect()
    }

    /// The schema that the user named for it.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Opens a short transaction of ours with `first` in it, and says what that brought back. One exchange, where the
    /// server takes several statements in one.
    pub(crate) async fn begin(&self, session: &mut dyn Database, first: Statement) -> Result<Reply, DbError> {
        let begin = self.dialect.begin;
        if self.dialect.batch.is_some() {
            return session.query(&first.after(begin)).await;
        }
        session.script(begin).await?;
        session.query(&first).await
    }

    /// Writes, and ends a transaction of ours; one exchange, where the server takes several statements in one. `told`:
    /// those who wait are woken by it, where the server can.
    pub(crate) async fn commit(
        &self,
        session: &mut dyn Database,
        writes: &[Statement],
        told: bool,
    ) -> Result<(), DbError> {
        let notify = self.dialect.notify.filter(|_| told).map(|notify| format!("{notify}; "));
        let commit = format!("{}COMMIT", notify.unwrap_or_default());
        let Some(batch) = self.dialect.batch else {
            for write in writes {
                session.query(write).await?;
            }
            return session.script(&commit).await;
        };
        let literal = |_: usize, value: &Value| (batch.literal)(value);
        let writes: String = writes.iter().map(|write| format!("{}; ", write.render(literal))).collect();
        session.script(&format!("{writes}{commit}")).await
    }

    fn statement(&self, template: &str, arguments: Vec<Value>) -> Statement {
        Statement::new(self.dialect, &self.names(), template, arguments)
    }

    fn text(&self, template: &str) -> String {
        expand(self.dialect, &self.names(), template)
    }

    fn names(&self) -> Vec<(&str, &str)> {
        self.names.iter().map(|(key, name)| (*key, name.as_str())).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::model::run::{EngineKind, LockMode, Run, RunStatus};

    /// The database's clock in tests, milliseconds since 1970.
    pub const NOW: i64 = 1_700_000_000_000;

    /// Some run; one that is over ended 10 s ago.
    pub fn run(status: RunStatus, fence: i64) -> Run {
        let over = status != RunStatus::Running;
        Run {
            id: format!("r{fence}").as_str().into(),
            environment: "production".into(),
            lock_name: "default".into(),
            lock_mode: LockMode::Session,
            release: "abc".into(),
            digest: "our digest".into(),
            deploy: None,
            leader: "web".into(),
            platform: "plain".into(),
            host: "h".into(),
            url: None,
            engine: EngineKind::Sql,
            session: "1@2".into(),
            status,
            fence,
            beats: 3,
            total: 2,
            done: 1,
            current: None,
            error: None,
            failed_step: None,
            started_at: NOW - 60_000,
            beat_at: NOW - 10_000,
            finished_at: over.then_some(NOW - 10_000),
            ended_by: None,
        }
    }
}
