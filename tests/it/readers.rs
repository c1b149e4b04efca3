//! Followers whose database role may do little: what they need is `SELECT`, and what is missing is said.

use std::time::Duration;

use crate::support::database::READER_PASSWORD;
use crate::support::{Bellwether, Finished, Migrations, on_servers};

const SOON: Duration = Duration::from_secs(20);
const LEDGER: [&str; 4] = ["bellwether_lock", "bellwether_runs", "bellwether_steps", "bellwether_meta"];

fn keeps_secret(finished: Finished) -> Finished {
    finished.never_says(READER_PASSWORD).never_says("re%40der")
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_follower_needs_select_only(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let reader = db.reader();
        db.grant_select(&reader, &LEDGER);
        db.grant_select(&reader, &["_sqlx_migrations"]);
        migrations.write("0002_wait.sql", gate.sql());
        let follow = || Bellwether::new("follow").on(db).url(&reader.url).migrations(&migrations).release("r2");
        let early = follow().spawn();
        early.wait_for_event("waiting", SOON);
        let leader = Bellwether::new("lead").on(db).migrations(&migrations).release("r2").spawn();
        early.wait_for_event("watching", SOON);
        gate.open();
        leader.wait(SOON).expect(0);
        keeps_secret(early.wait(SOON).expect(0));
        keeps_secret(follow().run().expect(0));
    }

    fn a_follower_without_privilege_on_the_ledger_gets_the_grant_to_paste(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let reader = db.reader();
        let finished = Bellwether::follow(db, &migrations).url(&reader.url).run().expect(31);
        let said = finished.error();
        assert!(said.contains("GRANT SELECT") && said.contains("bellwether_") && said.contains(&reader.name), "{said}");
        keeps_secret(finished);
    }

    fn a_follower_without_privilege_on_the_history_gets_the_grant_to_paste(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let reader = db.reader();
        db.grant_select(&reader, &LEDGER);
        let finished = Bellwether::follow(db, &migrations).url(&reader.url).run().expect(31);
        keeps_secret(finished.explains(&["GRANT SELECT", "_sqlx_migrations"]));
    }

    fn a_leader_that_may_only_read_the_history_gets_the_grant_before_anything_is_applied(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let reader = db.reader();
        for table in LEDGER {
            db.grant_writes(&reader, table);
        }
        db.grant_select(&reader, &["_sqlx_migrations"]);
        migrations.write("0002_next.sql", "select 2;");
        let lead = || Bellwether::new("lead").on(db).url(&reader.url).migrations(&migrations);
        let refused = lead().release("r2").run().expect(31);
        keeps_secret(refused.explains(&["GRANT SELECT, INSERT, UPDATE, DELETE", "_sqlx_migrations"]).never_says("step_started"));
        assert_eq!(db.value("select count(*) from _sqlx_migrations"), "1");
        // with nothing to write, it does no harm
        migrations.remove("0002_next.sql");
        lead().release("r3").run().expect(0);
        migrations.write("0002_next.sql", "select 2;");
        db.grant_writes(&reader, "_sqlx_migrations");
        lead().release("r4").run().expect(0);
    }

    fn a_leader_that_may_not_use_another_s_ledger_gets_the_grant_that_lets_it(db) {
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
        let reader = db.reader();
        let lead = || Bellwether::new("lead").on(db).url(&reader.url).release("r2").args(["--", "true"]);
        let words = ["may not write bellwether's ledger", "GRANT SELECT, INSERT, UPDATE, DELETE", "bellwether_lock"];
        lead().run().expect(31).explains(&words).never_says("create bellwether's tables");
        db.grant_select(&reader, &LEDGER);
        lead().run().expect(31).explains(&words).never_says("create bellwether's tables");
        for table in LEDGER {
            db.grant_writes(&reader, table);
        }
        lead().run().expect(0);
    }

    fn readers_of_the_config_are_granted_the_ledger_when_it_is_made(db) {
        let reader = db.reader();
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).config(&format!("ledger: {{ readers: [{}] }}", reader.name)).run().expect(0);
        let mut session = crate::support::database::Session::open(db.server(), &reader.url);
        assert_eq!(session.rows("select status from bellwether_runs"), [["succeeded"]]);
    }
}

on_servers! { [postgres Postgres]
    fn a_ledger_that_only_its_owner_can_complete_is_told_as_one(db) {
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
        db.sql("drop table bellwether_steps");
        let deployer = db.reader();
        db.sql(&format!("grant usage, create on schema public to {}", deployer.name));
        for table in LEDGER.into_iter().filter(|table| *table != "bellwether_steps") {
            db.grant_writes(&deployer, table);
        }
        let lead = || Bellwether::new("lead").on(db).url(&deployer.url).release("r2").args(["--", "true"]);
        let words = ["must be owner of table", "let that one deploy once", "ALTER TABLE IF EXISTS", "OWNER TO"];
        let refused = lead().run().expect(31).explains(&words).never_says("GRANT");
        for hint in refused.outcome()["error"]["hints"].as_array().unwrap() {
            let hint = hint.as_str().unwrap();
            if hint.starts_with("ALTER TABLE") {
                db.sql(hint);
            }
        }
        lead().run().expect(0);
    }
}
