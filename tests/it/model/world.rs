//! The state: the database as everyone sees it, each participant's memory, and what the server does by itself.

use std::sync::OnceLock;
use std::time::Duration;

use bellwether::ledger::look::Look;
use bellwether::lock::judge::Reading;
use bellwether::lock::observer::{Observer, Sight};
use bellwether::lock::trust::Trust;
use bellwether::model::ids::Version;
use bellwether::model::migration::Pending;
use bellwether::model::run::{EngineKind, LockMode, Run, RunStatus};
use tokio::time::Instant;

use super::mix::{Cast, MIGRATIONS, TICK, WATCHDOG};

/// A server's session: whose, and which of theirs.
pub type Session = (usize, u8);

/// A run, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Never given twice.
    pub id: u8,
    pub fence: u8,
    pub leader: usize,
    pub mode: LockMode,
    pub engine: EngineKind,
    pub session: Session,
    pub status: RunStatus,
    pub beats: u8,
    pub beat_at: u8,
    pub finished_at: Option<u8>,
    /// For the oracle: who had looked before it failed, and was still there.
    pub witnesses: u8,
}

/// A migration in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mark {
    #[default]
    Pending,
    Half,
    Applied,
}

/// For the oracle: something that took effect, in which run, and which run the lock's row named at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Effect {
    pub migration: usize,
    pub run: u8,
    pub holder: u8,
}

/// Where a participant is in the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It has not looked yet.
    Away,
    /// Between looks.
    Idle,
    /// It has read the runs, and not yet the history.
    Looked { rows: Vec<Row>, sight: Sight },
    /// It wants the lock.
    Trying,
    /// It has the lock (a lease: it wants the row).
    Claiming,
    /// Its run stands; nothing is in progress.
    Between,
    /// A migration's transaction is open, after its fence check.
    InTransaction,
    /// A marked statement of a migration is sent.
    Sent,
    /// Its command is started.
    Commanding,
    /// The verdict is to be written.
    Finishing { status: RunStatus, exit: u8 },
    /// It has exited. For the oracle: whether S3 and S4 allow that.
    Ended { exit: u8, s3: bool, s4: bool },
    /// It was killed.
    Crashed,
}

/// One participant, and what the server and the kernel keep of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    pub phase: Phase,
    pub observer: Observer,
    /// The tick of its first look.
    pub came: u8,
    /// It has had its turn in this tick.
    pub done: bool,
    /// Since when it stands still, or is dead.
    pub stopped: Option<u8>,
    /// When it thawed last.
    pub thawed: u8,
    /// The tick of its last good beat.
    pub last_good: u8,
    /// The run that it leads, and its fence.
    pub run: u8,
    pub fence: u8,
    /// The migration that it is at.
    pub at: usize,
    /// It has compared the fence, and not yet sent the statement; only with that rule broken.
    pub compared: bool,
    /// A failover has lost what it had applied, and it cannot know.
    pub deceived: bool,
    /// How many sessions it has opened.
    pub sessions: u8,
    /// Its work session, as the server has it.
    pub session: Option<Session>,
    /// That session's transaction has the lock's row in share mode.
    pub shares: bool,
    /// That session runs a statement of a migration.
    pub statement: bool,
    /// Its command's processes live.
    pub process: bool,
}

impl Person {
    fn new() -> Self {
        Self {
            phase: Phase::Away,
            observer: Observer::default(),
            came: 0,
            done: false,
            stopped: None,
            thawed: 0,
            last_good: 0,
            run: 0,
            fence: 0,
            at: 0,
            compared: false,
            deceived: false,
            sessions: 0,
            session: None,
            shares: false,
            statement: false,
            process: false,
        }
    }

    /// By this tick, the last good beat began too long ago.
    pub fn is_silent(&self, tick: u8) -> bool {
        let seconds = |tick: u8| Duration::from_secs(u64::from(tick) * TICK);
        Trust::since(seconds(self.last_good)).is_over(seconds(tick))
    }

    /// It will not do anything any more.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. } | Phase::Crashed)
    }

    /// Something of it may change the database now.
    pub fn is_at_work(&self) -> bool {
        self.statement || self.process || (self.phase == Phase::InTransaction && self.session.is_some())
    }

    /// What it knew is gone with it, and tells no two states apart.
    pub fn forget(&mut self) {
        let gone = Self::new();
        (self.observer, self.came, self.thawed) = (gone.observer, gone.came, gone.thawed);
        (self.last_good, self.done) = (gone.last_good, gone.done);
    }

    pub fn is_leading(&self) -> bool {
        matches!(self.phase, Phase::Between | Phase::InTransaction | Phase::Sent | Phase::Commanding)
    }
}

/// What is stored, and replicated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stored {
    /// The lock's row: the highest fence, and the run's id.
    pub highest: u8,
    pub holder: u8,
    pub runs: Vec<Row>,
    pub history: [Mark; MIGRATIONS],
    pub effects: Vec<Effect>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// In ticks.
    pub clock: u8,
    /// Who has the session lock.
    pub lock: Option<Session>,
    /// On the server.
    pub stored: Stored,
    /// On the standby, as of the last tick; none where nothing fails over.
    pub standby: Option<Box<Stored>>,
    /// How many ids were given.
    pub ids: u8,
    pub people: Vec<Person>,
    /// How many faults there may still be.
    pub faults: u8,
    /// How many scripts may still fail.
    pub failures: u8,
}

