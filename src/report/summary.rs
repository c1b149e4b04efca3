//! A job's page: what happened, as Markdown for GitHub's job summary. Pure: from events with their times to text.
//! Everything foreign goes through [`text`], so that no database, file name or error breaks out of its place.

mod gantt;
mod story;
#[cfg(test)]
mod tests;
pub mod text;

use crate::model::event::{
    Event, Explained, Mark, MigrationStanding, MigrationState, Outcome, PlanReport, Start, StatusReport,
    Watched,
};
use crate::model::migration::Pending;
use crate::report::words;
use story::{Ending, Story};
use text::{block, code, prose};

/// A job's page may have so many bytes; GitHub drops a larger one without a word in it.
pub const LIMIT: usize = 1024 * 1024;
/// Rows of a table: of more, the first and the last are shown.
const ROWS: usize = 200;
/// A cause or a drawing is cut here, characters.
const LONGEST: usize = 16 * 1024;

/// Something that happened, and when: milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at_ms: u64,
    /// What.
    pub event: Event,
}

/// The page; empty where there is nothing to tell. Never longer than `limit` bytes: what is left out is said.
pub fn page(told: &[Told], limit: usize) -> String {
    let story = Story::of(told);
    let mut parts = vec![headline(&story)];
    parts.extend(story.start.map(|start| participant(start, &story)));
    if let Some(plan) = story.plan {
        parts.extend(of_plan(plan));
    }
    if let Some(status) = story.status {
        parts.extend(of_status(status));
    }
    parts.extend(story.watched.map(|run| leader(run, &story)));
    if let Some(error) = story.outcome.and_then(|outcome| outcome.error.as_ref()) {
        parts.extend(failure(error, story.outcome));
    }
    parts.extend(steps(&story));
    parts.extend(gantt::gantt(&story));
    parts.extend(warnings(told));
    fit(&parts, limit)
}

/// Whole parts, as many as fit; the first ones matter most.
fn fit(parts: &[String], limit: usize) -> String {
    const CUT: &str = "*The rest does not fit here (a job's page has 1 MiB): see the log.*\n\n";
    let mut page = String::new();
    for part in parts {
        if page.len() + part.len() + 2 + CUT.len() > limit {
            if page.len() + CUT.len() <= limit {
                page.push_str(CUT);
            }
            return page;
        }
        page.push_str(part.trim_end());
        page.push_str("\n\n");
    }
    page
}

/// The outcome in one line.
fn headline(story: &Story<'_>) -> String {
    let environment = story
        .start
        .map(|start| &start.environment)
        .or(story.plan.map(|plan| &plan.start.environment))
        .or(story.status.map(|status| &status.environment));
    let place =
        environment.map(|environment| format!("{}: ", prose(environment.as_str()))).unwrap_or_default();
    let failed = story.outcome.and_then(|outcome| outcome.error.as_ref());
    let (sign, said) = match (failed, story.plan, story.status) {
        (Some(error), ..) => ("❌", first_line(&error.title)),
        (None, Some(plan), _) if plan.refused.is_empty() => ("🔎", plan.next.as_str()),
        (None, Some(plan), _) => ("⚠️", plan.next.as_str()),
        (None, None, Some(status)) if status.ready => ("✅", status.reason.as_str()),
        (None, None, Some(status)) => ("⏳", status.reason.as_str()),
        (None, None, None) => {
            ("✅", story.outcome.map_or("nothing was done", |outcome| outcome.message.as_str()))
        }
    };
    format!("## {sign} {place}{}", prose(said))
}

/// Who we are, and how long it took.
fn participant(start: &Start, story: &Story<'_>) -> String {
    let mut facts = vec![format!("**{}**", start.role)];
    facts.extend(start.participant.as_ref().map(|name| format!("as {}", code(name.as_str()))));
    facts.extend(start.release.as_ref().map(|release| format!("release {}", code(release.short()))));
    facts.extend(start.database.as_ref().map(|database| code(database)));
    let run = story.outcome.and_then(|outcome| outcome.run.as_ref());
    facts.extend(run.map(|run| format!("run {}", code(run.as_str()))));
    // whom we watched has a line of its own, with this link
    let url = story.outcome.and_then(|outcome| outcome.url.as_deref()).filter(|_| story.watched.is_none());
    facts.extend(url.and_then(|url| text::link("its page", url)));
    facts.extend(story.outcome.map(|outcome| format!("{} in all", words::duration(outcome.duration_ms))));
    facts.extend(
        story
            .lock_wait_ms
            .filter(|ms| *ms >= 1000)
            .map(|ms| format!("{} of it waiting for the lock", words::duration(ms))),
    );
    facts.join(" · ")
}

