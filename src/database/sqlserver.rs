//! SQL Server and what speaks its protocol, through tiberius by plain batches: one exchange per call, nothing prepared,
//! since what a batch sets or opens stays, and what a prepared one does would not.

mod connect;
mod conversation;
mod errors;
mod identity;
mod left;
mod literal;
mod modules;
mod tls;
mod values;
mod whole;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::database::error::{DbError, DbErrorKind};
use crate::database::grant::{Elsewhere, Grant, Securable};
use crate::database::statement::{Dialect, Row, Statement, Value};
use crate::database::url::{EngineName, Target};
use crate::database::{Connecting, Database, Engine, Holder, LockKey, Purpose, Reply, Server, driver};
pub use errors::is_busy;

use connect::{Connection, closed};
use conversation::{converse, unless_stopped};
use left::{Left, REVERT};
use tls::Stop;

/// SQL Server.
pub const ENGINE: Engine = Engine { name: EngineName::SqlServer, dialect: &DIALECT, connect };

/// SQL Server's SQL, from 2016 on.
pub const DIALECT: Dialect = Dialect {
    name: "sqlserver",
    now: "SYSUTCDATETIME()",
    epoch_ms: ("DATEDIFF_BIG(millisecond, '1970-01-01', ", ")"),
    // DATEADD takes no number of milliseconds that is longer than 32 bits
    from_epoch_ms: (
        "(SELECT DATEADD(millisecond, CAST(e.ms % 86400000 AS int), DATEADD(day, CAST(e.ms / 86400000 AS int), \
         CAST('1970-01-01' AS datetime2(6)))) FROM (SELECT CAST(",
        " AS bigint) AS ms) e)",
    ),
    top_1: "TOP (1)",
    limit_1: "",
    share_hint: "WITH (REPEATABLEREAD, ROWLOCK)",
    share: "",
    // an update lock would let a fence check's shared one in beside it
    update_hint: "WITH (XLOCK, HOLDLOCK, ROWLOCK)",
    update: "",
    default_schema: Some("dbo"),
    quotes: ('[', ']'),
    schema: include_str!("../../migrations/sqlserver/0001_ledger.sql"),
    begin: "SET XACT_ABORT ON; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCK_TIMEOUT 1000; BEGIN TRANSACTION",
    batch: None,
    whole: Some(whole::whole),
    keeps_open: Some(whole::KEEPS_OPEN),
    lock_timeout: Some(lock_timeout),
    transaction_open: Some(TRANSACTION_OPEN),
    session_lives: Some(
        "SELECT 1 FROM sys.dm_exec_sessions s WHERE CONCAT(s.session_id, '@', \
         DATEDIFF_BIG(millisecond, '1970-01-01', s.login_time)) = ?",
    ),
    may_create: Some(
        "SELECT 1 WHERE HAS_PERMS_BY_NAME(QUOTENAME(?), 'SCHEMA', 'ALTER') = 1 \
         AND HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE') = 1",
    ),
    schemas_with: Some(
        "SELECT s.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id \
         WHERE o.name = ? AND o.type IN ('U', 'V') ORDER BY s.name",
    ),
    // KILL takes a number, and no variable
    end_session: Some(
        "DECLARE @end nvarchar(40) = (SELECT CONCAT('KILL ', s.session_id) FROM sys.dm_exec_sessions s \
         WHERE CONCAT(s.session_id, '@', DATEDIFF_BIG(millisecond, '1970-01-01', s.login_time)) = ?); \
         IF @end IS NOT NULL EXEC (@end)",
    ),
    crowded: None,
    standby: None,
    // who may not see the server's state sees no session but his own, and no error. What was sent is asked for: what
    // runs (`sql_handle`) may be a procedure that it calls
    marked: Some(
        "IF OBJECT_ID('sys.dm_exec_requests') IS NOT NULL \
         AND HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1 SELECT 1 FROM sys.dm_exec_requests r \
         OUTER APPLY sys.dm_exec_input_buffer(r.session_id, r.request_id) b \
         WHERE r.session_id <> @@SPID AND (b.event_info LIKE ? OR (b.event_info IS NULL \
         AND CONCAT(r.session_id, '@') = LEFT(?, CHARINDEX('@', CONCAT(r.session_id, '@')))))",
    ),
    cancel_marked: None,
    end_marked: None,
    run_marked: Some(
        "IF OBJECT_ID('sys.dm_exec_requests') IS NOT NULL \
         AND HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1 SELECT CONCAT(s.session_id, '@', \
         DATEDIFF_BIG(millisecond, '1970-01-01', s.login_time)) FROM sys.dm_exec_requests r \
         JOIN sys.dm_exec_sessions s ON s.session_id = r.session_id \
         CROSS APPLY sys.dm_exec_input_buffer(r.session_id, r.request_id) b \
         WHERE r.session_id <> @@SPID AND b.event_info LIKE ?",
    ),
    grant: Some(Grant {
        grantee: |role| DIALECT.quote(role),
        on: Securable::Class,
        take_over: &["VIEW SERVER STATE", "ALTER ANY CONNECTION"],
        take_over_at: Some(Elsewhere { product: identity::AZURE, says: identity::rights_at_azure }),
    }),
    notify: None,
    invalid_index: None,
};

