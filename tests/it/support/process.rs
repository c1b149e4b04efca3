//! The real program as a process: a scrubbed environment, a folder of its own, every line with its time.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::database::TestDatabase;
use super::migrations::Migrations;
use super::proxy::Proxy;
use super::sqlserver;

/// How long [`Bellwether::run`] waits; a test that expects more waits by itself.
const PATIENCE: Duration = Duration::from_secs(90);

/// A command line of the program. Its environment holds `PATH`, `HOME` and `TMPDIR`, and what the test adds.
#[must_use]
pub struct Bellwether {
    command: Command,
    folder: Arc<TempDir>,
    /// How much longer than elsewhere everything may take.
    slowness: u32,
}

impl Bellwether {
    /// A verb, with `--output json`, so that events can be read.
    pub fn new(verb: &str) -> Self {
        Self::bare().arg(verb).arg("--output").arg("json")
    }

    /// A verb whose output is for people.
    pub fn human(verb: &str) -> Self {
        Self::bare().arg(verb)
    }

    /// A participant of release `r1`, as most tests want it.
    pub fn at(verb: &str, db: &TestDatabase, migrations: &Migrations) -> Self {
        Self::new(verb).on(db).migrations(migrations).release("r1")
    }

    /// The one that leads release `r1`, under the name `shop-web`.
    pub fn lead(db: &TestDatabase, migrations: &Migrations) -> Self {
        Self::at("lead", db, migrations).participant("shop-web")
    }

    /// One that follows release `r1`.
    pub fn follow(db: &TestDatabase, migrations: &Migrations) -> Self {
        Self::at("follow", db, migrations).participant("shop-worker")
    }

    /// Without arguments.
    pub fn bare() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
        command
            .env_clear()
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self { command, folder, slowness: 1 }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// `--participant`.
    pub fn participant(self, name: &str) -> Self {
        self.arg("--participant").arg(name)
    }

    /// `--release`.
    pub fn release(self, release: &str) -> Self {
        self.arg("--release").arg(release)
    }

    /// `--timeout`.
    pub fn timeout(self, budget: &str) -> Self {
        self.arg("--timeout").arg(budget)
    }

    /// `--migrations`.
    pub fn migrations(self, migrations: &Migrations) -> Self {
        self.arg("--migrations").arg(migrations.path())
    }

    /// `DATABASE_URL`.
    pub fn url(mut self, url: &str) -> Self {
        if url.starts_with("sqlserver:") {
            self.slowness = sqlserver::slowness();
        }
        self.env("DATABASE_URL", url)
    }

    /// `DATABASE_URL` of a test's database, as its owner.
    pub fn on(self, db: &TestDatabase) -> Self {
        let mut told = self.url(db.way());
        if db.lock_name() != "default" {
            told = told.env("BELLWETHER_LOCK_NAME", db.lock_name());
        }
        match db.lock_mode() {
            Some(mode) => told.env("BELLWETHER_LOCK_MODE", mode),
            None => told,
        }
    }

    /// `DATABASE_URL` through a proxy; after [`Self::on`], which it replaces.
    pub fn through(self, proxy: &Proxy) -> Self {
        self.url(proxy.url())
    }

    /// A file in the folder in which it runs.
    pub fn file(self, name: &str, contents: &str) -> Self {
        std::fs::write(self.folder.path().join(name), contents).unwrap();
        self
    }

    /// A config with these keys for the environment `default`, which is also the one of those without a config.
    pub fn config(self, keys: &str) -> Self {
        self.file(
            "bellwether.yml",
            &format!("environments:\n  default: {{ database: \"${{DATABASE_URL}}\", {keys} }}\n"),
        )
    }

    /// Runs it in this folder, which stays when it has ended.
    pub fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The folder in which it runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, in a process group of its own.
    pub fn spawn(mut self) -> Running {
        let words: Vec<OsString> = self.command.get_args().map(OsStr::to_owned).collect();
        let started = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let shared = Arc::new(Shared::default());
        collect(&shared, child.stdout.take().unwrap(), Stream::Out);
        collect(&shared, child.stderr.take().unwrap(), Stream::Err);
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        reap(&shared, child);
        Running { pid, shared, started, words, slowness: self.slowness, _folder: self.folder }
    }

    /// Starts it and waits for its end.
    pub fn run(self) -> Finished {
        self.spawn().wait(PATIENCE)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// A line of output, and when it came.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    pub at: Instant,
}

#[derive(Default)]
struct State {
    out: Vec<Line>,
    err: Vec<Line>,
    closed: usize,
    end: Option<(ExitStatus, Instant)>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until `look` finds something, or nothing more can come, or time is up.
    fn wait<T>(&self, limit: Duration, mut look: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || (state.end.is_some() && state.closed == 2) {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn collect(shared: &Arc<Shared>, stream: impl Read + Send + 'static, which: Stream) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).unwrap_or(0) > 0 {
            let line = Line {
                text: String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned(),
                at: Instant::now(),
            };
            bytes.clear();
            shared.change(
                |state| if which == Stream::Out { state.out.push(line) } else { state.err.push(line) },
            );
        }
        shared.change(|state| state.closed += 1);
    });
}

fn reap(shared: &Arc<Shared>, mut child: Child) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let status = child.wait().unwrap();
        shared.change(|state| state.end = Some((status, Instant::now())));
    });
}

