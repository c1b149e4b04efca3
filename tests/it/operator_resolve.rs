//! `resolve`: what people say became of a migration stands in the history, and deploys go on from there.

use std::time::Duration;

use crate::support::{Bellwether, Finished, Migrations, Server, TestDatabase, on_every_server, on_servers};

const SOON: Duration = Duration::from_secs(30);

fn resolve(db: &TestDatabase, migrations: &Migrations) -> Bellwether {
    Bellwether::new("resolve")
        .on(db)
        .migrations(migrations)
        .participant("shop-ops")
        .env("GITHUB_ACTOR", "alice")
}

/// Version and result of each change.
fn changes(finished: &Finished) -> Vec<(String, String)> {
    let found = finished.events_named("resolved");
    let found = found.first().unwrap_or_else(|| panic!("no result\n{}", finished.said()));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let changes = found["changes"].as_array().cloned().unwrap_or_default();
    changes.iter().map(|change| (text(&change["version"]), text(&change["now"]))).collect()
}

fn is(version: &str, now: &str) -> (String, String) {
    (version.to_owned(), now.to_owned())
}

/// A script whose first statement makes a table and whose second fails, left half applied by a leader.
fn half_applied(db: &TestDatabase) -> Migrations {
    let script = "-- no-transaction\ncreate table half (id int);\ninsert into no_such_table values (1);\n";
    let migrations = Migrations::counted(1).file("0002_half.sql", script);
    Bellwether::lead(db, &migrations)
        .run()
        .expect(10)
        .explains(&["bellwether resolve 2 --applied", "bellwether resolve 2 --rolled-back"]);
    assert!(db.has_table("half"));
    assert_eq!(db.history(), ["1"]);
    Bellwether::lead(db, &migrations).run().expect(13).explains(&["bellwether resolve 2 --applied"]);
    migrations
}

/// The checksum of a version in the history is the one of its file.
fn whole(db: &TestDatabase) -> Vec<Vec<String>> {
    db.rows("select version, success from _sqlx_migrations order by version")
}

