//! For people: one event is one short line that makes sense alone; on a terminal, what goes on is a bar instead.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::model::event::{Event, Outcome, Watched};
use crate::model::run::{EngineKind, LockMode};
use crate::report::line::{self, Fence, Hashes, Line, Mood};
use crate::report::pace::Pace;
use crate::report::past;
use crate::report::progress::Progress;
use crate::report::{Options, Teller, doctor, outcome, scaffold, start, tables, words};

/// Writes sentences to stderr and tables to stdout.
pub struct Human {
    options: Options,
    pace: Pace,
    progress: Option<Progress>,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// The run whose page was named.
    linked: Option<String>,
    /// A command writes too: the bottom line is its own, for progress bars.
    shared: bool,
    /// What it wrote last does not end a line.
    midline: bool,
    /// A result says it all; a success after it needs no line.
    result: bool,
    /// How a command's last piece ended.
    hashes: Hashes,
    /// Round a command's output, while a GitHub runner reads along.
    fence: Fence,
}

impl Human {
    /// Begins now.
    pub fn new(
        options: Options,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        now: Instant,
    ) -> Self {
        let bars = options.terminal.stderr && !options.terminal.dumb && options.verbosity >= 0;
        Self {
            options,
            pace: Pace::new(now, options.verbosity > 1),
            progress: bars.then(Progress::on_stderr),
            out,
            err,
            linked: None,
            shared: false,
            midline: false,
            result: false,
            hashes: Hashes::default(),
            fence: Fence::default(),
        }
    }

    fn say(&mut self, now: Instant, event: &Event) {
        if self.options.verbosity < 0 && !line::is_vital(event) {
            return;
        }
        match event {
            Event::Plan(plan) => self.result(&tables::plan(plan, self.options.verbosity > 0)),
            Event::Status(status) => self.result(&tables::status(status, self.options.verbosity > 0)),
            Event::History(history) => self.result(&past::runs(history)),
            Event::RunSteps(run) => self.result(&past::run(run)),
            Event::Lock(lock) => self.part(&tables::lock(lock)),
            Event::Resolved(resolved) => self.part(&tables::resolved(resolved)),
            Event::Doctor(doctor) => self.result(&doctor::doctor(doctor)),
            Event::Init(init) => self.result(&scaffold::init(init)),
            Event::New(new) => {
                self.result(&scaffold::new(new));
                self.write(&scaffold::to_add(new));
            }
            Event::Unlocked(unlocked) => self.result(&tables::unlocked(unlocked)),
            Event::Outcome(end) if end.error.is_none() && self.says_enough(end) => {}
            // the bar shows it already
            event if self.progress.is_some() && passing(event) => {}
            event => {
                let mut lines = lines(event, self.options.verbosity);
                lines.extend(self.link(event));
                self.write(&lines);
                if !lines.is_empty() {
                    self.pace.said(now);
                }
            }
        }
    }

    /// A success that needs no line.
    fn says_enough(&self, end: &Outcome) -> bool {
        self.result || end.message.is_empty() || self.options.verbosity < 0
    }

    /// The page that shows a run, once.
    fn link(&mut self, event: &Event) -> Option<Line> {
        let run = watched(event)?;
        let url = run.url.as_deref()?;
        if self.linked.as_deref() == Some(run.run.as_str()) {
            return None;
        }
        self.linked = Some(run.run.0.clone());
        Some(Line::plain(format!(
            "{} shows its run at {}",
            words::line(run.leader.as_str()),
            words::line(url)
        )))
    }

    /// A line of the command's that it did not end must not run into ours.
    fn end_line(&mut self) {
        if std::mem::take(&mut self.midline) {
            let _ = self.err.write_all(b"\n");
        }
    }

