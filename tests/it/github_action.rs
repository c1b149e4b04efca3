//! The program as GitHub's runner starts it: in the container action with its inputs, in a `run:` step, with the files by
//! which a step speaks to its job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::action_yml;
use crate::support::{Bellwether, Finished, Migrations, Running, TestDatabase, on_every_server, on_servers};

/// A step of a job: its workspace with migrations in `db/migrations`, and its files.
struct Step {
    program: Bellwether,
    files: TempDir,
}

/// A step that has ended.
struct Ended {
    finished: Finished,
    files: TempDir,
    workspace: PathBuf,
}

impl Step {
    /// In the container action, with every input there is, most of them empty, as the runner gives them.
    fn action() -> Self {
        let inputs = action_yml::inputs();
        inputs.iter().fold(Self::of_job(), |step, (name, default)| {
            let default = if name == "github-token" { "ghs_0123456789" } else { default };
            step.input(name, default)
        })
    }

    /// A `run:` step.
    fn run(verb: &str) -> Self {
        let step = Self::of_job();
        Self { program: step.program.arg(verb), ..step }
    }

    fn of_job() -> Self {
        let program = Bellwether::bare();
        let files = tempfile::tempdir().unwrap();
        let workspace = program.folder().to_owned();
        let path = |name: &str| files.path().join(name);
        let program = program
            .env("GITHUB_ACTIONS", "true")
            .env("CI", "true")
            .env("GITHUB_WORKSPACE", &workspace)
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_JOB", "migrate")
            .env("GITHUB_SHA", "8c1f0a7be2d94c6fb0a1d2e3f405162738495a6b")
            .env("GITHUB_EVENT_NAME", "push")
            .env("GITHUB_SERVER_URL", "https://github.example")
            .env("GITHUB_RUN_ID", "77")
            .env("GITHUB_RUN_ATTEMPT", "2")
            .env("GITHUB_ACTION_REPOSITORY", "acme/bellwether")
            .env("GITHUB_ACTION_REF", "v1")
            .env("GITHUB_OUTPUT", path("output"))
            .env("GITHUB_STEP_SUMMARY", path("summary"));
        Self { program, files }
    }

    fn input(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.env(&format!("INPUT_{}", name.to_uppercase()), value)
    }

    fn env(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        Self { program: self.program.env(name, value), ..self }
    }

    fn args(self, args: &[&str]) -> Self {
        Self { program: self.program.args(args), ..self }
    }

    /// A file of the checkout.
    fn file(self, name: &str, contents: &str) -> Self {
        let path = self.program.folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    /// `database-url`, with a test's way of locking.
    fn on(self, db: &TestDatabase) -> Self {
        self.input("database-url", db.way())
    }

    fn run_to_end(self) -> Ended {
        let workspace = self.program.folder().to_owned();
        Ended { finished: self.program.run(), files: self.files, workspace }
    }

    fn spawn(self) -> (Running, TempDir) {
        (self.program.spawn(), self.files)
    }

    fn expect(self, code: i32) -> Ended {
        let ended = self.run_to_end();
        Ended { finished: ended.finished.expect(code), ..ended }
    }
}

impl Ended {
    fn summary(&self) -> String {
        std::fs::read_to_string(self.files.path().join("summary")).unwrap_or_default()
    }

    /// As the runner reads the file: `name<<DELIMITER`, lines, `DELIMITER`.
    fn outputs(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.files.path().join("output")).unwrap_or_default();
        let mut lines = text.lines();
        let mut outputs = BTreeMap::new();
        while let Some(head) = lines.next() {
            let (name, end) =
                head.split_once("<<").unwrap_or_else(|| panic!("no output begins here: {head}"));
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            assert!(outputs.insert(name.to_owned(), value.join("\n")).is_none(), "{name} is there twice");
        }
        outputs
    }

    fn report(&self) -> Value {
        serde_json::from_str(&self.outputs()["report"]).unwrap()
    }

    /// What the runner acts on: workflow commands of both streams, but not between `stop-commands` and its end, and
    /// without those that only shape the log. Panics on one that nobody knows.
    fn commands(&self) -> Vec<String> {
        [&self.finished.stdout, &self.finished.stderr]
            .into_iter()
            .flat_map(|stream| commands(stream))
            .collect()
    }

