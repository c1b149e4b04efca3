//! Followers that look at the releases of the leader's app on Heroku: they have a token and no database.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::heroku::{APP, COMMIT, Fault, IDENTITY, OTHER, READER, REVOKED, STRANGER};
use crate::support::http::Then;
use crate::support::{Bellwether, Heroku};

const SOON: Duration = Duration::from_secs(60);
const RELEASES: &str = "/releases";
const BUILDS: &str = "/builds";

/// The release phase of `shop-worker`, of the commit.
fn follower(heroku: &Heroku) -> Bellwether {
    asking(heroku, "follow", "")
}

fn asking(heroku: &Heroku, verb: &str, follow: &str) -> Bellwether {
    let config =
        format!("defaults: {{ follow: {{ source: heroku, {follow} }}, heroku: {{ app: {APP} }} }}\n");
    let dyno = Bellwether::new(verb).file("bellwether.yml", &config).asks(heroku, READER);
    dyno.env("DYNO", "release.4711").env("HEROKU_APP_NAME", "shop-worker").env("HEROKU_BUILD_COMMIT", COMMIT)
}

#[test]
fn a_release_that_succeeded_is_followed_without_any_database() {
    let heroku = Heroku::start();
    heroku.release(OTHER, "succeeded");
    heroku.release(COMMIT, "succeeded");
    let ended = follower(&heroku).run().expect(0);
    assert_eq!(ended.outcome()["run"], "v2");
    assert_eq!(ended.outcome()["role"], "follow");
    assert_eq!(ended.events_named("start")[0]["database"], Value::Null);
    ended.says("shop-web has migrated to 4f2c1d9ab0c1").never_says(READER);
}

#[test]
fn a_release_that_is_at_work_is_waited_for() {
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    let (event, _) = running.wait_for_event("watching", SOON);
    assert_eq!((&event["run"]["run"], &event["run"]["current"]), (&"v1".into(), &"the release phase".into()));
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(0);
}

#[test]
fn a_failure_that_is_watched_ends_it_with_the_end_of_the_output() {
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).env("DATABASE_URL", "postgres://app:hunter2@db/shop").spawn();
    running.wait_for_event("watching", SOON);
    let output = format!(
        "{}== 2 AddIndex: migrating\nconnecting to postgres://app:hunter2@db/shop with hunter2 and {READER}\n\
         \u{1b}[31mPG::UndefinedTable: nowhere\u{1b}[0m\n",
        "an early line\n".repeat(100)
    );
    heroku.says(version, &output, Then::End);
    heroku.becomes(version, "failed");
    let ended = running.wait(SOON).expect(20).explains(&[
        "shop-web failed to migrate to 4f2c1d9ab0c1",
        "release v1 failed; the end of its output:",
        "PG::UndefinedTable: nowhere",
        "connecting to *** with *** and ***",
        "run v1 on shop-web (heroku), https://dashboard.heroku.com/apps/shop-web/activity/releases/",
    ]);
    ended.never_says("hunter2").never_says(READER);
    let streams = heroku.asked().into_iter().filter(|asked| asked.path.contains("/streams/"));
    assert!(streams.inspect(|asked| assert!(!asked.with_token)).count() == 1, "{:#?}", heroku.asked());
}

#[test]
fn a_release_phase_that_heroku_ended_has_failed() {
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.becomes(version, "expired");
    running.wait(SOON).expect(20).explains(&["release v1 expired; its output is not told"]);
}

#[test]
fn output_that_is_gone_or_never_ends_does_not_matter() {
    let endings =
        [(Then::Silence, "the last words"), (Then::Again, "the last words"), (Then::Break, "the last words")];
    for (then, want) in endings {
        let heroku = Heroku::start();
        let version = heroku.release(COMMIT, "pending");
        heroku.says(version, "the last words\n", then);
        let running = follower(&heroku).spawn();
        running.wait_for_event("watching", SOON);
        heroku.becomes(version, "failed");
        running.wait(SOON).expect(20).explains(&[want]);
    }
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "pending");
    heroku.says_nothing_any_more(version);
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.becomes(version, "failed");
    running.wait(SOON).expect(20).explains(&["release v1 failed; its output is gone"]);
}

