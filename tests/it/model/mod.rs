//! The protocol's core as a model, checked by stateright: the decisions are the product's own functions
//! (`lock/judge.rs`, `lock/observer.rs`, `lock/trust.rs`, `follow/decide.rs`), around them a ledger, a server and a clock
//! of ticks. The default test explores small bounds; `scripts/model` explores larger ones.
#![allow(clippy::print_stdout)]

mod diagram;
mod leading;
mod mix;
mod moves;
mod oracle;
mod watching;
mod world;

use std::io::{Write, stderr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bellwether::model::run::{Role, RunStatus};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

use diagram::{Edges, drawn};
use mix::{Bound, Broken, Fault, LEASE, Mix, SESSION, Work, failover, mix, mixes};
use moves::Protocol;

/// Enough for a leader to die, to be found silent, and for its successor to fail.
const LITTLE: Bound = Bound { late: 0, budget: 5, faults: 1, failures: 1 };

/// What exploring one set-up came to.
struct Explored {
    name: String,
    states: usize,
    depth: usize,
    took: Duration,
    /// The properties that do not hold, each with the moves that show it.
    faults: Vec<(&'static str, String)>,
    /// What was seen of what should be possible.
    seen: Vec<&'static str>,
}

impl Explored {
    fn print(&self) {
        let Self { name, states, depth, took, .. } = self;
        println!("{name} {states:>9} states, {depth:>3} deep, {:>6.1} s", took.as_secs_f32());
    }
}

/// Everything that can be reached; with a broken rule, until that shows.
fn explore(protocol: Protocol) -> Explored {
    let began = Instant::now();
    let (name, broken) = (protocol.mix.name.clone(), protocol.broken);
    let properties = protocol.properties();
    let mut checker = protocol.checker();
    if broken.is_some() {
        checker = checker.finish_when(HasDiscoveries::AnyFailures);
    }
    let checker = checker.spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let took = began.elapsed();
    let mut explored = Explored { name, states, depth, took, faults: Vec::new(), seen: Vec::new() };
    for (name, path) in checker.discoveries() {
        let property = properties.iter().find(|property| property.name == name).unwrap();
        if matches!(property.expectation, Expectation::Sometimes) {
            explored.seen.push(name);
            continue;
        }
        let moves: Vec<_> = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        explored.faults.push((name, moves.join(" ")));
    }
    explored
}

/// Explores them all, prints the figures, and fails with the moves that break a promise.
fn all_hold(mixes: impl IntoIterator<Item = Mix>) {
    let (mut states, mut deepest, began) = (0, 0, Instant::now());
    for mix in mixes {
        // who may only follow cannot take over
        let successors = mix.cast.iter().filter(|cast| cast.role != Role::Follow).count() > 1;
        let explored = explore(Protocol { mix, broken: None, edges: None });
        explored.print();
        assert!(explored.faults.is_empty(), "{}: {:#?}", explored.name, explored.faults);
        let possible = if successors { 2 } else { 1 };
        assert_eq!(explored.seen.len(), possible, "{}: only {:?} is seen", explored.name, explored.seen);
        states += explored.states;
        deepest = deepest.max(explored.depth);
    }
    // past the capture of a test that passes
    let took = began.elapsed().as_secs_f32();
    let _ =
        writeln!(stderr(), "explored {states} states of the model, at most {deepest} deep, in {took:.0} s");
}

#[test]
fn two_that_elect_one_of_them_keep_the_promises() {
    all_hold(mixes("EE", LITTLE));
}

#[test]
fn two_designated_leaders_keep_the_promises() {
    all_hold(mixes("LL", Bound { budget: 4, ..LITTLE }));
}

#[test]
fn a_leader_and_its_followers_keep_the_promises() {
    all_hold(["LF", "Lf"].iter().flat_map(|who| mixes(who, LITTLE)));
    all_hold([mix("LFf", &[SESSION], Work::Transactions, LITTLE)]);
}

#[test]
fn after_a_failover_that_loses_commits_they_keep_the_promises() {
    let bound = Bound { budget: 4, ..LITTLE };
    all_hold([
        failover("EE", &[SESSION], Work::Transactions, bound),
        failover("EE", &[LEASE], Work::Transactions, bound),
        failover("EE", &[LEASE], Work::Statements, bound),
        failover("LF", &[SESSION], Work::Transactions, bound),
    ]);
}

#[test]
#[ignore = "a quarter of an hour: scripts/model runs it, optimised"]
fn larger_bounds_keep_the_promises() {
    let two = Bound { late: 1, budget: 7, faults: 1, failures: 2 };
    let three = Bound { late: 0, budget: 6, faults: 1, failures: 1 };
    let casts = [
        ("LE", two),
        ("LL", two),
        ("EEf", three),
        ("LFf", three),
        ("Lf", Bound { faults: 2, ..two }),
        ("LF", Bound { faults: 2, ..two }),
        ("EE", Bound { faults: 2, ..two }),
    ];
    for (who, bound) in casts {
        all_hold(mixes(who, bound));
    }
}

#[test]
fn the_diagrams_show_every_way_that_is_taken_and_no_other() {
    let bound = Bound { budget: 4, ..LITTLE };
    let edges = Arc::new(Mutex::new(Edges::default()));
    for (who, work) in [("EE", Work::Statements), ("EE", Work::Command), ("LL", Work::Transactions)] {
        let mix = mix(who, &[SESSION], work, bound);
        explore(Protocol { mix, broken: None, edges: Some(Arc::clone(&edges)) });
    }
    let edges = edges.lock().unwrap().clone();
    let page = include_str!("../../../docs/protocol.md");
    assert_eq!(drawn(page), [edges.runs.clone(), edges.participants]);
    for status in RunStatus::ALL {
        assert!(edges.runs.iter().any(|(_, to)| to == status.as_str()), "no run is ever {status}");
    }
}

#[test]
fn a_rule_that_is_left_out_is_missed() {
    use Work::{Command, Statements, Transactions};
    let (session, lease, both) = (&[SESSION][..], &[LEASE][..], &[SESSION, LEASE][..]);
    for (broken, promise, who, locks, work) in [
        (Broken::NoFence, "S1", "EE", lease, Transactions),
        (Broken::NoFence, "S1", "EE", lease, Statements),
        (Broken::FenceAlone, "S5", "EE", lease, Transactions),
        (Broken::FenceTooEarly, "S5", "EE", lease, Statements),
        (Broken::NoStaleness, "S1", "EE", lease, Command),
        (Broken::NoStaleness, "S1", "EE", session, Command),
        (Broken::FailureNotMatched, "S4", "EE", session, Transactions),
        (Broken::FailureNotMatched, "S4", "LL", lease, Statements),
        (Broken::NoSecondLook, "S4", "EE", session, Transactions),
        (Broken::LeaseIgnored, "S5", "EE", both, Statements),
        (Broken::NoTrust, "S1", "EE", lease, Command),
        (Broken::StatementsIgnored, "S5", "EE", lease, Statements),
        (Broken::CommandsLikeSql, "S1", "EE", session, Command),
        (Broken::UnknownIsNone, "S3", "Lf", session, Transactions),
        (Broken::NoBudget, "L1", "LF", session, Transactions),
    ] {
        let mut mix = mix(who, locks, work, Bound { budget: 6, ..LITTLE });
        match broken {
            Broken::NoTrust => (mix.faults, mix.kinds) = (4, &[Fault::Delay]),
            Broken::FenceAlone => mix = Mix { faults: 1, ..failover(who, locks, work, LITTLE) },
            _ => {}
        }
        let explored = explore(Protocol { mix, broken: Some(broken), edges: None });
        let caught: Vec<_> = explored.faults.iter().map(|(name, _)| *name).collect();
        println!("{broken:?} in {}: {caught:?} after {} states", explored.name, explored.states);
        assert!(caught.iter().any(|name| name.starts_with(promise)), "{broken:?}: {:#?}", explored.faults);
    }
}
