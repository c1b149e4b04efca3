//! `history`: what was, however odd the ledger is; and that nobody panics over it.

use std::time::Duration;

use crate::support::{Bellwether, Finished, Migrations, Server, TestDatabase, on_every_server};

const SOON: Duration = Duration::from_secs(30);

fn history(db: &TestDatabase) -> Bellwether {
    Bellwether::new("history").on(db)
}

/// The one result, as JSON.
#[track_caller]
fn found<'a>(finished: &'a Finished, event: &str) -> &'a serde_json::Value {
    let found = finished.events_named(event);
    assert_eq!(found.len(), 1, "{}", finished.said());
    found[0]
}

fn statuses(finished: &Finished) -> Vec<String> {
    let runs = found(finished, "history")["runs"].as_array().cloned().unwrap_or_default();
    runs.iter().map(|run| run["status"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A success, then a failure of the third of three.
fn two_runs(db: &TestDatabase) -> Migrations {
    let migrations = Migrations::counted(2);
    Bellwether::lead(db, &migrations).run().expect(0);
    migrations.write("0003_bad.sql", "insert into no_such_table values (1);\n");
    Bellwether::new("lead")
        .on(db)
        .migrations(&migrations)
        .release("r2")
        .participant("shop-web")
        .run()
        .expect(10);
    migrations
}

on_every_server! {
    fn an_empty_database_has_no_history_and_that_is_no_error(db) {
        let finished = history(db).run().expect(0);
        assert_eq!(found(&finished, "history")["runs"], serde_json::json!([]));
        Bellwether::human("history").on(db).run().expect(0).says(&format!("no run is recorded under the lock name {}", db.lock_name()));
        history(db).arg("4f1c").run().expect(2).explains(&["4f1c"]);
        assert!(!db.has_table("bellwether_runs"));
    }

    fn runs_are_listed_the_newest_first_with_who_when_how_long_and_why(db) {
        two_runs(db);
        let finished = history(db).run().expect(0);
        assert_eq!(statuses(&finished), ["failed", "succeeded"]);
        let runs = &found(&finished, "history")["runs"];
        assert_eq!((&runs[0]["leader"], &runs[0]["release"]), (&"shop-web".into(), &"r2".into()));
        assert!(runs[0]["error"].as_str().unwrap_or_default().contains("no_such_table"), "{runs}");
        assert!(runs[0]["duration_ms"].is_u64() && runs[0]["started_at"].as_str().unwrap_or_default().ends_with('Z'), "{runs}");
        assert_eq!(runs[0]["odd"], serde_json::json!([]), "{runs}");
        let one = history(db).args(["-n", "1"]).run().expect(0);
        assert_eq!(statuses(&one), ["failed"]);
        assert_eq!(found(&one, "history")["more"], true);
        let human = Bellwether::human("history").on(db).run().expect(0);
        assert!(human.stderr.is_empty(), "{}", human.said());
        let lines: Vec<&str> = human.stdout.lines().collect();
        assert!(lines[0].starts_with("status") && lines[1].starts_with("failed"), "{}", human.said());
        assert!(lines[1].contains("r2") && lines[1].contains("shop-web") && lines[1].contains("0/1"), "{}", human.said());
        assert!(lines[2].contains("no_such_table") && lines[3].starts_with("succeeded"), "{}", human.said());
    }

    fn a_run_is_found_by_the_beginning_of_its_id_and_shown_with_its_steps(db) {
        two_runs(db);
        let id = db.value("select id from bellwether_runs order by fence limit 1");
        let finished = history(db).arg(&id[..8]).run().expect(0);
        let report = found(&finished, "run_steps");
        assert_eq!(report["run"]["run"], id.as_str());
        let steps = report["steps"].as_array().unwrap();
        let versions: Vec<_> = steps.iter().map(|step| (step["version"].clone(), step["status"].clone())).collect();
        assert_eq!(versions, [("1".into(), "succeeded".into()), ("2".into(), "succeeded".into())]);
        assert!(steps.iter().all(|step| step["after_ms"].is_u64() && step["duration_ms"].is_u64()), "{report}");
        let human = Bellwether::human("history").arg(&id[..6]).on(db).run().expect(0);
        human.says(&id).says("succeeded").says("1 first").says("2 step").says("=");
        let failed = db.value("select id from bellwether_runs order by fence desc limit 1");
        Bellwether::human("history").arg(&failed).on(db).run().expect(0).says("3 bad").says("no_such_table");
        history(db).arg("no-such-run").run().expect(2).explains(&["no-such-run", &id, &failed]);
        history(db).arg("").run().expect(2);
    }

    fn an_id_that_two_runs_begin_with_is_refused_and_both_are_named(db) {
        two_runs(db);
        db.sql("update bellwether_runs set id = 'same-one' where fence = 1");
        db.sql("update bellwether_runs set id = 'same-two' where fence = 2");
        history(db).arg("same").run().expect(2).explains(&["same-one", "same-two"]);
        history(db).arg("SAME-TWO").run().expect(0);
    }

    fn a_run_at_work_says_where_it_is(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        leader.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        db.wait_for_row("select 1 from bellwether_runs where done = 1", SOON);
        let finished = history(db).run().expect(0);
        let run = &found(&finished, "history")["runs"][0];
        assert_eq!((&run["status"], &run["current"]), (&"running".into(), &"0002_wait".into()), "{run}");
        assert!(run["beat_age_ms"].is_u64() && run["duration_ms"].is_u64(), "{run}");
        Bellwether::human("history").on(db).run().expect(0).says("at 0002_wait");
        gate.open();
        leader.wait(SOON).expect(0);
    }

    fn environments_on_one_database_are_shown_together_and_apart(db) {
        let migrations = Migrations::counted(1);
        for environment in ["staging", "production"] {
            Bellwether::lead(db, &migrations).args(["-e", environment]).run().expect(0);
        }
        assert_eq!(statuses(&history(db).run().expect(0)).len(), 2);
        let one = history(db).args(["-e", "staging"]).run().expect(0);
        assert_eq!(found(&one, "history")["runs"][0]["environment"], "staging");
        assert_eq!(statuses(&one).len(), 1);
    }

    fn two_ledgers_of_one_database_are_independent(db) {
        let (shop, blog) = (Migrations::counted(1), Migrations::new());
        Bellwether::lead(db, &shop).args(["--lock-name", "shop"]).run().expect(0);
        Bellwether::lead(db, &blog).args(["--lock-name", "blog"]).run().expect(0);
        for name in ["shop", "blog"] {
            let finished = history(db).args(["--lock-name", name]).run().expect(0);
            assert_eq!(found(&finished, "history")["runs"][0]["lock_name"], name);
            assert_eq!(statuses(&finished).len(), 1);
        }
        let neither = history(db).run().expect(0);
        assert_eq!(found(&neither, "history")["other_lock_names"], serde_json::json!(["blog", "shop"]));
        Bellwether::human("history").on(db).run().expect(0).says("blog, shop");
    }

    fn a_ledger_that_somebody_half_deleted_is_named_with_the_repair(db) {
        two_runs(db);
        db.sql("drop table bellwether_steps");
        let id = db.value("select id from bellwether_runs order by fence limit 1");
        history(db).arg(&id).run().expect(31).explains(&["bellwether_steps is missing", "DROP TABLE bellwether_runs"]);
        history(db).run().expect(0);
        db.sql("drop table bellwether_runs");
        history(db).run().expect(31).explains(&["bellwether_runs, bellwether_steps are missing", "bellwether_lock"]);
        // the repair that needs nothing: the next leader
        Bellwether::lead(db, &Migrations::counted(2)).run().expect(0);
        assert_eq!(statuses(&history(db).run().expect(0)), ["succeeded"]);
    }
}

/// Rows that no leader writes: each a statement, and what `history` must say of it.
fn edits(server: Server) -> Vec<(&'static str, &'static str)> {
    let mut edits = vec![
        ("update bellwether_runs set status = 'gone'", "status is \"gone\""),
        ("update bellwether_runs set status = ''", "status is \"\""),
        ("update bellwether_runs set lock_mode = 'hope', engine = 'steam'", "engine is \"steam\""),
        ("update bellwether_runs set leader = null, session = null, digest = null", "leader is empty"),
        ("update bellwether_runs set total = null", "total is no number"),
        ("update bellwether_runs set total = -3, done = -5, beats = -1", "done is -5"),
        ("update bellwether_runs set fence = -9223372036854775808", "fence is -9223372036854775808"),
        (
            "update bellwether_runs set fence = 9223372036854775807, done = 9223372036854775807",
            "9223372036854775807",
        ),
        (
            "update bellwether_runs set status = 'running', fence = 9223372036854775807, beats = 9223372036854775807",
            "running",
        ),
        ("update bellwether_runs set status = 'failed', finished_at = null", "finished_at is empty"),
        (
            "update bellwether_runs set started_at = '2999-01-01 00:00:00', beat_at = '1901-01-01 00:00:00'",
            "before it began",
        ),
        (
            "update bellwether_steps set position = -7, status = 'odd', started_at = '1900-01-01 00:00:00'",
            "succeeded",
        ),
        ("update bellwether_lock set fence = -5, run_id = 'nobody'", "succeeded"),
    ];
    match server {
        Server::Postgres => edits.extend([
            ("update bellwether_runs set started_at = 'infinity', beat_at = '-infinity', finished_at = 'infinity'", "started_at is no date"),
            ("update bellwether_runs set started_at = '4713-01-01 BC', status = 'running'", "running"),
        ]),
        Server::MariaDb => edits.extend([
            ("set sql_mode = ''; update bellwether_runs set started_at = '0000-00-00', beat_at = 'rubbish'", "started_at is no date"),
        ]),
        Server::Sqlite => edits.extend([
            ("update bellwether_runs set started_at = 'rubbish', beat_at = 7, finished_at = x'00ff'", "started_at is no date"),
            ("update bellwether_runs set fence = 'seven'", "fence is no number"),
            ("update bellwether_runs set error = x'ff', leader = x'fe', session = 3.5", "leader is empty"),
        ]),
        Server::SqlServer => {}
    }
    edits
}

on_every_server! {
    fn a_row_that_cannot_be_read_stops_who_waits_and_is_named(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let id = db.value("select id from bellwether_runs");
        for (edit, says) in [("status = 'gone'", "status of the run"), ("leader = null", "leader of the run")] {
            db.sql(&format!("update bellwether_runs set {edit}"));
            for verb in ["follow", "deploy", "status"] {
                let asked = Bellwether::at(verb, db, &migrations).run().expect(31);
                asked.explains(&[says, &id, "bellwether history"]);
            }
            db.sql("update bellwether_runs set status = 'succeeded', leader = 'shop-web'");
        }
        Bellwether::follow(db, &migrations).run().expect(0);
    }

    fn a_run_row_that_was_edited_by_hand_is_shown_and_nobody_panics(db) {
        let migrations = Migrations::counted(2);
        for (edit, says) in edits(db.server()) {
            for table in ["bellwether_runs", "bellwether_steps", "bellwether_lock"] {
                if db.has_table(table) {
                    db.sql(&format!("delete from {table}"));
                }
            }
            Bellwether::lead(db, &migrations).run().expect(0);
            let id = db.value("select id from bellwether_runs");
            db.session().run(edit);
            let context = |finished: &Finished| assert!(finished.code != Some(1) && finished.code != Some(101), "{edit}\n{}", finished.said());
            let human = Bellwether::human("history").on(db).run().expect(0);
            context(&human);
            let one = Bellwether::human("history").arg(&id).on(db).run().expect(0).never_says("panicked");
            assert!(human.stdout.contains(says) || one.stdout.contains(says), "{edit}: {says}\n{}{}", human.said(), one.said());
            let new = migrations.path();
            for verb in ["status", "plan", "follow", "deploy"] {
                let asked = Bellwether::new(verb).on(db).release("r1").arg("--migrations").arg(new).timeout("1s").run();
                context(&asked.never_says("panicked"));
            }
        }
    }
}