/// A process at work. Its group is killed when this goes.
pub struct Running {
    pid: Pid,
    shared: Arc<Shared>,
    started: Instant,
    words: Vec<OsString>,
    slowness: u32,
    _folder: Arc<TempDir>,
}

impl Running {
    /// Waits for an event of this name; gives it and when it came. Panics after `limit`.
    pub fn wait_for_event(&self, name: &str, limit: Duration) -> (Value, Instant) {
        self.wait_for(&format!("event {name:?}"), limit, |event| event["event"] == name)
    }

    /// Waits for an event that `fits`. Panics after `limit`.
    pub fn wait_for(&self, what: &str, limit: Duration, fits: impl Fn(&Value) -> bool) -> (Value, Instant) {
        let limit = limit * self.slowness;
        let found = self.shared.wait(limit, |state| {
            state
                .out
                .iter()
                .find_map(|line| event(&line.text).filter(|event| fits(event)).map(|event| (event, line.at)))
        });
        found.unwrap_or_else(|| panic!("no {what} within {limit:?}\n{}", self.said()))
    }

    /// Waits for a line, of either stream, that `fits`. Panics after `limit`.
    pub fn wait_for_line(&self, what: &str, limit: Duration, fits: impl Fn(&str) -> bool) -> Line {
        let limit = limit * self.slowness;
        let found = self
            .shared
            .wait(limit, |state| state.out.iter().chain(&state.err).find(|line| fits(&line.text)).cloned());
        found.unwrap_or_else(|| panic!("no line {what:?} within {limit:?}\n{}", self.said()))
    }

    /// Whether an event of this name has come so far.
    pub fn has_told(&self, name: &str) -> bool {
        self.shared.lock().out.iter().filter_map(|line| event(&line.text)).any(|event| event["event"] == name)
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.shared.lock().end.is_none()
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) {
        if !self.is_running() {
            return;
        }
        match kill(self.pid, signal) {
            Err(Errno::ESRCH) => {} // it has ended since
            sent => sent.unwrap(),
        }
    }

    /// `kill -9` to the process alone.
    pub fn kill9(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Waits for its end. Panics after `limit`.
    pub fn wait(self, limit: Duration) -> Finished {
        let limit = limit * self.slowness;
        let ended = self.shared.wait(limit, |state| state.end.filter(|_| state.closed == 2));
        let Some((status, ended)) = ended else {
            panic!("{:?} has not ended within {limit:?}\n{}", self.words, self.said());
        };
        let state = self.shared.lock();
        let text = |lines: &[Line]| lines.iter().map(|line| format!("{}\n", line.text)).collect::<String>();
        Finished {
            code: status.code(),
            signal: status.signal(),
            stdout: text(&state.out),
            stderr: text(&state.err),
            events: state.out.iter().filter_map(|line| event(&line.text)).collect(),
            elapsed: ended - self.started,
            ended,
        }
    }

    fn said(&self) -> String {
        let state = self.shared.lock();
        let lines =
            state.out.iter().map(|line| ("out", line)).chain(state.err.iter().map(|line| ("err", line)));
        lines
            .map(|(stream, line)| {
                format!("{:7.3} {stream}: {}\n", (line.at - self.started).as_secs_f64(), line.text)
            })
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = killpg(self.pid, Signal::SIGKILL);
    }
}

fn event(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(|value: &Value| value.get("event").is_some())
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
    /// The JSON events of its standard output.
    pub events: Vec<Value>,
    /// From its start to its end.
    pub elapsed: Duration,
    /// When it ended.
    pub ended: Instant,
}

impl Finished {
    /// Demands an exit code; shows all that was said otherwise.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "signal {:?}, after {:?}\n{}",
            self.signal,
            self.elapsed,
            self.said()
        );
        self
    }

    /// Both streams.
    pub fn said(&self) -> String {
        format!("--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }

    /// Demands that some stream contains a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "nothing says {text:?}\n{}",
            self.said()
        );
        self
    }

    /// Demands that no stream contains a text.
    #[track_caller]
    pub fn never_says(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "something says {text:?}\n{}",
            self.said()
        );
        self
    }

    /// The last event, which is always the outcome.
    #[track_caller]
    pub fn outcome(&self) -> &Value {
        let last = self.events.last().unwrap_or_else(|| panic!("no event at all\n{}", self.said()));
        assert_eq!(last["event"], "outcome", "{}", self.said());
        last
    }

    /// The versions that it says it applied.
    pub fn applied(&self) -> Vec<String> {
        let versions = self.outcome()["applied"].as_array().cloned().unwrap_or_default();
        versions
            .iter()
            .map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned))
            .collect()
    }

    /// Its error as a whole: title, causes, snippet and hints.
    pub fn error(&self) -> String {
        let error = &self.outcome()["error"];
        let list = |key: &str| error[key].as_array().cloned().unwrap_or_default();
        let parts =
            [vec![error["title"].clone()], list("causes"), vec![error["snippet"].clone()], list("hints")]
                .concat();
        parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Demands that its error contains every one of these texts.
    #[track_caller]
    pub fn explains(self, texts: &[&str]) -> Self {
        let error = self.error();
        for text in texts {
            assert!(error.contains(text), "the error does not say {text:?}:\n{error}\n{}", self.said());
        }
        self
    }

    /// Events of this name.
    pub fn events_named(&self, name: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == name).collect()
    }
}
