//! A reporter that tells the runner too: groups and annotations in the log, and at the end the outputs and the job's page.
//! All that `inner` is to say is passed on in order; the fence round a command's output is its own.

use std::collections::BTreeSet;
use std::mem::discriminant;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::Output;
use crate::model::event::{Event, Mark, Outcome};
use crate::model::run::EngineKind;
use crate::model::secret::Secret;
use crate::platform::github_actions::commands::{self, Annotation, KEPT, Kind};
use crate::platform::github_actions::outputs::outputs;
use crate::platform::github_actions::{files, masks};
use crate::report::summary::{self, Told};
use crate::report::{Options, Report, words};

/// Actions whose end is told to the job, and not in the log alone.
const TOLD: [&str; 5] = ["deploy", "lead", "follow", "plan", "status"];

/// What the environment says of the step that we are.
pub(super) struct Step {
    /// Our own container action, both of whose streams are the runner's.
    pub is_action: bool,
    /// `GITHUB_OUTPUT`.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`.
    pub summary: Option<PathBuf>,
    /// `GITHUB_WORKSPACE`: where paths of annotations begin.
    pub workspace: Option<PathBuf>,
}

/// Tells a step's runner and passes on.
pub(super) struct Telling {
    inner: Arc<dyn Report>,
    step: Step,
    verb: String,
    /// Text for people: only there do groups and warnings belong into the log.
    human: bool,
    quiet: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    told: Vec<Told>,
    /// The part of the log that is open.
    part: Option<Part>,
    warnings: usize,
    masked: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Waiting,
    Work,
}

