//! Which server this is, and what may be trusted of it: by what it says it is, never by a call that succeeded (T4).

use super::{DIALECT, Session, literal};
use crate::database::driver::Answers;
use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::{Row, Statement, Value};
use crate::database::{Interrupt, LockSupport, Purpose, Reply, Server};

/// Variables that a server does not know are not in its answer. In one message: three questions.
const WHO: &str = "SELECT VERSION(), CONNECTION_ID(), DATABASE(), @@sql_mode, @@time_zone, @@character_set_client, \
    @@collation_connection, @@innodb_lock_wait_timeout, @@lock_wait_timeout; \
    SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'read_only', 'super_read_only', 'version_comment')";

pub(super) async fn of(session: &mut Session) -> Result<Server, DbError> {
    let replies = session.exchange(WHO, Answers::kept()).await?;
    let [who, variables] = replies.as_slice() else { return Err(silent()) };
    let row = who.rows.first().ok_or_else(silent)?;
    let variables = Variables(variables);
    let mut server = server(row, &variables)?;
    if session.purpose == Purpose::Lease {
        server.session_check = String::new(); // behind a proxy it may be another one each time
    }
    if variables.on("wsrep_on") {
        // a node of a cluster that is behind must not be read
        session.exchange("SET SESSION wsrep_sync_wait = 7", Answers::kept()).await?;
    }
    Ok(server)
}

fn silent() -> DbError {
    DbError::new(DbErrorKind::Statement, "the server does not say who it is")
}

struct Variables<'a>(&'a Reply);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let row =
            self.0.rows.iter().find(|row| row.text(0).is_ok_and(|key| key.eq_ignore_ascii_case(name)))?;
        row.text(1).ok()
    }

    fn on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("on") || value == "1")
    }
}

fn server(row: &Row, variables: &Variables<'_>) -> Result<Server, DbError> {
    let version = row.text(0)?;
    let id = row.text(1)?;
    let database = row.opt_text(2)?.unwrap_or_default();
    let comment = variables.get("version_comment").unwrap_or_default();
    let (product, lock) = product(&version, &comment, variables.on("wsrep_on"));
    let cancel = Statement::new(&DIALECT, &[], "KILL QUERY ?", vec![row.int(1)?.into()]);
    Ok(Server {
        product: product.to_owned(),
        version,
        session_check: format!(" AND CONNECTION_ID() = {id}"),
        session: id,
        restore: restore(row, &database)?,
        // a script may `USE` another database: every statement of ours names its own
        schema: Some(database.clone()),
        database,
        read_only: variables.on("read_only") || variables.on("super_read_only"),
        transactional_ddl: false,
        lock,
        transaction_settings: String::new(),
        interrupt: Interrupt::Statement(cancel),
    })
}

/// A product's name, and whether its session locks are any.
fn product(version: &str, comment: &str, galera: bool) -> (&'static str, LockSupport) {
    let is = |word: &str| version.contains(word) || comment.contains(word);
    let name = if is("Vitess") || is("PlanetScale") {
        "Vitess"
    } else if is("TiDB") {
        "TiDB"
    } else if is("MariaDB") {
        "MariaDB"
    } else {
        "MySQL"
    };
    let lock = if name == "Vitess" {
        LockSupport::Unsafe("Vitess drops session locks while their session lives".into())
    } else if galera {
        LockSupport::Unsafe("each node of a Galera cluster has session locks of its own".into())
    } else {
        LockSupport::Session(format!("{name}'s GET_LOCK ends with its session"))
    };
    (name, lock)
}

/// What a script that went well began is kept, as the rest of it was; what it set is not.
fn restore(row: &Row, database: &str) -> Result<String, DbError> {
    let literal = |index| row.opt_text(index).map(|text| literal::literal(&Value::from(text)));
    let usage =
        if database.is_empty() { String::new() } else { format!("USE {}; ", DIALECT.quote(database)) };
    Ok(format!(
        "COMMIT; UNLOCK TABLES; {usage}SET NAMES {charset} COLLATE {collation}, autocommit = 1, sql_mode = {mode}, \
         time_zone = {zone}, foreign_key_checks = 1, unique_checks = 1, \
         innodb_lock_wait_timeout = {rows}, lock_wait_timeout = {tables}, wait_timeout = 15",
        charset = row.text(5)?,
        collation = row.text(6)?,
        mode = literal(3)?,
        zone = literal(4)?,
        rows = row.int(7)?,
        tables = row.int(8)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_what_they_say() {
        let safe = |version, comment, galera| {
            let (name, lock) = product(version, comment, galera);
            (name, matches!(lock, LockSupport::Session(_)))
        };
        assert_eq!(safe("10.11.19-MariaDB-0+deb12u1", "Debian 12", false), ("MariaDB", true));
        assert_eq!(safe("10.11.19-MariaDB", "", true), ("MariaDB", false));
        assert_eq!(safe("8.4.2", "MySQL Community Server - GPL", false), ("MySQL", true));
        assert_eq!(safe("8.0.30-Vitess", "", false), ("Vitess", false));
        assert_eq!(safe("8.0.21", "PlanetScale", false), ("Vitess", false));
    }
}
