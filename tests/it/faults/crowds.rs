//! Many who wait, on a server that is small: neither the leader nor the application starves.

use std::time::{Duration, Instant};

use super::{SOON, wait_at_gate};
use crate::support::own::OwnServer;
use crate::support::{Bellwether, Migrations, Server};

const FOLLOWERS: usize = 200;
const APPLICATION: usize = 50;

#[test]
fn two_hundred_followers_on_a_hundred_connections_starve_neither_leader_nor_application() {
    if !Server::Postgres.is_available() {
        return;
    }
    let own = OwnServer::start(Server::Postgres, 100);
    let db = own.database();
    let mut application: Vec<_> = (0..APPLICATION).map(|_| db.session()).collect();
    let gate = db.gate();
    let migrations = Migrations::witnessed_with(&db, 2, 1, &gate.sql());
    let followers: Vec<_> = (0..FOLLOWERS).map(|_| Bellwether::follow(&db, &migrations).spawn()).collect();
    for follower in &followers {
        follower.wait_for_event("waiting", Duration::from_secs(120));
    }
    let came = Instant::now();
    let leader = Bellwether::lead(&db, &migrations).spawn();
    leader.wait_for_event("run_started", Duration::from_secs(30));
    let begun = came.elapsed();
    wait_at_gate(&db, &leader, 1);
    let seen = followers.iter().take(20);
    for follower in seen {
        follower.wait_for_event("watching", Duration::from_secs(60));
    }
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
