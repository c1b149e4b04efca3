//! One sample of each error, as it comes at three in the morning.

mod commands;
mod files;
mod github;
mod heroku;
mod operate;
mod scaffold;
mod steps;
mod usage;

use std::io;
use std::time::Duration;

use bellwether::cli::Request;
use bellwether::config;
use bellwether::database::url::UrlError;
use bellwether::database::{DbError, DbErrorKind, Dialect, EngineName, mysql, postgres};
use bellwether::engine::step::{Place, StepError, Unsendable};
use bellwether::error::{AtWork, Cut, Doing, Elsewhere, Error, Seeking};
use bellwether::formats::{FORMATS, FormatError};
use bellwether::ledger::history::HistoryTable;
use bellwether::model::migration::Migration;
use bellwether::model::run::{EngineKind, LockMode, Run, RunStatus};
use bellwether::plan::PlanError;
use bellwether::plan::pending::{Blind, Refusal};

use super::kinds;

pub use github::github_samples;
pub use heroku::heroku_samples;
pub use operate::operate_samples;
pub use scaffold::scaffold_samples;
pub use steps::step_samples;
pub use usage::{format_samples, plan_samples, url_samples};

const PLACE: &str = "db.internal:5432/shop";

fn server_says(kind: DbErrorKind, code: &str, message: &str) -> DbError {
    DbError { code: Some(code.into()), ..DbError::new(kind, message) }
}

fn run(status: RunStatus) -> Run {
    let over = status != RunStatus::Running;
    Run {
        id: "0d9f4f0e-1d2b-4c5a-8f5e-2a6b7c8d9e0f".into(),
        environment: "production".into(),
        lock_name: "default".into(),
        lock_mode: LockMode::Session,
        release: "4f2c1d9".into(),
        digest: "d".into(),
        deploy: None,
        leader: "shop-web".into(),
        platform: "kubernetes".into(),
        host: "node-7".into(),
        url: Some("https://ci.example/run/42".into()),
        engine: EngineKind::Sql,
        session: "4711@1700000000".into(),
        status,
        fence: 7,
        beats: 3,
        total: 7,
        done: 3,
        current: (!over).then(|| "20240301_add_index".into()),
        error: (status == RunStatus::Failed)
            .then(|| "20240301_add_index.sql failed: relation \"order\" does not exist".into()),
        failed_step: (status == RunStatus::Failed).then(|| "20240301_add_index".into()),
        started_at: 0,
        beat_at: 0,
        finished_at: over.then_some(1),
        ended_by: match status {
            RunStatus::Interrupted => Some("SIGTERM in shop-web".into()),
            RunStatus::Abandoned => Some("found silent by shop-worker".into()),
            _ => None,
        },
    }
}

fn seeking(others: Vec<Run>) -> Seeking {
    let release = Some("4f2c1d9".to_owned());
    Seeking {
        lock_name: "default".into(),
        environment: "production".into(),
        release,
        leader: None,
        others,
        place: None,
    }
}

fn elsewhere() -> Seeking {
    let place = Elsewhere::Deployments { repository: "acme/shop".into() };
    Seeking { place: Some(Box::new(place)), ..seeking(vec![]) }
}

fn other() -> Run {
    let id = "5b1f7a52-90c4-4f0e-a3d8-6e2c1d9b8a70".into();
    Run { id, release: "77aa001".into(), environment: "staging".into(), ..run(RunStatus::Succeeded) }
}

pub fn history(dialect: &'static Dialect) -> HistoryTable {
    HistoryTable::new(dialect, FORMATS[0], None)
}

fn migration() -> Migration {
    Migration {
        version: "20240301".into(),
        name: "20240301_add_index.sql".into(),
        description: "add index".into(),
        path: "db/migrations/20240301_add_index.sql".into(),
        sql: "-- orders\nCREATE INDEX orders_by_day\n    ON order (day);\n\nANALYZE;\n".into(),
        checksum: vec![],
        transactional: true,
        follows: Vec::new(),
    }
}

