//! The model: who may do what in a state, and what comes of it. What participants decide is the product's own code.

use std::sync::{Arc, Mutex};

use bellwether::model::run::{LockMode, Role, RunStatus};
use stateright::{Model, Property};

use super::diagram::Edges;
use super::mix::{Broken, Cast, Fault, LONGEST_FREEZE, Mix, Work};
use super::oracle;
use super::world::{Mark, Person, Phase, World};

/// One move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// Five seconds go by; everyone who can has had a turn.
    Tick,
    /// Reads the runs.
    Look(usize),
    /// Reads the history, and decides.
    Decide(usize),
    /// Tries the lock, once.
    Try(usize),
    /// The claim's transaction.
    Claim(usize),
    /// Compares the fence, and begins a migration: its transaction, or its marked statement.
    Begin(usize),
    /// Commits a migration's transaction.
    Commit(usize),
    /// The server has done a statement.
    Complete(usize),
    /// Compares the fence, and records a migration whose statements are done.
    Record(usize),
    /// A script fails.
    Break(usize),
    /// A command migrates.
    Step(usize),
    /// A command ends by itself; it has succeeded.
    Exit(usize, bool),
    /// A sign of life.
    Beat(usize),
    /// One that does not get through.
    Miss(usize),
    /// No good beat for too long.
    Distrust(usize),
    /// The budget ends in the middle of the work.
    Late(usize),
    /// Writes the verdict, frees the lock, exits.
    Finish(usize),
    /// The verdict cannot be written.
    Unrecorded(usize),
    /// Is told to end.
    Signal(usize),
    /// Is killed.
    Crash(usize),
    /// Stands still.
    Freeze(usize),
    /// Goes on.
    Thaw(usize),
    /// The server ends a session.
    EndSession(usize),
    /// A script frees the lock, and the session lives.
    FreeLock(usize),
    /// The guard ends a command.
    Guard(usize),
    /// The standby becomes the server.
    FailOver,
}

/// A set-up with its rules.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub mix: Mix,
    pub broken: Option<Broken>,
    /// Where to note the ways that are taken from one state to another.
    pub edges: Option<Arc<Mutex<Edges>>>,
}

