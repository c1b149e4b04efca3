//! A leader's own failures.

use std::time::Duration;

use super::connection::said;
use super::half::{HALF, Half};
use super::verdict::list;
use super::{count, machine, snippet, span, stays_applied, told};
use crate::database::{DbError, DbErrorKind};
use crate::engine::command::Ending;
use crate::engine::step::{Place, StepError, Unsendable};
use crate::ledger::history::HistoryTable;
use crate::model::event::Explained;
use crate::model::ids::Version;
use crate::model::migration::Migration;
use crate::model::run::{EngineKind, Run};
use crate::plan::pending::{Blind, Refusal};

/// A statement longer than this is cut in messages.
const STATEMENT: usize = 1000;

pub fn step(
    migration: &Migration,
    error: &StepError,
    applied: &[Version],
    history: &HistoryTable,
    target: &str,
) -> Explained {
    let name = &migration.name;
    let mut explained = match error {
        StepError::Statement { place, statement, error, applied: statements, dirty } => {
            let mut explained = told(format!("{name} failed: {}", error.message), said_beyond(error), vec![]);
            explained.snippet = draw(migration, place);
            if explained.snippet.is_none() && !statement.is_empty() {
                explained.causes.push(format!("in: {}", cut(statement)));
            }
            let half = Half { migration, done: *statements, batches: history.has_batches() };
            explained.causes.push(half.stays(*dirty, true));
            explained.hints = match dirty {
                true => half.hints(statement),
                false => vec![statement_hint(migration, history, error)],
            };
            explained
        }
        StepError::Unsendable { place, why, .. } => {
            let nothing = vec!["nothing of it was sent".to_owned()];
            let mut explained =
                told(format!("{name} cannot be run: {why}"), nothing, vec![unsendable_hint(why, history)]);
            explained.snippet = draw(migration, place);
            explained
        }
        StepError::InvalidIndex { indexes, .. } => invalid_index(migration, indexes),
        StepError::Bookkeeping { what, error, half, .. } => {
            let mut explained = told(
                format!("{name} could not be applied: {what} failed"),
                said(error),
                vec![format!(
                    "does the script leave something undone (a deferred constraint, a lock), or change {} itself?",
                    history.short_name()
                )],
            );
            if *half {
                explained.causes.push(HALF.to_owned());
                explained.hints.extend(Half { migration, done: 0, batches: false }.hints(""));
            }
            explained
        }
        StepError::FenceLost { reason, .. } => told(
            format!("{name} was not applied: {reason}"),
            vec![],
            vec!["another leader has taken over: see its log".to_owned()],
        ),
        StepError::Stopped { applied } => {
            Half { migration, done: *applied, batches: history.has_batches() }.stopped()
        }
    };
    explained.causes.push(format!("{} on {target}", stays_applied(applied)));
    explained
}

fn invalid_index(migration: &Migration, indexes: &[String]) -> Explained {
    let drops: Vec<_> = indexes.iter().map(|index| format!("DROP INDEX CONCURRENTLY {index};")).collect();
    told(
        format!(
            "{} left {} that the server does not use: {}",
            migration.name,
            count(indexes.len(), "invalid index"),
            indexes.join(", ")
        ),
        vec![
            "an earlier try may have left it behind: CREATE INDEX CONCURRENTLY IF NOT EXISTS takes it for done"
                .to_owned(),
            HALF.to_owned(),
        ],
        vec![
            format!("take it away: {}", drops.join(" ")),
            format!("undo what else the script did, and say so: bellwether resolve {} --rolled-back", migration.version),
            "then deploy again, which builds it anew".to_owned(),
        ],
    )
}

/// A program that is not there (ENOENT) or may not be run (EACCES): errno(3).
const NOT_FOUND: i32 = 2;
const NO_ACCESS: i32 = 13;
/// Not a program for this machine (ENOEXEC).
const NO_PROGRAM: i32 = 8;
/// Prisma's code for a database that is not empty and has no history.
const PRISMA_NOT_EMPTY: &str = "P3005";

