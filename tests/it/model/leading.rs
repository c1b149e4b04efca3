//! Leading: the lock, the claim, the work and the verdict, as `lead/` and `lock/claim.rs` do it around the same
//! decisions.

use bellwether::ledger::look::Look;
use bellwether::lock::judge::{Claimant, Facts, Reading, Settled, is_over, settle, succeeded};
use bellwether::model::ids::Digest;
use bellwether::model::migration::Pending;
use bellwether::model::run::{EngineKind, LockMode, RunStatus};

use super::mix::{Broken, MIGRATIONS, Work};
use super::moves::{Protocol, is_designated};
use super::world::{Mark, Phase, Row, World, instant, look, run};

impl Protocol {
    pub fn try_lock(&self, world: &mut World, who: usize) {
        let person = &mut world.people[who];
        let session = (who, person.sessions + 1);
        if self.cast(who).mode == LockMode::Session {
            if world.lock.is_some() {
                self.end_silent(world, who);
                return self.not_got(world, who);
            }
            world.lock = Some(session);
        }
        let person = &mut world.people[who];
        person.sessions += 1;
        person.session = Some(session);
        person.phase = Phase::Claiming;
    }

    /// Looks again in a while; a designated leader's patience ends with its budget.
    fn not_got(&self, world: &mut World, who: usize) {
        world.close_session(who);
        let late = self.is_late(world, who);
        if is_designated(self.cast(who)) && late {
            return self.end(world, who, 11, &[]);
        }
        let person = &mut world.people[who];
        person.done = true;
        person.phase = if is_designated(self.cast(who)) { Phase::Trying } else { Phase::Idle };
    }

    /// The session that has the lock is told to end, if the run that the lock's row names is silent and recorded it.
    fn end_silent(&self, world: &mut World, who: usize) {
        if self.mix.file {
            return;
        }
        let Some(row) = world.holder().filter(|row| row.status == RunStatus::Running).cloned() else {
            return;
        };
        let now = instant(world.clock);
        if world.people[who].observer.holder_is_silent(&run(&row), now) && world.lock == Some(row.session) {
            world.end_session(row.session.0);
        }
    }

    pub fn claim(&self, world: &mut World, who: usize) {
        // the session has ended, or a migration's transaction has the lock's row
        let shared = world.people.iter().any(|person| person.shares);
        if world.people[who].session.is_none() || shared {
            return self.not_got(world, who);
        }
        if let Some(before) = world.holder().cloned() {
            let row = self.as_judged(&before);
            if !is_over(&run(&row), &self.facts(world, who, &before)) {
                return self.not_got(world, who);
            }
            let (clock, id) = (world.clock, before.id);
            let running = |row: &&mut Row| row.id == id && row.status == RunStatus::Running;
            if let Some(row) = world.stored.runs.iter_mut().find(running) {
                (row.status, row.finished_at) = (RunStatus::Abandoned, Some(clock));
            }
        }
        let rows = self.rows(world);
        if let Some(settled) = self.second_look(world, who, &look(&rows, world.clock)) {
            let exit = match settled {
                Settled::Done(_) => 0,
                Settled::NotApplied(..) => 15,
                Settled::LeaderFailed(_) => 20,
            };
            return self.end(world, who, exit, &rows);
        }
        self.insert(world, who);
    }

    fn second_look(&self, world: &World, who: usize, look: &Look) -> Option<Settled> {
        if self.is_broken(Broken::NoSecondLook) {
            return None;
        }
        let us = Claimant {
            role: self.cast(who).role,
            command: self.mix.command(self.cast(who)),
            digest: Digest("digest".to_owned()),
            since: world.people[who].observer.since(),
        };
        let mut reading = Reading { pending: Pending::Unknown, refused: false };
        if succeeded(look).is_some() {
            reading = self.reading(world, who);
        }
        settle(look, &us, &reading)
    }

    fn as_judged(&self, before: &Row) -> Row {
        let mut row = before.clone();
        if self.is_broken(Broken::LeaseIgnored) {
            row.mode = LockMode::Session;
        }
        if self.is_broken(Broken::CommandsLikeSql) {
            row.engine = EngineKind::Sql;
        }
        row
    }

    fn facts(&self, world: &mut World, who: usize, before: &Row) -> Facts {
        let now = instant(world.clock);
        let silent = world.people[who].observer.holder_is_silent(&run(before), now);
        let ours = world.lock.is_some() && world.lock == world.people[who].session;
        let statement_runs = world.people[before.leader].statement;
        let session_lives = self.mix.file || world.people[before.leader].session == Some(before.session);
        Facts {
            silent: silent || self.is_broken(Broken::NoStaleness),
            lock_is_ours: ours,
            // a lease says nothing of sessions: behind a pooler they are not the leader's
            session_lives: session_lives && !self.is_broken(Broken::LeaseIgnored),
            lock_is_theirs: world.lock.is_some() && !ours,
            statement_runs: statement_runs && !self.is_broken(Broken::StatementsIgnored),
            lock_covers_all: self.mix.file,
        }
    }

    /// Our run stands; history is judged now.
    fn insert(&self, world: &mut World, who: usize) {
        let Some(session) = world.people[who].session else { return };
        world.ids += 1;
        let (id, clock) = (world.ids, world.clock);
        let stored = &mut world.stored;
        let fence = stored.runs.iter().map(|row| row.fence).max().unwrap_or(0).max(stored.highest) + 1;
        (stored.highest, stored.holder) = (fence, id);
        stored.runs.push(Row {
            id,
            fence,
            leader: who,
            mode: self.cast(who).mode,
            engine: self.mix.work.engine(),
            session,
            status: RunStatus::Running,
            beats: 0,
            beat_at: clock,
            finished_at: None,
            witnesses: 0,
        });
        // the list is made once
        let first = world.next_migration().unwrap_or(MIGRATIONS);
        let person = &mut world.people[who];
        (person.run, person.fence, person.at) = (id, fence, first);
        (person.last_good, person.done) = (clock, true);
        let refused = world.reading(self.cast(who)).refused;
        let person = &mut world.people[who];
        person.phase = match self.mix.work {
            Work::Command => {
                person.process = true;
                Phase::Commanding
            }
            _ if refused => Phase::Finishing { status: RunStatus::Failed, exit: 13 },
            _ => Phase::Between,
        };
    }