    fn annotations(&self) -> Vec<String> {
        let marks = ["::error ", "::warning ", "::notice "];
        self.commands().into_iter().filter(|line| marks.iter().any(|mark| line.starts_with(mark))).collect()
    }

    fn says(self, text: &str) -> Self {
        Self { finished: self.finished.says(text), ..self }
    }
}

/// As the runner finds them: `::` where a line begins, blanks before it allowed; `##[` anywhere.
fn commands(stream: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut until: Option<String> = None;
    for line in stream.split(['\n', '\r']) {
        if let Some(end) = &until {
            if line.trim() == format!("::{end}::") {
                until = None;
            }
            continue;
        }
        assert!(!line.contains("##["), "an old command: {line}");
        let line = line.trim_start();
        if let Some(token) = line.strip_prefix("::stop-commands::") {
            until = Some(token.to_owned());
        } else if let Some(command) = line.strip_prefix("::") {
            let name = command.split([':', ' ']).next().unwrap_or_default();
            let known = ["add-mask", "group", "endgroup", "error", "warning"];
            assert!(known.contains(&name), "a command that is none of ours: {line}");
            found.push(line.to_owned());
        }
    }
    assert_eq!(until, None, "the fence is never lifted");
    found
}

const USERS: &str = "create table users (id integer primary key, email varchar(100));\n";

on_every_server! {
    /// The whole way: inputs, log, outputs, page.
    fn an_action_migrates_and_tells_its_job(db) {
        let step = || {
            Step::action()
                .on(db)
                .file("app/db/migrations/0001_users.sql", USERS)
                .file("app/db/migrations/0002_more.sql", "insert into users (id) values (1);")
                .input("environment", "production")
                .input("working-directory", "app")
                .input("migrations", "db/migrations")
        };
        let ended = step().expect(0).says("applied 1/2 0001_users");
        assert_eq!(db.runs(), [["acme/shop/migrate", "succeeded"]]);
        let outputs = ended.outputs();
        assert_eq!(outputs.keys().cloned().collect::<std::collections::BTreeSet<_>>(), action_yml::outputs());
        let value = |name: &str| outputs[name].as_str();
        assert_eq!([value("role"), value("outcome"), value("applied"), value("pending"), value("error")],
            ["elect", "succeeded", "2", "0", ""]);
        assert_eq!(value("release"), "8c1f0a7be2d94c6fb0a1d2e3f405162738495a6b");
        assert_eq!(value("run-id").len(), 36);
        assert!(value("duration-ms").parse::<u64>().is_ok());
        let report = ended.report();
        assert_eq!(report["outcome"]["applied"], json!(["1", "2"]));
        assert_eq!(report["steps"].as_array().unwrap().len(), 2);
        assert_eq!(report["start"]["environment"], "production");
        let page = ended.summary();
        assert!(page.starts_with("## ✅ production: applied 2 migrations\n"), "{page}");
        assert!(page.contains("<code>0002&#95;more.sql</code> | applied |") && page.contains("```mermaid"), "{page}");
        assert!(ended.commands().contains(&"::group::2 migrations".to_owned()), "{}", ended.finished.said());
        assert_eq!(ended.annotations(), Vec::<String>::new());

        // and the next step of the same job, whose files are its own, has nothing to do
        let again = step().expect(0);
        assert_eq!(again.outputs()["applied"], "0");
        assert!(again.summary().starts_with("## ✅ production: acme/shop/migrate has migrated to "), "{}", again.summary());

        let status = step().input("run", "status").input("check", "true").expect(0);
        assert_eq!(status.outputs()["pending"], "0");
        assert!(status.summary().starts_with("## ✅ production: "), "{}", status.summary());
    }

    fn the_very_line_of_the_file_that_failed_is_annotated(db) {
        let ended = Step::action()
            .on(db)
            .file("app/db/migrations/0001_users.sql", USERS)
            .file("app/db/migrations/0002_odd.sql", "insert into users (id) values (1);\n\ninsert into nowhere (id) values (2);\n")
            .input("migrations", "db/migrations")
            .input("working-directory", "app")
            .expect(10);
        let annotations = ended.annotations();
        assert_eq!(annotations.len(), 1, "{annotations:?}");
        assert!(annotations[0].starts_with("::error file=app/db/migrations/0002_odd.sql,line=3,"), "{annotations:?}");
        assert!(annotations[0].contains("title=bellwether%3A failed::0002_odd.sql failed: "), "{annotations:?}");
        let page = ended.summary();
        assert!(page.starts_with("## ❌ default: 0002&#95;odd.sql failed"), "{page}");
        assert!(page.contains("insert into nowhere") && page.contains('^') && page.contains("**What to do**"), "{page}");
        let outputs = ended.outputs();
        assert_eq!([outputs["outcome"].as_str(), outputs["applied"].as_str()], ["failed", "1"]);
        assert!(outputs["error"].starts_with("0002_odd.sql failed"), "{outputs:?}");
    }

    fn a_plan_annotates_what_could_not_be_applied(db) {
        let migrations = Migrations::new().file("0001_users.sql", USERS);
        Bellwether::lead(db, &migrations).run().expect(0);
        let ended = Step::action()
            .on(db)
            .input("run", "plan")
            .file("db/0001_users.sql", &format!("{USERS}-- changed\n"))
            .file("db/0002_odd.sql", "select 1;\n\\connect other\n")
            .file("db/0003_fine.sql", "select 1;\n")
            .input("migrations", "db")
            .expect(0);
        let annotations = ended.annotations();
        assert!(annotations[0].starts_with("::error file=db/0001_users.sql,title="), "{annotations:?}");
        let connect = annotations.iter().any(|line| line.starts_with("::error file=db/0002_odd.sql,line=2,col=1,"));
        // what MariaDB's client would take for a command is another word
        assert!(connect || db.server().name() != "postgres", "{annotations:?}");
        assert_eq!(ended.outputs()["pending"], "2");
        let page = ended.summary();
        assert!(page.starts_with("## ⚠️ default: would refuse") && page.contains("would not apply"), "{page}");
        assert!(ended.report()["plan"]["refused"].as_array().is_some_and(|list| !list.is_empty()));
    }
}