#[test]
fn a_failure_of_before_is_waited_out_for_a_newer_release() {
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "failed");
    heroku.says(version, "it broke\n", Then::End);
    asking(&heroku, "follow", "grace: 1s").run().expect(20).explains(&["it broke"]);
    let running = follower(&heroku).spawn();
    running.wait_for_event("waiting", SOON);
    // a config var has changed, and the same slug is released again
    heroku.again(version, "succeeded");
    assert_eq!(running.wait(SOON).expect(0).outcome()["run"], "v2");
}

#[test]
fn states_of_tomorrow_say_nothing_of_the_end() {
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "hibernating");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(0);
}

#[test]
fn a_build_is_waited_for_and_then_its_release() {
    let heroku = Heroku::start();
    heroku.release(OTHER, "succeeded");
    let build = heroku.build(COMMIT, "pending");
    let running = asking(&heroku, "follow", "start: 1s").spawn();
    let (event, _) = running.wait_for_event("watching", SOON);
    assert_eq!(event["run"]["current"], "the build");
    // its release is a moment late
    heroku.build_becomes(&build, "succeeded", "");
    heroku.wait_for("GET", BUILDS, 200, 2, SOON);
    let version = heroku.release(COMMIT, "pending");
    heroku.build_makes(&build, version);
    running.wait_for("its release", SOON, |event| event["run"]["run"] == "v2");
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(0);
}

