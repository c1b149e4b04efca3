//! What `plan` and `doctor` say of a history is what `deploy` then does: refuse, go on with a notice, or end at once.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Bellwether, Finished, Migrations, Server, TestDatabase, on_every_server, on_servers};

const LONG: Duration = Duration::from_secs(60);

/// What is odd about the files.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Odd {
    Changed,
    Vanished,
    Late,
}

/// What comes of it: a deploy's exit code, and the beginning and the end of what `plan` says.
type Verdict = (i32, &'static str, &'static str);

const REFUSED: Verdict = (13, "would refuse: ", "");
const AT_ONCE: Verdict = (0, "nothing is pending; would end at once with exit 0", "");
const BEHIND: Verdict = (15, "1 migration is pending; ", "would wait for the leader");
const NOBODY: Verdict = (23, "1 migration is pending; ", "would wait for the leader");

/// Oddity; whether something is pending too; whether its release was led before; and what comes of that for a designated
/// leader, an elect and a follower. Only who leads refuses, and an elect leads only where something is pending.
const TABLE: [(Odd, bool, bool, [Verdict; 3]); 10] = [
    (Odd::Changed, true, true, [REFUSED, REFUSED, BEHIND]),
    (Odd::Changed, true, false, [REFUSED, REFUSED, NOBODY]),
    (Odd::Changed, false, true, [REFUSED, AT_ONCE, AT_ONCE]),
    (Odd::Changed, false, false, [REFUSED, AT_ONCE, AT_ONCE]),
    (Odd::Vanished, true, true, [REFUSED, REFUSED, BEHIND]),
    (Odd::Vanished, true, false, [REFUSED, REFUSED, NOBODY]),
    (Odd::Vanished, false, true, [REFUSED, AT_ONCE, AT_ONCE]),
    (Odd::Vanished, false, false, [REFUSED, AT_ONCE, AT_ONCE]),
    // who is late is pending
    (Odd::Late, true, true, [REFUSED, REFUSED, BEHIND]),
    (Odd::Late, true, false, [REFUSED, REFUSED, NOBODY]),
];

/// Files of which 1 and 3 are applied everywhere, and 2 but where it comes late.
fn files(odd: Odd) -> Migrations {
    let files = Migrations::new().file("0001_a.sql", "select 1;").file("0003_c.sql", "select 3;");
    if odd == Odd::Late { files } else { files.file("0002_b.sql", "select 2;") }
}

fn make_odd(files: &Migrations, odd: Odd, pending: bool) {
    match odd {
        Odd::Changed => files.write("0002_b.sql", "select 22;"),
        Odd::Vanished => files.remove("0002_b.sql"),
        Odd::Late => files.write("0002_b.sql", "select 2;"),
    }
    if pending && odd != Odd::Late {
        files.write("0004_d.sql", "select 4;");
    }
}

/// One of an environment of its own, so that no other case's runs are its.
fn participant(verb: &str, db: &TestDatabase, files: &Migrations, environment: &str) -> Bellwether {
    let keys = "{ database: \"${DATABASE_URL}\", history: { out_of_order: refuse }, follow: { start: 100ms, grace: 100ms } }";
    let ours = Bellwether::new(verb).on(db).migrations(files).args(["-e", environment]);
    ours.file("bellwether.yml", &format!("environments: {{ {environment}: {keys} }}\n"))
}

#[track_caller]
fn plan(ended: &Finished) -> Value {
    ended.events_named("plan")[0].clone()
}

fn migrations_of(doctor: &Finished) -> String {
    let findings = doctor.events_named("doctor")[0]["findings"].as_array().unwrap().clone();
    findings.into_iter().find(|it| it["check"] == "migrations").unwrap().to_string()
}