    fn write(&mut self, lines: &[Line]) {
        if !lines.is_empty() {
            self.end_line();
        }
        let Options { color, terminal, github, .. } = self.options;
        let colors = terminal.colors(color, terminal.stderr);
        let text: String = lines.iter().map(|line| line.draw(colors, github)).collect();
        let mut write = || drop(self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush()));
        match &self.progress {
            Some(progress) => progress.suspend(write),
            None => write(),
        }
    }

    fn result(&mut self, lines: &[Line]) {
        self.result = true;
        self.part(lines);
    }

    /// A result that leaves something to say.
    fn part(&mut self, lines: &[Line]) {
        let Options { color, terminal, github, .. } = self.options;
        let colors = terminal.colors(color, terminal.stdout);
        let text: String = lines.iter().map(|line| line.draw(colors, github)).collect();
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl Teller for Human {
    fn tell(&mut self, now: Instant, event: &Event) {
        if let (Some(progress), true) = (&mut self.progress, line::is_result(event)) {
            progress.clear();
        }
        if self.pace.admit(now, event) {
            self.say(now, event);
        }
        if matches!(event, Event::RunFinished { .. }) {
            self.shared = false;
            self.end_line();
        }
        if let Some(progress) = &mut self.progress {
            progress.follow(event);
        }
        if let Some(progress) = self.progress.as_mut().filter(|_| !self.shared) {
            progress.show(self.pace.pursued(now).as_ref());
        }
    }

    /// Unchanged: colours, and lines that are drawn over, are the command's business.
    fn output(&mut self, now: Instant, bytes: &[u8]) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        if self.options.github {
            let raised = self.fence.raise();
            let _ = self.err.write_all(raised.as_bytes());
        }
        let harmless = self.options.github.then(|| self.hashes.apart(bytes));
        let bytes = harmless.as_deref().unwrap_or(bytes);
        let _ = self.err.write_all(bytes).and_then(|()| self.err.flush());
        self.shared = true;
        self.midline = bytes.last().map_or(self.midline, |byte| *byte != b'\n');
        self.pace.said(now);
    }

    fn aside(&mut self, lines: &str) {
        self.end_line();
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        let lines = self.fence.lower() + lines;
        let _ = self.err.write_all(lines.as_bytes()).and_then(|()| self.err.flush());
    }

    fn ask(&mut self, question: &str) -> Option<bool> {
        if !(self.options.terminal.stdin && self.options.terminal.stderr) {
            return None;
        }
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        let question = format!("{} Type yes: ", words::line(question));
        self.err.write_all(question.as_bytes()).and_then(|()| self.err.flush()).ok()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim().to_lowercase().as_str(), "yes" | "y"))
    }

    fn tick(&mut self, now: Instant) {
        match &mut self.progress {
            Some(_) if self.shared => {}
            Some(progress) => progress.show(self.pace.pursued(now).as_ref()),
            None => {
                if let Some(event) = self.pace.due(now) {
                    self.say(now, &event);
                }
            }
        }
    }

    fn beat(&self) -> Duration {
        Duration::from_millis(if self.progress.is_some() { 120 } else { 1000 })
    }

    fn close(&mut self) {
        self.end_line();
        let _ = self.err.write_all(self.fence.lower().as_bytes());
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
    }
}

/// What is true for a moment only.
fn passing(event: &Event) -> bool {
    matches!(
        event,
        Event::Watching { .. }
            | Event::Waiting { .. }
            | Event::LockWaiting { .. }
            | Event::Working { .. }
            | Event::Progress { .. }
    )
}

fn watched(event: &Event) -> Option<&Watched> {
    match event {
        Event::Watching { run, .. } | Event::LockWaiting { holder: Some(run), .. } => Some(run),
        _ => None,
    }
}