pub fn command(command: &[String], ending: &Ending, output: &str, check: bool) -> Explained {
    let program = command.first().map_or("", String::as_str);
    let what = if check { "the check after the command" } else { "the command" };
    let mut hints = start_hints(program, ending)
        .unwrap_or_else(|| vec!["its own output says why; mend it and deploy again".to_owned()]);
    if output.contains(PRISMA_NOT_EMPTY) {
        hints.push(
            "Prisma begins in no schema that has tables of others, as bellwether's own are: `ledger: { schema: bellwether }` \
             once that schema is made and the bellwether_* tables are dropped, or `prisma migrate deploy` once by hand after \
             dropping them (docs/formats/prisma.md)"
                .to_owned(),
        );
    }
    let mut causes = vec![format!("it was: {}", command.join(" "))];
    if !output.trim().is_empty() {
        causes.push(format!("the end of its output:\n{}", output.trim_end()));
    }
    told(format!("{what} {program} {ending}"), causes, hints)
}

/// What to do where its output does not say it: it was not started, or killed from outside.
pub fn start_hints(program: &str, ending: &Ending) -> Option<Vec<String>> {
    Some(match ending {
        Ending::NotStarted(NOT_FOUND, _) => vec![
            match program.contains('/') {
                true => format!("is {program} there, seen from the folder where it runs? If so, the interpreter that its #! line names, or its loader, is missing"),
                false => format!("is {program} installed here, in the PATH?"),
            },
            "an image with bellwether alone has no runtime of the app: `bellwether install PATH` copies the program into the app's own image or volume".to_owned(),
        ],
        Ending::NotStarted(NO_ACCESS, _) => {
            vec![format!("it must be a file, no folder, that this user may execute: chmod +x {program}")]
        }
        Ending::NotStarted(NO_PROGRAM, _) => vec![format!(
            "a script needs a first line such as #!/bin/sh, a binary must be one for this machine: see `file {program}`"
        )],
        Ending::NoFolder(_) => vec!["correct cwd, or create the folder before".to_owned()],
        Ending::NotStarted(..) => vec![format!("can {program} be run by hand, as this user and in this folder?")],
        Ending::Signal(9) => vec![
            "nobody but the kernel's out-of-memory killer or an operator sends SIGKILL: see the host's log".to_owned(),
        ],
        Ending::GuardLost => vec!["all that it had started was ended; deploy again".to_owned()],
        Ending::Unwatched => vec![
            "the machine was suspended, or far too busy, or bellwether was stopped: deploy again".to_owned(),
        ],
        Ending::Exit(_) | Ending::Signal(_) => return None,
    })
}

fn said_beyond(error: &DbError) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(error.code.as_ref().map(|code| format!("the database's code: {code}")));
    words.extend(error.detail.iter().map(|detail| format!("detail: {detail}")));
    words.extend(error.hint.iter().map(|hint| format!("the server's hint: {hint}")));
    words.extend(error.context.iter().map(|context| format!("context: {context}")));
    words
}

fn draw(migration: &Migration, place: &Place) -> Option<String> {
    let path = place.path.display().to_string();
    Some(snippet::draw(&path, &migration.sql, place.line?, place.column))
}

/// What PostgreSQL and SQLite say of `CREATE INDEX CONCURRENTLY`, `VACUUM`, `CREATE DATABASE` in a transaction; SQL
/// Server's numbers for `ALTER DATABASE`, `BACKUP`, full-text indexes, memory-optimized tables, procedures and the like.
fn wants_no_transaction(error: &DbError) -> bool {
    matches!(
        error.code.as_deref(),
        Some("25001" | "226" | "574" | "3021" | "3724" | "5058" | "12331" | "15002")
    ) || error.message.contains("from within a transaction")
}

