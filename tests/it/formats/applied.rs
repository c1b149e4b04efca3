//! The formats that we apply besides sqlx's: what their tools left we go on from, what we leave is what they would have,
//! and a script that was begun and not finished stops everyone until somebody says what became of it.

use std::time::Duration;

use super::kits::{DBMATE, GOLANG_MIGRATE, GOOSE, Kit, kits};
use crate::support::{Bellwether, Migrations, Server, TestDatabase, on_every_server, on_servers};

const SOON: Duration = Duration::from_secs(180);

/// Each format with a database and a first migration that leaves a row.
fn each(db: &TestDatabase, test: impl Fn(&Kit, &TestDatabase)) {
    for kit in kits(db.server()) {
        test(&kit, &db.server().database());
    }
}

/// What a table consists of.
fn columns(db: &TestDatabase, table: &str) -> Vec<Vec<String>> {
    db.rows(&match db.server() {
        Server::Sqlite => {
            format!("select name, type, cast(\"notnull\" as text), dflt_value, cast(pk as text) from pragma_table_info('{table}')")
        }
        server => {
            let kind = if server == Server::MariaDb { "column_type" } else { "data_type" };
            let here = match server {
                Server::MariaDb => "database()",
                Server::SqlServer => "schema_name()",
                _ => "current_schema()",
            };
            format!(
                "select column_name, {kind}, is_nullable, column_default from information_schema.columns
                 where table_name = '{table}' and table_schema = {here} order by ordinal_position"
            )
        }
    })
}

/// A second migration whose first statement makes a table and whose last fails, left half applied by a leader.
fn half_applied(kit: &Kit, db: &TestDatabase) -> Migrations {
    let migrations = kit.counted(1);
    let failing = if kit.format == "golang-migrate" { "" } else { "insert into no_such_table values (1);\n" };
    kit.write_bare(&migrations, 2, &format!("create table half (id int);\n{failing}"));
    if (kit.format, db.server()) == ("golang-migrate", Server::SqlServer) {
        let own = "begin transaction;\ncreate table half (id int);\ncommit;\nselect 1 from no_such_table;\n";
        migrations.write(&kit.name(2), own);
    }
    let said = format!("bellwether resolve {} --applied", kit.version(2));
    kit.lead(db, &migrations).run().expect(10).explains(&[&said]);
    assert!(db.has_table("half"));
    kit.assert_begun(db, &[1], 2);
    kit.lead_anew(db, &migrations, "r2").run().expect(13).explains(&[&said]);
    migrations
}

