//! The guard: our own binary as the parent of a wrapped command. It starts the command in a process group of its own
//! and ends the whole of it when we are gone, however we died. A process of its own, without threads: nothing here may
//! wait for anything but its two descriptors.
//!
//! Its stdin is a socket to the leader. From there come bytes (`.` a good beat, a signal to pass on, the end of the
//! budget, the loss of the lock); there go lines (`started PID`, `spawn WHY`, `exit CODE`, `signal NUMBER`, `silence`). The end of
//! the socket, or ten seconds without a byte by a clock that counts suspend, means that the leader is gone.

use std::ffi::{CString, OsString};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::lock::trust::{TRUST, since_boot};

/// The first argument of a process that is a guard; never typed by anyone.
pub const VERB: &str = "__guard";

/// What a command gets between SIGTERM and SIGKILL at the end of the budget.
const BUDGET_GRACE: Duration = Duration::from_secs(4);
/// Between looks at what is left of the command's descendants.
const REAP_EVERY: Duration = Duration::from_millis(2);

/// A byte from the leader.
pub mod byte {
    /// A good beat.
    pub const BEAT: u8 = b'.';
    /// Pass on SIGINT, then the grace.
    pub const INTERRUPT: u8 = b'I';
    /// Pass on SIGTERM, then the grace.
    pub const TERMINATE: u8 = b'T';
    /// SIGTERM, then four seconds at most.
    pub const BUDGET: u8 = b'B';
    /// SIGKILL at once.
    pub const KILL: u8 = b'K';
}

/// Runs `command` to its end; `grace` is between a signal that was passed on and SIGKILL.
///
/// # Errors
/// The guard itself cannot work: no socket, no signals. The command's own failure is reported on the socket.
pub fn guard(grace: Duration, command: &[String]) -> io::Result<()> {
    let mut link = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    adopt_orphans()?;
    // blocked and read, so that a platform that signals every process ends the leader and not us
    let mut mask = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        mask.add(signal);
    }
    let inherited = mask.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let child = match start(command, &inherited) {
        Ok(child) => child,
        Err(error) => return writeln!(link, "spawn {} {error}", error.raw_os_error().unwrap_or(0)),
    };
    let _ = writeln!(link, "started {child}");
    let mut watch = Watch {
        child,
        ended: None,
        grace,
        last_byte: since_boot(),
        kill_at: None,
        passed_on: false,
        silenced: false,
    };
    let ended = watch.run(&mut link, &signals);
    end_descendants(Some(child));
    let _ = match ended? {
        _ if watch.silenced => writeln!(link, "silence"),
        WaitStatus::Exited(_, code) => writeln!(link, "exit {code}"),
        WaitStatus::Signaled(_, signal, _) => writeln!(link, "signal {}", signal as i32),
        other => writeln!(link, "spawn 0 ended as {other:?}"),
    };
    Ok(())
}

