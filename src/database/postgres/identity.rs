//! Which server this is, and what may be trusted of it: by what it says it is, never by a call that succeeded (T4).

use super::{DIALECT, Session, settings};
use crate::database::driver::Answers;
use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::{Row, Statement};
use crate::database::{Interrupt, LockSupport, Purpose, Server};

/// `start` = when this session began, as a number.
fn who(start: &str) -> String {
    format!(
        "SELECT pg_catalog.version(), pg_catalog.pg_backend_pid(), {start}, pg_catalog.current_database(), \
         pg_catalog.pg_is_in_recovery(), pg_catalog.current_schema()"
    )
}

/// From the function behind `pg_stat_activity`: the view takes a new session four times as long.
const START: &str = "(SELECT (extract(epoch FROM backend_start) * 1000000)::bigint \
    FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()))";
const NO_START: &str = "NULL::bigint";

/// Sets a leader's session up and asks who is there, in one exchange.
pub(super) async fn of(session: &mut Session) -> Result<Server, DbError> {
    let known = session.connection().await.ok().and_then(|(it, _)| it.server_version_num()).unwrap_or(0);
    if session.purpose == Purpose::Look || session.pooled {
        // a look's session is recorded nowhere
        let mut server = ask(session, "", NO_START).await?;
        if session.purpose == Purpose::Lease {
            server.session_check = String::new(); // another one each time
            server.restore = RESET.trim_end_matches("; ").to_owned();
            server.transaction_settings = settings::of_a_transaction(&session.settings, known);
        }
        return Ok(server);
    }
    let wanted = settings::of_a_leader(session.purpose, &session.settings, known);
    match ask(session, &wanted, START).await {
        // something of ours is not to be had there
        Err(error) if error.kind == DbErrorKind::Statement || error.kind == DbErrorKind::Privilege => {
            let fewer = settings::of_a_leader_where_known(session.purpose, &session.settings);
            ask(session, &fewer, NO_START).await
        }
        answer => answer,
    }
}

async fn ask(session: &mut Session, settings: &str, start: &str) -> Result<Server, DbError> {
    let before = match settings {
        // a lease's scripts have the URL's schema: its history goes where theirs do
        "" if session.purpose == Purpose::Lease => settings::of_a_message(&session.settings),
        "" => session.prelude(),
        settings => format!("{settings}; "),
    };
    let replies = session.exchange(&format!("{before}{}", who(start)), 0, Answers::kept()).await?;
    let row = replies.last().and_then(|reply| reply.rows.first());
    let row = row.ok_or_else(|| DbError::new(DbErrorKind::Statement, "the server does not say who it is"))?;
    let restore = if settings.is_empty() { String::new() } else { format!("{RESET}{settings}") };
    server(row, restore, session.pooled)
}

/// Neither alone brings everything back: a session's user is no setting, and the rest is.
const RESET: &str = "RESET SESSION AUTHORIZATION; RESET ALL; ";

fn server(row: &Row, restore: String, pooled: bool) -> Result<Server, DbError> {
    let version = row.text(0)?;
    let pid = row.int(1)?;
    let (product, trusted) = product(&version);
    let lock = match trusted {
        Err(why) => LockSupport::Unsafe(why),
        Ok(()) if pooled => LockSupport::Unsafe("the URL says that a pooler is in between".into()),
        Ok(()) => LockSupport::Session("PostgreSQL's advisory locks end with their session".into()),
    };
    let cancel = Statement::new(&DIALECT, &[], "SELECT pg_catalog.pg_cancel_backend(?)", vec![pid.into()]);
    Ok(Server {
        transactional_ddl: !matches!(product, "CockroachDB" | "YugabyteDB"),
        product: product.to_owned(),
        version: short(&version).to_owned(),
        session: session_name(pid, row.opt_int(2)?),
        database: row.text(3)?,
        schema: row.opt_text(5)?,
        session_check: format!(" AND pg_catalog.pg_backend_pid() = {pid}"),
        read_only: row.truth(4)?,
        lock,
        restore,
        transaction_settings: String::new(),
        interrupt: Interrupt::Statement(cancel),
    })
}

/// A product's name, and why its session locks are none, if so.
fn product(version: &str) -> (&'static str, Result<(), String>) {
    let no = |why: &str| Err(why.to_owned());
    if version.contains("CockroachDB") {
        ("CockroachDB", no("CockroachDB's advisory locks lock nothing"))
    } else if version.contains("-YB-") || version.contains("YugabyteDB") {
        ("YugabyteDB", no("YugabyteDB's advisory locks cannot be relied on"))
    } else if version.contains("Redshift") {
        ("Amazon Redshift", no("Redshift has no advisory locks"))
    } else if version.starts_with("PostgreSQL") || version.starts_with("EnterpriseDB") {
        ("PostgreSQL", Ok(()))
    } else {
        ("a server that speaks PostgreSQL's protocol", no("we do not know this server's advisory locks"))
    }
}

/// Without the product's name in front, and without the machine and the compiler behind.
fn short(version: &str) -> &str {
    let version = version.strip_prefix("PostgreSQL ").unwrap_or(version);
    version.split(',').next().and_then(|text| text.split(" on ").next()).unwrap_or(version)
}

/// A session as runs record it; process numbers come back, so the time of its start (µs since 1970) belongs to it.
pub(super) fn session_name(pid: i64, start: Option<i64>) -> String {
    match start {
        Some(start) => format!("{pid}@{start}"),
        None => pid.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_what_they_say() {
        for (version, name, trusted) in [
            ("PostgreSQL 15.18 (Debian 15.18-1) on x86_64-pc-linux-gnu", "PostgreSQL", true),
            ("CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu)", "CockroachDB", false),
            ("PostgreSQL 11.2-YB-2.19.0.0-b0 on x86_64-pc-linux-gnu", "YugabyteDB", false),
            ("Materialize v0.70", "a server that speaks PostgreSQL's protocol", false),
        ] {
            let (product, trust) = product(version);
            assert_eq!((product, trust.is_ok()), (name, trusted), "{version}");
        }
        assert_eq!(
            short("PostgreSQL 15.18 (Debian 15.18-1) on x86_64-pc, compiled by gcc"),
            "15.18 (Debian 15.18-1)"
        );
    }
}
