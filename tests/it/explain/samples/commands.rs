//! One sample of each way in which a wrapped command, or a status command, fails.

use std::time::Duration;

use bellwether::engine::command::Ending;
use bellwether::error::{Error, StatusError};
use bellwether::status::Failure;

pub fn command_samples() -> Vec<(&'static str, Error)> {
    let history = || super::history(bellwether::database::postgres::ENGINE.dialect);
    vec![
        (
            "a history that does not get there",
            Error::HistoryLate {
                history: "schema_migrations".into(),
                waited: Duration::from_secs(1_800),
                pending: vec!["20240301120001_add_index".into(), "20240301120002_orders".into()],
                unknown: None,
                half_applied: None,
            },
        ),
        (
            "a history that says of a migration that it failed",
            Error::HistoryLate {
                history: "_prisma_migrations".into(),
                waited: Duration::from_secs(1_800),
                pending: vec!["20240301120001_add_index".into()],
                unknown: None,
                half_applied: Some(
                    "migration 20240301120001_add_index is half applied: no such column".into(),
                ),
            },
        ),
        (
            "a history that tells nothing",
            Error::HistoryLate {
                history: "alembic_version".into(),
                waited: Duration::from_secs(60),
                pending: Vec::new(),
                unknown: Some(
                    "the table alembic_version is not there, or not where this session looks".into(),
                ),
                half_applied: None,
            },
        ),
        (
            "a command that left something",
            Error::LeftPending {
                command: vec!["bin/rails".into(), "db:migrate".into()],
                pending: (1..=12).map(|number| format!("2024030112000{number}_step")).collect(),
                history: history(),
                folder: "db/migrate".into(),
                target: "db.example.com:5432/shop".into(),
            },
        ),
        (
            "a command that failed",
            Error::Command {
                command: vec!["bin/rails".into(), "db:migrate".into()],
                ending: Ending::Exit(1),
                output: "== 20240301 AddIndex: migrating ==\nrails aborted!\nrelation users does not exist\n"
                    .into(),
                check: false,
            },
        ),
        (
            "a command that is not there",
            Error::Command {
                command: vec!["bundle".into(), "exec".into(), "rake".into()],
                ending: Ending::NotStarted(2, "No such file or directory (os error 2)".into()),
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command that may not be run",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::NotStarted(13, "Permission denied (os error 13)".into()),
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command at a path that is not there",
            Error::Command {
                command: vec!["bin/rails".into(), "db:migrate".into()],
                ending: Ending::NotStarted(2, "No such file or directory (os error 2)".into()),
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command that is no program",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::NotStarted(8, "Exec format error (os error 8)".into()),
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command in a folder that is not there",
            Error::Command {
                command: vec!["bin/rails".into(), "db:migrate".into()],
                ending: Ending::NoFolder("there is no folder /srv/app (cwd)".into()),
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command that was killed",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::Signal(9),
                output: "applying 3 of 7".into(),
                check: false,
            },
        ),
        (
            "a command whose guard was killed",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::GuardLost,
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command that nobody watched",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::Unwatched,
                output: String::new(),
                check: false,
            },
        ),
        (
            "a check that failed",
            Error::Command {
                command: vec!["bin/smoke".into()],
                ending: Ending::Exit(3),
                output: "no such column".into(),
                check: true,
            },
        ),
    ]
}

fn asked(program: &str, failure: Failure, output: &str) -> Error {
    Error::Status(StatusError::Failed {
        command: vec![program.into(), "db:abort_if_pending_migrations".into()],
        failure,
        output: output.into(),
        ready: vec![0],
        pending: vec![1, 255],
    })
}

fn late(times: u32, output: &str) -> Error {
    Error::Status(StatusError::Late {
        command: vec!["bin/rails".into(), "db:abort_if_pending_migrations".into()],
        waited: Duration::from_secs(1800),
        times,
        output: output.into(),
    })
}

pub fn status_samples() -> Vec<(&'static str, Error)> {
    let ended = |program, ending, output| asked(program, Failure::Ended(ending), output);
    let not_there = || Ending::NotStarted(2, "No such file or directory (os error 2)".into());
    let silent = Failure::Silent(Duration::from_secs(60));
    vec![
        ("a status command that failed", ended("bin/rails", Ending::Exit(7), "no such host: db\n")),
        ("a status command that is not there", ended("bin/rails", not_there(), "")),
        ("a status command that crashed", ended("bin/rails", Ending::Signal(11), "")),
        ("a status command without an answer", asked("bin/rails", silent, "connecting")),
        (
            "a status command that said not yet",
            late(359, "You have 1 pending migration:\n  20240301 AddIndex\n"),
        ),
        ("a status command that said nothing", late(0, "")),
    ]
}
