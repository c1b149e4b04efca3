//! Leaders that tell GitHub of their runs, and those who follow them by that alone.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::github::{COMMIT, Fault, PERSON, READER, REPOSITORY, WRITER};
use crate::support::{Bellwether, Finished, Github, Migrations, Server, TestDatabase, on_servers};

const SOON: Duration = Duration::from_secs(60);
const LATER: Duration = Duration::from_secs(120);
const CREATE: &str = "/deployments";
const STATUSES: &str = "/statuses";

/// The leader of release `r1`, which tells of it.
fn leader(github: &Github, db: &TestDatabase, migrations: &Migrations, deployments: &str) -> Bellwether {
    telling(Bellwether::lead(db, migrations), deployments).knows(github, WRITER)
}

fn telling(bellwether: Bellwether, deployments: &str) -> Bellwether {
    bellwether.config(&format!("github: {{ repository: {REPOSITORY}, deployments: {deployments} }}"))
}

/// A follower of release `r1` without any database.
fn follower(github: &Github) -> Bellwether {
    let config = format!("defaults: {{ github: {{ repository: {REPOSITORY} }} }}\n");
    Bellwether::new("follow")
        .file("bellwether.yml", &config)
        .args(["--follow", "github"])
        .release("r1")
        .participant("shop-worker")
        .knows(github, READER)
}

/// The only deployment.
fn only(github: &Github) -> i64 {
    let deployments = github.deployments();
    assert_eq!(deployments.len(), 1, "{deployments:#?}\n{:#?}", github.asked());
    deployments[0]["id"].as_i64().unwrap()
}

fn warnings(ended: &Finished) -> String {
    let warnings = ended.events_named("warning");
    warnings.iter().filter_map(|event| event["message"].as_str()).collect::<Vec<_>>().join("\n")
}

on_servers! { [postgres Postgres, mariadb MariaDb]
    fn a_leader_tells_and_a_follower_without_a_database_waits_for_it(db) {
        let github = Github::start();
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_gate.sql", gate.sql());
        let leading = leader(&github, db, &migrations, "on").job_of(REPOSITORY).spawn();
        github.wait_for("POST", STATUSES, 201, 1, SOON);
        let following = follower(&github).spawn();
        following.wait_for_event("watching", SOON);
        gate.open();
        let led = leading.wait(LATER).expect(0).never_says(WRITER);
        let followed = following.wait(LATER).expect(0).never_says(READER);
        assert_eq!(followed.outcome()["run"], led.outcome()["run"]);
        let deployment = &github.deployments()[0];
        assert_eq!(deployment["payload"]["run"], led.outcome()["run"]);
        assert_eq!(deployment["payload"]["release"], "r1");
        assert_eq!(deployment["payload"]["participant"], "shop-web");
        assert_eq!((&deployment["task"], &deployment["ref"]), (&"bellwether:migrate".into(), &"r1".into()));
        let statuses = github.statuses(only(&github));
        let last = statuses.last().unwrap();
        assert_eq!((&last["state"], &last["description"]), (&"success".into(), &"applied 2 migrations".into()));
        let url = format!("https://github.example/{REPOSITORY}/actions/runs/77/attempts/2");
        assert_eq!(last["log_url"], url.as_str());
    }

    fn a_leader_that_fails_takes_its_followers_with_it(db) {
        let github = Github::start();
        let gate = db.gate();
        let migrations =
            Migrations::new().file("0001_gate.sql", gate.sql()).file("0002_bad.sql", "SELECT * FROM nowhere;");
        let leading = leader(&github, db, &migrations, "on").job_of(REPOSITORY).spawn();
        github.wait_for("POST", STATUSES, 201, 1, SOON);
        let following = follower(&github).spawn();
        following.wait_for_event("watching", SOON);
        gate.open();
        leading.wait(LATER).expect(10);
        following.wait(LATER).expect(20).explains(&["shop-web failed to migrate to r1", "0002_bad", "/actions/runs/77"]);
        assert_eq!(github.states(only(&github)).last().unwrap(), "failure");
    }

    fn a_leader_that_is_interrupted_says_so_in_time(db) {
        let github = Github::start();
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gate.sql", gate.sql());
        let leading = leader(&github, db, &migrations, "on").spawn();
        github.wait_for("POST", STATUSES, 201, 1, SOON);
        let following = follower(&github).spawn();
        following.wait_for_event("watching", SOON);
        leading.signal(Signal::SIGTERM);
        leading.wait(LATER).expect(143);
        following.wait(LATER).expect(20).explains(&["shop-web was interrupted", "SIGTERM"]);
        assert_eq!(github.states(only(&github)).last().unwrap(), "error");
    }
}