/// In a group of its own, with the signals open that were before we closed them to ourselves: a blocked SIGTERM would be
/// inherited, and the command would never hear it. (std's `Command` cannot set a child's mask.)
fn start(command: &[String], signals: &SigSet) -> io::Result<Pid> {
    let Some(program) = command.first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no command"));
    };
    let mut files = PosixSpawnFileActions::init()?;
    files.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
    )?;
    attributes.set_pgroup(Pid::from_raw(0))?;
    attributes.set_sigmask(signals)?;
    // Rust's runtime ignores it in us
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    let arguments = command.iter().map(|it| CString::new(it.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let variable = |(name, value): (OsString, OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
    };
    let environment = std::env::vars_os().map(variable).collect::<Result<Vec<_>, _>>()?;
    let program = CString::new(program.as_bytes())?;
    Ok(posix_spawnp(&program, &files, &attributes, &arguments, &environment)?)
}

struct Watch {
    child: Pid,
    ended: Option<WaitStatus>,
    grace: Duration,
    last_byte: Duration,
    kill_at: Option<Duration>,
    passed_on: bool,
    /// The leader was silent for too long.
    silenced: bool,
}

impl Watch {
    fn run(&mut self, link: &mut UnixStream, signals: &SignalFd) -> io::Result<WaitStatus> {
        loop {
            self.reap()?;
            if let Some(status) = self.ended
                && !self.others_clean_up()
            {
                return Ok(status);
            }
            let until = self.kill_at.unwrap_or(Duration::MAX).min(self.last_byte + TRUST);
            let left = until.saturating_sub(since_boot());
            if left.is_zero() {
                self.silenced |= self.last_byte + TRUST <= since_boot();
                self.kill();
            }
            // an ended command shows as a signal; after a kill there is nothing else to wait for
            let wait =
                if left.is_zero() { Duration::from_millis(20) } else { left + Duration::from_millis(1) };
            let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
            let mut ready = [wanted(link.as_fd()), wanted(signals.as_fd())];
            match poll(&mut ready, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let speaks = ready[0].any().unwrap_or(false);
            while let Ok(Some(_)) = signals.read_signal() {}
            if speaks {
                self.listen(link);
            }
        }
    }

    fn listen(&mut self, link: &mut UnixStream) {
        let mut bytes = [0; 64];
        let count = link.read(&mut bytes).unwrap_or(0);
        if count == 0 {
            self.last_byte = Duration::ZERO; // the leader is gone: as if it had been silent for ever
            return self.kill();
        }
        for byte in bytes.iter().take(count) {
            self.last_byte = self.last_byte.max(since_boot());
            match *byte {
                byte::INTERRUPT => self.pass_on(Signal::SIGINT, self.grace),
                byte::TERMINATE => self.pass_on(Signal::SIGTERM, self.grace),
                byte::BUDGET => self.pass_on(Signal::SIGTERM, self.grace.min(BUDGET_GRACE)),
                byte::KILL => self.kill(),
                _ => {}
            }
        }
    }

    /// Once, however often the leader is told.
    fn pass_on(&mut self, signal: Signal, grace: Duration) {
        let kill_at = since_boot() + grace;
        self.kill_at = Some(self.kill_at.map_or(kill_at, |earlier| earlier.min(kill_at)));
        if !self.passed_on {
            self.passed_on = true;
            let _ = killpg(self.child, signal);
        }
    }

    fn kill(&mut self) {
        self.kill_at = Some(since_boot());
        let _ = killpg(self.child, Signal::SIGKILL);
    }

    /// A wrapper (`sh -c`, `npm run`) dies of the signal at once; what it started has the grace all the same.
    fn others_clean_up(&self) -> bool {
        self.passed_on && self.kill_at.is_some_and(|at| since_boot() < at) && killpg(self.child, None).is_ok()
    }

    /// Learns of the command's own end; orphans that came to us are let go.
    fn reap(&mut self) -> io::Result<()> {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return Ok(()),
                Ok(status) if status.pid() == Some(self.child) => self.ended = Some(status),
                Ok(_) => {}
                Err(Errno::ECHILD) if self.ended.is_some() => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn wanted(descriptor: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(descriptor, PollFlags::POLLIN)
}

/// Has orphans of our descendants come to us and not to PID 1.
///
/// # Errors
/// The system does not know of it.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Ends the group and every descendant that is left, daemons in groups of their own included: as their parents die,
/// they come to us. Returns when there is none; where we have no child, nobody else has come to us either.
pub fn end_descendants(group: Option<Pid>) {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => {}
            _ => continue,
        }
        if let Some(group) = group {
            let _ = killpg(group, Signal::SIGKILL);
        }
        for child in children() {
            let _ = kill(child, Signal::SIGKILL);
        }
        std::thread::sleep(REAP_EVERY);
    }
}

/// Our direct children, read from `/proc` (proc(5): the fourth field of `stat` is the parent; the second, the
/// program's name in parentheses, may hold anything).
fn children() -> Vec<Pid> {
    let us = std::process::id().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
            after_name.split_whitespace().nth(1) == Some(us.as_str())
        })
        .map(Pid::from_raw)
        .collect()
}