fn notices(ended: &Finished) -> Vec<String> {
    let messages =
        ended.events_named("notice").into_iter().map(|it| it["message"].as_str().unwrap().to_owned());
    messages.collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

fn walk(db: &TestDatabase, odd: Odd) {
    for (number, (_, pending, again, verdicts)) in TABLE.iter().filter(|(it, ..)| *it == odd).enumerate() {
        let environment = format!("e{number}");
        let files = files(odd);
        participant("lead", db, &files, &environment).release("r1").run().expect(0);
        make_odd(&files, odd, *pending);
        let ours = |verb, role| {
            let release = if *again { "r1" } else { "r2" };
            participant(verb, db, &files, &environment).release(release).args(["--role", role])
        };
        let doctor = migrations_of(&ours("doctor", "elect").run().expect(0));
        assert!(doctor.contains("a leader would refuse"), "{odd:?}: {doctor}");
        assert_eq!(doctor.contains("who has the role elect goes on"), !pending, "{odd:?}: {doctor}");
        // who follows leaves no run behind, and after a refusal a designated leader may try anew
        for (role, (exit, beginning, ending)) in ["lead", "elect", "follow"].into_iter().zip(verdicts).rev() {
            let case = format!("{odd:?}, pending: {pending}, again: {again}, {role}");
            let plan = plan(&ours("plan", role).run().expect(0));
            let next = plan["next"].as_str().unwrap();
            assert!(next.starts_with(beginning) && next.ends_with(ending), "{case}: {next}");
            assert_eq!(plan["refused"].as_array().unwrap().len(), 1, "{case}: what a leader would refuse");

            let deploy = ours("deploy", role).run();
            assert_eq!(deploy.code, Some(*exit), "{case}: {}", deploy.said());
            assert_eq!(notices(&deploy), texts(&plan["notices"]), "{case}");
            let passed_over =
                notices(&deploy).concat().contains("what we need is applied; a leader would refuse: ");
            assert_eq!(passed_over, *exit == 0, "{case}: {}", deploy.said());
            assert_eq!(db.history().len(), if odd == Odd::Late { 2 } else { 3 }, "{case}");
        }
    }
}

on_servers! { [postgres Postgres, sqlite Sqlite]
    fn of_a_changed_file_everybody_says_the_same(db) {
        walk(db, Odd::Changed);
    }

    fn of_a_vanished_file_everybody_says_the_same(db) {
        walk(db, Odd::Vanished);
    }

    fn of_a_late_file_everybody_says_the_same(db) {
        walk(db, Odd::Late);
    }

    fn of_a_rollback_everybody_says_the_same(db) {
        let files = Migrations::counted(3);
        participant("lead", db, &files, "e").release("r1").run().expect(0);
        files.remove("0003_step.sql");
        for (release, role) in [("r1", "lead"), ("r1", "elect"), ("r1", "follow"), ("r0", "elect"), ("r0", "follow")] {
            let ours = |verb| participant(verb, db, &files, "e").release(release).args(["--role", role]);
            let foretold = texts(&plan(&ours("plan").run().expect(0))["notices"]);
            assert!(foretold.concat().contains("the database is ahead"), "{role}: {foretold:?}");
            assert_eq!(notices(&ours("deploy").run().expect(0)), foretold, "{role}");
        }
        // without files there is nothing that could be missing, or ahead of them
        let keys = "{ database: \"${DATABASE_URL}\", format: sqlx, follow: { needs: \"2\" } }";
        let config = format!("environments: {{ e: {keys} }}\n");
        let needs = Bellwether::new("follow").on(db).args(["-e", "e"]).file("bellwether.yml", &config);
        assert_eq!(notices(&needs.run().expect(0)), [""; 0]);
    }

    fn after_a_refusal_doctor_promises_no_more_than_a_deploy_keeps(db) {
        let files = files(Odd::Changed);
        let ours = |verb, role| participant(verb, db, &files, "e").release("r1").args(["--role", role]);
        ours("deploy", "lead").run().expect(0);
        make_odd(&files, Odd::Changed, false);
        let goes_on = |role| migrations_of(&ours("doctor", role).run().expect(0)).contains("goes on");
        assert!(goes_on("elect") && goes_on("follow") && !goes_on("lead"));
        ours("deploy", "lead").run().expect(13);
        assert!(!goes_on("elect") && !goes_on("follow") && !goes_on("lead"));
        assert!(plan(&ours("plan", "elect").run().expect(0))["next"].as_str().unwrap().starts_with("would refuse"));
        ours("deploy", "follow").run().expect(20);
    }
}

on_every_server! {
    /// Its tool has its own mind about it, and deploy only says what it sees.
    fn where_a_command_leads_nothing_is_refused_by_us(db) {
        let files = Migrations::new()
            .file("0001_a.sql", "select 1;")
            .file("0002_b.sql", "select 2;")
            .file("0003_c.sql", "select 3;");
        Bellwether::lead(db, &files).run().expect(0);
        files.write("0001_a.sql", "select 11;");
        files.remove("0002_b.sql");
        let expected = ["1 applied migration has no file here: 2", "1 file was changed after being applied: 0001_a.sql"];
        for role in ["lead", "elect", "follow"] {
            let ours = |verb| {
                let ours = Bellwether::new(verb).on(db).migrations(&files).release("r2").args(["--role", role]);
                ours.config("command: [\"true\"], history: { changed: refuse }")
            };
            let plan = plan(&ours("plan").run().expect(0));
            assert!(!plan["next"].as_str().unwrap().contains("refuse"), "{plan}");
            assert_eq!((&plan["refused"], texts(&plan["notices"])), (&Value::Array(vec![]), expected.map(String::from).to_vec()), "{role}");
            let doctor = migrations_of(&ours("doctor").run().expect(0));
            assert!(!doctor.contains("refuse") && expected.iter().all(|it| doctor.contains(it)), "{doctor}");
            Bellwether::human("plan").on(db).migrations(&files).release("r2").args(["--role", role]).config("command: [\"true\"]").run().says(&format!("note: {}", expected[1]));
        }
        // the command lasts until that is said; a SQLite file is its alone meanwhile, and is looked at after it
        let lasts = if db.server() == Server::Sqlite { "true" } else { "until test -e \"$0/go\"; do sleep 0.05; done" };
        let leading = Bellwether::at("lead", db, &files).args(["--", "sh", "-c", lasts]).arg(db.folder()).spawn();
        leading.wait_for("the second notice", LONG, |it| it["event"] == "notice" && it["message"] == expected[1]);
        std::fs::write(db.folder().join("go"), "").unwrap();
        let deploy = leading.wait(LONG).expect(0);
        assert_eq!(notices(&deploy), expected, "{}", deploy.said());
    }

    fn which_format_it_is_and_why_is_said_by_all(db) {
        let files = Migrations::counted(1);
        let why = "0001_first.sql is named as sqlx does it";
        let human = |verb: &str| Bellwether::human(verb).on(db).migrations(&files).release("r1");
        human("lead").arg("-v").run().expect(0).says(&format!("format sqlx: {why}"));
        human("lead").args(["-v", "--format", "sqlx"]).run().expect(0).says("format sqlx: it was asked for");
        for verb in ["plan", "status"] {
            human(verb).run().expect(0).says(&format!("sqlx ({why})"));
            human(verb).args(["--format", "sqlx"]).run().expect(0).never_says(why);
        }
        human("doctor").run().expect(0).says(&format!("1 of the format sqlx ({why}) in "));
        human("doctor").args(["--format", "sqlx"]).run().expect(0).says("1 of the format sqlx in ");
        for (verb, event) in [("plan", "plan"), ("status", "status"), ("doctor", "doctor"), ("deploy", "start")] {
            let ours = || Bellwether::at(verb, db, &files);
            let auto = ours().args(["--format", "auto"]).run().expect(0);
            let said = auto.events_named(event)[0];
            assert_eq!((said["format"].as_str(), said["format_reason"].as_str()), (Some("sqlx"), Some(why)), "{said}");
            let named = ours().args(["--format", "sqlx"]).run().expect(0);
            let said = named.events_named(event)[0];
            assert_eq!((said["format"].as_str(), &said["format_reason"]), (Some("sqlx"), &Value::Null), "{said}");
        }
    }

    /// Of a table that is not its format's.
    fn a_history_that_a_leader_could_not_understand_is_no_surprise(db) {
        let files = Migrations::counted(1);
        // the second has all that is read, and not all that is written
        let second = "version bigint, description varchar(9), success int, checksum varchar(9)";
        for (number, columns) in ["id int", second].into_iter().enumerate() {
            if number > 0 {
                db.sql("drop table _sqlx_migrations");
            }
            db.sql(&format!("create table _sqlx_migrations ({columns})"));
            let plan = plan(&Bellwether::at("plan", db, &files).args(["--role", "lead"]).run().expect(0));
            let next = plan["next"].as_str().unwrap();
            assert!(next.starts_with("would refuse: what is applied cannot be told: _sqlx_migrations is not as sqlx has it"), "{next}");
        }
        Bellwether::lead(db, &files).run().expect(13).explains(&["what is applied cannot be told", "_sqlx_migrations"]);
    }
}
