//! What `history` found: one line per run, or one run with its steps on a line of time. Reads well without colours.

use crate::model::past::{HistoryReport, PastRun, PastStep, RunReport};
use crate::model::run::{RunStatus, StepStatus};
use crate::report::line::{Line, Mood};
use crate::report::tables::Rows;
use crate::report::words;

/// Characters of a run's id that a list shows; enough to ask for it.
const SHORT_ID: usize = 8;
/// Characters of the line of time.
const WIDTH: u64 = 30;

/// `history`: the newest first.
pub fn runs(history: &HistoryReport) -> Vec<Line> {
    if history.runs.is_empty() {
        return none(history);
    }
    let cells: Vec<[String; 7]> = history.runs.iter().map(cells).collect();
    let heads = ["started (UTC)", "run", "leader", "environment", "release", "took", "steps"];
    let width = |column: usize| {
        let of = cells.iter().map(|cells| cells[column].chars().count());
        of.chain([heads[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let row = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let heads = heads.map(str::to_owned);
    let mut lines = vec![Line::plain(format!("{:<11}{}", "status", row(&heads)))];
    for (run, cells) in history.runs.iter().zip(&cells) {
        let status = words::line(&run.status).into_owned();
        lines.push(Line::new(mood(&run.status), format!("{status:<11}"), row(cells)));
        lines.extend(because(run).map(|why| Line::plain(why).indented(13)));
        lines.extend(run.odd.iter().map(|odd| odd_line(odd).indented(13)));
    }
    if history.more {
        lines.push(Line::plain("there are older ones: -n NUMBER lists more"));
    }
    lines
}

fn none(history: &HistoryReport) -> Vec<Line> {
    let of = history.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let mut lines = vec![Line::plain(words::line(&format!(
        "no run is recorded under the lock name {}{of}",
        history.lock_name
    )))];
    if !history.other_lock_names.is_empty() {
        let names = history.other_lock_names.join(", ");
        let text = format!(" there are runs under other names (--lock-name): {}", words::line(&names));
        lines.push(Line::new(Mood::Help, "note:", text));
    }
    lines
}

fn cells(run: &PastRun) -> [String; 7] {
    let cell = |text: &str| words::line(text).into_owned();
    [
        at(run.started_at.as_deref()),
        cell(&short(&run.run)),
        cell(&run.leader),
        cell(&run.environment),
        cell(crate::model::ids::Release(run.release.clone()).short()),
        run.duration_ms.map(words::duration).unwrap_or_else(|| "?".to_owned()),
        steps(run),
    ]
}

fn short(id: &str) -> String {
    id.chars().take(SHORT_ID).collect()
}

/// `2026-11-21T02:28:34.123Z` as tables have it.
fn at(moment: Option<&str>) -> String {
    let text = moment.unwrap_or("?");
    let text = text.split_once('.').map_or(text, |(seconds, _)| seconds);
    text.replace('T', " ")
}

fn steps(run: &PastRun) -> String {
    match (run.done, run.total) {
        (Some(done), Some(total)) if total > 0 => format!("{done}/{total}"),
        (Some(done), _) if done > 0 => done.to_string(),
        _ if run.engine.as_deref() == Some("command") => "command".to_owned(),
        _ => "0".to_owned(),
    }
}

/// Why a run did not succeed, in one line.
fn because(run: &PastRun) -> Option<String> {
    let error = run.error.as_deref().and_then(|error| error.lines().find(|line| !line.trim().is_empty()));
    let words = match (run.status.parse(), error) {
        (Ok(RunStatus::Succeeded), _) => return None,
        (Ok(RunStatus::Running), _) => {
            let current = run.current.as_ref().map(|current| format!("at {current}"));
            let beat = run.beat_age_ms.map(|ms| format!("last sign of life {} ago", words::age(ms)));
            [current, beat].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        (_, Some(error)) => error.trim().to_owned(),
        (_, None) => run.ended_by.clone()?,
    };
    (!words.is_empty()).then(|| words::line(&words).into_owned())
}

fn odd_line(odd: &str) -> Line {
    Line::new(Mood::Odd, "odd:", format!(" {}", words::line(odd)))
}

fn mood(status: &str) -> Mood {
    match status.parse() {
        Ok(RunStatus::Succeeded) => Mood::Good,
        Ok(RunStatus::Failed) => Mood::Bad,
        Ok(RunStatus::Running) => Mood::Help,
        Ok(RunStatus::Interrupted | RunStatus::Abandoned) | Err(_) => Mood::Odd,
    }
}

/// `history RUN`: what is known of it, then its steps in time.
pub fn run(report: &RunReport) -> Vec<Line> {
    let run = &report.run;
    let mut rows = Rows::default();
    rows.add("run", &run.run);
    rows.add("status", &format!("{}{}", run.status, ended_by(run)));
    rows.add("environment", &run.environment);
    rows.add("release", &run.release);
    rows.maybe("deploy", run.deploy.as_deref());
    rows.add("leader", &run.leader);
    let host = run.host.as_deref().unwrap_or("?");
    rows.add("host", &format!("{host} ({})", run.platform.as_deref().unwrap_or("?")));
    rows.maybe("page", run.url.as_deref());
    let number = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let mode = run.lock_mode.as_deref().unwrap_or("?");
    rows.add("lock", &format!("{} ({mode}), fence {}", run.lock_name, number(run.fence)));
    rows.maybe("session", run.session.as_deref());
    rows.maybe("work", run.engine.as_deref());
    rows.add("started", &format!("{} UTC", at(run.started_at.as_deref())));
    let took = run.duration_ms.map(words::duration);
    match (&run.finished_at, took) {
        (Some(end), took) => {
            let after = took.map(|took| format!(", after {took}")).unwrap_or_default();
            rows.add("ended", &format!("{} UTC{after}", at(Some(end))));
        }
        (None, Some(took)) => rows.add("so far", &took),
        (None, None) => {}
    }
    let beat = run.beat_age_ms.map(|ms| format!(", {} ago", words::age(ms))).unwrap_or_default();
    rows.add(
        "signs of life",
        &format!("{}, the last {} UTC{beat}", number(run.beats), at(run.beat_at.as_deref())),
    );
    rows.add("steps", &steps(run));
    rows.maybe_lines("error", run.error.as_deref());
    let mut lines = rows.lines();
    lines.extend(run.odd.iter().map(|odd| odd_line(odd)));
    lines.extend(timeline(report));
    lines
}

/// A name, or what somebody did to it: `found silent by shop-jobs`.
fn ended_by(run: &PastRun) -> String {
    let Some(by) = &run.ended_by else { return String::new() };
    match ["found ", "unlocked ", "resolved "].iter().any(|deed| by.starts_with(deed)) {
        true => format!(": {by}"),
        false => format!(", ended by {by}"),
    }
}

/// Each step with its beginning since the claim, and its share of the whole as a bar.
fn timeline(report: &RunReport) -> Vec<Line> {
    if report.steps.is_empty() {
        return Vec::new();
    }
    let ends = report
        .steps
        .iter()
        .map(|step| step.after_ms.unwrap_or(0).saturating_add(step.duration_ms.unwrap_or(0)));
    let whole = ends.chain(report.run.duration_ms).max().unwrap_or(0).max(1);
    let name_of = |step: &PastStep| {
        let description = step.description.as_deref().filter(|words| !words.is_empty());
        let name = description.map_or(step.version.0.clone(), |words| format!("{} {words}", step.version));
        words::line(&name).into_owned()
    };
    let starts: Vec<String> = report.steps.iter().map(|step| plus(step.after_ms)).collect();
    let width = starts.iter().map(String::len).max().unwrap_or_default();
    let mut lines = vec![Line::plain("")];
    for (step, start) in report.steps.iter().zip(&starts) {
        let took = step.duration_ms.map(|ms| format!(" {}", words::duration(ms))).unwrap_or_default();
        let head = format!("{start:>width$}  {:<9}", words::line(&step.status));
        let text = format!(" |{}|{took:<9}  {}", bar(step, whole), name_of(step));
        lines.push(Line::new(step_mood(&step.status), head, text.trim_end()).indented(2));
        if let Some(error) = step.error.as_deref() {
            let said = words::block(error).into_owned();
            lines.extend(said.lines().map(|line| Line::plain(line.trim_end()).indented(width + 14)));
        }
    }
    lines
}

fn plus(after_ms: Option<u64>) -> String {
    after_ms.map_or_else(|| "?".to_owned(), |ms| format!("+{}", words::duration(ms)))
}

/// Where in the run a step was: at least one mark wide.
fn bar(step: &PastStep, whole: u64) -> String {
    let place = |ms: u64| u64::try_from(u128::from(ms) * u128::from(WIDTH) / u128::from(whole)).unwrap_or(0);
    let from = place(step.after_ms.unwrap_or(0)).min(WIDTH - 1);
    let long = match step.duration_ms {
        Some(ms) => place(ms).clamp(1, WIDTH - from),
        None => WIDTH - from,
    };
    let times = |mark: &str, count: u64| mark.repeat(usize::try_from(count).unwrap_or(0));
    format!("{}{}{}", times(" ", from), times("=", long), times(" ", WIDTH - from - long))
}

fn step_mood(status: &str) -> Mood {
    match status.parse() {
        Ok(StepStatus::Succeeded) => Mood::Good,
        Ok(StepStatus::Failed) => Mood::Bad,
        Ok(StepStatus::Running) => Mood::Help,
        Err(_) => Mood::Odd,
    }
}