impl Protocol {
    pub fn is_broken(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    pub fn cast(&self, who: usize) -> &Cast {
        &self.mix.cast[who]
    }

    pub fn is_late(&self, world: &World, who: usize) -> bool {
        world.clock >= world.people[who].came + self.mix.budget
    }

    /// Without beats, it has to stop: a command, or anything under a lease.
    fn lives_by_beats(&self, who: usize) -> bool {
        self.mix.work == Work::Command || self.cast(who).mode == LockMode::Lease
    }

    fn trusts(&self, world: &World, who: usize) -> bool {
        let person = &world.people[who];
        if self.mix.file {
            // the guard has ended the command while we stood still
            return person.phase != Phase::Commanding || person.process;
        }
        !self.lives_by_beats(who) || self.is_broken(Broken::NoTrust) || !person.is_silent(world.clock)
    }

    fn can(&self, world: &World, fault: Fault) -> bool {
        world.faults > 0 && self.mix.kinds.contains(&fault)
    }

    /// Everyone has had a turn, and what must happen within a tick has happened.
    fn may_tick(&self, world: &World) -> bool {
        let mut people = world.people.iter().enumerate();
        people.all(|(who, person)| match (&person.phase, person.stopped) {
            (Phase::Away, _) => world.clock < self.cast(who).late,
            (Phase::Ended { .. }, _) => true,
            // its guard reads the end of the pipe; a file's lock goes with its last process
            (Phase::Crashed, _) => !(person.process || (self.mix.file && person.session.is_some())),
            (_, Some(since)) => {
                let guarded = person.process && !self.mix.file && person.is_silent(world.clock + 1);
                !guarded && world.clock - since < LONGEST_FREEZE
            }
            (Phase::Idle | Phase::Trying, None) => person.done,
            (_, None) => {
                let must_stop = self.is_late(world, who) || !self.trusts(world, who);
                person.is_leading() && (person.done || self.mix.file) && !must_stop
            }
        })
    }

    fn waiting_moves(&self, world: &World, who: usize, moves: &mut Vec<Move>) {
        let person = &world.people[who];
        match person.phase {
            Phase::Away => moves.push(Move::Look(who)),
            Phase::Idle if !person.done => moves.push(Move::Look(who)),
            Phase::Looked { .. } => moves.push(Move::Decide(who)),
            Phase::Trying if !person.done => moves.push(Move::Try(who)),
            Phase::Claiming => moves.push(Move::Claim(who)),
            Phase::Finishing { .. } => {
                moves.push(Move::Finish(who));
                if self.can(world, Fault::Delay) {
                    moves.push(Move::Unrecorded(who));
                }
            }
            _ => {}
        }
    }

    fn leading_moves(&self, world: &World, who: usize, moves: &mut Vec<Move>) {
        let person = &world.people[who];
        if self.is_late(world, who) {
            return moves.push(Move::Late(who));
        }
        match person.phase {
            Phase::Between => moves.push(Move::Begin(who)),
            Phase::InTransaction => moves.push(Move::Commit(who)),
            Phase::Sent if !person.statement => moves.push(Move::Record(who)),
            Phase::Commanding if person.process && world.next_migration().is_none() => {
                moves.push(Move::Exit(who, true));
            }
            _ => {}
        }
        if world.failures > 0 {
            match person.phase {
                Phase::InTransaction => moves.push(Move::Break(who)),
                Phase::Sent if person.statement => moves.push(Move::Break(who)),
                Phase::Commanding if person.process => moves.push(Move::Exit(who, false)),
                _ => {}
            }
        }
        if !self.trusts(world, who) {
            moves.push(Move::Distrust(who));
        } else if !person.done && !self.mix.file {
            moves.push(Move::Beat(who));
            if self.can(world, Fault::Delay) {
                moves.push(Move::Miss(who));
            }
        }
        if self.can(world, Fault::Signal) {
            moves.push(Move::Signal(who));
        }
    }

    /// What the server and the kernel do by themselves.
    fn moves_of_others(&self, world: &World, who: usize, moves: &mut Vec<Move>) {
        let person = &world.people[who];
        if person.statement {
            moves.push(Move::Complete(who));
        }
        if person.process && world.next_migration().is_some() {
            moves.push(Move::Step(who));
        }
        if person.process && (person.phase == Phase::Crashed || person.stopped.is_some()) {
            moves.push(Move::Guard(who));
        }
        let covered = self.mix.file && person.process;
        if person.phase == Phase::Crashed && person.session.is_some() && !covered {
            moves.push(Move::EndSession(who));
        }
    }

    fn faults(&self, world: &World, who: usize, moves: &mut Vec<Move>) {
        let person = &world.people[who];
        if person.session.is_some() {
            if self.can(world, Fault::Crash) {
                moves.push(Move::Crash(who));
            }
            if self.can(world, Fault::LostLock) && person.is_leading() {
                moves.push(Move::EndSession(who));
                if world.lock == person.session {
                    moves.push(Move::FreeLock(who));
                }
            }
        }
        // who only waits between looks misses looks, which changes nothing
        if self.can(world, Fault::Freeze) && !matches!(person.phase, Phase::Away | Phase::Idle) {
            moves.push(Move::Freeze(who));
        }
    }

    fn happen(&self, world: &mut World, action: Move) {
        match action {
            Move::Tick => {
                world.tick(!self.mix.file);
            }
            Move::Look(who) => self.look(world, who),
            Move::Decide(who) => self.decide(world, who),
            Move::Try(who) => self.try_lock(world, who),
            Move::Claim(who) => self.claim(world, who),
            Move::Begin(who) => self.begin(world, who),
            Move::Commit(who) => self.commit(world, who),
            Move::Complete(who) => complete(world, who),
            Move::Record(who) => self.record(world, who),
            Move::Break(who) => self.fail(world, who),
            Move::Step(who) => step(world, who),
            Move::Exit(who, success) => self.command_ends(world, who, success),
            Move::Beat(who) => self.beat(world, who),
            Move::Miss(who) => {
                world.faults -= 1;
                world.people[who].done = true;
            }
            Move::Distrust(who) => self.lose(world, who),
            Move::Late(who) => self.stop(world, who, RunStatus::Failed, 14),
            Move::Finish(who) => self.finish(world, who),
            Move::Unrecorded(who) => self.unrecorded(world, who),
            Move::Signal(who) => {
                world.faults -= 1;
                self.stop(world, who, RunStatus::Interrupted, 143);
            }
            Move::Crash(who) => {
                world.faults -= 1;
                world.people[who].phase = Phase::Crashed;
                world.people[who].stopped = Some(world.clock);
                world.people[who].forget();
            }
            Move::Freeze(who) => {
                world.faults -= 1;
                world.people[who].stopped = Some(world.clock);
            }
            Move::Thaw(who) => {
                let person = &mut world.people[who];
                (person.stopped, person.thawed, person.done) = (None, world.clock, false);
            }
            Move::EndSession(who) => {
                if world.people[who].phase != Phase::Crashed {
                    world.faults -= 1;
                }
                world.end_session(who);
            }
            Move::FreeLock(who) => {
                world.faults -= 1;
                world.lock = None;
                debug_assert!(world.people[who].session.is_some());
            }
            Move::Guard(who) => world.people[who].process = false,
            Move::FailOver => {
                world.faults -= 1;
                world.fail_over(|who| self.cast(who).mode == LockMode::Lease);
            }
        }
    }
}

/// The server has done a statement: it takes effect, whether or not somebody waits for the answer.
fn complete(world: &mut World, who: usize) {
    let at = world.people[who].at;
    world.takes_effect(who, at);
    world.people[who].statement = false;
    if matches!(world.people[who].phase, Phase::Ended { .. }) {
        world.end_session(who);
    }
}

/// A command migrates by itself, and nobody fences it.
fn step(world: &mut World, who: usize) {
    if let Some(at) = world.next_migration() {
        world.takes_effect(who, at);
        world.stored.history[at] = Mark::Applied;
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        let standby = self.mix.kinds.contains(&Fault::FailOver);
        vec![World::new(self.mix.cast.len(), self.mix.faults, self.mix.failures, standby)]
    }

    fn actions(&self, world: &World, moves: &mut Vec<Move>) {
        if world.people.iter().all(Person::is_over) {
            return;
        }
        for who in 0..world.people.len() {
            let person = &world.people[who];
            self.moves_of_others(world, who, moves);
            match person.stopped {
                _ if person.is_over() => {}
                Some(since) if since < world.clock => moves.push(Move::Thaw(who)),
                Some(_) => {}
                None => {
                    self.waiting_moves(world, who, moves);
                    if person.is_leading() {
                        self.leading_moves(world, who, moves);
                    }
                    self.faults(world, who, moves);
                }
            }
        }
        if self.can(world, Fault::FailOver) && world.standby.as_deref() != Some(&world.stored) {
            moves.push(Move::FailOver);
        }
        if self.may_tick(world) {
            moves.push(Move::Tick);
        }
    }

    fn next_state(&self, world: &World, action: Move) -> Option<World> {
        let mut next = world.clone();
        self.happen(&mut next, action);
        if let Some(edges) = &self.edges {
            edges.lock().unwrap().taken(world, &next);
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        oracle::properties()
    }
}

/// For designated leaders.
pub fn is_designated(cast: &Cast) -> bool {
    cast.role == Role::Lead
}
