//! `bellwether new`: the next migration, numbered as the others are, whoever else writes one at the same moment.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use bellwether::formats::FORMATS;
use bellwether::formats::next::Next;
use bellwether::model::migration::Bundle;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::support::{Bellwether, Finished};

const SOON: Duration = Duration::from_secs(60);

/// A project, with these files in it.
fn project(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "select 1;\n").unwrap();
    }
    folder
}

fn new(project: &TempDir, words: &str) -> Bellwether {
    Bellwether::human("new").arg(words).within(project.path())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What it prints, as a path that is there.
fn path(project: &TempDir, ended: &Finished) -> String {
    let path = ended.stdout.trim_end().to_owned();
    assert!(project.path().join(&path).is_file(), "{}", ended.said());
    assert_eq!(ended.stderr, "", "only the path is said");
    path
}

#[test]
fn it_is_numbered_like_the_others() {
    for (before, after) in [
        (&["migrations/0001_a.sql"][..], "migrations/0002_add_email.sql"),
        (&["db/migrations/1_a.sql", "db/migrations/9_b.sql"], "db/migrations/10_add_email.sql"),
        (&["migrations/010_a.sql", "migrations/020_b.sql"], "migrations/030_add_email.sql"),
        (&["migrations/20990101000000_a.sql"], "migrations/20990101000001_add_email.sql"),
    ] {
        let project = project(before);
        let ended = new(&project, "add email").run().expect(0);
        assert_eq!(path(&project, &ended), after);
        let text = fs::read_to_string(project.path().join(after)).unwrap();
        assert_eq!(text, "-- Migration: add email\n\n");
    }
}

#[test]
fn the_first_one_makes_the_folder_and_has_the_time() {
    let project = project(&[]);
    let first = new(&project, "users").run().expect(0);
    let first = path(&project, &first);
    let digits = first.strip_prefix("migrations/").and_then(|name| name.strip_suffix("_users.sql")).unwrap();
    let now = bellwether::formats::next::timestamp(
        i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap(),
    );
    assert!(digits.len() == 14 && digits <= now.as_str() && digits[..2] == now[..2], "{digits} {now}");
    // in the same second, perhaps, and after it all the same
    let second = new(&project, "users").run().expect(0);
    assert!(path(&project, &second) > first);
}

#[test]
fn a_project_with_ways_back_gets_both_files() {
    let project = project(&["migrations/0001_a.up.sql", "migrations/0001_a.down.sql"]);
    // other tools have such pairs, too
    let ended = new(&project, "b").arg("--format=sqlx").run().expect(0);
    assert_eq!(ended.stdout, "migrations/0002_b.up.sql\nmigrations/0002_b.down.sql\n");
    assert_eq!(
        names(&project.path().join("migrations")),
        ["0001_a.down.sql", "0001_a.up.sql", "0002_b.down.sql", "0002_b.up.sql"]
    );
}

/// The real reader takes what was written, and a leader applies it.
#[test]
fn what_it_writes_is_a_migration() {
    let project = project(&["migrations/0001_a.sql"]);
    new(&project, "no-transaction b").run().expect(0);
    let lead = Bellwether::new("lead").args(["--migrations", "migrations", "--release", "r1"]);
    let led = lead.within(project.path()).url("sqlite:app.db").run().expect(0);
    assert_eq!(led.applied(), ["1", "2"]);
}

/// The conformance of formats: what one names as its next migration it reads as that, after all others.
#[test]
fn every_format_reads_what_it_names() {
    for format in FORMATS {
        let folder = project(&[]);
        for number in 1..=3 {
            let before = match number {
                1 => Bundle {
                    format: format.name(),
                    folder: folder.path().to_owned(),
                    migrations: Vec::new(),
                    unread: Vec::new(),
                },
                _ => format.read(folder.path()).unwrap(),
            };
            let Next::Files(files) = format.next(&before, "add e-mail's index", 1_700_000_000_000) else {
                break;
            };
            for file in files {
                let path = folder.path().join(&file.name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                assert!(!path.exists(), "{}: {}", format.name(), file.name);
                fs::write(path, file.text).unwrap();
            }
            let after = format.read(folder.path()).unwrap();
            assert_eq!(after.migrations.len(), number, "{}: {after:?}", format.name());
            let versions =
                |bundle: &Bundle| bundle.migrations.iter().map(|one| one.version.clone()).collect::<Vec<_>>();
            assert_eq!(versions(&after)[..number - 1], versions(&before), "{}", format.name());
        }
    }
}

#[test]
fn as_events_it_is_a_list_of_paths() {
    let project = project(&["migrations/0001_a.sql"]);
    let ended = Bellwether::new("new").arg("b").within(project.path()).run().expect(0);
    assert_eq!(ended.events[0]["event"], "new");
    assert_eq!(ended.events[0]["format"], "sqlx");
    assert_eq!(ended.events[0]["files"], serde_json::json!(["migrations/0002_b.sql"]));
    assert_eq!(ended.outcome()["outcome"], "succeeded");
}

#[test]
fn twelve_at_once_write_twelve_versions() {
    let project = project(&["migrations/0001_a.sql"]);
    let all: Vec<_> = (0..12).map(|number| new(&project, &format!("same {number}")).spawn()).collect();
    let paths: BTreeSet<String> =
        all.into_iter().map(|one| one.wait(SOON).expect(0).stdout.trim_end().to_owned()).collect();
    let versions: BTreeSet<_> = paths.iter().map(|path| path.split('_').next().unwrap().to_owned()).collect();
    assert_eq!(versions.len(), 12, "{paths:?}");
    assert!(versions.last().unwrap().ends_with("0013"), "{versions:?}");
    assert_eq!(names(&project.path().join("migrations")).len(), 13);
}

#[test]
fn the_config_says_where_though_the_variables_of_a_deploy_are_not_set() {
    let project = project(&["sql/0001_a.sql"]);
    let config = "environments:\n  staging: { database: \"${STAGING_URL}\", migrations: sql }\n  \
                  production: { database: \"${DATABASE_URL}\", migrations: sql, timeout: 9m }\n";
    fs::write(project.path().join("bellwether.yml"), config).unwrap();
    let ended = new(&project, "b").run().expect(0);
    assert_eq!(path(&project, &ended), "sql/0002_b.sql");

    let two = config.replacen("migrations: sql", "migrations: sql2", 1);
    fs::write(project.path().join("bellwether.yml"), two).unwrap();
    new(&project, "b").run().expect(2).says("production").says("staging");
    let named = new(&project, "c").args(["-e", "production"]).run().expect(0);
    assert_eq!(path(&project, &named), "sql/0003_c.sql");

    let unset = "environments:\n  production: { migrations: \"${WHERE}\" }\n";
    fs::write(project.path().join("bellwether.yml"), unset).unwrap();
    new(&project, "d").run().expect(2).says("WHERE");
    let set = new(&project, "d").env("WHERE", "sql").run().expect(0);
    assert_eq!(path(&project, &set), "sql/0004_d.sql");
}

#[test]
fn a_name_that_is_none_writes_nothing() {
    for (name, why) in [
        ("../../etc/cron", "slash"),
        ("a\\b", "slash"),
        ("...", "no letter"),
        ("-", "no letter"),
        ("_-_", "no letter"),
        (" ", "empty"),
        ("a\nb", "control character"),
        (&"ä".repeat(150), "too long"),
    ] {
        let project = project(&[]);
        new(&project, name).run().expect(2).says(why);
        assert!(names(project.path()).is_empty(), "{name}");
    }
    // no file's name, but words all the same
    let project = project(&["migrations/0001_a.sql"]);
    let ended = new(&project, "Add users' e-mail; (again).sql").run().expect(0);
    assert_eq!(path(&project, &ended), "migrations/0002_Add_users_e-mail_again_sql.sql");
}

#[test]
fn a_tool_that_writes_its_own_is_named_with_its_command() {
    for (file, command) in [
        ("bin/rails", "bin/rails generate migration add_email"),
        ("alembic.ini", "alembic revision -m add_email"),
        ("knexfile.js", "npx knex migrate:make add_email"),
    ] {
        let project = project(&[file]);
        new(&project, "Add e-mail").run().expect(2).says(&command.replace("email", "e_mail"));
        fs::create_dir(project.path().join("migrations")).unwrap();
        new(&project, "add email").arg("--migrations=migrations").run().expect(2).says(command);
        let ours = new(&project, "b").args(["--migrations=migrations", "--format=sqlx"]).run().expect(0);
        assert!(path(&project, &ours).ends_with("_b.sql"));
    }
}

const CHANGESET: &str = "--liquibase formatted sql\n\n--changeset ann:1\ncreate table a (x int);\n";

#[test]
fn liquibase_s_changelogs_are_left_to_people_who_are_told_what_they_need() {
    let project = project(&[]);
    let folder = project.path().join("db/changelog");
    let write = |name: &str, text: &str| {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), text).unwrap();
    };
    let at = |words: &str| new(&project, words).arg("--migrations=db/changelog");
    write("all.sql", CHANGESET);
    let lines = [
        "all.sql holds all liquibase migrations",
        "at its end",
        "--changeset ann:2",
        "--comment: add e-mail",
    ];
    let ended = at("add e-mail").run().expect(2);
    lines.iter().fold(ended, |ended, line| ended.says(line));
    assert_eq!(fs::read_to_string(folder.join("all.sql")).unwrap(), CHANGESET);

    fs::rename(folder.join("all.sql"), folder.join("001-a.sql")).unwrap();
    let root = "databaseChangeLog:\n  - include:\n      file: db/changelog/001-a.sql\n";
    write("root.yaml", root);
    let ended = at("add e-mail").run().expect(0);
    assert_eq!(ended.stdout, "db/changelog/002-add-e-mail.sql\n");
    let entry = "      - include:\n          file: \"db/changelog/002-add-e-mail.sql\"\n";
    assert!(
        ended
            .stderr
            .contains("next: liquibase runs it once db/changelog/root.yaml has this, as its last entry:")
            && ended.stderr.contains(entry),
        "{}",
        ended.said()
    );
    assert_eq!(fs::read_to_string(folder.join("root.yaml")).unwrap(), root);
    let event = Bellwether::new("new").args(["b", "--migrations=db/changelog"]).within(project.path()).run();
    let event = &event.expect(0).events[0];
    assert_eq!(event["add"]["path"], "db/changelog/root.yaml");
    write("root.yaml", &format!("{root}{}\n", event["add"]["text"].as_str().unwrap()));
    let planned =
        Bellwether::new("plan").args(["--migrations=db/changelog", "--release=r1", "--role=follow"]);
    let planned = planned.within(project.path()).url("sqlite:app.db").run().expect(0);
    assert_eq!(
        planned.events_named("plan")[0]["migrations"].as_array().unwrap().len(),
        2,
        "{}",
        planned.said()
    );
}

