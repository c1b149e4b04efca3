//! Usage and config: everything that exit 2 says.

use std::time::Duration;

use super::{span, told};
use crate::config::{ConfigError, Problem};
use crate::database::url::UrlError;
use crate::formats::{FORMATS, FormatError};
use crate::model::choice::FollowSource;
use crate::model::event::Explained;
use crate::model::ids::{Environment, Participant, RunId};
use crate::model::run::Role;
use crate::plan::PlanError;

pub fn config(error: &ConfigError) -> Explained {
    let snippet = error.snippet();
    // the snippet says where
    let title = if snippet.is_some() { error.problem().to_string() } else { error.to_string() };
    let hint = match error.problem() {
        Problem::FileMissing { .. } => {
            "check -c (BELLWETHER_CONFIG); a config file is not needed where flags and variables say enough"
        }
        Problem::Unreadable { .. } => "it must be a text file in UTF-8 that this user may read",
        Problem::Syntax { .. } => {
            "indent with spaces, and write values with special characters (: # { } [ ] @ %) in quotes"
        }
        Problem::UnknownKey { .. } => "docs/configuration.md has every key",
        Problem::DuplicateKey { .. } => "keep one of the two",
        Problem::WrongType { .. } | Problem::BadValue { .. } => {
            "docs/configuration.md shows what each key takes"
        }
        Problem::VariableNotSet { .. } => "variables are read only for the environment in use",
        Problem::UnknownEnvironment { .. } => {
            "name the environment with --environment or BELLWETHER_ENVIRONMENT"
        }
        Problem::EnvironmentNeeded { .. } => "or keep one environment in the config: then it is the default",
    };
    Explained { snippet, ..told(title, vec![], vec![hint.to_owned()]) }
}

pub fn plan(error: &PlanError) -> Explained {
    let hints = match error {
        PlanError::NameUnknown { .. } => vec![
            "say who this participant is: --participant NAME or BELLWETHER_PARTICIPANT".to_owned(),
            "on Heroku, `heroku labs:enable runtime-dyno-metadata` makes the app's name known; on Kubernetes, the downward API".to_owned(),
        ],
        PlanError::NotDesignated { .. } => vec![
            "set RUN_MIGRATIONS=true on the one app that migrates, and `leader: env` for all".to_owned(),
            "or name that app in bellwether.yml: `leader: my-app`".to_owned(),
        ],
        PlanError::NothingToLeadWith { .. } => vec![
            "name the folder with --migrations FOLDER or `migrations:` in bellwether.yml".to_owned(),
            "or only follow: `bellwether follow`".to_owned(),
        ],
        PlanError::OnlyFollows { of: FollowSource::Command, .. } => vec![
            "only follow: `bellwether follow`, or `--role follow`".to_owned(),
            "or leave follow.source out: where the leader runs bellwether, followers wait by its ledger".to_owned(),
        ],
        PlanError::OnlyFollows { .. } => vec![
            "say who leads (`leader:`, RUN_MIGRATIONS or --role): a leader leads whatever follow.source says".to_owned(),
            "or leave follow.source out: those who are elected wait by the ledger".to_owned(),
        ],
        PlanError::NoRelease { hint, .. } => {
            let say = "say what is being released, the same for all participants: --release or BELLWETHER_RELEASE, usually the commit";
            [say].into_iter().chain(*hint).map(str::to_owned).collect()
        }
        PlanError::NothingToLookFor { needs: Some(_), .. } => vec![
            "name the tool whose history it is: `format: rails`, or --format".to_owned(),
            "or the folder with our own migrations: `migrations:`, --migrations".to_owned(),
        ],
        PlanError::NeedNotUnderstood { .. } => vec![
            "write it as `bellwether plan` shows it where the files are, or as the tool's own status does".to_owned(),
        ],
        PlanError::NothingToLookFor { needs: None, .. } => vec![
            "name the folder: `migrations:`, --migrations".to_owned(),
            "or one migration that has to be there: `follow.needs`, with `format:`".to_owned(),
        ],
        PlanError::OnlyChecked { .. } => vec![
            "name the tool's own command in bellwether.yml: `command: [CMD, ARG]`; every verb knows it from there"
                .to_owned(),
            "or give it to the leader alone: `bellwether deploy -- CMD ARG`".to_owned(),
            "or only follow: RUN_MIGRATIONS=false, --role follow".to_owned(),
        ],
    };
    told(error.to_string(), vec![], hints)
}

