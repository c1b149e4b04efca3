//! A primary that dies in the middle of a run, and a standby that is promoted in its place; the address stays the same.

use url::Url;

use super::{LONG, SOON, elect, wait_at_gate, watching};
use crate::support::own::OwnServer;
use crate::support::{Bellwether, Migrations, Proxy, Server, TestDatabase};

/// Of three migrations the leader has done the first and is at work at the second, when its primary is gone.
fn fails_over(replicated: bool, leased: bool) {
    if !Server::Postgres.is_available() {
        return;
    }
    let own = OwnServer::with_standby();
    let db = if leased { own.database().under("lease") } else { own.database() };
    let standby = db.copy_at(own.standby_url());
    let line = Proxy::before(&db);
    let replication = Proxy::before_url(own.url());
    follow_through(&own, &replication);
    let gate = db.gate();
    let migrations = Migrations::witnessed_with(&db, 3, 2, &gate.sql());
    catch_up(&own, &db);
    if !replicated {
        replication.freeze();
    }
    let leader = Bellwether::lead(&db, &migrations).through(&line).spawn();
    wait_at_gate(&db, &leader, 2);
    let elect = watching(elect(&db, &migrations).through(&line));
    let follower = watching(Bellwether::follow(&db, &migrations).through(&line));
    if replicated {
        catch_up(&own, &db);
    }
    own.crash();
    leader.wait(SOON).expect(12);
    own.promote();
    line.lead_to(own.standby_url());
    standby.sql("insert into gate values (1)");
    elect.wait(LONG).expect(0);
    follower.wait(SOON).expect(0);
    standby.assert_witnessed(3);
    let statuses = standby.column("select status from bellwether_runs order by fence");
    assert_eq!(statuses, if replicated { vec!["abandoned", "succeeded"] } else { vec!["succeeded"] });
}

/// The standby asks its primary through a proxy, so that it can be kept behind.
fn follow_through(own: &OwnServer, replication: &Proxy) {
    let url = Url::parse(replication.url()).unwrap();
    let mut standby = crate::support::database::Session::open(Server::Postgres, own.standby_url());
    standby.run(&format!(
        "alter system set primary_conninfo = 'host=127.0.0.1 port={} user={} password={}'",
        url.port().unwrap(),
        url.username(),
        url.password().unwrap()
    ));
    standby.run("select pg_reload_conf()");
}

/// Waits until the standby has all that the primary has now.
fn catch_up(own: &OwnServer, db: &TestDatabase) {
    let now = db.value("select pg_current_wal_lsn()");
    let mut standby = crate::support::database::Session::open(Server::Postgres, own.standby_url());
    let end = std::time::Instant::now() + SOON;
    while standby.rows(&format!("select 1 where pg_last_wal_replay_lsn() >= '{now}'")).is_empty() {
        assert!(std::time::Instant::now() < end, "the standby stays behind");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_promoted_standby_is_taken_over_where_the_primary_ended() {
    fails_over(true, false);
}

#[test]
fn a_promoted_standby_that_has_never_heard_of_the_run_is_migrated_from_where_it_is() {
    fails_over(false, false);
}

#[test]
fn a_promoted_standby_is_taken_over_under_a_lease_too() {
    fails_over(true, true);
}

#[test]
fn a_promoted_standby_that_has_never_heard_of_the_run_is_migrated_under_a_lease_too() {
    fails_over(false, true);
}
