//! Events → text: for people on stderr, as JSON lines on stdout. Results (what `plan` and `status` found) go to stdout.
//! A thread of its own writes, so that a stuck pipe or a stopped terminal (Ctrl-S) holds up no beat and no migration;
//! a closed one is ignored. Never decides anything and never ends the process.

mod doctor;
mod human;
mod json;
mod line;
mod outcome;
mod pace;
mod past;
mod progress;
mod scaffold;
mod start;
pub mod summary;
mod tables;
#[cfg(test)]
mod tests;
pub mod words;

use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::{Color, Output};
use crate::model::event::{Event, Outcome};
use crate::model::secret::Secret;

/// How long [`Report::finish`] waits for somebody to read what we wrote.
const DRAIN: Duration = Duration::from_secs(5);

/// Takes events and turns each into text; what repeats is thinned out.
pub trait Report: Send + Sync {
    /// Something happened. Returns at once; says nothing after [`Event::Outcome`].
    fn event(&self, event: &Event);
    /// Output of a wrapped command, as it came. Returns when it is written: a reader who does not read holds up the
    /// command, not our memory.
    fn output(&self, bytes: &[u8]);
    /// Lines for a program that reads along (a CI system), each with its end: written as they are, in order with
    /// everything else, also after [`Event::Outcome`].
    fn aside(&self, _lines: &str) {}
    /// A secret that we know from now on: whoever reads along is told not to show it, before anything else is said.
    fn conceal(&self, _secret: &Secret) {}
    /// Asks a person on a terminal, and returns with the answer; none where there is nobody to ask.
    fn confirm(&self, _question: &str) -> Option<bool> {
        None
    }
    /// Returns when everything is written, or after five seconds in which nobody reads. To be called before the
    /// process ends; a second call does nothing.
    fn finish(&self);
}

/// Where our output goes, and what the environment says about colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Stdin is one.
    pub stdin: bool,
    /// Stdout is one.
    pub stdout: bool,
    /// Stderr is one.
    pub stderr: bool,
    /// `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set, and neither empty nor `0` (<https://bixense.com/clicolors>).
    pub force_color: bool,
    /// `TERM=dumb`: no colours and no bars.
    pub dumb: bool,
}

impl Terminal {
    /// Looks at this process's streams and environment.
    pub fn detect() -> Self {
        let says = |name| std::env::var(name).unwrap_or_default();
        let force = says("CLICOLOR_FORCE");
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            no_color: !says("NO_COLOR").is_empty(),
            force_color: !force.is_empty() && force != "0",
            dumb: says("TERM") == "dumb",
        }
    }

    /// Of the terminal on stderr; 24 and 80 where there is none.
    pub fn rows_and_columns() -> (u16, u16) {
        console::Term::stderr().size()
    }

    fn colors(&self, color: Color, is_terminal: bool) -> bool {
        match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if self.no_color => false,
            Color::Auto => self.force_color || (is_terminal && !self.dumb),
        }
    }
}

/// How to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The form: JSON writes one object per event per line on stdout, and nothing on stderr.
    pub output: Output,
    /// Colours, for people only.
    pub color: Color,
    /// `-v` count less `-q` count: below 0 only warnings, results and errors, above 0 reasons, above 1 every look.
    pub verbosity: i8,
    /// Where it goes.
    pub terminal: Terminal,
    /// A GitHub Actions step reads along: foreign text must not look like one of its commands.
    pub github: bool,
}

/// A reporter that writes to this process's stdout and stderr.
pub fn reporter(options: Options) -> Arc<dyn Report> {
    reporter_to(options, Box::new(io::stdout()), Box::new(io::stderr()))
}

/// A reporter that writes elsewhere; bars still go to the terminal that `options` promises on stderr.
pub fn reporter_to(
    options: Options,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
) -> Arc<dyn Report> {
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let mut teller: Box<dyn Teller> = match options.output {
            Output::Human => Box::new(human::Human::new(options, out, err, Instant::now())),
            Output::Json => Box::new(json::Json::new(options, out, err, Instant::now())),
        };
        tell(&mut *teller, &receiver);
    };
    let spawned = thread::Builder::new().name("report".into()).spawn(work);
    // without a thread the receiver is gone and every send fails: silent, but the migration goes on
    drop(spawned);
    Arc::new(Reporter { sender: Mutex::new(sender) })
}

