//! What is wrong with the config, where, and the line drawn with a caret. Never shows a URL's password.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::config::locate::Spot;
use crate::model::secret::without_passwords;

/// What is wrong, and where if it is in a file. Exit 2.
#[derive(Debug)]
pub struct ConfigError(Box<(Problem, Option<Place>)>);

/// What is wrong with the config or with flags that stand for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// `-c FILE` names nothing.
    #[error("there is no config file {}", file.display())]
    FileMissing {
        /// As named.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// As named.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no YAML.
    #[error("this is no YAML that we can read: {message}")]
    Syntax {
        /// As the parser says it.
        message: String,
    },
    /// A key that is none of ours.
    #[error("unknown key `{key}`{}", clause("; ", &key_advice(nearest.as_deref(), belongs)))]
    UnknownKey {
        /// As written.
        key: String,
        /// The key that may be meant.
        nearest: Option<String>,
        /// Where such a key belongs, from an environment: `lock.wait`.
        belongs: Vec<String>,
        /// The keys there are in this place.
        known: Vec<String>,
    },
    /// A key stands twice in one mapping.
    #[error("the key `{key}` is there twice")]
    DuplicateKey {
        /// Which.
        key: String,
    },
    /// A list where a string should be, and the like.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The kind is right, the value is not.
    #[error("bad value for `{key}`: {reason}")]
    BadValue {
        /// From the environment: `lock.wait`.
        key: String,
        /// Why.
        reason: String,
        /// The word that may be meant.
        nearest: Option<String>,
    },
    /// `${VAR}` without a value and without a default.
    #[error("the variable {variable} is not set, and `{key}` needs it")]
    VariableNotSet {
        /// Its name.
        variable: String,
        /// From the environment: `lock.wait`.
        key: String,
    },
    /// The config has no such environment.
    #[error("there is no environment {name:?} here, only {}{}", list(known), clause("; ", &meant(nearest.as_deref())))]
    UnknownEnvironment {
        /// As named.
        name: String,
        /// The one that may be meant.
        nearest: Option<String>,
        /// Those there are.
        known: Vec<String>,
    },
    /// There are several environments, and none is named.
    #[error("which environment? Name one of {} with --environment or BELLWETHER_ENVIRONMENT", list(known))]
    EnvironmentNeeded {
        /// Those there are.
        known: Vec<String>,
    },
}

/// A place in the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As named by the user, or the default.
    pub file: PathBuf,
    /// Line and column, from 1.
    pub spot: Spot,
    /// The whole file, passwords in URLs starred out.
    text: String,
}

impl ConfigError {
    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.0.0
    }

    /// Where, if it is in a file.
    pub fn place(&self) -> Option<&Place> {
        self.0.1.as_ref()
    }

    /// The line with a caret under the place; none where there is no place.
    pub fn snippet(&self) -> Option<String> {
        let place = self.place()?;
        let title = self.problem().to_string();
        let file = place.file.to_string_lossy();
        let (start, end) = token(&place.text, place.spot);
        let annotation = AnnotationKind::Primary.span(start..end).label(label(self.problem()));
        let snippet = Snippet::source(place.text.as_str()).path(file).annotation(annotation);
        let report = [Group::with_title(Level::ERROR.primary_title(title)).element(snippet)];
        let drawn = Renderer::plain().decor_style(DecorStyle::Ascii).render(&report);
        // the title is this error's own sentence, which whoever shows the snippet has said already
        drawn.split_once('\n').map(|(_, rest)| rest.to_owned())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place() {
            write!(f, "{}:{}:{}: ", place.file.display(), place.spot.line, place.spot.column)?;
        }
        self.problem().fmt(f)
    }
}

impl std::error::Error for ConfigError {}

impl Problem {
    /// An error that is in no file.
    pub(super) fn nowhere(self) -> ConfigError {
        ConfigError(Box::new((self, None)))
    }

