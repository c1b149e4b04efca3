//! The promises, judged by what took effect, by what the ledger's rows say and by exit codes; not by the code that is
//! checked.

use bellwether::model::run::RunStatus;
use stateright::Property;

use super::mix::{Cast, OVERTIME};
use super::moves::Protocol;
use super::world::{Mark, Person, Phase, Row, World};

pub fn properties() -> Vec<Property<Protocol>> {
    vec![
        Property::always("S1 one leader at work", |_, world: &World| {
            world.people.iter().filter(|person| person.is_at_work()).count() <= 1
        }),
        Property::always("S2 nothing applied twice", |_, world: &World| {
            let effects = &world.stored.effects;
            effects
                .iter()
                .enumerate()
                .all(|(at, effect)| effects[..at].iter().all(|before| before.migration != effect.migration))
        }),
        Property::always("S3 exit 0 only when it is done", |_, world: &World| {
            world.people.iter().all(|person| !matches!(person.phase, Phase::Ended { s3: false, .. }))
        }),
        Property::always("S4 who saw the failure does not exit 0", |_, world: &World| {
            world.people.iter().all(|person| !matches!(person.phase, Phase::Ended { s4: false, .. }))
        }),
        Property::always("S4 who saw the failure does not try again", |_, world: &World| {
            world.stored.runs.iter().all(|row| !saw_failure(&world.stored.runs, row.leader, Some(row.fence)))
        }),
        Property::always("S5 nothing of a replaced leader takes effect", |_, world: &World| {
            world.stored.effects.iter().all(|effect| effect.run == effect.holder)
        }),
        Property::always("L1 everyone ends in time", |protocol: &Protocol, world: &World| {
            world.people.iter().all(|person| in_time(person, world.clock, protocol.mix.budget))
        }),
        Property::eventually("L1 everyone ends", |_, world: &World| world.people.iter().all(Person::is_over)),
        Property::sometimes("everyone exits 0", |_, world: &World| {
            world.people.iter().all(|person| matches!(person.phase, Phase::Ended { exit: 0, .. }))
        }),
        Property::sometimes("a run is taken over", |_, world: &World| {
            world.stored.runs.iter().any(|row| row.status == RunStatus::Abandoned)
        }),
    ]
}

/// Whether this participant was there when a run failed, before the run `until`, and none succeeded since.
fn saw_failure(rows: &[Row], who: usize, until: Option<u8>) -> bool {
    let before = |row: &&Row| until.is_none_or(|fence| row.fence < fence);
    let rows = || rows.iter().filter(before);
    let won = rows().filter(|row| row.status == RunStatus::Succeeded).map(|row| row.fence).max().unwrap_or(0);
    rows().any(|row| row.fence > won && row.witnesses & (1 << who) != 0)
}

/// Who stands still cannot end; it has its time from when it goes on.
fn in_time(person: &Person, clock: u8, budget: u8) -> bool {
    let limit = (person.came + budget).max(person.thawed) + OVERTIME;
    person.phase == Phase::Away || person.is_over() || person.stopped.is_some() || clock <= limit
}

/// S3 and S4, for an exit now, by the rows that were read last.
pub fn may_exit(cast: &Cast, world: &World, who: usize, exit: u8, rows: &[Row]) -> (bool, bool) {
    if exit != 0 {
        return (true, true);
    }
    let applied = world.stored.history.iter().all(|mark| *mark == Mark::Applied);
    let latest = rows.iter().max_by_key(|row| row.fence);
    let succeeded = latest.is_some_and(|row| row.status == RunStatus::Succeeded);
    // pending cannot be none for who does not know what is pending
    let s3 = if cast.bundle { applied || world.people[who].deceived } else { succeeded };
    (s3, !saw_failure(rows, who, None))
}
