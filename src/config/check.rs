//! From what is written to one environment's [`Settings`]: built-in defaults, then `defaults:`, then the environment,
//! then flags and variables.

use std::path::Path;
use std::time::Duration;

use crate::cli::{Request, bad_name};
use crate::config::error::{ConfigError, Problem, nearest};
use crate::config::raw::{RawConfig, RawEnvironment, Text};
use crate::config::reader::{Env, Reader, layers};
use crate::config::{
    GithubSettings, HerokuSettings, HistorySettings, LeaderRule, LedgerSettings, LockSettings, Settings,
    locate, read,
};
use crate::model::choice::{Deployments, HistoryRule, LockChoice};
use crate::model::ids::{Environment, Participant};
use crate::model::secret::Secret;

/// The settings of the environment in use. `file` is the config's name and text, `folder` what its name counts from.
pub(super) fn settings(
    request: &Request,
    folder: &Path,
    file: Option<(&Path, &str)>,
    env: Env<'_>,
) -> Result<Settings, ConfigError> {
    let raw = match file {
        Some((file, text)) => read::config(file, text)?,
        None => RawConfig::default(),
    };
    let environment = environment(request, &raw, file)?;
    let reader = Reader { layers: layers(&raw, &environment), file, env };
    let base =
        file.and_then(|(file, _)| file.parent()).map_or(folder.to_owned(), |parent| folder.join(parent));
    let flags = &request.global;
    Ok(Settings {
        environment: environment.clone(),
        file: file.map(|(file, _)| file.to_owned()),
        leader: reader.leader()?,
        database: reader.database(flags.database_url.as_ref())?,
        migrations: match &flags.migrations {
            Some(path) => Some(folder.join(path)),
            None => reader.path("migrations", &base, |e| e.migrations.as_ref())?,
        },
        format: match &flags.format {
            Some(format) => Some(format.clone()),
            None => reader.text("format", |e| e.format.as_ref())?,
        }
        .filter(|format| format != "auto"),
        command: match request.action.command() {
            [] => reader.list("command", |e| e.command.as_ref())?,
            command => command.to_vec(),
        },
        check: reader.list("check", |e| e.check.as_ref())?,
        cwd: reader.path("cwd", &base, |e| e.cwd.as_ref())?,
        grace: reader.span("grace", |e| e.grace.as_ref())?.unwrap_or(Duration::from_secs(20)),
        timeout: reader.timeout(flags.timeout)?,
        connect_wait: reader
            .span("connect.wait", |e| e.connect.as_ref()?.wait.as_ref())?
            .unwrap_or(Duration::from_secs(60)),
        lock: reader.lock(request)?,
        ddl_lock_timeout: Some(
            reader
                .span("ddl_lock_timeout", |e| e.ddl_lock_timeout.as_ref())?
                .unwrap_or(Duration::from_secs(5)),
        )
        .filter(|limit| !limit.is_zero()),
        history: reader.history()?,
        ledger: LedgerSettings {
            schema: reader.name("ledger.schema", |e| e.ledger.as_ref()?.schema.as_ref())?,
            readers: reader.list("ledger.readers", |e| e.ledger.as_ref()?.readers.as_ref())?,
        },
        follow: reader.follow(request)?,
        github: GithubSettings {
            repository: reader.parsed("github.repository", |e| e.github.as_ref()?.repository.as_ref())?,
            deployments: reader
                .word("github.deployments", Deployments::ALL, |e| e.github.as_ref()?.deployments.as_ref())?
                .unwrap_or(Deployments::Off),
        },
        heroku: HerokuSettings { app: reader.text("heroku.app", |e| e.heroku.as_ref()?.app.as_ref())? },
    })
}

