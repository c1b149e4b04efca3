//! Every error, read aloud: one sample of each variant, explained. A variant without a sample fails, and so does a
//! sentence that says a thing twice, shows Rust's insides, or leaves its reader without a next step.

mod samples;

use std::fmt::Write as _;

use bellwether::database::url::UrlError;
use bellwether::database::{DbErrorKind, EngineName, mysql};
use bellwether::engine::step::{StepError, Unsendable};
use bellwether::error::{Error, GithubError, HerokuError, OperateError, ScaffoldError};
use bellwether::explain::explain;
use bellwether::formats::FormatError;
use bellwether::plan::PlanError;
use bellwether::plan::pending::Refusal;

use samples::{
    error_samples, format_samples, github_samples, heroku_samples, history, kind_samples, operate_samples,
    plan_samples, refusal_samples, scaffold_samples, step_samples, url_samples,
};

/// The names of an enum's variants, and which one a value is: a new variant does not compile until it has a name here,
/// and does not pass until it has a sample.
macro_rules! variants {
    ($module:ident: $type:ty { $($name:literal => $pattern:pat),+ $(,)? }) => {
        mod $module {
            use super::*;
            pub const NAMES: &[&str] = &[$($name),+];
            pub fn name(value: &$type) -> &'static str {
                match value { $($pattern => $name),+ }
            }
        }
    };
}

variants! { errors: Error {
    "config" => Error::Config(_),
    "plan" => Error::Plan(_),
    "format" => Error::Format(_),
    "url" => Error::Url(_),
    "no database" => Error::NoDatabase { .. },
    "no database name" => Error::NoDatabaseName { .. },
    "write" => Error::Write { .. },
    "database" => Error::Database { .. },
    "no privilege" => Error::NoPrivilege { .. },
    "named in vain" => Error::NamedInVain { .. },
    "inside own run" => Error::InsideOwnRun { .. },
    "read-only server" => Error::ReadOnlyServer { .. },
    "unsafe lock" => Error::UnsafeLock { .. },
    "ledger newer" => Error::LedgerNewer { .. },
    "ledger unreadable" => Error::LedgerUnreadable { .. },
    "lock not got" => Error::LockNotGot { .. },
    "lock lost" => Error::LockLost { .. },
    "history refused" => Error::HistoryRefused { .. },
    "step" => Error::Step { .. },
    "command" => Error::Command { .. },
    "history late" => Error::HistoryLate { .. },
    "left pending" => Error::LeftPending { .. },
    "budget ended" => Error::BudgetEnded { .. },
    "files late" => Error::FilesLate { .. },
    "signalled" => Error::Signalled { .. },
    "not recorded" => Error::NotRecorded { .. },
    "leader failed" => Error::LeaderFailed { .. },
    "leader interrupted" => Error::LeaderInterrupted { .. },
    "bundle not applied" => Error::BundleNotApplied { .. },
    "leader died" => Error::LeaderDied { .. },
    "leader never started" => Error::LeaderNeverStarted { .. },
    "leader late" => Error::LeaderLate { .. },
    "status" => Error::Status(_),
    "github" => Error::Github(_),
    "heroku" => Error::Heroku(_),
    "operate" => Error::Operate(_),
    "scaffold" => Error::Scaffold(_),
    "not ready" => Error::NotReady { .. },
    "bug" => Error::Bug { .. },
} }

variants! { steps: StepError {
    "statement" => StepError::Statement { .. },
    "own transaction" => StepError::Unsendable { why: Unsendable::OwnTransaction, .. },
    "copy from stdin" => StepError::Unsendable { why: Unsendable::CopyFromStdin, .. },
    "client command" => StepError::Unsendable { why: Unsendable::ClientCommand(_), .. },
    "invalid index" => StepError::InvalidIndex { .. },
    "bookkeeping" => StepError::Bookkeeping { .. },
    "fence lost" => StepError::FenceLost { .. },
    "stopped" => StepError::Stopped { .. },
} }

variants! { refusals: Refusal {
    "changed" => Refusal::Changed { .. },
    "missing" => Refusal::Missing { .. },
    "dirty" => Refusal::Dirty { .. },
    "unreadable" => Refusal::Unreadable(..),
    "out of order" => Refusal::OutOfOrder { .. },
} }

