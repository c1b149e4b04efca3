//! A SQLite file of which nothing can be read while somebody writes: a leader that changes much, or another program.

use std::fs::OpenOptions;
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};
use serde_json::Value;

use super::{LONG, SOON};
use crate::support::database::Session;
use crate::support::{Bellwether, Migrations, Running, TestDatabase, on_servers};

/// Keeps the file to itself for as long as this lives.
fn written(db: &TestDatabase) -> Session {
    let mut session = db.session();
    session.run("begin exclusive");
    session
}

/// The lock of a leader that is at work.
fn locked(db: &TestDatabase) -> Flock<std::fs::File> {
    let mut path = db.file().canonicalize().unwrap().into_os_string();
    path.push(".bellwether-lock");
    let file = OpenOptions::new().create(true).append(true).open(PathBuf::from(path)).unwrap();
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno).unwrap()
}

/// Waits until a participant says that this is why it waits.
fn waits_for(running: &Running, who: &str) {
    running.wait_for(who, SOON, |event: &Value| {
        event["event"] == "waiting" && event["reason"].as_str().is_some_and(|reason| reason.contains(who))
    });
}

on_servers! { [sqlite Sqlite]
    fn who_comes_while_a_leader_writes_waits_for_its_verdict(db) {
        db.sql("create table theirs (id int)");
        let migrations = Migrations::counted(2);
        let (lock, written) = (locked(db), written(db));
        let waiting: Vec<_> = ["follow", "elect"]
            .map(|role| Bellwether::at("deploy", db, &migrations).args(["--role", role]).participant(role).spawn())
            .into_iter()
            .collect();
        let next = Bellwether::lead(db, &migrations).spawn();
        for one in waiting.iter().chain([&next]) {
            waits_for(one, "somebody is at work");
        }
        drop((written, lock));
        next.wait(LONG).expect(0);
        for one in waiting {
            one.wait(LONG).expect(0);
        }
        assert_eq!(db.applied(), ["0001", "0002"]);
    }

    fn whose_time_ends_before_anything_is_seen_is_told_that_somebody_was_at_work(db) {
        db.sql("create table theirs (id int)");
        let migrations = Migrations::counted(1);
        let (lock, written) = (locked(db), written(db));
        let follower = Bellwether::at("follow", db, &migrations).timeout("2s").run().expect(21);
        follower.explains(&["somebody was still at work when our time ended"]);
        Bellwether::lead(db, &migrations).args(["--lock-wait", "2s"]).timeout("60s").run().expect(11);
        drop((written, lock));
    }

    fn another_program_that_writes_is_waited_for_and_named(db) {
        db.sql("create table theirs (id int)");
        let migrations = Migrations::counted(1);
        let written = written(db);
        let follower = Bellwether::at("follow", db, &migrations).spawn();
        let leader = Bellwether::lead(db, &migrations).spawn();
        for one in [&follower, &leader] {
            waits_for(one, "another program writes");
        }
        let late = Bellwether::lead(db, &migrations).timeout("3s").run().expect(31);
        late.explains(&["another program was writing", "fuser"]);
        // a deploy would wait
        let doctor = Bellwether::new("doctor").on(db).migrations(&migrations).release("r1").run().expect(0);
        doctor.says("another program was writing");
        drop(written);
        leader.wait(LONG).expect(0);
        follower.wait(LONG).expect(0);
    }
}
