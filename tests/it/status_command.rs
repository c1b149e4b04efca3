//! Followers of a leader that does not run bellwether: they ask a status command, and need no database.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Bellwether, Finished};

const SOON: Duration = Duration::from_secs(20);

/// A follower whose status command is this script, asked again after 100 ms. It has no `DATABASE_URL`.
fn follower(script: &str) -> Bellwether {
    asking(script, "every: 100ms")
}

/// A script in a file, since `$` means something in the config.
fn asking(script: &str, follow: &str) -> Bellwether {
    configured("follow", &format!("command: [sh, ask.sh], {follow}")).file("ask.sh", script)
}

fn configured(verb: &str, follow: &str) -> Bellwether {
    let config = format!("defaults: {{ follow: {{ source: command, {follow} }} }}\n");
    Bellwether::new(verb).file("bellwether.yml", &config)
}

/// Ends with 1 twice, then with this code.
fn third_time(code: i32) -> String {
    format!(
        "echo x >> asked; echo \"pending: $(wc -l < asked)\"; [ $(wc -l < asked) -ge 3 ] && exit {code}; exit 1"
    )
}

fn reasons(ended: &Finished) -> Vec<String> {
    let text = |event: &&Value| event["reason"].as_str().unwrap_or_default().to_owned();
    ended.events_named("waiting").iter().map(text).collect()
}

