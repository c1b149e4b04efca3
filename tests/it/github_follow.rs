//! Followers that look at GitHub's deployments: they have a token and no database.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::github::{COMMIT, EXPIRED, Fault, READER, REPOSITORY, STRANGER};
use crate::support::{Bellwether, Github};

const SOON: Duration = Duration::from_secs(60);
const LIST: &str = "/deployments?";
const STATUSES: &str = "/statuses";

/// A follower of release `r1` that may read, in no repository of its own.
fn follower(github: &Github) -> Bellwether {
    asking(github, "follow", "").release("r1")
}

fn asking(github: &Github, verb: &str, follow: &str) -> Bellwether {
    let config = format!(
        "defaults: {{ follow: {{ source: github, {follow} }}, github: {{ repository: {REPOSITORY} }} }}\n"
    );
    Bellwether::new(verb).file("bellwether.yml", &config).knows(github, READER).participant("shop-worker")
}

/// A run of `r1` with these statuses.
fn run(github: &Github, id: &str, states: &[&str]) -> i64 {
    let deployment = github.deploy("r1", id, |_| {});
    states.iter().for_each(|state| github.say(deployment, state, "as told"));
    deployment
}

#[test]
fn a_success_is_followed_without_any_database() {
    let github = Github::start();
    run(&github, "run-1", &["queued", "in_progress", "success"]);
    let ended = follower(&github).run().expect(0);
    assert_eq!(ended.outcome()["run"], "run-1");
    assert_eq!(ended.outcome()["role"], "follow");
    assert_eq!(ended.events_named("start")[0]["database"], Value::Null);
    ended.says("shop-web has migrated to r1").never_says(READER);
}

#[test]
fn what_was_successful_once_stays_so() {
    let github = Github::start();
    run(&github, "run-1", &["in_progress", "success", "inactive"]);
    follower(&github).run().expect(0);
}

#[test]
fn a_failure_that_is_watched_ends_it_with_the_leaders_words_and_link() {
    let github = Github::start();
    let deployment = run(&github, "run-1", &["in_progress"]);
    let running = follower(&github).spawn();
    running.wait_for_event("watching", SOON);
    github.say(deployment, "failure", "0002_b.sql failed: no such table: order");
    let ended = running.wait(SOON).expect(20);
    ended.explains(&[
        "shop-web failed to migrate to r1",
        "0002_b.sql failed: no such table: order",
        "run run-1",
        "https://ci.example/run/42",
    ]);
}

#[test]
fn a_failure_of_before_is_waited_out_for_a_newer_run() {
    let github = Github::start();
    run(&github, "run-1", &["failure"]);
    let ended = asking(&github, "follow", "grace: 1s").release("r1").run().expect(20);
    ended.explains(&["shop-web failed to migrate to r1", "as told"]);
    let running = follower(&github).spawn();
    running.wait_for_event("waiting", SOON);
    run(&github, "run-2", &["success"]);
    assert_eq!(running.wait(SOON).expect(0).outcome()["run"], "run-2");
}

#[test]
fn an_interruption_that_is_watched_ends_it() {
    let github = Github::start();
    let deployment = run(&github, "run-1", &["in_progress"]);
    let running = follower(&github).spawn();
    running.wait_for_event("watching", SOON);
    github.say(deployment, "error", "ended by SIGTERM");
    running.wait(SOON).expect(20).explains(&["was interrupted while migrating", "ended by SIGTERM"]);
}

#[test]
fn states_of_tomorrow_say_nothing_of_the_end() {
    let github = Github::start();
    let deployment = run(&github, "run-1", &["in_progress", "on_fire"]);
    let running = follower(&github).spawn();
    running.wait_for_event("watching", SOON);
    github.say(deployment, "success", "");
    github.say(deployment, "archived", "");
    running.wait(SOON).expect(0);
}

#[test]
fn only_who_made_the_deployment_says_how_it_ended() {
    let github = Github::start();
    let deployment = run(&github, "run-1", &["in_progress"]);
    github.say_as("mallory", deployment, "success", "trust me");
    let running = follower(&github).spawn();
    running.wait_for_event("watching", SOON);
    github.say(deployment, "failure", "it broke");
    running.wait(SOON).expect(20).explains(&["it broke"]);
}

