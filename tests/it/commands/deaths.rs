//! Its death is ours and ours is its: signals, the budget, a lost lock, `kill -9` and SIGSTOP of every one of us.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{
    LONG, Process, SOON, Shell as _, alive, assert_nothing_is_left, assert_the_lock_is_free, deploy, leader,
    leader_with, lines, participant, statuses, wait_for_file,
};
use crate::support::{Proxy, Running, TestDatabase, on_every_server, on_servers};

/// Children of children, a daemon in a session of its own, and nobody listens to SIGTERM.
const STUBBORN: &str = "trap '' TERM INT HUP; setsid -f sleep 60; sh -c 'sh -c \"sleep 60 & wait\"' & touch $0/started; while :; do sleep 0.1; done";
/// Guard, shell, daemon, inner shell and its `sleep`.
const STUBBORN_PROCESSES: usize = 5;

fn at_work(db: &TestDatabase, running: Running) -> Running {
    wait_for_file(db, "started");
    let end = Instant::now() + SOON;
    while alive(db).len() < STUBBORN_PROCESSES {
        assert!(Instant::now() < end, "{:?}", alive(db));
        thread::sleep(Duration::from_millis(10));
    }
    running
}

on_every_server! {
    fn nothing_outlives_a_killed_leader_and_the_next_one_goes_on(db) {
        let script = format!("if mkdir $0/first 2>/dev/null; then {STUBBORN}; else echo ran >> $0/ran; fi");
        let leader = at_work(db, leader(db, &script).spawn());
        let elect = deploy(db, db.name(), &script);
        elect.wait_for_event("watching", SOON);
        leader.kill9();
        assert_nothing_is_left(db, Duration::from_secs(2));
        elect.wait(LONG).expect(0);
        assert_eq!(lines(db, "ran").len(), 1);
        assert_eq!(statuses(db), ["abandoned", "succeeded"]);
    }

    fn a_signal_is_passed_on_once_and_then_there_is_a_grace(db) {
        let script = format!("trap 'echo TERM >> $0/told' TERM; {STUBBORN}").replace("'' TERM INT HUP", "'' INT HUP");
        let leader = at_work(db, leader_with(db, "grace: 1s", &script).spawn());
        let sent = Instant::now();
        for _ in 0..3 {
            leader.signal(Signal::SIGTERM);
            thread::sleep(Duration::from_millis(100));
        }
        let finished = leader.wait(SOON).expect(143).explains(&["SIGTERM", "the command sh and all that it started were ended"]);
        let took = finished.ended - sent;
        assert!(took >= Duration::from_millis(950) && took < db.within(Duration::from_secs(4)), "{took:?}\n{}", finished.said());
        assert_eq!(lines(db, "told"), ["TERM"]);
        assert_nothing_is_left(db, Duration::ZERO);
        assert_eq!(statuses(db), ["interrupted"]);
        assert_the_lock_is_free(db);
    }

    fn a_killed_guard_is_a_failure_and_nothing_is_left(db) {
        let leader = at_work(db, leader(db, STUBBORN).spawn());
        let guard = alive(db).into_iter().find(Process::is_guard).unwrap();
        kill(Pid::from_raw(guard.pid), Signal::SIGKILL).unwrap();
        leader.wait(SOON).expect(10).explains(&["guards it was killed"]);
        assert_nothing_is_left(db, Duration::ZERO);
        assert_eq!(statuses(db), ["failed"]);
        assert_the_lock_is_free(db);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_lost_lock_ends_it_without_a_grace(db) {
        let leader = at_work(db, leader(db, STUBBORN).spawn());
        let session = db.value("select session from bellwether_runs");
        let id = session.split('@').next().unwrap();
        db.end_session(id);
        let lost = Instant::now();
        let finished = leader.wait(SOON).expect(12).explains(&["the command sh and all that it started were ended"]);
        let took = finished.ended - lost;
        assert!(took < db.within(Duration::from_secs(6)), "{took:?}\n{}", finished.said());
        assert_nothing_is_left(db, Duration::ZERO);
        // recorded on a session of its own: nobody has to find it silent
        assert_eq!(statuses(db), ["interrupted"]);
        assert_the_lock_is_free(db);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_server_that_is_not_heard_for_ten_seconds_is_a_lost_lock(db) {
        let proxy = Proxy::before(db);
        let leader = at_work(db, leader(db, STUBBORN).through(&proxy).spawn());
        proxy.freeze();
        assert_nothing_is_left(db, Duration::from_secs(12));
        // the beat that is on its way, and the verdict that cannot be written
        let finished = leader.wait(Duration::from_secs(8)).expect(12);
        finished.explains(&["the lock was lost during the command sh", "all that it started were ended"]);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb]
    /// Longer than the guard waits for a sign of life, with every processor busy.
    fn a_long_command_on_a_busy_machine_is_let_work(db) {
        let script = "for i in $(seq $(nproc)); do (while :; do :; done) & done; sleep 12; touch $0/done";
        let leader = leader(db, script).spawn();
        leader.wait_for_event("run_started", SOON);
        let follower = participant("follow", db).spawn();
        leader.wait(LONG).expect(0);
        wait_for_file(db, "done");
        follower.wait(SOON).expect(0);
        assert_nothing_is_left(db, Duration::ZERO);
    }
}

on_servers! { [postgres Postgres]
    fn the_guard_of_a_frozen_leader_ends_the_command(db) {
        let leader = at_work(db, leader(db, STUBBORN).spawn());
        leader.signal(Signal::SIGSTOP);
        // the guard has ended too; that nobody waits for it yet does not count
        assert_nothing_is_left(db, Duration::from_secs(13));
        leader.signal(Signal::SIGCONT);
        leader.wait(SOON).expect(12).explains(&["the command sh and all that it started were ended"]);
        assert_the_lock_is_free(db);
    }
}

on_servers! { [postgres Postgres, sqlite Sqlite]
    fn the_budget_ends_it_within_four_seconds(db) {
        let leader = participant("lead", db).timeout("3s").sh(db, STUBBORN).spawn();
        let leader = at_work(db, leader).wait(SOON).expect(14);
        let took = leader.elapsed;
        assert!(took >= Duration::from_secs(3) && took < Duration::from_millis(9500), "{took:?}");
        let leader = leader.explains(&["the command sh and all that it started were ended"]);
        assert!(!leader.error().contains("statement"), "{}", leader.error());
        assert_nothing_is_left(db, Duration::ZERO);
        assert_eq!(statuses(db), ["failed"]);
        assert_the_lock_is_free(db);
    }
}

on_servers! { [sqlite Sqlite]
    fn what_a_wrapper_started_has_the_grace_too(db) {
        // the outer shell dies of SIGTERM at once; the inner one is its tool, which cleans up
        let inner = "trap \"sleep 0.5; touch $0/cleaned; exit 0\" TERM; touch $0/started; while :; do sleep 0.05; done";
        let leader = leader(db, &format!("sh -c '{inner}' $0; true")).spawn();
        wait_for_file(db, "started");
        leader.signal(Signal::SIGTERM);
        let finished = leader.wait(SOON).expect(143);
        assert!(db.folder().join("cleaned").exists(), "{}", finished.said());
        assert_nothing_is_left(db, Duration::ZERO);
    }

    fn followers_of_an_interrupted_command_hear_by_what(db) {
        let leader = leader_with(db, "grace: 1s", STUBBORN).spawn();
        wait_for_file(db, "started");
        let follower = participant("follow", db).spawn();
        follower.wait_for_event("watching", SOON);
        leader.signal(Signal::SIGINT);
        leader.wait(SOON).expect(130);
        follower.wait(SOON).expect(20).explains(&["SIGINT in shop-web", "in the middle of its command"]);
    }
}