fn step(dialect: &'static Dialect, error: StepError) -> Error {
    Error::Step {
        migration: Box::new(migration()),
        error: Box::new(error),
        applied: vec!["20240101".into(), "20240215".into()],
        history: history(dialect),
        target: PLACE.into(),
    }
}

fn place(line: Option<usize>, column: Option<usize>) -> Place {
    Place { path: migration().path, line, column }
}

fn statement(place: Place, error: DbError, applied: usize, dirty: bool) -> StepError {
    let statement = "CREATE INDEX orders_by_day\n    ON order (day)".into();
    StepError::Statement { place, statement, error, applied, dirty }
}

fn config_error() -> Error {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bellwether.yml"), "environments:\n  production:\n    tiemout: 5m\n")
        .unwrap();
    let env = |_: &str| None;
    let request = Request::from_env_and_args(["bellwether", "plan"], &env).unwrap();
    config::load(&request, folder.path(), &env).unwrap_err().into()
}

fn denied() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

/// Samples with a name of their own each.
pub fn error_samples() -> Vec<(&'static str, Error)> {
    let applied = || vec!["20240101".into(), "20240215".into()];
    let grants = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let denied = |message: &str| server_says(DbErrorKind::Privilege, "42501", message);
    let mut samples = vec![
        ("a misspelt key", config_error()),
        ("no leader named", PlanError::NotDesignated { platform: "heroku".into() }.into()),
        ("no folder", FormatError::NoFolder { folder: "db/migrations".into() }.into()),
        ("no URL", UrlError::NoScheme.into()),
        ("no database", Error::NoDatabase { environment: "production".into(), variable: Some("PGHOST") }),
        ("no database name", Error::NoDatabaseName { target: "mysql://app@db.example.com:3306".into() }),
        (
            "a file that cannot be written",
            Error::Write { path: "/out/bellwether".into(), source: self::denied() },
        ),
        (
            "a refused connection",
            Error::Database {
                doing: Doing::Connecting,
                engine: EngineName::Postgres,
                target: PLACE.into(),
                error: DbError::new(DbErrorKind::Refused, "Connection refused (os error 111)"),
            },
        ),
        (
            "a reader without rights",
            Error::NoPrivilege {
                doing: Doing::Looking,
                target: PLACE.into(),
                error: denied("permission denied for table bellwether_runs"),
                grants: grants(&["GRANT SELECT ON \"public\".\"bellwether_runs\" TO \"reader\";"]),
            },
        ),
        (
            "a leader without rights",
            Error::NoPrivilege {
                doing: Doing::Installing,
                target: PLACE.into(),
                error: denied("permission denied for schema public"),
                grants: grants(&["GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"app\";"]),
            },
        ),
        (
            "a leader beside tables of another's",
            Error::NoPrivilege {
                doing: Doing::Completing,
                target: PLACE.into(),
                error: denied("must be owner of table bellwether_runs"),
                grants: grants(&["ALTER TABLE IF EXISTS \"public\".\"bellwether_runs\" OWNER TO \"app\";"]),
            },
        ),
        (
            "a schema that is not there",
            Error::NamedInVain {
                key: "ledger.schema",
                names: vec!["ops".into()],
                create: grants(&["CREATE SCHEMA \"ops\";"]),
                target: PLACE.into(),
                error: server_says(DbErrorKind::MissingTable, "3F000", "schema \"ops\" does not exist")
                    .into(),
            },
        ),
        (
            "readers that are not there",
            Error::NamedInVain {
                key: "ledger.readers",
                names: vec!["web".into(), "worker".into()],
                create: grants(&["CREATE USER `web`@`%`;", "CREATE USER `worker`@`%`;"]),
                target: "db.internal:3306/shop".into(),
                error: server_says(
                    DbErrorKind::Statement,
                    "1133",
                    "Can't find any matching row in the user table",
                )
                .into(),
            },
        ),
        (
            "a user without rights on the database",
            Error::NoPrivilege {
                doing: Doing::Connecting,
                target: "db.internal:3306/shop".into(),
                error: server_says(
                    DbErrorKind::Privilege,
                    "1044",
                    "Access denied for user 'app'@'%' to database 'shop'",
                ),
                grants: grants(&["GRANT ALL ON `shop`.* TO `app`@`%`;"]),
            },
        ),
        (
            "a connection that was tried for a while",
            Error::Database {
                doing: Doing::Connecting,
                engine: EngineName::MySql,
                target: "db.internal:3306/shop".into(),
                error: DbError::new(DbErrorKind::Timeout, "no connection within 3 s"),
            }
            .tried(Duration::from_millis(3012), 5),
        ),
        (
            "a command that wraps bellwether",
            Error::InsideOwnRun { run: "r7".into(), leader: "shop-web".into() },
        ),
        ("a standby", Error::ReadOnlyServer { target: PLACE.into(), server: "PostgreSQL 15.18".into() }),
        (
            "a pooler",
            Error::UnsafeLock {
                engine: EngineName::Postgres,
                pooled: true,
                target: PLACE.into(),
                reason: "a pooler in transaction mode stands in between".into(),
            },
        ),
        (
            "a Galera cluster",
            Error::UnsafeLock {
                engine: EngineName::MySql,
                pooled: false,
                target: "db.internal:3306/shop".into(),
                reason: "each node of a Galera cluster has session locks of its own".into(),
            },
        ),
        (
            "a network file system",
            Error::UnsafeLock {
                engine: EngineName::Sqlite,
                pooled: false,
                target: "/mnt/shop.db".into(),
                reason: "the database is on a network file system (nfs)".into(),
            },
        ),
        ("a newer ledger", Error::LedgerNewer { min_reader: 2 }),
        (
            "an unknown word",
            Error::LedgerUnreadable { what: "status of the run 0d9f4f0e is \"paused\"".into() },
        ),
        (
            "a lock that somebody has",
            Error::LockNotGot {
                lock_name: "default".into(),
                waited: Duration::from_secs(600),
                holder: Some(Box::new(run(RunStatus::Running))),
            },
        ),
        (
            "a lock that a command holds",
            Error::LockNotGot {
                lock_name: "default".into(),
                waited: Duration::from_secs(600),
                holder: Some(Box::new(Run { engine: EngineKind::Command, ..run(RunStatus::Running) })),
            },
        ),
        (
            "a lock that nobody claims",
            Error::LockNotGot { lock_name: "default".into(), waited: Duration::from_secs(90), holder: None },
        ),
        (
            "a lost lock",
            Error::LockLost {
                reason: "the work session does not hold it any more".into(),
                step: Some(AtWork::Migration("20240301_add_index".into())),
                applied: applied(),
                cut: Cut { half_applied: true, ..Cut::default() },
            },
        ),
        (
            "a lost lock during a command",
            Error::LockLost {
                reason: "the server has freed it: our session does not hold it any more".into(),
                step: Some(AtWork::Command("bin/rails".into())),
                applied: vec![],
                cut: Cut::default(),
            },
        ),
        (
            "one refusal",
            Error::HistoryRefused {
                refusals: vec![Refusal::Changed {
                    version: "20240101".into(),
                    name: "20240101_users.sql".into(),
                }],
                history: history(&postgres::DIALECT),
                folder: "db/migrations".into(),
            },
        ),
        (
            "several refusals",
            Error::HistoryRefused {
                refusals: refusal_samples(),
                history: history(&postgres::DIALECT),
                folder: "db/migrations".into(),
            },
        ),
        ("a failed statement", step_samples().remove(0).1),
        (
            "the budget in the middle of work",
            Error::BudgetEnded {
                budget: Duration::from_secs(1800),
                step: Some(AtWork::Migration("20240301_add_index".into())),
                applied: applied(),
                cut: Cut { half_applied: true, ..Cut::default() },
                waited_for: Some("canceling statement due to lock timeout".into()),
            },
        ),
        (
            "the budget during a command",
            Error::BudgetEnded {
                budget: Duration::from_secs(1800),
                step: Some(AtWork::Command("bin/rails".into())),
                applied: vec![],
                cut: Cut::default(),
                waited_for: None,
            },
        ),
        (
            "the budget between migrations",
            Error::BudgetEnded {
                budget: Duration::from_secs(1800),
                step: None,
                applied: vec![],
                cut: Cut::default(),
                waited_for: None,
            },
        ),
        (
            "a signal in the middle of work",
            Error::Signalled {
                signal: 15,
                step: Some(AtWork::Migration("20240301_add_index".into())),
                waiting: None,
                applied: applied(),
                cut: Cut::default(),
            },
        ),
        (
            "a signal that the server has not answered",
            Error::Signalled {
                signal: 15,
                step: Some(AtWork::Migration("20240301_add_index".into())),
                waiting: None,
                applied: applied(),
                cut: Cut { unanswered: true, ..Cut::default() },
            },
        ),
        (
            "a signal during a command",
            Error::Signalled {
                signal: 15,
                step: Some(AtWork::Command("bin/rails".into())),
                waiting: None,
                applied: vec![],
                cut: Cut::default(),
            },
        ),
        (
            "a signal between migrations",
            Error::Signalled {
                signal: 15,
                step: None,
                waiting: None,
                applied: applied(),
                cut: Cut::default(),
            },
        ),
        (
            "a signal while waiting",
            Error::Signalled { signal: 2, step: None, waiting: None, applied: vec![], cut: Cut::default() },
        ),
        (
            "a signal while following",
            Error::Signalled {
                signal: 15,
                step: None,
                waiting: Some("shop-web is at work, 3 of 7 migrations done".into()),
                applied: vec![],
                cut: Cut::default(),
            },
        ),
        (
            "a verdict that could not be written",
            Error::NotRecorded {
                error: DbError::new(DbErrorKind::ConnectionLost, "connection reset by peer"),
                applied: applied(),
            },
        ),
        ("a leader that failed", Error::LeaderFailed { run: Box::new(run(RunStatus::Failed)) }),
        (
            "a leader that was interrupted",
            Error::LeaderInterrupted { run: Box::new(run(RunStatus::Interrupted)) },
        ),
        (
            "a leader with other migrations",
            Error::BundleNotApplied {
                run: Box::new(Run { done: 7, ..run(RunStatus::Succeeded) }),
                pending: vec!["20240401".into(), "20240402".into()],
            },
        ),
        ("a silent leader", Error::LeaderDied { run: Some(Box::new(run(RunStatus::Running))) }),
        ("an abandoned leader", Error::LeaderDied { run: Some(Box::new(run(RunStatus::Abandoned))) }),
        (
            "a leader interrupted before",
            Error::LeaderDied { run: Some(Box::new(run(RunStatus::Interrupted))) },
        ),
        ("a run that is gone", Error::LeaderDied { run: None }),
        (
            "nobody began",
            Error::LeaderNeverStarted { waited: Duration::from_secs(900), seeking: seeking(vec![other()]) },
        ),
        (
            "nobody of the leader's name",
            Error::LeaderNeverStarted {
                waited: Duration::from_secs(900),
                seeking: Seeking { leader: Some("shop-web".into()), ..seeking(vec![]) },
            },
        ),
        (
            "nobody began by GitHub's deployments",
            Error::LeaderNeverStarted { waited: Duration::from_secs(900), seeking: elsewhere() },
        ),
        (
            "a leader still at work by GitHub's deployments",
            Error::LeaderLate {
                run: Some(Box::new(Run { session: String::new(), total: 0, ..run(RunStatus::Running) })),
                at_work: true,
                waited: Duration::from_secs(1800),
                pending: None,
                seeking: elsewhere(),
            },
        ),
        (
            "a leader interrupted by GitHub's deployments",
            Error::LeaderInterrupted {
                run: Box::new(Run { session: String::new(), total: 0, ..run(RunStatus::Interrupted) }),
            },
        ),
        (
            "a leader still at work",
            Error::LeaderLate {
                run: Some(Box::new(run(RunStatus::Running))),
                at_work: true,
                waited: Duration::from_secs(1800),
                pending: Some(vec!["20240301".into()]),
                seeking: seeking(vec![run(RunStatus::Running)]),
            },
        ),
        (
            "nobody at work",
            Error::LeaderLate {
                run: Some(Box::new(run(RunStatus::Abandoned))),
                at_work: false,
                waited: Duration::from_secs(1800),
                pending: None,
                seeking: seeking(
                    (0..7)
                        .map(|number| Run { leader: format!("shop-{number}").as_str().into(), ..other() })
                        .collect(),
                ),
            },
        ),
        (
            "no run at all",
            Error::LeaderLate {
                run: None,
                at_work: false,
                waited: Duration::from_secs(61),
                pending: None,
                seeking: Seeking { release: None, ..seeking(vec![]) },
            },
        ),
        ("no token for GitHub", github_samples().remove(2).into()),
        ("no token for Heroku", heroku_samples().remove(5).into()),
        ("not ready", Error::NotReady { reason: "2 migrations are pending".into() }),
        ("a bug", Error::Bug { what: "no session after opening one".into() }),
    ];
    samples.extend(commands::command_samples());
    samples.extend(commands::status_samples());
    samples.extend(heroku::of_releases());
    samples.extend(files::file_samples());
    samples.push(("a run that is not there", operate_samples().remove(1).into()));
    samples.push(("a config that is there", scaffold_samples().remove(0).into()));
    samples
}