on_every_server! {
    fn a_half_applied_script_that_was_finished_by_hand_is_applied_and_deploys_go_on(db) {
        let migrations = half_applied(db);
        // the file is corrected as well: its checksum is the one that counts from now on
        migrations.write("0002_half.sql", "-- no-transaction\ncreate table half (id int);\n");
        migrations.write("0003_step.sql", "insert into applied values ('0003');\n");
        let finished = resolve(db, &migrations).args(["2", "--applied"]).run().expect(0);
        assert_eq!(changes(&finished), [is("2", "applied")]);
        assert_eq!(db.history(), ["1", "2"]);
        let run = db.rows("select leader, status, ended_by from bellwether_runs order by fence desc limit 1").remove(0);
        assert_eq!(run[..2], ["shop-ops", "succeeded"]);
        assert!(run[2].starts_with("resolved by alice@") && run[2].ends_with("(shop-ops)"), "{run:?}");
        let led = Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(led.applied(), ["3"]);
        Bellwether::human("history").on(db).run().expect(0).says("resolve");
    }

    fn a_half_applied_script_that_was_undone_by_hand_is_sent_again(db) {
        let migrations = half_applied(db);
        db.sql("drop table half");
        migrations.write("0002_half.sql", "create table half (id int);\n");
        let human = Bellwether::human("resolve").on(db).migrations(&migrations).args(["0002", "--rolled-back"]).run().expect(0);
        human.says("rolled back").says("0002_half.sql (was half applied)");
        assert_eq!(db.history(), ["1"]);
        assert_eq!(Bellwether::lead(db, &migrations).run().expect(0).applied(), ["2"]);
        assert!(db.has_table("half"));
    }

    fn a_database_made_by_hand_gets_its_history_without_a_statement_sent(db) {
        db.sql("create table applied (name varchar(100) not null)");
        let migrations = Migrations::counted(12).file("0013_new.sql", "insert into applied values ('0013');\n");
        let finished = resolve(db, &migrations).args(["--up-to", "12", "--applied"]).run().expect(0);
        assert_eq!(changes(&finished).len(), 12);
        assert_eq!(db.history().len(), 12);
        assert!(db.applied().is_empty());
        assert_eq!(Bellwether::lead(db, &migrations).run().expect(0).applied(), ["13"]);
        assert_eq!(db.applied(), ["0013"]);
        let steps = "select count(*) from bellwether_steps s join bellwether_runs r on r.id = s.run_id where r.leader = 'shop-ops'";
        assert_eq!(db.value(steps), "12");
    }

    fn what_the_history_says_already_changes_nothing_and_needs_no_lock(db) {
        let migrations = Migrations::counted(2);
        Bellwether::lead(db, &migrations).run().expect(0);
        migrations.write("0003_new.sql", "select 1;");
        let before = whole(db);
        for args in [&["1", "--applied"][..], &["--up-to", "2", "--applied"], &["3", "--rolled-back"]] {
            let finished = resolve(db, &migrations).args(args).run().expect(0).says("says so already");
            assert!(changes(&finished).is_empty());
        }
        assert_eq!(whole(db), before);
        assert_eq!(db.runs().len(), 1);
    }

    fn an_unknown_version_is_refused_and_the_known_ones_are_named(db) {
        let migrations = Migrations::counted(2);
        for args in [&["7", "--applied"][..], &["7", "--rolled-back"], &["--up-to", "7", "--applied"]] {
            resolve(db, &migrations).args(args).run().expect(2).explains(&["migration 7", "1 (0001_first.sql)", "2 (0002_step.sql)"]);
        }
        assert!(!db.has_table("bellwether_runs") && !db.has_table("_sqlx_migrations"));
        Bellwether::new("resolve").on(db).args(["7", "--applied"]).run().expect(2).explains(&["--migrations"]);
    }

    fn one_that_is_applied_as_a_whole_is_not_taken_back(db) {
        let migrations = Migrations::counted(2);
        Bellwether::lead(db, &migrations).run().expect(0);
        let refused = resolve(db, &migrations).args(["2", "--rolled-back"]).run().expect(4);
        refused.explains(&["migration 2 is applied as a whole", "DELETE FROM"]);
        assert_eq!(db.history(), ["1", "2"]);
    }

    fn while_a_leader_is_at_work_it_refuses_and_names_it(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql()).file("0003_new.sql", "select 3;");
        let leader = Bellwether::lead(db, &migrations).spawn();
        leader.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        let wait: &[&str] = if db.server() == Server::Sqlite { &["--lock-wait", "1s"] } else { &[] };
        let refused = resolve(db, &migrations).args(["3", "--applied"]).args(wait).run().expect(11);
        assert!(refused.error().contains("shop-web"), "{}", refused.said());
        assert!(refused.elapsed < db.within(Duration::from_secs(15)), "{:?}", refused.elapsed);
        gate.open();
        assert_eq!(leader.wait(SOON).expect(0).applied(), ["1", "2", "3"]);
    }

    fn nobody_takes_its_run_for_a_deploy(db) {
        let migrations = Migrations::counted(2);
        db.sql("create table applied (name varchar(100) not null)");
        let follower = Bellwether::follow(db, &migrations).spawn();
        follower.wait_for_event("waiting", SOON);
        resolve(db, &migrations).args(["1", "--applied"]).run().expect(0);
        Bellwether::lead(db, &migrations).run().expect(0);
        follower.wait(SOON).expect(0);
        assert_eq!(db.applied(), ["0002"]);
        assert_eq!(db.runs(), [["shop-ops", "succeeded"], ["shop-web", "succeeded"]]);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn after_a_killed_leader_it_waits_until_that_one_is_over(db) {
        let gate = db.gate();
        let script = format!("-- no-transaction\ncreate table half (id int);\n{}", gate.sql());
        let migrations = Migrations::counted(1).file("0002_half.sql", script);
        let leader = Bellwether::lead(db, &migrations).spawn();
        db_has(db, "half");
        leader.kill9();
        gate.open();
        resolve(db, &migrations).args(["2", "--applied"]).run().expect(0);
        assert_eq!(db.history(), ["1", "2"]);
        assert_eq!(db.runs()[0], ["shop-web", "abandoned"]);
        assert_eq!(Bellwether::lead(db, &migrations).run().expect(0).applied().len(), 0);
    }

    fn under_a_lease_it_works_as_well(db) {
        let migrations = Migrations::counted(2);
        db.sql("create table applied (name varchar(100) not null)");
        resolve(db, &migrations).args(["--up-to", "1", "--applied", "--lock-mode", "lease"]).run().expect(0);
        assert_eq!(db.history(), ["1"]);
        assert_eq!(db.value("select lock_mode from bellwether_runs"), "lease");
        assert_eq!(Bellwether::lead(db, &migrations).run().expect(0).applied(), ["2"]);
    }

    fn a_reader_may_not(db) {
        let migrations = Migrations::counted(2);
        Bellwether::lead(db, &migrations).run().expect(0);
        migrations.write("0003_new.sql", "select 3;");
        let reader = db.reader();
        db.grant_select(&reader, &["bellwether_runs", "bellwether_steps", "bellwether_meta", "bellwether_lock", "_sqlx_migrations"]);
        resolve(db, &migrations).url(&reader.url).args(["3", "--applied"]).run().expect(31);
        assert_eq!(db.history(), ["1", "2"]);
        Bellwether::new("history").on(db).url(&reader.url).run().expect(0);
    }
}

/// Waits until the database has this table.
fn db_has(db: &TestDatabase, table: &str) {
    let sql = match db.server() {
        Server::SqlServer => format!("select 1 from sys.tables where name = '{table}'"),
        Server::Postgres => format!("select 1 from pg_tables where tablename = '{table}'"),
        _ => format!(
            "select 1 from information_schema.tables where table_schema = database() and table_name = '{table}'"
        ),
    };
    db.wait_for_row(&sql, SOON);
}
