//! A format's history table: read by everyone, written by the leader in the very transaction of the migration.

use crate::database::{Database, DbError, DbErrorKind, Dialect, Statement, Value};
use crate::formats::History;
use crate::ledger::claim::until_nobody_collides;
use crate::model::ids::Version;
use crate::model::migration::{Applied, Migration};
use crate::model::resolve::Resolution;

/// What a failover to a standby that was behind leaves.
pub const LOST: &str = "the history does not have any more what this run had applied, as after a failover";

/// One history in one database.
#[derive(Clone, Debug)]
pub struct HistoryTable {
    dialect: &'static Dialect,
    history: &'static History,
    table: String,
}

impl HistoryTable {
    /// The format's table in `schema`: where the session's unqualified names go, since that is where its own tool
    /// puts it.
    pub fn new(dialect: &'static Dialect, history: &'static History, schema: Option<&str>) -> Self {
        Self { dialect, history, table: dialect.qualify(schema, history.table) }
    }

    /// Wherever the session's search path finds it.
    pub fn by_path(dialect: &'static Dialect, history: &'static History) -> Self {
        Self { dialect, history, table: dialect.quote(history.table) }
    }

    /// Its qualified name, for messages and a `GRANT`.
    pub fn name(&self) -> &str {
        &self.table
    }

