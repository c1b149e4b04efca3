//! Runs any command under a guard ([`crate::engine::guard`]): its output goes out as it comes, the last of it is kept.
//! Knows nothing of locks; whoever beats tells it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::termios::{OutputFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::{AccessFlags, access};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::engine::guard;
use crate::model::secret::without_passwords;
use crate::report::{Report, Terminal};

/// How much of the output's end is kept for the run's error.
const TAIL_LINES: usize = 200;
/// A line longer than this is kept in part: a command may write a gigabyte without a line's end.
const TAIL_LINE: usize = 2000;
/// A pipe holds so much at most (pipe(7)).
const READ: usize = 65536;
/// How long what a lost guard has left may take to end.
const HANGING: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// Program and arguments; no shell.
    pub argv: Vec<String>,
    /// Where; none = the current folder.
    pub cwd: Option<PathBuf>,
    /// Beside our own environment.
    pub environment: Vec<(String, String)>,
    /// Between a signal that is passed on and SIGKILL.
    pub grace: Duration,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It could not be started: the system's error number, and its words.
    NotStarted(i32, String),
    /// The folder in which it was to run cannot be used: why.
    NoFolder(String),
    /// Its guard was killed.
    GuardLost,
    /// Its guard ended it, since we gave no sign of life for ten seconds.
    Unwatched,
}

impl Ending {
    /// What kept it from being started.
    pub fn not_started(error: &io::Error) -> Self {
        Self::NotStarted(error.raw_os_error().unwrap_or(0), error.to_string())
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(number) => write!(f, "was ended by {}", signal_name(*number)),
            Self::NotStarted(_, why) | Self::NoFolder(why) => write!(f, "could not be started: {why}"),
            Self::Unwatched => {
                f.write_str("was ended, since bellwether was held up and did not watch it for 10 s")
            }
            Self::GuardLost => f.write_str("was ended, since the process that guards it was killed"),
        }
    }
}

/// `SIGKILL`, or its number where it has no name.
fn signal_name(number: i32) -> String {
    nix::sys::signal::Signal::try_from(number)
        .map_or_else(|_| format!("signal {number}"), |it| it.as_str().to_owned())
}

/// A command at work.
pub struct Running {
    guard: tokio::process::Child,
    from_guard: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    to_guard: OwnedWriteHalf,
    tail: Arc<Mutex<Tail>>,
    copying: Vec<std::thread::JoinHandle<()>>,
    group: Option<i32>,
}

impl Command {
    /// Starts it. Its stdin is closed; its output is a terminal if ours is one, so that colours and progress bars stay.
    ///
    /// # Errors
    /// Our own guard cannot be started; the command's failure to start is an [`Ending`].
    pub fn start(&self, report: &Arc<dyn Report>) -> io::Result<Running> {
        self.launch(Some(report))
    }

    /// Starts it; nobody hears its output, of which only the last lines are kept.
    ///
    /// # Errors
    /// Our own guard cannot be started.
    pub fn start_unheard(&self) -> io::Result<Running> {
        self.launch(None)
    }

    /// Where it is to run is no folder, or one that we may not enter. Else it would look as if our own program were
    /// missing.
    pub fn unusable_folder(&self) -> Option<Ending> {
        let cwd = self.cwd.as_ref()?;
        let folder = cwd.display();
        let why = match std::fs::metadata(cwd) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                format!("there is no folder {folder} (cwd)")
            }
            Ok(there) if !there.is_dir() => format!("{folder} (cwd) is no folder"),
            // what a change into it asks for
            _ => match access(cwd, AccessFlags::X_OK) {
                Ok(()) => return None,
                Err(error) => format!("the folder {folder} (cwd) cannot be entered: {}", error.desc()),
            },
        };
        Some(Ending::NoFolder(why))
    }

    fn launch(&self, report: Option<&Arc<dyn Report>>) -> io::Result<Running> {
        // in case that the guard is killed
        guard::adopt_orphans()?;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut arguments: Vec<OsString> =
            vec![guard::VERB.into(), self.grace.as_millis().to_string().into(), "--".into()];
        arguments.extend(self.argv.iter().map(Into::into));
        // the binary itself, even if its file was replaced meanwhile
        let mut starting = tokio::process::Command::new("/proc/self/exe");
        starting.arg0("bellwether").args(arguments).process_group(0).kill_on_drop(false);
        starting.stdin(Stdio::from(OwnedFd::from(theirs)));
        starting.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &self.cwd {
            starting.current_dir(cwd);
        }
        let tail = Arc::new(Mutex::new(Tail::default()));
        let readers = outputs(&mut starting, report.is_some() && Terminal::detect().stderr)?;
        let guard = starting.spawn()?;
        drop(starting); // with it our copies of the output's other end
        let copying = readers
            .into_iter()
            .map(|reader| copy(reader, report.cloned(), Arc::clone(&tail)))
            .collect::<io::Result<_>>()?;
        let (from_guard, to_guard) = UnixStream::from_std(ours)?.into_split();
        let from_guard = BufReader::new(from_guard).lines();
        Ok(Running { guard, from_guard, to_guard, tail, copying, group: None })
    }
}

