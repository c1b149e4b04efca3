//! From config and environment to the releases of the leader's app on Heroku.

use crate::app::invocation::Invocation;
use crate::config::{LeaderRule, Settings};
use crate::database::url;
use crate::error::HerokuError;
use crate::model::secret::{Secret, without_passwords};
use crate::platform::Env;
use crate::status::heroku::client::{Client, DEFAULT_API};
use crate::status::heroku::read::Reader;
use crate::status::rest::NoClient;

/// Where the token is looked for.
const TOKEN: &str = "HEROKU_API_KEY";
/// Where Heroku's API is, if not where it always is.
const API: &str = "HEROKU_API_URL";

/// The releases of the app that the config names. What is being released must be known as a commit.
pub fn reader(call: &Invocation<'_>, settings: &Settings) -> Result<Reader, HerokuError> {
    let env = call.env;
    let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let app = app(settings)?;
    let own = set("HEROKU_APP_NAME").filter(|_| set("DYNO").is_some());
    if own.as_deref() == Some(app.as_str()) {
        return Err(HerokuError::OwnApp { app });
    }
    // a hash of our migrations is nobody's commit
    if call.request.global.release.is_none() && call.identity.release.is_none() {
        return Err(HerokuError::NoCommit { on_heroku: set("DYNO").is_some(), app: own });
    }
    let Some(token) = set(TOKEN).map(Secret::new) else { return Err(HerokuError::NoToken { app }) };
    call.report.conceal(&token);
    let api = set(API).unwrap_or_else(|| DEFAULT_API.to_owned());
    let client = Client::new(api.trim(), &app, &token).map_err(|no| match no {
        NoClient::BadUrl => HerokuError::BadApi { url: without_passwords(&api) },
        NoClient::BadToken => HerokuError::BadToken,
        NoClient::NoRoots => HerokuError::NoRoots,
    })?;
    Ok(Reader::new(client, secrets(settings, env)))
}

/// On Heroku a leader is called as its app.
fn app(settings: &Settings) -> Result<String, HerokuError> {
    let (app, key) = match (&settings.heroku.app, &settings.leader) {
        (Some(app), _) => (app.as_str(), "heroku.app"),
        (None, Some(LeaderRule::Named(leader))) => (leader.as_str(), "leader"),
        (None, _) => return Err(HerokuError::NoApp),
    };
    let fine = !app.is_empty() && app.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match fine {
        true => Ok(app.to_owned()),
        false => Err(HerokuError::BadApp { text: app.to_owned(), key }),
    }
}

/// What the leader's output may hold of ours: apps of one database have the same URL.
fn secrets(settings: &Settings, env: Env<'_>) -> Vec<Secret> {
    let password = |url: &Secret| url::parse(url.expose(), env).ok()?.password;
    let password = settings.database.as_ref().and_then(password);
    settings.database.clone().into_iter().chain(password).collect()
}