const LONG: Duration = Duration::from_secs(60);

on_servers! {
    [postgres Postgres, mariadb MariaDb]

    fn a_follower_tells_who_led_how_long_it_waited_and_where_to_look(db) {
        let gate = db.gate();
        let held = format!("{}{}", gate.sql(), USERS);
        let step = |verb| {
            Step::run(verb).file("db/0001_users.sql", &held).args(&["--migrations", "db"]).env("DATABASE_URL", db.way())
        };
        let (leader, _files) = step("lead").args(&["--participant", "shop-web"]).spawn();
        leader.wait_for_line("a run", LONG, |line| line.starts_with("::group::1 migration"));
        let (follower, files) = step("follow").spawn();
        follower.wait_for_line("the leader", LONG, |line| line.contains("shop-web is at 1/1"));
        gate.open();
        follower.wait(LONG).expect(0).says("::group::Waiting for the leader");
        leader.wait(LONG).expect(0);
        let page = std::fs::read_to_string(files.path().join("summary")).unwrap();
        assert!(page.contains("<code>shop-web</code> led · we waited "), "{page}");
        assert!(page.contains("[its page](<https://github.example/acme/shop/actions/runs/77/attempts/2>)"), "{page}");
        assert!(page.contains("shop-web at work :active"), "{page}");
        // who comes when all is done has not watched anybody
        let late = step("follow").expect(0).summary();
        assert!(late.starts_with("## ✅ default: shop-web has migrated to "), "{late}");
        assert!(late.contains("[its page](<https://github.example/acme/shop/actions/runs/77/attempts/2>)"), "{late}");
    }

    /// The runner sends SIGINT first; the job still learns what became of it.
    fn a_cancelled_step_tells_its_job(db) {
        let gate = db.gate();
        let step = Step::action().on(db).file("db/0001_users.sql", USERS).file("db/0002_held.sql", &gate.sql());
        let (running, files) = step.input("migrations", "db").spawn();
        running.wait_for_line("the first migration", LONG, |line| line.contains("applied 1/2 0001_users"));
        running.signal(Signal::SIGINT);
        let finished = running.wait(LONG).expect(130);
        gate.open();
        let ended = Ended { finished, files, workspace: PathBuf::new() };
        let outputs = ended.outputs();
        assert_eq!([outputs["outcome"].as_str(), outputs["applied"].as_str()], ["interrupted", "1"]);
        assert!(ended.summary().starts_with("## ❌ default: SIGINT ended the run"), "{}", ended.summary());
        assert!(ended.annotations()[0].contains("SIGINT"), "{:?}", ended.annotations());
    }
}

