//! The place where we run, and a command line that cannot be used there.

use std::ffi::OsString;

use tokio::time::Instant;

use crate::cli::{Color, Output, UsageError};
use crate::exit::Exit;
use crate::job::milliseconds;
use crate::model::event::{Event, Explained, Outcome};
use crate::model::surroundings::Surroundings;
use crate::platform::{Env, Platform};
use crate::report::{self, Options, Terminal};

/// Where we run, and since when.
pub struct Here<'a> {
    /// Which platform.
    pub place: &'static dyn Platform,
    /// Variables as they were given there.
    pub env: Env<'a>,
    /// What advice depends on.
    pub surroundings: Surroundings,
    /// When the process began.
    pub began: Instant,
}

impl Here<'_> {
    /// The command line, and into the folder where it is meant.
    pub fn called(&self, args: Vec<OsString>) -> Result<Vec<OsString>, String> {
        let call = self.place.call(self.env, args)?;
        if let Some(folder) = &call.folder {
            std::env::set_current_dir(folder).map_err(|error| {
                format!(
                    "the input `working-directory` names {}, which cannot be entered: {error}; does an earlier step of this job run actions/checkout?",
                    folder.display()
                )
            })?;
        }
        Ok(call.args)
    }

    /// How to report.
    pub fn options(&self, output: Output, color: Color, verbosity: i8) -> Options {
        Options {
            output,
            color,
            verbosity,
            terminal: Terminal::detect(),
            github: self.surroundings.is_github(),
        }
    }

    /// Says what is wrong with the command line, or what it asks for; gives the exit code.
    pub fn unusable(&self, usage: &UsageError, args: &[OsString]) -> u8 {
        if usage.is_answer() {
            report::print_result(&usage.text);
            return usage.exit;
        }
        let text = self.in_words_of_here(usage);
        report::print_complaint(&match self.surroundings.is_github() {
            true => report::without_commands(&text),
            false => text.clone(),
        });
        let json = wants_json(args, self.env);
        let options = self.options(if json { Output::Json } else { Output::Human }, Color::Never, 0);
        let inner = if json { report::reporter(options) } else { report::silent() };
        let verb = args.get(1).and_then(|verb| verb.to_str()).unwrap_or("deploy");
        let report = self.place.report(self.env, verb, options, inner);
        report.event(&Event::Outcome(outcome(&text, usage.exit, self.began)));
        report.finish();
        usage.exit
    }

    /// The user of an action gave no variable, but an input.
    fn in_words_of_here(&self, usage: &UsageError) -> String {
        let blamed = usage.variable.and_then(|variable| Some((variable, self.surroundings.input(variable)?)));
        let given = |input: &str| (self.env)(&format!("INPUT_{}", input.to_uppercase()));
        match blamed.filter(|(_, input)| given(input).is_some_and(|value| !value.trim().is_empty())) {
            Some((variable, input)) => usage.text.replacen(
                &format!("that of {variable}"),
                &format!("that of the input `{input}`"),
                1,
            ),
            None => usage.text.clone(),
        }
    }
}

/// A command line that cannot be read may still say how it wants its answer.
fn wants_json(args: &[OsString], env: Env<'_>) -> bool {
    let json = |value: Option<&OsString>| value.is_some_and(|value| value == "json");
    let flag = args.iter().position(|arg| arg == "--output").map(|at| json(args.get(at + 1)));
    let joined = args.iter().any(|arg| arg == "--output=json");
    joined || flag.unwrap_or_else(|| env("BELLWETHER_OUTPUT").is_some_and(|value| value == "json"))
}

fn outcome(text: &str, exit: u8, began: Instant) -> Outcome {
    let mut lines = text.lines();
    let title = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let causes =
        lines.filter(|line| line.contains("the value is that of")).map(|line| line.trim().to_owned());
    let causes = causes.collect();
    let error =
        Explained { title: title.clone(), causes, snippet: None, hints: Vec::new(), marks: Vec::new() };
    Outcome {
        exit,
        role: None,
        outcome: Exit::Usage.word(),
        release: None,
        run: None,
        url: None,
        applied: Vec::new(),
        duration_ms: milliseconds(began.elapsed()),
        error: Some(error),
        message: title,
    }
}
