//! PostgreSQL and what speaks like it, by the simple protocol alone: one exchange per call, nothing prepared, so that it
//! works behind a pooler too.
//!
//! `connect` leaves a session as the server gave it; `identify` sets a leader's up. Who fears a pooler probes for it in
//! between ([`super::pooler`]), since settings that go through one end up on the application's connections.

mod connect;
mod ears;
mod errors;
mod identity;
mod literal;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgRow};
use sqlx::{
    Acquire as _, AssertSqlSafe, Connection as _, Either, PgConnection, Row as _, TypeInfo as _,
    ValueRef as _,
};

use crate::database::driver::Answers;
use crate::database::error::{DbError, DbErrorKind};
use crate::database::grant::{Grant, Securable};
use crate::database::statement::{Batch, Dialect, Row, Statement, Value};
use crate::database::url::{EngineName, Target};
use crate::database::{Connecting, Database, Engine, Holder, LockKey, Purpose, Reply, Server, driver};
use ears::Ears;

/// PostgreSQL.
pub const ENGINE: Engine = Engine { name: EngineName::Postgres, dialect: &DIALECT, connect };

/// PostgreSQL's SQL.
pub const DIALECT: Dialect = Dialect {
    name: "postgres",
    now: "pg_catalog.clock_timestamp()",
    // a moment may be infinite, a number may not
    epoch_ms: (
        "(nullif(nullif(extract(epoch FROM ",
        ")::double precision, 'infinity'), '-infinity') * 1000)::bigint",
    ),
    from_epoch_ms: ("pg_catalog.to_timestamp((", ")::double precision / 1000)"),
    top_1: "",
    limit_1: "LIMIT 1",
    share_hint: "",
    share: "FOR SHARE",
    update_hint: "",
    update: "FOR UPDATE",
    default_schema: Some("public"),
    quotes: ('"', '"'),
    schema: include_str!("../../migrations/postgres/0001_ledger.sql"),
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
        SELECT pg_catalog.set_config('lock_timeout', '1s', true), \
        pg_catalog.set_config('idle_in_transaction_session_timeout', '15s', true), \
        pg_catalog.set_config('synchronous_commit', CASE pg_catalog.current_setting('synchronous_commit') \
        WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)",
    batch: Some(Batch {
        literal: literal::literal,
        elapsed_ns: "(extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.now()) * 1000000000)::bigint",
        still_held,
    }),
    whole: None,
    keeps_open: None,
    lock_timeout: None,
    transaction_open: None,
    session_lives: Some(
        "SELECT 1 FROM pg_catalog.pg_stat_get_activity(NULL) a WHERE ? IN (a.pid::text, \
         a.pid::text || '@' || (extract(epoch FROM a.backend_start) * 1000000)::bigint::text)",
    ),
    may_create: Some("SELECT 1 WHERE pg_catalog.has_schema_privilege(?, 'CREATE')"),
    schemas_with: Some(
        "SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = ? AND c.relkind IN ('r', 'p', 'v', 'f') AND c.relpersistence <> 't' ORDER BY 1",
    ),
    end_session: Some(
        "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_get_activity(NULL) a \
         WHERE a.pid::text || '@' || (extract(epoch FROM a.backend_start) * 1000000)::bigint::text = ?",
    ),
    crowded: Some(
        "SELECT 1 WHERE (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_db_numbackends(oid)) FROM pg_catalog.pg_database) * 5 \
         >= (pg_catalog.current_setting('max_connections')::integer \
         - pg_catalog.current_setting('superuser_reserved_connections')::integer) * 4",
    ),
    // one that is fed from an archive has received nothing, and is not known to be behind
    standby: Some(
        "SELECT pg_catalog.pg_last_wal_receive_lsn() IS NOT NULL AND (pg_catalog.pg_is_wal_replay_paused() \
         OR NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_get_wal_receiver() w WHERE w.pid IS NOT NULL) \
         OR COALESCE(pg_catalog.pg_last_wal_replay_lsn() < ?::pg_catalog.pg_lsn, false)), \
         pg_catalog.pg_last_wal_receive_lsn()::text WHERE pg_catalog.pg_is_in_recovery()",
    ),
    marked: Some(
        "SELECT 1 FROM pg_catalog.pg_stat_get_activity(NULL) a WHERE a.pid <> pg_catalog.pg_backend_pid() \
         AND ((a.state = 'active' AND a.query LIKE ?) OR (a.pid::text = pg_catalog.split_part(?, '@', 1) \
         AND (a.state = 'disabled' OR a.query = '<insufficient privilege>')))",
    ),
    cancel_marked: Some(
        "SELECT pg_catalog.pg_cancel_backend(a.pid) FROM pg_catalog.pg_stat_get_activity(NULL) a \
         WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.state = 'active' AND a.query LIKE ?",
    ),
    end_marked: Some(
        "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_get_activity(NULL) a \
         WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.state = 'active' AND a.query LIKE ?",
    ),
    run_marked: None,
    grant: Some(Grant {
        grantee: |role| DIALECT.quote(role),
        on: Securable::Schema,
        take_over: &[],
        take_over_at: None,
    }),
    notify: Some("NOTIFY bellwether"),
    // the name as it stands in the script: quoted or not, with a schema or without
    invalid_index: Some(
        "SELECT 1 FROM (SELECT pg_catalog.parse_ident(?) AS parts) n \
         JOIN pg_catalog.pg_class c ON c.relname = n.parts[pg_catalog.array_upper(n.parts, 1)] \
         JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace \
         JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid \
         WHERE NOT i.indisvalid AND (pg_catalog.array_upper(n.parts, 1) = 1 OR s.nspname = n.parts[1])",
    ),
};

