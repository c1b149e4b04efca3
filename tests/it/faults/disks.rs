//! Disks that are full: tiny file systems in memory, where they may be mounted.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::own::OwnServer;
use crate::support::{Bellwether, Migrations, Server, TestDatabase};

/// A file system of so many MiB.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// None, and a printed skip, where mounting is not allowed.
    fn mount(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("bellwether-disk.").tempdir_in("/tmp").unwrap();
        let options = format!("size={mebibytes}m,mode=0777");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        let _ = writeln!(std::io::stderr(), "\nskipped: full disks (mounting is not allowed here)");
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Not a byte is left.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        while filler.write_all(&[0; 1024]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(self.path()).output();
    }
}

/// `second` is where the disk gets full; the leader has begun with it when `during` comes.
fn gets_full(db: &TestDatabase, disk: &Disk, second: &str) {
    let migrations = Migrations::witnessed(db, 3);
    migrations.write("0002_step.sql", second);
    let leader = Bellwether::lead(db, &migrations).spawn();
    super::wait_for_step(&leader, 2);
    let follower = Bellwether::follow(db, &migrations).config("follow: { grace: 2s }").spawn();
    disk.fill();
    let leader = leader.wait(super::LONG);
    assert!(matches!(leader.code, Some(10 | 12 | 31)), "{:?}\n{}", leader.code, leader.said());
    // it may be too full for the verdict
    let follower = follower.wait(super::LONG);
    assert!(matches!(follower.code, Some(20 | 22)), "{:?}\n{}", follower.code, follower.said());
    let late = Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run();
    assert!(matches!(late.code, Some(10 | 31)), "{:?}\n{}", late.code, late.said());
    disk.free();
    Bellwether::new("lead").on(db).migrations(&migrations).release("r3").run().expect(0);
    assert_eq!(db.column("select step from witness order by at"), ["1", "3"]);
}

#[test]
fn a_tablespace_that_gets_full_fails_the_run_and_the_next_one_does_the_rest() {
    if !Server::Postgres.is_available() {
        return;
    }
    let Some(disk) = Disk::mount(24) else { return };
    let own = OwnServer::start(Server::Postgres, 50);
    let db = own.database();
    let mut root = crate::support::database::Session::open(Server::Postgres, own.url());
    std::fs::create_dir(disk.path().join("space")).unwrap();
    let given =
        Command::new("chown").arg("--reference").arg(own.data()).arg(disk.path().join("space")).status();
    assert!(given.unwrap().success());
    root.run(&format!("create tablespace tiny location '{}'", disk.path().join("space").display()));
    root.run(&format!("alter database {} set tablespace tiny", db.name()));
    gets_full(
        &db,
        &disk,
        "select pg_sleep(2);\ncreate table more as select n, repeat('x', 1000) from generate_series(1, 500) n;\n",
    );
}

#[test]
fn a_file_whose_disk_gets_full_fails_the_run_and_the_next_one_does_the_rest() {
    let Some(disk) = Disk::mount(2) else { return };
    let db = TestDatabase::in_folder(disk.path());
    let much = "create table more (text);\nwith recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
        insert into more select hex(randomblob(500)) from n;\n";
    gets_full(&db, &disk, &format!("{}{much}", db.sleep_sql(1.0)));
}

#[test]
fn a_data_folder_that_gets_full_half_applies_a_script_which_is_refused_by_name() {
    if !Server::MariaDb.is_available() {
        return;
    }
    let Some(disk) = Disk::mount(24) else { return };
    let own = OwnServer::start(Server::MariaDb, 50);
    let db = own.database();
    // the database's own folder goes there, ledger and history with it
    own.crash();
    let (here, there) = (own.data().join(db.name()), disk.path().join("data"));
    let moved = Command::new("cp").arg("-a").args([&here, &there]).status();
    assert!(moved.unwrap().success());
    std::fs::remove_dir_all(&here).unwrap();
    std::os::unix::fs::symlink(&there, &here).unwrap();
    own.up();
    db.reconnect();
    let migrations = Migrations::witnessed(&db, 3);
    let much = "create table more (t text) engine InnoDB;\ndo sleep(2);\n\
        insert into more select repeat('x', 1000) from seq_1_to_50000;\n";
    migrations.write("0002_step.sql", much);
    let leader = Bellwether::lead(&db, &migrations).spawn();
    super::wait_for_step(&leader, 2);
    let follower = Bellwether::follow(&db, &migrations).config("follow: { grace: 2s }").spawn();
    disk.fill();
    let leader = leader.wait(super::LONG);
    assert!(matches!(leader.code, Some(10 | 12 | 31)), "{:?}\n{}", leader.code, leader.said());
    let follower = follower.wait(super::LONG);
    assert!(matches!(follower.code, Some(20 | 22)), "{:?}\n{}", follower.code, follower.said());
    disk.free();
    let next = |release: &str| Bellwether::new("lead").on(&db).migrations(&migrations).release(release);
    next("r2").run().expect(13).explains(&["0002_step"]);
    db.sql("drop table if exists more");
    let resolve = Bellwether::new("resolve").on(&db).migrations(&migrations);
    resolve.args(["2", "--rolled-back"]).run().expect(0);
    migrations.write("0002_step.sql", "create table more (id int);");
    next("r3").run().expect(0);
    assert_eq!(db.column("select step from witness order by at"), ["1", "3"]);
}
