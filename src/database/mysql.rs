//! MySQL, MariaDB and what speaks like them, by the text protocol alone: one exchange per call, nothing prepared.
//!
//! A leader's scripts run as under sqlx-cli: `PIPES_AS_CONCAT` and `NO_ENGINE_SUBSTITUTION` added to the server's own
//! `sql_mode`, times in UTC, utf8mb4.

mod connect;
mod errors;
mod identity;
mod literal;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Column as _, Connection as _, Either, MySqlConnection, Row as _, TypeInfo as _};

use crate::database::driver::Answers;
use crate::database::error::DbError;
use crate::database::grant::{Grant, Securable};
use crate::database::statement::{Dialect, Row, Statement, Value};
use crate::database::url::{EngineName, Target};
use crate::database::{Connecting, Database, Engine, Holder, LockKey, Purpose, Reply, Server, driver};

/// MySQL and MariaDB.
pub const ENGINE: Engine = Engine { name: EngineName::MySql, dialect: &DIALECT, connect };

/// MySQL's SQL, as far as MariaDB's is the same.
pub const DIALECT: Dialect = Dialect {
    name: "mysql",
    now: "UTC_TIMESTAMP(6)",
    epoch_ms: ("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ", ") DIV 1000"),
    from_epoch_ms: ("TIMESTAMPADD(MICROSECOND, (", ") * 1000, '1970-01-01')"),
    top_1: "",
    limit_1: "LIMIT 1",
    share_hint: "",
    // MariaDB has no FOR SHARE
    share: "LOCK IN SHARE MODE",
    update_hint: "",
    update: "FOR UPDATE",
    default_schema: None,
    quotes: ('`', '`'),
    schema: include_str!("../../migrations/mysql/0001_ledger.sql"),
    begin: "SET innodb_lock_wait_timeout = 1; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION",
    batch: None,
    whole: None,
    keeps_open: None,
    lock_timeout: None,
    transaction_open: None,
    session_lives: Some("SELECT 1 FROM information_schema.processlist WHERE id = ?"),
    may_create: Some(
        "SELECT 1 FROM (SELECT grantee, table_schema AS named FROM information_schema.schema_privileges \
         WHERE privilege_type = 'CREATE' UNION ALL SELECT grantee, '%' FROM information_schema.user_privileges \
         WHERE privilege_type = 'CREATE') may WHERE ? LIKE may.named \
         AND may.grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')",
    ),
    schemas_with: None,
    end_session: Some("KILL ?"),
    crowded: Some(
        "SHOW GLOBAL STATUS WHERE Variable_name = 'Threads_connected' AND Value * 5 >= @@max_connections * 4",
    ),
    // who may read a replica may not ask it how far it is
    standby: None,
    marked: Some(
        "SELECT 1 FROM information_schema.processlist WHERE id <> CONNECTION_ID() \
         AND (info LIKE ? OR (id = ? AND info IS NULL AND command IN ('Query', 'Execute')))",
    ),
    // no proxy that we know of hands one connection's number to another
    cancel_marked: None,
    end_marked: None,
    run_marked: Some(
        "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND info LIKE ?",
    ),
    grant: Some(Grant { grantee, on: Securable::Database, take_over: &[], take_over_at: None }),
    notify: None,
    invalid_index: None,
};

/// `'app'@'%'`; the host may be part of the name: `app@10.0.%`.
fn grantee(role: &str) -> String {
    let (user, host) = role.rsplit_once('@').unwrap_or((role, "%"));
    format!("{}@{}", DIALECT.quote(user), DIALECT.quote(host))
}

struct Session {
    purpose: Purpose,
    /// None once it broke.
    connection: Option<MySqlConnection>,
    server: Option<Server>,
    /// An exchange was begun whose answer nobody has read to its end.
    owed: bool,
}

fn connect(target: &Target, purpose: Purpose, limit: Duration) -> Connecting<'_> {
    Box::pin(async move {
        let options = connect::options(target)?;
        let connecting = async {
            let connection = MySqlConnection::connect_with(&options)
                .await
                .map_err(|error| driver::connecting(error, errors::fact))?;
            let mut session = Session { purpose, connection: Some(connection), server: None, owed: false };
            session.script(&connect::settings(target, purpose)).await?;
            Ok(session)
        };
        let session: Box<dyn Database> = Box::new(driver::within(limit, connecting).await?);
        Ok(session)
    })
}

#[async_trait]
impl Database for Session {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn identify(&mut self) -> Result<Server, DbError> {
        if self.server.is_none() {
            self.server = Some(identity::of(self).await?);
        }
        self.server.clone().ok_or_else(closed)
    }

