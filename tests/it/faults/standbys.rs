//! Followers that look at a standby, which shows what it has replayed.

use std::time::Duration;

use super::{LONG, SOON, wait_at_gate};
use crate::support::database::{Session, TestDatabase};
use crate::support::gate::Gate;
use crate::support::own::OwnServer;
use crate::support::process::Running;
use crate::support::{Bellwether, Migrations, Server};

/// Longer than silence takes.
const STANDSTILL: Duration = Duration::from_secs(20);

/// A leader at its gate, and a follower that watches it at the standby.
fn leader_and_follower<'a>(db: &'a TestDatabase, standby: &TestDatabase) -> (Gate<'a>, Running, Running) {
    let gate = db.gate();
    let migrations = Migrations::witnessed_with(db, 2, 2, &gate.sql());
    let leader = Bellwether::lead(db, &migrations).spawn();
    wait_at_gate(db, &leader, 2);
    standby.wait_for_row("select 1 from bellwether_runs", SOON);
    let follower = Bellwether::follow(standby, &migrations).config("follow: { grace: 1s }").spawn();
    follower.wait_for_event("watching", SOON);
    (gate, leader, follower)
}

#[test]
fn a_standby_that_stands_still_makes_nobody_silent() {
    if !Server::Postgres.is_available() {
        return;
    }
    let own = OwnServer::with_standby();
    let db = own.database();
    let standby = db.copy_at(own.standby_url());
    let (gate, leader, follower) = leader_and_follower(&db, &standby);
    let mut replay = Session::open(Server::Postgres, own.standby_url());
    replay.run("select pg_wal_replay_pause()");
    follower.wait_for("that it is behind", SOON, |event| {
        event["event"] == "notice"
            && event["message"].as_str().is_some_and(|said| said.contains("behind its primary"))
    });
    // nothing to wait for: it must go on waiting
    std::thread::sleep(STANDSTILL);
    replay.run("select pg_wal_replay_resume()");
    gate.open();
    leader.wait(SOON).expect(0);
    let follower = follower.wait(LONG).expect(0);
    assert!(!follower.said().contains("no sign of life"), "{}", follower.said());
}

#[test]
fn a_leaders_death_is_seen_on_a_standby_that_keeps_up() {
    if !Server::Postgres.is_available() {
        return;
    }
    let own = OwnServer::with_standby();
    let db = own.database();
    let standby = db.copy_at(own.standby_url());
    let (_gate, leader, follower) = leader_and_follower(&db, &standby);
    leader.kill9();
    // others write meanwhile: the standby is always a little behind
    let mut busy = db.session();
    busy.run("create table busy (id int)");
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while std::time::Instant::now() < end {
        busy.run("insert into busy select generate_series(1, 100)");
    }
    follower.wait(LONG).expect(22).explains(&["no sign of life"]);
}

#[test]
fn plan_and_doctor_say_that_nobody_can_lead_on_a_standby() {
    if !Server::Postgres.is_available() {
        return;
    }
    let own = OwnServer::with_standby();
    let db = own.database();
    let standby = db.copy_at(own.standby_url());
    let migrations = Migrations::witnessed(&db, 1);
    standby.wait_for_row("select 1 from pg_tables where tablename = 'witness'", SOON);
    let plan = Bellwether::at("plan", &standby, &migrations).args(["--role", "lead"]).run().expect(0);
    let found = plan.events_named("plan")[0];
    let says = |field: &str, words: &str| {
        assert!(found[field].as_str().is_some_and(|it| it.contains(words)), "{field}: {found}")
    };
    says("server", "read-only");
    says("next", "would stop");
    says("followers", "a standby wakes nobody");
    Bellwether::at("doctor", &standby, &migrations)
        .args(["--role", "lead"])
        .run()
        .expect(31)
        .explains(&["leading"]);
    Bellwether::lead(&standby, &migrations).run().expect(31).explains(&["read-only", "primary's URL"]);
}