fn lock_timeout(milliseconds: u64) -> String {
    match i32::try_from(milliseconds) {
        Ok(some) if some > 0 => format!("SET LOCK_TIMEOUT {some}"),
        // 0 would be "do not wait at all" to the server
        _ => "SET LOCK_TIMEOUT -1".to_owned(),
    }
}

/// The longest that a look may take to be answered.
const LOOK_LIMIT: Duration = Duration::from_secs(8);
/// The same of a stand-in, whose new sessions each learn to read T-SQL anew: a processor's seconds for one long statement.
const STAND_IN_LIMIT: Duration = Duration::from_secs(30);
/// Said before anybody is asked: a server would call it a failed login of nobody.
pub const NO_USER: &str = "the database URL names no user, and Windows' own accounts are not supported";

struct Session {
    purpose: Purpose,
    /// None once it broke.
    connection: Option<(Connection, Arc<Stop>)>,
    server: Option<Server>,
    /// Set by somebody else to stop the script that runs.
    interrupt: Arc<AtomicBool>,
    /// What scripts may have left since the session was put back.
    left: Left,
}

fn connect(target: &Target, purpose: Purpose, limit: Duration) -> Connecting<'_> {
    Box::pin(async move {
        if target.user.as_deref().is_none_or(str::is_empty) {
            return Err(DbError::new(DbErrorKind::Auth, NO_USER));
        }
        driver::readable(target.tls.root_cert.as_deref())?;
        let connecting = async {
            let mut connection = connect::connect(target, purpose).await?;
            connect::greet(&mut connection.0, purpose).await?;
            Ok(connection)
        };
        let connection = driver::within(limit, connecting).await?;
        let session: Box<dyn Database> = Box::new(Session::new(purpose, connection));
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
        let there = statement.arguments().is_empty() && *statement == Statement::text(TRANSACTION_OPEN);
        match self.back() {
            // the same wherever it is asked, in the middle of a script
            Some(back) if !there => self.answer(&statement.clone().after(&back)).await,
            _ => self.answer(statement).await,
        }
    }

    async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        let mut sent = Cow::Borrowed(sql);
        let mut left = Left::default();
        if self.server.as_ref().is_some_and(|server| server.restore == sql) {
            left = std::mem::take(&mut self.left);
            if left.posing > 1 {
                sent = sql.replacen(REVERT, &REVERT.repeat(left.posing), 1).into();
            }
        } else if sql == "ROLLBACK" && self.server.is_some() && !self.is_stand_in() {
            sent = ROLLBACK.into();
        } else {
            self.left.note(sql);
        }
        match self.exchange(&sent, false).await {
            // no transaction to end: other servers only warn, and an error may have ended it already
            Err(error) if NO_TRANSACTION.contains(&(sql, error.code.as_deref().unwrap_or_default())) => {}
            answer => drop(answer?),
        }
        for table in left.identities {
            // most are off already; a table that is gone, or not ours, says so, and takes no such values from us
            let off = self.exchange(&format!("SET IDENTITY_INSERT {table} OFF"), false).await;
            off.map(drop).or_else(|error| if error.kind.ends_session() { Err(error) } else { Ok(()) })?;
        }
        Ok(())
    }

    async fn try_lock(&mut self, key: &LockKey) -> Result<bool, DbError> {
        // 0 and 1 are "granted"; every refusal is a negative number, and no error (T7)
        let reply = self.ask(TRY_LOCK, vec![key.applock().into()]).await?;
        Ok(matches!(reply.rows.first().map(|row| row.0.as_slice()), Some([Value::Int(0..)])))
    }

    async fn unlock(&mut self, key: &LockKey) -> Result<(), DbError> {
        self.ask(UNLOCK, vec![key.applock().into()]).await.map(drop)
    }

    async fn holder(&mut self, key: &LockKey) -> Result<Holder, DbError> {
        let resource = literal::literal(&key.applock().into());
        let question = match self.away_from() {
            // between two statements of a script, which must stay where it is: another database's procedure asks there
            Some(database) if !self.is_stand_in() => format!(
                "EXEC {}.sys.sp_executesql {}, N'@resource nvarchar(255)', @resource",
                DIALECT.quote(database),
                literal::literal(&HOLDER.into())
            ),
            // whose locks are the same in every database
            Some(_) | None => HOLDER.to_owned(),
        };
        let text = format!("DECLARE @resource nvarchar(255) = {resource}; {question}");
        let reply = self.answer(&Statement::new(&DIALECT, &[], "", vec![]).after(&text)).await?;
        let Some(row) = reply.rows.first() else { return Ok(Holder::Free) };
        if row.opt_text(0)?.as_deref() == Some("Exclusive") {
            return Ok(Holder::Ours);
        }
        // 1 = it could be had now
        if row.opt_int(1)? == Some(1) {
            return Ok(Holder::Free);
        }
        let reply = self.ask(WHOSE, vec![key.applock().into()]).await?;
        match reply.rows.as_slice() {
            [row] => Ok(Holder::Other(Some(row.text(0)?))),
            // hidden from the unprivileged; several, where long names begin alike
            _ => Ok(Holder::Other(None)),
        }
    }

    async fn notified(&mut self) -> Result<(), DbError> {
        std::future::pending().await
    }
}

