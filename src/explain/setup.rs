//! Usage and config: everything that exit 2 says.

use super::told;
use crate::config::ConfigError;
use crate::database::url::UrlError;
use crate::formats::FormatError;
use crate::model::event::Explained;
use crate::model::ids::Environment;
use crate::plan::PlanError;

pub fn config(error: &ConfigError) -> Explained {
    let mut explained = told(error.to_string(), vec![], vec![]);
    explained.snippet = error.snippet();
    explained
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
        PlanError::NoRelease { .. } => vec![
            "say what is being released, the same for all participants: --release or BELLWETHER_RELEASE, usually the commit".to_owned(),
        ],
    };
    told(error.to_string(), vec![], hints)
}

pub fn format(error: &FormatError) -> Explained {
    let hints = match error {
        FormatError::NoFolder { .. } => vec![
            "is the path right, and is the folder in this image or checkout? An empty folder is fine, a missing one is not".to_owned(),
        ],
        FormatError::Unreadable { .. } => vec!["can this user read it?".to_owned()],
        FormatError::NotUtf8 { .. } => vec!["save the file as UTF-8: `iconv -t UTF-8` converts it".to_owned()],
        FormatError::SameVersion { .. } => vec!["give one of them a version of its own".to_owned()],
        FormatError::BadName { .. } => vec!["rename it, or move it out of the migrations folder".to_owned()],
        FormatError::UnknownFormat { known, .. } => vec![format!("known: auto, {}", known.join(", "))],
        FormatError::Ambiguous { .. } => vec!["say which with --format or `format:`".to_owned()],
    };
    told(error.to_string(), vec![], hints)
}

pub fn url(error: &UrlError) -> Explained {
    told(error.to_string(), vec![], vec![])
}

pub fn no_database(environment: &Environment) -> Explained {
    told(
        format!("no database is named for the environment {environment}"),
        vec![],
        vec!["set DATABASE_URL, or `database:` in bellwether.yml".to_owned()],
    )
}

pub fn not_yet(what: &str) -> Explained {
    told(format!("{what} is not there yet in this version of bellwether"), vec![], vec![])
}

pub fn write(path: &str, source: &std::io::Error) -> Explained {
    told(format!("cannot write {path}: {source}"), vec![], vec!["may this user write there?".to_owned()])
}