variants! { operate: OperateError {
    "half a ledger" => OperateError::LedgerHalf { .. },
    "no such run" => OperateError::NoSuchRun { .. },
    "ambiguous run" => OperateError::AmbiguousRun { .. },
    "holder alive" => OperateError::HolderAlive { .. },
    "foreign holder" => OperateError::ForeignHolder { .. },
    "not confirmed" => OperateError::NotConfirmed { .. },
    "no migrations" => OperateError::NoMigrations,
    "only checked" => OperateError::OnlyChecked { .. },
    "unknown version" => OperateError::UnknownVersion { .. },
    "whole migration" => OperateError::WholeMigration { .. },
    "older pending" => OperateError::OlderPending { .. },
    "ailing" => OperateError::Ailing { .. },
    "session stays" => OperateError::SessionStays { .. },
} }

variants! { scaffold: ScaffoldError {
    "already there" => ScaffoldError::AlreadyThere { .. },
    "nothing here" => ScaffoldError::NothingHere { .. },
    "several folders" => ScaffoldError::SeveralFolders { .. },
    "bad name" => ScaffoldError::BadName { .. },
    "own tool" => ScaffoldError::OwnTool { .. },
    "by hand" => ScaffoldError::ByHand { .. },
    "no next" => ScaffoldError::NoNext { .. },
    "busy" => ScaffoldError::Busy { .. },
} }

variants! { github: GithubError {
    "no repository" => GithubError::NoRepository,
    "bad repository" => GithubError::BadRepository { .. },
    "no token" => GithubError::NoToken { .. },
    "bad token" => GithubError::BadToken,
    "bad api" => GithubError::BadApi { .. },
    "no roots" => GithubError::NoRoots,
    "foreign" => GithubError::Foreign { .. },
    "refused" => GithubError::Refused { .. },
} }

variants! { heroku: HerokuError {
    "no app" => HerokuError::NoApp,
    "bad app" => HerokuError::BadApp { .. },
    "own app" => HerokuError::OwnApp { .. },
    "no commit" => HerokuError::NoCommit { .. },
    "no token" => HerokuError::NoToken { .. },
    "bad token" => HerokuError::BadToken,
    "bad api" => HerokuError::BadApi { .. },
    "no roots" => HerokuError::NoRoots,
    "refused" => HerokuError::Refused { .. },
} }

variants! { plans: PlanError {
    "name unknown" => PlanError::NameUnknown { .. },
    "not designated" => PlanError::NotDesignated { .. },
    "nothing to lead with" => PlanError::NothingToLeadWith { .. },
    "only follows" => PlanError::OnlyFollows { .. },
    "only checked" => PlanError::OnlyChecked { .. },
    "nothing to look for" => PlanError::NothingToLookFor { .. },
    "need not understood" => PlanError::NeedNotUnderstood { .. },
    "no release" => PlanError::NoRelease { .. },
} }

variants! { formats: FormatError {
    "no folder" => FormatError::NoFolder { .. },
    "unreadable" => FormatError::Unreadable { .. },
    "not UTF-8" => FormatError::NotUtf8 { .. },
    "same version" => FormatError::SameVersion { .. },
    "bad name" => FormatError::BadName { .. },
    "unsupported" => FormatError::Unsupported { .. },
    "no driver" => FormatError::NoDriver { .. },
    "unknown format" => FormatError::UnknownFormat { .. },
    "none fits" => FormatError::NoneFits { .. },
    "not read" => FormatError::NotRead { .. },
    "ambiguous" => FormatError::Ambiguous { .. },
} }

variants! { urls: UrlError {
    "empty" => UrlError::Empty,
    "no scheme" => UrlError::NoScheme,
    "unknown scheme" => UrlError::UnknownScheme { .. },
    "no slashes" => UrlError::NoSlashes { .. },
    "unclear" => UrlError::Unclear,
    "bad host" => UrlError::BadHost,
    "bad port" => UrlError::BadPort,
    "string unclear" => UrlError::StringUnclear { .. },
    "string's host" => UrlError::StringHost { .. },
    "string's port" => UrlError::StringPort { .. },
    "many hosts" => UrlError::ManyHosts,
    "bad encoding" => UrlError::BadEncoding { .. },
    "bad parameter" => UrlError::BadParameter { .. },
    "bad variable" => UrlError::BadVariable { .. },
    "memory" => UrlError::Memory,
    "no file" => UrlError::NoFile,
} }

