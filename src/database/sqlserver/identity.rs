//! Which server this is, and what may be trusted of it: by what it says it is, never by a call that succeeded (T4).

use std::sync::Arc;

use super::{DIALECT, Session, connect, literal};
use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::{Statement, Value};
use crate::database::{Database as _, Interrupt, LockSupport, Purpose, Reply, Server};

/// PostgreSQL that speaks T-SQL: not all of it.
pub(super) const BABELFISH: &str = "Babelfish";

/// Whose server belongs to Azure, and whose logins get few of its rights.
pub(super) const AZURE: &str = "Azure SQL Database";

/// What lets a login see and end sessions there: a role of the server's, and a right in the database.
pub(super) fn rights_at_azure(grantee: &str) -> String {
    format!(
        "in master: ALTER SERVER ROLE ##MS_ServerStateReader## ADD MEMBER {grantee}; \
         in the database: GRANT KILL DATABASE CONNECTION TO {grantee}"
    )
}

/// A session's number is given to another once it has ended; with the moment of its login it is its own.
pub(super) const WHO: &str = "SELECT @@VERSION, @@SPID, \
    (SELECT DATEDIFF_BIG(millisecond, '1970-01-01', login_time) FROM sys.dm_exec_sessions WHERE session_id = @@SPID), \
    DB_NAME(), SCHEMA_NAME(), CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), \
    CAST(SERVERPROPERTY('EngineEdition') AS int), \
    CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(128)), @@LANGUAGE";

pub(super) async fn of(session: &mut Session) -> Result<Server, DbError> {
    let reply = session.ask(WHO, vec![]).await?;
    let silent = || DbError::new(DbErrorKind::Statement, "the server does not say who it is");
    let row = reply.rows.first().ok_or_else(silent)?;
    let banner = row.text(0)?;
    let spid = row.int(1)?;
    let database = row.opt_text(3)?.unwrap_or_default();
    let (product, lock, transactional_ddl) = product(&banner, row.opt_int(6)?.unwrap_or(0));
    // behind a proxy it may be another one each time
    let session_check = match session.purpose {
        Purpose::Lease => String::new(),
        Purpose::Work | Purpose::Beat | Purpose::Look => format!(" AND @@SPID = {spid}"),
    };
    Ok(Server {
        product: product.to_owned(),
        version: row.opt_text(5)?.unwrap_or_else(|| first_line(&banner)),
        session: match row.opt_int(2)? {
            Some(login) => format!("{spid}@{login}"),
            None => spid.to_string(),
        },
        session_check,
        restore: match product {
            BABELFISH => restore_stand_in(session.purpose, &database),
            _ => restore(session.purpose, &database, row.opt_text(8)?.as_deref()),
        },
        database,
        schema: row.opt_text(4)?,
        read_only: row.opt_text(7)?.is_some_and(|word| word == "READ_ONLY"),
        transactional_ddl,
        lock,
        transaction_settings: String::new(),
        interrupt: Interrupt::Flag(Arc::clone(&session.interrupt)),
    })
}

fn first_line(banner: &str) -> String {
    banner.lines().next().unwrap_or_default().trim().to_owned()
}

/// A product's name, whether its session locks are any, and whether its DDL may run in a transaction.
fn product(banner: &str, edition: i64) -> (&'static str, LockSupport, bool) {
    // `EngineEdition`: 5 = Azure SQL Database, 8 = its managed instance, 6 and 11 = Synapse
    let name = match edition {
        _ if banner.contains(BABELFISH) => BABELFISH,
        5 => AZURE,
        8 => "Azure SQL Managed Instance",
        6 | 11 => "Azure Synapse",
        _ => "SQL Server",
    };
    if name == "Azure Synapse" {
        return (name, LockSupport::Unsafe("Synapse has no sp_getapplock".into()), false);
    }
    (name, LockSupport::Session(format!("{name}'s sp_getapplock ends with its session")), true)
}

/// What a script that went well began is kept, as the rest of it was; what it set is not.
pub(super) fn restore(purpose: Purpose, database: &str, language: Option<&str>) -> String {
    // what `SET ANSI_DEFAULTS` sets beside our own
    let mut text =
        "SET PARSEONLY OFF; SET NOEXEC OFF; SET FMTONLY OFF; WHILE @@TRANCOUNT > 0 COMMIT; REVERT; \
        SET ANSI_NULL_DFLT_ON ON; SET CURSOR_CLOSE_ON_COMMIT OFF; SET ARITHIGNORE OFF; SET FORCEPLAN OFF; \
        SET DEADLOCK_PRIORITY NORMAL; SET CONTEXT_INFO 0x0; "
            .to_owned();
    if !database.is_empty() {
        text.push_str(&format!("USE {}; ", DIALECT.quote(database)));
    }
    if let Some(language) = language {
        text.push_str(&format!("SET LANGUAGE {}; ", literal::literal(&language.into())));
    }
    text.push_str(&connect::settings(purpose));
    text
}

/// What Babelfish knows of it: neither `REVERT`, nor languages.
fn restore_stand_in(purpose: Purpose, database: &str) -> String {
    let settings = connect::settings(purpose);
    format!("WHILE @@TRANCOUNT > 0 COMMIT; USE {}; {settings}", DIALECT.quote(database))
}

impl Session {
    /// One question in the dialect's words.
    pub(super) async fn ask(&mut self, template: &str, arguments: Vec<Value>) -> Result<Reply, DbError> {
        self.query(&Statement::new(&DIALECT, &[], template, arguments)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_what_they_say() {
        let safe = |banner, edition| {
            let (name, lock, ddl) = product(banner, edition);
            (name, matches!(lock, LockSupport::Session(_)), ddl)
        };
        let sql_server = "Microsoft SQL Server 2022 (RTM-CU12) - 16.0.4115.5 (X64) \n\tMar 4 2024";
        assert_eq!(safe(sql_server, 3), ("SQL Server", true, true));
        assert_eq!(safe("Microsoft SQL Azure (RTM) - 12.0.2000.8", 5), ("Azure SQL Database", true, true));
        assert_eq!(safe("Microsoft Azure SQL Data Warehouse", 6), ("Azure Synapse", false, false));
        assert_eq!(safe("Babelfish for PostgreSQL with SQL Server Compatibility", 0).0, "Babelfish");
        assert_eq!(first_line(sql_server), "Microsoft SQL Server 2022 (RTM-CU12) - 16.0.4115.5 (X64)");
    }

    #[test]
    fn a_session_is_put_back_where_it_was() {
        let restore = restore(Purpose::Work, "a]b", Some("us_english"));
        assert!(restore.contains("REVERT; SET ANSI_NULL_DFLT_ON ON; SET CURSOR_CLOSE_ON_COMMIT OFF; SET ARITHIGNORE OFF; SET FORCEPLAN OFF; SET DEADLOCK_PRIORITY NORMAL; SET CONTEXT_INFO 0x0; USE [a]]b]; SET LANGUAGE N'us_english'; SET "), "{restore}");
    }
}
