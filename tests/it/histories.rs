//! What the history of a tool is good for: how far its command is, whether it left anything, and a follower that has
//! nothing else to look at. The tool is the test itself, which writes its rows.

use std::fs;
use std::time::Duration;

use crate::support::{
    Bellwether, Hold, Migrations, Proxy, Server, TestDatabase, on_every_server, on_servers,
};

const LONG: Duration = Duration::from_secs(60);
/// A command that waits until the test lets it end.
const HELD: &str = "touch \"$0/began\"; until test -e \"$0/go\"; do sleep 0.05; done";

/// As a tool would: says that this one is applied.
fn record(db: &TestDatabase, version: u32) {
    let (whole, checksum) = if db.server() == Server::SqlServer { ("1", "0x78") } else { ("true", "'x'") };
    db.sql(&format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         values ({version}, 'step', {whole}, {checksum}, 0)"
    ));
}

/// A database in which the first of three migrations is applied, and the three.
fn one_of_three(db: &TestDatabase) -> Migrations {
    let migrations = Migrations::counted(1);
    Bellwether::lead(db, &migrations).run().expect(0);
    for number in 2..=3 {
        migrations.write(&format!("000{number}_step.sql"), "select 1;");
    }
    migrations
}

fn leader(db: &TestDatabase, migrations: &Migrations, script: &str) -> Bellwether {
    let leader = Bellwether::new("lead").on(db).migrations(migrations).release("r2").participant("shop-web");
    leader.args(["--", "sh", "-c", script]).arg(db.folder())
}

