//! What ends an operator's command without success.

use super::told;
use crate::database::EngineName;
use crate::error::OperateError;
use crate::model::event::Explained;
use crate::model::ids::{Participant, RunId, Version};

/// Above this many, only the newest migrations are named.
const MANY: usize = 30;

pub fn operate(error: &OperateError) -> Explained {
    match error {
        OperateError::LedgerHalf { target, present, missing } => ledger_half(target, present, missing),
        OperateError::NoSuchRun { prefix, newest } => no_such_run(prefix, newest),
        OperateError::AmbiguousRun { prefix, runs } => told(
            format!("more than one run's id begins with {prefix}"),
            vec![format!("among them: {}", runs.join(", "))],
            vec!["give one more character of the id".to_owned()],
        ),
        OperateError::HolderAlive { lock_name, leader, sign } => {
            holder_alive(lock_name, leader.as_ref(), sign)
        }
        OperateError::ForeignHolder { lock_name, engine, session } => {
            foreign_holder(lock_name, *engine, session.as_deref())
        }
        OperateError::NotConfirmed { asked, leader } => not_confirmed(*asked, leader),
        OperateError::NoMigrations => told(
            "nothing says where the migrations are",
            vec!["a row of the history has the checksum of its file".to_owned()],
            vec!["name the folder: `--migrations FOLDER`, BELLWETHER_MIGRATIONS or `migrations:` in bellwether.yml".to_owned()],
        ),
        OperateError::OnlyChecked { format } => told(
            error.to_string(),
            vec![format!("bellwether reads migrations of the format {format}, and applies none")],
            vec!["resolve it with that tool, then deploy again".to_owned()],
        ),
        OperateError::UnknownVersion { version, folder, known } => unknown_version(version, folder, known),
        OperateError::WholeMigration { version, undo } => told(
            format!("migration {version} is applied as a whole, and stays so in the history"),
            vec!["--rolled-back is for one that is half applied".to_owned()],
            vec![
                "to undo what it did, write a new migration that does".to_owned(),
                format!("if it was undone by hand already, take it out while nobody deploys: {undo}"),
            ],
        ),
        OperateError::OlderPending { version, older } => told(
            error.to_string(),
            vec!["this history holds one version, which stands for all before it".to_owned()],
            vec![
                format!("say it of {older} first: bellwether resolve {older} --applied"),
                format!("or, if all of them are: bellwether resolve --up-to {version} --applied"),
            ],
        ),
        OperateError::Ailing { bad, .. } => told(
            format!("a deploy would stop here: {}", bad.join(", ")),
            Vec::new(),
            vec!["what to do stands under each of them, above; then `bellwether doctor` again".to_owned()],
        ),
        OperateError::SessionStays { leader, why, marked, lease: Some(run), .. } => {
            lease_stays(leader, run, why, *marked)
        }
        OperateError::SessionStays { engine, leader, host, session, why, marked, lease: None } => {
            session_stays(*engine, (leader, host, session), why, *marked)
        }
    }
}

fn ledger_half(target: &str, present: &[&str], missing: &[&str]) -> Explained {
    let are = if missing.len() == 1 { "is" } else { "are" };
    told(
        format!("bellwether's ledger in {target} is not whole: {} {are} missing", missing.join(", ")),
        vec![format!("still there: {}", present.join(", "))],
        vec![
            "while nobody deploys: put the missing tables back from a backup, or let the next leader make them anew, empty (what they held is lost, the history of migrations is not)".to_owned(),
            format!("to begin a new ledger, drop the rest too: {}", drops(present)),
        ],
    )
}

fn drops(tables: &[&str]) -> String {
    tables.iter().map(|table| format!("DROP TABLE {table};")).collect::<Vec<_>>().join(" ")
}

fn no_such_run(prefix: &str, newest: &[String]) -> Explained {
    let causes = match newest {
        [] => vec!["no run is recorded at all".to_owned()],
        newest => vec![format!("the newest are {}", newest.join(", "))],
    };
    told(
        format!("no run's id begins with {prefix}"),
        causes,
        vec!["`bellwether history` lists the runs of this lock name".to_owned()],
    )
}

fn holder_alive(lock_name: &str, leader: Option<&Participant>, sign: &str) -> Explained {
    let who = leader.map_or("its holder".to_owned(), ToString::to_string);
    told(
        format!("the lock {lock_name} stays as it is: {who} is alive"),
        vec![sign.to_owned()],
        vec![
            format!("let it finish; to stop it, stop it where it runs: {who} then records its end itself"),
            "if that is not possible: `bellwether unlock --force` ends its session on the server, in the middle of its work".to_owned(),
        ],
    )
}

