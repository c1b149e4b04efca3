//! The database cannot be reached, or refuses us.

use super::told;
use crate::database::sqlserver::{NO_USER, is_busy};
use crate::database::{DbError, DbErrorKind, EngineName};
use crate::error::Doing;
use crate::ledger::past::TABLES;
use crate::model::event::Explained;

/// SQLite's code for a file that begins otherwise than its own (`SQLITE_NOTADB`).
const NOT_A_DATABASE: &str = "26";

pub fn database(doing: Doing, engine: EngineName, target: &str, error: &DbError) -> Explained {
    if error.kind == DbErrorKind::MissingColumn {
        return missing_column(doing, target, error);
    }
    let (title, hint) = match engine {
        EngineName::Sqlite if error.code.as_deref() == Some(NOT_A_DATABASE) => (
            format!("the file {target} is no SQLite database"),
            "check the path in the database URL; a database that was encrypted looks like this too, and one that was written over is in a backup",
        ),
        EngineName::Sqlite => of_a_file(doing, target, error.kind),
        EngineName::SqlServer if let Some(told) = of_sql_server(doing, target, error) => told,
        _ => of_a_server(doing, engine, target, error.kind),
    };
    told(title, said(error), vec![hint.to_owned()])
}

/// What SQL Server alone says, or means in its own way.
fn of_sql_server(doing: Doing, target: &str, error: &DbError) -> Option<(String, &'static str)> {
    Some(match (error.kind, error.code.as_deref()) {
        (DbErrorKind::Tls, _) => (
            format!("no encrypted connection to {target}"),
            "a certificate that the server made for itself is not trusted: name its authority's in `serverCertificate` (PEM) and what it is made out to in `hostNameInCertificate`, or set `trustServerCertificate=true`, which checks nothing",
        ),
        (DbErrorKind::Auth, None) if error.message == NO_USER => (
            format!("nobody is named who could log in to {target}"),
            "name a login of the server's own, with its password: in the database URL, or by SQLCMDUSER and SQLCMDPASSWORD",
        ),
        (DbErrorKind::Auth, _) => (
            format!("{target} does not accept this user and password"),
            "check both: in a URL, special characters of a password are percent-encoded (@ is %40); a value with a `;` stands in \"quotes\" in an ADO string, in {braces} in one of JDBC or ODBC; is the login enabled, and does the server take logins of its own beside Windows' (mixed mode)?",
        ),
        // who may not enter is told no more than who asks for what is not there
        (DbErrorKind::UnknownDatabase | DbErrorKind::Unopened, _) => (
            format!("there is no such database, or none that this login may open: {target}"),
            "check the name in the database URL; bellwether creates no database. If it is there, the login needs a user in it: CREATE USER name FOR LOGIN name; and one that recovers, fails over or is SINGLE_USER lets nobody in meanwhile",
        ),
        (_, Some("978")) => (
            format!("{target} is a replica that takes reads alone, and only from who says so"),
            "a follower may look there with `ApplicationIntent=ReadOnly` in the database URL; a leader needs the primary's URL",
        ),
        (_, Some("979")) => (
            format!("{target} takes nobody who only reads"),
            "take `ApplicationIntent=ReadOnly` out of the database URL, or name a replica that takes it",
        ),
        (_, Some("982")) => (
            format!("no replica behind {target} takes reads"),
            "wait until one is back, or take `ApplicationIntent=ReadOnly` out of the database URL",
        ),
        (_, Some(number)) if is_busy(number) => (
            format!("{target} had too much to do for us while {}", gerund(doing)),
            "see the server's own words for what it lacks (memory, locks, workers, its share of a pool): deploy again when it has less to do, or give it more",
        ),
        // Azure's firewall: by address, by virtual network
        (_, Some("40615" | "40914")) if doing == Doing::Connecting => (
            format!("the firewall in front of {target} does not let us in"),
            "allow the address that the server's own words name, or deploy from a network that is allowed",
        ),
        _ => return None,
    })
}