fn statement_hint(migration: &Migration, history: &HistoryTable, error: &DbError) -> String {
    let path = migration.path.display();
    match error.kind {
        _ if migration.transactional && wants_no_transaction(error) => match no_transaction(history) {
            Some(how) => format!(
                "in {path}, {how}: it is run statement by statement then, so give such a statement a migration of its own"
            ),
            None => format!(
                "give this statement of {path} a migration of its own: alone, it runs without a transaction"
            ),
        },
        _ if history.has_batches()
            && migration.transactional
            && matches!(error.code.as_deref(), Some("3930" | "3998")) =>
        {
            let how = no_transaction(history).map_or_else(String::new, |how| format!(", or {how}"));
            format!(
                "an error that {path} catches ends its transaction all the same, by XACT_ABORT: ask before (IF EXISTS …) in place of catching it{how}"
            )
        }
        // another session is in the database
        _ if history.has_batches() && matches!(error.code.as_deref(), Some("5061" | "5070")) => {
            format!(
                "{path} wants the database for itself, and bellwether's second session is in it, which beats: run that statement by hand while nobody deploys"
            )
        }
        // a new value of an enum
        _ if error.code.as_deref() == Some("55P04") => {
            format!("use the new value in a later migration than the one that adds it: take it out of {path}")
        }
        DbErrorKind::LockTimeout => format!(
            "somebody holds a lock that {path} needs: find a quiet hour, end the long transaction, or raise ddl_lock_timeout or --timeout"
        ),
        DbErrorKind::Deadlock | DbErrorKind::Serialization | DbErrorKind::Busy => {
            "it collided with other sessions: deploy again".to_owned()
        }
        DbErrorKind::Privilege => {
            format!("give the leader's user the right that {path} needs, and deploy again")
        }
        DbErrorKind::Starting | DbErrorKind::TooManyConnections => {
            "the server had too much to do for it: deploy again when it has less, or give it more".to_owned()
        }
        DbErrorKind::Cancelled => {
            "somebody cancelled it on the server, or a time limit did: deploy again".to_owned()
        }
        DbErrorKind::Unsupported if error.is_drivers_own() && history.has_batches() => {
            format!("take out of {path} what selects it, or select it as nvarchar (CONVERT) or varbinary")
        }
        _ => format!("correct {path} and deploy again"),
    }
}

/// How a file of this format says that it must not run in a transaction.
fn no_transaction(history: &HistoryTable) -> Option<&'static str> {
    history.format().writer()?.no_transaction()
}

fn unsendable_hint(why: &Unsendable, history: &HistoryTable) -> String {
    match why {
        Unsendable::OwnTransaction => {
            let how = no_transaction(history).map_or_else(String::new, |how| format!(", or {how}"));
            format!(
                "script and history row are one transaction of bellwether's: take the script's own BEGIN and COMMIT out{how}"
            )
        }
        Unsendable::CopyFromStdin => {
            "write the rows as INSERT, or COPY from a file that the server can read".to_owned()
        }
        Unsendable::ClientCommand(command) => {
            let go = command.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("go"));
            let program = match command.chars().next() {
                _ if go => return of_go(command).to_owned(),
                Some('\\') => "psql",
                Some('.') => "sqlite3",
                Some(':' | '!') => "sqlcmd",
                _ => "mysql",
            };
            format!("only {program} understands such a line: take it out, or write it as SQL")
        }
    }
}

/// What to do about a line that begins with `GO` and ends no batch.
fn of_go(line: &str) -> &'static str {
    let count = line.get(2..).unwrap_or_default().trim();
    match count {
        _ if count.trim_end_matches(';').parse::<u64>().is_ok_and(|count| !(1..=10_000).contains(&count)) => {
            "GO takes a count from 1 to 10000: take out a batch that is not to run, and write a loop for one that runs more often"
        }
        _ if count.contains(';') => "a batch ends at a line that is GO and nothing else: take the `;` away",
        _ => {
            "a batch ends at a line that is GO, with a count and comments beside it at most; a name stands in brackets: [go]"
        }
    }
}

/// `place`: the folder and the database.
pub fn left_pending(
    command: &[String],
    pending: &[String],
    history: &HistoryTable,
    (folder, target): (&str, &str),
) -> Explained {
    let program = command.first().map_or("the command", String::as_str);
    let are = if pending.len() == 1 { "is" } else { "are" };
    let causes = vec![list(pending), format!("compared {folder} with {} in {target}", history.short_name())];
    told(
        format!(
            "{program} succeeded, but {} of {folder} {are} still pending",
            count(pending.len(), "migration")
        ),
        causes,
        vec![
            format!(
                "does {program} migrate this very database and schema? its own settings may name another"
            ),
            format!(
                "does it apply all of {folder}? `migrations:` names what it is to apply, and may be left out"
            ),
        ],
    )
}

