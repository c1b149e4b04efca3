//! Many who wait, on a server that is small: neither the leader nor the application starves.

use std::time::{Duration, Instant};

use super::{SOON, wait_at_gate};
use crate::support::own::OwnServer;
use crate::support::{Bellwether, Migrations, Server};

const FOLLOWERS: usize = 200;
const APPLICATION: usize = 50;
/// Of the 97 connections that are not the superuser's, four fifths are 78: the followers' share is what is left of them,
/// and some that are on their way.
const OURS: usize = 40;

#[test]
fn two_hundred_followers_on_a_hundred_connections_starve_neither_leader_nor_application() {
    if !Server::Postgres.is_available() {
        return;
    }
    let own = OwnServer::start(Server::Postgres, 100);
    let db = own.database();
    // an unoptimised client's part of a password exchange would take all of the processors
    std::fs::write(own.data().join("pg_hba.conf"), "host all all 127.0.0.1/32 trust\n").unwrap();
    db.sql("select pg_reload_conf()");
    let mut application: Vec<_> = (0..APPLICATION).map(|_| db.session()).collect();
    let gate = db.gate();
    let migrations = Migrations::witnessed_with(&db, 2, 1, &gate.sql());
    let mut followers = Vec::new();
    while followers.len() < FOLLOWERS {
        // not all in one moment: two processors have other things to do than to start them
        let some: Vec<_> = (0..20).map(|_| Bellwether::follow(&db, &migrations).spawn()).collect();
        for follower in &some {
            follower.wait_for_event("waiting", Duration::from_secs(60));
        }
        followers.extend(some);
    }
    let came = Instant::now();
    let leader = Bellwether::lead(&db, &migrations).spawn();
    leader.wait_for_event("run_started", Duration::from_secs(30));
    let begun = came.elapsed();
    wait_at_gate(&db, &leader, 1);
    // the run is held until every follower has seen it at work
    for follower in &followers {
        follower.wait_for_event("watching", Duration::from_secs(120));
    }
    // nobody of those who only wait keeps the application from what it has, nor from what it asks for now
    let taken = "select count(*) from pg_stat_activity where application_name = 'bellwether'";
    let taken: usize = db.value(taken).parse().unwrap();
    assert!(taken <= OURS, "{taken} connections of ours");
    application.extend((0..5).map(|_| db.session()));
    for session in &mut application {
        let asked = Instant::now();
        assert_eq!(session.rows("select 1"), [["1"]]);
        assert!(asked.elapsed() < Duration::from_secs(2), "the application waited {:?}", asked.elapsed());
    }
    gate.open();
    let leader = leader.wait(SOON).expect(0);
    assert!(leader.events_named("beat_missed").is_empty(), "{}", leader.said());
    for follower in followers {
        follower.wait(Duration::from_secs(60)).expect(0);
    }
    db.assert_witnessed(2);
    assert!(begun < Duration::from_secs(20), "the leader began after {begun:?}");
}
