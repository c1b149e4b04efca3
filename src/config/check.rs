//! From what is written to one environment's [`Settings`]: built-in defaults, then `defaults:`, then the environment,
//! then flags and variables.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::cli::{Request, bad_name};
use crate::config::error::{ConfigError, Problem, nearest};
use crate::config::interpolate::{Incomplete, interpolate};
use crate::config::raw::{RawConfig, RawEnvironment, Span, Text};
use crate::config::{
    FollowSettings, GithubSettings, HerokuSettings, HistorySettings, LeaderRule, LedgerSettings,
    LockSettings, Settings, locate, not_yet, read,
};
use crate::model::choice::{Deployments, FollowSource, HistoryRule, LockChoice};
use crate::model::duration;
use crate::model::ids::{Environment, Participant};
use crate::model::secret::{Secret, without_passwords};

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

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
    reader.refuse_not_yet()?;
    refuse_flags_not_yet(request)?;
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
        follow: reader.follow(flags.follow)?,
        github: GithubSettings {
            repository: reader.text("github.repository", |e| e.github.as_ref()?.repository.as_ref())?,
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

/// One mapping of environment keys, and where it stands in the file.
struct Layer<'a> {
    path: Vec<&'a str>,
    raw: &'a RawEnvironment,
}

fn layers<'a>(raw: &'a RawConfig, environment: &'a Environment) -> Vec<Layer<'a>> {
    let chosen = raw.environments.as_ref().and_then(|all| all.get_key_value(environment.as_str()));
    let chosen = chosen.and_then(|(name, raw)| {
        raw.as_ref().map(|raw| Layer { path: vec!["environments", name.as_str()], raw })
    });
    let defaults = raw.defaults.as_ref().map(|raw| Layer { path: vec!["defaults"], raw });
    chosen.into_iter().chain(defaults).collect()
}

fn refuse_flags_not_yet(request: &Request) -> Result<(), ConfigError> {
    let flags = &request.global;
    let refuse = |what: String| Err(Problem::NotYet { what }.nowhere());
    if !request.action.command().is_empty() && !not_yet::may_be("command", "") {
        return refuse("a command after `--`".to_owned());
    }
    let given = [
        ("format", "--format", flags.format.as_deref().filter(|name| not_yet::LATER_FORMATS.contains(name))),
        ("lock.mode", "--lock-mode", flags.lock_mode.map(LockChoice::as_str)),
        ("follow.source", "--follow", flags.follow.map(FollowSource::as_str)),
    ];
    for (key, flag, value) in given {
        if let Some(value) = value.filter(|value| !not_yet::may_be(key, value)) {
            return refuse(format!("`{flag} {value}`"));
        }
    }
    Ok(())
}

/// Finds a key in the best layer that has it, and fills in its variables.
struct Reader<'a> {
    layers: Vec<Layer<'a>>,
    file: Option<(&'a Path, &'a str)>,
    env: Env<'a>,
}

