//! `unlock`: a dead leader's lock is taken away, a live one's only by force, and what was taken away commits nothing.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{
    Bellwether, Finished, Migrations, Running, Server, TestDatabase, on_every_server, on_servers,
};

const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(60);

/// What a stand-in may lack, without which `unlock` cannot end the session that has the lock.
const WHO_HOLDS: &str = "view of whose locks are held";

fn unlock(db: &TestDatabase) -> Bellwether {
    Bellwether::new("unlock").on(db)
}

/// A leader in the middle of its second migration, which waits at the gate.
fn at_the_gate(db: &TestDatabase, migrations: &Migrations) -> Running {
    at_the_gate_with(db, migrations, &[])
}

fn at_the_gate_with(db: &TestDatabase, migrations: &Migrations, args: &[&str]) -> Running {
    let leader = Bellwether::lead(db, migrations).args(args).spawn();
    leader.wait_for("second step", SOON, |event| {
        event["event"] == "step_started" && event["step"]["position"] == 2
    });
    // the event comes before the work
    match db.server() {
        Server::Postgres | Server::SqlServer => {}
        Server::MariaDb => db.wait_for_row("select 1 from _sqlx_migrations where success = 0", SOON),
        Server::Sqlite => db.wait_for_row("select 1 from bellwether_runs where done = 1", SOON),
    }
    leader
}

/// Its process is gone when this returns.
fn killed(leader: Running) {
    leader.kill9();
    leader.wait(SOON);
}

fn ended_by(db: &TestDatabase) -> String {
    db.value("select ended_by from bellwether_runs order by fence limit 1")
}

#[track_caller]
fn found<'a>(finished: &'a Finished, event: &str) -> &'a serde_json::Value {
    finished.events_named(event).first().copied().unwrap_or_else(|| panic!("no {event}\n{}", finished.said()))
}

