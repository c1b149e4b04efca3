//! What operators read: runs and steps as the rows have them, however odd; which of the tables are there. Reads only,
//! and no row is ever refused: whoever looks into a ledger that was edited by hand wants to see just that.

use crate::database::{Database, DbError, DbErrorKind, Row, Value};
use crate::ledger::Ledger;
use crate::ledger::look::RUN;
use crate::model::ids::{Environment, RunId, Version};
use crate::model::moment::rfc3339;
use crate::model::past::{PastRun, PastStep};
use crate::model::run::{EngineKind, LockMode, RunStatus};

/// Which of the ledger's tables are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Their short names.
    pub present: Vec<&'static str>,
    /// The others'.
    pub missing: Vec<&'static str>,
}

impl Tables {
    /// Some are there, and some are not.
    pub fn are_half(&self) -> bool {
        !self.present.is_empty() && !self.missing.is_empty()
    }
}

/// The tables' keys in templates, and their names.
pub const TABLES: [(&str, &str); 4] = [
    ("{lock}", "bellwether_lock"),
    ("{runs}", "bellwether_runs"),
    ("{steps}", "bellwether_steps"),
    ("{meta}", "bellwether_meta"),
];

/// A step's columns.
pub(super) const STEP: &str = "s.position, s.version, s.description, s.status, {epoch:s.started_at}, \
    {epoch:s.finished_at}, s.error";

impl Ledger {
    /// Which tables there are. One that we may not read is there.
    pub async fn tables(&self, session: &mut dyn Database) -> Result<Tables, DbError> {
        let mut tables = Tables { present: Vec::new(), missing: Vec::new() };
        for (key, name) in TABLES {
            let question = self.statement(&format!("SELECT COUNT(*) FROM {key} WHERE 1 = 0"), vec![]);
            match session.query(&question).await {
                Err(error) if error.kind == DbErrorKind::MissingTable => tables.missing.push(name),
                Err(error) if error.kind == DbErrorKind::Privilege => tables.present.push(name),
                answer => answer.map(|_| tables.present.push(name))?,
            }
        }
        Ok(tables)
    }

    /// The newest runs under a lock name, the newest first; of one environment if one is given.
    pub async fn past_runs(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
        environment: Option<&Environment>,
        limit: usize,
    ) -> Result<Vec<PastRun>, DbError> {
        let (top, end) = self.dialect().first(limit);
        let mut arguments = vec![Value::from(lock_name)];
        let of = environment.map_or("", |environment| {
            arguments.push(environment.as_str().into());
            " AND r.environment = ?"
        });
        let sql = format!(
            "SELECT {top} {RUN}, {{now ms}} FROM {{runs}} r WHERE r.lock_name = ?{of} ORDER BY r.fence DESC {end}"
        );
        let rows = session.query(&self.statement(&sql, arguments)).await?.rows;
        Ok(rows.iter().map(past_run).collect())
    }

    /// The runs whose id begins so, at most `limit`.
    pub async fn past_runs_by_id(
        &self,
        session: &mut dyn Database,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<PastRun>, DbError> {
        let (top, end) = self.dialect().first(limit);
        let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT {top} {RUN}, {{now ms}} FROM {{runs}} r WHERE SUBSTRING(r.id, 1, ?) = ? ORDER BY r.fence DESC {end}"
        );
        let arguments = vec![Value::Int(length), Value::from(prefix)];
        let rows = session.query(&self.statement(&sql, arguments)).await?.rows;
        Ok(rows.iter().map(past_run).collect())
    }

    /// The steps of a run, in order.
    pub async fn past_steps(
        &self,
        session: &mut dyn Database,
        run: &RunId,
    ) -> Result<Vec<PastStep>, DbError> {
        let sql = format!(
            "SELECT {STEP}, {{epoch:r.started_at}} FROM {{steps}} s LEFT JOIN {{runs}} r ON r.id = s.run_id \
             WHERE s.run_id = ? ORDER BY s.position"
        );
        let rows = session.query(&self.statement(&sql, vec![Value::from(run.as_str())])).await?.rows;
        Ok(rows.iter().map(past_step).collect())
    }