/// Gives the guard its output, and us the other end of it.
fn outputs(starting: &mut tokio::process::Command, terminal: bool) -> io::Result<Vec<Box<dyn Read + Send>>> {
    if terminal {
        let (ws_row, ws_col) = Terminal::rows_and_columns();
        let size = nix::pty::Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = nix::pty::openpty(Some(&size), None)?;
        // line ends are for the real terminal to translate
        let mut mode = tcgetattr(&pty.slave)?;
        mode.output_flags.remove(OutputFlags::OPOST);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &mode)?;
        starting.stdout(Stdio::from(pty.slave.try_clone()?)).stderr(Stdio::from(pty.slave));
        return Ok(vec![Box::new(std::fs::File::from(pty.master))]);
    }
    let (out, theirs) = io::pipe()?;
    starting.stdout(Stdio::from(theirs.try_clone()?)).stderr(Stdio::from(theirs));
    Ok(vec![Box::new(out)])
}

/// Copies output as it comes. A thread of its own, so that a reader who does not read holds up the command (whose pipe
/// fills) and never a beat.
fn copy(
    mut from: Box<dyn Read + Send>,
    report: Option<Arc<dyn Report>>,
    tail: Arc<Mutex<Tail>>,
) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("output".into()).spawn(move || {
        let mut bytes = vec![0; READ];
        // the end of a pty is an error (EIO), that of a pipe is nothing read
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            tail.lock().unwrap_or_else(PoisonError::into_inner).take(&bytes[..count]);
            if let Some(report) = &report {
                report.output(&bytes[..count]);
            }
        }
    })
}

impl Running {
    /// Tells the guard that the last beat was good.
    pub async fn beat(&mut self) {
        self.tell(guard::byte::BEAT).await;
    }

    /// Passes a signal on; then the grace, then SIGKILL.
    pub async fn signal(&mut self, signal: u8) {
        let interrupt = i32::from(signal) == nix::sys::signal::Signal::SIGINT as i32;
        self.tell(if interrupt { guard::byte::INTERRUPT } else { guard::byte::TERMINATE }).await;
    }

    /// The budget ended: SIGTERM, and SIGKILL within four seconds.
    pub async fn end(&mut self) {
        self.tell(guard::byte::BUDGET).await;
    }

    /// The lock is lost: SIGKILL, at once.
    pub async fn kill(&mut self) {
        self.tell(guard::byte::KILL).await;
    }

    async fn tell(&mut self, byte: u8) {
        // a guard that is gone is found by `ended`
        let _ = self.to_guard.write_all(&[byte]).await;
    }

    /// Waits for the end of the command and of everything that it started. May be dropped and called again.
    pub async fn ended(&mut self) -> Ending {
        while let Ok(Some(line)) = self.from_guard.next_line().await {
            let (word, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            let number = || rest.parse().unwrap_or(-1);
            match word {
                "started" => self.group = rest.parse().ok(),
                "exit" => return Ending::Exit(number()),
                "silence" => return Ending::Unwatched,
                "signal" => return Ending::Signal(number()),
                "spawn" => {
                    let (code, why) = rest.split_once(' ').unwrap_or((rest, ""));
                    return Ending::NotStarted(code.parse().unwrap_or(0), why.to_owned());
                }
                _ => {}
            }
        }
        // somebody killed the guard: what it kept has come to us, and is ours to end
        let group = self.group.map(nix::unistd::Pid::from_raw);
        let ending = tokio::task::spawn_blocking(move || guard::end_descendants(group));
        // a process that hangs in the kernel outlives SIGKILL; nobody waits for it for ever
        let _ = timeout(HANGING, ending).await;
        Ending::GuardLost
    }

    /// The last lines of the output, once the command has ended.
    pub async fn tail(mut self) -> String {
        let _ = self.guard.wait().await;
        let copying = std::mem::take(&mut self.copying);
        let _ =
            tokio::task::spawn_blocking(move || copying.into_iter().for_each(|thread| drop(thread.join())))
                .await;
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

/// The last lines of an output.
#[derive(Default)]
struct Tail {
    lines: VecDeque<Vec<u8>>,
    open: Vec<u8>,
}

impl Tail {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |line| (line, true));
            let room = TAIL_LINE.saturating_sub(self.open.len());
            self.open.extend_from_slice(&piece[..piece.len().min(room)]);
            if ends {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        if self.lines.len() == TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(std::mem::take(&mut self.open));
    }

    /// As a person saw it: of a line that was drawn over again and again, the last state; without colours, and without
    /// what no terminal shows and not every server stores, and without the passwords of URLs: it is kept, and shown to
    /// those who follow.
    fn text(&mut self) -> String {
        if !self.open.is_empty() {
            self.close();
        }
        let seen = self.lines.iter().map(|line| {
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches('\r');
            let last = line.rsplit('\r').next().unwrap_or(line);
            let shown = console::strip_ansi_codes(last);
            shown.chars().filter(|it| *it == '\t' || !it.is_control()).collect::<String>()
        });
        without_passwords(&seen.collect::<Vec<_>>().join("\n"))
    }
}
