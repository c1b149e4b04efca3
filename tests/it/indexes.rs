//! Indexes that PostgreSQL builds concurrently, under the lock and with others waiting (T1).

use std::time::Duration;

use crate::support::{Bellwether, Migrations, on_servers};

const SOON: Duration = Duration::from_secs(30);

on_servers! { [postgres Postgres]
    fn a_concurrent_index_is_built_under_the_lock_while_six_wait(db) {
        db.sql("create table big as select n as id from generate_series(1, 20000) n; create table held (id int)");
        let migrations =
            Migrations::counted(1).file("0002_index.sql", "-- no-transaction\ncreate index concurrently big_id on big (id);\n");
        // an old snapshot keeps the build at work until everyone waits
        let mut old = db.session();
        old.run("begin isolation level repeatable read");
        old.rows("select count(*) from held");
        let leader = Bellwether::lead(db, &migrations).spawn();
        db.wait_for_row("select 1 from pg_stat_progress_create_index where phase like 'waiting%'", SOON);
        let mut others: Vec<_> = (0..2).map(|_| Bellwether::follow(db, &migrations).spawn()).collect();
        others.extend((0..2).map(|_| Bellwether::at("deploy", db, &migrations).spawn()));
        for other in &others {
            other.wait_for_event("watching", SOON);
        }
        let leads: Vec<_> = (0..2).map(|_| Bellwether::at("lead", db, &migrations).participant("shop-jobs").spawn()).collect();
        for lead in &leads {
            lead.wait_for_event("lock_waiting", SOON);
        }
        old.run("commit");
        leader.wait(SOON).expect(0);
        for other in others.into_iter().chain(leads) {
            assert!(other.wait(SOON).expect(0).applied().is_empty());
        }
        assert_eq!(db.column("select indisvalid from pg_index where indexrelid = 'big_id'::regclass"), ["t"]);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn an_invalid_index_is_never_taken_for_built(db) {
        db.sql("create table twice as select 1 as id from generate_series(1, 2)");
        let script = "-- no-transaction\ncreate unique index concurrently if not exists twice_id on twice (id);\n";
        let migrations = Migrations::new().file("0001_index.sql", script);
        Bellwether::lead(db, &migrations).run().expect(10);
        assert_eq!(db.column("select indisvalid from pg_index where indexrelid = 'twice_id'::regclass"), ["f"]);
        // now it exists, so the server has nothing against the script
        let again = Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run();
        assert!(again.code == Some(10) || again.code == Some(13), "{}", again.said());
        assert!(again.error().contains("twice_id") || again.code == Some(13), "{}", again.said());
        assert!(db.history().is_empty());
    }

    fn a_table_that_is_in_use_is_tried_again_without_blocking_its_readers(db) {
        db.sql("create table busy (id int)");
        let migrations = Migrations::new().file("0001_alter.sql", "alter table busy add column word text;\n");
        let mut reader = db.session();
        reader.run("begin");
        reader.rows("select * from busy");
        let leader = Bellwether::lead(db, &migrations).config("ddl_lock_timeout: 500ms").spawn();
        leader.wait_for_event("step_retried", SOON);
        reader.run("commit");
        assert_eq!(leader.wait(SOON).expect(0).applied(), ["1"]);
    }
}
