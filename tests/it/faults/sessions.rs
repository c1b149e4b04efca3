//! The server ends sessions: of a leader at work, of one that waits, of a follower. And those that nobody may end.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{
    LONG, SOON, elect, takes_over, takes_over_somewhere, wait_at_gate, wait_for_witnessed, watching,
    work_session,
};
use crate::support::{Bellwether, Migrations, Part, Proxy, on_every_lock, on_servers};

on_every_lock! {
    fn a_work_session_ended_in_a_statement_is_a_lost_lock_and_an_elect_takes_over(db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(elect(db, &migrations));
        db.end_session(&work_session(db));
        leader.wait(SOON).expect(12);
        gate.open();
        takes_over(db, elect, 2, 3);
        assert_eq!(db.runs()[0], ["shop-web", "interrupted"]);
    }

    fn a_work_session_ended_amid_many_migrations_leaves_none_of_them_twice(db) {
        let migrations = Migrations::witnessed(db, 250);
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_for_witnessed(db, 20);
        let elect = elect(db, &migrations).spawn();
        db.end_session(&work_session(db));
        leader.wait(SOON).expect(12);
        takes_over_somewhere(db, elect, 250);
    }

    fn a_beat_session_that_is_cut_is_reopened_and_nothing_else_happens(db) {
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        proxy.wait_for(Part::Beat, SOON);
        let elect = watching(elect(db, &migrations));
        let before = proxy.accepted();
        proxy.cut_only(Part::Beat);
        leader.wait_for_event("beat_missed", SOON);
        proxy.wait_for(Part::Beat, SOON);
        assert!(proxy.accepted() > before);
        gate.open();
        leader.wait(SOON).expect(0);
        elect.wait(SOON).expect(0);
        db.assert_witnessed(2);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn those_who_wait_outlast_their_connections(db) {
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 1);
        let queued = Bellwether::at("lead", db, &migrations).participant("second").through(&proxy).spawn();
        queued.wait_for_event("lock_waiting", SOON);
        let follower = watching(Bellwether::follow(db, &migrations).through(&proxy));
        let elect = watching(elect(db, &migrations).through(&proxy));
        for _ in 0..3 {
            let before = proxy.accepted();
            proxy.cut();
            let end = std::time::Instant::now() + SOON;
            while proxy.accepted() < before + 3 {
                assert!(std::time::Instant::now() < end, "somebody has not come back");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        gate.open();
        leader.wait(SOON).expect(0);
        for waiting in [queued, follower, elect] {
            waiting.wait(LONG).expect(0);
        }
        db.assert_witnessed(2);
    }
}

on_servers! { [postgres Postgres]
    fn who_may_not_end_a_silent_leaders_session_says_so_once(db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 2);
        leader.signal(Signal::SIGSTOP);
        let other = db.reader();
        db.sql(&format!("grant select, insert, update, delete on all tables in schema public to {0}; grant pg_read_all_stats to {0}", other.name));
        let elect = elect(db, &migrations).url(&other.url).spawn();
        let is_it = |event: &serde_json::Value| {
            event["message"].as_str().is_some_and(|said| said.contains("cannot be ended from here"))
        };
        let (_, first) = elect.wait_for("that it may not end it", LONG, is_it);
        elect.wait_for("three more tries, ten seconds apart", LONG, |event| {
            event["event"] == "lock_waiting" && event["waited_ms"].as_u64() > Some(50_000)
        });
        assert!(first.elapsed() > Duration::from_secs(20), "silence takes longer than that");
        elect.signal(Signal::SIGINT);
        let elect = elect.wait(SOON).expect(130);
        assert_eq!(elect.events_named("notice").into_iter().filter(|event| is_it(event)).count(), 1);
        leader.signal(Signal::SIGCONT);
        leader.kill9();
    }
}
