//! What goes wrong in a deploy, and whom it reaches, when, with which words and which exit code.

use std::time::Duration;

use crate::support::{Bellwether, Finished, Migrations, on_every_server, on_servers};

const SOON: Duration = Duration::from_secs(20);
/// Its second line fails on every server.
const BAD: &str = "-- fails\ninsert into no_such_table values (1);\n";

/// What of the leader's error a follower must say: its first line in the ledger.
fn recorded_error(db: &crate::support::TestDatabase) -> String {
    let error = db.value("select error from bellwether_runs order by fence desc limit 1");
    error.lines().next().unwrap_or_default().to_owned()
}

fn assert_same_words(leader: &Finished, follower: &Finished, recorded: &str) {
    assert!(!recorded.is_empty());
    for (who, finished) in [("leader", leader), ("follower", follower)] {
        let error = finished.error();
        assert!(error.contains(recorded), "the {who} does not say {recorded:?}:\n{}", finished.said());
        assert!(error.contains("no_such_table") && error.contains("0002_bad"), "{who}:\n{}", finished.said());
    }
}

on_every_server! {
    fn a_failure_reaches_within_2_s_those_who_saw_the_run_at_work(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_bad.sql", format!("{}{BAD}", gate.sql()));
        let leader = Bellwether::lead(db, &migrations).spawn();
        leader.wait_for_event("run_started", SOON);
        let mut followers: Vec<_> = (0..3).map(|_| Bellwether::follow(db, &migrations).spawn()).collect();
        followers.push(Bellwether::at("deploy", db, &migrations).spawn());
        for follower in &followers {
            follower.wait_for_event("watching", SOON);
        }
        gate.open();
        let leader = leader.wait(SOON).expect(10);
        for follower in followers {
            let follower = follower.wait(SOON).expect(20);
            let late = follower.ended.saturating_duration_since(leader.ended);
            assert!(late < db.within(Duration::from_secs(2)), "{late:?} after the leader\n{}", follower.said());
            assert_same_words(&leader, &follower, &recorded_error(db));
        }
        assert_eq!(db.runs(), [["shop-web", "failed"]]);
        assert_eq!(db.applied(), ["0001"]);
    }

    fn a_failure_reaches_within_7_s_those_who_never_saw_the_run_at_work(db) {
        let migrations = Migrations::counted(1).file("0002_bad.sql", BAD);
        let followers: Vec<_> = (0..4).map(|_| Bellwether::follow(db, &migrations).spawn()).collect();
        for follower in &followers {
            follower.wait_for_event("waiting", SOON);
        }
        let leader = Bellwether::lead(db, &migrations).run().expect(10);
        for follower in followers {
            let follower = follower.wait(SOON).expect(20);
            let late = follower.ended.saturating_duration_since(leader.ended);
            assert!(late < db.within(Duration::from_secs(7)), "{late:?} after the leader\n{}", follower.said());
            assert_same_words(&leader, &follower, &recorded_error(db));
        }
    }

    fn nobody_retries_a_failure_at_which_they_were_present(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_bad.sql", format!("{}{BAD}", gate.sql()));
        let everyone: Vec<_> = (0..6).map(|_| Bellwether::at("deploy", db, &migrations).spawn()).collect();
        for one in &everyone {
            one.wait_for("run at work", SOON, |event| event["event"] == "watching" || event["event"] == "step_started");
        }
        gate.open();
        let mut codes: Vec<_> = everyone.into_iter().map(|one| one.wait(SOON).code).collect();
        codes.sort_unstable();
        assert_eq!(codes, [Some(10), Some(20), Some(20), Some(20), Some(20), Some(20)]);
        assert_eq!(db.runs().len(), 1);
    }

    fn a_failure_tells_file_line_and_statement(db) {
        let migrations = Migrations::counted(1).file("0002_bad.sql", BAD);
        let finished = Bellwether::lead(db, &migrations).run().expect(10).explains(&["0002_bad.sql", "no_such_table"]);
        let snippet = finished.outcome()["error"]["snippet"].as_str().unwrap_or_default().to_owned();
        let line = if db.stand_in_lacks("line with its errors") { "0002_bad.sql" } else { "0002_bad.sql:2" };
        assert!(snippet.contains(line) && snippet.contains("insert into no_such_table"), "{}", finished.said());
        assert_eq!(finished.applied(), ["1"]);
        Bellwether::human("lead").on(db).migrations(&migrations).release("r2").run().never_says("panicked");
    }

    fn a_later_attempt_may_succeed_and_then_all_is_well(db) {
        let migrations = Migrations::new().file("0001_bad.sql", "insert into no_such_table values (1);");
        Bellwether::lead(db, &migrations).run().expect(10);
        let late = Bellwether::follow(db, &migrations).config("follow: { grace: 1s }").run().expect(20);
        assert!(late.elapsed >= Duration::from_secs(1), "{:?}", late.elapsed);
        let fixed = Migrations::counted(1);
        Bellwether::lead(db, &fixed).run().expect(0);
        Bellwether::follow(db, &fixed).run().expect(0);
    }

    fn a_follower_alone_says_in_time_that_the_leader_is_late(db) {
        let migrations = Migrations::counted(1);
        let finished = Bellwether::follow(db, &migrations).timeout("2s").run().expect(21);
        let spent = finished.elapsed;
        assert!(spent >= Duration::from_millis(1900) && spent < db.within(Duration::from_secs(5)), "{spent:?}");
    }

    fn a_follower_alone_says_in_time_that_the_leader_never_started(db) {
        let migrations = Migrations::counted(1);
        let finished = Bellwether::follow(db, &migrations).config("follow: { start: 2s }").run().expect(23);
        let spent = finished.elapsed;
        assert!(spent >= Duration::from_millis(1900) && spent < db.within(Duration::from_secs(9)), "{spent:?}");
    }

    fn a_leader_whose_budget_ends_in_its_work_has_failed(db) {
        let migrations = Migrations::counted(1).file("0002_slow.sql", db.sleep_sql(60.0));
        let leader = Bellwether::lead(db, &migrations).timeout("8s").spawn();
        let follower = Bellwether::follow(db, &migrations).spawn();
        follower.wait_for_event("watching", SOON);
        let leader = leader.wait(SOON).expect(14);
        assert!(leader.elapsed < db.within(Duration::from_secs(16)), "{:?}", leader.elapsed);
        follower.wait(SOON).expect(20);
        assert_eq!(db.runs(), [["shop-web", "failed"]]);
    }

    fn a_changed_file_is_refused_by_name_and_the_refusal_reaches_followers(db) {
        let migrations = Migrations::counted(2);
        Bellwether::lead(db, &migrations).run().expect(0);
        migrations.write("0002_step.sql", "select 2;");
        migrations.write("0003_new.sql", "select 3;");
        let follower = Bellwether::new("follow").on(db).migrations(&migrations).release("r2").spawn();
        follower.wait_for_event("waiting", SOON);
        let leader = Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run().expect(13);
        leader.explains(&["0002_step"]);
        follower.wait(SOON).expect(20).explains(&["0002_step"]);
        assert_eq!(db.history(), ["1", "2"]);
    }

    fn a_vanished_file_is_refused_by_version(db) {
        let migrations = Migrations::counted(3);
        Bellwether::lead(db, &migrations).run().expect(0);
        migrations.remove("0002_step.sql");
        migrations.write("0004_new.sql", "select 4;");
        Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run().expect(13).explains(&["2"]);
        assert_eq!(db.history(), ["1", "2", "3"]);
    }

    fn a_bundle_that_the_leader_did_not_have_is_not_applied_and_said_by_name(db) {
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
        let gate = db.gate();
        let leaders = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let others = Migrations::counted(1).file("0002_wait.sql", gate.sql()).file("0003_more.sql", "select 3;");
        let leader = Bellwether::new("lead").on(db).migrations(&leaders).release("r2").spawn();
        let follower = Bellwether::new("follow").on(db).migrations(&others).release("r2").spawn();
        follower.wait_for_event("watching", SOON);
        gate.open();
        leader.wait(SOON).expect(0);
        follower.wait(SOON).expect(15).explains(&["3"]);
    }
}

