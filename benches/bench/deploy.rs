//! A leader and fifty followers: how fast they hear of the end, what they need, what they cost.

use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::page::{Page, Row, Target};
use crate::place::{Database, Ended, Place, Server, watch};
use crate::stats::{Samples, median, ms};
use crate::{FOLLOWERS, LONG, milliseconds};

/// How long the leader's one migration takes: long enough for fifty processes to start on two processors and to come
/// to rest.
const SHORT_WORK: u32 = 6;
const LONG_WORK: u32 = 20;
/// When in the long one we count, from the leader's start.
const REST: Duration = Duration::from_secs(6);
const COUNTED: Duration = Duration::from_secs(12);

/// (c) From the leader's exit to the last follower's, and (d) the memory of all of them.
pub fn exits(place: &Place, server: &Server, page: &mut Page) {
    let folder = work(place, server, SHORT_WORK);
    let (mut last, mut middle) = (Samples::default(), Samples::default());
    let (mut leader_peak, mut follower_peak) = (Samples::default(), Samples::default());
    for round in 0..LONG {
        let database = server.database(&format!("exits_{round}"));
        let began = Instant::now();
        let deploy = Deploy::start(place, &database, &folder, FOLLOWERS);
        thread::sleep(Duration::from_secs(u64::from(SHORT_WORK) - 1).saturating_sub(began.elapsed()));
        expect_waiting(server, &database, FOLLOWERS);
        let (leader, followers) = deploy.finish();
        let delays: Vec<f64> = followers.iter().map(|follower| after(&leader, follower)).collect();
        last.push(delays.iter().copied().fold(f64::MIN, f64::max));
        delays.iter().for_each(|delay| middle.push(*delay));
        leader_peak.push(leader.peak_mib());
        followers.iter().for_each(|follower| follower_peak.push(follower.peak_mib()));
        database.drop();
    }
    let name = server.name;
    let limit = if server.is_postgres() { 50.0 } else { 1200.0 };
    let what = format!("(c) {name}: leader's exit to the last of {FOLLOWERS} followers' exits");
    page.push(Row::figure(&what, milliseconds(&last), median(&last), Some(Target::AtMost(limit))));
    let what = format!("(c) {name}: the same to the follower in the middle");
    page.push(Row::figure(&what, milliseconds(&middle), median(&middle), None));
    for (who, peaks) in [("leader", leader_peak), ("follower", follower_peak)] {
        let peak = peaks.max();
        let what = format!("(d) {name}: peak memory of a {who}, the highest of all");
        page.push(Row::figure(&what, format!("{peak:.1} MiB"), peak, Some(Target::AtMost(12.0))));
    }
}

/// (e) What waiting costs the server: what it answers with followers, less what it answers without.
pub fn queries(place: &Place, server: &Server, page: &mut Page) {
    let folder = work(place, server, LONG_WORK);
    let leader = per_second(place, server, &folder, 0);
    let all = per_second(place, server, &folder, FOLLOWERS);
    #[allow(clippy::cast_precision_loss)]
    let each = (all - leader) / FOLLOWERS as f64;
    let what = format!("(e) {}: queries per second and waiting follower, of {FOLLOWERS}", server.name);
    let measured = format!("{each:.2} (a leader's beats: {leader:.1} in all)");
    page.push(Row::figure(&what, measured, each, Some(Target::AtMost(1.0))));
}

fn per_second(place: &Place, server: &Server, folder: &Path, followers: usize) -> f64 {
    let database = server.database("queries");
    let began = Instant::now();
    let deploy = Deploy::start(place, &database, folder, followers);
    thread::sleep(REST.saturating_sub(began.elapsed()));
    expect_waiting(server, &database, followers);
    let (first, at) = (counter(server, &database), Instant::now());
    thread::sleep(COUNTED);
    let (second, seconds) = (counter(server, &database), at.elapsed().as_secs_f64());
    let (_, _) = deploy.finish();
    database.drop();
    (second - first) / seconds
}

fn work(place: &Place, server: &Server, seconds: u32) -> std::path::PathBuf {
    let folder = place.folder(&format!("work_{}_{seconds}", server.name));
    std::fs::write(folder.join("0001_work.sql"), server.sleep(seconds)).expect("a migration");
    folder
}

struct Deploy {
    leader: Child,
    followers: Vec<Child>,
}

impl Deploy {
    fn start(place: &Place, database: &Database, folder: &Path, followers: usize) -> Self {
        let start = |verb: &str| place.bellwether(database, verb, folder).spawn().expect("bellwether starts");
        Self { leader: start("lead"), followers: (0..followers).map(|_| start("follow")).collect() }
    }

    fn finish(self) -> (Ended, Vec<Ended>) {
        thread::scope(|scope| {
            let leader = scope.spawn(|| watch(self.leader));
            let followers: Vec<_> =
                self.followers.into_iter().map(|child| scope.spawn(|| watch(child))).collect();
            let leader = leader.join().expect("the leader's watcher");
            leader.expect_success("the leader");
            let followers: Vec<Ended> = followers
                .into_iter()
                .map(|follower| follower.join().expect("a follower's watcher"))
                .collect();
            followers.iter().for_each(|follower| follower.expect_success("a follower"));
            (leader, followers)
        })
    }
}

/// Negative when the follower was first: the verdict is written before the leader leaves.
fn after(leader: &Ended, follower: &Ended) -> f64 {
    ms(follower.at.saturating_duration_since(leader.at))
        - ms(leader.at.saturating_duration_since(follower.at))
}

/// All are there: a run that nobody watched would measure nothing.
fn expect_waiting(server: &Server, database: &Database, followers: usize) {
    let there = database.administer(&if server.is_postgres() {
        format!("select count(*) from pg_stat_activity where datname = '{}'", database.name)
    } else {
        format!("select count(*) from information_schema.processlist where db = '{}'", database.name)
    });
    let there: usize = there.parse().expect("a count");
    assert!(there >= followers + 2, "{}: {there} sessions, and the leader alone has two", server.name);
}

/// Transactions of this database; one message is one. MariaDB counts statements, of all databases.
fn counter(server: &Server, database: &Database) -> f64 {
    let value = database.administer(&if server.is_postgres() {
        format!(
            "select xact_commit + xact_rollback from pg_stat_database where datname = '{}'",
            database.name
        )
    } else {
        "select variable_value from information_schema.global_status where variable_name = 'QUESTIONS'"
            .to_owned()
    });
    value.parse().expect("a number")
}
