//! Networks that swallow, cut, delay and half-close. What a leader had sent may still be done; what it learns later
//! than its successor has begun, it must not act on.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{
    LONG, SOON, elect, keeps_the_lock_of_the_silent, keeps_the_rows_of_the_frozen, takes_over,
    takes_over_somewhere, wait_at_gate, wait_for_witnessed, watching,
};
use crate::support::{
    Bellwether, Finished, Hold, Migrations, Part, Proxy, TestDatabase, on_every_lock, on_every_lock_and_way,
    on_servers,
};

/// A command that leaves a line every 50 ms and listens to nobody; its next run would say so.
const RESTLESS: &str = "trap '' TERM INT HUP; echo begin $BELLWETHER_FENCE >> $0/did;
    if [ $BELLWETHER_FENCE -gt 1 ]; then exit 0; fi; while :; do echo at work >> $0/did; sleep 0.05; done";

/// A leader that is told to end when its one migration has ended, which it cannot tell anybody.
fn signalled_before_it_is_recorded(db: &TestDatabase, script: &str, end: &str) -> Finished {
    let proxy = Proxy::before(db);
    let gate = db.gate();
    let migrations = Migrations::new().file("0001_step.sql", gate.sql() + script);
    let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
    wait_at_gate(db, &leader, 1);
    proxy.wait_for(Part::Beat, SOON);
    proxy.freeze_only(Part::Beat);
    proxy.freeze_newcomers();
    gate.open();
    leader.wait_for_event(end, SOON);
    leader.signal(Signal::SIGTERM);
    leader.wait(SOON)
}

on_every_lock! {
    fn a_leader_frozen_off_in_a_statement_is_replaced_and_does_nothing_when_it_thaws(db) {
        if keeps_the_rows_of_the_frozen(db) {
            return;
        }
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(elect(db, &migrations));
        proxy.freeze();
        let frozen = Instant::now();
        // under a lease most successors wait for the statement
        if !db.is_leased() {
            elect.wait_for("the silent leader's end", LONG, |event| {
                event["event"] == "run_started" || event["event"] == "outcome"
            });
            let late = frozen.elapsed();
            assert!(late < db.within(Duration::from_secs(30)), "{late:?}");
        }
        gate.open();
        takes_over(db, elect, 2, 3);
        let before = db.testimony();
        proxy.thaw();
        leader.wait(LONG).expect(12);
        assert_eq!(db.testimony(), before, "a replaced leader went on");
    }

    fn a_work_connection_that_is_cut_is_a_lost_lock_although_the_beats_go_on(db) {
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(elect(db, &migrations));
        proxy.cut_only(Part::Work);
        leader.wait(SOON).expect(12);
        if !db.is_leased() {
            elect.wait_for("its turn", Duration::from_secs(30), |event| {
                event["event"] == "run_started" || event["event"] == "outcome"
            });
        }
        gate.open();
        takes_over(db, elect, 2, 3);
    }

    fn a_work_connection_of_which_only_our_half_is_closed_keeps_no_successor_out_for_long(db) {
        if keeps_the_lock_of_the_silent(db) {
            return;
        }
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(elect(db, &migrations));
        proxy.half_close_only(Part::Work);
        leader.wait(SOON).expect(12);
        gate.open();
        let opened = Instant::now();
        // what was sent was done, or not; the script may have come through with its row
        takes_over_somewhere(db, elect, 3);
        assert!(opened.elapsed() < db.within(Duration::from_secs(35)), "{:?}", opened.elapsed());
    }

    fn a_work_connection_that_is_frozen_alone_ends_with_the_budget(db) {
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).timeout("8s").spawn();
        wait_at_gate(db, &leader, 1);
        let elect = watching(elect(db, &migrations));
        proxy.freeze_only(Part::Work);
        let leader = leader.wait(LONG).expect(14);
        assert!(leader.elapsed < Duration::from_secs(18), "{:?}", leader.elapsed);
        elect.wait(SOON).expect(20);
        assert_eq!(db.runs(), [["shop-web", "failed"]]);
        db.assert_witnessed_in_part();
    }

    fn a_leader_whose_beats_alone_are_swallowed_is_replaced_and_does_nothing_more(db) {
        if keeps_the_lock_of_the_silent(db) {
            return;
        }
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        wait_at_gate(db, &leader, 2);
        proxy.wait_for(Part::Beat, SOON);
        let elect = watching(elect(db, &migrations));
        proxy.freeze_only(Part::Beat);
        proxy.freeze_newcomers();
        leader.wait(LONG).expect(12);
        gate.open();
        takes_over(db, elect, 2, 3);
    }
}