on_servers! { [mariadb MariaDb]
    fn a_half_applied_script_is_refused_by_name(db) {
        let migrations =
            Migrations::counted(1).file("0002_half.sql", "create table half (id int);\ninsert into no_such_table values (1);\n");
        Bellwether::lead(db, &migrations).run().expect(10).explains(&["0002_half"]);
        assert!(db.has_table("half"));
        Bellwether::lead(db, &migrations).run().expect(13).explains(&["0002_half"]);
        Bellwether::new("deploy").on(db).migrations(&migrations).release("r2").run().expect(13).explains(&["0002_half"]);
    }
}

on_servers! { [mariadb MariaDb]
    fn a_killed_leader_frees_the_lock_and_the_next_says_what_is_half_applied(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        leader.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        let elect = Bellwether::at("deploy", db, &migrations).participant("shop-jobs").spawn();
        elect.wait_for_event("watching", SOON);
        leader.kill9();
        gate.open();
        elect.wait(Duration::from_secs(60)).expect(13).explains(&["0002_wait"]);
        assert_eq!(db.runs(), [["shop-web", "abandoned"], ["shop-jobs", "failed"]]);
    }
}

on_servers! { [postgres Postgres, sqlite Sqlite, sqlserver SqlServer quick]
    fn a_killed_leader_frees_the_lock_and_an_elect_takes_over(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        leader.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        let elect = Bellwether::at("deploy", db, &migrations).participant("shop-jobs").spawn();
        elect.wait_for_event("watching", SOON);
        leader.kill9();
        elect.wait_for_event("run_started", Duration::from_secs(40));
        gate.open();
        let elect = elect.wait(Duration::from_secs(60)).expect(0);
        assert_eq!(elect.applied(), ["2"]);
        assert_eq!(db.applied(), ["0001"]);
        assert_eq!(db.runs(), [["shop-web", "abandoned"], ["shop-jobs", "succeeded"]]);
    }

    fn a_follower_says_that_its_leader_died(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        leader.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        let follower = Bellwether::follow(db, &migrations).config("follow: { grace: 2s }").spawn();
        follower.wait_for_event("watching", SOON);
        leader.kill9();
        let follower = follower.wait(Duration::from_secs(30)).expect(22);
        assert!(follower.error().contains("shop-web"), "{}", follower.said());
    }
}
