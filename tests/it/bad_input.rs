//! Folders, files, scripts, URLs and ledgers that are not as they should be: each has its exit code and says what is wrong.

use std::net::TcpListener;
use std::time::Duration;

use crate::support::{Bellwether, Migrations, Server, TestDatabase, on_every_server, on_servers};

fn sqlite_lead(migrations: &Migrations) -> (TestDatabase, Bellwether) {
    let db = Server::Sqlite.database();
    let lead = Bellwether::lead(&db, migrations);
    (db, lead)
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let db = Server::Sqlite.database();
    let lead = Bellwether::new("lead").on(&db).release("r1").args(["--migrations", "db/nowhere"]);
    lead.run().expect(2).explains(&["db/nowhere"]);
    assert!(!db.file().exists());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let migrations = Migrations::counted(1);
    std::os::unix::fs::symlink("/nowhere/at/all", migrations.path_of("0002_gone.sql")).unwrap();
    let (_db, lead) = sqlite_lead(&migrations);
    lead.run().expect(2).explains(&["0002_gone.sql"]);
}

/// Reading it would wait until somebody writes.
#[test]
fn a_named_pipe_is_nobody_s_migration() {
    for name in ["0001_a.sql", "20240101000000_a.js", "0001_a.rb", "a1.py", "app/migrations/0001_a.py"] {
        let migrations = Migrations::new();
        let pipe = migrations.path_of(name);
        std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let (_db, lead) = sqlite_lead(&migrations);
        lead.run().expect(2).explains(&["holds no migrations"]);
    }
    let migrations = Migrations::counted(2);
    nix::unistd::mkfifo(&migrations.path_of("0003_pipe.sql"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (_db, lead) = sqlite_lead(&migrations);
    assert_eq!(lead.run().expect(0).applied(), ["1", "2"]);
}

#[test]
fn a_file_that_is_not_utf_8_is_named() {
    let migrations = Migrations::counted(1).file("0002_latin.sql", b"select 'caf\xe9';");
    let (_db, lead) = sqlite_lead(&migrations);
    lead.run().expect(2).explains(&["0002_latin.sql", "UTF-8"]);
}

#[test]
fn two_files_of_one_version_are_both_named() {
    let migrations = Migrations::counted(1).file("0001_other.sql", "select 1;");
    let (_db, lead) = sqlite_lead(&migrations);
    lead.run().expect(2).explains(&["0001_first.sql", "0001_other.sql"]);
}

#[test]
fn a_name_that_is_no_migration_is_named() {
    let migrations = Migrations::counted(1).file("create_users.sql", "select 1;");
    let (_db, lead) = sqlite_lead(&migrations);
    lead.run().expect(2).explains(&["create_users.sql"]);
}

/// Its tool refuses or takes them; what is pending is unknown, and the ledger decides.
#[test]
fn what_a_format_cannot_read_at_all_stops_nobody_who_only_compares() {
    let class = "class A < ActiveRecord::Migration[7.1]\nend\n";
    let migrations = Migrations::new().file("1_a.rb", class).file("01_b.rb", class);
    let db = Server::Sqlite.database();
    db.sql("create table schema_migrations (version varchar(255) primary key)");
    let ours = |verb: &str| Bellwether::at(verb, &db, &migrations).arg("--format=rails");
    ours("lead").args(["--", "true"]).run().expect(0);
    ours("follow").run().expect(0);
    let plan = ours("plan").arg("--role=follow").run().expect(0).events_named("plan")[0].clone();
    assert_eq!(plan["pending"]["state"], "unknown");
    assert!(plan["next"].as_str().unwrap().contains("have the same version 1"), "{plan}");
    // a format that we apply is refused before the first statement, unless a command applies it
    let migrations = Migrations::counted(1).file("0001_other.sql", "select 1;");
    let ours = |verb: &str| Bellwether::new(verb).on(&db).migrations(&migrations).release("r2");
    ours("lead").run().expect(2).explains(&["0001_other.sql"]);
    ours("lead").args(["--", "true"]).run().expect(0);
}

#[test]
fn leading_needs_something_to_lead_with() {
    let db = Server::Sqlite.database();
    let finished = Bellwether::new("lead").on(&db).release("r1").run().expect(2);
    assert!(finished.error().contains("--migrations"), "{}", finished.said());
}

#[test]
fn no_database_is_a_usage_error_that_names_the_variable() {
    let migrations = Migrations::counted(1);
    let finished = Bellwether::new("lead").migrations(&migrations).release("r1").run().expect(2);
    assert!(finished.error().contains("DATABASE_URL"), "{}", finished.said());
}

#[test]
fn a_named_leader_needs_to_know_who_we_are() {
    let migrations = Migrations::counted(1);
    let (_db, _) = sqlite_lead(&migrations);
    let db = Server::Sqlite.database();
    let deploy = || Bellwether::at("deploy", &db, &migrations).config("leader: shop-web");
    deploy().run().expect(2).explains(&["--participant"]);
    let follower = deploy().participant("shop-api").timeout("1s").run().expect(21);
    assert_eq!(follower.events[0]["role"], "follow");
    let leader = deploy().participant("shop-web").run().expect(0);
    assert_eq!(leader.events[0]["role"], "lead");
}

on_every_server! {
    fn an_empty_folder_is_a_run_of_no_steps_if_there_is_a_release(db) {
        let migrations = Migrations::new();
        Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(db.rows("select status, total from bellwether_runs"), [["succeeded", "0"]]);
        Bellwether::follow(db, &migrations).run().expect(0);
        let without = Bellwether::new("lead").on(db).migrations(&migrations).run().expect(2);
        assert!(without.error().contains("--release"), "{}", without.said());
    }

    fn a_file_without_statements_is_applied_as_empty(db) {
        let migrations = Migrations::new().file("0001_empty.sql", "").file("0002_words.sql", "-- nothing here\n/* nor here */\n;\n");
        assert_eq!(Bellwether::lead(db, &migrations).run().expect(0).applied(), ["1", "2"]);
        assert_eq!(db.history(), ["1", "2"]);
    }

    fn a_script_of_twenty_megabytes_works(db) {
        let word = "x".repeat(20_000);
        let mut script = String::from("create table big (word text);\n");
        for _ in 0..1000 {
            script.push_str("insert into big values ('");
            script.push_str(&word);
            script.push_str("');\n");
        }
        let migrations = Migrations::new().file("0001_big.sql", script);
        let finished = Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(db.value("select count(*) from big"), "1000");
        assert!(finished.elapsed < db.within(Duration::from_secs(60)), "{:?}", finished.elapsed);
    }

    fn a_script_with_its_own_commit_has_an_exact_history_or_is_refused(db) {
        let script = "create table one (id int);\ncommit;\ncreate table two (id int);\n";
        let migrations = Migrations::counted(1).file("0002_commit.sql", script);
        let finished = Bellwether::lead(db, &migrations).run();
        match finished.code {
            Some(0) => {
                assert_eq!(db.history(), ["1", "2"]);
                assert!(db.has_table("one") && db.has_table("two"));
            }
            Some(2 | 10 | 13) => {
                assert!(finished.error().to_lowercase().contains("commit"), "{}", finished.said());
                assert_eq!(db.history(), ["1"]);
                assert!(!db.has_table("two"));
            }
            _ => panic!("{:?}\n{}", finished.code, finished.said()),
        }
    }

    fn a_ledger_of_a_newer_major_version_is_left_alone(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        db.sql("update bellwether_meta set min_reader = 1000");
        migrations.write("0002_step.sql", "select 2;");
        for verb in ["lead", "deploy", "follow"] {
            Bellwether::new(verb).on(db).migrations(&migrations).release("r2").timeout("10s").run().expect(30);
        }
        assert_eq!(db.history(), ["1"]);
    }

    fn every_line_of_json_is_an_event_and_the_first_says_who_we_are(db) {
        let migrations = Migrations::counted(2);
        let finished = Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(finished.events.len(), finished.stdout.lines().count(), "{}", finished.said());
        assert_eq!(finished.events[0]["event"], "start");
        assert_eq!(finished.events[0]["participant"], "shop-web");
        let outcome = finished.outcome();
        assert_eq!((&outcome["exit"], &outcome["release"]), (&0.into(), &"r1".into()));
        let steps: Vec<_> = finished.events_named("step_finished").iter().map(|event| event["step"]["version"].clone()).collect();
        assert_eq!(steps, ["1", "2"]);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn what_keeps_us_from_the_database_is_said_without_the_password(db) {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let secret = "s3cr3t-Pass";
        let with = |change: &dyn Fn(&mut url::Url)| {
            db.url_with(|url| {
                url.set_password(Some(secret)).unwrap();
                change(url);
            })
        };
        let right = url::Url::parse(db.url()).unwrap().password().unwrap_or_default().to_owned();
        let cases = [
            ("wrong password", with(&|_| {}), "password"),
            ("unknown database", db.url_with(|url| url.set_path("no_such_db")), "no_such_db"),
            ("refused", with(&|url| url.set_port(Some(closed)).unwrap()), "refused"),
            ("no such host", with(&|url| url.set_host(Some("no-such-host.invalid")).unwrap()), "no-such-host.invalid"),
        ];
        let migrations = Migrations::counted(1);
        for (case, url, word) in cases {
            for verb in ["lead", "follow"] {
                let one = Bellwether::at(verb, db, &migrations).url(&url).arg("-vv").config("connect: { wait: 1s }").run();
                assert_eq!(one.code, Some(31), "{case}\n{}", one.said());
                assert!(one.elapsed < db.within(Duration::from_secs(15)), "{case}: {:?}", one.elapsed);
                let one = one.never_says(secret).never_says(&right);
                assert!(one.error().to_lowercase().contains(word), "{case}\n{}", one.said());
            }
        }
    }
}