on_servers! { [postgres Postgres]
    fn a_leader_that_is_killed_is_waited_for_until_the_budget_ends(db) {
        let github = Github::start();
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gate.sql", gate.sql());
        let leading = leader(&github, db, &migrations, "on").spawn();
        github.wait_for("POST", STATUSES, 201, 1, SOON);
        leading.kill9();
        leading.wait(LATER);
        follower(&github).timeout("4s").run().expect(21).explains(&["died without a word"]);
        // the next leader's run counts, and not the dead one's
        gate.open();
        leader(&github, db, &migrations, "on").run().expect(0);
        assert_eq!(github.deployments().len(), 2);
        follower(&github).run().expect(0);
    }

    fn where_deployments_are_required_the_last_word_counts(db) {
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gate.sql", gate.sql());
        let github = Github::start();
        let leading = leader(&github, db, &migrations, "required").spawn();
        github.wait_for("POST", STATUSES, 201, 2, SOON);
        github.fail("POST", STATUSES, Fault::Code(401));
        gate.open();
        let ended = leading.wait(LATER).expect(32);
        assert_eq!(ended.applied(), ["1"]);
        ended.explains(&["does not know the token", "recorded and still in place: 1"]);
    }

    fn after_a_signal_nobody_waits_long_for_github(db) {
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gate.sql", gate.sql());
        let github = Github::start();
        let leading = leader(&github, db, &migrations, "on").spawn();
        github.wait_for("POST", STATUSES, 201, 1, SOON);
        github.fail("POST", STATUSES, Fault::Silence(LATER));
        let began = Instant::now();
        leading.signal(Signal::SIGTERM);
        leading.wait(LATER).expect(143);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb]
    fn whoever_is_elected_tells_and_nobody_else(db) {
        let github = Github::start();
        let migrations = Migrations::counted(2);
        let elect = |name: &str| {
            let elect = Bellwether::at("deploy", db, &migrations).participant(name);
            telling(elect, "required").knows(&github, WRITER)
        };
        let all: Vec<_> = ["a", "b", "c", "d"].map(|name| elect(name).spawn()).into_iter().collect();
        all.into_iter().for_each(|running| drop(running.wait(LATER).expect(0)));
        let deployment = only(&github);
        assert_eq!(github.states(deployment).last().unwrap(), "success");
        elect("e").run().expect(0);
        assert_eq!(only(&github), deployment);
    }

    fn a_command_is_told_of_too(db) {
        let github = Github::start();
        let run = |program: &str| {
            let leader = Bellwether::new("lead").on(db).release("r1").participant("shop-web");
            telling(leader, "required").knows(&github, WRITER).args(["--", program]).run()
        };
        run("true").expect(0);
        assert_eq!(github.states(only(&github)).last().unwrap(), "success");
        run("false").expect(10);
        let last = github.deployments()[1].clone();
        assert_eq!(last["payload"]["engine"], "command");
        assert_eq!(github.states(last["id"].as_i64().unwrap()).last().unwrap(), "failure");
    }

    fn a_github_that_must_answer_and_does_not_is_not_waited_for_long(db) {
        let github = Github::start();
        github.fail("POST", CREATE, Fault::Silence(LATER));
        let ended = leader(&github, db, &Migrations::counted(1), "required").run().expect(32);
        ended.explains(&["GitHub gives no answer", "no answer within 8 s"]);
        assert!(!db.has_table("applied"));
        // it was made all the same, and nobody is to wait for it
        let github = Github::start();
        github.fail("POST", CREATE, Fault::DoneInSilence(LATER));
        leader(&github, db, &Migrations::counted(1), "required").run().expect(32);
        assert_eq!(github.states(only(&github)), ["failure"]);
        // the lock is free, and the next one gets it
        leader(&github, db, &Migrations::counted(1), "required").run().expect(0);
    }
}

