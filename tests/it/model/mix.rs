//! What is checked: who takes part, under which lock, with what work, how often what may go wrong; and the rules that
//! are broken on purpose.

use std::time::Duration;

use bellwether::follow::decide::Policy;
use bellwether::model::run::{EngineKind, LockMode, Role};

/// Seconds between two ticks of the model's clock. In each, everyone who can has one turn: a look, a try, a beat.
pub const TICK: u64 = 5;
/// `follow.grace`, in ticks.
const GRACE: u64 = 2;
/// `follow.start`, in ticks.
const START: u64 = 4;
/// What L1 allows beyond the budget, in ticks: 10 s.
pub const OVERTIME: u8 = 2;
/// The server ends a session that has been idle for so many ticks: 15 s.
pub const WATCHDOG: u8 = 3;
/// A frozen process thaws after so many ticks at the latest: longer than silence takes.
pub const LONGEST_FREEZE: u8 = 4;
/// How many migrations there are.
pub const MIGRATIONS: usize = 2;

/// What the work is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// SQL; script, history row and fence check in one transaction.
    Transactions,
    /// SQL, statement by statement: MySQL, or a script outside transactions.
    Statements,
    /// A command that migrates by itself.
    Command,
}

impl Work {
    pub fn engine(self) -> EngineKind {
        match self {
            Self::Transactions | Self::Statements => EngineKind::Sql,
            Self::Command => EngineKind::Command,
        }
    }
}

/// One participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cast {
    pub role: Role,
    pub mode: LockMode,
    /// It carries the migrations; without, what is pending is unknown.
    pub bundle: bool,
    /// It comes at this tick at the latest.
    pub late: u8,
}

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A leader's process is killed.
    Crash,
    /// A process stands still for a while.
    Freeze,
    /// The server ends a leader's session, or a script frees its lock.
    LostLock,
    /// A beat or a verdict does not get through.
    Delay,
    /// A leader is told to end.
    Signal,
    /// The server fails over to a standby that has not heard of the last commits.
    FailOver,
}

impl Fault {
    pub const ALL: &'static [Self] = &[Self::Crash, Self::Freeze, Self::LostLock, Self::Delay, Self::Signal];
}

/// One set-up.
#[derive(Clone, Debug)]
pub struct Mix {
    pub name: String,
    pub cast: Vec<Cast>,
    pub work: Work,
    /// The lock is a file's, which tells who is alive and is free only when all of the work is gone: SQLite.
    pub file: bool,
    /// `--timeout`, in ticks.
    pub budget: u8,
    /// How many faults there may be in all.
    pub faults: u8,
    /// Of which kinds.
    pub kinds: &'static [Fault],
    /// How often a script or a command may fail.
    pub failures: u8,
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// A migration begins without a look at the lock's row.
    NoFence,
    /// The fence's number is compared, and not the run.
    FenceAlone,
    /// A statement outside a transaction is sent a while after its look at the lock's row.
    FenceTooEarly,
    /// A successor claims without waiting for silence.
    NoStaleness,
    /// A failed run is no verdict.
    FailureNotMatched,
    /// A free session lock means that a lease's run is over, too.
    LeaseIgnored,
    /// A leader without beats goes on for ever.
    NoTrust,
    /// A successor does not ask the server what runs there.
    StatementsIgnored,
    /// Who has no migrations has none pending.
    UnknownIsNone,
    /// A command is over as soon as its leader's session lock is free.
    CommandsLikeSql,
    /// An elect leads by its first look, without a second one under the lock.
    NoSecondLook,
    /// Followers do not mind their budget.
    NoBudget,
}

impl Mix {
    pub fn policy(&self, cast: &Cast) -> Policy {
        let ticks = |ticks: u64| Duration::from_secs(ticks * TICK);
        Policy {
            elect: cast.role == Role::Elect,
            command: self.command(cast),
            digest: Some("digest".into()),
            any_release: false,
            grace: ticks(GRACE),
            start: ticks(START),
            window: Duration::from_secs(15 * 60),
            budget: ticks(self.budget.into()),
        }
    }

    /// Whether this participant would run a command.
    pub fn command(&self, cast: &Cast) -> bool {
        self.work == Work::Command && cast.role != Role::Follow
    }
}

pub const SESSION: LockMode = LockMode::Session;
pub const LEASE: LockMode = LockMode::Lease;

/// Who takes part: `L`ead, `E`lect, `F`ollow, and `f`, a follower without migrations; each under the next of `modes`.
fn cast(who: &str, modes: &[LockMode], late: u8) -> Vec<Cast> {
    who.chars()
        .zip(modes.iter().cycle())
        .map(|(who, mode)| {
            let role = match who {
                'L' => Role::Lead,
                'E' => Role::Elect,
                _ => Role::Follow,
            };
            Cast { role, mode: *mode, bundle: who != 'f', late }
        })
        .collect()
}

/// How far a set-up is explored.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Everyone comes by this tick.
    pub late: u8,
    pub budget: u8,
    pub faults: u8,
    pub failures: u8,
}

/// One set-up: who, under which locks (by turns), with what work.
pub fn mix(who: &str, modes: &[LockMode], work: Work, bound: Bound) -> Mix {
    let locks: Vec<_> = modes.iter().map(|mode| mode.as_str()).collect();
    Mix {
        name: named(who, &locks.join("+"), work),
        cast: cast(who, modes, bound.late),
        work,
        file: false,
        budget: bound.budget,
        faults: bound.faults,
        kinds: Fault::ALL,
        failures: bound.failures,
    }
}

/// One set-up around a file.
fn file(who: &str, work: Work, bound: Bound) -> Mix {
    let kinds = &[Fault::Crash, Fault::Freeze, Fault::Signal];
    Mix { name: named(who, "file", work), file: true, kinds, ..mix(who, &[SESSION], work, bound) }
}

/// SQL work on a server that may fail over. (A command whose run is lost so goes on beside its successor's until its
/// leader's next beat.)
pub fn failover(who: &str, modes: &[LockMode], work: Work, bound: Bound) -> Mix {
    let mix = mix(who, modes, work, bound);
    let name = format!("{}, failover", mix.name.trim_end());
    Mix { name, kinds: &[Fault::FailOver, Fault::Freeze], ..mix }
}

fn named(who: &str, locks: &str, work: Work) -> String {
    let work = format!("{work:?}").to_lowercase();
    format!("{who:<4} {locks:<13} {work:<12}")
}

/// These participants under every kind of lock, and two kinds at once, with every kind of work.
pub fn mixes(who: &str, bound: Bound) -> Vec<Mix> {
    let works = [Work::Transactions, Work::Statements, Work::Command];
    let locks = [&[SESSION][..], &[LEASE], &[SESSION, LEASE]];
    let servers = works.iter().flat_map(|work| locks.map(|modes| mix(who, modes, *work, bound)));
    let files = [Work::Transactions, Work::Command].map(|work| file(who, work, bound));
    servers.chain(files).collect()
}