fn of_a_server(doing: Doing, engine: EngineName, target: &str, kind: DbErrorKind) -> (String, &'static str) {
    let connecting = doing == Doing::Connecting;
    let doing = gerund(doing);
    match kind {
        DbErrorKind::HostNotFound => (
            format!("the host of {target} is not known"),
            "check the host in the database URL; in a container or a private network, names differ from those outside",
        ),
        DbErrorKind::Refused => (
            format!("nobody listens at {target}: the connection was refused"),
            "check host and port; is the server started, and does it accept connections from here?",
        ),
        DbErrorKind::Timeout if connecting && engine == EngineName::MySql => (
            format!("no answer in time from {target} while {doing}"),
            "a firewall or a security group swallows connections without an answer; and a server of another kind, PostgreSQL for one, waits in silence: is it the right port?",
        ),
        DbErrorKind::Protocol => (
            format!("something answers at {target}, but it does not speak {}'s protocol", product(engine)),
            "check the port and the scheme of the database URL: postgres:// for PostgreSQL, mysql:// for MySQL and MariaDB, sqlserver:// for SQL Server",
        ),
        DbErrorKind::Timeout if !connecting => (
            format!("no answer in time from {target} while {doing}"),
            "the server let us in, and was too slow then: see what it is busy with, and what is between it and us; then deploy again",
        ),
        DbErrorKind::Timeout => (
            format!("no answer in time from {target} while {doing}"),
            "a firewall, a security group or a wrong port swallows connections without an answer: is this host allowed in?",
        ),
        DbErrorKind::Certificate => (
            format!("a certificate or key for {target} cannot be read"),
            "the database URL names the file: is it there, seen from the working directory, and may this user read it? In a container it has to be mounted",
        ),
        DbErrorKind::Tls => (
            format!("no encrypted connection to {target}"),
            "check sslmode and the certificates in the database URL: full verification needs the certificate of the server's authority, and the host as the server's certificate names it",
        ),
        DbErrorKind::Auth => (
            format!("{target} does not accept this user and password"),
            "check user and password in the database URL; special characters in a password must be percent-encoded (@ is %40)",
        ),
        DbErrorKind::UnknownDatabase | DbErrorKind::Unopened => (
            format!("there is no such database: {target}"),
            "check the name in the database URL, or create the database: bellwether does not create it",
        ),
        DbErrorKind::TooManyConnections => (
            format!("{target} has no free connection"),
            "a leader needs two, a waiting follower one: raise the server's limit, or close what is idle",
        ),
        DbErrorKind::Starting => (
            format!("{target} was still starting up"),
            "see the server's log for what it is doing; connect.wait says how long we wait for it",
        ),
        DbErrorKind::ShuttingDown => (
            format!("{target} shut down, or ended our session, while {doing}"),
            "see the server's log for who stopped it; deploy again when it is back",
        ),
        DbErrorKind::ConnectionLost => (
            format!("the connection to {target} broke while {doing}"),
            "see the server's log: a restart, a failover or a network device can cut connections; then deploy again",
        ),
        DbErrorKind::ReadOnly => (
            format!("{target} was read-only while {doing}"),
            "is a failover going on? A leader needs the primary's URL",
        ),
        DbErrorKind::Privilege => (
            format!("{target} refused this user a right while {doing}"),
            "the server's own words above name the right: whoever owns the database can grant it",
        ),
        DbErrorKind::LockTimeout | DbErrorKind::Deadlock | DbErrorKind::Serialization | DbErrorKind::Busy => {
            (
                format!("another session was in our way at {target} while {doing}"),
                "deploy again; if it stays so, see on the server who holds locks on the tables bellwether_*",
            )
        }
        DbErrorKind::Cancelled => (
            format!("{target} cancelled our statement while {doing}"),
            "somebody cancelled it on the server, or a time limit of this user did; deploy again",
        ),
        DbErrorKind::FenceLost => (
            format!("another leader has taken over at {target}"),
            "nothing to mend here: see the other leader's log, or `bellwether status`",
        ),
        DbErrorKind::MissingTable => (
            format!("a table was missing at {target} while {doing}"),
            "was it dropped by hand? The next leader makes bellwether's own tables again",
        ),
        DbErrorKind::Unsupported => (
            format!("{target} cannot do what we need while {doing}"),
            "see docs/databases.md for the servers and versions that are supported",
        ),
        DbErrorKind::AlreadyExists | DbErrorKind::MissingColumn | DbErrorKind::Statement => (
            format!("{target} refused a statement of ours while {doing}"),
            "the server's own words above say why; a table of bellwether's that was changed by hand can be the cause",
        ),
    }
}