    /// An error at a place of a file.
    pub(super) fn at(self, file: &Path, text: &str, spot: Option<Spot>) -> ConfigError {
        let spot = spot.unwrap_or(Spot { line: 1, column: 1 });
        let place = Place { file: file.to_owned(), spot, text: without_passwords(text) };
        ConfigError(Box::new((self, Some(place))))
    }
}

/// The file's text, or where its first byte is that is no UTF-8.
pub(super) fn utf8(file: &Path, bytes: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let reason = format!("it is not UTF-8 (byte {})", error.utf8_error().valid_up_to());
        Problem::Unreadable { file: file.to_owned(), reason }.nowhere()
    })
}

/// The nearest of some words, if it is near enough to be a slip of the finger.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

fn label(problem: &Problem) -> String {
    match problem {
        Problem::UnknownKey { nearest, belongs, known, .. } => {
            match key_advice(nearest.as_deref(), belongs) {
                advice if advice.is_empty() => format!("the keys here are {}", list(known)),
                advice => advice,
            }
        }
        Problem::DuplicateKey { .. } => "for the second time".to_owned(),
        Problem::WrongType { expected, found } if expected == "a string" && is_scalar(found) => {
            "write it in quotes".to_owned()
        }
        Problem::WrongType { expected, .. } => format!("expected {expected}"),
        Problem::BadValue { nearest: Some(nearest), .. } => meant(Some(nearest)),
        Problem::BadValue { reason, .. } => reason.clone(),
        Problem::VariableNotSet { variable, .. } => {
            format!("set it, or give a default: ${{{variable}:-…}}")
        }
        Problem::UnknownEnvironment { .. } | Problem::EnvironmentNeeded { .. } => "declared here".to_owned(),
        Problem::FileMissing { .. } | Problem::Unreadable { .. } | Problem::Syntax { .. } => String::new(),
    }
}

fn is_scalar(found: &str) -> bool {
    ["the number", "the word"].iter().any(|kind| found.starts_with(kind))
}

fn key_advice(nearest: Option<&str>, belongs: &[String]) -> String {
    let homes: Vec<String> = belongs
        .iter()
        .map(|path| match path.rsplit_once('.') {
            Some((parent, _)) => format!("`{parent}`"),
            None => "an environment or `defaults`".to_owned(),
        })
        .collect();
    match (homes.as_slice(), nearest) {
        ([], None) => String::new(),
        ([], Some(_)) => meant(nearest),
        (homes, _) => format!("it belongs under {}", homes.join(" or ")),
    }
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|word| format!("did you mean `{word}`?")).unwrap_or_default()
}

fn clause(lead: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{lead}{text}") }
}

fn list(words: &[String]) -> String {
    words.join(", ")
}

/// The bytes of the key or value that begins at a place; one byte at least, unless the text ends there.
fn token(text: &str, spot: Spot) -> (usize, usize) {
    let mut from = 0;
    for line in text.split_inclusive('\n').take(spot.line - 1) {
        from += line.len();
    }
    let line = text[from..].lines().next().unwrap_or_default();
    let start = line.char_indices().nth(spot.column - 1).map_or(line.len(), |(at, _)| at);
    let rest = &line[start..];
    let length = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].find(quote).map_or(rest.len(), |at| at + 2),
        Some('{' | '[') => 1,
        _ => plain_length(rest),
    };
    let start = from + start;
    (start, (start + length).min(text.len()))
}

/// Up to what ends a plain scalar: a colon, a comment, or a flow indicator outside `${…}`.
fn plain_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut before = '\0';
    let mut end = rest.len();
    for (at, c) in rest.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' | ']' if depth == 0 => end = at,
            '#' if before == ' ' => end = at,
            ':' if depth == 0 && matches!(rest[at + 1..].chars().next(), None | Some(' ')) => end = at,
            _ => {}
        }
        if end < rest.len() {
            break;
        }
        before = c;
    }
    rest[..end].trim_end().len()
}