    /// Its name without the schema, for people.
    pub fn short_name(&self) -> &'static str {
        self.history.table
    }

    /// What somebody sends by hand to say that nothing of a migration is left.
    pub fn by_hand_undone(&self, version: &Version) -> String {
        format!("DELETE FROM {} WHERE {} = {};", self.table, self.history.version, by_hand(version))
    }

    /// Everything recorded, in the order of the versions. A missing table is an empty history.
    pub async fn read(&self, session: &mut dyn Database) -> Result<Vec<Applied>, DbError> {
        let h = self.history;
        let column = |column: Option<&'static str>| column.unwrap_or("NULL");
        let template = format!(
            "SELECT {}, {}, {}, {} FROM {{history}} ORDER BY {}",
            h.version,
            column(h.description),
            column(h.success),
            column(h.checksum),
            h.version
        );
        let reply = match session.query(&self.statement(&template, vec![])).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => return Ok(Vec::new()),
            reply => reply?,
        };
        reply
            .rows
            .iter()
            .map(|row| {
                Ok(Applied {
                    version: Version(row.text(0)?),
                    description: row.opt_text(1)?.unwrap_or_default(),
                    success: if h.success.is_some() { row.truth(2)? } else { true },
                    checksum: row.opt_bytes(3)?,
                })
            })
            .collect()
    }

    /// Why we may not write it, if so; tried by statements that touch no row, in transactions that are taken back. None
    /// too where it is not there.
    pub async fn unwritable(&self, session: &mut dyn Database) -> Result<Option<DbError>, DbError> {
        let column = self.history.version;
        for template in [
            "INSERT INTO {history} SELECT * FROM {history} WHERE 1 = 0".to_owned(),
            format!("UPDATE {{history}} SET {column} = {column} WHERE 1 = 0"),
            "DELETE FROM {history} WHERE 1 = 0".to_owned(),
        ] {
            session.script(self.dialect.begin).await?;
            let answer = session.query(&self.statement(&template, vec![])).await;
            session.script("ROLLBACK").await?;
            match answer {
                Err(error) if error.kind == DbErrorKind::MissingTable => return Ok(None),
                Err(error) if error.kind == DbErrorKind::Privilege => return Ok(Some(error)),
                answer => drop(answer?),
            }
        }
        Ok(None)
    }

    /// Makes the table if it is not there. Asked first: PostgreSQL wants the right to create even for `IF NOT EXISTS`.
    pub async fn ensure(&self, session: &mut dyn Database) -> Result<(), DbError> {
        let there = self.statement("SELECT COUNT(*) FROM {history} WHERE 1 = 0", vec![]);
        match session.query(&there).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => {}
            answer => return answer.map(drop),
        }
        let create = (self.history.create)(self.dialect.name).replace("{table}", &self.table);
        until_nobody_collides(session, &create).await
    }

    /// A row that says applied (or, with `success` false, begun). `nanoseconds` is an expression of ours.
    pub fn insert(&self, migration: &Migration, success: bool, nanoseconds: &str) -> Statement {
        let h = self.history;
        let mut columns = vec![h.version];
        let mut values = vec!["?"];
        let mut arguments = vec![version(&migration.version)];
        let mut add = |column: Option<&'static str>, value: Value| {
            if let Some(column) = column {
                columns.push(column);
                values.push("?");
                arguments.push(value);
            }
        };
        add(h.description, migration.description.as_str().into());
        add(h.success, success.into());
        add(h.checksum, migration.checksum.clone().into());
        if let Some(column) = h.execution_time {
            columns.push(column);
            values.push(nanoseconds);
        }
        let template =
            format!("INSERT INTO {{history}} ({}) VALUES ({})", columns.join(", "), values.join(", "));
        self.statement(&template, arguments)
    }

    /// Makes a row that said begun say applied.
    pub fn complete(&self, migration: &Migration, nanoseconds: &str) -> Option<Statement> {
        let h = self.history;
        let success = h.success?;
        let time = h.execution_time.map(|column| format!(", {column} = {nanoseconds}")).unwrap_or_default();
        let template = format!("UPDATE {{history}} SET {success} = ?{time} WHERE {} = ?", h.version);
        Some(self.statement(&template, vec![true.into(), version(&migration.version)]))
    }

    /// Fails with [`DbErrorKind::FenceLost`] if the history does not have this version, for a message of several
    /// statements: what was applied before a failover may be gone after it.
    pub fn kept_check(&self, of: &Version) -> Statement {
        let template = format!(
            "SELECT CASE COUNT(*) WHEN 0 THEN CAST('bellwether lock lost: {LOST}' || COUNT(*) AS INTEGER) ELSE 0 END \
             FROM {{history}} WHERE {} = ?",
            self.history.version
        );
        self.statement(&template, vec![version(of)])
    }

    /// The same as a question.
    pub async fn expect_kept(&self, session: &mut dyn Database, of: &Version) -> Result<(), DbError> {
        let template = format!("SELECT COUNT(*) FROM {{history}} WHERE {} = ?", self.history.version);
        let reply = session.query(&self.statement(&template, vec![version(of)])).await?;
        match reply.rows.first().map(|row| row.int(0)).transpose()? {
            Some(0) | None => Err(DbError::new(DbErrorKind::FenceLost, LOST)),
            Some(_) => Ok(()),
        }
    }

    /// Takes back a row that said begun, of a script of which nothing was applied.
    pub fn withdraw(&self, migration: &Migration) -> Statement {
        self.remove(&migration.version)
    }

    fn remove(&self, of: &Version) -> Statement {
        let template = format!("DELETE FROM {{history}} WHERE {} = ?", self.history.version);
        self.statement(&template, vec![version(of)])
    }

    /// What makes the history say so. A row is written anew where there is a file: its checksum is the one to go by.
    pub fn resolve(&self, of: &Version, file: Option<&Migration>, now: Resolution) -> Vec<Statement> {
        let h = self.history;
        match (now, file, h.success) {
            (Resolution::RolledBack, ..) => vec![self.remove(of)],
            (Resolution::Applied, Some(file), _) => vec![self.remove(of), self.insert(file, true, "0")],
            (Resolution::Applied, None, Some(success)) => {
                let template = format!("UPDATE {{history}} SET {success} = ? WHERE {} = ?", h.version);
                vec![self.statement(&template, vec![true.into(), version(of)])]
            }
            (Resolution::Applied, None, None) => Vec::new(),
        }
    }

    fn statement(&self, template: &str, arguments: Vec<Value>) -> Statement {
        Statement::new(self.dialect, &[("history", &self.table)], template, arguments)
    }
}

fn by_hand(version: &Version) -> String {
    match version.as_str().parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => format!("'{}'", version.as_str().replace('\'', "''")),
    }
}

/// Histories keep versions as numbers.
fn version(version: &Version) -> Value {
    version.as_str().parse().map_or_else(|_| Value::from(version.as_str()), Value::Int)
}
