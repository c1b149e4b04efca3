//! What `plan` and `status` found, as aligned text on stdout that reads well in a log and in a terminal.

use crate::model::event::{MigrationStanding, MigrationState, PlanReport, StatusReport, Watched};
use crate::model::lock::{LockReport, UnlockReport};
use crate::model::migration::Pending;
use crate::model::resolve::{Resolution, ResolveReport, Resolved};
use crate::report::line::{Line, Mood};
use crate::report::words;

/// Above this many, migrations that are simply applied are only counted.
const MANY: usize = 20;

/// `plan`: who we are, what is being released, the lock, and what is pending, each with its reason.
pub fn plan(plan: &PlanReport, everything: bool) -> Vec<Line> {
    let start = &plan.start;
    let mut rows = Rows::default();
    rows.add("environment", start.environment.as_str());
    rows.maybe("participant", start.participant.as_ref().map(|name| name.as_str()));
    rows.because("role", start.role.as_str(), &start.role_reason);
    rows.because("release", start.release.as_ref().map_or("none", |r| r.as_str()), &start.release_reason);
    rows.maybe("deploy", start.deploy.as_ref().map(|deploy| deploy.as_str()));
    rows.maybe("database", start.database.as_deref());
    rows.maybe("server", plan.server.as_deref());
    rows.because("lock", plan.lock_mode.map_or("unknown", |mode| mode.as_str()), &plan.lock_reason);
    let id = plan.lock_id.map(|id| format!(" (id {id})")).unwrap_or_default();
    rows.add("lock name", &format!("{}{id}", plan.lock_name));
    rows.maybe("followers", plan.followers.as_deref());
    rows.format(start.format.as_deref(), start.format_reason.as_deref());
    rows.add("pending", &pending(&plan.pending));
    let mut lines = rows.lines();
    lines.extend(migrations(&plan.migrations, everything));
    let note = |it: &String| Line::new(Mood::Help, "note:", format!(" {}", words::line(it)));
    lines.extend(plan.notices.iter().map(note));
    lines.push(Line::new(Mood::Help, "next:", format!(" {}", words::line(&plan.next))));
    lines
}

/// `status`: the latest run that is ours, what is pending, and whether our release may go live.
pub fn status(status: &StatusReport, everything: bool) -> Vec<Line> {
    let mut rows = Rows::default();
    rows.add("environment", status.environment.as_str());
    rows.maybe("release", status.release.as_ref().map(|release| release.as_str()));
    match &status.run {
        Some(run) => run_rows(&mut rows, run),
        None => rows.add("run", "none"),
    }
    rows.maybe_lines("error", status.error.as_deref());
    rows.format(status.format.as_deref(), status.format_reason.as_deref());
    rows.add("pending", &pending(&status.pending));
    let mut lines = rows.lines();
    lines.extend(migrations(&status.migrations, everything));
    let (mood, head) = if status.ready { (Mood::Good, "ready:") } else { (Mood::Bad, "not ready:") };
    lines.push(Line::new(mood, head, format!(" {}", words::line(&status.reason))));
    lines
}

fn run_rows(rows: &mut Rows, run: &Watched) {
    rows.add("run", &format!("{} {}", run.leader, words::whereabouts(run)));
    rows.add("started", &format!("{} ago{}", words::age(run.age_ms), words::sign_of_life(run)));
    rows.add("run id", run.run.as_str());
    rows.maybe("page", run.url.as_deref());
}

fn pending(pending: &Pending) -> String {
    match pending {
        Pending::None => "nothing".to_owned(),
        Pending::Unknown => "unknown".to_owned(),
        Pending::Some(versions) => words::migrations(versions.len()),
    }
}

/// `unlock`: who has the lock.
pub fn lock(lock: &LockReport) -> Vec<Line> {
    let mut rows = Rows::default();
    rows.add("lock name", &lock.lock_name);
    match &lock.holder {
        Some(run) => {
            run_rows(&mut rows, run);
            rows.add("environment", run.environment.as_str());
            rows.add("release", run.release.as_str());
            rows.maybe("host", lock.host.as_deref());
            rows.maybe("session", lock.session.as_deref());
        }
        None => rows.add("run", "none at work"),
    }
    let by = lock.server_session.as_ref().map(|session| format!(" by the session {session}"));
    let server = if lock.server_locked { "held" } else { "free" };
    rows.add("on the server", &format!("{server}{}", by.unwrap_or_default()));
    rows.lines()
}

