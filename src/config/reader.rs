//! Finds keys in the layers of the config (the environment, then `defaults:`), fills in their variables, and turns
//! text into values. Every error stands at the value that it is about.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::cli::bad_name;
use crate::config::error::{ConfigError, Problem, nearest};
use crate::config::interpolate::{Incomplete, interpolate};
use crate::config::locate;
use crate::config::raw::{RawConfig, RawEnvironment, Span, Text};
use crate::model::duration;
use crate::model::ids::Environment;
use crate::model::secret::without_passwords;

/// The process's environment.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One mapping of environment keys, and where it stands in the file.
pub(super) struct Layer<'a> {
    path: Vec<&'a str>,
    raw: &'a RawEnvironment,
}

pub(super) fn layers<'a>(raw: &'a RawConfig, environment: &'a Environment) -> Vec<Layer<'a>> {
    let chosen = raw.environments.as_ref().and_then(|all| all.get_key_value(environment.as_str()));
    let chosen = chosen.and_then(|(name, raw)| {
        raw.as_ref().map(|raw| Layer { path: vec!["environments", name.as_str()], raw })
    });
    let defaults = raw.defaults.as_ref().map(|raw| Layer { path: vec!["defaults"], raw });
    chosen.into_iter().chain(defaults).collect()
}

/// Finds a key in the best layer that has it, and fills in its variables.
pub(super) struct Reader<'a> {
    pub(super) layers: Vec<Layer<'a>>,
    pub(super) file: Option<(&'a Path, &'a str)>,
    pub(super) env: Env<'a>,
}

impl Reader<'_> {
    pub(super) fn find<'s, T>(
        &'s self,
        get: impl Fn(&'s RawEnvironment) -> Option<T>,
    ) -> Option<(&'s Layer<'s>, T)> {
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

    pub(super) fn bad(
        &self,
        layer: &Layer<'_>,
        key: &str,
        reason: String,
        nearest: Option<String>,
    ) -> ConfigError {
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

    pub(super) fn text<'s>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Text>,
    ) -> Result<Option<String>, ConfigError> {
        Ok(self.located(key, |e| get(e).map(|text| text.0.as_str()))?.map(|(_, text)| text))
    }

    /// A string of a form of its own, whose error says what the form is.
    pub(super) fn parsed<'s, T: FromStr<Err: Display>>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Text>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((layer, text)) = self.located(key, |e| get(e).map(|text| text.0.as_str()))? else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|error: T::Err| self.bad(layer, key, format!("{text:?}: {error}"), None))
    }

    pub(super) fn name<'s>(
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

    pub(super) fn path<'s>(
        &'s self,
        key: &str,
        base: &Path,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Text>,
    ) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.text(key, get)?.map(|path| base.join(path)))
    }

    pub(super) fn span<'s>(
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

    pub(super) fn word<'s, T: FromStr + Copy + ToString>(
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

    pub(super) fn list<'s>(
        &'s self,
        key: &str,
        get: impl Fn(&'s RawEnvironment) -> Option<&'s Vec<Text>>,
    ) -> Result<Vec<String>, ConfigError> {
        let Some((layer, items)) = self.find(get) else { return Ok(Vec::new()) };
        items.iter().enumerate().map(|(i, item)| self.filled(layer, key, Some(i), &item.0)).collect()
    }
}