    /// Every lock name that has runs.
    pub async fn lock_names(&self, session: &mut dyn Database) -> Result<Vec<String>, DbError> {
        let sql = "SELECT DISTINCT lock_name FROM {runs} ORDER BY lock_name";
        let rows = session.query(&self.statement(sql, vec![])).await?.rows;
        Ok(rows.iter().filter_map(|row| text(row, 0)).collect())
    }
}

fn text(row: &Row, index: usize) -> Option<String> {
    row.opt_text(index).ok().flatten()
}

fn int(row: &Row, index: usize) -> Option<i64> {
    row.opt_int(index).ok().flatten()
}

/// From one moment to a later one.
fn between(from: Option<i64>, to: Option<i64>) -> Option<u64> {
    u64::try_from(to?.checked_sub(from?)?).ok()
}

/// Columns in the order of [`RUN`], then the database's clock.
fn past_run(row: &Row) -> PastRun {
    let (started, beat, finished, now) = (int(row, 21), int(row, 22), int(row, 23), int(row, 25));
    let status = text(row, 13).unwrap_or_default();
    let running = status == RunStatus::Running.as_str();
    let end = if running { now } else { finished };
    PastRun {
        run: text(row, 0).unwrap_or_default(),
        environment: text(row, 1).unwrap_or_default(),
        lock_name: text(row, 2).unwrap_or_default(),
        lock_mode: text(row, 3),
        release: text(row, 4).unwrap_or_default(),
        digest: text(row, 5),
        deploy: text(row, 6),
        leader: text(row, 7).unwrap_or_default(),
        platform: text(row, 8),
        host: text(row, 9),
        url: text(row, 10),
        engine: text(row, 11),
        session: text(row, 12),
        odd: oddities(row, &status, started, finished),
        status,
        fence: int(row, 14),
        beats: int(row, 15),
        total: int(row, 16),
        done: int(row, 17),
        current: text(row, 18),
        error: text(row, 19),
        failed_step: text(row, 20),
        started_at: started.map(rfc3339),
        beat_at: beat.map(rfc3339),
        finished_at: finished.map(rfc3339),
        duration_ms: between(started, end),
        beat_age_ms: between(beat, now).filter(|_| running),
        ended_by: text(row, 24),
    }
}

/// What no leader writes.
fn oddities(row: &Row, status: &str, started: Option<i64>, finished: Option<i64>) -> Vec<String> {
    let mut odd = Vec::new();
    let words: [(&str, usize, bool); 3] = [
        ("lock_mode", 3, text(row, 3).is_some_and(|word| word.parse::<LockMode>().is_ok())),
        ("engine", 11, text(row, 11).is_some_and(|word| word.parse::<EngineKind>().is_ok())),
        ("status", 13, status.parse::<RunStatus>().is_ok()),
    ];
    for (name, index, known) in words {
        if !known {
            odd.push(match text(row, index) {
                Some(word) => format!("{name} is \"{word}\", a word that this version does not know"),
                None => format!("{name} is empty"),
            });
        }
    }
    for (name, index) in [("fence", 14), ("beats", 15), ("total", 16), ("done", 17)] {
        match int(row, index) {
            Some(number) if number < 0 => odd.push(format!("{name} is {number}")),
            Some(_) => {}
            None => odd.push(format!("{name} is no number")),
        }
    }
    for (name, index) in [("leader", 7), ("session", 12), ("digest", 5)] {
        if text(row, index).is_none() {
            odd.push(format!("{name} is empty"));
        }
    }
    for (name, index) in [("started_at", 21), ("beat_at", 22)] {
        if int(row, index).is_none() {
            odd.push(format!("{name} is no date"));
        }
    }
    if finished.zip(started).is_some_and(|(finished, started)| finished < started) {
        odd.push("it ended before it began".to_owned());
    }
    if finished.is_none() && status != RunStatus::Running.as_str() {
        odd.push("it has ended, and finished_at is empty".to_owned());
    }
    odd
}

fn past_step(row: &Row) -> PastStep {
    let (started, finished) = (int(row, 4), int(row, 5));
    PastStep {
        position: int(row, 0).unwrap_or_default(),
        version: Version(text(row, 1).unwrap_or_default()),
        description: text(row, 2),
        status: text(row, 3).unwrap_or_default(),
        after_ms: between(int(row, 7), started),
        started_at: started.map(rfc3339),
        finished_at: finished.map(rfc3339),
        duration_ms: between(started, finished),
        error: text(row, 6),
    }
}
