//! What later steps and jobs may ask: the outputs of `action.yml`, from what happened. `report` is JSON and has it all,
//! as far as it fits: a job's outputs have 1 MB together, counted in UTF-16.

use serde_json::{Value, json};

use crate::model::event::{EVENTS_VERSION, Event, Outcome};
use crate::model::migration::Pending;
use crate::model::run::EngineKind;
use crate::report::summary::Told;

/// How long `report` may be, in UTF-16 units: half of what a job has.
const REPORT: usize = 256 * 1024;
/// And `error`.
const ERROR: usize = 32 * 1024;

/// Every output by its name; `left_out` says what of `report` did not fit.
pub(super) struct Outputs {
    pub values: Vec<(&'static str, String)>,
    pub left_out: Vec<&'static str>,
}

/// The outputs of a process that has ended.
pub(super) fn outputs(told: &[Told], outcome: &Outcome) -> Outputs {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let (report, left_out) = report(told, outcome);
    let error = outcome.error.as_ref().map(|error| cut(error.to_text().trim_end(), ERROR));
    let values = vec![
        ("role", text(outcome.role.map(|role| role.as_str()))),
        ("outcome", outcome.outcome.to_owned()),
        ("release", text(outcome.release.as_ref().map(|release| release.as_str()))),
        ("applied", outcome.applied.len().to_string()),
        ("pending", pending(told, outcome).map(|count| count.to_string()).unwrap_or_default()),
        ("run-id", text(outcome.run.as_ref().map(|run| run.as_str()))),
        ("duration-ms", outcome.duration_ms.to_string()),
        ("error", error.unwrap_or_default()),
        ("report", report),
    ];
    Outputs { values, left_out }
}

/// How many migrations are not applied, where it is known: what `plan` and `status` found, or nothing after our own run
/// of SQL files has succeeded.
fn pending(told: &[Told], outcome: &Outcome) -> Option<usize> {
    let of_events = told.iter().rev().find_map(|told| match &told.event {
        Event::Plan(plan) => Some(count(&plan.pending)),
        Event::Status(status) => Some(count(&status.pending)),
        Event::RunStarted { engine: EngineKind::Sql, .. } if outcome.exit == 0 => Some(Some(0)),
        _ => None,
    });
    of_events.flatten()
}

fn count(pending: &Pending) -> Option<usize> {
    match pending {
        Pending::None => Some(0),
        Pending::Some(versions) => Some(versions.len()),
        Pending::Unknown => None,
    }
}

/// One object; of what is too long, the longest lists go first, and `left_out` names them.
fn report(told: &[Told], outcome: &Outcome) -> (String, Vec<&'static str>) {
    let mut report = json!({ "schema": EVENTS_VERSION, "steps": [], "left_out": [] });
    let mut steps = Vec::new();
    for event in told.iter().map(|told| &told.event) {
        let (name, mut value) = match event {
            Event::Start(_) => ("start", plain(event)),
            Event::RunStarted { .. } => ("run", plain(event)),
            Event::RunFinished { .. } => ("finished", plain(event)),
            Event::Plan(_) => ("plan", plain(event)),
            Event::Status(_) => ("status", plain(event)),
            Event::Watching { .. } => ("watched", plain(event)),
            Event::StepFinished { .. } | Event::StepFailed { .. } => {
                steps.push(plain(event));
                continue;
            }
            _ => continue,
        };
        if let Some(value) = value.as_object_mut() {
            value.remove("event");
        }
        report[name] = value;
    }
    report["steps"] = Value::Array(steps);
    let mut end = serde_json::to_value(outcome).unwrap_or_default();
    if let Some(error) = end.get_mut("error").and_then(Value::as_object_mut) {
        // a command's last words may be long
        shorten(error.get_mut("causes"));
        shorten(error.get_mut("title"));
        shorten(error.get_mut("snippet"));
    }
    report["outcome"] = end;
    fit(report)
}

fn plain(event: &Event) -> Value {
    serde_json::to_value(event).unwrap_or_default()
}

/// Texts inside a value, each at most as long as `error`.
fn shorten(value: Option<&mut Value>) {
    match value {
        Some(Value::String(text)) => *text = cut(text, ERROR),
        Some(Value::Array(list)) => list.iter_mut().for_each(|one| shorten(Some(one))),
        _ => {}
    }
}

/// The lists that grow with the number of migrations, the least needed first.
const LISTS: [(&str, &str); 7] = [
    ("plan.migrations", "/plan/migrations"),
    ("status.migrations", "/status/migrations"),
    ("steps", "/steps"),
    ("plan.pending", "/plan/pending/versions"),
    ("status.pending", "/status/pending/versions"),
    ("plan.refused", "/plan/refused"),
    ("outcome.applied", "/outcome/applied"),
];

fn fit(mut report: Value) -> (String, Vec<&'static str>) {
    let mut left_out = Vec::new();
    let mut text = report.to_string();
    for (name, path) in LISTS {
        if length(&text) <= REPORT {
            break;
        }
        let Some(list) =
            report.pointer_mut(path).filter(|list| list.as_array().is_some_and(|l| !l.is_empty()))
        else {
            continue;
        };
        *list = json!([]);
        left_out.push(name);
        report["left_out"] = json!(left_out);
        text = report.to_string();
    }
    if length(&text) > REPORT {
        left_out.push("outcome.error");
        report["outcome"]["error"] = Value::Null;
        report["left_out"] = json!(left_out);
        text = report.to_string();
    }
    (text, left_out)
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn cut(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut units = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= limit
        })
        .collect();
    kept + " … (cut)"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Explained, StepRef};

    fn outcome(error: Option<Explained>) -> Outcome {
        Outcome {
            exit: 10,
            role: None,
            outcome: "failed",
            release: Some("v1".into()),
            run: None,
            url: None,
            applied: vec!["1".into(), "2".into()],
            duration_ms: 12,
            error,
            message: String::new(),
        }
    }

    fn value(outputs: &Outputs, name: &str) -> String {
        outputs.values.iter().find(|(key, _)| *key == name).unwrap().1.clone()
    }

    #[test]
    fn what_is_not_known_is_empty() {
        let outputs = outputs(&[], &outcome(None));
        assert_eq!(value(&outputs, "role"), "");
        assert_eq!(value(&outputs, "pending"), "");
        assert_eq!(value(&outputs, "applied"), "2");
        assert!(outputs.left_out.is_empty());
    }

    #[test]
    fn a_report_that_is_too_long_says_what_it_left_out_and_is_still_json() {
        let step = |position| StepRef {
            position,
            total: 9000,
            version: position.to_string().as_str().into(),
            name: format!("{position:04}_a_migration_with_a_name.sql"),
        };
        let told: Vec<Told> = (1..=9000)
            .map(|position| Told {
                at_ms: 0,
                event: Event::StepFinished { step: step(position), duration_ms: 1 },
            })
            .collect();
        let error = Explained {
            title: "t".to_owned(),
            causes: vec!["é".repeat(100_000)],
            snippet: None,
            hints: Vec::new(),
            marks: Vec::new(),
        };
        let outputs = outputs(&told, &outcome(Some(error)));
        assert_eq!(outputs.left_out, ["steps"]);
        let report = value(&outputs, "report");
        assert!(length(&report) <= REPORT);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["left_out"], json!(["steps"]));
        assert_eq!(report["outcome"]["applied"], json!(["1", "2"]));
        assert!(value(&outputs, "error").ends_with("(cut)"));
        assert!(length(&value(&outputs, "error")) <= ERROR + 10);
    }
}