#[test]
fn of_two_deployments_of_one_release_the_newer_one_counts() {
    let github = Github::start();
    run(&github, "run-1", &["success"]);
    let second = run(&github, "run-2", &["in_progress"]);
    let running = follower(&github).spawn();
    let (event, _) = running.wait_for_event("watching", SOON);
    assert_eq!(event["run"]["run"], "run-2");
    github.say(second, "failure", "the second broke");
    running.wait(SOON).expect(20).explains(&["the second broke"]);
    let github = Github::start();
    run(&github, "run-1", &["in_progress"]);
    run(&github, "run-2", &["success"]);
    assert_eq!(follower(&github).run().expect(0).outcome()["run"], "run-2");
}

#[test]
fn a_release_that_nobody_begins_ends_it_and_says_what_there_was_instead() {
    let github = Github::start();
    let stranger = github.deploy("r0", "run-0", |payload| payload["participant"] = json!("shop-admin"));
    github.say(stranger, "success", "");
    let running = asking(&github, "follow", "start: 3s").release("r1").spawn();
    running.wait_for_event("waiting", SOON);
    let other = github.deploy("r2", "run-2", |_| {});
    github.say(other, "in_progress", "");
    let ended = running.wait(SOON).expect(23);
    ended.explains(&[
        "no leader began within",
        "among the deployments of acme/shop",
        "a run of shop-web: environment default, release r2",
        "deployments: on",
    ]);
}

#[test]
fn what_is_not_in_our_form_is_none_of_ours() {
    let github = Github::start();
    for payload in [
        json!(""),
        json!("{\"bellwether\": 1}"),
        json!({ "release": "r1" }),
        json!([1, 2]),
        json!({ "bellwether": "1", "release": "r1" }),
    ] {
        let deployment = github.deploy_with(payload);
        github.say(deployment, "success", "");
    }
    for (key, value) in
        [("lock", json!("other")), ("environment", json!("staging")), ("bellwether", json!(2))]
    {
        let deployment = github.deploy("r1", "run-1", |payload| payload[key] = value);
        github.say(deployment, "success", "");
    }
    asking(&github, "follow", "start: 1s").release("r1").run().expect(23);
    // GitHub has given payloads back as text before
    let ours = github.deploy("r1", "run-2", |payload| *payload = json!(payload.to_string()));
    github.say(ours, "success", "");
    assert_eq!(follower(&github).run().expect(0).outcome()["run"], "run-2");
}

#[test]
fn a_deploy_takes_part_in_matching() {
    let github = Github::start();
    let one = github.deploy("r1", "run-1", |payload| payload["deploy"] = json!("one"));
    github.say(one, "failure", "the first");
    let two = github.deploy("r1", "run-2", |payload| payload["deploy"] = json!("two"));
    github.say(two, "success", "");
    follower(&github).arg("--deploy").arg("two").run().expect(0);
    // with a deploy of its own, nothing is old
    follower(&github).arg("--deploy").arg("one").run().expect(20).explains(&["the first"]);
}

#[test]
fn all_pages_are_read_and_links_to_other_hosts_are_not_followed_there() {
    let github = Github::start();
    github.pages_of(2);
    run(&github, "run-1", &["queued", "in_progress", "in_progress", "success", "inactive"]);
    for release in ["r2", "r3", "r4", "r5", "r6"] {
        github.deploy(release, "other", |_| {});
    }
    follower(&github).run().expect(0);
    assert!(github.count("GET", "page=3", 200) >= 2, "{:#?}", github.asked());
}

#[test]
fn a_repository_that_has_moved_is_found() {
    let github = Github::start();
    run(&github, "run-1", &["success"]);
    let moved = format!("{}/repos/{REPOSITORY}/deployments?task=bellwether:migrate", github.api());
    github.fail("GET", LIST, Fault::Told(301, vec![("location", moved)], "Moved Permanently"));
    follower(&github).run().expect(0);
}

#[test]
fn what_has_not_changed_costs_nothing() {
    let github = Github::start();
    let deployment = run(&github, "run-1", &["in_progress"]);
    // two for the first look, and two for the end: the list is not asked for anew, it is only asked whether it is the same
    github.limit(4, Duration::from_secs(3600));
    let running = follower(&github).spawn();
    github.wait_for("GET", LIST, 304, 2, SOON);
    github.wait_for("GET", STATUSES, 304, 2, SOON);
    github.say(deployment, "success", "");
    running.wait(SOON).expect(0);
    assert_eq!(github.count("GET", "", 200), 3, "{:#?}", github.asked());
}

