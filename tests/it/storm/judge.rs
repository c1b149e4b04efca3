//! What must hold after a round, by exit codes, by the tables and files of the work itself, and by what is left on the
//! server; our ledger is not asked.

use std::time::{Duration, Instant};

use super::round::{BUDGET, Ended, Round, Work};
use crate::commands;
use crate::support::{Finished, Server, witness};

/// What a participant may take over its budget (L1), and what a busy machine may.
const OVER: Duration = Duration::from_secs(10 + 5);

/// Whether all of the work is done.
pub fn is_done(round: &Round<'_>) -> bool {
    match round.work {
        Work::Sql { count, fails } => !fails && round.db.testimony().len() >= count,
        Work::Command => did(round).iter().any(|(word, _)| word == "done"),
    }
}

/// Each promise that was broken, in words.
pub fn violations(round: &mut Round<'_>, last: &Finished) -> Vec<String> {
    let mut broken = Vec::new();
    if !round.participants.is_empty() {
        let left: Vec<_> = round.participants.iter().map(|it| it.running.pid()).collect();
        broken.push(format!("L1: {left:?} have not ended"));
        round.participants.clear();
    }
    for ended in &round.ended {
        broken.extend(of_one(round, ended));
    }
    broken.extend(of_the_last(round, last));
    broken.extend(of_the_work(round));
    broken.extend(left_behind(round));
    broken
}

fn of_one(round: &Round<'_>, ended: &Ended) -> Vec<String> {
    let Some(code) = ended.finished.code else { return Vec::new() };
    let mut broken = Vec::new();
    let fails = matches!(round.work, Work::Sql { fails: true, .. });
    let expected = match code {
        0 => !fails,
        10 => fails,
        13 => round.db.server() == Server::MariaDb && round.work != Work::Command,
        11 | 12 | 14 | 20 | 21 | 22 | 31 | 143 => true,
        _ => false,
    };
    if !expected {
        broken.push(format!("somebody ended with {code}:\n{}", ended.finished.said()));
    }
    if code == 0 && !ended.done {
        broken.push(format!("S3: somebody ended with 0, and not all was done:\n{}", ended.finished.said()));
    }
    if ended.finished.events_named("step_failed").len() > 1 {
        broken.push(format!("S4: somebody retried its own failure:\n{}", ended.finished.said()));
    }
    let took = ended.finished.elapsed.saturating_sub(ended.stopped_for);
    if took > BUDGET + OVER {
        broken.push(format!("L1: somebody took {took:?}:\n{}", ended.finished.said()));
    }
    broken
}

/// In peace the work is done, or it is said why not.
fn of_the_last(round: &Round<'_>, last: &Finished) -> Option<String> {
    let fine = match (round.work, round.db.server()) {
        (Work::Sql { fails: true, .. }, _) => matches!(last.code, Some(10 | 13 | 20)),
        (Work::Sql { .. }, Server::MariaDb) => matches!(last.code, Some(0 | 13 | 20)),
        _ => last.code == Some(0),
    };
    (!fine).then(|| format!("the last one ended with {:?}:\n{}", last.code, last.said()))
}

fn of_the_work(round: &Round<'_>) -> Vec<String> {
    match round.work {
        Work::Command => commands_in_turn(round).into_iter().collect(),
        Work::Sql { .. } => {
            let testimony = round.db.testimony();
            let skipped = match round.work {
                Work::Sql { count, fails: true } => Some(count / 2),
                _ => None,
            };
            let mut broken = Vec::new();
            broken.extend(witness::out_of_order(&testimony, skipped).map(|it| format!("S2: {it}")));
            // MariaDB numbers its connections from one again when it comes back; a pooler lends one to many
            let named = round.restarts == 0 || round.db.server() != Server::MariaDb;
            if named && !round.db.is_pooled() {
                broken.extend(witness::out_of_turn(&testimony).map(|it| format!("S1, S5: {it}")));
            }
            broken
        }
    }
}

fn did(round: &Round<'_>) -> Vec<(String, u64)> {
    let text = std::fs::read_to_string(round.db.folder().join("did")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.filter_map(|(word, fence)| Some((word.to_owned(), fence.parse().ok()?))).collect()
}

fn commands_in_turn(round: &Round<'_>) -> Option<String> {
    let mut latest = 0;
    for (word, fence) in did(round) {
        if fence < latest {
            return Some(format!(
                "S1, S5: the command of run {fence} went on ({word}) after {latest} had begun"
            ));
        }
        latest = fence;
    }
    None
}

/// No process of a command, no session, no lock.
fn left_behind(round: &Round<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let processes = commands::alive(round.db);
    if !processes.is_empty() {
        broken.push(format!("S5: processes are left: {processes:?}"));
    }
    let sessions = match round.db.server() {
        // a pooler keeps its own, but at no work and with no lock
        Server::Postgres if round.db.is_pooled() => {
            "select a.pid, a.state, a.query from pg_stat_activity a where a.datname = current_database()
             and a.pid <> pg_backend_pid() and (a.state <> 'idle' or exists (select from pg_locks l where l.pid = a.pid))"
        }
        Server::Postgres => {
            "select pid, state, query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        }
        Server::MariaDb => {
            "select id, command, info from information_schema.processlist where db = database() and id <> connection_id()"
        }
        Server::SqlServer => {
            "select session_id, status from sys.dm_exec_sessions where database_id = db_id() and session_id <> @@spid"
        }
        Server::Sqlite => return broken,
    };
    let end = Instant::now() + Duration::from_secs(25);
    let left = loop {
        let left = round.db.rows(sessions);
        if left.is_empty() || Instant::now() > end {
            break left;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if !left.is_empty() {
        broken.push(format!("sessions are left on the server: {left:?}"));
    }
    broken
}