impl Telling {
    /// `masked` is what the runner knows already.
    pub fn new(
        inner: Arc<dyn Report>,
        step: Step,
        masked: BTreeSet<String>,
        verb: &str,
        options: Options,
    ) -> Self {
        Self {
            inner,
            step,
            verb: verb.to_owned(),
            human: options.output == Output::Human,
            quiet: options.verbosity < 0,
            state: Mutex::new(State { masked, ..State::default() }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a part of the log, and ends the one before.
    fn enter(&self, state: &mut State, part: Option<Part>, title: &str) {
        if !self.human || self.quiet || state.part == part {
            return;
        }
        if state.part.is_some() {
            self.inner.aside(commands::END_GROUP);
        }
        if part.is_some() {
            self.inner.aside(&commands::group(title));
        }
        state.part = part;
    }

    /// What of an event the log's form depends on, before `inner` says it.
    fn before(&self, state: &mut State, event: &Event) {
        match event {
            Event::LockWaiting { .. } => self.enter(state, Some(Part::Waiting), "Waiting for the lock"),
            Event::Waiting { .. } | Event::Watching { .. } => {
                self.enter(state, Some(Part::Waiting), "Waiting for the leader");
            }
            Event::RunStarted { engine: EngineKind::Command, .. } => {
                self.enter(state, Some(Part::Work), "The command");
            }
            Event::RunStarted { engine: EngineKind::Sql, total, .. } => {
                let count = words::migrations(usize::try_from(*total).unwrap_or(usize::MAX));
                self.enter(state, Some(Part::Work), &count);
            }
            Event::Plan(_) | Event::Status(_) | Event::Outcome(_) => {
                self.enter(state, None, "");
            }
            _ => {}
        }
    }

    fn after(&self, state: &mut State, event: &Event) {
        match event {
            Event::RunFinished { .. } => {
                self.enter(state, None, "");
            }
            Event::Plan(plan) => {
                let of_mark = |mark: &Mark| {
                    self.annotation(Some(mark), "this migration would not be applied", mark.message.clone())
                };
                let lines: String =
                    plan.refused.iter().take(KEPT).map(|mark| of_mark(mark).command(Kind::Error)).collect();
                self.inner.aside(&lines);
            }
            Event::Outcome(outcome) => self.inner.aside(&self.errors(outcome)),
            _ => {}
        }
    }

    /// A warning that the runner keeps is not said twice.
    fn annotates(&self, state: &mut State, event: &Event) -> bool {
        let Event::Warning { message } = event else { return false };
        if !self.human || state.warnings >= KEPT {
            return false;
        }
        state.warnings += 1;
        self.inner.aside(&self.annotation(None, "bellwether", message.clone()).command(Kind::Warning));
        true
    }

    fn errors(&self, outcome: &Outcome) -> String {
        let Some(error) = &outcome.error else { return String::new() };
        let title = format!("bellwether: {}", outcome.outcome.replace('_', " "));
        if error.marks.is_empty() {
            return self.annotation(None, &title, commands::message(error, None)).command(Kind::Error);
        }
        let marks = error.marks.iter().take(KEPT).enumerate();
        let told = marks.map(|(index, mark)| match index {
            0 => self.annotation(Some(mark), &title, commands::message(error, Some(mark))),
            _ => self.annotation(Some(mark), &title, mark.message.clone()),
        });
        told.map(|annotation| annotation.command(Kind::Error)).collect()
    }

    fn annotation(&self, mark: Option<&Mark>, title: &str, message: String) -> Annotation {
        Annotation {
            file: mark.and_then(|mark| mark.path.as_deref()).map(|path| self.in_workspace(Path::new(path))),
            line: mark.and_then(|mark| mark.line),
            column: mark.and_then(|mark| mark.column),
            title: title.to_owned(),
            message,
        }
    }

    /// As the repository names it.
    fn in_workspace(&self, path: &Path) -> String {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let workspace = self.step.workspace.as_deref();
        let inside = workspace.and_then(|workspace| absolute.strip_prefix(workspace).ok());
        inside.unwrap_or(&absolute).display().to_string()
    }

    /// Outputs and page; what cannot be written is a warning, and changes no outcome.
    fn write_files(&self, state: &mut State, outcome: &Outcome) {
        let mut trouble = Vec::new();
        if let Some(path) = &self.step.output {
            let outputs = outputs(&state.told, outcome);
            let text: String =
                outputs.values.iter().map(|(name, value)| files::output(name, value)).collect();
            match files::append(path, &text) {
                Err(error) => trouble.push(format!(
                    "the outputs could not be written: {error} ({}); later steps find them empty",
                    path.display()
                )),
                Ok(()) if !outputs.left_out.is_empty() => trouble.push(format!(
                    "the output `report` is too long for a job's outputs (1 MB) and leaves out {}",
                    outputs.left_out.join(", ")
                )),
                Ok(()) => {}
            }
        }
        if let Some(path) = &self.step.summary {
            let room = summary::LIMIT.saturating_sub(files::size(path));
            let page = summary::page(&state.told, room);
            match files::append(path, &page) {
                Err(error) => trouble
                    .push(format!("the job's summary could not be written: {error} ({})", path.display())),
                Ok(()) if page.is_empty() => trouble.push(
                    "the job's summary has no room left for ours: earlier commands of this step filled it (1 MiB)"
                        .to_owned(),
                ),
                Ok(()) => {}
            }
        }
        for message in trouble {
            let warning = Event::Warning { message };
            if !self.annotates(state, &warning) {
                self.inner.event(&warning);
            }
        }
    }
}

impl Report for Telling {
    fn event(&self, event: &Event) {
        let mut state = self.state();
        state.remember(event);
        self.before(&mut state, event);
        if let Event::Outcome(outcome) = event
            && TOLD.contains(&self.verb.as_str())
        {
            self.write_files(&mut state, outcome);
        }
        if !self.annotates(&mut state, event) {
            self.inner.event(event);
        }
        self.after(&mut state, event);
    }

    fn output(&self, bytes: &[u8]) {
        self.inner.output(bytes);
    }

    fn aside(&self, lines: &str) {
        self.inner.aside(lines);
    }

    fn conceal(&self, secret: &Secret) {
        if self.step.is_action {
            let mut state = self.state();
            let masks: BTreeSet<String> = &masks::of(secret.expose()) - &state.masked;
            masks::write(&masks);
            state.masked.extend(masks);
        }
        self.inner.conceal(secret);
    }

    fn confirm(&self, question: &str) -> Option<bool> {
        self.inner.confirm(question)
    }

    fn finish(&self) {
        self.inner.finish();
    }
}

impl State {
    /// Keeps what the page and the outputs need; of a wait, its beginning and how it stands now.
    fn remember(&mut self, event: &Event) {
        if matches!(event, Event::Output { .. } | Event::Working { .. } | Event::BeatMissed { .. }) {
            return;
        }
        let kind = discriminant(event);
        let repeats = |told: &Told| discriminant(&told.event) == kind && waits(event);
        match self.told.last_mut().filter(|told| repeats(told)) {
            Some(told) => told.event = event.clone(),
            None => self.told.push(Told { at_ms: now(), event: event.clone() }),
        }
    }
}

fn waits(event: &Event) -> bool {
    matches!(
        event,
        Event::LockWaiting { .. } | Event::Waiting { .. } | Event::Watching { .. } | Event::Retrying { .. }
    )
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