/// A reporter that says nothing, for what wraps it to say something.
pub fn silent() -> Arc<dyn Report> {
    Arc::new(Silent)
}

struct Silent;

impl Report for Silent {
    fn event(&self, _: &Event) {}
    fn output(&self, _: &[u8]) {}
    fn aside(&self, lines: &str) {
        print_complaint(lines);
    }
    fn finish(&self) {}
}

/// Writes a result that is no event (completions, a page of help) to stdout.
pub fn print_result(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The end of a process as people read it, without colours.
pub fn in_words(end: &Outcome) -> String {
    outcome::lines(end).iter().map(|line| line.draw(false, false)).collect()
}

/// A text in which a GitHub runner finds no command.
pub fn without_commands(text: &str) -> String {
    line::harmless_lines(text)
}

/// Writes what is wrong with a command line to stderr.
pub fn print_complaint(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// One form of output, driven by the reporter's thread.
trait Teller {
    /// Something happened.
    fn tell(&mut self, now: Instant, event: &Event);
    /// A wrapped command says something.
    fn output(&mut self, now: Instant, bytes: &[u8]);
    /// Writes whole lines to stderr as they are.
    fn aside(&mut self, lines: &str);
    /// Asks on a terminal.
    fn ask(&mut self, _question: &str) -> Option<bool> {
        None
    }
    /// Time has passed.
    fn tick(&mut self, now: Instant);
    /// How often to tick.
    fn beat(&self) -> Duration {
        Duration::from_secs(1)
    }
    /// The end: takes back what is not to stay.
    fn close(&mut self) {}
}

enum Message {
    Event(Instant, Box<Event>),
    Output(Vec<u8>, SyncSender<()>),
    Aside(String),
    Ask(String, SyncSender<Option<bool>>),
    Finish(SyncSender<()>),
}

struct Reporter {
    sender: Mutex<Sender<Message>>,
}

impl Reporter {
    fn send(&self, message: Message) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(message).is_ok()
    }
}

impl Report for Reporter {
    fn event(&self, event: &Event) {
        self.send(Message::Event(Instant::now(), Box::new(event.clone())));
    }

    fn output(&self, bytes: &[u8]) {
        let (done, written) = mpsc::sync_channel(1);
        if self.send(Message::Output(bytes.to_vec(), done)) {
            let _ = written.recv();
        }
    }

    fn aside(&self, lines: &str) {
        self.send(Message::Aside(lines.to_owned()));
    }

    fn confirm(&self, question: &str) -> Option<bool> {
        let (done, answered) = mpsc::sync_channel(1);
        self.send(Message::Ask(question.to_owned(), done)).then(|| answered.recv().ok().flatten()).flatten()
    }

    fn finish(&self) {
        let (done, finished) = mpsc::sync_channel(1);
        if self.send(Message::Finish(done)) {
            let _ = finished.recv_timeout(DRAIN);
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.finish();
    }
}

fn tell(teller: &mut dyn Teller, receiver: &Receiver<Message>) {
    let mut over = false;
    loop {
        match receiver.recv_timeout(teller.beat()) {
            Ok(Message::Event(at, event)) if !over => {
                over = matches!(*event, Event::Outcome(_));
                teller.tell(at, &event);
            }
            Ok(Message::Event(..)) => {}
            Ok(Message::Output(bytes, done)) => {
                // after the outcome it is that of a command which we could not wait for
                if !over {
                    teller.output(Instant::now(), &bytes);
                }
                let _ = done.send(());
            }
            Ok(Message::Aside(lines)) => teller.aside(&lines),
            Ok(Message::Ask(question, done)) => {
                let _ = done.send(teller.ask(&question));
            }
            Err(RecvTimeoutError::Timeout) if !over => teller.tick(Instant::now()),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::Finish(done)) => {
                teller.close();
                let _ = done.send(());
                return;
            }
            Err(RecvTimeoutError::Disconnected) => {
                teller.close();
                return;
            }
        }
    }
}