#[test]
fn a_rate_limit_is_obeyed_where_it_ends_within_the_budget() {
    for (code, header, value) in [(403, "retry-after", "4"), (429, "retry-after", "4")] {
        let github = Github::start();
        run(&github, "run-1", &["success"]);
        let told = vec![(header, value.to_owned())];
        github.fail("GET", LIST, Fault::Told(code, told, "You have exceeded a secondary rate limit."));
        let ended = follower(&github).run().expect(0);
        let asked = github.asked();
        assert!(asked[1].at - asked[0].at >= Duration::from_secs(4), "{asked:#?}");
        assert_eq!(ended.events_named("retrying")[0]["pause_ms"], 4000);
    }
    // the hour's requests are used up, and the next hour begins soon
    let github = Github::start();
    run(&github, "run-1", &["success"]);
    github.limit(0, Duration::from_secs(5));
    follower(&github).run().expect(0);
    assert!(github.count("GET", "", 403) <= 1, "{:#?}", github.asked());
}

#[test]
fn a_rate_limit_that_outlasts_the_budget_ends_it_at_once() {
    let github = Github::start();
    github.limit(0, Duration::from_secs(3600));
    let began = Instant::now();
    let ended = follower(&github).timeout("10m").run().expect(32);
    assert!(began.elapsed() < SOON);
    ended.explains(&["too many requests with this token", "longer than our time", "1,000 times an hour"]);
    assert_eq!(github.asked().len(), 1);
}

#[test]
fn trouble_at_github_passes() {
    let github = Github::start();
    run(&github, "run-1", &["success"]);
    github.fail("GET", LIST, Fault::Code(502));
    github.fail("GET", STATUSES, Fault::Silence(Duration::from_millis(100)));
    let ended = follower(&github).run().expect(0);
    assert_eq!(ended.events_named("retrying").len(), 2, "{}", ended.said());
}

#[test]
fn trouble_that_does_not_pass_ends_with_the_budget() {
    let nowhere = Github::start();
    let api = nowhere.api();
    drop(nowhere);
    let github = Github::start();
    let ended = follower(&github).env("GITHUB_API_URL", api).timeout("4s").run().expect(32);
    ended.explains(&["cannot read the deployments of acme/shop", "Connection refused", "githubstatus"]);
}

#[test]
fn a_silent_github_does_not_outlast_the_budget() {
    let github = Github::start();
    github.fail("GET", LIST, Fault::Silence(SOON));
    github.fail("GET", LIST, Fault::Silence(SOON));
    let ended = follower(&github).timeout("3s").run().expect(32).explains(&["no answer"]);
    assert!(ended.elapsed < Duration::from_secs(13), "{:?}", ended.elapsed);
}

#[test]
fn a_deployment_that_is_gone_is_a_leader_that_died() {
    let github = Github::start();
    let deployment = run(&github, "run-1", &["in_progress"]);
    let running = asking(&github, "follow", "grace: 1s").release("r1").spawn();
    running.wait_for_event("watching", SOON);
    github.delete(deployment);
    running.wait(SOON).expect(22);
}

#[test]
fn a_leader_that_does_not_end_is_waited_for_as_long_as_there_is_time() {
    let github = Github::start();
    run(&github, "run-1", &["in_progress"]);
    let ended = follower(&github).timeout("4s").run().expect(21);
    ended.explains(&["shop-web was still at work", "run run-1", "died without a word", "--timeout"]);
}

#[test]
fn a_signal_ends_the_wait() {
    let github = Github::start();
    run(&github, "run-1", &["in_progress"]);
    let running = follower(&github).spawn();
    running.wait_for_event("watching", SOON);
    running.signal(Signal::SIGTERM);
    running.wait(SOON).expect(143).says("shop-web is at work");
}

#[test]
fn odd_environments_find_their_own() {
    let github = Github::start();
    let name = "pré-prod/eu #1&task=x";
    let payload = |environment: &str| {
        json!({
            "bellwether": 1, "lock": "default", "environment": environment, "release": "r1", "digest": "d1",
            "participant": "shop-web", "platform": "plain", "host": "h", "engine": "sql",
        })
    };
    let ours = github.deploy_as(name, payload(name));
    github.say(ours, "success", "");
    let ended = Bellwether::new("follow")
        .knows(&github, READER)
        .job_of(REPOSITORY)
        .release("r1")
        .args(["--follow", "github", "-e", name])
        .run()
        .expect(0);
    assert_eq!(ended.outcome()["run"], format!("deployment-{ours}"));
}

