//! The harness itself: what it promises to the other tests.

use std::time::Duration;

use crate::support::server::{faketime_library, galera_url, pgbouncer_url};
use crate::support::{Server, on_every_server, on_servers, tool};

/// With `BELLWETHER_REQUIRE`, this is what fails where something is absent that no other test would miss.
#[test]
fn what_is_required_is_there() {
    for server in Server::available() {
        assert_eq!(server.database().value("select 1"), "1", "{}", server.name());
    }
    pgbouncer_url();
    galera_url();
    faketime_library();
    for name in ["sqlx", "sqlite3"] {
        tool(name);
    }
}

on_every_server! {
    fn a_database_is_empty_and_ones_own(db) {
        let other = db.server().database();
        db.sql("create table a (id int, word varchar(10)); insert into a values (7, 'x'); insert into a values (8, null)");
        assert_eq!(db.rows("select id, word from a order by id"), [["7", "x"], ["8", "NULL"]]);
        assert!(db.has_table("a"));
        assert!(!other.has_table("a"));
    }

    fn a_gate_holds_a_statement_until_it_is_opened(db) {
        let gate = db.gate();
        let sql = gate.sql();
        std::thread::scope(|scope| {
            let held = scope.spawn(|| db.session().run(&sql));
            std::thread::sleep(Duration::from_millis(300));
            assert!(!held.is_finished());
            gate.open();
            held.join().unwrap();
        });
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_reader_reads_what_it_is_granted_and_nothing_else(db) {
        db.sql("create table shown (id int); create table hidden (id int)");
        let reader = db.reader();
        db.grant_select(&reader, &["shown"]);
        let mut session = crate::support::database::Session::open(db.server(), &reader.url);
        assert!(session.try_run("select * from shown").is_ok());
        assert!(session.try_run("select * from hidden").is_err());
        assert!(session.try_run("insert into shown values (1)").is_err());
    }
}