/// `unlock`: what it did.
pub fn unlocked(unlocked: &UnlockReport) -> Vec<Line> {
    let UnlockReport { lock_name, run, leader, ended_by, session_ended, .. } = unlocked;
    let ended = session_ended.as_ref().map(|session| format!("; its session {session} was ended"));
    let text =
        format!(" {lock_name}: the run {run} of {leader} is over: {ended_by}{}", ended.unwrap_or_default());
    vec![
        Line::new(Mood::Good, "unlocked", words::line(&text).into_owned()),
        Line::new(Mood::Help, "next:", " `bellwether status` shows what is pending; deploy again to go on"),
    ]
}

/// `resolve`: what the history says now.
pub fn resolved(resolved: &ResolveReport) -> Vec<Line> {
    let line = |change: &Resolved| {
        let (mood, now) = match change.now {
            Resolution::Applied => (Mood::Good, "applied"),
            Resolution::RolledBack => (Mood::Odd, "rolled back"),
        };
        let before = if change.was_dirty { " (was half applied)" } else { "" };
        Line::new(mood, format!("{now:<11}"), format!(" {}{before}", words::line(&change.name)))
    };
    resolved.changes.iter().map(line).collect()
}

/// One row each, in the bundle's order; the applied ones of many are only counted.
fn migrations(migrations: &[MigrationState], everything: bool) -> Vec<Line> {
    let short = !everything && migrations.len() > MANY;
    let shown = |m: &&MigrationState| !short || m.state != MigrationStanding::Applied;
    let hidden = migrations.iter().filter(|m| !shown(m)).count();
    let mut lines = vec![Line::plain("")];
    if hidden > 0 {
        lines.push(Line::plain(format!("{hidden} applied (-v lists them)")).indented(2));
    }
    for migration in migrations.iter().filter(shown) {
        let (mood, state) = standing(migration.state);
        let name = words::line(&migration.name);
        lines.push(Line::new(mood, format!("{state:<8}"), format!(" {name}")).indented(2));
        let noted = words::block(migration.error.as_deref().unwrap_or_default());
        lines.extend(noted.lines().map(|line| Line::plain(line.to_owned()).indented(11)));
    }
    if lines.len() > 1 {
        lines.push(Line::plain(""));
    }
    lines
}

fn standing(state: MigrationStanding) -> (Mood, &'static str) {
    match state {
        MigrationStanding::Applied => (Mood::Good, "applied"),
        MigrationStanding::Pending => (Mood::Odd, "pending"),
        MigrationStanding::Dirty => (Mood::Bad, "dirty"),
        MigrationStanding::Changed => (Mood::Bad, "changed"),
        MigrationStanding::Ahead => (Mood::Help, "ahead"),
        MigrationStanding::Missing => (Mood::Bad, "missing"),
        MigrationStanding::Unknown => (Mood::Odd, "unknown"),
    }
}

/// Names and values in two columns.
#[derive(Default)]
pub(super) struct Rows(Vec<(&'static str, String)>);

impl Rows {
    pub(super) fn add(&mut self, name: &'static str, value: &str) {
        self.0.push((name, words::line(value).into_owned()));
    }

    pub(super) fn maybe(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// A text of several lines, which stay apart.
    pub(super) fn maybe_lines(&mut self, name: &'static str, value: Option<&str>) {
        let Some(value) = value else { return };
        let mut names = std::iter::once(name).chain(std::iter::repeat(""));
        let text = words::block(value);
        for (line, name) in text.trim_end().lines().zip(&mut names) {
            self.0.push((name, line.trim_end().to_owned()));
        }
    }

    pub(super) fn because(&mut self, name: &'static str, value: &str, reason: &str) {
        self.add(name, &format!("{value} ({reason})"));
    }

    /// A format, and what told it if nobody said it.
    fn format(&mut self, format: Option<&str>, reason: Option<&str>) {
        match (format, reason) {
            (Some(format), Some(reason)) => self.because("format", format, reason),
            (format, _) => self.maybe("format", format),
        }
    }

    pub(super) fn lines(self) -> Vec<Line> {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        self.0
            .into_iter()
            .map(|(name, value)| Line::plain(format!("{name:<width$}  {value}").trim_end()))
            .collect()
    }
}