on_servers! { [postgres Postgres, mariadb MariaDb]
    fn what_a_command_did_before_we_saw_its_history_counts(db) {
        let up = "-- migrate:up\nselect 1;\n-- migrate:down\n";
        let migrations = Migrations::new().file("1_a.sql", up).file("2_b.sql", up).file("3_c.sql", up);
        let leading = leader(db, &migrations, HELD).spawn();
        let end = std::time::Instant::now() + LONG;
        while !db.folder().join("began").exists() {
            assert!(leading.is_running() && std::time::Instant::now() < end, "the command never began");
            std::thread::sleep(Duration::from_millis(20));
        }
        db.sql("create table schema_migrations as select '1' as version union select '2' union select '3'");
        let all = |it: &serde_json::Value| it["event"] == "progress" && it["done"] == 3 && it["total"] == 3;
        leading.wait_for("progress 3 of 3", LONG, all);
        fs::write(db.folder().join("go"), "").unwrap();
        leading.wait(LONG).expect(0).never_says("nothing was pending");
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_command_s_progress_comes_from_its_history(db) {
        let migrations = one_of_three(db);
        let leading = leader(db, &migrations, HELD).spawn();
        leading.wait_for("progress 0 of 2", LONG, |it| it["event"] == "progress" && it["done"] == 0 && it["total"] == 2);
        let following = Bellwether::new("follow").on(db).migrations(&migrations).release("r2").spawn();
        record(db, 2);
        leading.wait_for("progress 1 of 2", LONG, |it| it["event"] == "progress" && it["done"] == 1);
        following.wait_for("1 of 2 with a follower", LONG, |it| {
            let run = &it["run"];
            it["event"] == "watching" && run["done"] == 1 && run["total"] == 2 && run["current"] == "0003_step.sql"
        });
        record(db, 3);
        fs::write(db.folder().join("go"), "").unwrap();
        leading.wait(LONG).expect(0);
        following.wait(LONG).expect(0);
    }

    fn a_history_that_is_locked_holds_up_no_beat(db) {
        let migrations = one_of_three(db);
        let leading = leader(db, &migrations, HELD).spawn();
        leading.wait_for_event("progress", LONG);
        // a tool may lock its table for as long as it migrates; we would lose the lock after 10 s without a beat
        let tool = db.hold("_sqlx_migrations", Hold::Everyone);
        let beats = || db.value("select max(beats) from bellwether_runs").parse::<i64>().unwrap();
        let before = beats();
        let end = std::time::Instant::now() + LONG;
        while beats() < before + 7 {
            assert!(leading.is_running() && std::time::Instant::now() < end, "no beats while the history is locked");
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(tool);
        record(db, 2);
        record(db, 3);
        fs::write(db.folder().join("go"), "").unwrap();
        leading.wait(LONG).expect(0);
    }

    fn who_looks_at_the_history_alone_needs_no_ledger_and_no_right_to_it(db) {
        let migrations = one_of_three(db);
        let reader = db.reader();
        db.grant_select(&reader, &["_sqlx_migrations"]);
        let follower = || {
            let follower = Bellwether::new("follow").url(&reader.url).migrations(&migrations);
            follower.arg("--follow").arg("history")
        };
        let late = follower().timeout("1s").run().expect(21);
        late.explains(&["2 migrations are still pending", "0002_step", "_sqlx_migrations alone"]);
        let following = follower().spawn();
        following.wait_for_event("waiting", LONG);
        record(db, 2);
        record(db, 3);
        let ended = following.wait(LONG).expect(0);
        assert_eq!(ended.outcome()["role"], "follow");
        // without the right to the history, the answer is the GRANT
        let stranger = db.reader();
        let refused = Bellwether::new("follow").url(&stranger.url).migrations(&migrations).arg("--follow").arg("history");
        refused.run().expect(31).explains(&["GRANT SELECT", "_sqlx_migrations"]);
    }

    fn a_connection_that_comes_too_late_for_the_last_look_does_not_hide_what_is_pending(db) {
        let migrations = one_of_three(db);
        let proxy = Proxy::before(db);
        let follower = Bellwether::new("follow").through(&proxy).migrations(&migrations);
        let following = follower.arg("--follow").arg("history").timeout("2s").spawn();
        following.wait_for_event("waiting", LONG);
        proxy.freeze_newcomers();
        following.wait(LONG).expect(21).explains(&["2 migrations are still pending", "0002_step"]);
    }
}

on_every_server! {
    fn what_is_odd_is_said_once_however_short_the_command_is(db) {
        let migrations = one_of_three(db);
        record(db, 2);
        record(db, 3);
        record(db, 9);
        for (script, check, code) in [("true", "[\"true\"]", 0), ("exit 3", "[]", 10), ("sleep 3", "[]", 0)] {
            let leading = leader(db, &migrations, script).config(&format!("check: {check}"));
            let ended = leading.run().expect(code);
            for odd in ["ahead of these migrations by 1: 9", "2 files were changed after being applied: 0002_step.sql, 0003_step.sql"] {
                let notices = ended.events_named("notice");
                let said = notices.iter().filter(|it| it["message"].as_str().is_some_and(|it| it.contains(odd)));
                assert_eq!(said.count(), 1, "{script}: {odd}: {}", ended.said());
            }
        }
    }

    fn a_command_that_leaves_something_pending_fails_the_run_by_name(db) {
        let migrations = one_of_three(db);
        let ended = leader(db, &migrations, "true").run().expect(10);
        ended.explains(&["sh succeeded, but 2 migrations of", "2 (0002_step), 3 (0003_step)", "does sh migrate this very database"]);
        assert_eq!(db.value("select status from bellwether_runs order by fence desc limit 1"), "failed");
        let check = leader(db, &migrations, "true");
        check.config("check: [touch, checked]").run().expect(10);
        record(db, 2);
        record(db, 3);
        leader(db, &migrations, "true").run().expect(0);
    }

    fn a_tool_that_keeps_its_history_elsewhere_is_believed_and_that_is_said(db) {
        db.sql("create table earlier (id int)");
        let migrations = Migrations::counted(2);
        let ended = leader(db, &migrations, "true").run().expect(0);
        let notices = ended.events_named("notice");
        let told = notices.iter().any(|notice| {
            let message = notice["message"].as_str().unwrap_or_default();
            message.contains("unknown") && message.contains("the table _sqlx_migrations is not there")
        });
        assert!(told, "{}", ended.said());
        let plan = Bellwether::at("plan", db, &migrations).config("command: [\"true\"]").run().expect(0);
        assert_eq!(plan.events_named("plan")[0]["pending"]["state"], "unknown");
    }

    fn a_history_is_waited_for_until_all_is_there(db) {
        let migrations = one_of_three(db);
        let follower = |release: &str| {
            let follower = Bellwether::new("deploy").on(db).migrations(&migrations).env("RUN_MIGRATIONS", "false");
            let follower = follower.arg("--follow").arg("history");
            if release.is_empty() { follower } else { follower.release(release) }
        };
        let following = [follower("").spawn(), follower("r9").spawn()];
        for waiting in &following {
            waiting.wait_for_event("waiting", LONG);
        }
        record(db, 2);
        record(db, 3);
        following.into_iter().for_each(|one| drop(one.wait(LONG).expect(0)));
        // whoever may have to lead has to see the ledger
        let elect = Bellwether::new("deploy").on(db).migrations(&migrations).arg("--follow").arg("history");
        elect.run().expect(2).explains(&["follow.source: history", "can only follow"]);
        let nothing = Bellwether::new("follow").on(db).arg("--follow").arg("history");
        nothing.run().expect(2).explains(&["there must be migrations to look for"]);
        let none = Migrations::new();
        let empty = Bellwether::new("follow").on(db).migrations(&none).arg("--follow").arg("history");
        empty.run().expect(2).explains(&["there must be migrations to look for, and there are none in", "follow.needs"]);
        // a leader leads whatever its source is, and minds that the rows are of other files
        let leading = follower("r9").env("RUN_MIGRATIONS", "true");
        leading.run().expect(13).explains(&["0002_step.sql was changed"]);
    }

    fn one_migration_may_be_all_that_is_needed(db) {
        let migrations = one_of_three(db);
        let needs = |needs: &str, source: &str| {
            let keys = format!("format: sqlx, follow: {{ source: {source}, needs: \"{needs}\", start: 1s }}");
            Bellwether::new("follow").on(db).config(&keys)
        };
        for source in ["history", "ledger"] {
            for written in ["1", "0001", "0001_first", "migrations/0001_first.sql"] {
                needs(written, source).run().expect(0);
            }
            // by the name of the file, where there is one
            needs("0001_first", source).migrations(&migrations).run().expect(0);
        }
        needs("3", "history").timeout("1s").run().expect(21).explains(&["1 migration is still pending", "3"]);
        record(db, 3);
        let whole = |whole: bool| match (db.server(), whole) {
            (Server::SqlServer, whole) => u8::from(whole).to_string(),
            (_, whole) => whole.to_string(),
        };
        db.sql(&format!("update _sqlx_migrations set success = {} where version = 3", whole(false)));
        let late = needs("3", "history").timeout("1s").run().expect(21);
        late.says("waiting").explains(&["1 migration is still pending", "migration 3 (3) is half applied", "bellwether resolve"]);
        db.sql("delete from _sqlx_migrations where version = 3");
        let following = needs("3", "history").spawn();
        let by_ledger = needs("0003", "ledger").timeout("60s").config(
            "format: sqlx, follow: { needs: \"0003\", start: 60s }",
        );
        let by_ledger = by_ledger.spawn();
        following.wait_for_event("waiting", LONG);
        by_ledger.wait_for_event("waiting", LONG);
        record(db, 3);
        following.wait(LONG).expect(0);
        by_ledger.wait(LONG).expect(0);
        let unsaid = Bellwether::new("follow").on(db).config("follow: { needs: \"3\" }");
        unsaid.run().expect(2).explains(&["does not say in which history to look", "format: rails"]);
        // no version of sqlx's is called so, and none ever will
        for verb in ["follow", "plan"] {
            let keys = "leader: env, format: sqlx, follow: { source: history, needs: first }";
            let never = Bellwether::new(verb).on(db).config(keys);
            never.run().expect(2).explains(&["`follow.needs: first` is no migration of the format sqlx", "a number"]);
        }
    }
}
