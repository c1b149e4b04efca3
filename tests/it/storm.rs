//! Faults by chance, one after another: participants are killed, stopped and told to end, connections cut and frozen,
//! sessions ended, servers restarted. After each round the promises are checked. The tests are short; `scripts/soak` is
//! the same for as long as one likes.

mod faults;
mod judge;
mod random;
mod round;
mod soak;

use std::time::Duration;

use crate::support::{TestDatabase, on_servers};
use faults::Weather;
use random::Random;
use round::{Round, Work};

/// Kills for a quarter of a minute, or as long as `BELLWETHER_STORM_SECONDS` says.
fn storm(db: &TestDatabase, work: Work) {
    if db.is_leased() && db.stand_in_lacks("obedience to lock hints, without which two may claim one lease") {
        return;
    }
    let crowd = if db.stand_in_lacks("room for more than six at once") { 6 } else { 20 };
    let seconds = std::env::var("BELLWETHER_STORM_SECONDS").ok().and_then(|it| it.parse().ok()).unwrap_or(15);
    let seed = uuid::Uuid::new_v4().as_u128() as u64;
    let round = Round::new(db, None, Random::new(seed), work, crowd);
    let told = round.run(Duration::from_secs(seconds), Weather::KILLS);
    assert!(told.violations.is_empty(), "seed {seed}: {:#?}\n{}", told.violations, told.story);
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite, sqlserver SqlServer quick, sqlserver_lease SqlServer lease, postgres_lease Postgres lease, mariadb_lease MariaDb lease, postgres_pooled Postgres pooled, mariadb_galera MariaDb galera]
    fn twenty_participants_that_are_killed_at_random_apply_every_migration_once(db) {
        storm(db, Work::Sql { count: 60, fails: false });
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite, sqlserver SqlServer quick, postgres_pooled Postgres pooled, mariadb_galera MariaDb galera]
    fn of_twenty_participants_that_are_killed_at_random_one_command_at_a_time_is_at_work(db) {
        storm(db, Work::Command);
    }
}