#[test]
fn tokens_that_are_of_no_use_are_told_apart() {
    let github = Github::start();
    follower(&github).env("BELLWETHER_GITHUB_TOKEN", "").run().expect(2).explains(&[
        "no token for the deployments of acme/shop",
        "BELLWETHER_GITHUB_TOKEN or GITHUB_TOKEN",
        "deployments: read",
    ]);
    let job = follower(&github).env("BELLWETHER_GITHUB_TOKEN", "").job_of(REPOSITORY).run().expect(2);
    job.explains(&["permissions: { deployments: read }", "${{ github.token }}"]);
    let ended = follower(&github).env("BELLWETHER_GITHUB_TOKEN", "two words").run().expect(2);
    ended.never_says("two words").explains(&["characters that no token has"]);
    let ended = follower(&github).env("BELLWETHER_GITHUB_TOKEN", EXPIRED).run().expect(32);
    ended.never_says(EXPIRED).explains(&["does not know the token", "Bad credentials", "expired"]);
    let ended = follower(&github).env("BELLWETHER_GITHUB_TOKEN", STRANGER).run().expect(32);
    ended.explains(&["no such repository", "GitHub App"]);
    // an empty one counts as unset, and the workflow's own comes after it
    run(&github, "run-1", &["success"]);
    follower(&github).env("BELLWETHER_GITHUB_TOKEN", "").env("GITHUB_TOKEN", READER).run().expect(0);
}

#[test]
fn another_repositorys_commit_is_no_release_of_theirs() {
    let github = Github::start();
    let ended = asking(&github, "follow", "").job_of("acme/worker").run().expect(2);
    ended.explains(&[COMMIT, "acme/worker", "acme/shop has none in common", "--release"]);
    assert!(github.asked().is_empty());
    run(&github, "run-1", &["success"]);
    follower(&github).job_of("acme/worker").run().expect(0);
    // its own repository's jobs know it by the commit
    let deployment = github.deploy(COMMIT, "run-2", |_| {});
    github.say(deployment, "success", "");
    asking(&github, "follow", "").job_of("Acme/Shop").run().expect(0);
}

#[test]
fn repositories_and_addresses_that_are_none_are_refused() {
    let bare = || Bellwether::new("follow").args(["--follow", "github", "--release", "r1"]);
    bare().run().expect(2).explains(&["which repository's deployments", "owner/name"]);
    bare().env("GITHUB_REPOSITORY", "shop").run().expect(2).explains(&["\"shop\"", "owner/name"]);
    let addressed = |url: &str| {
        let job = bare().env("GITHUB_REPOSITORY", "acme/shop").env("GITHUB_TOKEN", "x");
        job.env("GITHUB_API_URL", url).run()
    };
    for url in ["github.example/api", "ftp://github.example", "https://"] {
        addressed(url).expect(2).explains(&["GITHUB_API_URL", url]);
    }
}

#[test]
fn who_is_elected_must_see_the_ledger_and_who_leads_needs_no_deployments() {
    let github = Github::start();
    asking(&github, "deploy", "")
        .release("r1")
        .run()
        .expect(2)
        .explains(&["follow.source: github", "who leads"]);
    run(&github, "run-1", &["success"]);
    asking(&github, "deploy", "").release("r1").env("RUN_MIGRATIONS", "false").run().expect(0);
    // it would lead, and has nothing to lead with
    let leader = asking(&github, "deploy", "").release("r1").env("RUN_MIGRATIONS", "true").run();
    leader.expect(2).never_says("deployments of");
}

#[test]
fn plan_and_status_look_once() {
    let github = Github::start();
    let looked = |verb: &str| asking(&github, verb, "").release("r1").args(["--role", "follow"]);
    let ended = looked("plan").run().expect(0);
    ended.says(
        "no deployment tells of our release yet; would wait for the leader by the deployments of acme/shop",
    );
    let deployment = run(&github, "run-1", &["in_progress"]);
    let status = looked("status").run().expect(0);
    assert_eq!(status.events_named("status")[0]["run"]["status"], "running");
    looked("status").arg("--check").run().expect(3).explains(&["shop-web is at work"]);
    github.say(deployment, "success", "");
    looked("status").arg("--check").run().expect(0).says("shop-web has migrated to r1");
    assert_eq!(github.count("POST", "", 201), 0);
}
