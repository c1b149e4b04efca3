//! The long run, for `scripts/soak`: round after round until its time is over.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use super::faults::Weather;
use super::random::Random;
use super::round::{Round, Work};
use crate::support::Server;
use crate::support::own::OwnServer;

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
#[ignore = "runs for as long as scripts/soak says"]
fn long_run() {
    let minutes: f64 = variable("BELLWETHER_SOAK_MINUTES").expect("scripts/soak sets it");
    let first: u64 = variable("BELLWETHER_SOAK_SEED").expect("scripts/soak sets it");
    let on: String = variable("BELLWETHER_SOAK_ON").expect("scripts/soak sets it");
    let lease = variable::<String>("BELLWETHER_SOAK_LOCK").is_some_and(|mode| mode == "lease");
    let server = Server::ALL.into_iter().find(|server| server.name() == on).expect("a server's name");
    let own = (server != Server::Sqlite).then(|| OwnServer::start(server, 200));
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let (mut rounds, mut faults, mut violations) = (0, 0, 0);
    // the first round always comes to its end
    while rounds == 0 || Instant::now() < until {
        let seed = first + rounds;
        let db = own.as_ref().map_or_else(|| server.database(), OwnServer::database);
        let db = if lease { db.under("lease") } else { db };
        let mut random = Random::new(seed);
        let work = match random.below(8) {
            0..3 => Work::Command,
            3 => Work::Sql { count: 10 + random.below(10), fails: true },
            _ => Work::Sql { count: 20 + random.below(60), fails: false },
        };
        let crowd = 3 + random.below(10);
        let time = random.pause(8_000, 25_000);
        let began = Instant::now();
        let told = Round::new(&db, own.as_ref(), random, work, crowd).run(time, Weather::EVERYTHING);
        rounds += 1;
        faults += told.faults;
        violations += told.violations.len();
        println!(
            "{on}: seed {seed}, {work:?}, {crowd} participants, {} faults, {:.0} s, {} violations",
            told.faults,
            began.elapsed().as_secs_f64(),
            told.violations.len()
        );
        if !told.violations.is_empty() {
            println!("{:#?}\n{}again: scripts/soak 1 {seed} {on}", told.violations, told.story);
        }
    }
    println!("{on}: {rounds} rounds, {faults} faults, {violations} violations; seeds from {first}");
    assert_eq!(violations, 0, "the promises do not hold; what to repeat stands above");
}