fn is_alive(pid: &str) -> bool {
    // a zombie does nothing any more
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn read_pid(file: &Path) -> String {
    let until = Instant::now() + SOON;
    loop {
        let pid = std::fs::read_to_string(file).unwrap_or_default();
        if pid.ends_with('\n') {
            return pid.trim().to_owned();
        }
        assert!(Instant::now() < until, "no {}", file.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ready_at_once_ends_well_without_any_database() {
    let ended = follower("echo all is well").release("r1").run().expect(0);
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "succeeded");
    assert_eq!(outcome["role"], "follow");
    assert_eq!(outcome["release"], "r1");
    assert_eq!(outcome["error"], Value::Null);
    assert_eq!(ended.events_named("start")[0]["database"], Value::Null);
    assert!(reasons(&ended).is_empty() && ended.events_named("output").is_empty(), "{}", ended.said());
}

#[test]
fn a_deploy_that_follows_asks_too_and_needs_no_release() {
    let ended = configured("deploy", "command: [\"true\"]").env("RUN_MIGRATIONS", "no").run().expect(0);
    assert_eq!(ended.outcome()["release"], Value::Null);
}

#[test]
fn pending_is_waited_out() {
    let ended = follower(&third_time(0)).arg("-vv").run().expect(0);
    assert_eq!(reasons(&ended), ["sh says not yet: pending: 1", "sh says not yet: pending: 2"]);
    // what it prints is not passed on
    assert!(ended.events_named("output").is_empty() && ended.stderr.is_empty(), "{}", ended.said());
}

#[test]
fn the_config_says_which_codes_mean_what() {
    let keys = "every: 100ms, ready: [0, 3], pending: [1, 255]";
    asking(&third_time(3), keys).run().expect(0);
    let alembic = "echo x >> asked; [ $(wc -l < asked) -ge 2 ] && exit 0; exit 255";
    let ended = asking(alembic, keys).run().expect(0);
    assert_eq!(reasons(&ended), ["sh says not yet"]);
}

#[test]
fn any_other_code_fails_with_the_output() {
    let ended = follower(&third_time(7)).run().expect(32);
    let ended =
        ended.explains(&["ended with exit code 7", "pending: 3", "follow.ready (0)", "follow.pending (1)"]);
    assert_eq!(ended.outcome()["outcome"], "status_source");
}

#[test]
fn a_crash_and_a_program_that_is_not_there_fail() {
    follower("kill -SEGV $$").run().expect(32).explains(&["SIGSEGV"]);
    let absent = configured("follow", "command: [bin/nothing-here, x]").run().expect(32);
    absent.explains(&[
        "bin/nothing-here could not be started",
        "is bin/nothing-here there",
        "bellwether install",
    ]);
}

#[test]
fn the_budget_ends_the_wait_with_the_last_output() {
    let ended = follower("echo first; echo last; exit 1").timeout("1s").run().expect(21);
    assert!(
        ended.elapsed >= Duration::from_secs(1) && ended.elapsed < Duration::from_secs(6),
        "{}",
        ended.said()
    );
    let ended = ended.explains(&["still said not yet when our time ended (1 s)", "first\nlast", "--timeout"]);
    assert_eq!(ended.outcome()["outcome"], "leader_late");
}

#[test]
fn one_that_hangs_is_ended_with_the_budget_and_nothing_of_it_stays() {
    let follower = follower("echo $$ > pid; echo halfway; trap '' TERM; sleep 300 & wait; wait; sleep 300")
        .timeout("1s");
    let file = follower.folder().join("pid");
    let running = follower.spawn();
    let pid = read_pid(&file);
    assert!(is_alive(&pid));
    let ended = running.wait(SOON).expect(21).explains(&["had given no answer", "halfway"]);
    assert!(ended.elapsed < Duration::from_secs(11), "{:?}", ended.elapsed);
    assert!(!is_alive(&pid), "{}", ended.said());
}

#[test]
fn one_that_gives_no_answer_in_its_time_fails_and_nothing_of_it_stays() {
    let asking = |script: &str| asking(script, "every: 100ms, timeout: 1s");
    let stubborn = asking("echo $$ > pid; echo connecting; trap '' TERM; sleep 300 & wait; sleep 300");
    let file = stubborn.folder().join("pid");
    let running = stubborn.spawn();
    let pid = read_pid(&file);
    let ended = running.wait(SOON).expect(32);
    let ended = ended.explains(&["gave no answer within 1 s", "connecting", "follow.timeout"]);
    assert!(ended.elapsed < Duration::from_secs(8), "{:?}", ended.elapsed);
    assert!(!is_alive(&pid), "{}", ended.said());
    // each run has it anew
    asking(&format!("sleep 0.4; {}", third_time(0))).run().expect(0);
}

#[test]
fn one_that_takes_longer_than_the_guard_is_patient_is_let_work() {
    follower("sleep 11; echo done").run().expect(0);
}

#[test]
fn a_signal_ends_it_while_it_asks_and_between() {
    for (script, waiting) in
        [("echo $$ > pid; sleep 300", "nothing yet"), ("echo $$ > pid; echo soon; exit 1", "soon")]
    {
        for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
            let follower = asking(script, "every: 5m");
            let file = follower.folder().join("pid");
            let running = follower.spawn();
            let pid = read_pid(&file);
            assert!(pid.parse::<u32>().is_ok(), "{pid}");
            if waiting == "soon" {
                running.wait_for_event("waiting", SOON);
            }
            running.signal(signal);
            let sent = Instant::now();
            let ended = running.wait(SOON).expect(code).explains(&["we waited for the leader", waiting]);
            assert!(ended.ended.saturating_duration_since(sent) < Duration::from_secs(6), "{}", ended.said());
            assert_eq!(ended.outcome()["outcome"], "interrupted");
            assert!(!is_alive(&pid), "{}", ended.said());
        }
    }
}

/// Shells open their signals by themselves; most programs keep what they inherit.
#[test]
fn a_program_that_is_no_shell_hears_the_signal_too() {
    let running = configured("follow", "command: [sleep, \"300\"]").spawn();
    running.wait_for_event("start", SOON);
    std::thread::sleep(Duration::from_millis(500));
    let sent = Instant::now();
    running.signal(Signal::SIGTERM);
    let ended = running.wait(SOON).expect(143);
    assert!(ended.ended.saturating_duration_since(sent) < Duration::from_secs(2), "{}", ended.said());
    let blocked =
        configured("follow", "command: [grep, -q, \"^SigBlk:\t0*$\", /proc/self/status], pending: [7]");
    blocked.run().expect(0);
}

#[test]
fn after_kill_9_nothing_of_it_stays() {
    let follower = follower("(echo $BASHPID; sleep 300) & echo $! > pid; wait");
    let file = follower.folder().join("pid");
    let running = follower.spawn();
    let pid = read_pid(&file);
    assert!(is_alive(&pid));
    running.kill9();
    let until = Instant::now() + Duration::from_secs(2);
    while is_alive(&pid) {
        assert!(Instant::now() < until, "{pid} lives");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn plan_says_what_would_be_asked_and_asks_nothing() {
    let follow = "command: [\"false\", now], every: 2s";
    let ended = configured("plan", follow).args(["--role", "follow"]).run().expect(0);
    let next = ended.events_named("plan")[0]["next"].as_str().unwrap_or_default().to_owned();
    assert_eq!(next, "would run `false now` again and again, 2 s apart, until it says ready");
    configured("plan", follow).run().expect(2).explains(&["can only follow"]);
}

#[test]
fn status_asks_once() {
    let status = |script: &str| {
        configured("status", "command: [sh, ask.sh]").file("ask.sh", script).arg("--check").run()
    };
    let ready = status("exit 0").expect(0);
    assert_eq!(ready.events_named("status")[0]["ready"], true);
    let pending = status("echo 2 to go; exit 1").expect(3).explains(&["sh says not yet: 2 to go"]);
    assert_eq!(pending.events_named("status")[0]["ready"], false);
    status("echo no such host; exit 4").expect(32).explains(&["exit code 4", "no such host"]);
    configured("status", "command: [\"false\"]").run().expect(0);
}

#[test]
fn it_runs_in_the_folder_that_cwd_names() {
    let follower = Bellwether::new("follow").file(
        "bellwether.yml",
        "defaults: { cwd: app, follow: { source: command, command: [sh, ./ask.sh] } }\n",
    );
    std::fs::create_dir(follower.folder().join("app")).unwrap();
    follower.file("app/ask.sh", "exit 0").run().expect(0);
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let asking = |cwd: &str| {
        let config =
            format!("defaults: {{ cwd: {cwd:?}, follow: {{ source: command, command: [\"true\"] }} }}\n");
        Bellwether::new("follow").file("bellwether.yml", &config)
    };
    asking("nowhere").run().expect(32).explains(&["there is no folder", "nowhere (cwd)", "correct cwd"]);
    asking("file").file("file", "").run().expect(32).explains(&["file (cwd) is no folder"]);
}

#[test]
fn who_may_lead_cannot_ask() {
    for role in ["lead", "elect"] {
        let ended = configured("deploy", "command: [\"true\"]").args(["--role", role]).run().expect(2);
        ended.explains(&["can only follow", "bellwether follow"]);
    }
    configured("lead", "command: [\"true\"]").run().expect(2).explains(&["can only follow"]);
    configured("deploy", "command: [\"true\"]").run().expect(2).explains(&["nothing says who leads"]);
}

#[test]
fn the_flag_needs_a_command_in_the_config() {
    let ended = Bellwether::new("follow").args(["--follow", "command"]).run().expect(2);
    ended.explains(&["`follow.source: command` needs a program to run"]);
    let ended = Bellwether::new("follow")
        .file("bellwether.yml", "defaults: { follow: { command: [\"true\"] } }\n")
        .env("BELLWETHER_FOLLOW", "command");
    ended.run().expect(0);
    let ended =
        configured("follow", "command: [\"true\"]").args(["--", "rake", "db:migrate"]).run().expect(2);
    ended.explains(&["what stands after --"]);
}