on_servers! {
    [sqlite Sqlite]

    fn a_leader_that_failed_is_told_by_its_follower(db) {
        let migrations = Migrations::new().file("0001_odd.sql", "select * from nowhere;\n");
        let release = "8c1f0a7be2d94c6fb0a1d2e3f405162738495a6b";
        let leader = Bellwether::human("lead").on(db).migrations(&migrations).release(release).participant("web");
        leader.env("GITHUB_ACTIONS", "true").env("GITHUB_SERVER_URL", "https://github.example")
            .env("GITHUB_REPOSITORY", "acme/web").env("GITHUB_RUN_ID", "5").run().expect(10);
        let follower = Step::action()
            .on(db)
            .input("role", "follow")
            .file("db/0001_odd.sql", "select * from nowhere;\n")
            .input("migrations", "db")
            .file("bellwether.yml", "environments:\n  default: { follow: { grace: 1s } }\n");
        let ended = follower.expect(20);
        assert_eq!(ended.outputs()["outcome"], "leader_failed");
        assert!(ended.summary().starts_with("## ❌ default: "), "{}", ended.summary());
        assert!(ended.annotations()[0].contains("nowhere"), "{:?}", ended.annotations());
    }

    fn nothing_that_a_command_prints_is_a_command(db) {
        let evil = "printf '::add-mask::e\\n  ::error::x\\n##[error]y\\n a ##[set-env name=x]z\\r::warning::w\\n::endgroup::\\n::no-end'; exit 1";
        let ended = Step::action()
            .on(db)
            .input("command", format!("sh\n-c\n{evil}"))
            .file("bellwether.yml", "defaults: { grace: 1s }\n")
            .expect(10);
        let commands = ended.commands();
        let ours: Vec<&String> = commands.iter().filter(|line| !line.starts_with("::add-mask::ghs")).collect();
        assert_eq!(ours.len(), 3, "{commands:?}\n{}", ended.finished.said());
        assert_eq!([ours[0].as_str(), ours[1].as_str()], ["::group::The command", "::endgroup::"]);
        assert!(ours[2].starts_with("::error title=bellwether%3A failed::the command sh ended"), "{ours:?}");
        assert!(!ended.summary().contains("##["), "{}", ended.summary());
    }

    fn nothing_that_a_file_or_a_database_says_is_a_command(db) {
        let name = "0001_a%0A,b|`x`<img>@octocat.sql";
        let ended = Step::action()
            .on(db)
            .file(&format!("db/{name}"), "select 1;\nselect '::error::x' from \"no\n::add-mask::x\n##[error]y|z\";\n")
            .input("migrations", "db")
            .expect(10);
        let annotations = ended.annotations();
        assert_eq!(annotations.len(), 1, "{annotations:?}");
        assert!(annotations[0].starts_with("::error file=db/0001_a%250A%2Cb|`x`<img>@octocat.sql,line="), "{annotations:?}");
        let page = ended.summary();
        assert!(!page.contains("<img>") && !page.contains("@octocat"), "{page}");
        for line in page.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(line.matches('|').count(), 5, "{line}");
        }
        let masks: Vec<String> =
            ended.commands().into_iter().filter(|line| line.starts_with("::add-mask::")).collect();
        assert!(masks.iter().all(|line| line.starts_with("::add-mask::ghs_")), "{masks:?}");
    }

    fn files_that_cannot_be_written_are_a_warning_and_change_no_outcome(db) {
        let ended = Step::action()
            .on(db)
            .file("db/0001_users.sql", USERS)
            .input("migrations", "db")
            .env("GITHUB_STEP_SUMMARY", "/proc/no/summary")
            .env("GITHUB_OUTPUT", "/proc/no/output")
            .expect(0);
        let annotations = ended.annotations();
        assert_eq!(annotations.len(), 2, "{annotations:?}");
        assert!(annotations.iter().all(|line| line.starts_with("::warning ") && line.contains("could not be written")));
    }

    fn a_page_that_has_no_room_left_says_so(db) {
        let step = Step::action().on(db).file("db/0001_users.sql", USERS).input("migrations", "db");
        let path = step.files.path().join("summary");
        std::fs::write(&path, "x".repeat(1024 * 1024 - 10)).unwrap();
        let ended = step.expect(0);
        assert!(ended.annotations()[0].contains("no room left"), "{:?}", ended.annotations());
        assert!(ended.summary().len() <= 1024 * 1024);
    }

    fn an_output_over_the_limit_leaves_out_lists_and_says_so(db) {
        let step = (1..=2500).fold(Step::action().on(db), |step, number| {
            step.file(&format!("db/{number:05}_{}.sql", "a".repeat(120)), "select 1;")
        });
        let ended = step.input("migrations", "db").input("run", "plan").expect(0);
        let report = ended.report();
        assert_eq!(report["left_out"], json!(["plan.migrations"]));
        assert_eq!(ended.outputs()["pending"], "2500");
        assert!(ended.outputs()["report"].len() < 600_000);
        assert!(ended.annotations()[0].contains("leaves out plan.migrations"), "{:?}", ended.annotations());
        assert!(ended.summary().contains("2300 more"), "{}", ended.summary().len());
    }

    fn an_environment_may_have_odd_characters(db) {
        let odd = "prod|\"eu\" `x` <b>@team</b> 100% ##[error]é";
        let ended = Step::action()
            .on(db)
            .file("db/0001_users.sql", USERS)
            .input("migrations", "db")
            .input("environment", odd)
            .expect(0);
        assert_eq!(ended.report()["start"]["environment"], odd);
        let page = ended.summary();
        assert!(page.starts_with("## ✅ prod&#124;&#34;eu&#34; &#96;x&#96; &#60;b&#62;<span>&#64;</span>team"), "{page}");
        ended.commands();
    }

    /// A `run:` step with flags of its own: the same files, and no mask, since its streams may be a file.
    fn a_run_step_tells_its_job_too(db) {
        let ended = Step::run("deploy")
            .file("db/0001_users.sql", USERS)
            .args(&["--migrations", "db", "--output", "json"])
            .env("DATABASE_URL", db.way())
            .env("INPUT_MIGRATIONS", "not/ours")
            .expect(0);
        assert_eq!(ended.outputs()["outcome"], "succeeded");
        assert!(ended.summary().starts_with("## ✅ default: applied 1 migration"), "{}", ended.summary());
        assert_eq!(ended.commands(), Vec::<String>::new());
        assert_eq!(ended.finished.outcome()["exit"], 0);
        assert_eq!(ended.finished.stderr, "");
    }

    /// A bellwether in a command's own script: the outer one tells the job, the inner one is a program like any other.
    fn what_a_command_starts_writes_no_files_of_the_job(db) {
        let inner = format!("{} status", env!("CARGO_BIN_EXE_bellwether"));
        let ended = Step::action().on(db).input("command", format!("sh\n-c\n{inner}; true")).env("DATABASE_URL", db.way()).expect(0);
        assert_eq!(ended.outputs()["role"], "elect");
        assert_eq!(ended.summary().matches("## ").count(), 1, "{}", ended.summary());
    }
}