struct Session {
    link: Link,
    purpose: Purpose,
    /// A pooler is in between, or may be: nothing may be set for longer than a transaction.
    pooled: bool,
    settings: Vec<(String, String)>,
    options: PgConnectOptions,
    server: Option<Server>,
    /// An exchange was begun whose answer nobody has read to its end.
    owed: bool,
    ears: Ears,
}

enum Link {
    Plain(PgConnection),
    Listening(Box<PgListener>),
    Closed,
}

fn connect(target: &Target, purpose: Purpose, limit: Duration) -> Connecting<'_> {
    Box::pin(async move {
        let options = connect::options(target)?;
        let connecting = async {
            PgConnection::connect_with(&options)
                .await
                .map_err(|error| driver::connecting(error, |error| errors::fact(error, 0)))
        };
        let connection = driver::within(limit, connecting).await?;
        let session: Box<dyn Database> = Box::new(Session {
            link: Link::Plain(connection),
            purpose,
            pooled: target.pooled || purpose == Purpose::Lease,
            settings: target.settings.clone(),
            options,
            server: None,
            owed: false,
            ears: Ears::Shut,
        });
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
        self.hear().await;
        let text = statement.render(|_, value| literal::literal(value));
        let before = self.prelude();
        let replies =
            self.exchange(&format!("{before}{text}"), before.chars().count(), Answers::kept()).await?;
        Ok(replies.into_iter().last().unwrap_or_default())
    }

    async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.exchange(sql, 0, Answers::counted()).await.map(drop)
    }

    async fn try_lock(&mut self, key: &LockKey) -> Result<bool, DbError> {
        let reply =
            self.ask("SELECT pg_catalog.pg_try_advisory_lock(?)", vec![key.advisory().into()]).await?;
        Ok(reply.rows.first().is_some_and(|row| row.0 == [Value::Bool(true)]))
    }

    async fn unlock(&mut self, key: &LockKey) -> Result<(), DbError> {
        self.ask("SELECT pg_catalog.pg_advisory_unlock(?)", vec![key.advisory().into()]).await.map(drop)
    }

    async fn holder(&mut self, key: &LockKey) -> Result<Holder, DbError> {
        let reply = self.ask(HOLDER, halves(key)).await?;
        let Some(row) = reply.rows.first() else { return Ok(Holder::Free) };
        if row.truth(0)? {
            return Ok(Holder::Ours);
        }
        // what another role's session is called is hidden from the unprivileged
        let pid = row.int(1)?;
        Ok(Holder::Other(row.opt_int(2)?.map(|start| identity::session_name(pid, Some(start)))))
    }

    async fn notified(&mut self) -> Result<(), DbError> {
        self.listen().await
    }
}

/// From the functions behind the views, which take a new session several times as long.
const HOLDER: &str = "SELECT l.pid = pg_catalog.pg_backend_pid(), l.pid, \
    (extract(epoch FROM a.backend_start) * 1000000)::bigint \
    FROM pg_catalog.pg_lock_status() l LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(l.pid) a ON true \
    WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock' AND l.objsubid = 1 \
    AND l.classid = ?::oid AND l.objid = ?::oid \
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";

/// Within a message that must not commit without the lock. From the function behind `pg_locks`: the view takes three
/// times as long to plan, for each migration anew.
fn still_held(key: &LockKey) -> Statement {
    let template = "SELECT CASE pg_catalog.count(*) WHEN 1 THEN 0 ELSE CAST('bellwether lock lost: the work session \
        does not hold it any more, as if a script had freed it' || pg_catalog.count(*) AS integer) END \
        FROM pg_catalog.pg_lock_status() WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory' AND granted \
        AND mode = 'ExclusiveLock' AND objsubid = 1 AND classid = ?::oid AND objid = ?::oid";
    Statement::new(&DIALECT, &[], template, halves(key))
}

/// A key of 64 bits is shown in two halves, with 1 beside them.
fn halves(key: &LockKey) -> Vec<Value> {
    let bits = key.advisory().cast_unsigned();
    [bits >> 32, bits & 0xffff_ffff].map(|half| Value::from(half.to_string())).to_vec()
}

