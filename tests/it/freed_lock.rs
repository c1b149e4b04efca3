//! A script of the user's that frees our lock: nothing is done without it.

use crate::support::migrations::Migrations;
use crate::support::process::Bellwether;
use crate::support::{Server, on_servers};

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_script_that_frees_the_lock_is_the_last(db) {
        let frees = match db.server() {
            Server::Postgres => "SELECT pg_advisory_unlock_all();\nCREATE TABLE first (id int);\n",
            Server::SqlServer => {
                "DECLARE @ours nvarchar(255) = N'bellwether:LOCK';\nEXEC sp_releaseapplock @ours, 'Session';\nCREATE TABLE first (id int);\n"
            }
            _ => "DO RELEASE_ALL_LOCKS();\nCREATE TABLE first (id int);\n",
        };
        let frees = frees.replace("LOCK'", &format!("{}'", db.lock_name()));
        let migrations = Migrations::new().file("0001_frees.sql", frees).file("0002_next.sql", "CREATE TABLE second (id int);\n");
        let ended = Bellwether::new("lead").on(db).migrations(&migrations).release("1").run().expect(12);
        ended.says("the work session does not hold");
        // PostgreSQL and SQL Server take back what the script did after that, MariaDB has not begun with it
        assert!(!db.has_table("first") && !db.has_table("second"));
    }
}