    /// Fence, run and, under a session lock, the session are the claim's.
    fn is_fenced(&self, world: &World, who: usize) -> bool {
        let (person, stored) = (&world.people[who], &world.stored);
        let same_run = self.is_broken(Broken::FenceAlone) || stored.holder == person.run;
        self.is_broken(Broken::NoFence) || (stored.highest == person.fence && same_run)
    }

    pub fn begin(&self, world: &mut World, who: usize) {
        let at = world.people[who].at;
        if at == MIGRATIONS {
            return self.stop(world, who, RunStatus::Succeeded, 0);
        }
        let compared = std::mem::take(&mut world.people[who].compared);
        if world.people[who].session.is_none() || !(compared || self.is_fenced(world, who)) {
            return self.lose(world, who);
        }
        if self.is_broken(Broken::FenceTooEarly) && !compared {
            world.people[who].compared = true;
            return;
        }
        let shares = !self.is_broken(Broken::NoFence);
        let person = &mut world.people[who];
        if self.mix.work == Work::Transactions {
            (person.phase, person.shares) = (Phase::InTransaction, shares);
        } else {
            (person.phase, person.statement) = (Phase::Sent, true);
            world.stored.history[at] = Mark::Half;
        }
    }

    pub fn commit(&self, world: &mut World, who: usize) {
        if world.people[who].session.is_none() {
            return self.lose(world, who);
        }
        let at = world.people[who].at;
        world.takes_effect(who, at);
        world.stored.history[at] = Mark::Applied;
        let person = &mut world.people[who];
        (person.phase, person.shares, person.at) = (Phase::Between, false, at + 1);
    }

    pub fn record(&self, world: &mut World, who: usize) {
        if world.people[who].session.is_none() || !self.is_fenced(world, who) {
            return self.lose(world, who);
        }
        let at = world.people[who].at;
        world.stored.history[at] = Mark::Applied;
        (world.people[who].phase, world.people[who].at) = (Phase::Between, at + 1);
    }

    pub fn fail(&self, world: &mut World, who: usize) {
        world.failures -= 1;
        world.people[who].statement = false;
        self.stop(world, who, RunStatus::Failed, 10);
    }

    pub fn command_ends(&self, world: &mut World, who: usize, success: bool) {
        if success {
            return self.stop(world, who, RunStatus::Succeeded, 0);
        }
        world.failures -= 1;
        self.stop(world, who, RunStatus::Failed, 10);
    }

    /// The counter, and whether the work session still has the lock.
    pub fn beat(&self, world: &mut World, who: usize) {
        let clock = world.clock;
        let session = world.people[who].session;
        let locked = self.cast(who).mode == LockMode::Lease || (session.is_some() && world.lock == session);
        // a command's beats are sent on the lock's own session
        let deaf = self.mix.work == Work::Command && session.is_none();
        let alive = !deaf
            && world.run_of(who).is_some_and(|row| {
                let ours = row.status == RunStatus::Running;
                if ours {
                    row.beats += 1;
                    row.beat_at = clock;
                }
                ours
            });
        if !alive || !locked {
            return self.lose(world, who);
        }
        let person = &mut world.people[who];
        (person.last_good, person.done) = (clock, true);
    }

    /// The lock is lost: no grace.
    pub fn lose(&self, world: &mut World, who: usize) {
        self.stop(world, who, RunStatus::Interrupted, 12);
    }

    /// The work ends, here. A statement that is sent may go on at the server.
    pub fn stop(&self, world: &mut World, who: usize, status: RunStatus, exit: u8) {
        let person = &mut world.people[who];
        (person.process, person.shares) = (false, false);
        person.phase = Phase::Finishing { status, exit };
    }

    pub fn finish(&self, world: &mut World, who: usize) {
        let Phase::Finishing { status, exit } = world.people[who].phase else { return };
        let clock = world.clock;
        let mut witnesses = 0;
        for (other, person) in world.people.iter().enumerate() {
            if person.phase != Phase::Away && !person.is_over() && status == RunStatus::Failed {
                witnesses |= 1 << other;
            }
        }
        let written = world.run_of(who).is_some_and(|row| {
            let ours = row.status == RunStatus::Running;
            if ours {
                (row.status, row.witnesses) = (status, witnesses);
                (row.beats, row.beat_at, row.finished_at) = (row.beats + 1, clock, Some(clock));
            }
            ours
        });
        let exit = if written || exit != 0 { exit } else { 12 };
        let rows = world.stored.runs.clone();
        self.end(world, who, exit, &rows);
    }

    pub fn unrecorded(&self, world: &mut World, who: usize) {
        let Phase::Finishing { exit, .. } = world.people[who].phase else { return };
        world.faults -= 1;
        self.end(world, who, if exit == 0 { 31 } else { exit }, &[]);
    }

    /// Exits; `rows` is what it had last read. Its sessions go with it.
    pub fn end(&self, world: &mut World, who: usize, exit: u8, rows: &[Row]) {
        let (s3, s4) = super::oracle::may_exit(self.cast(who), world, who, exit, rows);
        world.people[who].phase = Phase::Ended { exit, s3, s4 };
        world.close_session(who);
        world.people[who].forget();
    }
}