/// A SQLite database and two migrations.
fn sqlite() -> (TestDatabase, Migrations) {
    (Server::Sqlite.database(), Migrations::counted(2))
}

#[test]
fn one_run_makes_one_deployment_whatever_github_answers() {
    for fault in [Fault::DoneBut(502), Fault::Code(502), Fault::Silence(Duration::from_millis(100))] {
        for deployments in ["on", "required"] {
            let (db, migrations) = sqlite();
            let github = Github::start();
            github.fail("POST", CREATE, fault.clone());
            let ended = leader(&github, &db, &migrations, deployments).run().expect(0);
            assert_eq!(warnings(&ended), "");
            assert_eq!(github.states(only(&github)).last().unwrap(), "success", "{fault:?} {deployments}");
        }
    }
}

#[test]
fn the_last_word_is_said_again_until_it_is_heard() {
    let (db, migrations) = sqlite();
    let github = Github::start();
    for _ in 0..3 {
        github.fail("POST", STATUSES, Fault::Code(503));
    }
    leader(&github, &db, &migrations, "on").run().expect(0);
    assert_eq!(github.states(only(&github)).last().unwrap(), "success");
}

#[test]
fn who_may_only_read_is_warned_and_migrates_all_the_same() {
    let (db, migrations) = sqlite();
    let github = Github::start();
    let leader = leader(&github, &db, &migrations, "on").env("BELLWETHER_GITHUB_TOKEN", READER);
    let ended = leader.run().expect(0).never_says(READER);
    assert_eq!(ended.applied().len(), 2);
    let warned = warnings(&ended);
    assert!(warned.contains("forbids") && warned.contains("waits in vain"), "{warned}");
    assert_eq!(warned.lines().count(), 1, "{warned}");
}

#[test]
fn where_deployments_are_required_nothing_is_done_without_one() {
    let (db, migrations) = sqlite();
    let github = Github::start();
    let leader = leader(&github, &db, &migrations, "required").env("BELLWETHER_GITHUB_TOKEN", READER);
    let ended = leader.run().expect(32);
    ended.explains(&["cannot write the deployments of acme/shop", "GitHub forbids it", "deployments: write"]);
    assert!(!db.has_table("applied"));
    // who was there hears of it by the ledger: it is a run that failed
    let status = Bellwether::at("status", &db, &migrations).run().expect(0);
    assert_eq!(status.events_named("status")[0]["run"]["status"], "failed");
}

#[test]
fn tokens_that_are_missing_are_an_error_only_where_they_must_be_there() {
    let (db, migrations) = sqlite();
    let github = Github::start();
    let with =
        |deployments| leader(&github, &db, &migrations, deployments).env("BELLWETHER_GITHUB_TOKEN", "");
    with("required").run().expect(2).explains(&["no token", "deployments: write"]);
    assert!(!db.has_table("bellwether_runs"));
    let warned = warnings(&with("on").run().expect(0));
    assert!(warned.contains("no deployment will tell of this run: there is no token"), "{warned}");
    assert!(github.asked().is_empty());
}

