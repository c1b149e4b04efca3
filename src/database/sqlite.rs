//! SQLite, through a thread of the driver's. The session lock is a lock on a file beside the database ([`lock`]).

mod errors;
mod lock;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteQueryResult, SqliteRow};
use sqlx::{
    AssertSqlSafe, Connection as _, Either, Executor as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _,
    ValueRef as _,
};

use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::{Dialect, Row, Statement, Value};
use crate::database::url::{EngineName, Target};
use crate::database::{
    Connecting, Database, Engine, Holder, Interrupt, LockKey, LockSupport, Purpose, Reply, Server, driver,
};
use lock::LockFile;

/// SQLite.
pub const ENGINE: Engine = Engine { name: EngineName::Sqlite, dialect: &DIALECT, connect };

/// SQLite's SQL.
pub const DIALECT: Dialect = Dialect {
    name: "sqlite",
    now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    epoch_ms: ("CAST(round((julianday(", ") - 2440587.5) * 86400000) AS INTEGER)"),
    from_epoch_ms: ("strftime('%Y-%m-%dT%H:%M:%fZ', (", ") / 1000.0, 'unixepoch')"),
    top_1: "",
    limit_1: "LIMIT 1",
    share_hint: "",
    share: "",
    update_hint: "",
    update: "",
    default_schema: None,
    quotes: ('"', '"'),
    schema: include_str!("../../migrations/sqlite/0001_ledger.sql"),
    begin: "BEGIN IMMEDIATE",
    batch: None,
    whole: None,
    keeps_open: None,
    lock_timeout: None,
    transaction_open: None,
    session_lives: None,
    may_create: None,
    schemas_with: None,
    end_session: None,
    crowded: None,
    standby: None,
    marked: None,
    cancel_marked: None,
    end_marked: None,
    run_marked: None,
    grant: None,
    notify: None,
    invalid_index: None,
};

struct Session {
    connection: SqliteConnection,
    /// The database's file, without symbolic links.
    file: PathBuf,
    lock: LockFile,
    /// Set by somebody else to stop the statement that runs.
    interrupt: Arc<AtomicBool>,
    /// Whether the file may not be written.
    read_only: bool,
    /// A statement was begun whose end nobody has seen.
    owed: bool,
}

fn connect(target: &Target, purpose: Purpose, limit: Duration) -> Connecting<'_> {
    Box::pin(async move {
        let session: Box<dyn Database> = Box::new(driver::within(limit, open(target, purpose)).await?);
        Ok(session)
    })
}

async fn open(target: &Target, purpose: Purpose) -> Result<Session, DbError> {
    let named = target.file.as_deref();
    let named = named.ok_or_else(|| DbError::new(DbErrorKind::UnknownDatabase, "the URL names no file"))?;
    if named.is_dir() {
        return Err(DbError::new(DbErrorKind::Unsupported, format!("{} is a directory", named.display())));
    }
    let mode = target.settings.iter().find(|(name, _)| name == "mode").map_or("rwc", |(_, mode)| mode);
    let create = purpose == Purpose::Work && mode == "rwc";
    let (connection, read_only) = match connection(named, purpose, create, mode == "ro").await {
        // a look may be all that we have a right to
        Err(error) if purpose == Purpose::Look && error.kind != DbErrorKind::Busy && named.exists() => {
            (connection(named, purpose, false, true).await?, true)
        }
        answer => (answer?, mode == "ro"),
    };
    let file = named.canonicalize().map_err(|error| unknown(named, &error.to_string()))?;
    let mut session = Session {
        connection,
        lock: LockFile::beside(&file, purpose == Purpose::Work),
        file,
        interrupt: Arc::default(),
        read_only,
        owed: false,
    };
    let flag = Arc::clone(&session.interrupt);
    let mut handle = session.connection.lock_handle().await.map_err(fact)?;
    // stops one statement, not the next one as well
    handle.set_progress_handler(1000, move || !flag.swap(false, Ordering::SeqCst));
    drop(handle);
    Ok(session)
}

async fn connection(
    file: &Path,
    purpose: Purpose,
    create: bool,
    read_only: bool,
) -> Result<SqliteConnection, DbError> {
    let mut options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(create)
        .read_only(read_only)
        .statement_cache_capacity(0)
        .busy_timeout(Duration::from_secs(if purpose == Purpose::Look { 1 } else { BUSY_SECONDS }));
    if purpose == Purpose::Look {
        options = options.pragma("query_only", "1");
    }
    SqliteConnection::connect_with(&options).await.map_err(|error| {
        let fact = fact(error);
        if fact.kind == DbErrorKind::UnknownDatabase { unknown(file, &fact.message) } else { fact }
    })
}

/// Less than the 5 s in which a signal must end us: who waits for a lock cannot be interrupted.
const BUSY_SECONDS: u64 = 4;

fn unknown(file: &Path, why: &str) -> DbError {
    DbError::new(DbErrorKind::UnknownDatabase, format!("{}: {why}", file.display()))
}

fn fact(error: sqlx::Error) -> DbError {
    driver::fact(error, errors::fact)
}

