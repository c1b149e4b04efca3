//! From the file's text to its shape, with the parser's complaints turned into ours.

use std::path::Path;

use serde::de::IgnoredAny;

use crate::config::error::{ConfigError, Problem, nearest};
use crate::config::locate::{self, Spot};
use crate::config::raw::{self, RawConfig};
use crate::model::secret::without_passwords;

/// Reads the whole file; an empty one is a config without keys.
pub(super) fn config(file: &Path, text: &str) -> Result<RawConfig, ConfigError> {
    if let Some((key, spot)) = locate::duplicate(text) {
        return Err(Problem::DuplicateKey { key }.at(file, text, Some(spot)));
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(RawConfig::default());
    }
    // the whole text first, so that a slip of syntax is not taken for a wrong type before it
    serde_yaml::from_str::<IgnoredAny>(text)
        .and_then(|_| serde_yaml::from_str::<Option<RawConfig>>(text))
        .map(Option::unwrap_or_default)
        .map_err(|error| {
            let spot = error.location().map(|at| Spot { line: at.line(), column: at.column() });
            let known_slip = spot.and_then(|spot| slip(text, spot));
            let problem = match (problem(&error.to_string()), known_slip) {
                (Problem::Syntax { .. }, Some(message)) => Problem::Syntax { message: message.to_owned() },
                (problem, _) => problem,
            };
            problem.at(file, text, spot.or_else(|| second_document(text)))
        })
}

/// The two slips of syntax that a config of ours invites.
fn slip(text: &str, spot: Spot) -> Option<&'static str> {
    let line = text.lines().nth(spot.line - 1)?;
    let mut from = line.chars().skip(spot.column.saturating_sub(2));
    let before = if spot.column > 1 { from.next() } else { None };
    match (before, from.next()) {
        (Some('$'), Some('{')) => Some("inside { } and [ ] a ${VAR} needs quotes around it"),
        (_, Some('\t')) => Some("a tab, where only spaces may indent"),
        _ => None,
    }
}

/// The parser gives no place for this one error.
fn second_document(text: &str) -> Option<Spot> {
    let line = text.lines().enumerate().skip(1).find(|(_, line)| line.starts_with("---"))?.0;
    Some(Spot { line: line + 1, column: 1 })
}

/// The parser speaks in sentences; these are the ones that we can say better.
fn problem(message: &str) -> Problem {
    let message = message.split(" at line ").next().unwrap_or(message);
    if let Some(at) = message.find("unknown field `") {
        let (path, rest) = message.split_at(at);
        return unknown_key(path.is_empty(), rest);
    }
    let wrong = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| message.split_once(start))
        .and_then(|(_, rest)| rest.rsplit_once(", expected "));
    match wrong {
        Some((found, expected)) => {
            Problem::WrongType { expected: expected_kind(expected), found: found_kind(found) }
        }
        None if message.contains("more than one document") => {
            Problem::Syntax { message: "there is more than one document in it".to_owned() }
        }
        None => Problem::Syntax { message: without_passwords(message) },
    }
}

fn unknown_key(at_top: bool, message: &str) -> Problem {
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
    let key = quoted.next().unwrap_or_default();
    let known: Vec<String> = quoted.collect();
    let belongs = raw::keys()
        .into_iter()
        .filter(|path| path.rsplit('.').next() == Some(key.as_str()))
        .filter(|path| !at_top || !path.contains('.'))
        .collect();
    let nearest = nearest(&key, known.iter().map(String::as_str));
    Problem::UnknownKey { key, nearest, belongs, known }
}

fn expected_kind(expected: &str) -> String {
    match expected {
        "i64" | "i32" => "a whole number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        other => other.to_owned(),
    }
}

fn found_kind(found: &str) -> String {
    match found {
        "map" => "a mapping".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" => "nothing".to_owned(),
        other => without_passwords(&scalar_kind(other)),
    }
}

/// "integer `42`" is how the parser says it.
fn scalar_kind(found: &str) -> String {
    let bare = |rest: &str| rest.split('`').nth(1).unwrap_or(rest).to_owned();
    if let Some(number) = found.strip_prefix("integer ").or(found.strip_prefix("floating point ")) {
        format!("the number {}", bare(number))
    } else if let Some(word) = found.strip_prefix("boolean ") {
        format!("the word {}", bare(word))
    } else {
        found.replacen("string ", "the text ", 1)
    }
}