pub fn history_refused(refusals: &[Refusal], history: &HistoryTable, folder: &str) -> Explained {
    let table = history.short_name();
    let title = match refusals {
        [only] => only.to_string(),
        many => format!("{} do not fit the history {table}", count(many.len(), "migration")),
    };
    let mut causes: Vec<_> =
        if refusals.len() > 1 { refusals.iter().map(ToString::to_string).collect() } else { Vec::new() };
    causes.push(format!("compared {folder} with {table}; nothing was applied"));
    let mut hints = Vec::new();
    let ours = history.format().writer().is_some();
    for hint in refusals.iter().flat_map(|refusal| refusal_hints(refusal, ours)) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    told(title, causes, hints)
}

/// `ours`: a history that we may write.
fn refusal_hints(refusal: &Refusal, ours: bool) -> Vec<String> {
    match refusal {
        Refusal::Changed { .. } => vec!["an applied migration must stay as it was: restore the file, and put the change into a new one (`history.changed: allow` accepts it)".to_owned()],
        Refusal::Missing { .. } => vec!["restore the file, or deploy a bundle that has it (`history.missing: allow` accepts it)".to_owned()],
        Refusal::Unreadable(Blind { foreign: true, .. }) => vec!["is it of another tool, or of another version of the same? `format:` in the config says which".to_owned()],
        Refusal::Unreadable(_) => vec!["put that right first, by hand or with its own tool, so that the history says again what is applied".to_owned()],
        Refusal::OutOfOrder { .. } => vec!["give it a version after the newest applied one (`history.out_of_order: allow` accepts it)".to_owned()],
        Refusal::Dirty { .. } if !ours => vec!["only its own tool can put that right, and says how when it is run".to_owned()],
        Refusal::Dirty { version, .. } => {
            vec![
                "an earlier run failed in the middle of it: its error says at which statement (`bellwether history`)".to_owned(),
                format!("either run the rest of it by hand, and say so: bellwether resolve {version} --applied"),
                format!("or undo by hand what it did, say so, and deploy again: bellwether resolve {version} --rolled-back"),
            ]
        }
    }
}

pub fn lock_not_got(lock_name: &str, waited: Duration, holder: Option<&Run>) -> Explained {
    let causes = holder.map_or_else(
        || {
            vec![
                "the ledger does not say who has it: another program, or a leader that has not claimed yet"
                    .to_owned(),
            ]
        },
        |run| {
            let step = run.current.as_ref().map(|step| format!(", at {step}")).unwrap_or_default();
            let work = match run.engine {
                EngineKind::Command => "in the middle of its command".to_owned(),
                EngineKind::Sql => format!("{}/{} done{step}", run.done, run.total),
            };
            vec![
                format!("{} has it for release {} ({work})", run.leader, run.release.short()),
                format!("{}, session {}", machine(run), run.session),
            ]
        },
    );
    let mut hints: Vec<String> =
        holder.and_then(|run| run.url.as_ref()).map(|url| format!("see {url}")).into_iter().collect();
    if holder.is_none() {
        hints.push(
            "deploy again; if it stays so, `bellwether status` and the server's list of sessions tell more"
                .to_owned(),
        );
        return told(format!("the lock {lock_name} was not free within {}", span(waited)), causes, hints);
    }
    hints.push(
        "if that leader is expected to take so long, raise lock.wait or --timeout; else see its own log"
            .to_owned(),
    );
    told(format!("the lock {lock_name} was not free within {}", span(waited)), causes, hints)
}

pub fn not_recorded(error: &DbError, applied: &[Version]) -> Explained {
    let mut causes = said(error);
    causes.push(stays_applied(applied));
    told(
        "applied, but not recorded: the ledger could not be written at the end",
        causes,
        vec![
            "deploy again: nothing is applied twice, and the next run records the success for the followers"
                .to_owned(),
        ],
    )
}

fn cut(statement: &str) -> String {
    match statement.char_indices().nth(STATEMENT) {
        Some((at, _)) => format!("{} …", &statement[..at]),
        None => statement.to_owned(),
    }
}
