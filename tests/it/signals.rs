//! SIGTERM and SIGINT: the statement ends on the server, the run is recorded, the lock is free, in time.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::server::skipped;
use crate::support::{Bellwether, Migrations, Running, Server, TestDatabase, on_every_server};

const SOON: Duration = Duration::from_secs(20);

/// A leader in the middle of a statement that would run for a minute.
fn at_work(db: &TestDatabase, migrations: &Migrations) -> Running {
    migrations.write("0002_slow.sql", db.sleep_sql(60.0));
    let leader = Bellwether::lead(db, migrations).spawn();
    leader.wait_for("second step", SOON, |event| {
        event["event"] == "step_started" && event["step"]["position"] == 2
    });
    leader
}

/// The server may need a moment to let go of a statement that it was told to end.
fn assert_nothing_runs(db: &TestDatabase) {
    let (all, text) = match db.server() {
        Server::Postgres => ("select 1", "pg_sleep"),
        Server::MariaDb => ("select 1 from dual", "sleep("),
        Server::SqlServer => ("select 1", "waitfor"),
        Server::Sqlite => return,
    };
    db.wait_for_row(&format!("{all} where not exists ({})", db.at_work_sql(text)), Duration::from_secs(1));
}

fn assert_ends_well(db: &TestDatabase, signals: &[Signal], code: i32) {
    if db.stand_in_lacks("ear for a cancel before its statement's end") {
        return;
    }
    let migrations = Migrations::counted(1);
    let leader = at_work(db, &migrations);
    for signal in signals {
        leader.signal(*signal);
        std::thread::sleep(Duration::from_millis(50));
    }
    let sent = std::time::Instant::now();
    let finished = leader.wait(SOON).expect(code);
    assert!(finished.ended.saturating_duration_since(sent) < Duration::from_secs(5), "{}", finished.said());
    assert_eq!(finished.outcome()["outcome"], "interrupted");
    assert_eq!(finished.applied(), ["1"], "{}", finished.said());
    assert_eq!(db.runs(), [["shop-web", "interrupted"]], "{}", finished.said());
    assert_nothing_runs(db);
    // the lock is free: the next leader need not wait for it. MariaDB may find the script half applied
    migrations.write("0002_slow.sql", "select 2;");
    let next = Bellwether::at("lead", db, &migrations).participant("next").args(["--lock-wait", "1s"]).run();
    let fine = next.code == Some(0) || (db.server() == Server::MariaDb && next.code == Some(13));
    assert!(fine, "{:?}\n{}", next.code, next.said());
}

on_every_server! {
    fn sigterm_ends_a_leader_in_time(db) {
        assert_ends_well(db, &[Signal::SIGTERM], 143);
    }

    fn sigint_ends_a_leader_in_time(db) {
        assert_ends_well(db, &[Signal::SIGINT], 130);
    }

    fn a_second_sigterm_changes_nothing(db) {
        assert_ends_well(db, &[Signal::SIGTERM, Signal::SIGTERM, Signal::SIGTERM], 143);
    }

    fn sigterm_after_sigint_changes_nothing(db) {
        assert_ends_well(db, &[Signal::SIGINT, Signal::SIGTERM, Signal::SIGINT], 130);
    }

    fn a_follower_says_by_what_its_leader_was_interrupted(db) {
        let migrations = Migrations::counted(1);
        let leader = at_work(db, &migrations);
        let follower = Bellwether::follow(db, &migrations).spawn();
        follower.wait_for_event("watching", SOON);
        leader.signal(Signal::SIGTERM);
        let leader = leader.wait(SOON).expect(143);
        let follower = follower.wait(SOON).expect(20).explains(&["SIGTERM"]);
        assert!(follower.ended.saturating_duration_since(leader.ended) < db.within(Duration::from_secs(2)), "{}", follower.said());
    }

    fn sigterm_ends_those_who_wait(db) {
        let migrations = Migrations::counted(1);
        let leader = at_work(db, &migrations);
        let follower = Bellwether::follow(db, &migrations).spawn();
        follower.wait_for_event("watching", SOON);
        let queued = Bellwether::at("lead", db, &migrations).spawn();
        queued.wait_for_event("lock_waiting", SOON);
        for waiting in [follower, queued] {
            waiting.signal(Signal::SIGTERM);
            let finished = waiting.wait(Duration::from_secs(5)).expect(143);
            assert_eq!(finished.outcome()["exit"], 143);
        }
        assert!(leader.is_running());
        assert_eq!(db.runs(), [["shop-web", "running"]]);
    }
}

/// A file that nobody else can open for 45 s (`/proc/sys/fs/lease-break-time`), as one on a network that is down: its
/// reader is in the middle of `open` until then.
struct Leased(Child, BufReader<ChildStdout>);

/// Says `held` when it has the lease (1024 is `F_SETLEASE`, 1 `F_WRLCK`), and `asked` when somebody opens the file.
const LEASE: &str = r#"$| = 1; $SIG{IO} = sub { print "asked\n" }; open(my $file, "+<", $ARGV[0]) or die;
fcntl($file, 1024, 1) or die "no leases: $!"; print "held\n"; sleep 1 while 1"#;

impl Leased {
    /// None where nothing gives one.
    fn hold(file: &Path) -> Option<Self> {
        let perl = Command::new("perl").args(["-e", LEASE]).arg(file).stdout(Stdio::piped()).spawn();
        let mut child = perl.ok()?;
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut leased = Self(child, said);
        if leased.says("held") {
            return Some(leased);
        }
        skipped("no leases on files here");
        None
    }

    fn says(&mut self, word: &str) -> bool {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line.trim() == word
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn whoever_reads_files_that_never_come_ends_all_the_same() {
    let db = Server::Sqlite.database();
    for (verb, signal, code) in [
        ("lead", Some(Signal::SIGTERM), 143),
        ("follow", Some(Signal::SIGINT), 130),
        ("deploy", Some(Signal::SIGTERM), 143),
        ("lead", None, 14),
        ("deploy", None, 21),
        ("follow", None, 21),
        ("plan", None, 2),
        ("status", None, 2),
        ("doctor", None, 2),
    ] {
        let migrations = Migrations::counted(1);
        let Some(mut leased) = Leased::hold(&migrations.path_of("0001_first.sql")) else { return };
        let budget = if signal.is_some() { "10m" } else { "2s" };
        let reader = Bellwether::at(verb, &db, &migrations).timeout(budget).spawn();
        assert!(leased.says("asked"), "{verb}");
        if let Some(signal) = signal {
            reader.signal(signal);
        }
        let finished = reader.wait(SOON).expect(code);
        let said = finished.said();
        assert_eq!(said.contains("was not read when our time ended (2 s)"), signal.is_none(), "{said}");
        assert!(!said.contains("applied no migration before"), "{said}");
        if verb == "doctor" {
            assert!(said.contains("\"connection\""), "the rest is looked at all the same: {said}");
        }
    }
}
