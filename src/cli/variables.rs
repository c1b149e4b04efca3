//! `BELLWETHER_*` variables stand behind their flags, and an empty one counts as unset. The environment is handed in,
//! so that no test needs the process's own.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::cli::Request;
use crate::model::choice::is_true;
use crate::model::secret::without_passwords;

/// A flag's id and its variable. The switches `-v` and `-q` are read apart, since a flag without a value has no
/// default to replace.
const VARIABLES: &[(&str, &str)] = &[
    ("config", "BELLWETHER_CONFIG"),
    ("environment", "BELLWETHER_ENVIRONMENT"),
    ("participant", "BELLWETHER_PARTICIPANT"),
    ("role", "BELLWETHER_ROLE"),
    ("release", "BELLWETHER_RELEASE"),
    ("deploy", "BELLWETHER_DEPLOY"),
    ("database_url", "BELLWETHER_DATABASE_URL"),
    ("migrations", "BELLWETHER_MIGRATIONS"),
    ("format", "BELLWETHER_FORMAT"),
    ("follow", "BELLWETHER_FOLLOW"),
    ("timeout", "BELLWETHER_TIMEOUT"),
    ("lock_mode", "BELLWETHER_LOCK_MODE"),
    ("lock_name", "BELLWETHER_LOCK_NAME"),
    ("lock_id", "BELLWETHER_LOCK_ID"),
    ("lock_wait", "BELLWETHER_LOCK_WAIT"),
    ("output", "BELLWETHER_OUTPUT"),
    ("color", "BELLWETHER_COLOR"),
];
const SWITCHES: &[(&str, &str)] = &[("verbose", "BELLWETHER_VERBOSE"), ("quiet", "BELLWETHER_QUIET")];

/// What ends a process before it has a [`Request`]: an error of usage, or the text that `--help` asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct UsageError {
    /// Whole lines, to be printed as they are.
    pub text: String,
    /// 0 for `--help` and `--version`, else 2.
    pub exit: u8,
    /// The variable that gave the bad value; the text names it.
    pub variable: Option<&'static str>,
}

impl UsageError {
    /// Whether the text is what was asked for, and belongs on stdout.
    pub fn is_answer(&self) -> bool {
        self.exit == 0
    }

    /// The way in which we were called makes no command line.
    pub fn of_call(text: &str) -> Self {
        Self { text: format!("error: {text}\n"), exit: 2, variable: None }
    }
}

impl Request {
    /// Reads arguments (the first is the program's name), and behind them the variables that `env` knows.
    pub fn from_env_and_args<I, A>(args: I, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, UsageError>
    where
        I: IntoIterator<Item = A>,
        A: Into<OsString> + Clone,
    {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let mut command = command(env);
        let parsed = command
            .try_get_matches_from_mut(&args)
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|mut error| {
                // what comes after `--` is a command, and no place for a misspelt flag
                if error.kind() == ErrorKind::UnknownArgument {
                    error.remove(ContextKind::Suggested);
                }
                usage(&error, &args, env)
            });
        let mut request = parsed?;
        let set = |name| env(name).filter(|value| !value.is_empty());
        let (verbose, quiet) = (request.global.verbose > 0, request.global.quiet);
        if !verbose && !quiet {
            request.global.quiet = set("BELLWETHER_QUIET").is_some_and(|text| is_true(&text));
            request.global.verbose = set("BELLWETHER_VERBOSE").map_or(0, |text| level(&text));
        }
        Ok(request)
    }
}

fn level(text: &str) -> u8 {
    text.parse().unwrap_or_else(|_| u8::from(is_true(text)))
}

/// The command line as clap knows it, for parsing and for completions; `env` gives what unset flags fall back to.
pub fn command(env: &dyn Fn(&str) -> Option<String>) -> clap::Command {
    let mut command = Request::command();
    for (id, variable) in VARIABLES.iter().chain(SWITCHES) {
        let value = env(variable).filter(|value| !value.is_empty());
        let switch = SWITCHES.iter().any(|(name, _)| name == id);
        command = command.mut_arg(id, |arg| {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let arg = arg.help(format!("{help} [env: {variable}]"));
            match value {
                Some(value) if !switch => arg.default_value(value).hide_default_value(true),
                _ => arg,
            }
        });
    }
    command
}

fn usage(error: &clap::Error, args: &[OsString], env: &dyn Fn(&str) -> Option<String>) -> UsageError {
    let mut text = error.render().to_string();
    let variable = blamed_variable(error, args, env);
    if let Some(variable) = variable {
        text = text.replacen("\n\n", &format!("\n  the value is that of {variable}\n\n"), 1);
    }
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
        _ => 2,
    };
    UsageError { text: if exit == 0 { text } else { without_passwords(&text) }, exit, variable }
}

/// The variable that gave a bad value, if the flag itself was not on the command line.
fn blamed_variable(
    error: &clap::Error,
    args: &[OsString],
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<&'static str> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = flag.split(' ').next()?;
    let id = flag.trim_start_matches('-').replace('-', "_");
    let (_, variable) = VARIABLES.iter().find(|(name, _)| *name == id)?;
    let short = format!("-{}", id.chars().next()?);
    let on_line = args.iter().filter_map(|arg| arg.to_str()).any(|arg| {
        arg.starts_with(flag) || (matches!(id.as_str(), "config" | "environment") && arg.starts_with(&short))
    });
    env(variable).filter(|value| !value.is_empty() && !on_line).map(|_| *variable)
}