impl Reader<'_> {
    fn find<'s, T>(&'s self, get: impl Fn(&'s RawEnvironment) -> Option<T>) -> Option<(&'s Layer<'s>, T)> {
        self.layers.iter().find_map(|layer| get(layer.raw).map(|value| (layer, value)))
    }

    /// An error at the value of a key; `item` is its place in a list.
    fn fault(&self, layer: &Layer<'_>, key: &str, item: Option<usize>, problem: Problem) -> ConfigError {
        let Some((file, text)) = self.file else { return problem.nowhere() };
        let item = item.map(|item| item.to_string());
        let path: Vec<&str> =
            layer.path.iter().copied().chain(key.split('.')).chain(item.as_deref()).collect();
        problem.at(file, text, locate::value(text, &path))
    }

    fn filled(
        &self,
        layer: &Layer<'_>,
        key: &str,
        item: Option<usize>,
        text: &str,
    ) -> Result<String, ConfigError> {
        interpolate(text, self.env).map_err(|incomplete| {
            let key_owned = key.to_owned();
            let problem = match incomplete {
                Incomplete::NotSet(variable) => Problem::VariableNotSet { variable, key: key_owned },
                Incomplete::Malformed(reason) => {
                    Problem::BadValue { key: key_owned, reason: reason.to_owned(), nearest: None }
                }
            };
            self.fault(layer, key, item, problem)
        })
    }

    fn bad(&self, layer: &Layer<'_>, key: &str, reason: String, nearest: Option<String>) -> ConfigError {
        let reason = without_passwords(&reason);
        self.fault(layer, key, None, Problem::BadValue { key: key.to_owned(), reason, nearest })
    }

    /// A string with the layer it came from. One that is empty only because of its variables counts as unset.
    fn located<'s>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s str>,
    ) -> Result<Option<(&'s Layer<'s>, String)>, ConfigError> {
        let Some((layer, written)) = self.find(get) else { return Ok(None) };
        let text = self.filled(layer, key, None, written)?;
        if !text.trim().is_empty() {
            Ok(Some((layer, text)))
        } else if written.contains("${") {
            Ok(None)
        } else {
            Err(self.bad(layer, key, "it is empty".to_owned(), None))
        }
    }

    fn text<'s>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Text>,
    ) -> Result<Option<String>, ConfigError> {
        Ok(self.located(key, |e| get(e).map(|text| text.0.as_str()))?.map(|(_, text)| text))
    }

    fn name<'s>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Text>,
    ) -> Result<Option<String>, ConfigError> {
        match self.located(key, |e| get(e).map(|text| text.0.as_str()))? {
            Some((layer, text)) => match bad_name(&text) {
                Some(reason) => Err(self.bad(layer, key, reason, None)),
                None => Ok(Some(text)),
            },
            None => Ok(None),
        }
    }

    fn path<'s>(
        &'s self,
        key: &str,
        base: &Path,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Text>,
    ) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.text(key, get)?.map(|path| base.join(path)))
    }

    fn span<'s>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Span>,
    ) -> Result<Option<Duration>, ConfigError> {
        match self.located(key, |e| get(e).map(|span| span.0.as_str()))? {
            Some((layer, text)) => match duration::parse(&text) {
                Ok(span) => Ok(Some(span)),
                Err(error) => Err(self.bad(layer, key, error.to_string(), None)),
            },
            None => Ok(None),
        }
    }

    fn word<'s, T: FromStr + Copy + ToString>(
        &'s self,
        key: &str,
        known: &[T],
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Text>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((layer, text)) = self.located(key, |e| get(e).map(|text| text.0.as_str()))? else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            let words: Vec<String> = known.iter().map(ToString::to_string).collect();
            let reason = format!("{text:?} is none of {}", words.join(", "));
            self.bad(layer, key, reason, nearest(&text, words.iter().map(String::as_str)))
        })
    }

    fn list<'s>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Vec<Text>>,
    ) -> Result<Vec<String>, ConfigError> {
        let Some((layer, items)) = self.find(get) else { return Ok(Vec::new()) };
        items.iter().enumerate().map(|(i, item)| self.filled(layer, key, Some(i), &item.0)).collect()
    }

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

    fn follow(&self, flag: Option<FollowSource>) -> Result<FollowSettings, ConfigError> {
        let span = |key: &str, default: u64, get: fn(&RawEnvironment) -> Option<&Span>| {
            self.span(key, get).map(|span| span.unwrap_or(Duration::from_secs(default)))
        };
        let codes = |default: i32, get: fn(&RawEnvironment) -> Option<&Vec<i32>>| {
            self.find(get).map_or_else(|| vec![default], |(_, codes)| codes.clone())
        };
        Ok(FollowSettings {
            source: match flag {
                Some(source) => source,
                None => self
                    .word("follow.source", FollowSource::ALL, |e| e.follow.as_ref()?.source.as_ref())?
                    .unwrap_or(FollowSource::Ledger),
            },
            start: span("follow.start", 900, |e| e.follow.as_ref()?.start.as_ref())?,
            grace: span("follow.grace", 60, |e| e.follow.as_ref()?.grace.as_ref())?,
            window: span("follow.window", 900, |e| e.follow.as_ref()?.window.as_ref())?,
            needs: self.text("follow.needs", |e| e.follow.as_ref()?.needs.as_ref())?,
            command: self.list("follow.command", |e| e.follow.as_ref()?.command.as_ref())?,
            every: span("follow.every", 5, |e| e.follow.as_ref()?.every.as_ref())?,
            ready: codes(0, |e| e.follow.as_ref()?.ready.as_ref()),
            pending: codes(1, |e| e.follow.as_ref()?.pending.as_ref()),
        })
    }

    /// A key of a later version, with a value that means something, is an error rather than a promise not kept.
    fn refuse_not_yet(&self) -> Result<(), ConfigError> {
        let Some((file, text)) = self.file else { return Ok(()) };
        let tree: serde_yaml::Value = serde_yaml::from_str(text).unwrap_or_default();
        for layer in &self.layers {
            for (key, fine) in not_yet::KEYS {
                let path: Vec<&str> = layer.path.iter().copied().chain(key.split('.')).collect();
                let value = path.iter().try_fold(&tree, |node, part| node.get(part));
                let whole = Some(format!("`{key}`"));
                let what = match value {
                    None | Some(serde_yaml::Value::Null) => None,
                    Some(serde_yaml::Value::Sequence(items)) => whole.filter(|_| !items.is_empty()),
                    Some(serde_yaml::Value::String(text)) => {
                        let text = self.filled(layer, key, None, text)?;
                        let word = if fine.is_empty() { whole } else { Some(format!("`{key}: {text}`")) };
                        word.filter(|_| self.is_known_word(key, &text) && !not_yet::may_be(key, &text))
                    }
                    Some(_) => whole.filter(|_| !not_yet::may_be(key, "")),
                };
                if let Some(what) = what {
                    let problem = Problem::NotYet { what };
                    return Err(problem.at(file, text, locate::key(text, &path)));
                }
            }
        }
        Ok(())
    }

    /// A misspelt word is left to the check of its key, which can say what was meant.
    fn is_known_word(&self, key: &str, text: &str) -> bool {
        match key {
            "lock.mode" => text.parse::<LockChoice>().is_ok(),
            "follow.source" => text.parse::<FollowSource>().is_ok(),
            "github.deployments" => text.parse::<Deployments>().is_ok(),
            "format" => not_yet::LATER_FORMATS.contains(&text),
            _ => !text.is_empty(),
        }
    }
}
