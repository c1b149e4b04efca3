//! A script of the user's that frees our lock: nothing is done without it.

use crate::support::migrations::Migrations;
use crate::support::process::Bellwether;
use crate::support::{Server, on_servers};

on_servers! { [postgres Postgres, mariadb MariaDb]
    fn a_script_that_frees_the_lock_is_the_last(db) {
        let frees = match db.server() {
            Server::Postgres => "SELECT pg_advisory_unlock_all();\nCREATE TABLE first (id int);\n",
            _ => "DO RELEASE_ALL_LOCKS();\nCREATE TABLE first (id int);\n",
        };
        let migrations = Migrations::new().file("0001_frees.sql", frees).file("0002_next.sql", "CREATE TABLE second (id int);\n");
        let ended = Bellwether::new("lead").on(db).migrations(&migrations).release("1").run().expect(12);
        ended.says("does not hold it any more, as if a script had freed it");
        assert!(!db.has_table("second"));
        // where a script has a transaction, it does not commit without the lock
        assert_eq!(db.has_table("first"), db.server() != Server::Postgres);
    }
}
