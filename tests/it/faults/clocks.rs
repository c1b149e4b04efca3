//! Participants whose clocks are wrong, or jump: nobody's life is judged by one.

use std::time::{Duration, Instant};

use super::{LONG, SOON, elect, takes_over, wait_at_gate, watching};
use crate::support::server::faketime_library;
use crate::support::{Bellwether, Migrations, Server, on_servers};

/// Moves its clock, as `+1h` or `-1h`; what counts seconds since the machine's start is not a clock.
fn at(participant: Bellwether, shift: &str) -> Bellwether {
    let library = faketime_library().unwrap();
    participant.env("LD_PRELOAD", library).env("FAKETIME", shift).env("DONT_FAKE_MONOTONIC", "1")
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn clocks_that_are_an_hour_off_change_nothing(db) {
        if faketime_library().is_none() {
            return;
        }
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = at(Bellwether::lead(db, &migrations), "+1h").spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(at(elect(db, &migrations), "-1h"));
        let follower = watching(at(Bellwether::follow(db, &migrations), "+1h"));
        let killed = Instant::now();
        leader.kill9();
        elect.wait_for("its turn", LONG, |event| event["event"] == "run_started" || event["event"] == "outcome");
        let after = killed.elapsed();
        assert!(after > Duration::from_secs(11) && after < Duration::from_secs(40), "{after:?}");
        gate.open();
        takes_over(db, elect, 2, 3);
        follower.wait(SOON).expect(if db.server() == Server::MariaDb { 20 } else { 0 });
    }

    fn a_clock_that_jumps_by_an_hour_in_the_middle_of_a_run_changes_nothing(db) {
        let Some(library) = faketime_library() else { return };
        let clock = db.folder().join("clock");
        std::fs::write(&clock, "+0").unwrap();
        let jumping = |participant: Bellwether| {
            let participant = participant.env("LD_PRELOAD", &library).env("DONT_FAKE_MONOTONIC", "1");
            participant.env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1")
        };
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let leader = jumping(Bellwether::lead(db, &migrations)).spawn();
        wait_at_gate(db, &leader, 1);
        let elect = watching(jumping(elect(db, &migrations)));
        for shift in ["+1h", "-1h"] {
            std::fs::write(&clock, shift).unwrap();
            let beats = db.value("select beats from bellwether_runs");
            db.wait_for_row(&format!("select 1 from bellwether_runs where beats > {beats} + 1"), SOON);
        }
        gate.open();
        leader.wait(SOON).expect(0);
        elect.wait(SOON).expect(0);
        db.assert_witnessed(2);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }
}