impl Session {
    async fn ask(&mut self, template: &str, arguments: Vec<Value>) -> Result<Reply, DbError> {
        self.query(&Statement::new(&DIALECT, &[], template, arguments)).await
    }

    /// What comes before a query in its message.
    fn prelude(&self) -> String {
        match self.purpose {
            Purpose::Look => settings::before_a_look(&self.settings),
            Purpose::Work | Purpose::Beat | Purpose::Lease => String::new(),
        }
    }

    /// One message, and all of its answers: one reply per statement. `before` = characters of ours in front.
    async fn exchange(
        &mut self,
        sql: &str,
        before: usize,
        mut answers: Answers,
    ) -> Result<Vec<Reply>, DbError> {
        // the protocol would end the text there
        if sql.contains('\0') {
            return Err(DbError::new(DbErrorKind::Statement, "PostgreSQL takes no text with a NUL in it"));
        }
        match self.attempt(sql, &mut answers).await {
            Ok(()) => Ok(answers.into_replies()),
            Err(error) => {
                let fact = self.judge(error, before);
                Err(DbError { completed: answers.completed(), ..fact })
            }
        }
    }

    async fn attempt(&mut self, sql: &str, answers: &mut Answers) -> Result<(), sqlx::Error> {
        let (connection, owed) = self.connection().await?;
        settle(connection, owed).await?;
        *owed = true;
        let answer = converse(connection, sql, answers).await;
        *owed = false;
        answer
    }

    async fn connection(&mut self) -> Result<(&mut PgConnection, &mut bool), sqlx::Error> {
        match &mut self.link {
            Link::Plain(connection) => Ok((connection, &mut self.owed)),
            Link::Listening(listener) => Ok((listener.acquire().await?, &mut self.owed)),
            Link::Closed => Err(sqlx::Error::Io(std::io::ErrorKind::NotConnected.into())),
        }
    }

    fn judge(&mut self, error: sqlx::Error, before: usize) -> DbError {
        let copy = match &error {
            sqlx::Error::Protocol(message) if message.contains("CopyInResponse") => Some(COPY_IN),
            sqlx::Error::Protocol(message) if message.contains("CopyOutResponse") => Some(COPY_OUT),
            _ => None,
        };
        let mut fact = driver::fact(error, |error| errors::fact(error, before));
        if let Some(message) = copy {
            fact = DbError::new(DbErrorKind::Statement, message);
        }
        // nobody else cancels a look: its time was up
        if fact.kind == DbErrorKind::Cancelled && self.purpose == Purpose::Look {
            fact.kind = DbErrorKind::Timeout;
        }
        // a pooler that had no server connection for us in time has hung up
        if fact.kind == DbErrorKind::TooManyConnections && self.server.is_some() {
            fact.kind = DbErrorKind::ConnectionLost;
        }
        // the server waits for data that never comes: only hanging up ends it
        if copy == Some(COPY_IN) || fact.kind.ends_session() {
            self.link = Link::Closed;
        }
        fact
    }
}

const COPY_IN: &str = "COPY … FROM STDIN needs data that a script cannot carry: write INSERT statements, or run the script with psql";
const COPY_OUT: &str = "COPY … TO STDOUT has nobody to send its data to";

fn closed() -> DbError {
    driver::lost("the connection is closed")
}

/// Reads what an exchange that was given up still has coming; its errors are nobody's any more.
async fn settle(connection: &mut PgConnection, owed: &mut bool) -> Result<(), sqlx::Error> {
    while *owed {
        match connection.flush().await {
            Ok(()) => *owed = false,
            Err(sqlx::Error::Database(error)) if !errors::fact(error.as_ref(), 0).kind.ends_session() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn converse(
    connection: &mut PgConnection,
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

fn read(row: &PgRow) -> Result<Row, sqlx::Error> {
    let values = (0..row.len()).map(|index| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let text = raw.as_str().map_err(sqlx::Error::Decode)?;
        Ok(value(raw.type_info().name(), text))
    });
    values.collect::<Result<_, _>>().map(Row)
}

/// A value in the text format, by its type's name.
fn value(kind: &str, text: &str) -> Value {
    let read = match kind {
        "INT2" | "INT4" | "INT8" | "OID" => text.parse().ok().map(Value::Int),
        "BOOL" => Some(Value::Bool(text == "t")),
        "BYTEA" => text.strip_prefix("\\x").and_then(bytes).map(Value::Bytes),
        _ => None,
    };
    read.unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type() {
        assert_eq!(value("INT8", "-7"), Value::Int(-7));
        assert_eq!(value("BOOL", "f"), Value::Bool(false));
        assert_eq!(value("BYTEA", "\\x00ff"), Value::Bytes(vec![0, 255]));
        assert_eq!(value("TEXT", "7"), Value::Text("7".into()));
    }
}