pub fn format(error: &FormatError) -> Explained {
    let known = || FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
    let hint = match error {
        FormatError::NoFolder { .. } => "check --migrations or `migrations:`; is the folder in this image or checkout? An empty folder is fine, a missing one is not".to_owned(),
        FormatError::Unreadable { .. } => "check that it is there and that this user may read it".to_owned(),
        FormatError::NotUtf8 { at: 0, .. } => "save the file as UTF-8; what SQL Server Management Studio calls Unicode is UTF-16, which `iconv -f UTF-16 -t UTF-8` converts, as -f ISO-8859-1 does a Latin-1 one".to_owned(),
        FormatError::NotUtf8 { .. } => "save the file as UTF-8; `iconv -f ISO-8859-1 -t UTF-8` converts a Latin-1 one".to_owned(),
        FormatError::SameVersion { .. } => "give the one that is applied nowhere yet a version of its own".to_owned(),
        FormatError::BadName { .. } => "rename it, or move it out of the migrations folder".to_owned(),
        FormatError::Unsupported { .. } => "write it in the way that is read, or let the tool itself apply it: with a command, its migrations are only compared".to_owned(),
        FormatError::NoDriver { .. } => "write the migrations as golang-migrate or goose has them, or as sqlx, for which bellwether has a table of its own there; `format:` or --format says which".to_owned(),
        FormatError::UnknownFormat { .. } => format!("known are auto and {}", known()),
        FormatError::NoneFits { .. } => "migrations are files directly in the folder, named like `0001_create_users.sql`; --migrations or `migrations:` says which folder".to_owned(),
        FormatError::NotRead { tool, .. } => format!("{tool} can apply them as a command, without --migrations and `migrations:`: `bellwether deploy -- CMD`; where the files are of another format, say which with --format"),
        FormatError::Ambiguous { .. } => format!("say which with --format or `format:`; known: {}", known()),
    };
    told(error.to_string(), vec![], vec![hint])
}

pub fn files_late(folder: &str, budget: Duration, role: Option<Role>) -> Explained {
    let causes = match role {
        Some(Role::Lead) => vec!["no run was begun, and nothing was applied".to_owned()],
        Some(Role::Follow | Role::Elect) => {
            vec!["no leader was looked for, and nothing was applied".to_owned()]
        }
        None => vec![],
    };
    let again = match role {
        Some(_) => "this participant must not go live; deploy again when the folder can be read",
        None => "try again when the folder can be read",
    };
    told(
        format!("{folder} was not read when our time ended ({})", span(budget)),
        causes,
        vec![
            "is it on a network or a disk that is down? Then `cat` of its files waits as well".to_owned(),
            again.to_owned(),
        ],
    )
}

pub fn url(error: &UrlError) -> Explained {
    let hint = match error {
        UrlError::BadVariable { name, .. } => format!("correct {name}, or unset it"),
        _ => "the URL comes from --database-url, DATABASE_URL or `database:` in bellwether.yml; it is not shown because it may hold a password".to_owned(),
    };
    told(error.to_string(), vec![], vec![hint])
}

pub fn no_database(environment: &Environment, variable: Option<&'static str>) -> Explained {
    let mut hints = vec![
        "set DATABASE_URL or BELLWETHER_DATABASE_URL, `database:` in bellwether.yml, or --database-url"
            .to_owned(),
    ];
    hints.extend(variable.map(|variable| {
        format!("{variable} is set, but only a URL says what kind of database it is: `postgres://` takes all else from the PG… variables")
    }));
    told(format!("no database is named for the environment {environment}"), vec![], hints)
}

pub fn no_database_name(target: &str) -> Explained {
    told(
        format!("the database URL names a server, but no database there: {target}"),
        vec![],
        vec!["a MySQL URL ends with the database's name: mysql://user@host/database".to_owned()],
    )
}

pub fn inside_own_run(run: &RunId, leader: &Participant) -> Explained {
    told(
        "bellwether was started by a command that runs under bellwether's own lock".to_owned(),
        vec![format!(
            "run {run} of {leader} is at work on that command, and this one would wait until it ends, which it never would"
        )],
        vec![
            "call the migration tool itself in the command, without bellwether in front of it".to_owned(),
            "if the inner one is meant for another body of migrations, give it a lock.name of its own"
                .to_owned(),
        ],
    )
}

pub fn write(path: &str, source: &std::io::Error) -> Explained {
    told(
        format!("cannot write {path}: {source}"),
        vec![],
        vec!["check that its folder is there and that this user may write to it".to_owned()],
    )
}
