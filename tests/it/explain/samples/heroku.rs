//! What keeps us from a Heroku app's releases, and what they tell.

use std::time::Duration;

use bellwether::error::{Elsewhere, Error, HerokuError, Seeking};
use bellwether::model::run::{EngineKind, Run, RunStatus};
use bellwether::status::rest::Failure;

use super::{run, seeking};

fn app() -> String {
    "shop-web".to_owned()
}

fn refused(failure: Failure) -> HerokuError {
    HerokuError::Refused { app: app(), failure }
}

pub fn heroku_samples() -> Vec<HerokuError> {
    let message = |text: &str| text.to_owned();
    vec![
        HerokuError::NoApp,
        HerokuError::BadApp { text: "acme/shop".into(), key: "leader" },
        HerokuError::OwnApp { app: app() },
        HerokuError::NoCommit { on_heroku: true, app: Some("shop-worker".into()) },
        HerokuError::NoCommit { on_heroku: false, app: None },
        HerokuError::NoToken { app: app() },
        HerokuError::BadToken,
        HerokuError::BadApi { url: "heroku.example/api".into() },
        HerokuError::NoRoots,
        refused(Failure::Unreachable { reason: message("Connection refused (os error 111)") }),
        refused(Failure::Unavailable { status: 503 }),
        refused(Failure::RateLimited { wait: Duration::from_secs(60) }),
        refused(Failure::Unauthorized { message: message("Invalid credentials provided.") }),
        refused(Failure::Forbidden {
            message: message("The scope of this authorization does not allow that."),
        }),
        refused(Failure::NotFound),
        refused(Failure::Odd { what: message("418") }),
    ]
}

fn told(status: RunStatus) -> Run {
    Run {
        id: "v42".into(),
        session: String::new(),
        total: 0,
        done: 0,
        engine: EngineKind::Command,
        platform: "heroku".into(),
        host: app(),
        url: Some("https://dashboard.heroku.com/apps/shop-web/activity/releases/01234567".into()),
        failed_step: None,
        ..run(status)
    }
}

pub fn of_releases() -> Vec<(&'static str, Error)> {
    let looking = || Seeking { place: Some(Box::new(Elsewhere::Releases { app: app() })), ..seeking(vec![]) };
    let error =
        Some("release v42 failed; the end of its output:\n== 2 AddIndex: migrating\nno such table".into());
    let failed = Run { error, ..told(RunStatus::Failed) };
    let step = Some("the build".to_owned());
    let error = Some("the build failed; its output is gone".to_owned());
    let build = Run { failed_step: step, error, ..told(RunStatus::Failed) };
    vec![
        ("a leader that failed by Heroku's releases", Error::LeaderFailed { run: Box::new(failed) }),
        ("a leader whose build failed", Error::LeaderFailed { run: Box::new(build) }),
        (
            "nobody began by Heroku's releases",
            Error::LeaderNeverStarted { waited: Duration::from_secs(900), seeking: looking() },
        ),
        (
            "a leader still at work by Heroku's releases",
            Error::LeaderLate {
                run: Some(Box::new(told(RunStatus::Running))),
                at_work: true,
                waited: Duration::from_secs(3000),
                pending: None,
                seeking: looking(),
            },
        ),
    ]
}
