//! Advice that depends on the place where we run: the same error, with what is most likely there said first.

use super::explain;
use crate::config::Problem;
use crate::database::{DbErrorKind, EngineName};
use crate::engine::command::Ending;
use crate::error::{Doing, Error, GithubError};
use crate::formats::FormatError;
use crate::model::event::Explained;
use crate::model::surroundings::Surroundings;
use crate::plan::PlanError;

/// Where the action is had from, where nothing says it: it is a folder of the workflow's own repository.
const OWN_FOLDER: &str = ".";
/// A program that is not there: ENOENT of errno(3).
const NOT_FOUND: i32 = 2;

/// What to tell the person who was woken up, who runs us there.
pub fn explain_here(error: &Error, here: &Surroundings) -> Explained {
    let mut explained = explain(error);
    let first = match here {
        Surroundings::Elsewhere => Vec::new(),
        Surroundings::GithubStep { .. } => of_a_job(error, here),
        Surroundings::GithubAction { action } => {
            let of_inputs = of_inputs(error, action.as_deref().unwrap_or(OWN_FOLDER));
            [of_inputs, of_a_job(error, here)].concat()
        }
    };
    explained.hints.splice(0..0, first);
    explained
}

/// Puts flags behind each command line of ours that is to be pasted, so that it means the same migrations.
pub fn with_flags(hints: &mut [String], flags: &str) {
    for hint in hints.iter_mut().filter(|hint| hint.contains(": bellwether resolve ")) {
        hint.push_str(flags);
    }
}

/// What holds in every step of a job.
fn of_a_job(error: &Error, here: &Surroundings) -> Vec<String> {
    match error {
        Error::Format(FormatError::NoFolder { .. }) => vec![checkout()],
        Error::Config(error) if matches!(error.problem(), Problem::FileMissing { .. }) => vec![checkout()],
        Error::Database { doing: Doing::Connecting, engine, target, error, .. } => {
            service(*engine, target, error.kind, here).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn checkout() -> String {
    "does an earlier step of this job run actions/checkout? Without it the workspace is empty".to_owned()
}

/// A job's service containers have a name for containers, and a mapped port for the runner itself.
fn service(engine: EngineName, target: &str, kind: DbErrorKind, here: &Surroundings) -> Option<String> {
    let (id, port) = match engine {
        EngineName::Postgres => ("postgres", 5432),
        EngineName::MySql => ("mysql", 3306),
        EngineName::SqlServer => ("mssql", 1433),
        EngineName::Sqlite => return None,
    };
    match (here.in_container(), is_local(target)) {
        (true, true) => Some(format!(
            "in a container, localhost is the container itself: name the job's service in the database URL, by its id and its own port, such as {id}:{port} (not the port that is mapped)"
        )),
        (false, false) if kind == DbErrorKind::HostNotFound => Some(format!(
            "names of services are known in container actions and container jobs only; a step on the runner itself reaches them at localhost and the mapped port, such as localhost:{port}"
        )),
        _ => None,
    }
}

/// Whether a database's URL, as messages show it, means the machine itself.
fn is_local(target: &str) -> bool {
    let place = target.split_once("://").map_or(target, |(_, place)| place);
    let authority = place.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

/// What holds where flags are inputs, and the image holds bellwether alone.
fn of_inputs(error: &Error, action: &str) -> Vec<String> {
    match error {
        Error::NoDatabase { .. } => vec![
            "give the input `database-url`: `database-url: ${{ secrets.DATABASE_URL }}`".to_owned(),
            "a secret that is not there is an empty text, without a word: is it a secret of the environment that the job names (`environment:`), and is this no pull request of a fork?".to_owned(),
        ],
        Error::Url(_) => vec!["the input `database-url` gives it here, else `env:` of the step".to_owned()],
        Error::Plan(PlanError::NothingToLeadWith { .. }) => {
            vec!["name the folder in the input `migrations`, or give the input `role: follow`".to_owned()]
        }
        Error::Plan(PlanError::NameUnknown { .. }) => {
            vec!["say who this participant is in the input `participant`".to_owned()]
        }
        Error::Plan(PlanError::NoRelease { .. }) => {
            vec!["say what is being released in the input `release`".to_owned()]
        }
        Error::Config(error) => match error.problem() {
            Problem::EnvironmentNeeded { .. } | Problem::UnknownEnvironment { .. } => {
                vec!["name it in the input `environment`".to_owned()]
            }
            _ => Vec::new(),
        },
        Error::Github(GithubError::NoToken { .. } | GithubError::BadToken) => vec![
            "the input `github-token` gives the token here; left out, it is the job's own".to_owned(),
        ],
        Error::Command { command, ending: Ending::NotStarted(NOT_FOUND, _), .. } => not_in_image(command, action),
        _ => Vec::new(),
    }
}

fn not_in_image(command: &[String], action: &str) -> Vec<String> {
    let program = command.first().map_or("", String::as_str);
    let mut hints = Vec::new();
    if program.contains(char::is_whitespace) {
        hints.push("the input `command` takes one argument per line".to_owned());
    }
    let setup = match action.split_once('@') {
        Some((repository, version)) => format!("{repository}/setup@{version}"),
        None => format!("{action}/setup"),
    };
    let words = command.iter().map(|word| match word.contains(char::is_whitespace) {
        true => format!("'{word}'"),
        false => word.clone(),
    });
    let line = words.collect::<Vec<_>>().join(" ");
    hints.push(format!(
        "the action's image holds bellwether alone. For the job's own tools, put these two steps in its place:\n- uses: {setup}\n- run: bellwether deploy -- {line}"
    ));
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_found_where_the_host_stands() {
        for local in
            ["postgres://app@localhost:5432/shop", "mysql://127.0.0.1:3306", "postgres://[::1]:5432/d"]
        {
            assert!(is_local(local), "{local}");
        }
        for other in
            ["postgres://localhost@db:5432/localhost", "postgres:///shop?host=/tmp", "mysql://10.0.0.1"]
        {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn what_an_input_gives_is_said_of_the_action_alone() {
        let error = Error::Github(GithubError::BadToken);
        let hint = |here| explain_here(&error, &here).hints.swap_remove(0);
        assert!(hint(Surroundings::GithubAction { action: None }).contains("`github-token`"));
        assert_eq!(hint(Surroundings::GithubStep { in_container: false }), explain(&error).hints[0]);
    }

    #[test]
    fn a_job_names_its_services_and_the_runner_their_ports() {
        let step = Surroundings::GithubStep { in_container: false };
        let action = Surroundings::GithubAction { action: None };
        let at = |target: &str, kind, here| service(EngineName::Postgres, target, kind, here);
        let local = "postgres://app@localhost:5432/shop";
        let hint = at(local, DbErrorKind::Refused, &action).unwrap();
        assert!(hint.contains("postgres:5432"), "{hint}");
        assert_eq!(at(local, DbErrorKind::Refused, &step), None);
        let named = "postgres://app@postgres:5432/shop";
        assert_eq!(at(named, DbErrorKind::HostNotFound, &action), None);
        assert!(at(named, DbErrorKind::HostNotFound, &step).unwrap().contains("localhost:5432"));
    }
}