on_every_lock_and_way! {
    fn a_leader_frozen_off_amid_many_migrations_does_nothing_when_it_thaws(db) {
        if keeps_the_rows_of_the_frozen(db) {
            return;
        }
        let proxy = Proxy::before(db);
        let migrations = Migrations::witnessed(db, 250);
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        wait_for_witnessed(db, 20);
        proxy.freeze();
        takes_over_somewhere(db, elect(db, &migrations).spawn(), 250);
        let before = db.testimony();
        proxy.thaw();
        leader.wait(LONG).expect(12);
        assert_eq!(db.testimony(), before, "a replaced leader went on");
    }

    fn the_command_of_a_leader_that_is_frozen_off_ends_before_the_next_one_begins(db) {
        if keeps_the_lock_of_the_silent(db) {
            return;
        }
        let proxy = Proxy::before(db);
        let migrations = Migrations::new();
        let command = |participant: Bellwether| participant.args(["--", "sh", "-c", RESTLESS]).arg(db.folder());
        let leader = command(Bellwether::lead(db, &migrations).through(&proxy)).spawn();
        proxy.wait_for(Part::Work, SOON);
        let elect = watching(command(elect(db, &migrations)));
        proxy.freeze();
        let frozen = Instant::now();
        let ended = leader.wait(Duration::from_secs(30)).expect(12);
        let took = ended.ended - frozen;
        assert!(took < db.within(Duration::from_secs(16)), "{took:?}\n{}", ended.said());
        elect.wait(LONG).expect(0);
        let did = fs::read_to_string(db.folder().join("did")).unwrap();
        let last = did.lines().last().unwrap_or_default();
        assert_eq!(last, "begin 2", "the old command went on after its successor had begun");
        assert_eq!(did.lines().filter(|line| line.starts_with("begin")).count(), 2);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_slow_network_only_takes_longer(db) {
        let proxy = Proxy::before(db);
        proxy.delay(Duration::from_millis(30));
        let migrations = Migrations::witnessed(db, 5);
        let follower = Bellwether::follow(db, &migrations).through(&proxy).spawn();
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        let elect = elect(db, &migrations).through(&proxy).spawn();
        for one in [leader, follower, elect] {
            one.wait(LONG).expect(0);
        }
        db.assert_witnessed(5);
    }

    fn a_verdict_is_recorded_where_a_new_session_takes_longer_than_a_beat(db) {
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        wait_at_gate(db, &leader, 2);
        proxy.wait_for(Part::Beat, SOON);
        let follower = watching(Bellwether::follow(db, &migrations));
        proxy.delay(Duration::from_millis(300));
        proxy.cut_only(Part::Beat);
        leader.wait_for_event("beat_missed", SOON);
        gate.open();
        leader.wait(LONG).expect(0);
        follower.wait(SOON).expect(0);
        db.assert_witnessed(2);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn a_verdict_whose_answer_is_lost_keeps_no_row_from_the_next_try(db) {
        let proxy = Proxy::before(db);
        proxy.freeze_after("finished_at = ");
        let migrations = Migrations::new();
        let leader = Bellwether::lead(db, &migrations).through(&proxy).args(["--", "true"]).spawn();
        let leader = leader.wait(LONG).expect(0);
        assert!(leader.said().contains("no answer within"), "{}", leader.said());
        for blocked in ["lock timeout", "Lock wait"] {
            assert!(!leader.said().contains(blocked), "{}", leader.said());
        }
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn a_signal_does_not_undo_a_success_that_cannot_be_recorded(db) {
        let leader = signalled_before_it_is_recorded(db, "select 1;", "step_finished");
        let leader = leader.expect(31).explains(&["applied, but not recorded"]);
        assert_eq!(leader.applied(), ["1"], "{}", leader.said());
    }

    fn a_signal_does_not_hide_the_error_of_a_failure_that_cannot_be_recorded(db) {
        let leader = signalled_before_it_is_recorded(db, "select * from nothere;", "step_failed");
        leader.expect(10).explains(&["0001_step", "nothere"]);
    }

    fn a_stall_of_twelve_seconds_ends_no_sql_work(db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 1);
        let follower = watching(Bellwether::follow(db, &migrations));
        let stall = db.hold("bellwether_runs", Hold::Writers);
        // time itself is what is tried here
        std::thread::sleep(Duration::from_secs(12));
        drop(stall);
        leader.wait_for_event("beat_missed", SOON);
        gate.open();
        leader.wait(SOON).expect(0);
        follower.wait(SOON).expect(0);
        db.assert_witnessed(2);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn a_network_that_stalls_for_twelve_seconds_ends_no_sql_work(db) {
        let proxy = Proxy::before(db);
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).through(&proxy).spawn();
        wait_at_gate(db, &leader, 1);
        let follower = watching(Bellwether::follow(db, &migrations).through(&proxy));
        proxy.freeze();
        std::thread::sleep(Duration::from_secs(12));
        proxy.thaw();
        gate.open();
        leader.wait(SOON).expect(0);
        follower.wait(SOON).expect(0);
        db.assert_witnessed(2);
    }
}

on_servers! { [postgres Postgres lease, mariadb MariaDb lease, sqlserver SqlServer lease]
    fn a_lease_that_is_not_confirmed_for_ten_seconds_is_lost_though_its_work_goes_on(db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(elect(db, &migrations));
        let stalled = Instant::now();
        let stall = db.hold("bellwether_runs", Hold::Writers);
        let leader = leader.wait(SOON).expect(12);
        let took = leader.ended - stalled;
        assert!(took > Duration::from_secs(7) && took < Duration::from_secs(18), "{took:?}\n{}", leader.said());
        drop(stall);
        gate.open();
        takes_over(db, elect, 2, 3);
    }
}
