//! What can befall a round, and how often each of it does.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::round::Round;
use crate::support::Server;

/// What befalls, with its weight.
pub struct Weather(&'static [(Fault, usize)]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Kill,
    Terminate,
    Stop,
    Cut,
    Freeze,
    Delay,
    EndSession,
    Restart,
}

impl Weather {
    pub const KILLS: Self = Self(&[(Fault::Kill, 1)]);
    pub const EVERYTHING: Self = Self(&[
        (Fault::Kill, 30),
        (Fault::Terminate, 8),
        (Fault::Stop, 14),
        (Fault::Cut, 14),
        (Fault::Freeze, 12),
        (Fault::Delay, 5),
        (Fault::EndSession, 14),
        (Fault::Restart, 3),
    ]);
}

/// How long a participant is stopped or a network frozen: mostly shorter than what tells silence, now and then longer.
const HELD: (usize, usize) = (300, 20_000);

impl Round<'_> {
    /// One fault, by chance; what makes no sense on this server is none.
    pub(super) fn befall(&mut self, weather: &Weather) {
        let total = weather.0.iter().map(|(_, weight)| weight).sum();
        let mut at = self.random.below(total);
        let fault = weather.0.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let Some((fault, _)) = fault else { return };
        if self.happens(*fault) {
            *self.faults.entry(*fault).or_default() += 1;
        }
    }

    fn happens(&mut self, fault: Fault) -> bool {
        let networked = self.db.server() != Server::Sqlite;
        match fault {
            Fault::Kill | Fault::Terminate | Fault::Stop if self.participants.is_empty() => return false,
            Fault::Kill => {
                let victim = self.random.below(self.participants.len());
                self.tell(&format!("kill {victim}"));
                self.participants[victim].running.kill9();
            }
            Fault::Terminate => {
                let victim = self.random.below(self.participants.len());
                self.tell(&format!("terminate {victim}"));
                self.participants[victim].running.signal(Signal::SIGTERM);
            }
            Fault::Stop => {
                let victim = self.random.below(self.participants.len());
                let held = self.random.pause(HELD.0, HELD.1);
                self.tell(&format!("stop {victim} for {held:?}"));
                let victim = &mut self.participants[victim];
                victim.running.signal(Signal::SIGSTOP);
                victim.goes_on = Some(Instant::now() + held);
                victim.stopped_for += held;
            }
            Fault::Cut | Fault::Freeze | Fault::Delay | Fault::EndSession if !networked => return false,
            Fault::Cut => {
                let line = self.random.below(self.lines.len());
                self.tell(&format!("cut line {line}"));
                self.lines[line].proxy.cut();
            }
            Fault::Freeze => {
                let held = self.random.pause(HELD.0, HELD.1);
                let line = self.random.below(self.lines.len());
                self.tell(&format!("freeze line {line} for {held:?}"));
                self.lines[line].proxy.freeze();
                self.lines[line].thaws = Some(Instant::now() + held);
            }
            Fault::Delay => {
                let held = self.random.pause(500, 5_000);
                let delay = self.random.pause(5, 150);
                let line = self.random.below(self.lines.len());
                self.tell(&format!("slow line {line} for {held:?}"));
                self.lines[line].proxy.delay(delay);
                self.lines[line].thaws = Some(Instant::now() + held);
            }
            Fault::EndSession => return self.end_a_session(),
            Fault::Restart => return self.restart(),
        }
        true
    }

    fn end_a_session(&mut self) -> bool {
        let (list, end) = match self.db.server() {
            Server::Postgres => (
                "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() order by 1",
                "select pg_terminate_backend",
            ),
            Server::SqlServer => (
                "select session_id from sys.dm_exec_sessions where database_id = db_id() and session_id <> @@spid order by 1",
                "kill ",
            ),
            _ => (
                "select id from information_schema.processlist where db = database() and id <> connection_id() order by 1",
                "kill ",
            ),
        };
        let sessions = self.db.column(list);
        if sessions.is_empty() {
            return false;
        }
        let session = &sessions[self.random.below(sessions.len())];
        self.tell(&format!("end session {session}"));
        // it may have ended by itself meanwhile
        let ended = if end == "kill " { format!("kill {session}") } else { format!("{end}({session})") };
        let _ = self.db.session().try_run(&ended);
        true
    }

    fn restart(&mut self) -> bool {
        let Some(own) = self.own else { return false };
        let away = self.random.pause(0, 3_000);
        self.tell(&format!("restart the server, away for {away:?}"));
        own.crash();
        std::thread::sleep(away);
        own.up();
        self.db.reconnect();
        self.restarts += 1;
        true
    }

    /// What was held long enough goes on; with `all`, everything.
    pub(super) fn clear_up(&mut self, all: bool) {
        let now = Instant::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| all || at <= now);
        for participant in self.participants.iter_mut().filter(|participant| due(participant.goes_on)) {
            participant.running.signal(Signal::SIGCONT);
            participant.goes_on = None;
        }
        for line in self.lines.iter_mut().filter(|line| due(line.thaws)) {
            line.proxy.thaw();
            line.thaws = None;
        }
    }
}

/// Between two faults.
pub fn between(random: &mut super::Random) -> Duration {
    random.pause(100, 900)
}