on_every_server! {
    /// The format came from a flag, and the hint is to be pasted.
    fn what_the_hint_says_can_be_pasted(db) {
        each(db, |kit, db| {
            let migrations = half_applied(kit, db);
            let refused = kit.lead_anew(db, &migrations, "r3").run().expect(13);
            let hints = refused.outcome()["error"]["hints"].as_array().unwrap().clone();
            let hints = hints.iter().filter_map(|hint| hint.as_str()?.split_once(": bellwether "));
            let lines: Vec<Vec<&str>> = hints.map(|(_, line)| line.split(' ').collect()).collect();
            let [applied, _] = &lines[..] else { panic!("{}", refused.said()) };
            assert!(applied.contains(&"--applied"), "{applied:?}");
            Bellwether::new(applied[0]).args(&applied[1..]).on(db).run().expect(0);
            kit.assert_whole(db, &[1, 2]);
        });
    }

    fn what_is_pending_is_applied_and_recorded_once(db) {
        each(db, |kit, db| {
            let migrations = kit.counted(3);
            let led = kit.lead(db, &migrations).run().expect(0);
            assert_eq!(led.applied(), kit.versions([1, 2, 3]));
            kit.assert_whole(db, &[1, 2, 3]);
            assert_eq!(db.applied(), ["1", "2", "3"]);
            assert!(kit.lead_anew(db, &migrations, "r2").run().expect(0).applied().is_empty());
            Bellwether::follow(db, &migrations).arg("--format").arg(kit.format).run().expect(0);
            kit.assert_whole(db, &[1, 2, 3]);
            assert_eq!(db.applied(), ["1", "2", "3"]);
        });
    }

    fn what_the_tool_left_is_gone_on_from(db) {
        each(db, |kit, db| {
            kit.as_the_tool_leaves_it(db, &[1, 2]);
            db.sql(crate::support::migrations::APPLIED_TABLE);
            let migrations = kit.counted(3);
            let led = kit.lead(db, &migrations).run().expect(0);
            assert_eq!(led.applied(), kit.versions([3]));
            kit.assert_whole(db, &[1, 2, 3]);
            assert_eq!(db.applied(), ["3"]);
        });
    }

    fn the_history_is_made_as_the_tool_makes_it(db) {
        each(db, |kit, db| {
            kit.lead(db, &kit.counted(1)).run().expect(0);
            let theirs = db.server().database();
            kit.as_the_tool_leaves_it(&theirs, &[1]);
            assert!(!columns(db, kit.table).is_empty());
            assert_eq!(columns(db, kit.table), columns(&theirs, kit.table), "{}", kit.format);
            assert_eq!(kit.rows(db), kit.rows(&theirs), "{}", kit.format);
        });
    }

    fn a_half_applied_script_that_was_finished_by_hand_is_applied(db) {
        each(db, |kit, db| {
            let migrations = half_applied(kit, db);
            kit.write(&migrations, 3, "insert into applied values ('3');\n");
            kit.resolve(db, &migrations, &["2", "--applied"]).run().expect(0);
            kit.assert_whole(db, &[1, 2]);
            let led = kit.lead_anew(db, &migrations, "r3").run().expect(0);
            assert_eq!(led.applied(), kit.versions([3]));
            kit.assert_whole(db, &[1, 2, 3]);
        });
    }

    fn a_half_applied_script_that_was_undone_by_hand_is_sent_again(db) {
        each(db, |kit, db| {
            let migrations = half_applied(kit, db);
            db.sql("drop table half");
            kit.write(&migrations, 2, "create table half (id int);\n");
            kit.resolve(db, &migrations, &["2", "--rolled-back"]).run().expect(0);
            kit.assert_whole(db, &[1]);
            let led = kit.lead_anew(db, &migrations, "r3").run().expect(0);
            assert_eq!(led.applied(), kit.versions([2]));
            kit.assert_whole(db, &[1, 2]);
        });
    }

    fn a_database_made_by_hand_gets_its_history(db) {
        each(db, |kit, db| {
            db.sql(crate::support::migrations::APPLIED_TABLE);
            let migrations = kit.counted(4);
            kit.resolve(db, &migrations, &["--up-to", "3", "--applied"]).run().expect(0);
            kit.assert_whole(db, &[1, 2, 3]);
            assert_eq!(kit.lead(db, &migrations).run().expect(0).applied(), kit.versions([4]));
            kit.assert_whole(db, &[1, 2, 3, 4]);
        });
    }

    fn a_failing_first_statement_leaves_no_trace(db) {
        each(db, |kit, db| {
            let migrations = kit.counted(1);
            kit.write(&migrations, 2, "insert into no_such_table values (1);\n");
            kit.lead(db, &migrations).run().expect(10).explains(&[&kit.name(2)]);
            kit.assert_whole(db, &[1]);
            kit.write(&migrations, 2, "insert into applied values ('2');\n");
            kit.lead_anew(db, &migrations, "r2").run().expect(0);
            kit.assert_whole(db, &[1, 2]);
        });
    }

    fn two_leaders_at_once_apply_each_once(db) {
        each(db, |kit, db| {
            let migrations = kit.counted(4);
            let deploy = || {
                let deploy = Bellwether::at("deploy", db, &migrations);
                deploy.arg("--format").arg(kit.format).arg("--role").arg("elect").spawn()
            };
            let both = [deploy(), deploy()];
            for one in both {
                one.wait(SOON).expect(0);
            }
            kit.assert_whole(db, &[1, 2, 3, 4]);
            assert_eq!(db.applied(), ["1", "2", "3", "4"]);
        });
    }

    fn a_late_file_is_treated_as_its_tool_does(db) {
        each(db, |kit, db| {
            let migrations = kit.counted(3);
            migrations.remove(&kit.name(2));
            kit.lead(db, &migrations).run().expect(0);
            kit.write(&migrations, 2, "insert into applied values ('2');\n");
            let late = kit.lead_anew(db, &migrations, "r2").run();
            match kit.format {
                "dbmate" => assert_eq!(late.expect(0).applied(), ["0002"]),
                // it is below the newest version, and nobody asks whether it was ever run
                "golang-migrate" => assert!(late.expect(0).applied().is_empty()),
                _ => drop(late.expect(13).explains(&["0002_step.sql is older than 3"])),
            }
        });
    }

    fn a_file_that_vanished_is_treated_as_its_tool_does(db) {
        each(db, |kit, db| {
            let migrations = kit.counted(3);
            kit.lead(db, &migrations).run().expect(0);
            migrations.remove(&kit.name(3));
            kit.write(&migrations, 4, "insert into applied values ('4');\n");
            let led = kit.lead_anew(db, &migrations, "r2").run();
            match kit.format {
                // the newest one, without which it does not know where it is
                "golang-migrate" => drop(led.expect(13).explains(&["migration 3"])),
                _ => assert_eq!(led.expect(0).applied(), kit.versions([4])),
            }
        });
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb]
    /// A script in a transaction is begun anew; where there is none it is found half applied.
    fn a_leader_killed_in_the_middle_leaves_nothing_twice(db) {
        each(db, |kit, db| {
            let gate = db.gate();
            let migrations = kit.counted(3);
            kit.write(&migrations, 2, &format!("insert into applied values ('2');\n{}", gate.sql()));
            let leader = kit.lead(db, &migrations).spawn();
            leader.wait_for("second step", SOON, |event| {
                event["event"] == "step_started" && event["step"]["position"] == 2
            });
            let waits = match db.server() {
                Server::MariaDb => "select 1 from information_schema.processlist where db = database() and info like '%get_lock(''gate%' and id <> connection_id()",
                _ => "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like '%public.gate%'",
            };
            db.wait_for_row(waits, SOON);
            leader.kill9();
            gate.open();
            let next = kit.lead_anew(db, &migrations, "r2").run();
            if db.server() == Server::MariaDb {
                next.expect(13);
                kit.assert_begun(db, &[1], 2);
                kit.resolve(db, &migrations, &["2", "--applied"]).run().expect(0);
                kit.lead_anew(db, &migrations, "r3").run().expect(0);
            } else {
                next.expect(0);
            }
            kit.assert_whole(db, &[1, 2, 3]);
            assert_eq!(db.applied(), ["1", "2", "3"]);
        });
    }
}