#[test]
fn a_build_that_fails_ends_it_at_once() {
    let heroku = Heroku::start();
    heroku.release(OTHER, "succeeded");
    let build = heroku.build(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.build_becomes(&build, "failed", "remote: ! No such gem\n");
    running.wait(SOON).expect(20).explains(&[
        "shop-web failed to migrate to 4f2c1d9ab0c1 at the build",
        "the build failed; the end of its output:",
        "No such gem",
        "activity/builds/",
        "mend the build",
    ]);
    // one that begins and fails between two looks
    let heroku = Heroku::start();
    let running = follower(&heroku).spawn();
    running.wait_for_event("waiting", SOON);
    heroku.build(COMMIT, "failed");
    running.wait(SOON).expect(20).explains(&["at the build"]);
}

#[test]
fn builds_and_releases_of_other_commits_are_none_of_ours() {
    let heroku = Heroku::start();
    heroku.build(OTHER, "failed");
    heroku.release(OTHER, "succeeded");
    heroku.release_without_commit("succeeded");
    heroku.release_of_nothing("succeeded");
    let running = asking(&heroku, "follow", "start: 6s").spawn();
    running.wait_for_event("waiting", SOON);
    heroku.release("9999999999999999999999999999999999999999", "pending");
    running.wait(SOON).expect(23).explains(&[
        "no leader began within",
        "among the releases of shop-web",
        COMMIT,
        "a run of shop-web: environment default, release 999999999999, running",
        "names no commit",
    ]);
    let running = follower(&heroku).spawn();
    running.wait_for_event("waiting", SOON);
    heroku.release(COMMIT, "succeeded");
    running.wait(SOON).expect(0);
}

#[test]
fn a_commit_is_known_by_its_beginning() {
    let heroku = Heroku::start();
    heroku.release(COMMIT, "succeeded");
    follower(&heroku).env("HEROKU_BUILD_COMMIT", &COMMIT[..7]).run().expect(0);
    let short = asking(&heroku, "follow", "start: 1s").env("HEROKU_BUILD_COMMIT", &COMMIT[..6]);
    short.run().expect(23);
}

#[test]
fn images_name_their_commit_and_so_do_builds_of_what_has_neither() {
    let heroku = Heroku::start();
    heroku.release_of_image(COMMIT, "succeeded");
    follower(&heroku).run().expect(0);
    let heroku = Heroku::start();
    let version = heroku.release_of_nothing("pending");
    let build = heroku.build(COMMIT, "pending");
    heroku.build_makes(&build, version);
    let running = follower(&heroku).spawn();
    running.wait_for("the release phase", SOON, |event| event["run"]["run"] == "v1");
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(0);
}

#[test]
fn of_two_releases_of_one_commit_the_newer_one_counts() {
    let heroku = Heroku::start();
    let first = heroku.release(COMMIT, "succeeded");
    let second = heroku.again(first, "pending");
    let running = follower(&heroku).spawn();
    let (event, _) = running.wait_for_event("watching", SOON);
    assert_eq!(event["run"]["run"], "v2");
    heroku.becomes(second, "failed");
    running.wait(SOON).expect(20).explains(&["release v2 failed"]);
    // and one that comes while the other is at work
    let heroku = Heroku::start();
    let first = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.again(first, "succeeded");
    assert_eq!(running.wait(SOON).expect(0).outcome()["run"], "v2");
}

#[test]
fn older_pages_are_read_until_the_commit_is_found() {
    let heroku = Heroku::start();
    heroku.pages_of(2);
    let ours = heroku.release(COMMIT, "pending");
    for digit in 1..=5 {
        heroku.release(&digit.to_string().repeat(40), "succeeded");
    }
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    assert_eq!(heroku.count("GET", RELEASES, 206), 2, "{:#?}", heroku.asked());
    // from now on it is asked for by its id
    heroku.becomes(ours, "succeeded");
    running.wait(SOON).expect(0);
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    heroku.wait_for("GET", RELEASES, 304, 2, SOON);
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(0);
    assert_eq!(heroku.count("GET", RELEASES, 200), 2, "{:#?}", heroku.asked());
    assert_eq!(heroku.count("GET", "/slugs/", 200), 1);
    // its build is over once it is there
    assert_eq!(heroku.count("GET", BUILDS, 200), 1);
}

#[test]
fn a_rate_limit_is_obeyed_where_it_ends_within_the_budget() {
    let heroku = Heroku::start();
    heroku.release(COMMIT, "succeeded");
    let told = vec![("retry-after", "4".to_owned())];
    heroku.fail("GET", RELEASES, Fault::Told(429, told, "Your account reached the API rate limit."));
    let ended = follower(&heroku).run().expect(0);
    let asked = heroku.asked();
    let limited = asked.iter().position(|asked| asked.code == 429).unwrap();
    assert!(asked[limited + 1].at - asked[limited].at >= Duration::from_secs(4), "{asked:#?}");
    assert_eq!(ended.events_named("retrying")[0]["pause_ms"], 4000);
}

#[test]
fn a_rate_limit_that_outlasts_the_budget_ends_it_at_once() {
    let heroku = Heroku::start();
    heroku.limit(0);
    let began = Instant::now();
    let ended = follower(&heroku).timeout("50s").run().expect(32);
    assert!(began.elapsed() < Duration::from_secs(50));
    ended.explains(&["too many requests of this account", "longer than our time", "75 times a minute"]);
    assert_eq!(heroku.asked().len(), 1);
}

#[test]
fn who_has_few_requests_left_asks_seldom() {
    let heroku = Heroku::start();
    heroku.limit(400);
    heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.wait_for("GET", RELEASES, 304, 1, SOON * 2);
    let looks: Vec<_> = heroku.asked().into_iter().filter(|asked| asked.path.ends_with(RELEASES)).collect();
    assert!(looks[1].at - looks[0].at >= Duration::from_secs(10), "{looks:#?}");
}

#[test]
fn trouble_at_heroku_passes() {
    let heroku = Heroku::start();
    heroku.release(COMMIT, "succeeded");
    heroku.fail("GET", RELEASES, Fault::Code(503));
    heroku.fail("GET", "/slugs/", Fault::Silence(Duration::from_millis(100)));
    let ended = follower(&heroku).run().expect(0);
    assert_eq!(ended.events_named("retrying").len(), 2, "{}", ended.said());
}

#[test]
fn a_page_of_a_proxy_passes_once_heroku_has_answered() {
    let page = || Fault::Says("<html>Please log in".to_owned(), Then::End);
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.fail("GET", RELEASES, page());
    heroku.fail("GET", RELEASES, Fault::Code(418));
    running.wait_for("it looks again", SOON, |event| event["reason"] == "it answered 418");
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(0);
    // before that, it is probably the wrong address
    let heroku = Heroku::start();
    heroku.fail("GET", RELEASES, page());
    follower(&heroku).run().expect(32).explains(&["answer is not understood", "HEROKU_API_URL"]);
}

#[test]
fn an_answer_without_end_is_read_no_further_than_there_is_room() {
    let heroku = Heroku::start();
    heroku.fail("GET", RELEASES, Fault::Says(" ".repeat(1 << 16), Then::Again));
    follower(&heroku).run().expect(32).explains(&["it answered more than 8 MB"]);
}

#[test]
fn what_it_says_shows_no_token_of_ours() {
    let heroku = Heroku::start();
    heroku.fail("GET", BUILDS, Fault::Told(401, Vec::new(), "Invalid token: reader-t0ken"));
    let ended = follower(&heroku).env("HEROKU_API_KEY", "reader-t0ken").run().expect(32);
    ended.explains(&["Invalid token: ***"]).never_says("reader-t0ken");
}

#[test]
fn trouble_that_does_not_pass_ends_with_the_budget() {
    let nowhere = Heroku::start();
    let api = nowhere.root();
    drop(nowhere);
    let heroku = Heroku::start();
    let ended = follower(&heroku).env("HEROKU_API_URL", api).timeout("4s").run().expect(32);
    ended.explains(&["cannot read the releases of shop-web", "Connection refused", "status.heroku.com"]);
    let heroku = Heroku::start();
    heroku.fail("GET", BUILDS, Fault::Silence(SOON));
    heroku.fail("GET", BUILDS, Fault::Silence(SOON));
    follower(&heroku).timeout("3s").run().expect(32).explains(&["no answer"]);
}

#[test]
fn an_app_that_is_renamed_or_not_shown_is_told_apart_from_bad_tokens() {
    let heroku = Heroku::start();
    let version = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.rename("shop-www");
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(32).explains(&[
        "shows this token no app of that name",
        "was shop-web renamed",
        "heroku.app",
    ]);
    let heroku = Heroku::start();
    heroku.release(COMMIT, "succeeded");
    let with = |token: &str| follower(&heroku).env("HEROKU_API_KEY", token).run();
    with(STRANGER).expect(32).explains(&["no app of that name", "heroku access --app shop-web"]);
    let ended =
        with(REVOKED).expect(32).explains(&["does not know the token", "authorizations:create -s read"]);
    ended.never_says(REVOKED);
    with(IDENTITY).expect(32).explains(&["forbids it", "authorizations:create -s read", "scope"]);
    with("two words").expect(2).explains(&["characters that no token has"]).never_says("two words");
    with("").expect(2).explains(&["no token for the releases of shop-web", "HEROKU_API_KEY", "-s read"]);
}

#[test]
fn builds_that_are_not_shown_do_not_matter() {
    let heroku = Heroku::start();
    heroku.hide_builds();
    let version = heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    heroku.becomes(version, "succeeded");
    running.wait(SOON).expect(0);
}

#[test]
fn a_leader_that_does_not_end_is_waited_for_as_long_as_there_is_time() {
    let heroku = Heroku::start();
    heroku.release(COMMIT, "pending");
    let ended = follower(&heroku).timeout("4s").run().expect(21);
    ended.explains(&["shop-web was still at work", "run v1", "--timeout"]).never_says("GitHub");
}

#[test]
fn a_signal_ends_the_wait() {
    let heroku = Heroku::start();
    heroku.release(COMMIT, "pending");
    let running = follower(&heroku).spawn();
    running.wait_for_event("watching", SOON);
    running.signal(Signal::SIGTERM);
    running.wait(SOON).expect(143).says("shop-web is at work");
}

#[test]
fn a_release_that_is_no_commit_can_not_be_found() {
    let heroku = Heroku::start();
    let unknown = || follower(&heroku).env("HEROKU_BUILD_COMMIT", "");
    // a hash of our migrations is nobody's commit
    let migrations = crate::support::Migrations::counted(1);
    let ended = unknown().migrations(&migrations).run().expect(2);
    ended.explains(&[
        "which commit is being released",
        "heroku labs:enable runtime-dyno-build-metadata --app shop-worker",
        "--release",
    ]);
    unknown().env("DYNO", "").run().expect(2).explains(&["--release"]).never_says("labs:enable");
    assert!(heroku.asked().is_empty());
    heroku.release(COMMIT, "succeeded");
    unknown().release(COMMIT).run().expect(0);
}

#[test]
fn apps_and_addresses_that_are_none_are_refused() {
    let heroku = Heroku::start();
    let bare = |config: &str| {
        let file = format!("defaults: {{ follow: {{ source: heroku }}, {config} }}\n");
        let bare = Bellwether::new("follow").file("bellwether.yml", &file).asks(&heroku, READER);
        bare.env("DYNO", "release.1").env("HEROKU_APP_NAME", "shop-worker").release(COMMIT)
    };
    bare("leader: env").run().expect(2).explains(&["which app's releases", "heroku: { app:"]);
    bare("heroku: { app: shop web }").run().expect(2).explains(&["\"shop web\"", "heroku.app"]);
    bare("leader: acme/shop/migrate")
        .run()
        .expect(2)
        .explains(&["\"acme/shop/migrate\"", "leader is to name"]);
    // its release phase would wait for its own end
    bare("heroku: { app: shop-worker }")
        .run()
        .expect(2)
        .explains(&["shop-worker would wait for its own release"]);
    for url in ["heroku.example/api", "ftp://heroku.example", "https://"] {
        let ended = bare("leader: shop-web").env("HEROKU_API_URL", url).run().expect(2);
        ended.explains(&["HEROKU_API_URL", url]);
    }
    // a leader is called as its app
    heroku.release(COMMIT, "succeeded");
    bare("leader: shop-web").run().expect(0);
}

#[test]
fn who_is_elected_must_see_the_ledger_and_deploys_do_not_count() {
    let heroku = Heroku::start();
    asking(&heroku, "deploy", "")
        .args(["--role", "elect"])
        .run()
        .expect(2)
        .explains(&["follow.source: heroku"]);
    heroku.release(COMMIT, "succeeded");
    let deploy = || asking(&heroku, "deploy", "");
    deploy().env("RUN_MIGRATIONS", "false").run().expect(0);
    // it would lead, and has nothing to lead with
    deploy().env("RUN_MIGRATIONS", "true").run().expect(2).never_says("releases of");
    let ended = follower(&heroku).args(["--deploy", "friday"]).run().expect(0);
    ended.says("Heroku's releases know of no deploys");
}

#[test]
fn doctor_looks_there_too() {
    let heroku = Heroku::start();
    heroku.release(COMMIT, "succeeded");
    let doctor = || asking(&heroku, "doctor", "").args(["--role", "follow"]);
    let ended = doctor().run().expect(0);
    ended.says(
        "the releases of shop-web can be read; the latest run of our release, by shop-web, is succeeded",
    );
    let ended = doctor().env("HEROKU_API_KEY", REVOKED).run().expect(32);
    ended.says("does not know the token").never_says(REVOKED);
    doctor().env("HEROKU_API_KEY", "").run().expect(2).explains(&["HEROKU_API_KEY"]);
}

#[test]
fn plan_and_status_look_once() {
    let heroku = Heroku::start();
    let looked = |verb: &str| asking(&heroku, verb, "").args(["--role", "follow"]);
    looked("plan").run().expect(0).says(
        "no build and no release of shop-web is of our commit yet; would wait for the leader by the releases of shop-web",
    );
    let version = heroku.release(COMMIT, "pending");
    let status = looked("status").run().expect(0);
    assert_eq!(status.events_named("status")[0]["run"]["status"], "running");
    looked("status").arg("--check").run().expect(3).explains(&["shop-web is at work"]);
    heroku.becomes(version, "succeeded");
    looked("status").arg("--check").run().expect(0).says("shop-web has migrated to 4f2c1d9ab0c1");
}
