//! A wrapped command as a real process: who runs it, what the others see of it, and that nothing of it outlives us.
//! Every process of a test's command is known by the release in its environment, which is the test's own.

mod deaths;
mod endings;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Bellwether, Running, TestDatabase, on_every_server, on_servers};

const SOON: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(60);

/// A participant of the release named after the database.
fn participant(verb: &str, db: &TestDatabase) -> Bellwether {
    Bellwether::new(verb).on(db).release(db.name())
}

/// One that runs a shell script, in whose `$0` is the test's folder.
trait Shell {
    fn sh(self, db: &TestDatabase, script: &str) -> Self;
}

impl Shell for Bellwether {
    fn sh(self, db: &TestDatabase, script: &str) -> Self {
        self.args(["--", "sh", "-c", script]).arg(db.folder())
    }
}

fn leader(db: &TestDatabase, script: &str) -> Bellwether {
    participant("lead", db).participant("shop-web").sh(db, script)
}

/// With these keys in its config.
fn leader_with(db: &TestDatabase, keys: &str, script: &str) -> Bellwether {
    participant("lead", db).participant("shop-web").config(keys).sh(db, script)
}

pub(crate) fn wait_for_file(db: &TestDatabase, name: &str) {
    let limit = db.within(SOON);
    let end = Instant::now() + limit;
    while !db.folder().join(name).exists() {
        assert!(Instant::now() < end, "the command has not made {name:?} within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn touch(db: &TestDatabase, name: &str) {
    fs::write(db.folder().join(name), "").unwrap();
}

fn lines(db: &TestDatabase, name: &str) -> Vec<String> {
    let text = fs::read_to_string(db.folder().join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What a process was started with, and whether it is a guard.
#[derive(Debug)]
pub(crate) struct Process {
    pid: i32,
    words: String,
}

impl Process {
    /// One that has ended meanwhile hears nothing.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.pid), signal);
    }

    fn is_guard(&self) -> bool {
        self.words.contains("__guard")
    }
}

/// The command's processes and their guards. A zombie has no environment any more and does not count.
pub(crate) fn alive(db: &TestDatabase) -> Vec<Process> {
    let mark = format!("BELLWETHER_RELEASE={}\0", db.name());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let of_ours = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let words = fs::read(entry.path().join("cmdline")).ok()?;
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        String::from_utf8_lossy(&environment).contains(&mark).then_some(Process { pid, words })
    });
    of_ours.collect()
}

/// Panics unless every process of the command is gone within `limit`, its guard included.
#[track_caller]
pub(crate) fn assert_nothing_is_left(db: &TestDatabase, limit: Duration) {
    let end = Instant::now() + limit;
    while !alive(db).is_empty() {
        assert!(Instant::now() < end, "left after {limit:?}: {:?}", alive(db));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The lock is free: another release's leader gets it at once.
fn assert_the_lock_is_free(db: &TestDatabase) {
    let next = Bellwether::new("lead").on(db).release("next").participant("next");
    next.args(["--lock-wait", "1s", "--", "true"]).run().expect(0);
}

fn statuses(db: &TestDatabase) -> Vec<String> {
    db.column("select status from bellwether_runs order by fence")
}

fn deploy(db: &TestDatabase, release: &str, script: &str) -> Running {
    Bellwether::new("deploy").on(db).release(release).sh(db, script).spawn()
}

/// Leaves a line, so that a test can count how often it ran.
const COUNTED: &str = "echo ran >> $0/ran";

on_every_server! {
    fn twelve_participants_run_one_command_once(db) {
        let script = format!("{COUNTED}; sleep 0.3");
        let count = if db.stand_in_lacks("room for more than six at once") { 6 } else { 12 };
        let everyone: Vec<_> = (0..count).map(|_| deploy(db, db.name(), &script)).collect();
        for one in everyone {
            one.wait(LONG).expect(0);
        }
        assert_eq!(lines(db, "ran").len(), 1);
        assert_eq!(statuses(db), ["succeeded"]);
        assert_nothing_is_left(db, Duration::from_secs(1));
    }

    fn exit_code_and_the_outputs_end_reach_everyone(db) {
        let script = "echo begun; while [ ! -e $0/go ]; do sleep 0.05; done; echo 'no such column: 42' >&2; exit 7";
        let leader = leader(db, script).spawn();
        leader.wait_for_event("run_started", SOON);
        let mut others: Vec<_> = (0..2).map(|_| participant("follow", db).spawn()).collect();
        others.push(deploy(db, db.name(), script));
        for other in &others {
            other.wait_for_event("watching", SOON);
        }
        touch(db, "go");
        leader.wait(SOON).expect(10).explains(&["exit code 7", "begun", "no such column: 42"]);
        for other in others {
            other.wait(SOON).expect(20).explains(&["exit code 7", "begun", "no such column: 42"]);
        }
        assert_eq!(db.runs(), [["shop-web", "failed"]]);
        assert_the_lock_is_free(db);
    }

    fn the_command_knows_release_run_and_fence(db) {
        leader(db, "echo $BELLWETHER_RELEASE $BELLWETHER_RUN $BELLWETHER_FENCE > $0/known").run().expect(0);
        let run = db.rows("select r.release, r.id, r.fence from bellwether_runs r").remove(0).join(" ");
        assert_eq!(lines(db, "known"), [run]);
    }

    fn a_designated_leader_runs_it_again_for_an_old_success(db) {
        leader(db, COUNTED).run().expect(0);
        leader(db, COUNTED).run().expect(0);
        assert_eq!(lines(db, "ran").len(), 2);
        assert_eq!(statuses(db), ["succeeded", "succeeded"]);
    }

    fn of_two_designated_leaders_the_second_finds_the_run_done(db) {
        let script = format!("{COUNTED}; while [ ! -e $0/go ]; do sleep 0.05; done");
        let first = leader(db, &script).spawn();
        wait_for_file(db, "ran");
        let second = participant("lead", db).participant("shop-jobs").sh(db, &script).spawn();
        second.wait_for_event("lock_waiting", SOON);
        touch(db, "go");
        first.wait(SOON).expect(0);
        second.wait(SOON).expect(0);
        assert_eq!(lines(db, "ran").len(), 1);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn of_two_designated_leaders_the_second_does_not_try_a_failure_anew(db) {
        let script = format!("{COUNTED}; while [ ! -e $0/go ]; do sleep 0.05; done; exit 7");
        let first = leader(db, &script).spawn();
        wait_for_file(db, "ran");
        let second = participant("lead", db).participant("shop-jobs").sh(db, &script).spawn();
        second.wait_for_event("lock_waiting", SOON);
        touch(db, "go");
        first.wait(SOON).expect(10);
        second.wait(SOON).expect(20);
        assert_eq!(lines(db, "ran").len(), 1);
        assert_eq!(db.runs(), [["shop-web", "failed"]]);
    }

    fn an_elect_skips_only_a_success_after_which_nothing_else_ran(db) {
        for (release, times) in [("r1", 1), ("r1", 1), ("r2", 2), ("r1", 3), ("r1", 3)] {
            deploy(db, release, COUNTED).wait(SOON).expect(0);
            assert_eq!(lines(db, "ran").len(), times, "at {release}");
        }
    }

    fn whatever_bytes_it_prints_its_failure_is_recorded(db) {
        // more than some servers keep in a text; NUL, half a character, colours, a progress bar
        let script = "head -c 9000 /dev/urandom; echo; line=$(head -c 1900 /dev/zero | tr '\\0' x);
            for i in $(seq 250); do echo \"$i $line\"; done; printf 'a\\000b\\377\\303\\033[31mred\\033[0m\\n10%%\\r99%% done\\n'; exit 3";
        let leader = leader(db, script).run().expect(10).explains(&["exit code 3", "red\n99% done"]);
        assert!(!leader.error().contains('\u{1b}') && !leader.error().contains('\0'), "{}", leader.error());
        assert_eq!(statuses(db), ["failed"]);
        let recorded = db.value("select error from bellwether_runs");
        assert!(recorded.contains("exit code 3") && recorded.contains("red\n99% done"), "{recorded}");
        assert_the_lock_is_free(db);
    }
}

on_servers! { [postgres Postgres]
    fn where_nothing_is_in_between_one_connection_looks_leads_and_beats(db) {
        for verb in ["lead", "deploy"] {
            let script = format!("touch $0/{verb}; while [ ! -e $0/go-{verb} ]; do sleep 0.05; done");
            let leader = Bellwether::new(verb).on(db).release(verb).sh(db, &script).spawn();
            wait_for_file(db, verb);
            // it has beaten, and took no other session for that
            db.wait_for_row(&format!("select 1 from bellwether_runs where release = '{verb}' and beats > 0"), SOON);
            let sessions = "select count(*) from pg_stat_activity where application_name = 'bellwether'
                and datname = current_database()";
            assert_eq!(db.value(sessions), "1", "{verb}");
            touch(db, &format!("go-{verb}"));
            leader.wait(SOON).expect(0);
        }
        assert_eq!(db.value("select distinct lock_mode from bellwether_runs"), "session");
    }
}

/// Where a participant runs.
fn own_folder(participant: &Bellwether) -> PathBuf {
    participant.folder().canonicalize().unwrap()
}
