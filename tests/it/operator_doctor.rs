//! `doctor`: everything that a deploy would meet, each with what to do; and it changes nothing.

use serde_json::Value;

use crate::support::server::{Server, faketime_library, pgbouncer_url};
use crate::support::{Bellwether, Finished, Migrations, TestDatabase, on_every_server, on_servers};

const LEDGER: [&str; 4] = ["bellwether_lock", "bellwether_runs", "bellwether_steps", "bellwether_meta"];

fn doctor(db: &TestDatabase, migrations: &Migrations) -> Bellwether {
    Bellwether::new("doctor").on(db).migrations(migrations).release("r1")
}

#[track_caller]
fn finding(finished: &Finished, check: &str) -> Value {
    let found = finished.events_named("doctor");
    assert_eq!(found.len(), 1, "{}", finished.said());
    let findings = found[0]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no finding {check}\n{}", finished.said())).clone()
}

/// A finding's health and all of its words.
#[track_caller]
fn of(finished: &Finished, check: &str) -> (String, String) {
    let found = finding(finished, check);
    let words = [vec![found["found"].clone()], list(&found["causes"]), list(&found["todo"])].concat();
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    (found["health"].as_str().unwrap_or_default().to_owned(), words.join("\n"))
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

on_every_server! {
    fn a_database_that_is_fit_for_a_deploy_is_said_to_be_so_before_and_after(db) {
        db.sql("create table earlier (id int)");
        let migrations = Migrations::counted(2);
        let before = doctor(db, &migrations).run().expect(0);
        for check in ["config", "role", "release", "connection", "server", "lock", "clock", "ledger", "leading", "migrations"] {
            assert_eq!(of(&before, check).0, "ok", "{check}\n{}", before.said());
        }
        assert!(of(&before, "ledger").1.contains("the first leader makes it"), "{}", before.said());
        assert!(of(&before, "migrations").1.contains("2 pending"), "{}", before.said());
        assert!(!db.has_table("bellwether_runs"));
        Bellwether::lead(db, &migrations).run().expect(0);
        let fence = db.value("select fence from bellwether_lock");
        let after = doctor(db, &migrations).run().expect(0);
        for check in ["ledger", "following", "leading", "runs", "migrations"] {
            assert_eq!(of(&after, check).0, "ok", "{check}\n{}", after.said());
        }
        assert!(of(&after, "ledger").1.contains("version 1"), "{}", after.said());
        assert!(of(&after, "lock").1.contains("session"), "{}", after.said());
        assert_eq!((db.runs().len(), db.value("select fence from bellwether_lock")), (1, fence));
        let human = Bellwether::human("doctor").on(db).migrations(&migrations).release("r1").run().expect(0);
        assert!(human.stderr.is_empty(), "{}", human.said());
        human.says("ok    connection").says("well: a deploy finds all that it needs");
    }

    fn half_a_ledger_is_named_with_the_repair(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        db.sql("drop table bellwether_steps");
        let finished = doctor(db, &migrations).run().expect(31);
        let (health, words) = of(&finished, "ledger");
        assert_eq!(health, "bad");
        assert!(words.contains("bellwether_steps is missing") && words.contains("DROP TABLE bellwether_lock"), "{words}");
        assert!(finished.error().contains("ledger"), "{}", finished.said());
        let human = Bellwether::human("doctor").on(db).migrations(&migrations).run().expect(31);
        human.says("bad   ledger").says("to do: while nobody deploys").says("not well: 1 to mend");
    }

    fn a_table_that_lacks_a_column_is_named_with_the_repair(db) {
        for (table, column) in
            [("runs", "beats"), ("runs", "digest"), ("steps", "description"), ("lock", "run_id"), ("meta", "min_reader")]
        {
            let migrations = Migrations::counted(1);
            Bellwether::new("lead").on(db).migrations(&migrations).release(&format!("{table}-{column}")).run().expect(0);
            db.drop_column(&format!("bellwether_{table}"), column);
            let said = doctor(db, &migrations).run().expect(31).stdout;
            assert!(said.contains("is not whole") && said.contains("DROP TABLE bellwether_lock"), "{table}.{column}: {said}");
            if table == "runs" {
                Bellwether::follow(db, &migrations).run().expect(31).explains(&["is not whole", column, "DROP TABLE"]);
            }
            LEDGER.iter().for_each(|table| db.sql(&format!("drop table {table}")));
            db.sql("drop table applied");
            db.sql("drop table _sqlx_migrations");
        }
    }

    fn a_newer_ledger_and_an_unversioned_one_are_told_apart(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        db.sql("update bellwether_meta set version = 9, min_reader = 9");
        let finished = doctor(db, &migrations).run().expect(31);
        assert!(of(&finished, "ledger").1.contains("version 9"), "{}", finished.said());
        db.sql("delete from bellwether_meta");
        let finished = doctor(db, &migrations).run().expect(0);
        assert_eq!(of(&finished, "ledger").0, "warn", "{}", finished.said());
        Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run().expect(0);
        assert_eq!(db.value("select version from bellwether_meta"), "1");
    }

    fn a_row_that_was_edited_by_hand_is_named(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        db.sql("update bellwether_runs set status = 'gone'");
        let finished = doctor(db, &migrations).run();
        let (health, words) = of(&finished, "runs");
        assert_eq!(health, "warn");
        assert!(words.contains("status is \"gone\"") && words.contains("bellwether history"), "{words}");
    }

    fn migrations_that_cannot_be_read_hide_nothing_else(db) {
        let migrations = Migrations::counted(1).file("create_users.sql", "select 1;");
        let finished = doctor(db, &migrations).run().expect(2);
        assert!(of(&finished, "migrations").1.contains("create_users.sql"), "{}", finished.said());
        assert_eq!(of(&finished, "connection").0, "ok");
        let bad = Migrations::counted(2);
        Bellwether::lead(db, &bad).run().expect(0);
        bad.write("0002_step.sql", "select 2;");
        let changed = doctor(db, &bad).run().expect(0);
        let (health, words) = of(&changed, "migrations");
        assert_eq!(health, "warn");
        assert!(words.contains("a leader would refuse") && words.contains("0002_step"), "{words}");
    }

    fn without_migrations_or_a_config_the_database_is_looked_at_all_the_same(db) {
        db.sql("create table earlier (id int)");
        let finished = Bellwether::new("doctor").on(db).run().expect(0);
        assert_eq!(of(&finished, "role").0, "warn");
        assert_eq!(of(&finished, "server").0, "ok");
        Bellwether::new("doctor").on(db).file("bellwether.yml", "environments: { default: { databse: x } }").run().expect(2).explains(&["databse"]);
    }
}

#[test]
fn a_file_that_is_no_database_is_told_once() {
    let db = Server::Sqlite.database();
    let file = Migrations::new().file("shop.db", "not a database ".repeat(400).as_str());
    let url = format!("sqlite://{}", file.path_of("shop.db").display());
    let finished = doctor(&db, &Migrations::counted(1)).url(&url).run().expect(31);
    let (health, words) = of(&finished, "connection");
    assert_eq!(health, "bad");
    assert!(words.contains("is no SQLite database"), "{words}");
    assert_eq!(finished.stdout.matches("file is not a database").count(), 1, "{}", finished.said());
    let lead = Bellwether::lead(&db, &Migrations::counted(1)).url(&url).run().expect(31);
    lead.explains(&["is no SQLite database", "check the path"]);
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_clock_that_differs_is_told_and_stops_nothing(db) {
        let Some(library) = faketime_library() else { return };
        let migrations = Migrations::counted(1);
        for (shift, side) in [("-1h", "ahead of"), ("+1h", "behind")] {
            let there = doctor(db, &migrations).env("LD_PRELOAD", &library).env("FAKETIME", shift);
            let finished = there.env("DONT_FAKE_MONOTONIC", "1").run().expect(0);
            let (health, words) = of(&finished, "clock");
            assert_eq!(health, "warn", "{words}");
            assert!(words.contains(side) && words.contains("no deploy fails by it"), "{words}");
        }
    }

    fn what_a_reader_may_not_is_said_with_the_grant(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let reader = db.reader();
        let asked = |role: &str| doctor(db, &migrations).url(&reader.url).args(["--role", role]).run();
        let blind = asked("follow").expect(31);
        let (health, words) = of(&blind, "following");
        assert_eq!(health, "bad");
        assert!(words.contains("GRANT SELECT") && words.contains(&reader.name), "{words}");
        db.grant_select(&reader, &["bellwether_runs", "bellwether_meta", "_sqlx_migrations"]);
        Bellwether::follow(db, &migrations).url(&reader.url).run().expect(0);
        let (health, words) = of(&asked("follow").expect(0), "following");
        assert_eq!(health, "warn");
        assert!(words.contains("bellwether history") && words.contains("GRANT SELECT"), "{words}");
        db.grant_select(&reader, &LEDGER);
        let follower = asked("follow").expect(0);
        assert_eq!((of(&follower, "following").0, of(&follower, "leading").0), ("ok".into(), "warn".into()), "{}", follower.said());
        let leader = asked("lead").expect(31);
        let (health, words) = of(&leader, "leading");
        assert_eq!(health, "bad");
        assert!(words.contains("GRANT SELECT, INSERT, UPDATE, DELETE"), "{words}");
        for table in LEDGER {
            db.grant_writes(&reader, table);
        }
        let (health, words) = of(&asked("lead").expect(31), "leading");
        assert_eq!(health, "bad");
        assert!(words.contains("may not write the history") && words.contains("GRANT SELECT, INSERT"), "{words}");
        db.grant_writes(&reader, "_sqlx_migrations");
        assert_eq!(of(&asked("lead").expect(0), "leading").0, "ok");
        for table in LEDGER {
            db.sql(&format!("drop table {table}"));
        }
        let nothing_there = asked("lead").expect(31);
        let (health, words) = of(&nothing_there, "leading");
        assert_eq!(health, "bad", "{}", nothing_there.said());
        assert!(words.contains("GRANT"), "{words}");
    }

    fn a_history_that_may_not_be_read_is_no_usage(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        for table in LEDGER {
            db.sql(&format!("drop table {table}"));
        }
        let reader = db.reader();
        let follow = |verb: &str| {
            let asked = Bellwether::new(verb).on(db).migrations(&migrations).release("r1");
            asked.url(&reader.url).args(["--role", "follow"]).run().expect(31)
        };
        follow("deploy");
        let (health, words) = of(&follow("doctor"), "migrations");
        assert_eq!(health, "bad");
        assert!(words.contains("GRANT SELECT"), "{words}");
        assert!(!words.contains("bellwether_runs"), "what is not there yet cannot be granted: {words}");
        // MariaDB refuses to read what is not there, before it is known
        if db.server() != Server::MariaDb {
            let leader = Bellwether::lead(db, &migrations).url(&reader.url).run().expect(31);
            leader.says("may not write the history").says("GRANT SELECT, INSERT");
        }
    }

    fn a_server_that_is_not_there_is_a_finding_with_the_reason(db) {
        let url = db.url_with(|url| url.set_port(Some(1)).unwrap());
        let asked = doctor(db, &Migrations::counted(1)).url(&url).config("connect: { wait: 1s }");
        let finished = asked.run().expect(31);
        let (health, words) = of(&finished, "connection");
        assert_eq!(health, "bad");
        assert!(words.contains("refused"), "{words}");
        let wrong = db.url_with(|url| url.set_password(Some("wrong")).unwrap());
        let finished = doctor(db, &Migrations::counted(1)).url(&wrong).run().expect(31);
        assert!(of(&finished, "connection").1.to_lowercase().contains("password"), "{}", finished.said());
        finished.never_says(":wrong@");
    }
}

on_servers! { [postgres Postgres]
    fn a_pooler_in_between_is_found(db) {
        let Some(pooler) = pgbouncer_url() else { return };
        let url = pooler.replace("/postgres", &format!("/{}", db.name()));
        let finished = doctor(db, &Migrations::counted(1)).url(&url).run();
        let (_, words) = of(&finished, "lock");
        assert!(words.contains("pooler"), "{}", finished.said());
    }

}
