//! What breaks, and what is left standing: sessions, networks, servers, disks and clocks, at work and while waiting. What
//! was done is judged by exit codes and by a table of the tests' own (`support/witness.rs`), never by our ledger.

mod busy;
mod clocks;
mod crowds;
mod deaths;
mod disks;
mod failover;
mod network;
mod restarts;
mod sessions;
mod standbys;

use std::time::Duration;

use crate::support::gate::Gate;
use crate::support::{Bellwether, Finished, Migrations, Running, Server, TestDatabase};

const SOON: Duration = Duration::from_secs(20);
/// Silence, the server's watchdog, and a busy machine.
const LONG: Duration = Duration::from_secs(75);

/// One that may take over.
fn elect(db: &TestDatabase, migrations: &Migrations) -> Bellwether {
    Bellwether::at("deploy", db, migrations).participant("shop-jobs")
}

/// Waits until the script of this step, which has a gate, waits there.
fn wait_at_gate(db: &TestDatabase, running: &Running, position: u64) {
    wait_for_step(running, position);
    if db.server() != Server::Sqlite {
        db.wait_for_row(&db.at_work_sql(&Gate::mark(db)), SOON);
    }
}

fn wait_for_step(running: &Running, position: u64) {
    running.wait_for(&format!("step {position}"), SOON, |event| {
        event["event"] == "step_started" && event["step"]["position"] == position
    });
}

/// An elect that has seen the run at work.
fn watching(participant: Bellwether) -> Running {
    let running = participant.spawn();
    running.wait_for_event("watching", SOON);
    running
}

/// Whoever leads after a run that ended in its step `at`: where a script is taken back, it does the rest; elsewhere it
/// says which one may be half applied, and nobody touches it.
#[track_caller]
fn takes_over(db: &TestDatabase, elect: Running, at: usize, count: usize) -> Finished {
    let elect = elect.wait(LONG);
    if db.server() == Server::MariaDb {
        let elect = elect.expect(13).explains(&[&format!("{at:04}_step")]);
        db.assert_witnessed_in_part();
        return elect;
    }
    let elect = elect.expect(0);
    db.assert_witnessed(count);
    elect
}

/// The same where nobody knows at which step it ended: between two of them, or in one.
#[track_caller]
fn takes_over_somewhere(db: &TestDatabase, elect: Running, count: usize) -> Finished {
    // a busy Galera node may let a commit wait for its group's timer: a second for each of hundreds of migrations
    let elect = elect.wait(LONG * 8);
    if elect.code == Some(13) && db.server() == Server::MariaDb {
        db.assert_witnessed_in_part();
        return elect.explains(&["_step"]);
    }
    let elect = elect.expect(0);
    db.assert_witnessed(count);
    elect
}

/// The session that works in the latest run, as the server numbers it.
fn work_session(db: &TestDatabase) -> String {
    let session = db.value("select session from bellwether_runs order by fence desc limit 1");
    session.split('@').next().unwrap_or_default().to_owned()
}

/// Whether nobody can end a silent leader's session here, since nothing tells which one has the lock; says so. A lease
/// needs nobody's session ended.
fn keeps_the_lock_of_the_silent(db: &TestDatabase) -> bool {
    !db.is_leased()
        && db.stand_in_lacks("view of whose locks are held, by which a silent leader's session is known")
}

/// The same, and under a lease, too, where what is frozen may be a migration's transaction: others have a watchdog for
/// sessions that are idle in one, and SQL Server shows whose it is.
fn keeps_the_rows_of_the_frozen(db: &TestDatabase) -> bool {
    keeps_the_lock_of_the_silent(db)
        || db.is_leased()
            && db.stand_in_lacks(
                "view of whose transactions are open, and no watchdog for those of a client that is frozen",
            )
}

/// Waits until so many steps were done.
fn wait_for_witnessed(db: &TestDatabase, count: usize) {
    db.wait_for_row(&format!("select 1 from (select count(*) as n from witness) w where n >= {count}"), SOON);
}

/// What `docs/reliability.md` says is tried is tried.
#[test]
fn every_fault_of_the_page_has_its_test() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let (_, faults) = page.split_once("## Faults").unwrap();
    let rows = faults.lines().filter_map(|line| line.strip_prefix('|')?.rsplit('|').nth(1));
    let named: Vec<&str> =
        rows.flat_map(|cell| cell.split('`')).filter(|word| word.matches('_').count() > 2).collect();
    assert!(named.len() > 30, "{named:?}");
    let sources = sources(&root.join("tests/it"));
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "no test {name:?}");
    }
}

fn sources(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true => sources(&path),
            false if path.extension().is_some_and(|it| it == "rs") => std::fs::read_to_string(&path).unwrap(),
            false => String::new(),
        })
        .collect()
}