fn missing_column(doing: Doing, target: &str, error: &DbError) -> Explained {
    let history = matches!(doing, Doing::ReadingHistory | Doing::MakingHistory);
    let (whose, mut hints) = match history {
        true => ("the history of migrations", vec![]),
        false => (
            "bellwether's ledger",
            vec![format!(
                "or let the next leader make all four tables anew, empty (what they held is lost, the history of migrations is not): {}",
                TABLES.map(|(_, table)| format!("DROP TABLE {table};")).join(" ")
            )],
        ),
    };
    hints.insert(0, "while nobody deploys: put the column back, as a backup has it".to_owned());
    told(format!("{whose} in {target} is not whole: a table lacks a column"), said(error), hints)
}

fn product(engine: EngineName) -> &'static str {
    match engine {
        EngineName::Postgres => "PostgreSQL",
        EngineName::MySql => "MySQL",
        EngineName::SqlServer => "SQL Server",
        EngineName::Sqlite => "SQLite",
    }
}

/// SQLite has no server, no users and no grants: what can be wrong is the file.
fn of_a_file(doing: Doing, target: &str, kind: DbErrorKind) -> (String, &'static str) {
    let connecting = doing == Doing::Connecting;
    let doing = gerund(doing);
    match kind {
        DbErrorKind::UnknownDatabase => (
            format!("the database file {target} cannot be opened"),
            "check the path: a leader makes the file, but not its folder; a relative path counts from the working directory",
        ),
        DbErrorKind::Privilege => (
            format!("this user may not use the database file {target}"),
            "SQLite keeps its journal beside the file: this user needs write permission on the file and on its folder, also to follow",
        ),
        DbErrorKind::ReadOnly => (
            format!("the database file {target} is read-only"),
            "check the rights of the file and its folder, how the disk is mounted, and `mode` in the database URL",
        ),
        DbErrorKind::Busy | DbErrorKind::LockTimeout => (
            format!("another program was writing to {target} while {doing}"),
            "a leader at work may be it: wait for its end, or try again; `fuser FILE` names the programs that have the file open",
        ),
        DbErrorKind::FenceLost => (
            format!("another leader has taken over at {target}"),
            "nothing to mend here: see the other leader's log, or `bellwether status`",
        ),
        DbErrorKind::Unsupported if connecting => (
            format!("{target} cannot be the database's file"),
            "a SQLite URL names the file itself, in a folder on a local disk: sqlite:///folder/name.db",
        ),
        DbErrorKind::MissingTable => (
            format!("a table was missing in {target} while {doing}"),
            "was it dropped by hand? The next leader makes bellwether's own tables again",
        ),
        _ => (
            format!("{target} could not be used while {doing}"),
            "SQLite's own words above say why: is it a SQLite database, is it whole, and is the disk full?",
        ),
    }
}

pub fn no_privilege(doing: Doing, target: &str, error: &DbError, grants: &[String]) -> Explained {
    let what = match doing {
        Doing::Connecting => "use the database",
        Doing::ReadingHistory => "read the history of migrations",
        Doing::Installing => "create bellwether's tables",
        Doing::Completing => "complete bellwether's tables",
        Doing::MakingHistory => "create the history's table",
        Doing::WritingHistory => "write the history of migrations",
        Doing::Claiming | Doing::Recording => "write bellwether's ledger",
        _ => "read bellwether's ledger",
    };
    let reads = matches!(doing, Doing::Looking | Doing::ReadingHistory);
    let mut hints = vec![match doing {
        Doing::Completing => "some of them are there, and are another user's: let that one deploy once, which completes them; or make this user their owner:",
        _ => "whoever owns the database can allow it:",
    }
    .to_owned()];
    hints.extend(grants.iter().cloned());
    hints.push(match (doing, reads) {
        (Doing::Connecting, _) => "or use another user in the database URL".to_owned(),
        (_, true) => {
            "`ledger.readers` in bellwether.yml lets a leader grant it when it makes the tables".to_owned()
        }
        (_, false) => "or give the leader a user that may".to_owned(),
    });
    told(format!("this user may not {what} at {target}"), said(error), hints)
}

pub fn named_in_vain(
    key: &str,
    names: &[String],
    create: &[String],
    target: &str,
    error: &DbError,
) -> Explained {
    let mut hints = vec!["make it first; bellwether makes neither schemas nor users:".to_owned()];
    hints.extend(create.iter().cloned());
    hints.push(format!("or correct `{key}` in bellwether.yml"));
    let there = if names.len() == 1 { "which is not there" } else { "not all of which are there" };
    told(format!("`{key}` names {}, {there}: {target}", names.join(", ")), said(error), hints)
}

