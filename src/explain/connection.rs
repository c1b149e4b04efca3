//! The database cannot be reached, or refuses us.

use super::told;
use crate::database::{DbError, DbErrorKind};
use crate::error::Doing;
use crate::model::event::Explained;

pub fn database(doing: Doing, target: &str, error: &DbError) -> Explained {
    let (title, hint) = match error.kind {
        DbErrorKind::HostNotFound => (
            format!("no host of that name: {target}"),
            "check the host in the database URL; inside a container or a private network, names differ from those outside",
        ),
        DbErrorKind::Refused => (
            format!("nobody listens at {target}: the connection was refused"),
            "check host and port; is the server started, and does it accept connections from here?",
        ),
        DbErrorKind::Timeout => (
            format!("no answer in time from {target}"),
            "a firewall, a security group or a wrong port swallows connections without an answer; is this host allowed in?",
        ),
        DbErrorKind::Tls => (
            format!("no encrypted connection to {target}"),
            "check sslmode and the certificates: sslmode=verify-full needs the authority's certificate in sslrootcert, and a host name that stands in the server's",
        ),
        DbErrorKind::Auth => (
            format!("{target} does not accept this user and password"),
            "check user and password in the database URL; special characters in a password must be percent-encoded",
        ),
        DbErrorKind::UnknownDatabase => (
            format!("there is no such database: {target}"),
            "check the database's name in the URL, or create it: bellwether migrates databases and does not create them (a SQLite file is made by the leader)",
        ),
        DbErrorKind::TooManyConnections => (
            format!("{target} has no free connection"),
            "a leader needs two connections, a follower one: raise the server's limit, or close what is idle",
        ),
        DbErrorKind::Starting => {
            (format!("{target} is still starting up"), "wait for it, or raise connect.wait")
        }
        DbErrorKind::ShuttingDown => (
            format!("{target} is shutting down, or ended our session"),
            "see the server's log for who stopped it",
        ),
        DbErrorKind::ConnectionLost => (
            format!("the connection to {target} broke while {}", gerund(doing)),
            "see the server's log; a restart, a failover or a network device can cut connections",
        ),
        DbErrorKind::ReadOnly => (
            format!("{target} is read-only while {}", gerund(doing)),
            "the URL must name the primary, and a failover must have ended",
        ),
        DbErrorKind::Privilege => (
            format!("{target} does not allow {}", gerund(doing)),
            "a leader needs to create tables in the ledger's schema and whatever its migrations do; or let somebody else install the ledger once",
        ),
        _ => (format!("{target} failed us while {}", gerund(doing)), "see the server's own words above"),
    };
    told(title, said(error), vec![hint.to_owned()])
}

pub fn no_privilege(doing: Doing, target: &str, error: &DbError, grants: &[String]) -> Explained {
    let what =
        if doing == Doing::ReadingHistory { "the history of migrations" } else { "bellwether's ledger" };
    let mut hints = vec!["whoever owns the tables can allow it:".to_owned()];
    hints.extend(grants.iter().cloned());
    hints
        .push("ledger.readers in bellwether.yml grants it to a role when the ledger is installed".to_owned());
    told(format!("this user may not read {what} at {target}"), said(error), hints)
}

pub fn read_only(target: &str, server: &str) -> Explained {
    told(
        format!("{target} is read-only: a leader cannot migrate there"),
        vec![format!("it is a standby or set to read-only ({server})")],
        vec!["give the leader the primary's URL; followers may use a standby".to_owned()],
    )
}

pub fn unsafe_lock(target: &str, reason: &str) -> Explained {
    told(
        format!("no safe lock can be had at {target}: {reason}"),
        vec![
            "a session lock there would be granted to two leaders at once, or stay behind when its owner is gone"
                .to_owned(),
        ],
        vec![
            "give bellwether the database's direct URL, without the pooler (the application may keep using it)".to_owned(),
            "locks for servers without session locks (leases) come with a later version".to_owned(),
        ],
    )
}

pub fn ledger_newer(min_reader: i64) -> Explained {
    told(
        format!("the ledger in this database needs a bellwether that reads version {min_reader}"),
        vec![format!("this one reads version {}", crate::ledger::LEDGER_VERSION)],
        vec!["another participant runs a newer major version: update this one".to_owned()],
    )
}

pub fn ledger_unreadable(what: &str) -> Explained {
    told(
        format!("the ledger cannot be read: {what}"),
        vec!["a row was edited by hand, or written by a version that this one does not know".to_owned()],
        vec![
            "look at bellwether_runs; a run that should not be there can be deleted while nobody is at work"
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
        Doing::Installing => "installing the ledger's tables",
        Doing::MakingHistory => "creating the history's table",
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
    words
}