/// A tick as the product's clock.
pub fn instant(tick: u8) -> Instant {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    *BEGAN.get_or_init(Instant::now) + Duration::from_secs(u64::from(tick) * TICK)
}

/// A tick as the database's clock.
fn milliseconds(tick: u8) -> i64 {
    i64::from(tick) * TICK.cast_signed() * 1000
}

impl World {
    pub fn new(people: usize, faults: u8, failures: u8, standby: bool) -> Self {
        Self {
            clock: 0,
            lock: None,
            stored: Stored::default(),
            standby: standby.then(Box::default),
            ids: 0,
            people: (0..people).map(|_| Person::new()).collect(),
            faults,
            failures,
        }
    }

    /// The run that the lock's row names.
    pub fn holder(&self) -> Option<&Row> {
        self.stored.runs.iter().find(|row| row.id == self.stored.holder)
    }

    pub fn run_of(&mut self, who: usize) -> Option<&mut Row> {
        let run = self.people[who].run;
        self.stored.runs.iter_mut().find(|row| row.id == run)
    }

    /// What the history says of a participant's migrations.
    pub fn reading(&self, cast: &Cast) -> Reading {
        if !cast.bundle {
            return Reading { pending: Pending::Unknown, refused: false };
        }
        let pending = (0..MIGRATIONS).filter(|at| self.stored.history[*at] != Mark::Applied);
        let pending = pending.map(|at| Version(at.to_string())).collect();
        let refused = self.stored.history.contains(&Mark::Half);
        Reading { pending: Pending::from_versions(pending), refused }
    }

    /// The next migration that is not applied.
    pub fn next_migration(&self) -> Option<usize> {
        self.stored.history.iter().position(|mark| *mark != Mark::Applied)
    }

    pub fn takes_effect(&mut self, who: usize, migration: usize) {
        let effect = Effect { migration, run: self.people[who].run, holder: self.stored.holder };
        self.stored.effects.push(effect);
    }

    /// The server ends a session: its transaction is rolled back, its statement cut off, its lock free.
    pub fn end_session(&mut self, who: usize) {
        let person = &mut self.people[who];
        if let Some(session) = person.session.take()
            && self.lock == Some(session)
        {
            self.lock = None;
        }
        person.shares = false;
        person.statement = false;
    }

    /// A participant closes its session. A statement in progress goes on, and the session with it.
    pub fn close_session(&mut self, who: usize) {
        self.people[who].shares = false;
        if !self.people[who].statement {
            self.end_session(who);
        }
    }

    /// The standby takes over, without what it has not heard of. Behind a pooler, clients keep their connections.
    pub fn fail_over(&mut self, pooled: impl Fn(usize) -> bool) {
        let Some(standby) = &self.standby else { return };
        let lost = standby.history != self.stored.history;
        self.stored.clone_from(standby);
        for who in 0..self.people.len() {
            let person = &mut self.people[who];
            person.deceived |=
                lost && (person.is_leading() || matches!(person.phase, Phase::Finishing { .. }));
            let broken = person.shares || person.statement || !pooled(who);
            if broken {
                self.end_session(who);
            }
        }
    }

    /// The clock goes on: a server ends sessions that are idle for too long.
    pub fn tick(&mut self, watchdog: bool) {
        self.clock += 1;
        if let Some(standby) = &mut self.standby {
            (**standby).clone_from(&self.stored);
        }
        for who in 0..self.people.len() {
            self.people[who].done = false;
            let person = &self.people[who];
            let idle = watchdog && person.stopped.is_some_and(|since| self.clock - since >= WATCHDOG);
            if idle && !person.statement && person.session.is_some() {
                self.end_session(who);
            }
        }
    }
}

/// What a look reads of these rows; what `ledger/look.rs` asks in SQL.
pub fn look(rows: &[Row], clock: u8) -> Look {
    let latest = rows.iter().max_by_key(|row| row.fence);
    let has_verdict = |row: &&Row| matches!(row.status, RunStatus::Failed | RunStatus::Succeeded);
    let verdict = rows.iter().filter(has_verdict).max_by_key(|row| row.fence);
    let highest = |status: fn(RunStatus) -> bool| {
        rows.iter().filter(|row| status(row.status)).map(|row| row.fence).max().unwrap_or(0)
    };
    let won = highest(|status| status == RunStatus::Succeeded);
    let failed = rows.iter().filter(|row| row.status == RunStatus::Failed && row.fence > won);
    Look {
        latest: latest.map(run),
        verdict: verdict.map(run),
        failures: u32::try_from(failed.count()).expect("a handful"),
        high: highest(|_| true).into(),
        ended: highest(|status| status != RunStatus::Running).into(),
        now: milliseconds(clock),
    }
}

/// A row as the product has it.
pub fn run(row: &Row) -> Run {
    Run {
        id: row.id.to_string().as_str().into(),
        environment: "production".into(),
        lock_name: "default".to_owned(),
        lock_mode: row.mode,
        release: "release".into(),
        digest: "digest".into(),
        deploy: None,
        leader: "leader".into(),
        platform: String::new(),
        host: String::new(),
        url: None,
        engine: row.engine,
        session: format!("{:?}", row.session),
        status: row.status,
        fence: row.fence.into(),
        beats: row.beats.into(),
        total: 0,
        done: 0,
        current: None,
        error: None,
        failed_step: None,
        started_at: 0,
        beat_at: milliseconds(row.beat_at),
        finished_at: row.finished_at.map(milliseconds),
        ended_by: None,
    }
}