pub fn read_only(target: &str, server: &str) -> Explained {
    told(
        format!("{target} is read-only: a leader cannot migrate there"),
        vec![format!("it is a standby, or set to read-only ({server})")],
        vec!["give the leader the primary's URL; followers may use a standby".to_owned()],
    )
}

pub fn unsafe_lock(engine: EngineName, pooled: bool, target: &str, reason: &str) -> Explained {
    let cause = "a lock there could be granted to two leaders at once, or stay behind when its owner is gone";
    let leave = "leave lock.mode at auto: a lease in the ledger takes the place of the session lock there";
    let hints: &[&str] = match engine {
        EngineName::Sqlite => &[
            "put the database file on a local disk, and leave lock.mode at auto: its lock is a file beside it",
        ],
        _ if pooled => &[
            leave,
            "or give bellwether the database's direct URL, without the pooler; the application may keep using it",
        ],
        _ => &[leave],
    };
    let hints = hints.iter().map(|hint| (*hint).to_owned()).collect();
    told(format!("no safe lock can be had at {target}: {reason}"), vec![cause.to_owned()], hints)
}

pub fn ledger_newer(min_reader: i64) -> Explained {
    let ours = crate::ledger::LEDGER_VERSION;
    told(
        format!("the ledger is of version {min_reader}, and this bellwether reads version {ours} at most"),
        vec!["a participant with a newer major version has been here".to_owned()],
        vec!["update bellwether in this participant to the version that the others run".to_owned()],
    )
}

pub fn ledger_unreadable(what: &str) -> Explained {
    told(
        format!("a row of the ledger cannot be read: {what}"),
        vec!["it was edited by hand, or written by a version that this one does not know".to_owned()],
        vec![
            "`bellwether history` shows it; while nobody is at work, a row of bellwether_runs that should not be there can be deleted"
                .to_owned(),
        ],
    )
}

/// What we were doing, to follow "while".
fn gerund(doing: Doing) -> &'static str {
    match doing {
        Doing::Connecting => "connecting",
        Doing::Identifying => "asking what server it is",
        Doing::Looking => "reading the ledger",
        Doing::ReadingHistory => "reading the history of migrations",
        Doing::Installing => "making bellwether's tables",
        Doing::Completing => "completing bellwether's tables",
        Doing::MakingHistory => "making the history's table",
        Doing::WritingHistory => "writing the history",
        Doing::Locking => "trying the lock",
        Doing::Claiming => "recording our run",
        Doing::Recording => "recording how the run goes",
    }
}

/// The server's own words.
pub fn said(error: &DbError) -> Vec<String> {
    let code = error.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let mut words = vec![format!("{}{code}", error.message)];
    words.extend(error.detail.iter().map(|detail| format!("detail: {detail}")));
    words.extend(error.hint.iter().map(|hint| format!("the server's hint: {hint}")));
    words.extend(error.context.as_deref().map(str::to_owned));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_sql_servers_have_words_of_their_own() {
        let told = |engine, kind, code: &str| {
            let error = DbError { code: Some(code.to_owned()), ..DbError::new(kind, "no") };
            let told = database(Doing::Looking, engine, "db", &error);
            format!("{} / {}", told.title, told.hints.join(" / "))
        };
        for (kind, code, words) in [
            (DbErrorKind::Starting, "8645", "too much to do for us while reading the ledger"),
            (DbErrorKind::Starting, "40501", "too much to do"),
            (DbErrorKind::Starting, "952", "still starting up"),
            (DbErrorKind::ReadOnly, "978", "a leader needs the primary's URL"),
            (DbErrorKind::Unsupported, "979", "take `ApplicationIntent=ReadOnly` out"),
            (DbErrorKind::Starting, "982", "no replica behind db takes reads"),
        ] {
            let told = told(EngineName::SqlServer, kind, code);
            assert!(told.contains(words), "{code}: {told}");
        }
        let nobody = database(
            Doing::Connecting,
            EngineName::SqlServer,
            "db",
            &DbError::new(DbErrorKind::Auth, NO_USER),
        );
        assert_eq!(nobody.title, "nobody is named who could log in to db");
        assert!(!told(EngineName::MySql, DbErrorKind::Starting, "1204").contains("too much"));
    }
}
