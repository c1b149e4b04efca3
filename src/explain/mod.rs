//! Errors as prose: what happened, to what, why, and what to do next. All of it stands here, so that it can be read as
//! a whole; everywhere else errors are facts. Each variant has a snapshot in `tests/it/explain.rs`.

mod asked;
mod connection;
mod cut;
mod github;
mod half;
mod here;
mod heroku;
mod marks;
mod operate;
mod scaffold;
mod setup;
mod snippet;
mod verdict;
mod work;

use crate::error::Error;
use crate::model::event::Explained;

pub use here::{explain_here, with_flags};
pub use marks::{refused, unsendable};

/// What to tell the person who was woken up.
pub fn explain(error: &Error) -> Explained {
    Explained { marks: marks::of(error), ..in_words(error) }
}

fn in_words(error: &Error) -> Explained {
    match error {
        Error::Config(error) => setup::config(error),
        Error::Plan(error) => setup::plan(error),
        Error::Format(error) => setup::format(error),
        Error::Url(error) => setup::url(error),
        Error::NoDatabase { environment, variable } => setup::no_database(environment, *variable),
        Error::NoDatabaseName { target } => setup::no_database_name(target),
        Error::Write { path, source } => setup::write(path, source),
        Error::Database { doing, engine, target, error } => {
            connection::database(*doing, *engine, target, error)
        }
        Error::NoPrivilege { doing, target, error, grants } => {
            connection::no_privilege(*doing, target, error, grants)
        }
        Error::NamedInVain { key, names, create, target, error } => {
            connection::named_in_vain(key, names, create, target, error)
        }
        Error::InsideOwnRun { run, leader } => setup::inside_own_run(run, leader),
        Error::ReadOnlyServer { target, server } => connection::read_only(target, server),
        Error::UnsafeLock { engine, pooled, target, reason } => {
            connection::unsafe_lock(*engine, *pooled, target, reason)
        }
        Error::LedgerNewer { min_reader } => connection::ledger_newer(*min_reader),
        Error::LedgerUnreadable { what } => connection::ledger_unreadable(what),
        Error::LockNotGot { lock_name, waited, holder } => {
            work::lock_not_got(lock_name, *waited, holder.as_deref())
        }
        Error::LockLost { reason, step, applied, cut } => {
            cut::lock_lost(reason, step.as_ref(), applied, *cut)
        }
        Error::HistoryRefused { refusals, history, folder } => {
            work::history_refused(refusals, history, folder)
        }
        Error::Step { migration, error, applied, history, target } => {
            work::step(migration, error, applied, history, target)
        }
        Error::HistoryLate { history, waited, pending, unknown, half_applied } => {
            let (unknown, half_applied) = (unknown.as_deref(), half_applied.as_deref());
            verdict::history_late(history, *waited, pending, unknown, half_applied)
        }
        Error::LeftPending { command, pending, history, folder, target } => {
            work::left_pending(command, pending, history, (folder, target))
        }
        Error::Command { command, ending, output, check } => work::command(command, ending, output, *check),
        Error::BudgetEnded { budget, step, applied, cut, waited_for } => {
            cut::budget_ended(*budget, step.as_ref(), applied, *cut, waited_for.as_deref())
        }
        Error::FilesLate { folder, budget, role } => setup::files_late(folder, *budget, *role),
        Error::Signalled { signal, waiting: Some(waiting), .. } => cut::stopped_waiting(*signal, waiting),
        Error::Signalled { signal, step, applied, cut, .. } => {
            cut::signalled(*signal, step.as_ref(), applied, *cut)
        }
        Error::NotRecorded { error, applied } => work::not_recorded(error, applied),
        Error::LeaderFailed { run } => verdict::leader_failed(run),
        Error::LeaderInterrupted { run } => verdict::leader_interrupted(run),
        Error::BundleNotApplied { run, pending } => verdict::bundle_not_applied(run, pending),
        Error::LeaderDied { run } => verdict::leader_died(run.as_deref()),
        Error::LeaderNeverStarted { waited, seeking } => verdict::leader_never_started(*waited, seeking),
        Error::LeaderLate { run, at_work, waited, pending, seeking } => {
            verdict::leader_late(run.as_deref(), *at_work, *waited, pending.as_deref(), seeking)
        }
        Error::Status(error) => asked::status(error),
        Error::Github(error) => github::github(error),
        Error::Heroku(error) => heroku::heroku(error),
        Error::Operate(error) => operate::operate(error),
        Error::Scaffold(error) => scaffold::scaffold(error),
        Error::NotReady { reason } => verdict::not_ready(reason),
        Error::Bug { what } => bug(what),
    }
}

fn bug(what: &str) -> Explained {
    told(
        format!("this is a bug in bellwether: {what}"),
        vec![],
        vec!["please report it, with the output of the same command with -vv".to_owned()],
    )
}

fn told(title: impl Into<String>, causes: Vec<String>, hints: Vec<String>) -> Explained {
    Explained { title: title.into(), causes, snippet: None, hints, marks: Vec::new() }
}

/// `1 migration`, `2 migrations`.
fn count(number: usize, noun: &str) -> String {
    let many = if noun.ends_with(['h', 'x']) { "es" } else { "s" };
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}{many}") }
}

/// `50 s`, `15 min`, `1 h 30 min`: as configs write them, with blanks.
fn span(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) if duration.as_millis() < 1000 => format!("{} ms", duration.as_millis()),
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// The machine of a run, for people: the platform's name only where it tells something.
fn machine(run: &crate::model::run::Run) -> String {
    match run.platform.as_str() {
        "plain" => format!("on the host {}", run.host),
        platform => format!("on {} ({platform})", run.host),
    }
}

/// What stays applied after an end in the middle.
fn stays_applied(applied: &[crate::model::ids::Version]) -> String {
    match applied {
        [] => "this run had applied no migration before".to_owned(),
        [only] => format!("applied before and still in place: {only}"),
        [first, .., last] => {
            format!(
                "applied before and still in place: {} from {first} to {last}",
                count(applied.len(), "migration")
            )
        }
    }
}