fn foreign_holder(lock_name: &str, engine: EngineName, session: Option<&str>) -> Explained {
    let whose = session.map(|session| format!(": {session}")).unwrap_or_default();
    told(
        format!("a session that no run recorded has the server's lock {lock_name}{whose}"),
        vec!["it may be another tool's with the same number or name, or a leader's that has recorded nothing yet".to_owned()],
        vec![format!("see what it is before it is ended: {}", ways(engine, session).0), format!("to end it: {}", ways(engine, session).1)],
    )
}

fn not_confirmed(asked: bool, leader: &Participant) -> Explained {
    match asked {
        true => told(
            format!("{leader} keeps the lock: the answer was not yes"),
            vec!["nothing was changed".to_owned()],
            vec!["`bellwether unlock --yes` does not ask".to_owned()],
        ),
        false => told(
            format!("{leader} keeps the lock: there is no terminal on which to ask for a yes"),
            vec!["nothing was changed".to_owned()],
            vec!["`bellwether unlock --yes` does not ask; what it would take away is shown above".to_owned()],
        ),
    }
}

fn unknown_version(version: &Version, folder: &str, known: &[String]) -> Explained {
    let causes = match known {
        [] => vec!["there are none at all".to_owned()],
        known if known.len() <= MANY => vec![format!("there are {}", known.join(", "))],
        known => {
            let newest = &known[known.len() - MANY..];
            vec![format!("there are {}; the newest are {}", known.len(), newest.join(", "))]
        }
    };
    told(
        format!("neither {folder} nor the history has a migration {version}"),
        causes,
        vec!["give a version as it stands there; `bellwether plan -v` lists them all".to_owned()],
    )
}

fn session_stays(
    engine: EngineName,
    (leader, host, session): (&Participant, &str, &str),
    why: &str,
    marked: bool,
) -> Explained {
    let marked = what_is_marked(marked);
    let title = match engine {
        EngineName::Sqlite => {
            format!("the process of {leader} still has the database ({session}, its host and pid)")
        }
        _ => format!("the session {session} of {leader} (on {host}) still has the lock"),
    };
    told(
        title,
        vec![why.to_owned(), marked.to_owned()],
        vec![format!("end it, and the lock is free: {}", ways(engine, Some(session)).1)],
    )
}

/// Its session may be a pooler's, which serves others by now: what bears the run's mark is shown, and to be ended.
fn lease_stays(leader: &Participant, run: &RunId, why: &str, marked: bool) -> Explained {
    told(
        format!("something of {leader} is still at work on the server"),
        vec![why.to_owned(), what_is_marked(marked).to_owned()],
        vec![format!(
            "its statements begin with {}: end the session that runs one, and unlock again",
            run.mark()
        )],
    )
}

fn what_is_marked(marked: bool) -> &'static str {
    match marked {
        true => "its run begins no statement any more, and commits none",
        false => "nothing was changed",
    }
}

/// What shows a session, and what ends it.
fn ways(engine: EngineName, session: Option<&str>) -> (String, String) {
    let id = session.map(|session| session.split('@').next().unwrap_or(session));
    match (engine, id) {
        (EngineName::Postgres, Some(pid)) => (
            format!("SELECT * FROM pg_stat_activity WHERE pid = {pid};"),
            format!(
                "SELECT pg_terminate_backend({pid}); as its own user, a member of pg_signal_backend or a superuser"
            ),
        ),
        (EngineName::Postgres, None) => (
            "SELECT a.* FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory';"
                .to_owned(),
            "SELECT pg_terminate_backend(pid); with its pid, as a superuser".to_owned(),
        ),
        (EngineName::Sqlite, session) => {
            let (host, pid) =
                session.and_then(|session| session.rsplit_once(' ')).unwrap_or(("its host", "PID"));
            ("lsof on the file that ends in .bellwether-lock".to_owned(), format!("kill {pid} on {host}"))
        }
        (EngineName::SqlServer, id) => (
            "SELECT * FROM sys.dm_tran_locks WHERE resource_type = 'APPLICATION'; with VIEW SERVER STATE"
                .to_owned(),
            format!("KILL {}; with ALTER ANY CONNECTION", id.unwrap_or("request_session_id")),
        ),
        (EngineName::MySql, Some(id)) => {
            ("SHOW PROCESSLIST;".to_owned(), format!("KILL {id}; as its own user or an administrator"))
        }
        (EngineName::MySql, None) => {
            ("SHOW PROCESSLIST;".to_owned(), "KILL with its id, as an administrator".to_owned())
        }
    }
}