    async fn query(&mut self, statement: &Statement) -> Result<Reply, DbError> {
        let text = statement.render(|_, value| literal::literal(value));
        Ok(self.exchange(&text, Answers::kept()).await?.into_iter().last().unwrap_or_default())
    }

    async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.exchange(sql, Answers::counted()).await.map(drop)
    }

    async fn try_lock(&mut self, key: &LockKey) -> Result<bool, DbError> {
        // 0 = another has it, NULL = an error that was only a warning (T5, T6)
        let reply = self.ask("SELECT GET_LOCK(?, 0)", key).await?;
        Ok(reply.rows.first().is_some_and(|row| row.0 == [Value::Int(1)]))
    }

    async fn unlock(&mut self, key: &LockKey) -> Result<(), DbError> {
        self.ask("SELECT RELEASE_LOCK(?)", key).await.map(drop)
    }

    async fn holder(&mut self, key: &LockKey) -> Result<Holder, DbError> {
        let reply = self.ask("SELECT IS_USED_LOCK(?), CONNECTION_ID()", key).await?;
        let Some(row) = reply.rows.first() else { return Ok(Holder::Free) };
        Ok(match row.opt_text(0)? {
            None => Holder::Free,
            Some(holder) if holder == row.text(1)? => Holder::Ours,
            Some(holder) => Holder::Other(Some(holder)),
        })
    }

    async fn notified(&mut self) -> Result<(), DbError> {
        std::future::pending().await
    }
}

impl Session {
    /// A question about the lock, whose name depends on the database.
    async fn ask(&mut self, template: &str, key: &LockKey) -> Result<Reply, DbError> {
        let database = self.identify().await?.database;
        self.query(&Statement::new(&DIALECT, &[], template, vec![key.get_lock(&database).into()])).await
    }

    /// One message, and all of its answers: one reply per statement.
    async fn exchange(&mut self, sql: &str, mut answers: Answers) -> Result<Vec<Reply>, DbError> {
        match self.attempt(sql, &mut answers).await {
            Ok(()) => Ok(answers.into_replies()),
            Err(error) => {
                let fact = driver::fact(error, errors::fact);
                if fact.kind.ends_session() {
                    self.connection = None;
                }
                Err(DbError { completed: answers.completed(), ..fact })
            }
        }
    }

    async fn attempt(&mut self, sql: &str, answers: &mut Answers) -> Result<(), sqlx::Error> {
        let Some(connection) = &mut self.connection else {
            return Err(sqlx::Error::Io(std::io::ErrorKind::NotConnected.into()));
        };
        // what an exchange that was given up still has coming; its errors are nobody's any more
        while self.owed {
            match connection.flush().await {
                Ok(()) => self.owed = false,
                Err(sqlx::Error::Database(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.owed = true;
        let answer = converse(connection, sql, answers).await;
        self.owed = false;
        answer
    }
}

fn closed() -> DbError {
    driver::lost("the connection is closed")
}

async fn converse(
    connection: &mut MySqlConnection,
    sql: &str,
    answers: &mut Answers,
) -> Result<(), sqlx::Error> {
    let mut stream = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_many(connection);
    while let Some(answer) = stream.try_next().await? {
        match answer {
            Either::Right(row) => answers.row(|| read(&row))?,
            Either::Left(done) => answers.done(done.rows_affected()),
        }
    }
    Ok(())
}

fn read(row: &MySqlRow) -> Result<Row, sqlx::Error> {
    let values = row.columns().iter().enumerate().map(|(index, column)| {
        let bytes: Option<Vec<u8>> = row.try_get_unchecked(index)?;
        Ok(bytes.map_or(Value::Null, |bytes| value(column.type_info().name(), bytes)))
    });
    values.collect::<Result<_, _>>().map(Row)
}

/// A value in the text format, by its type's name.
fn value(kind: &str, bytes: Vec<u8>) -> Value {
    if kind.ends_with("BLOB") || matches!(kind, "BINARY" | "VARBINARY" | "BIT" | "GEOMETRY") {
        return Value::Bytes(bytes);
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Value::Bytes(error.into_bytes()),
    };
    let number = kind.contains("INT") || kind == "BOOLEAN" || kind == "YEAR";
    match text.parse() {
        Ok(value) if number => Value::Int(value),
        _ => Value::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type() {
        assert_eq!(value("BIGINT", b"-7".to_vec()), Value::Int(-7));
        assert_eq!(value("BOOLEAN", b"1".to_vec()), Value::Int(1));
        assert_eq!(
            value("BIGINT UNSIGNED", b"18446744073709551615".to_vec()),
            Value::Text("18446744073709551615".into())
        );
        assert_eq!(value("VARCHAR", b"7".to_vec()), Value::Text("7".into()));
        assert_eq!(value("BLOB", vec![0, 255]), Value::Bytes(vec![0, 255]));
    }
}