#[test]
fn a_missing_input_is_an_error_of_our_own_that_names_it() {
    let ended = Step::action().file("db/0001_users.sql", USERS).input("migrations", "db").expect(2);
    assert!(ended.annotations()[0].contains("the input `database-url`"), "{:?}", ended.annotations());
    assert_eq!(ended.outputs()["outcome"], "usage");
    assert!(ended.summary().contains("<code>database-url</code>"), "{}", ended.summary());
    let ended = Step::action().input("database-url", "sqlite:shop.db").expect(2);
    ended.says("the input `migrations`").says("role: follow");
}

#[test]
fn a_missing_checkout_is_asked_about() {
    let ended = Step::action().input("database-url", "sqlite:shop.db").input("migrations", "db").expect(2);
    ended.says("no migrations folder at db").says("actions/checkout");
    let ended = Step::action().input("working-directory", "app").expect(2);
    assert!(ended.annotations()[0].contains("actions/checkout"), "{:?}", ended.annotations());
    ended.says("`working-directory` names app");
}

#[test]
fn a_mistake_in_the_config_is_annotated_where_it_stands() {
    let ended = Step::action().file("bellwether.yml", "defaults:\n  migratoins: db\n").expect(2);
    let annotations = ended.annotations();
    assert!(annotations[0].starts_with("::error file=bellwether.yml,line=2,col=3,"), "{annotations:?}");
    assert!(annotations[0].contains("migrations"), "{annotations:?}");
}

