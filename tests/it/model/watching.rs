//! Looking and deciding, as `follow.rs` and the leader's fast path do it: the runs first, then the history.

use std::time::Duration;

use bellwether::follow::decide::{Decision, Failure, Observation, decide};
use bellwether::lock::judge::{self, Reading};
use bellwether::model::migration::Pending;
use bellwether::model::run::RunStatus;

use super::mix::{Broken, TICK};
use super::moves::{Protocol, is_designated};
use super::world::{Phase, Row, World, instant, look};

impl Protocol {
    /// The rows as this participant reads them.
    pub fn rows(&self, world: &World) -> Vec<Row> {
        let hidden = |row: &Row| self.is_broken(Broken::FailureNotMatched) && row.status == RunStatus::Failed;
        world.stored.runs.iter().filter(|row| !hidden(row)).cloned().collect()
    }

    pub fn look(&self, world: &mut World, who: usize) {
        let rows = self.rows(world);
        let seen = look(&rows, world.clock);
        let clock = world.clock;
        let person = &mut world.people[who];
        if person.phase == Phase::Away {
            (person.came, person.thawed) = (clock, clock);
        }
        let others = world.lock.is_some_and(|(holder, _)| holder != who);
        let locked = self.mix.file.then_some(others);
        let sight = person.observer.see(&seen, locked, instant(clock));
        let late = self.is_late(world, who);
        let person = &mut world.people[who];
        if is_designated(self.cast(who)) && judge::succeeded(&seen).is_none() {
            person.phase = Phase::Trying;
        } else if sight.alive && !late {
            // the history says nothing yet
            let observation = Observation::new(&person.observer, seen, &sight, false);
            self.act(world, who, &observation, &rows);
        } else {
            person.phase = Phase::Looked { rows, sight };
        }
    }

    /// With the runs as they were at the look, and the history as it is now.
    pub fn decide(&self, world: &mut World, who: usize) {
        let Phase::Looked { rows, sight } = world.people[who].phase.clone() else { return };
        let reading = self.reading(world, who);
        let seen = look(&rows, world.clock);
        if is_designated(self.cast(who)) {
            let command = self.mix.command(self.cast(who));
            return match judge::nothing_to_do(seen.latest.as_ref(), command, &reading) {
                Some(_) => self.end(world, who, 0, &rows),
                None => world.people[who].phase = Phase::Trying,
            };
        }
        let mut observation = Observation::new(&world.people[who].observer, seen, &sight, false);
        observation.pending = reading.pending;
        self.act(world, who, &observation, &rows);
    }

    pub fn reading(&self, world: &World, who: usize) -> Reading {
        let mut reading = world.reading(self.cast(who));
        if self.is_broken(Broken::UnknownIsNone) && reading.pending == Pending::Unknown {
            reading.pending = Pending::None;
        }
        reading
    }

    fn act(&self, world: &mut World, who: usize, observation: &Observation, rows: &[Row]) {
        let mut policy = self.mix.policy(self.cast(who));
        if self.is_broken(Broken::NoBudget) {
            policy.budget = Duration::MAX;
        }
        let elapsed = Duration::from_secs(u64::from(world.clock - world.people[who].came) * TICK);
        let exit = match decide(observation, &policy, elapsed) {
            Decision::Wait(_) => {
                world.people[who].phase = Phase::Idle;
                world.people[who].done = true;
                return;
            }
            Decision::Lead => {
                world.people[who].phase = Phase::Trying;
                world.people[who].done = false;
                return;
            }
            Decision::Ready(_) => 0,
            Decision::Fail(failure) => exit_code(&failure),
        };
        self.end(world, who, exit, rows);
    }
}

fn exit_code(failure: &Failure) -> u8 {
    match failure {
        Failure::NotApplied(..) => 15,
        Failure::LeaderFailed(_) | Failure::LeaderInterrupted(_) => 20,
        Failure::StillAtWork(_) | Failure::NobodyAtWork(_) => 21,
        Failure::LeaderDied(_) => 22,
        Failure::NeverStarted => 23,
    }
}