/// Whom we waited for.
fn leader(run: &Watched, story: &Story<'_>) -> String {
    let name = code(run.leader.as_str());
    let page = run.url.as_deref().and_then(|url| text::link("its page", url));
    let mut facts = vec![format!("{name} led")];
    facts.extend(story.waited_ms.map(|ms| format!("we waited {}", words::duration(ms))));
    if story.outcome.is_some_and(|outcome| outcome.exit != 0) {
        facts.push(format!("seen last: it {}", prose(&words::whereabouts(run))));
    }
    facts.extend(page);
    facts.join(" · ")
}

fn of_plan(plan: &PlanReport) -> Vec<String> {
    let start = &plan.start;
    let release = start.release.as_ref().map_or("none", |release| release.as_str());
    let lock = plan.lock_mode.map_or("unknown", |mode| mode.as_str());
    let format = match (&start.format, &start.format_reason) {
        (Some(format), Some(reason)) => format!("{format}: {reason}"),
        (Some(format), None) => format.clone(),
        (None, _) => "no migrations of ours".to_owned(),
    };
    let mut rows = vec![
        row(&["role".to_owned(), prose(start.role.as_str()), prose(&start.role_reason)]),
        row(&["release".to_owned(), code(release), prose(&start.release_reason)]),
        row(&["lock".to_owned(), prose(lock), prose(&plan.lock_reason)]),
        row(&["pending".to_owned(), prose(&pending(&plan.pending)), prose(&format)]),
    ];
    let server = plan.server.as_deref().unwrap_or("not looked at");
    rows.extend(
        start.database.as_ref().map(|database| row(&["database".to_owned(), code(database), prose(server)])),
    );
    let mut parts = vec![table(&["", "", "why"], rows, 0)];
    if !plan.refused.is_empty() {
        let mark = |mark: &Mark| row(&[code(&whereabouts(mark)), prose(&mark.message)]);
        let (rows, hidden) = ends(&plan.refused, mark);
        parts.push(format!("**A leader would not apply:**\n\n{}", table(&["file", "why"], rows, hidden)));
    }
    parts.extend(plan.notices.iter().map(|notice| prose(notice)));
    parts.extend(states(&plan.migrations));
    parts
}

fn of_status(status: &StatusReport) -> Vec<String> {
    let mut rows = vec![row(&["pending".to_owned(), prose(&pending(&status.pending))])];
    rows.extend(status.release.as_ref().map(|release| row(&["release".to_owned(), code(release.as_str())])));
    if let Some(run) = &status.run {
        let at = format!("{} {}", code(run.leader.as_str()), prose(&words::whereabouts(run)));
        rows.push(row(&["run".to_owned(), at]));
        rows.push(row(&["run id".to_owned(), code(run.run.as_str())]));
    }
    let mut parts = vec![table(&["", ""], rows, 0)];
    parts.extend(status.run.as_ref().and_then(|run| text::link("the run's page", run.url.as_deref()?)));
    parts.extend(status.error.as_ref().map(|error| block(&shortened(error))));
    parts.extend(states(&status.migrations));
    parts
}

fn pending(pending: &Pending) -> String {
    match pending {
        Pending::None => "nothing".to_owned(),
        Pending::Unknown => "unknown".to_owned(),
        Pending::Some(versions) => words::migrations(versions.len()),
    }
}

/// What is applied already is only counted.
fn states(migrations: &[MigrationState]) -> Option<String> {
    let open: Vec<_> = migrations.iter().filter(|it| it.state != MigrationStanding::Applied).collect();
    let applied = migrations.len() - open.len();
    let counted = (applied > 0).then(|| format!("{} applied already.", words::migrations(applied)));
    if open.is_empty() {
        return counted;
    }
    let (rows, hidden) = ends(&open, |it| row(&[code(&it.name), prose(standing(it.state))]));
    let listed = table(&["migration", "state"], rows, hidden);
    Some(counted.map_or(listed.clone(), |counted| format!("{listed}\n\n{counted}")))
}

fn standing(state: MigrationStanding) -> &'static str {
    match state {
        MigrationStanding::Applied => "applied",
        MigrationStanding::Pending => "pending",
        MigrationStanding::Dirty => "half applied",
        MigrationStanding::Changed => "changed since it was applied",
        MigrationStanding::Ahead => "ahead of our migrations",
        MigrationStanding::Missing => "applied, and its file is gone",
        MigrationStanding::Unknown => "unknown",
    }
}

