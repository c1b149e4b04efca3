//! Who leads: one of many, and everyone else waits for it.

use std::time::Duration;

use crate::support::{Bellwether, Finished, Migrations, Running, on_every_server};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(90);

fn wait_all(running: Vec<Running>) -> Vec<Finished> {
    running.into_iter().map(|one| one.wait(LONG)).collect()
}

on_every_server! {
    fn twenty_participants_elect_one_leader_and_every_migration_is_applied_once(db) {
        // a stand-in's sessions are processes that learn their language anew
        let count = if db.stand_in_lacks("room for more than six at once") { 6 } else { 20 };
        let migrations = Migrations::counted(4).file("0005_slow.sql", db.sleep_sql(0.5));
        let running = (1..=count).map(|n| Bellwether::at("deploy", db, &migrations).participant(&format!("pod-{n}")).spawn()).collect();
        let finished: Vec<_> = wait_all(running).into_iter().map(|one| one.expect(0)).collect();
        let leaders: Vec<_> = finished.iter().filter(|one| !one.applied().is_empty()).collect();
        assert_eq!(leaders.len(), 1, "{:?}", db.runs());
        assert_eq!(leaders[0].applied().len(), 5);
        assert_eq!(db.applied(), ["0001", "0002", "0003", "0004"]);
        assert_eq!(db.history(), ["1", "2", "3", "4", "5"]);
        assert_eq!(db.column("select status from bellwether_runs"), ["succeeded"]);
        assert_eq!(db.column("select status from bellwether_steps order by position"), ["succeeded"; 5]);
    }

    fn a_second_run_has_nothing_to_do_and_records_nothing(db) {
        let migrations = Migrations::counted(3);
        let first = Bellwether::at("deploy", db, &migrations).run().expect(0);
        assert_eq!(first.applied(), ["1", "2", "3"]);
        for verb in ["deploy", "lead", "follow"] {
            let again = Bellwether::at(verb, db, &migrations).run().expect(0);
            assert!(again.applied().is_empty());
            assert!(again.events_named("run_started").is_empty(), "{}", again.said());
        }
        assert_eq!(db.applied(), ["0001", "0002", "0003"]);
        assert_eq!(db.runs().len(), 1);
    }

    fn followers_that_start_first_wait_and_leave_with_the_verdict(db) {
        let migrations = Migrations::counted(2);
        let followers: Vec<_> = (0..3).map(|_| Bellwether::follow(db, &migrations).spawn()).collect();
        for follower in &followers {
            follower.wait_for_event("waiting", SOON);
        }
        if db.server() == crate::support::Server::Sqlite {
            assert!(!db.file().exists(), "a follower made the database");
        }
        let leader = Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(leader.outcome()["role"], "lead");
        for follower in wait_all(followers) {
            let follower = follower.expect(0);
            assert_eq!(follower.outcome()["role"], "follow");
            let late = follower.ended.saturating_duration_since(leader.ended);
            assert!(late < db.within(Duration::from_secs(7)), "{late:?} after the leader\n{}", follower.said());
        }
    }

    fn a_follower_shows_who_leads_and_at_which_step_it_is(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        let follower = Bellwether::follow(db, &migrations).spawn();
        let human = Bellwether::human("follow").on(db).migrations(&migrations).release("r1").spawn();
        let (seen, _) = follower.wait_for("run at its second step", SOON, |event| {
            event["event"] == "watching" && event["run"]["current"].as_str().is_some_and(|current| current.contains("wait"))
        });
        assert_eq!(seen["run"]["leader"], "shop-web");
        assert_eq!(seen["run"]["total"], 2);
        let line = human.wait_for_line("of the leader", SOON, |line| line.contains("shop-web") && line.contains("0002_wait"));
        assert!(line.text.contains("/2"), "{}", line.text);
        gate.open();
        leader.wait(SOON).expect(0);
        follower.wait(SOON).expect(0);
        human.wait(SOON).expect(0);
    }

    fn of_two_leaders_the_second_waits_and_finds_the_run_done(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let first = Bellwether::lead(db, &migrations).spawn();
        first.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        let second = Bellwether::at("lead", db, &migrations).participant("shop-jobs").spawn();
        second.wait_for("lock held by shop-web", SOON, |event| {
            event["event"] == "lock_waiting" && event["holder"]["leader"] == "shop-web"
        });
        gate.open();
        assert_eq!(first.wait(SOON).expect(0).applied(), ["1", "2"]);
        assert!(second.wait(SOON).expect(0).applied().is_empty());
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn a_lock_that_is_not_got_in_time_names_its_holder(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let first = Bellwether::lead(db, &migrations).spawn();
        first.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        let second = Bellwether::at("lead", db, &migrations).args(["--lock-wait", "1s"]).run().expect(11);
        assert!(second.elapsed >= Duration::from_secs(1) && second.elapsed < db.within(Duration::from_secs(6)), "{:?}", second.elapsed);
        second.explains(&["shop-web", "r1"]);
        gate.open();
        first.wait(SOON).expect(0);
    }

    fn run_migrations_designates(db) {
        let migrations = Migrations::counted(1);
        for (word, role) in [("TRUE", "lead"), ("1", "lead"), ("yes", "lead"), ("on", "lead"), ("", "elect")] {
            let finished = Bellwether::at("deploy", db, &migrations).env("RUN_MIGRATIONS", word).run().expect(0);
            assert_eq!(finished.events[0]["role"], role, "RUN_MIGRATIONS={word:?}");
        }
        for word in ["0", "false", "nope"] {
            let finished = Bellwether::at("deploy", db, &migrations).env("RUN_MIGRATIONS", word).run().expect(0);
            assert_eq!(finished.events[0]["role"], "follow", "RUN_MIGRATIONS={word:?}");
        }
        let flag = Bellwether::at("deploy", db, &migrations).args(["--role", "follow"]).env("RUN_MIGRATIONS", "1").run().expect(0);
        assert_eq!(flag.events[0]["role"], "follow");
    }

    fn a_release_after_another_applies_only_what_is_new(db) {
        Bellwether::lead(db, &Migrations::counted(2)).run().expect(0);
        let newer = Migrations::counted(4);
        let finished = Bellwether::new("deploy").on(db).migrations(&newer).release("r2").run().expect(0);
        assert_eq!(finished.applied(), ["3", "4"]);
        assert_eq!(db.applied(), ["0001", "0002", "0003", "0004"]);
    }

    fn a_rollback_bundle_finds_the_database_ahead_and_goes_live(db) {
        Bellwether::lead(db, &Migrations::counted(3)).run().expect(0);
        let older = Migrations::counted(2);
        for verb in ["deploy", "lead", "follow"] {
            let finished = Bellwether::new(verb).on(db).migrations(&older).release("r0").run().expect(0);
            assert!(finished.applied().is_empty());
        }
        assert_eq!(db.history(), ["1", "2", "3"]);
    }
}