#[test]
fn a_deployment_stands_at_a_commit() {
    // a release with a name of its own: then the job's commit
    let (db, migrations) = sqlite();
    let github = Github::start();
    let named = || Bellwether::new("lead").on(&db).migrations(&migrations).release("friday");
    telling(named(), "on").knows(&github, WRITER).job_of(REPOSITORY).run().expect(0);
    assert_eq!(github.deployments()[0]["ref"], COMMIT);
    assert_eq!(github.states(only(&github)).last().unwrap(), "success");
    // and where there is none, GitHub says what is missing
    let (db, migrations) = sqlite();
    let named = || Bellwether::new("lead").on(&db).migrations(&migrations).release("friday");
    let warned = warnings(&telling(named(), "on").knows(&github, WRITER).run().expect(0));
    assert!(warned.contains("No ref found for: friday"), "{warned}");
    let (db, migrations) = sqlite();
    let named = || Bellwether::new("lead").on(&db).migrations(&migrations).release("friday");
    let ended = telling(named(), "required").knows(&github, WRITER).run().expect(32);
    ended.explains(&["No ref found for: friday", "is the release a commit, tag or branch of acme/shop?"]);
}

#[test]
fn refusals_are_told_in_plain_words() {
    for (code, message, words) in [
        (202, "Auto-merged main into topic on deployment.", "a merge: Auto-merged main"),
        (409, "Conflict: Commit status checks failed for topic.", "refuses a deployment now: Conflict"),
        (404, "Not Found", "no such repository"),
        (401, "Bad credentials", "does not know the token: Bad credentials"),
    ] {
        let (db, migrations) = sqlite();
        let github = Github::start();
        github.fail("POST", CREATE, Fault::Told(code, vec![], message));
        let warned = warnings(&leader(&github, &db, &migrations, "on").run().expect(0));
        assert!(warned.contains(words), "{code}: {warned}");
        assert!(github.deployments().is_empty());
    }
}

#[test]
fn a_silent_github_holds_up_no_migration() {
    let (db, migrations) = sqlite();
    let github = Github::start();
    github.fail("POST", CREATE, Fault::Silence(LATER));
    github.fail("GET", CREATE, Fault::Silence(LATER));
    let leading = leader(&github, &db, &migrations, "on").spawn();
    let (_, finished) = leading.wait_for_event("run_finished", SOON);
    let ended = leading.wait(LATER).expect(0);
    assert!(ended.ended - finished < Duration::from_secs(40), "{:?}", ended.ended - finished);
    assert!(warnings(&ended).contains("no answer within"), "{}", ended.said());
}

#[test]
fn what_was_done_before_is_told_once() {
    let (db, migrations) = sqlite();
    Bellwether::lead(&db, &migrations).run().expect(0);
    let github = Github::start();
    let ended = leader(&github, &db, &migrations, "on").run().expect(0);
    assert!(ended.applied().is_empty());
    let deployment = only(&github);
    assert_eq!(github.states(deployment), ["success"]);
    assert_eq!(github.deployments()[0]["payload"]["run"], ended.outcome()["run"]);
    follower(&github).run().expect(0);
    leader(&github, &db, &migrations, "on").run().expect(0);
    let person = leader(&github, &db, &migrations, "required").env("BELLWETHER_GITHUB_TOKEN", PERSON);
    person.run().expect(0);
    assert_eq!(only(&github), deployment);
}

#[test]
fn a_leader_that_lost_its_word_is_made_good_by_the_next() {
    let (db, migrations) = sqlite();
    let github = Github::start();
    // all goes wrong after the deployment is made; how many statuses are tried hangs on who is faster
    for _ in 0..5 {
        github.fail("POST", STATUSES, Fault::Code(401));
    }
    let first = leader(&github, &db, &migrations, "on").run().expect(0);
    assert!(warnings(&first).contains("does not know the token"), "{}", first.said());
    assert!(github.states(only(&github)).is_empty(), "{:#?}", github.asked());
    github.heal();
    leader(&github, &db, &migrations, "on").run().expect(0);
    assert_eq!(github.deployments().len(), 2);
    follower(&github).run().expect(0);
}

#[test]
fn a_follower_by_the_ledger_tells_nothing() {
    let (db, migrations) = sqlite();
    Bellwether::lead(&db, &migrations).run().expect(0);
    let github = Github::start();
    telling(Bellwether::follow(&db, &migrations), "required").knows(&github, WRITER).run().expect(0);
    assert!(github.asked().is_empty());
}