/// Whether there is a database in the file at all, which opening it does not ask. Nothing on other engines.
pub async fn look_inside(session: &mut dyn Database) -> Result<(), DbError> {
    if session.dialect().name != DIALECT.name {
        return Ok(());
    }
    let header = Statement::new(session.dialect(), &[], "PRAGMA schema_version", vec![]);
    session.query(&header).await.map(drop)
}

#[async_trait]
impl Database for Session {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn identify(&mut self) -> Result<Server, DbError> {
        let lock = match lock::network_file_system(&self.file) {
            Some(kind) => LockSupport::Unsafe(format!("the database is on a network file system ({kind})")),
            None => LockSupport::Session("a lock on a file beside the database ends with its process".into()),
        };
        Ok(Server {
            product: "SQLite".into(),
            // not asked: any statement reads the schema, which a leader at work may have locked
            version: libsqlite3_sys::SQLITE_VERSION.to_string_lossy().into_owned(),
            session: format!("{} {}", host(), std::process::id()),
            database: self.file.display().to_string(),
            schema: None,
            session_check: String::new(),
            read_only: self.read_only,
            transactional_ddl: true,
            lock,
            restore: format!(
                "PRAGMA foreign_keys = ON; PRAGMA writable_schema = OFF; PRAGMA ignore_check_constraints = OFF; \
                 PRAGMA query_only = OFF; PRAGMA locking_mode = NORMAL; PRAGMA busy_timeout = {}",
                BUSY_SECONDS * 1000
            ),
            transaction_settings: String::new(),
            interrupt: Interrupt::Flag(Arc::clone(&self.interrupt)),
        })
    }

    async fn query(&mut self, statement: &Statement) -> Result<Reply, DbError> {
        self.settle().await?;
        let text = statement.render(|_, _| "?".into());
        let query = sqlx::query(AssertSqlSafe(text)).persistent(false);
        let query = statement.arguments().iter().fold(query, bind);
        self.owed = true;
        let answer = collect(self.connection.fetch_many(query)).await;
        self.owed = false;
        answer.map_err(fact)
    }

    async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.settle().await?;
        self.owed = true;
        let answer = self.run(sql).await;
        self.owed = false;
        match answer {
            Ok(()) => Ok(()),
            Err((error, completed)) => {
                let mut fact = fact(error);
                let mut handle = self.connection.lock_handle().await.map_err(self::fact)?;
                let offset = errors::offset(&mut handle).filter(|_| fact.kind != DbErrorKind::Cancelled);
                fact.position = errors::position(sql, &fact.message, offset, completed);
                Err(DbError { completed, ..fact })
            }
        }
    }

    async fn try_lock(&mut self, _key: &LockKey) -> Result<bool, DbError> {
        self.lock.try_lock().await
    }

    async fn unlock(&mut self, _key: &LockKey) -> Result<(), DbError> {
        self.lock.unlock()
    }

    async fn holder(&mut self, _key: &LockKey) -> Result<Holder, DbError> {
        self.lock.holder()
    }

    async fn notified(&mut self) -> Result<(), DbError> {
        std::future::pending().await
    }
}

impl Session {
    /// Waits for the end of a statement that was given up (its interrupt is still to take effect), and forgets an
    /// interrupt that was meant for one that had ended by itself.
    async fn settle(&mut self) -> Result<(), DbError> {
        if self.owed {
            // too short to be interrupted itself
            self.connection.execute("SELECT 1").await.map_err(fact)?;
            self.owed = false;
        }
        self.interrupt.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Runs a text; with an error comes how many of its statements had succeeded.
    async fn run(&mut self, sql: &str) -> Result<(), (sqlx::Error, usize)> {
        let mut completed = 0;
        let mut answers = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_many(&mut self.connection);
        loop {
            match answers.try_next().await {
                Ok(Some(Either::Left(_))) => completed += 1,
                Ok(Some(Either::Right(_))) => {}
                Ok(None) => return Ok(()),
                Err(error) => return Err((error, completed)),
            }
        }
    }
}

async fn collect(mut answers: Answers<'_>) -> Result<Reply, sqlx::Error> {
    let mut reply = Reply::default();
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Right(row) => reply.rows.push(read(&row)?),
            Either::Left(done) => reply.affected += done.rows_affected(),
        }
    }
    Ok(reply)
}

type Answers<'a> =
    futures_util::stream::BoxStream<'a, Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>>;
type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(query: Bound<'q>, value: &Value) -> Bound<'q> {
    match value {
        Value::Null => query.bind(None::<String>),
        Value::Int(number) => query.bind(*number),
        Value::Bool(truth) => query.bind(i64::from(*truth)),
        Value::Text(text) => query.bind(text.clone()),
        Value::Bytes(bytes) => query.bind(bytes.clone()),
    }
}

fn read(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let values = (0..row.len()).map(|index| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" | "BOOLEAN" => Value::Int(row.try_get_unchecked(index)?),
            "BLOB" => Value::Bytes(row.try_get_unchecked(index)?),
            "REAL" => Value::Text(row.try_get_unchecked::<f64, _>(index)?.to_string()),
            _ => Value::Text(row.try_get_unchecked(index)?),
        })
    });
    values.collect::<Result<_, _>>().map(Row)
}

fn host() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