/// Which environment is meant.
fn environment(
    request: &Request,
    raw: &RawConfig,
    file: Option<(&Path, &str)>,
) -> Result<Environment, ConfigError> {
    let known: Vec<String> = raw.environments.iter().flatten().map(|(name, _)| name.clone()).collect();
    let at = |problem: Problem, path: &[&str]| match file {
        Some((file, text)) => problem.at(file, text, locate::key(text, path)),
        None => problem.nowhere(),
    };
    for name in &known {
        if let Some(reason) = bad_name(name) {
            let problem = Problem::BadValue { key: "environments".to_owned(), reason, nearest: None };
            return Err(at(problem, &["environments", name]));
        }
    }
    match (&request.global.environment, known.as_slice()) {
        (Some(name), []) => Ok(name.clone()),
        (Some(name), known) if known.contains(&name.0) => Ok(name.clone()),
        (Some(name), known) => {
            let nearest = nearest(&name.0, known.iter().map(String::as_str));
            let problem =
                Problem::UnknownEnvironment { name: name.0.clone(), nearest, known: known.to_vec() };
            Err(at(problem, &["environments"]))
        }
        (None, []) => Ok(Environment::from("default")),
        (None, [only]) => Ok(Environment::from(only.as_str())),
        (None, _) => Err(at(Problem::EnvironmentNeeded { known }, &["environments"])),
    }
}

impl Reader<'_> {
    fn leader(&self) -> Result<Option<LeaderRule>, ConfigError> {
        Ok(self.name("leader", |e| e.leader.as_ref())?.map(|leader| match leader.as_str() {
            "elect" => LeaderRule::Elect,
            "env" => LeaderRule::Env,
            _ => LeaderRule::Named(Participant(leader)),
        }))
    }

    /// A plain `DATABASE_URL` comes last: the config may name another variable on purpose.
    fn database(&self, flag: Option<&Secret>) -> Result<Option<Secret>, ConfigError> {
        if let Some(flag) = flag {
            return Ok(Some(flag.clone()));
        }
        let url = self.text("database", |e| e.database.as_ref())?;
        let plain = || (self.env)("DATABASE_URL").filter(|url| !url.trim().is_empty());
        Ok(url.or_else(plain).map(Secret::new))
    }

    fn timeout(&self, flag: Option<Duration>) -> Result<Option<Duration>, ConfigError> {
        let limit = match flag {
            Some(limit) => Some(limit),
            None => self.span("timeout", |e| e.timeout.as_ref())?,
        };
        if limit.is_some_and(|limit| limit.is_zero()) {
            let reason = "it must be more than 0".to_owned();
            return Err(match (flag, self.find(|e| e.timeout.as_ref())) {
                (None, Some((layer, _))) => self.bad(layer, "timeout", reason, None),
                _ => Problem::BadValue { key: "timeout".to_owned(), reason, nearest: None }.nowhere(),
            });
        }
        Ok(limit)
    }

    fn lock(&self, request: &Request) -> Result<LockSettings, ConfigError> {
        let flags = &request.global;
        Ok(LockSettings {
            mode: match flags.lock_mode {
                Some(mode) => mode,
                None => self
                    .word("lock.mode", LockChoice::ALL, |e| e.lock.as_ref()?.mode.as_ref())?
                    .unwrap_or(LockChoice::Auto),
            },
            name: match &flags.lock_name {
                Some(name) => name.clone(),
                None => self
                    .name("lock.name", |e| e.lock.as_ref()?.name.as_ref())?
                    .unwrap_or_else(|| "default".to_owned()),
            },
            id: flags.lock_id.or_else(|| self.find(|e| e.lock.as_ref()?.id).map(|(_, id)| id)),
            wait: match flags.lock_wait {
                Some(wait) => Some(wait),
                None => self.span("lock.wait", |e| e.lock.as_ref()?.wait.as_ref())?,
            },
        })
    }

    fn history(&self) -> Result<HistorySettings, ConfigError> {
        let rule = |key: &str, get: fn(&RawEnvironment) -> Option<&Text>| {
            self.word(key, HistoryRule::ALL, get).map(|rule| rule.unwrap_or(HistoryRule::Default))
        };
        Ok(HistorySettings {
            out_of_order: rule("history.out_of_order", |e| e.history.as_ref()?.out_of_order.as_ref())?,
            changed: rule("history.changed", |e| e.history.as_ref()?.changed.as_ref())?,
            missing: rule("history.missing", |e| e.history.as_ref()?.missing.as_ref())?,
        })
    }
}
