//! A lease where a session lock would do, chosen by `lock.mode: lease`, and where there is none to be had (Galera). The
//! protocol's other promises hold under a lease as they do under a session lock: see the tests of faults.

use std::time::Duration;

use crate::support::server::galera_url;
use crate::support::{Bellwether, Migrations, Server, TestDatabase, on_servers};

const SOON: Duration = Duration::from_secs(30);
/// Until a silent leader is replaced, on a busy machine.
const TAKEN_OVER: Duration = Duration::from_secs(60);

fn leased(db: &TestDatabase, migrations: &Migrations, name: &str) -> Bellwether {
    Bellwether::at("deploy", db, migrations).participant(name).args(["--lock-mode", "lease"])
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_lease_and_a_session_lock_exclude_each_other(db) {
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gated.sql", gate.sql()).file("0002_after.sql", "CREATE TABLE after_it (id int);");
        let session = Bellwether::at("deploy", db, &migrations).participant("session").spawn();
        session.wait_for_event("run_started", SOON);
        let lease = Bellwether::lead(db, &migrations).args(["--lock-mode", "lease"]).spawn();
        lease.wait_for_event("lock_waiting", SOON);
        gate.open();
        session.wait(SOON).expect(0);
        lease.wait(SOON).expect(0);
        assert_eq!(db.column("select leader from bellwether_runs"), ["session"]);
    }

    fn a_session_lock_waits_for_a_lease(db) {
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gated.sql", gate.sql());
        let lease = leased(db, &migrations, "lease").spawn();
        lease.wait_for_event("run_started", SOON);
        let session = Bellwether::lead(db, &migrations).spawn();
        session.wait_for_event("lock_waiting", SOON);
        gate.open();
        lease.wait(SOON).expect(0);
        session.wait(SOON).expect(0);
        assert_eq!(db.column("select lock_mode from bellwether_runs"), ["lease"]);
    }

    fn a_leases_session_may_go_where_it_likes_between_its_statements(db) {
        let script = match db.server() {
            Server::MariaDb => "CREATE TABLE a (id int); LOCK TABLES a WRITE; INSERT INTO a VALUES (1); USE mysql; UNLOCK TABLES; SET autocommit = 0;",
            Server::SqlServer => "-- no-transaction\nCREATE TABLE a (id int);\nGO\nINSERT INTO a VALUES (1); USE master;\nGO\nSET ROWCOUNT 1; SET IMPLICIT_TRANSACTIONS ON;",
            _ => "-- no-transaction\nCREATE TABLE a (id int);\nSET search_path = pg_catalog;\nINSERT INTO public.a VALUES (1);\nCREATE INDEX CONCURRENTLY a_id ON public.a (id);",
        };
        let migrations = Migrations::new().file("0001_goes.sql", script).file("0002_next.sql", "CREATE TABLE b (id int);");
        leased(db, &migrations, "lease").run().expect(0);
        assert_eq!(db.value("select count(*) from a"), "1");
        assert!(db.has_table("b"));
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_designated_leader_that_looked_while_a_lease_was_alive_takes_over_when_it_dies(db) {
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gated.sql", gate.sql());
        let designated = |name| Bellwether::at("lead", db, &migrations).participant(name).args(["--lock-mode", "lease"]);
        let first = designated("first").spawn();
        first.wait_for_event("step_started", SOON);
        let second = designated("second").spawn();
        let (seen, _) = second.wait_for_event("lock_waiting", SOON);
        let run = seen["holder"]["run"].as_str().unwrap();
        // it dies with more beats than that first look saw
        let beats = || db.value(&format!("select beats from bellwether_runs where id = '{run}'"));
        let before = beats();
        while beats() == before {
            std::thread::sleep(Duration::from_millis(200));
        }
        first.kill9();
        gate.open();
        let finished = second.wait(TAKEN_OVER);
        assert_eq!(db.value(&format!("select status from bellwether_runs where id = '{run}'")), "abandoned");
        finished.expect(if db.server() == Server::MariaDb { 13 } else { 0 });
    }
}

on_servers! { [postgres Postgres]
    fn a_lease_and_a_session_lock_share_the_history_in_the_urls_schema(db) {
        db.sql("create schema tenant");
        let url = format!("{}?search_path=tenant", db.url());
        let migrations = Migrations::new().file("0001_table.sql", "CREATE TABLE t (id int);");
        leased(db, &migrations, "lease").url(&url).run().expect(0);
        let tables = "select schemaname from pg_tables where tablename in ('t', '_sqlx_migrations')";
        assert_eq!(db.column(tables), ["tenant", "tenant"]);
        Bellwether::new("lead").on(db).migrations(&migrations).release("next").url(&url).run().expect(0);
    }
}

on_servers! { [postgres Postgres]
    fn a_lease_that_misses_what_it_had_applied_does_not_go_on(db) {
        // as after a failover, behind a pooler, to a standby that has our run and not the commit of its last migration
        let lost = "CREATE RULE lost AS ON INSERT TO _sqlx_migrations WHERE NEW.version = 2 DO INSTEAD NOTHING;";
        for (next, release) in [(None, "ends"), (Some("CREATE TABLE after_it (id int);"), "inside"), (Some("-- no-transaction\nCREATE TABLE after_it (id int);"), "outside")] {
            let mut migrations = Migrations::new().file("0001_first.sql", "CREATE TABLE IF NOT EXISTS first (id int);").file("0002_lost.sql", lost);
            if let Some(next) = next {
                migrations = migrations.file("0003_next.sql", next);
            }
            let ended = leased(db, &migrations, release).run().expect(12);
            ended.explains(&["the history does not have any more"]);
            assert!(!db.has_table("after_it"), "{release}");
            assert_eq!(db.column("select version from _sqlx_migrations"), ["1"]);
            db.sql("drop rule lost on _sqlx_migrations");
        }
        assert_eq!(db.column("select distinct status from bellwether_runs"), ["interrupted"]);
    }
}

#[test]
fn twelve_elects_on_a_galera_node_have_one_leader() {
    let Some(root) = galera_url() else { return };
    let db = &TestDatabase::create_at(Server::MariaDb, &root);
    let migrations = Migrations::counted(3);
    let elects: Vec<_> = (0..12)
        .map(|number| Bellwether::at("deploy", db, &migrations).participant(&format!("app-{number}")).spawn())
        .collect();
    let outcomes: Vec<_> = elects.into_iter().map(|elect| elect.wait(TAKEN_OVER).expect(0)).collect();
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.events_named("run_finished").is_empty()).count(), 1);
    assert_eq!(db.value("select count(*) from applied"), "3");
    assert_eq!(db.value("select distinct lock_mode from bellwether_runs"), "lease");
}

#[test]
fn a_sqlite_file_has_no_lease() {
    let db = &Server::Sqlite.database();
    let refused = leased(db, &Migrations::counted(1), "lease").run().expect(2);
    assert!(refused.error().contains("lock file"), "{}", refused.said());
}