pub fn refusal_samples() -> Vec<Refusal> {
    let name = || "20240101_users.sql".to_owned();
    vec![
        Refusal::Changed { version: "20240101".into(), name: name() },
        Refusal::Missing { version: "20240102".into(), description: "orders".into() },
        Refusal::Dirty { version: "20240103".into(), name: "20240103_days.sql".into(), error: None },
        Refusal::Unreadable(Blind {
            why: "_sqlx_migrations is not as sqlx has it: no such column: checksum".into(),
            foreign: true,
        }),
        Refusal::Unreadable("schema_migrations: its row has a null".to_owned().into()),
        Refusal::OutOfOrder {
            version: "20231231".into(),
            name: "20231231_late.sql".into(),
            newest: "20240103".into(),
        },
    ]
}

/// Each kind once per engine: what is true of a server is not true of a file.
pub fn kind_samples(engine: EngineName) -> Vec<(&'static str, Error)> {
    let target = if engine == EngineName::Sqlite { "/srv/shop.db" } else { PLACE };
    let all = [
        DbErrorKind::HostNotFound,
        DbErrorKind::Refused,
        DbErrorKind::Timeout,
        DbErrorKind::Tls,
        DbErrorKind::Certificate,
        DbErrorKind::Protocol,
        DbErrorKind::Auth,
        DbErrorKind::UnknownDatabase,
        DbErrorKind::Unopened,
        DbErrorKind::TooManyConnections,
        DbErrorKind::Starting,
        DbErrorKind::ShuttingDown,
        DbErrorKind::ConnectionLost,
        DbErrorKind::ReadOnly,
        DbErrorKind::Privilege,
        DbErrorKind::MissingTable,
        DbErrorKind::MissingColumn,
        DbErrorKind::AlreadyExists,
        DbErrorKind::LockTimeout,
        DbErrorKind::Deadlock,
        DbErrorKind::Serialization,
        DbErrorKind::Busy,
        DbErrorKind::Cancelled,
        DbErrorKind::FenceLost,
        DbErrorKind::Unsupported,
        DbErrorKind::Statement,
    ];
    let sample = |kind: DbErrorKind| {
        let doing = match kind {
            _ if kind.passes_at_first() => Doing::Connecting,
            DbErrorKind::Privilege => Doing::Connecting,
            _ => Doing::Claiming,
        };
        let error = DbError::new(kind, "the database's own words");
        (kinds::name(&kind), Error::Database { doing, engine, target: target.into(), error })
    };
    all.map(sample).into()
}