on_every_server! {
    fn with_nothing_locked_it_says_so(db) {
        unlock(db).run().expect(0).says(&format!("nobody has the lock {}", db.lock_name()));
        assert!(!db.has_table("bellwether_runs"));
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
        let finished = unlock(db).args(["--yes", "--force"]).run().expect(0).says(&format!("nobody has the lock {}", db.lock_name()));
        assert_eq!(found(&finished, "lock")["locked"], false);
        Bellwether::human("unlock").on(db).run().expect(0).says(&format!("nobody has the lock {}", db.lock_name())).says("none at work");
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn a_killed_leaders_lock_is_taken_away_and_it_is_recorded_who_did_it(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        killed(at_the_gate(db, &migrations));
        let finished = unlock(db).arg("--yes").participant("shop-ops").env("GITHUB_ACTOR", "alice").run().expect(0);
        assert_eq!(found(&finished, "lock")["holder"]["leader"], "shop-web");
        assert_eq!(db.runs(), [["shop-web", "abandoned"]]);
        let by = ended_by(db);
        assert!(by.starts_with("unlocked by alice@") && by.ends_with("(shop-ops)"), "{by}");
        assert_eq!(found(&finished, "unlocked")["ended_by"], by.as_str());
        assert_eq!(db.value("select fence from bellwether_lock"), found(&finished, "unlocked")["fence"].to_string());
        gate.open();
        unlock(db).run().expect(0).says("nobody has the lock");
        // what is half applied on MariaDB is refused by name, as ever
        let dirty = db.server() == Server::MariaDb;
        Bellwether::lead(db, &migrations).run().expect(if dirty { 13 } else { 0 });
        assert_eq!(db.applied(), ["0001"]);
        assert_eq!(db.value("select max(fence) from bellwether_runs"), "3", "above the one of the unlock");
    }

    fn a_live_leader_keeps_its_lock(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = at_the_gate(db, &migrations);
        let finished = unlock(db).arg("--yes").run().expect(4).explains(&["shop-web is alive", "--force"]);
        assert!(finished.elapsed < db.within(Duration::from_secs(10)), "{:?}", finished.elapsed);
        gate.open();
        leader.wait(SOON).expect(0);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }

    fn without_a_terminal_and_without_yes_nothing_is_changed(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = at_the_gate(db, &migrations);
        killed(leader);
        for force in [&[][..], &["--force"]] {
            let finished = unlock(db).args(force).run().expect(4).explains(&["--yes", "nothing was changed"]);
            assert!(finished.elapsed < db.within(Duration::from_secs(5)), "at once: {:?}", finished.elapsed);
            assert_eq!(found(&finished, "lock")["holder"]["leader"], "shop-web");
        }
        assert_eq!(db.runs(), [["shop-web", "running"]]);
        gate.open();
    }

    fn another_lock_name_is_another_lock(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = Bellwether::lead(db, &migrations).args(["--lock-name", "shop"]).spawn();
        leader.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        if db.server() == Server::Sqlite {
            // one lock file: whoever has it locked has it for every name
            unlock(db).arg("--yes").run().expect(4);
        } else {
            unlock(db).args(["--yes", "--force"]).run().expect(0).says(&format!("nobody has the lock {}", db.lock_name()));
        }
        gate.open();
        leader.wait(SOON).expect(0);
    }

    fn half_a_ledger_is_not_touched(db) {
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
        db.sql("drop table bellwether_runs");
        unlock(db).args(["--yes", "--force"]).run().expect(31).explains(&["bellwether_runs is missing"]);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn by_force_a_live_leader_is_stopped_in_the_middle(db) {
        if db.stand_in_lacks(WHO_HOLDS) {
            return;
        }
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql()).file("0003_step.sql", "insert into applied values ('0003');");
        let leader = at_the_gate(db, &migrations);
        let finished = unlock(db).args(["--yes", "--force"]).env("GITHUB_ACTOR", "alice").run().expect(0);
        assert!(finished.elapsed < Duration::from_secs(12), "{:?}", finished.elapsed);
        gate.open();
        leader.wait(SOON).expect(12);
        assert_eq!(db.applied(), ["0001"]);
        let status = &db.runs()[0][1];
        assert!(["abandoned", "interrupted"].contains(&status.as_str()), "{status}");
        assert!(found(&finished, "unlocked")["session_ended"].is_string(), "{}", finished.said());
        assert!(ended_by(db).contains("alice@"), "{}", ended_by(db));
    }

    fn a_leader_that_thaws_after_a_forced_unlock_commits_nothing(db) {
        if db.stand_in_lacks(WHO_HOLDS) {
            return;
        }
        let gate = db.gate();
        let late = "insert into applied values ('late');\n";
        let migrations = Migrations::counted(1).file("0002_wait.sql", format!("{}{late}", gate.sql())).file("0003_late.sql", late);
        let leader = at_the_gate(db, &migrations);
        leader.signal(Signal::SIGSTOP);
        let finished = unlock(db).args(["--yes", "--force"]).run().expect(0);
        assert!(found(&finished, "unlocked")["session_ended"].is_string(), "{}", finished.said());
        assert_eq!(db.runs(), [["shop-web", "abandoned"]]);
        assert!(ended_by(db).starts_with("unlocked with --force by "), "{}", ended_by(db));
        // somebody else deploys, while the old leader is frozen
        let others = Migrations::counted(1);
        let other = Bellwether::new("lead").on(db).migrations(&others).release("r2").participant("shop-jobs");
        let other = other.config("history: { missing: allow }").run();
        assert!(matches!(other.code, Some(0 | 13)), "{}", other.said());
        gate.open();
        leader.signal(Signal::SIGCONT);
        leader.wait(LATER).expect(12);
        assert_eq!(db.applied(), ["0001"]);
        assert_eq!(db.runs()[0], ["shop-web", "abandoned"]);
    }

    fn a_lease_is_taken_away_too_and_nothing_of_it_goes_on(db) {
        if db.stand_in_lacks("view of whose statements run") {
            return;
        }
        let gate = db.gate();
        let late = "insert into applied values ('late');\n";
        let outside = if matches!(db.server(), Server::Postgres | Server::SqlServer) { "-- no-transaction\n" } else { "" };
        let migrations = Migrations::counted(1).file("0002_wait.sql", format!("{outside}{}{late}", gate.sql()));
        let leader = at_the_gate_with(db, &migrations, &["--lock-mode", "lease"]);
        unlock(db).arg("--yes").run().expect(4).explains(&["shop-web is alive"]);
        leader.signal(Signal::SIGSTOP);
        let finished = unlock(db).args(["--yes", "--force"]).run().expect(0);
        assert!(finished.elapsed < db.within(Duration::from_secs(15)), "{:?}", finished.elapsed);
        assert_eq!(db.runs(), [["shop-web", "abandoned"]]);
        gate.open();
        leader.signal(Signal::SIGCONT);
        leader.wait(LATER).expect(12);
        assert_eq!(db.applied(), ["0001"]);
    }

    fn a_run_that_ended_while_the_person_thought_is_over_though_a_newer_one_has_the_row(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = at_the_gate(db, &migrations);
        let migrations = migrations.file("0003_wait.sql", gate.sql());
        let mut next = None;
        let (code, said) = on_a_terminal(db, "--force", "yes\n", || {
            gate.open();
            leader.wait(SOON).expect(0);
            gate.shut();
            let leader = Bellwether::lead(db, &migrations).spawn();
            leader.wait_for("its step", SOON, |event| event["event"] == "step_started" && event["step"]["version"] == "3");
            if db.server() == Server::Postgres {
                // its transaction has the lock's row
                let held = "select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
                db.wait_for_row(held, SOON);
            }
            next = Some(leader);
        });
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("nothing to unlock any more: the run of shop-web is over: succeeded"), "{said}");
        gate.open();
        next.unwrap().wait(SOON).expect(0);
        assert_eq!(db.runs(), [["shop-web", "succeeded"], ["shop-web", "succeeded"]]);
    }

    fn by_force_a_live_command_is_ended_with_all_that_it_started(db) {
        if db.stand_in_lacks(WHO_HOLDS) {
            return;
        }
        let script = "echo $$ > pid; sleep 300 & wait";
        let leader = Bellwether::new("lead").on(db).release("r1").participant("shop-web");
        let file = leader.folder().join("pid");
        let leader = leader.args(["--", "sh", "-c", script]).spawn();
        let end = std::time::Instant::now() + SOON;
        while std::fs::read_to_string(&file).map_or(true, |text| text.trim().is_empty()) {
            assert!(std::time::Instant::now() < end, "the command never began");
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        unlock(db).args(["--yes", "--force"]).run().expect(0);
        leader.wait(SOON).expect(12);
        assert!(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_err(), "it is still there");
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
    }

    fn a_frozen_leader_is_silent_and_unlocked_without_force(db) {
        if db.stand_in_lacks(WHO_HOLDS) {
            return;
        }
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = at_the_gate(db, &migrations);
        leader.signal(Signal::SIGSTOP);
        let finished = Bellwether::human("unlock").arg("--yes").on(db).run().expect(0);
        assert!(finished.elapsed > Duration::from_secs(14) && finished.elapsed < Duration::from_secs(40), "{:?}", finished.elapsed);
        finished.says("watching shop-web for signs of life").says("unlocked default: the run");
        leader.signal(Signal::SIGCONT);
        leader.wait(LATER).expect(12);
        gate.open();
    }
}

on_servers! { [postgres Postgres]
    fn many_who_unlock_at_once_and_elects_that_wait_apply_each_migration_once(db) {
        let gate = db.gate();
        let step = "insert into applied values ('0003');\n";
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql()).file("0003_step.sql", step);
        let leader = at_the_gate(db, &migrations);
        leader.signal(Signal::SIGSTOP);
        let elects: Vec<_> = (0..3).map(|_| Bellwether::at("deploy", db, &migrations).spawn()).collect();
        for elect in &elects {
            elect.wait_for_event("watching", SOON);
        }
        let operators: Vec<_> = (0..4).map(|_| unlock(db).args(["--yes", "--force"]).spawn()).collect();
        // the last of them may find an elect that has the lock, and has recorded nothing yet
        let codes: Vec<_> = operators.into_iter().map(|operator| operator.wait(LATER).code).collect();
        assert!(codes.contains(&Some(0)) && codes.iter().all(|code| matches!(code, Some(0 | 4))), "{codes:?}");
        gate.open();
        leader.signal(Signal::SIGCONT);
        leader.wait(LATER).expect(12);
        // a second operator may have stopped an elect too: whoever comes last brings it to its end
        for elect in elects {
            let code = elect.wait(Duration::from_secs(90)).code;
            assert!(matches!(code, Some(0 | 12 | 20 | 22)), "{code:?}");
        }
        Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(db.applied(), ["0001", "0003"]);
        assert_eq!(db.history(), ["1", "2", "3"]);
    }

    fn a_session_of_another_user_is_named_with_what_ends_it(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = at_the_gate(db, &migrations);
        let session = db.value("select session from bellwether_runs");
        let pid = session.split('@').next().unwrap_or_default();
        let other = db.reader();
        db.sql(&format!("grant select, insert, update, delete on all tables in schema public to {}", other.name));
        let asked = Bellwether::new("unlock").url(&other.url).args(["--yes", "--force"]).run().expect(4);
        asked.explains(&["nothing was changed", &format!("pg_terminate_backend({pid})"), "shop-web"]);
        assert_eq!(db.runs(), [["shop-web", "running"]]);
        gate.open();
        leader.wait(SOON).expect(0);
        let reader = db.reader();
        db.grant_select(&reader, &["bellwether_runs", "bellwether_lock", "bellwether_steps", "bellwether_meta"]);
        Bellwether::new("unlock").url(&reader.url).run().expect(0).says("nobody has the lock");
    }

    fn a_session_that_no_run_recorded_is_named_and_never_ended(db) {
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
        let mut other = db.session();
        let pid = other.rows("select pg_backend_pid() from pg_advisory_lock(77)").remove(0).remove(0);
        let asked = unlock(db).args(["--lock-id", "77", "--yes", "--force"]).run().expect(4);
        asked.explains(&["no run recorded", &pid, "pg_terminate_backend"]);
        other.run("select 1");
    }

    fn through_a_pooler_nothing_stays_behind(db) {
        let Some(pooler) = crate::support::server::pgbouncer_url() else { return };
        let url = pooler.replace("/postgres", &format!("/{}", db.name()));
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        killed(at_the_gate(db, &migrations));
        Bellwether::new("unlock").url(&url).args(["--yes", "--force"]).run().expect(0);
        assert_eq!(db.runs(), [["shop-web", "abandoned"]]);
        gate.open();
    }
}