#[test]
fn folders_that_cannot_be_used_are_named() {
    let odd = project(&["migrations/users.sql"]);
    new(&odd, "b").run().expect(2).says("users.sql");
    let two = project(&["migrations/0001_a.sql", "db/migrations/0001_a.sql"]);
    new(&two, "b").run().expect(2).says("db/migrations").says("--migrations");
    let twice = project(&["migrations/1_a.sql", "migrations/01_b.sql"]);
    new(&twice, "b").run().expect(2).says("the same version");
    let last = project(&["migrations/9223372036854775807_a.sql"]);
    new(&last, "b").run().expect(2).says("no version is after");
    let file = project(&["migrations"]);
    new(&file, "b").run().expect(2).says("migrations");
    assert!(file.path().join("migrations").is_file());
    let unwritable = project(&[]);
    new(&unwritable, "b")
        .arg("--migrations=/proc/bellwether")
        .run()
        .expect(2)
        .says("cannot write /proc/bellwether");
}

#[test]
fn who_is_at_work_there_is_waited_for_and_not_for_ever() {
    let project = project(&["migrations/0001_a.sql"]);
    let folder = project.path().join("migrations");
    let held = Flock::lock(File::open(&folder).unwrap(), FlockArg::LockExclusive).unwrap();
    new(&project, "b")
        .arg("--timeout=1s")
        .run()
        .expect(2)
        .says("another `bellwether new`")
        .says("migrations for 1 s");
    assert_eq!(names(&folder), ["0001_a.sql"]);

    let waiting = new(&project, "b").arg("--timeout=5m").spawn();
    waiting.wait_for_line("that it waits", SOON, |line| line.contains("waiting for it"));
    held.unlock().unwrap();
    assert_eq!(waiting.wait(SOON).expect(0).stdout, "migrations/0002_b.sql\n");
}

#[test]
fn ctrl_c_leaves_nothing() {
    let project = project(&["migrations/0001_a.sql"]);
    let folder = project.path().join("migrations");
    let _held = Flock::lock(File::open(&folder).unwrap(), FlockArg::LockExclusive).unwrap();
    let waiting = new(&project, "b").arg("--timeout=5m").spawn();
    waiting.wait_for_line("that it waits", SOON, |line| line.contains("waiting for it"));
    waiting.signal(Signal::SIGINT);
    assert_eq!(waiting.wait(SOON).signal, Some(Signal::SIGINT as i32));
    assert_eq!(names(&folder), ["0001_a.sql"]);
}