/// Each migration of our run, with its time and state.
fn steps(story: &Story<'_>) -> Option<String> {
    if story.steps.is_empty() {
        return None;
    }
    let (rows, hidden) = ends(&story.steps, |step| {
        let state = match (&step.ending, step.retries) {
            (Ending::Applied, 0) => "applied".to_owned(),
            (Ending::Applied, retries) => format!("applied at try {}", retries + 1),
            (Ending::Failed(reason), _) => format!("failed: {reason}"),
            (Ending::CutOff, _) => "cut off".to_owned(),
        };
        row(&[
            step.step.position.to_string(),
            code(&step.step.name),
            prose(&state),
            words::duration(step.took_ms),
        ])
    });
    let mut listed = table(&["", "migration", "state", "time"], rows, hidden);
    let left = story.total.saturating_sub(u64::try_from(story.steps.len()).unwrap_or(u64::MAX));
    if left > 0 {
        let left = words::migrations(usize::try_from(left).unwrap_or(usize::MAX));
        listed.push_str(&format!("\n\n{left} not begun."));
    }
    Some(listed)
}

/// What the database said, the statement with a caret, what to do.
fn failure(error: &Explained, outcome: Option<&Outcome>) -> Vec<String> {
    let mut parts = Vec::new();
    if error.title.trim().contains('\n') {
        parts.push(block(&shortened(&error.title)));
    }
    if !error.causes.is_empty() {
        parts.push(block(&shortened(&error.causes.join("\n"))));
    }
    parts.extend(error.snippet.as_ref().map(|snippet| block(&shortened(snippet.trim_matches('\n')))));
    if !error.hints.is_empty() {
        let hints = error.hints.iter().map(|hint| {
            let mut lines = hint.trim_end().lines();
            let first = text::with_code(lines.next().unwrap_or_default());
            let rest: Vec<&str> = lines.collect();
            match rest.as_slice() {
                [] => format!("- {first}"),
                rest => format!("- {first}\n\n{}\n", block(&shortened(&rest.join("\n")))),
            }
        });
        parts.push(format!("**What to do**\n\n{}", hints.collect::<Vec<_>>().join("\n")));
    }
    let outcome = outcome.map(|outcome| (outcome.exit, outcome.outcome.replace('_', " ")));
    parts.extend(outcome.map(|(exit, word)| format!("Exit code {exit} ({}).", prose(&word))));
    parts
}

fn warnings(told: &[Told]) -> Option<String> {
    let warnings: Vec<&String> = told
        .iter()
        .filter_map(|told| match &told.event {
            Event::Warning { message } => Some(message),
            _ => None,
        })
        .collect();
    let lines: Vec<String> =
        warnings.iter().take(ROWS).map(|message| format!("- {}", prose(message))).collect();
    (!lines.is_empty()).then(|| format!("**Warnings**\n\n{}", lines.join("\n")))
}

/// `db/0002_x.sql:3:7`.
fn whereabouts(mark: &Mark) -> String {
    let path = mark.path.clone().unwrap_or_default();
    let line = mark.line.map(|line| format!(":{line}")).unwrap_or_default();
    let column = mark.column.filter(|_| mark.line.is_some()).map(|column| format!(":{column}"));
    format!("{path}{line}{}", column.unwrap_or_default())
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} … (cut)", &text[..at]),
        None => text.to_owned(),
    }
}

fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Rows of the first and the last of many, and how many are left out between.
fn ends<T>(all: &[T], row: impl Fn(&T) -> String) -> (Vec<String>, usize) {
    if all.len() <= ROWS {
        return (all.iter().map(row).collect(), 0);
    }
    let (first, last) = (&all[..ROWS / 2], &all[all.len() - ROWS / 2..]);
    (first.iter().chain(last).map(row).collect(), all.len() - ROWS)
}

/// `hidden` rows are left out in the middle.
fn table(heads: &[&str], mut rows: Vec<String>, hidden: usize) -> String {
    if hidden > 0 {
        let said = format!("| … {hidden} more |{}", " |".repeat(heads.len() - 1));
        rows.insert(ROWS / 2, said);
    }
    let line = "| --- ".repeat(heads.len());
    format!("| {} |\n{line}|\n{}", heads.join(" | "), rows.join("\n"))
}
