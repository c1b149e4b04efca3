//! A leader's own failures.

use std::time::Duration;

use super::connection::said;
use super::{count, snippet, span, stays_applied, told};
use crate::database::DbError;
use crate::engine::step::{Place, StepError, Unsendable};
use crate::model::event::Explained;
use crate::model::ids::Version;
use crate::model::migration::Migration;
use crate::model::run::Run;
use crate::plan::pending::Refusal;

/// A statement longer than this is cut in messages.
const STATEMENT: usize = 1000;

pub fn step(migration: &Migration, error: &StepError, applied: &[Version], target: &str) -> Explained {
    let name = &migration.name;
    let mut explained = match error {
        StepError::Statement { place, statement, error, applied: statements, dirty } => {
            let mut explained = told(format!("{name} failed: {}", error.message), said_beyond(error), vec![]);
            explained.snippet = draw(migration, place, &error.message);
            if explained.snippet.is_none() && !statement.is_empty() {
                explained.causes.push(format!("in: {}", cut(statement)));
            }
            explained.causes.push(aftermath(*statements, *dirty));
            explained.hints = statement_hints(migration, *statements, *dirty);
            explained
        }
        StepError::Unsendable { place, why, .. } => {
            let mut explained = told(format!("{name} cannot be run: {why}"), vec![], vec![unsendable_hint(why)]);
            explained.snippet = draw(migration, place, "here");
            explained.causes.push("nothing of it was sent".to_owned());
            explained
        }
        StepError::InvalidIndex { indexes, .. } => told(
            format!("{name} left {} that the server does not use: {}", count(indexes.len(), "invalid index"), indexes.join(", ")),
            vec!["CREATE INDEX CONCURRENTLY with IF NOT EXISTS skips an invalid index that an earlier try left behind".to_owned()],
            vec![format!("DROP INDEX CONCURRENTLY {}; and build it again", indexes.join(", "))],
        ),
        StepError::Bookkeeping { what, error, .. } => told(
            format!("{name} could not be applied: {what} failed"),
            said(error),
            vec!["did the script change a setting, a role or the history's table that the next statement needs?".to_owned()],
        ),
        StepError::FenceLost(reason) => told(format!("{name} was not applied: {reason}"), vec![], vec![]),
        StepError::Stopped { applied } => {
            told(format!("{name} was stopped after {}", count(*applied, "statement")), vec![], vec![])
        }
    };
    explained.causes.push(format!("{} on {target}", stays_applied(applied)));
    explained
}

fn said_beyond(error: &DbError) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(error.code.as_ref().map(|code| format!("the database's code: {code}")));
    words.extend(error.detail.iter().map(|detail| format!("detail: {detail}")));
    words.extend(error.hint.iter().map(|hint| format!("the server's hint: {hint}")));
    words
}

fn draw(migration: &Migration, place: &Place, label: &str) -> Option<String> {
    let path = place.path.display().to_string();
    Some(snippet::draw(&path, &migration.sql, place.line?, place.column, label))
}

fn aftermath(statements: usize, dirty: bool) -> String {
    match (dirty, statements) {
        (false, _) => "nothing of this script is applied".to_owned(),
        (true, 0) => {
            "the script may be half applied: the server does not take this statement back".to_owned()
        }
        (true, done) => {
            format!("{} of this script stay applied: it is half applied (dirty)", count(done, "statement"))
        }
    }
}

fn statement_hints(migration: &Migration, statements: usize, dirty: bool) -> Vec<String> {
    if !dirty {
        return vec![format!("correct {} and deploy again", migration.path.display())];
    }
    let mut hints = vec![format!(
        "no run goes on before somebody has looked: finish the script by hand from statement {}, or undo what it did",
        statements + 1
    )];
    hints.push(dirty_advice(&migration.version));
    hints
}

/// Until there is a command for it, the history's row is set by hand.
fn dirty_advice(version: &Version) -> String {
    format!(
        "then say so in the history: `UPDATE _sqlx_migrations SET success = TRUE WHERE version = {version}` if it is applied now, or `DELETE FROM _sqlx_migrations WHERE version = {version}` if it is undone"
    )
}