variants! { kinds: DbErrorKind {
    "host not found" => DbErrorKind::HostNotFound,
    "refused" => DbErrorKind::Refused,
    "timeout" => DbErrorKind::Timeout,
    "tls" => DbErrorKind::Tls,
    "certificate" => DbErrorKind::Certificate,
    "protocol" => DbErrorKind::Protocol,
    "auth" => DbErrorKind::Auth,
    "unknown database" => DbErrorKind::UnknownDatabase,
    "unopened" => DbErrorKind::Unopened,
    "too many connections" => DbErrorKind::TooManyConnections,
    "starting" => DbErrorKind::Starting,
    "shutting down" => DbErrorKind::ShuttingDown,
    "connection lost" => DbErrorKind::ConnectionLost,
    "read-only" => DbErrorKind::ReadOnly,
    "privilege" => DbErrorKind::Privilege,
    "missing table" => DbErrorKind::MissingTable,
    "missing column" => DbErrorKind::MissingColumn,
    "already exists" => DbErrorKind::AlreadyExists,
    "lock timeout" => DbErrorKind::LockTimeout,
    "deadlock" => DbErrorKind::Deadlock,
    "serialization" => DbErrorKind::Serialization,
    "busy" => DbErrorKind::Busy,
    "cancelled" => DbErrorKind::Cancelled,
    "fence lost" => DbErrorKind::FenceLost,
    "unsupported" => DbErrorKind::Unsupported,
    "statement" => DbErrorKind::Statement,
} }

// reading aloud

/// An error as people read it.
fn told(error: &Error) -> String {
    let explained = explain(error);
    let mut text = format!("error (exit {}): {}\n", error.exit().code(), explained.title);
    for cause in &explained.causes {
        let _ = writeln!(text, "  {}", cause.replace('\n', "\n  "));
    }
    if let Some(snippet) = &explained.snippet {
        let _ = writeln!(text, "{snippet}");
    }
    for hint in &explained.hints {
        let _ = writeln!(text, "  hint: {hint}");
    }
    text
}

fn page<'a>(samples: impl IntoIterator<Item = (&'a str, Error)>) -> String {
    let told = samples.into_iter().map(|(name, error)| format!("# {name}\n{}", told(&error)));
    told.collect::<Vec<_>>().join("\n")
}

fn missing<'a>(names: &[&'static str], samples: impl IntoIterator<Item = &'a str>) {
    let samples: Vec<_> = samples.into_iter().collect();
    let missing: Vec<_> = names.iter().filter(|name| !samples.contains(name)).collect();
    assert!(missing.is_empty(), "no sample of {missing:?}");
}

#[test]
fn every_error() {
    missing(errors::NAMES, error_samples().iter().map(|(_, error)| errors::name(error)));
    insta::assert_snapshot!("errors", page(error_samples()));
}

#[test]
fn every_way_in_which_a_migration_fails() {
    let samples = step_samples();
    missing(
        steps::NAMES,
        samples.iter().map(|(_, error)| match error {
            Error::Step { error, .. } => steps::name(error),
            other => panic!("{other}"),
        }),
    );
    insta::assert_snapshot!("steps", page(samples));
}

#[test]
fn every_refusal() {
    missing(refusals::NAMES, refusal_samples().iter().map(refusals::name));
    let one = |refusal: Refusal| {
        let name = refusals::name(&refusal);
        let history = history(&mysql::DIALECT);
        (name, Error::HistoryRefused { refusals: vec![refusal], history, folder: "db/migrations".into() })
    };
    insta::assert_snapshot!("refusals", page(refusal_samples().into_iter().map(one)));
}

#[test]
fn everything_wrong_with_usage() {
    missing(plans::NAMES, plan_samples().iter().map(plans::name));
    missing(formats::NAMES, format_samples().iter().map(formats::name));
    missing(urls::NAMES, url_samples().iter().map(urls::name));
    let samples = plan_samples().into_iter().map(|error| (plans::name(&error), error.into()));
    insta::assert_snapshot!("plans", page(samples));
    let samples = format_samples().into_iter().map(|error| (formats::name(&error), error.into()));
    insta::assert_snapshot!("formats", page(samples));
    let samples = url_samples().into_iter().map(|error| (urls::name(&error), error.into()));
    insta::assert_snapshot!("urls", page(samples));
}