#[test]
fn a_bad_value_is_blamed_on_its_input() {
    let ended = Step::action().input("timeout", "5 parsecs\n::add-mask::x\n##[error]y").expect(2);
    assert_eq!(ended.outputs()["outcome"], "usage");
    assert_eq!(ended.commands().iter().filter(|line| line.contains("mask::x")).count(), 0);
    let ended = ended.says("that of the input `timeout`");
    assert!(ended.annotations()[0].contains("input `timeout`"), "{:?}", ended.annotations());
    let ended = Step::action().env("BELLWETHER_TIMEOUT", "x").expect(2).says("that of BELLWETHER_TIMEOUT");
    drop(ended);
    let ended = Step::action().input("run", "migrate").expect(2);
    assert!(ended.annotations()[0].contains("deploy, plan, status"), "{:?}", ended.annotations());
}

#[test]
fn a_command_that_is_not_in_the_image_is_told_the_two_lines_of_setup() {
    let ended = Step::action()
        .input("database-url", "sqlite:shop.db")
        .input("command", "bundle exec rake\ndb:migrate")
        .expect(10)
        .says("takes one argument per line")
        .says("- uses: acme/bellwether/setup@v1");
    ended.says("- run: bellwether deploy -- 'bundle exec rake' db:migrate");
}

#[test]
fn localhost_in_an_action_names_the_service() {
    let url = "postgres://app@127.0.0.1:1/shop";
    let quick = |step: Step| {
        step.file("bellwether.yml", "defaults: { connect: { wait: 0s } }\n").file("db/0001_users.sql", USERS)
    };
    let action = quick(Step::action()).input("database-url", url).input("migrations", "db");
    action.expect(31).says("postgres:5432");
    let step = quick(Step::run("deploy")).args(&["--migrations", "db"]).env("DATABASE_URL", url).expect(31);
    step.finished.never_says("postgres:5432");
}

#[test]
fn secrets_are_masked_before_anything_else_is_said() {
    let url = "postgres://app:p%40ss%2Fword@127.0.0.1:1/shop";
    let config =
        "defaults: { connect: { wait: 0s }, database: \"postgres://app:${PART}word@127.0.0.1:1/shop\" }\n";
    let ended = Step::action()
        .input("database-url", url)
        .input("run", "nonsense")
        .env("DATABASE_URL", "mysql://a:other-secret@h/d")
        .expect(2);
    for stream in [&ended.finished.stdout, &ended.finished.stderr] {
        for form in ["p@ss/word", "p%2540ss%252Fword", "other-secret", "ghs_0123456789"] {
            assert!(stream.contains(&format!("::add-mask::{form}\n")), "{form}\n{stream}");
        }
        let lines: Vec<&str> = stream.lines().collect();
        let first = lines.iter().position(|line| !line.starts_with("::add-mask::"));
        let last = lines.iter().rposition(|line| line.starts_with("::add-mask::"));
        assert!(first.is_none_or(|first| last.is_some_and(|last| last < first)), "{stream}");
    }
    // one that only the config makes is masked as soon as it is known
    let ended = Step::action()
        .file("bellwether.yml", config)
        .file("db/0001_users.sql", USERS)
        .input("migrations", "db")
        .env("PART", "quite-a-")
        .expect(31);
    for stream in [&ended.finished.stdout, &ended.finished.stderr] {
        assert!(stream.contains("::add-mask::quite-a-word\n"), "{stream}");
    }
    let shown = |text: &str| {
        !text.lines().any(|line| !line.starts_with("::add-mask::") && line.contains("quite-a-word"))
    };
    assert!(shown(&ended.finished.stderr) && shown(&ended.summary()) && shown(&ended.outputs()["report"]));
}

#[test]
fn a_run_step_writes_no_secret_anywhere() {
    let ended = Step::run("plan")
        .env("DATABASE_URL", "postgres://app:top-secret@127.0.0.1:1/shop")
        .file("bellwether.yml", "defaults: { connect: { wait: 0s } }\n")
        .file("db/0001_users.sql", USERS)
        .args(&["--migrations", "db"])
        .expect(31);
    assert!(Path::new(&ended.workspace).is_absolute());
    ended.finished.never_says("top-secret");
}