fn unsendable_hint(why: &Unsendable) -> String {
    match why {
        Unsendable::OwnTransaction => "bellwether runs the script and its history row in one transaction: take BEGIN and COMMIT out, or make `-- no-transaction` the file's first line".to_owned(),
        Unsendable::CopyFromStdin => "write the rows as INSERT, or COPY from a file that the server can read".to_owned(),
        Unsendable::ClientCommand(_) => "only psql, mysql or sqlite3 understand such lines: take it out".to_owned(),
    }
}

pub fn history_refused(refusals: &[Refusal], history: &str, folder: &str) -> Explained {
    let title = match refusals {
        [only] => only.to_string(),
        many => format!("{} do not fit the history {history}", count(many.len(), "migration")),
    };
    let causes = match refusals {
        [_] => vec![format!("compared {folder} with {history}; nothing was applied")],
        many => {
            let mut causes: Vec<_> = many.iter().map(ToString::to_string).collect();
            causes.push(format!("compared {folder} with {history}; nothing was applied"));
            causes
        }
    };
    let mut hints = Vec::new();
    for refusal in refusals {
        let hint = match refusal {
            Refusal::Changed { .. } => "an applied migration must stay as it was: restore the file, and put the change into a new one (history.changed: allow accepts it)".to_owned(),
            Refusal::Missing { .. } => "restore the file, or deploy a bundle that has it (history.missing: allow accepts it)".to_owned(),
            Refusal::OutOfOrder { .. } => "rename it to a version after the newest applied one (history.out_of_order: allow accepts it)".to_owned(),
            Refusal::Dirty { version, .. } => format!("look at what it left behind, and finish or undo it by hand; {}", dirty_advice(version)),
        };
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    told(title, causes, hints)
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
            vec![
                format!(
                    "{} has it for release {} ({}/{} done{step})",
                    run.leader,
                    run.release.short(),
                    run.done,
                    run.total
                ),
                format!("on {} ({}), session {}", run.host, run.platform, run.session),
            ]
        },
    );
    let mut hints: Vec<String> =
        holder.and_then(|run| run.url.as_ref()).map(|url| format!("see {url}")).into_iter().collect();
    hints.push("raise --timeout or lock.wait if that leader is expected to take longer".to_owned());
    told(format!("the lock {lock_name} was not free within {}", span(waited)), causes, hints)
}

pub fn lock_lost(reason: &str, step: Option<&str>, applied: &[Version]) -> Explained {
    let during = step.map(|step| format!(" during {step}")).unwrap_or_default();
    told(
        format!("the lock was lost{during}: {reason}"),
        vec![
            "the work was stopped at once, since another leader may begin".to_owned(),
            stays_applied(applied),
        ],
        vec!["deploy again: what is recorded is not applied twice; see the server's log for why the session ended".to_owned()],
    )
}

pub fn budget_ended(budget: Duration, step: Option<&str>, applied: &[Version]) -> Explained {
    let during = step.map(|step| format!(" during {step}")).unwrap_or_default();
    told(
        format!("the time for this deploy ({}) ended{during}", span(budget)),
        vec!["its statement was cancelled on the server".to_owned(), stays_applied(applied)],
        vec![
            "give it longer with --timeout, if the platform allows it; or make the migration smaller"
                .to_owned(),
        ],
    )
}

pub fn signalled(signal: u8, step: Option<&str>, applied: &[Version]) -> Explained {
    let name = crate::exit::signal_name(signal);
    match step {
        Some(step) => told(
            format!("{name} ended the run during {step}"),
            vec![
                "its statement was cancelled on the server, and the lock is free".to_owned(),
                stays_applied(applied),
            ],
            vec!["deploy again: what is recorded is not applied twice".to_owned()],
        ),
        None => told(format!("ended by {name}"), vec![stays_applied(applied)], vec![]),
    }
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