#[test]
fn everything_that_ends_an_operators_command() {
    missing(operate::NAMES, operate_samples().iter().map(operate::name));
    let samples = operate_samples().into_iter().map(|error| (operate::name(&error), error.into()));
    insta::assert_snapshot!("operate", page(samples));
}

#[test]
fn everything_that_keeps_us_from_writing_a_beginning() {
    missing(scaffold::NAMES, scaffold_samples().iter().map(scaffold::name));
    let samples = scaffold_samples().into_iter().map(|error| (scaffold::name(&error), error.into()));
    insta::assert_snapshot!("scaffold", page(samples));
}

#[test]
fn everything_that_keeps_us_from_github() {
    missing(github::NAMES, github_samples().iter().map(github::name));
    let samples = github_samples().into_iter().map(|error| (github::name(&error), error.into()));
    insta::assert_snapshot!("github", page(samples));
}

#[test]
fn everything_that_keeps_us_from_heroku() {
    missing(heroku::NAMES, heroku_samples().iter().map(heroku::name));
    let samples = heroku_samples().into_iter().map(|error| (heroku::name(&error), error.into()));
    insta::assert_snapshot!("heroku", page(samples));
}

#[test]
fn everything_that_a_database_says() {
    for engine in [EngineName::Postgres, EngineName::Sqlite, EngineName::SqlServer] {
        let samples = kind_samples(engine);
        missing(kinds::NAMES, samples.iter().map(|(name, _)| *name));
        insta::assert_snapshot!(format!("kinds_{engine:?}").to_lowercase(), page(samples));
    }
}

#[test]
fn every_error_reads_well() {
    let refusals = refusal_samples().into_iter().map(|refusal| {
        let history = history(&mysql::DIALECT);
        (
            "refusal",
            Error::HistoryRefused { refusals: vec![refusal], history, folder: "db/migrations".into() },
        )
    });
    let all = error_samples()
        .into_iter()
        .chain(step_samples())
        .chain(refusals)
        .chain(plan_samples().into_iter().map(|error| ("plan", error.into())))
        .chain(format_samples().into_iter().map(|error| ("format", error.into())))
        .chain(url_samples().into_iter().map(|error| ("url", error.into())))
        .chain(operate_samples().into_iter().map(|error| ("operate", error.into())))
        .chain(scaffold_samples().into_iter().map(|error| ("scaffold", error.into())))
        .chain(github_samples().into_iter().map(|error| ("github", error.into())))
        .chain(heroku_samples().into_iter().map(|error| ("heroku", error.into())))
        .chain(kind_samples(EngineName::Postgres))
        .chain(kind_samples(EngineName::MySql))
        .chain(kind_samples(EngineName::Sqlite))
        .chain(kind_samples(EngineName::SqlServer));
    for (name, error) in all {
        let explained = explain(&error);
        let text = told(&error);
        assert!(!explained.hints.is_empty(), "what to do next? {name}\n{text}");
        assert!(!explained.title.contains('\n') && !explained.title.ends_with('.'), "{name}\n{text}");
        for inside in
            ["Some(", "None", "Ok(", "Err(", "Error", "DbErrorKind", "\"\"", " ,", "  hint:  ", "::"]
        {
            assert!(!text.contains(inside), "{inside:?} in {name}\n{text}");
        }
        let lines: Vec<_> = explained.causes.iter().chain(&explained.hints).collect();
        for (index, line) in lines.iter().enumerate() {
            assert!(!line.trim().is_empty(), "an empty line in {name}\n{text}");
            assert!(
                !lines[..index].contains(line) && **line != explained.title,
                "said twice: {name}\n{text}"
            );
        }
        // what is in the title need not stand under the caret again
        let message = explained.title.split_once(" failed: ").map(|(_, message)| message);
        if let (Some(snippet), Some(message)) = (&explained.snippet, message) {
            assert!(!snippet.contains(message), "said twice: {name}\n{text}");
        }
    }
}

#[test]
fn a_sqlite_file_has_neither_users_nor_a_server() {
    let samples = kind_samples(EngineName::Sqlite).into_iter().map(|(_, error)| ("", error));
    let text = page(samples);
    for word in ["GRANT", "password", "host", "the server", "sslmode"] {
        assert!(!text.contains(word), "{word}\n{text}");
    }
}