/// The lines of an event on stderr.
fn lines(event: &Event, verbosity: i8) -> Vec<Line> {
    let good = |head: &str, rest: String| vec![Line::new(Mood::Good, head, rest)];
    let odd = |rest: String| vec![Line::new(Mood::Odd, "warning:", rest)];
    let detail = |text: String| if verbosity > 0 { vec![Line::plain(text)] } else { Vec::new() };
    match event {
        Event::Start(start) => start::lines(start, verbosity),
        Event::Warning { message } => odd(format!(" {}", words::line(message))),
        Event::Notice { message } => {
            vec![Line::new(Mood::Help, "note:", format!(" {}", words::line(message)))]
        }
        Event::Outcome(end) => outcome::lines(end),
        Event::StepStarted { step } => detail(format!("applying {}", words::line(&words::step(step)))),
        Event::StepFinished { step, duration_ms } => {
            let step = words::step(step);
            good("applied", format!(" {} ({})", words::line(&step), words::duration(*duration_ms)))
        }
        Event::StepFailed { step, reason } => {
            let text = format!(" {}: {}", words::line(&words::step(step)), words::line(reason));
            vec![Line::new(Mood::Bad, "failed", text)]
        }
        Event::StepRetried { step, reason, pause_ms } => {
            let step = words::step(step);
            odd(format!(" {}: {}; {}", words::line(&step), words::line(reason), again(*pause_ms)))
        }
        Event::Retrying { what, reason, pause_ms } => {
            odd(format!(" {}: {}; {}", words::line(what), words::line(reason), again(*pause_ms)))
        }
        Event::BeatMissed { reason, since_ms } => odd(format!(
            " no sign of life of ours got through for {}: {}",
            words::age(*since_ms),
            words::line(reason)
        )),
        Event::RunFinished { run, status, duration_ms } => {
            detail(format!("run {run} {status} after {}", words::duration(*duration_ms)))
        }
        Event::RunStarted { .. } => run_started(event, verbosity),
        Event::Plan(_)
        | Event::Status(_)
        | Event::History(_)
        | Event::RunSteps(_)
        | Event::Lock(_)
        | Event::Unlocked(_)
        | Event::Resolved(_)
        | Event::Doctor(_)
        | Event::Init(_)
        | Event::New(_)
        | Event::Output { .. } => Vec::new(),
        Event::LockWaiting { .. }
        | Event::Working { .. }
        | Event::Watching { .. }
        | Event::Progress { .. }
        | Event::Waiting { .. } => {
            vec![Line::plain(now_doing(event))]
        }
    }
}

/// What goes on at the moment, as a line or beside a bar.
pub fn now_doing(event: &Event) -> String {
    let text = match event {
        Event::Watching { run, .. } => format!(
            "{} {}, {}{}",
            run.leader,
            words::whereabouts(run),
            words::age(run.age_ms),
            words::sign_of_life(run)
        ),
        Event::LockWaiting { holder: Some(run), waited_ms } => format!(
            "waiting for the lock{}: {} has held it for {} and {}, release {}{}",
            words::so_far(*waited_ms),
            run.leader,
            words::age(run.age_ms),
            words::whereabouts(run),
            run.release.short(),
            words::sign_of_life(run)
        ),
        Event::LockWaiting { holder: None, waited_ms } => {
            format!("waiting for the lock{}: the ledger does not say who holds it", words::so_far(*waited_ms))
        }
        Event::Waiting { reason, waited_ms } => {
            format!("waiting{}: {reason}", words::so_far(*waited_ms))
        }
        Event::Working { step: Some(step), since_ms } => {
            format!("applying {}, {} so far", words::step(step), words::age(*since_ms))
        }
        Event::Progress { total: 0, .. } => "nothing was pending when the command began".to_owned(),
        Event::Progress { done, total } => {
            let total = words::migrations(usize::try_from(*total).unwrap_or(usize::MAX));
            format!("{done} of {total} applied")
        }
        Event::Working { step: None, since_ms } => format!("still at work, {}", words::age(*since_ms)),
        Event::Retrying { what, reason, .. } => format!("{what}: {reason}; trying again"),
        _ => String::new(),
    };
    words::line(&text).into_owned()
}

fn again(pause_ms: u64) -> String {
    format!("trying again in {}", words::duration(pause_ms))
}

fn run_started(event: &Event, verbosity: i8) -> Vec<Line> {
    let Event::RunStarted { run, fence, lock_mode, engine, total, waited_ms } = event else {
        return Vec::new();
    };
    let work = match (engine, total) {
        (EngineKind::Command, _) => "the command".to_owned(),
        (EngineKind::Sql, 0) => "nothing to apply".to_owned(),
        (EngineKind::Sql, total) => words::migrations(usize::try_from(*total).unwrap_or(usize::MAX)),
    };
    let lock = match lock_mode {
        LockMode::Session => "the lock is ours",
        LockMode::Lease => "the lease is ours",
    };
    let waited =
        if *waited_ms < 1000 { String::new() } else { format!(" after {}", words::duration(*waited_ms)) };
    let mut lines = vec![Line::plain(format!("{lock}{waited}: {work}"))];
    if verbosity > 0 {
        lines.push(Line::plain(format!("run {run}, fence {fence}")).indented(2));
    }
    lines
}