/// Of the transaction that `begin` opened.
const TRANSACTION_OPEN: &str = "SELECT 1 WHERE @@TRANCOUNT > 0";

/// What is sent, and the number of the error that says that there is no transaction.
const NO_TRANSACTION: [(&str, &str); 2] = [("COMMIT", "3902"), ("ROLLBACK", "3903")];

/// Takes a transaction back also where a script has left the server compiling what it is sent without doing it.
const ROLLBACK: &str =
    "SET PARSEONLY OFF; SET NOEXEC OFF; SET FMTONLY OFF; IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION";

/// What our own questions got in place of an answer.
const NOT_DONE: &str = "the server does not do what it is sent, or says more than is asked: the script has left SET NOEXEC, \
    PARSEONLY, FMTONLY, SHOWPLAN_… or STATISTICS … ON";

/// A procedure takes variables, and no expressions.
const TRY_LOCK: &str = "DECLARE @resource nvarchar(255) = ?, @got int; \
    EXEC @got = sys.sp_getapplock @Resource = @resource, @LockMode = 'Exclusive', @LockOwner = 'Session', \
    @LockTimeout = 0, @DbPrincipal = 'public'; SELECT @got";

/// To free what is not held is an error.
const UNLOCK: &str = "DECLARE @resource nvarchar(255) = ?; \
    IF APPLOCK_MODE('public', @resource, 'Session') <> 'NoLock' \
    EXEC sys.sp_releaseapplock @Resource = @resource, @LockOwner = 'Session', @DbPrincipal = 'public'";

