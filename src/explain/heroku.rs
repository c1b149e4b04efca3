//! A Heroku app's releases: what is missing to read them.

use super::{span, told};
use crate::error::HerokuError;
use crate::model::event::Explained;
use crate::status::rest::Failure;

pub fn heroku(error: &HerokuError) -> Explained {
    let hints = match error {
        HerokuError::NoApp => {
            vec!["name the app that migrates: `heroku: { app: shop-web }`, or `leader: shop-web`".to_owned()]
        }
        HerokuError::BadApp { key, .. } => vec![format!(
            "{key} is to name the leader's app: lower-case letters, digits and dashes, as `heroku apps` shows it"
        )],
        HerokuError::OwnApp { app } => vec![
            format!("the app that migrates leads: RUN_MIGRATIONS=true or `leader: {app}` there"),
            "others name another app with `heroku: { app: … }`".to_owned(),
        ],
        HerokuError::NoCommit { on_heroku, app } => no_commit(*on_heroku, app.as_deref()),
        HerokuError::NoToken { app } => vec![format!(
            "set HEROKU_API_KEY to a token of an account that may see {app}: `heroku authorizations:create -s read` makes one that can do nothing else"
        )],
        HerokuError::BadToken => vec![
            "it comes from HEROKU_API_KEY, and is not shown; was a whole line or a file's name pasted?"
                .to_owned(),
        ],
        HerokuError::BadApi { .. } => vec!["unset, it is Heroku's own".to_owned()],
        HerokuError::NoRoots => vec![
            "install the system's certificates (ca-certificates), or say with SSL_CERT_FILE where they are"
                .to_owned(),
        ],
        HerokuError::Refused { app, failure } => return refused(app, failure),
    };
    told(error.to_string(), vec![], hints)
}

fn no_commit(on_heroku: bool, app: Option<&str>) -> Vec<String> {
    let given =
        "or give it with --release or BELLWETHER_RELEASE: the commit that the leader's app is built from";
    if !on_heroku {
        return vec![given.trim_start_matches("or ").to_owned()];
    }
    let app = app.map(|app| format!(" --app {app}")).unwrap_or_default();
    vec![
        format!(
            "`heroku labs:enable runtime-dyno-build-metadata{app}` makes it known, from the next deploy on"
        ),
        given.to_owned(),
    ]
}

fn refused(app: &str, failure: &Failure) -> Explained {
    let why = match failure {
        Failure::Unreachable { .. } | Failure::Unavailable { .. } => "Heroku gives no answer",
        Failure::RateLimited { .. } => "Heroku has had too many requests of this account",
        Failure::Unauthorized { .. } => "Heroku does not know the token",
        Failure::Forbidden { .. } => "Heroku forbids it",
        Failure::NotFound => "Heroku shows this token no app of that name",
        _ => "Heroku's answer is not understood",
    };
    let cause = match failure {
        Failure::RateLimited { wait } => {
            Some(format!("it wants to be left alone for {}, which is longer than our time", span(*wait)))
        }
        Failure::Unauthorized { message } | Failure::Forbidden { message } => {
            Some(format!("it says: {message}"))
        }
        Failure::NotFound => None,
        failure => Some(failure.to_string()),
    };
    told(
        format!("cannot read the releases of {app}: {why}"),
        cause.into_iter().collect(),
        refused_hints(app, failure),
    )
}

fn refused_hints(app: &str, failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Unreachable { .. } | Failure::Unavailable { .. } => vec![
            "status.heroku.com says how it fares; from here, is there a way out to it? HEROKU_API_URL says where it is"
                .to_owned(),
        ],
        Failure::RateLimited { .. } => vec![
            "an account may ask some 75 times a minute, with all its tokens; give followers an account of their own"
                .to_owned(),
        ],
        Failure::Unauthorized { .. } => vec![
            "has it expired, or was it revoked? `heroku authorizations:create -s read` makes a new one for HEROKU_API_KEY"
                .to_owned(),
        ],
        Failure::Forbidden { .. } => vec![
            "the token needs the scope `read`: `heroku authorizations:create -s read` makes one for HEROKU_API_KEY".to_owned(),
            format!("and its account must be a member or collaborator of {app}: `heroku access --app {app}`"),
        ],
        Failure::NotFound => vec![
            format!("was {app} renamed, or is it spelt otherwise? `heroku apps` lists them: say so in `heroku.app` (or `leader`)"),
            format!("an app also looks like this to an account that is no collaborator of it: `heroku access --app {app}`"),
        ],
        _ => vec!["is HEROKU_API_URL the address of Heroku's API, and not of a page or a proxy?".to_owned()],
    }
}