on_servers! { [sqlite Sqlite]
    fn a_process_that_has_the_lock_file_is_named_even_by_force(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let leader = at_the_gate(db, &migrations);
        leader.signal(Signal::SIGSTOP);
        unlock(db).arg("--yes").run().expect(4).explains(&["lock file"]);
        let asked = unlock(db).args(["--yes", "--force"]).run().expect(4);
        asked.explains(&[&format!("kill {}", leader.pid()), "lock file"]);
        killed(leader);
        unlock(db).arg("--yes").run().expect(0);
        assert_eq!(db.runs(), [["shop-web", "abandoned"]]);
    }

    fn on_a_terminal_it_asks_and_only_a_yes_is_one(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        killed(at_the_gate(db, &migrations));
        let (code, said) = on_a_terminal(db, "", "no\n", || {});
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("Take the lock default away from shop-web?"), "{said}");
        assert_eq!(db.runs(), [["shop-web", "running"]]);
        let (code, said) = on_a_terminal(db, "", "yes\n", || {});
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(db.runs(), [["shop-web", "abandoned"]]);
    }
}

/// `unlock` on a terminal of its own, where somebody answers when they are asked, after what they do meanwhile.
fn on_a_terminal(
    db: &TestDatabase,
    args: &str,
    answer: &str,
    meanwhile: impl FnOnce(),
) -> (Option<i32>, String) {
    let program = format!("{} unlock {args}", env!("CARGO_BIN_EXE_bellwether"));
    let mut child = Command::new("script")
        .args(["-qefc", &program, "/dev/null"])
        .env("DATABASE_URL", db.url())
        .env("BELLWETHER_LOCK_NAME", db.lock_name())
        .env("TERM", "xterm")
        .current_dir(db.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).contains("Take the lock") && stdout.read(&mut byte).unwrap() == 1 {
        said.push(byte[0]);
    }
    meanwhile();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(answer.as_bytes()).unwrap();
    stdout.read_to_end(&mut said).unwrap();
    drop(stdin);
    (child.wait().unwrap().code(), String::from_utf8_lossy(&said).into_owned())
}
