//! Servers that die and come back, under those who work and those who wait. Each has one of its own.

use std::time::Duration;

use super::{
    LONG, SOON, elect, takes_over, takes_over_somewhere, wait_at_gate, wait_for_witnessed, watching,
};
use crate::support::own::OwnServer;
use crate::support::{Bellwether, Migrations, Server, TestDatabase};

fn with_own_server(server: Server, check: fn(&OwnServer, &TestDatabase)) {
    if server.is_available() {
        let own = OwnServer::start(server, 100);
        check(&own, &own.database());
    }
}

fn with_own_server_under_lease(server: Server, check: fn(&OwnServer, &TestDatabase)) {
    if server.is_available() {
        let own = OwnServer::start(server, 100);
        check(&own, &own.database().under("lease"));
    }
}

macro_rules! on_own_servers {
    ($(fn $name:ident($own:ident, $db:ident) $body:block)+) => {
        $(mod $name {
            use super::*;

            fn check($own: &OwnServer, $db: &TestDatabase) $body

            #[test]
            fn postgres() {
                with_own_server(Server::Postgres, check);
            }

            #[test]
            fn mariadb() {
                with_own_server(Server::MariaDb, check);
            }

            #[test]
            fn postgres_lease() {
                with_own_server_under_lease(Server::Postgres, check);
            }

            #[test]
            fn mariadb_lease() {
                with_own_server_under_lease(Server::MariaDb, check);
            }
        })+
    };
}

on_own_servers! {
    fn a_server_that_dies_in_a_statement_ends_the_run_and_an_elect_goes_on_when_it_is_back(own, db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(elect(db, &migrations));
        let follower = watching(Bellwether::follow(db, &migrations));
        own.crash();
        leader.wait(SOON).expect(12);
        own.up();
        db.reconnect();
        gate.open();
        takes_over(db, elect, 2, 3);
        follower.wait(SOON).expect(if db.server() == Server::MariaDb { 20 } else { 0 });
    }

    fn a_server_that_dies_amid_many_migrations_has_none_of_them_twice(own, db) {
        let migrations = Migrations::witnessed(db, 250);
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_for_witnessed(db, 20);
        own.crash();
        leader.wait(SOON).expect(12);
        own.up();
        db.reconnect();
        takes_over_somewhere(db, elect(db, &migrations).spawn(), 250);
    }

    fn those_who_wait_outlast_a_restart(own, db) {
        let migrations = Migrations::witnessed(db, 2);
        let followers: Vec<_> = (0..3).map(|_| Bellwether::follow(db, &migrations).spawn()).collect();
        for follower in &followers {
            follower.wait_for_event("waiting", SOON);
        }
        own.crash();
        for follower in &followers {
            follower.wait_for_event("retrying", SOON);
        }
        own.up();
        db.reconnect();
        Bellwether::lead(db, &migrations).run().expect(0);
        for follower in followers {
            follower.wait(SOON).expect(0);
        }
        db.assert_witnessed(2);
    }

    fn a_server_that_dies_under_a_command_ends_it_and_it_runs_again(own, db) {
        let script = "echo begin >> $0/did; if mkdir $0/first 2>/dev/null; then
            trap '' TERM; while :; do echo first >> $0/did; sleep 0.05; done; fi";
        let migrations = Migrations::new();
        let command = |participant: Bellwether| participant.args(["--", "sh", "-c", script]).arg(db.folder());
        let leader = command(Bellwether::lead(db, &migrations)).spawn();
        leader.wait_for_event("run_started", SOON);
        let elect = watching(command(elect(db, &migrations)));
        own.crash();
        leader.wait(SOON).expect(12);
        own.up();
        elect.wait(LONG).expect(0);
        let did = std::fs::read_to_string(db.folder().join("did")).unwrap();
        assert_eq!(did.lines().last(), Some("begin"), "the first command went on after the second had begun");
    }

    fn a_follower_whose_server_stays_away_says_so_when_its_time_is_over(own, db) {
        let migrations = Migrations::witnessed(db, 1);
        let follower = Bellwether::follow(db, &migrations).timeout("6s").spawn();
        follower.wait_for_event("waiting", SOON);
        own.crash();
        let follower = follower.wait(SOON).expect(31);
        assert!(follower.elapsed < Duration::from_secs(16), "{:?}", follower.elapsed);
    }
}