on_servers! { [mariadb MariaDb]
    fn without_transactions_a_script_is_half_applied_whatever_it_says(db) {
        each(db, |kit, db| {
            let migrations = kit.counted(1);
            kit.write(&migrations, 2, "create table half (id int);\ninsert into no_such_table values (1);\n");
            kit.lead(db, &migrations).run().expect(10);
            kit.assert_begun(db, &[1], 2);
            kit.lead_anew(db, &migrations, "r2").run().expect(13);
        });
    }

    fn a_body_between_goose_s_marks_is_one_statement(db) {
        let migrations = Migrations::new();
        let body = "-- +goose StatementBegin\ncreate procedure twice()\nbegin\n  insert into applied values ('a');\n  \
                    insert into applied values ('b');\nend;\n-- +goose StatementEnd\n";
        let up = format!("{}{body}call twice();\n", crate::support::migrations::APPLIED_TABLE);
        GOOSE.write(&migrations, 1, &up);
        GOOSE.lead(db, &migrations).run().expect(0);
        assert_eq!(db.applied(), ["a", "b"]);
    }
}

on_servers! { [postgres Postgres]
    fn a_statement_that_no_transaction_takes_runs_outside_of_one(db) {
        each(db, |kit, db| {
            let migrations = kit.counted(1);
            let up = "create index concurrently applied_name on applied (name);\n";
            let text = match kit.format {
                // alone in its file, it goes to the server as golang-migrate sends it
                "golang-migrate" => up.to_owned(),
                "dbmate" => format!("-- migrate:up transaction:false\n{up}\n-- migrate:down\n"),
                _ => format!("-- +goose NO TRANSACTION\n-- +goose Up\n{up}"),
            };
            migrations.write(&kit.name(2), text);
            kit.lead(db, &migrations).run().expect(0);
            kit.assert_whole(db, &[1, 2]);
            // among others it cannot be run, and the way out is the format's own
            kit.write(&migrations, 3, "create index concurrently again on applied (name);\nselect 1;\n");
            let way = match kit.format {
                "golang-migrate" => "a migration of its own: alone",
                "dbmate" => "-- migrate:up transaction:false",
                _ => "-- +goose NO TRANSACTION",
            };
            kit.lead_anew(db, &migrations, "r2").run().expect(10).explains(&[way]);
            kit.assert_whole(db, &[1, 2]);
        });
    }

    fn golang_migrate_s_scripts_may_have_transactions_of_their_own(db) {
        let migrations = GOLANG_MIGRATE.counted(1);
        migrations.write("0002_own.up.sql", "BEGIN;\ninsert into applied values ('2');\nCOMMIT;\n");
        GOLANG_MIGRATE.lead(db, &migrations).run().expect(0);
        GOLANG_MIGRATE.assert_whole(db, &[1, 2]);
        // where the tool would not wait for our commit, there is none of ours
        GOOSE.write(&migrations, 3, "");
        let goose = GOOSE.counted(1);
        GOOSE.write(&goose, 2, "begin;\nselect 1;\ncommit;\n");
        GOOSE.lead(&db.server().database(), &goose).run().expect(10).explains(&["`-- +goose NO TRANSACTION`"]);
    }

    fn a_dirty_version_of_golang_migrate_s_is_refused(db) {
        GOLANG_MIGRATE.as_the_tool_leaves_it(db, &[]);
        let migrations = GOLANG_MIGRATE.counted(3);
        db.sql("insert into schema_migrations values (2, true)");
        let refused = GOLANG_MIGRATE.lead(db, &migrations).run().expect(13);
        refused.explains(&["half applied", "bellwether resolve 2 --applied"]);
        db.sql("insert into schema_migrations values (3, false)");
        GOLANG_MIGRATE.lead_anew(db, &migrations, "r2").run().expect(13).explains(&["it has 2 rows", "delete all but"]).never_says("is it of another tool");
        db.sql("delete from schema_migrations; insert into schema_migrations values (-1, true)");
        GOLANG_MIGRATE.lead_anew(db, &migrations, "r3").run().expect(13).explains(&["failed `down`"]);
    }

    fn one_version_of_golang_migrate_s_is_not_passed_over(db) {
        db.sql(crate::support::migrations::APPLIED_TABLE);
        let migrations = GOLANG_MIGRATE.counted(3);
        let resolve = |words: &[&str]| GOLANG_MIGRATE.resolve(db, &migrations, words).run();
        resolve(&["3", "--applied"]).expect(4).explains(&["while 1 in front of it is not", "--up-to 3 --applied"]);
        assert!(!db.has_table("schema_migrations"));
        resolve(&["1", "--applied"]).expect(0);
        GOLANG_MIGRATE.assert_whole(db, &[1]);
    }

    fn go_migrations_are_followed_and_not_applied(db) {
        GOOSE.as_the_tool_leaves_it(db, &[1]);
        let migrations = GOOSE.counted(1);
        migrations.write("0002_data.go", "package migrations\n");
        let lead = || GOOSE.lead(db, &migrations);
        lead().run().expect(2).explains(&["0002_data.go: it is a Go migration"]);
        let sql = "INSERT INTO goose_db_version (version_id, is_applied) VALUES (2, true)";
        let psql = format!("psql -qX \"$DATABASE_URL\" -c '{sql}'");
        if crate::support::tool("psql").is_some() {
            lead().args(["--", "sh", "-c", &psql]).run().expect(0);
            GOOSE.assert_whole(db, &[1, 2]);
            Bellwether::follow(db, &migrations).run().expect(0);
        }
    }
}

/// Marks in the files say whose they are; names alone may be two tools'.
#[test]
fn a_folder_s_format_is_found_or_two_are_named() {
    use bellwether::formats::{FormatError, find};
    for kit in [DBMATE, GOOSE] {
        let migrations = kit.counted(2);
        let (format, why) = find(None, migrations.path()).unwrap();
        assert_eq!((format.name(), why.contains("0001_step.sql has `-- ")), (kit.format, true), "{why}");
    }
    let pairs = GOLANG_MIGRATE.counted(2);
    match find(None, pairs.path()) {
        Err(FormatError::Ambiguous { candidates, .. }) => {
            assert!(
                candidates[0].starts_with("sqlx") && candidates[1].starts_with("golang-migrate"),
                "{candidates:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    // golang-migrate would pass over this one
    pairs.write("0003_plain.sql", "select 1;");
    assert_eq!(find(None, pairs.path()).unwrap().0.name(), "sqlx");
    for text in ["--liquibase formatted sql\n", "-- Up Migration\n"] {
        let foreign = Migrations::new().file("1_a.sql", text);
        assert!(
            find(None, foreign.path()).is_ok_and(|(format, _)| format.name() != "sqlx")
                || find(None, foreign.path()).is_err()
        );
    }
}