/// Anybody may ask this.
const HOLDER: &str = "SELECT APPLOCK_MODE('public', @resource, 'Session'), \
    APPLOCK_TEST('public', @resource, 'Exclusive', 'Session')";

/// A lock's description has the first 32 characters of its name between its principal's number (0 = public) and a hash.
const WHOSE: &str = "IF OBJECT_ID('sys.dm_tran_locks') IS NOT NULL AND HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1 \
    SELECT CONCAT(s.session_id, '@', DATEDIFF_BIG(millisecond, '1970-01-01', s.login_time)) \
    FROM sys.dm_tran_locks l JOIN sys.dm_exec_sessions s ON s.session_id = l.request_session_id \
    WHERE l.resource_type = 'APPLICATION' AND l.resource_database_id = DB_ID() AND l.request_mode = 'X' \
    AND l.request_status = 'GRANT' AND CHARINDEX(CONCAT('0:[', LEFT(?, 32), ']:'), l.resource_description) = 1";

impl Session {
    fn new(purpose: Purpose, connection: (Connection, Arc<Stop>)) -> Self {
        Self {
            purpose,
            connection: Some(connection),
            server: None,
            interrupt: Arc::default(),
            left: Left::default(),
        }
    }

    /// What leads back to our database and to ourselves, if a script may have left them, for a statement that it is to be
    /// followed by: what is said there ends with the script anyway.
    fn back(&self) -> Option<String> {
        let posing = if self.is_stand_in() { 0 } else { self.left.posing };
        let uses = self.away_from().map(|database| format!("USE {}", DIALECT.quote(database)));
        let back = REVERT.repeat(posing) + &uses.unwrap_or_default();
        Some(back.trim_end_matches("; ").to_owned()).filter(|back| !back.is_empty())
    }

    /// Our own database, if a script may have left it.
    fn away_from(&self) -> Option<&str> {
        self.server.as_ref().filter(|_| self.left.moved).map(|server| server.database.as_str())
    }

    /// Babelfish.
    fn is_stand_in(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.product == identity::BABELFISH)
    }

    /// What a statement brings back, wherever the session is.
    async fn answer(&mut self, statement: &Statement) -> Result<Reply, DbError> {
        let text = statement.render(|_, value| literal::literal(value));
        // the driver does not say how many rows a batch's statements changed
        let sent = format!("{text}\n;SELECT @@ROWCOUNT");
        let purpose = self.purpose;
        let limit = if self.is_stand_in() { STAND_IN_LIMIT } else { LOOK_LIMIT };
        let asking = self.exchange(&sent, true);
        let answer = match purpose {
            Purpose::Look => tokio::time::timeout(limit, asking).await,
            Purpose::Work | Purpose::Beat | Purpose::Lease => Ok(asking.await),
        };
        let mut sets = answer.unwrap_or_else(|_| {
            self.connection = None; // its answer would be the next one's
            Err(DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", limit.as_secs())))
        })?;
        let [Row(count)] = &*sets.pop().unwrap_or_default() else { return Err(not_done()) };
        let [Value::Int(count)] = &**count else { return Err(not_done()) };
        Ok(Reply { rows: sets.pop().unwrap_or_default(), affected: u64::try_from(*count).unwrap_or(0) })
    }

    /// One message, and all of its answers: the rows of each statement that returns some, if they are wanted.
    async fn exchange(&mut self, sql: &str, keep: bool) -> Result<Vec<Vec<Row>>, DbError> {
        // an interrupt that was meant for one that had ended by itself
        self.interrupt.store(false, Ordering::SeqCst);
        let Some((connection, stop)) = &mut self.connection else { return Err(closed()) };
        stop.forget();
        let answer = unless_stopped(converse(connection, sql, keep, stop), stop, &self.interrupt).await;
        if answer.as_ref().is_err_and(|error| error.kind.ends_session()) {
            self.connection = None;
        }
        answer
    }
}

fn not_done() -> DbError {
    DbError::new(DbErrorKind::Statement, NOT_DONE)
}

#[cfg(test)]
mod tests;
