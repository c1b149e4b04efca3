//! What `doctor` found: one line each, and under what is not well what to do.

use crate::model::doctor::{DoctorReport, Finding, Health};
use crate::report::line::{Line, Mood};
use crate::report::words;

/// Where a finding's words begin.
const INDENT: usize = 18;

/// One finding after the other.
pub fn doctor(doctor: &DoctorReport) -> Vec<Line> {
    let mut lines = Vec::new();
    for finding in &doctor.findings {
        lines.extend(told(finding));
    }
    let count = |health| doctor.findings.iter().filter(|finding| finding.health == health).count();
    let (bad, odd) = (count(Health::Bad), count(Health::Warn));
    lines.push(match (bad, odd) {
        (0, 0) => Line::new(Mood::Good, "well:", " a deploy finds all that it needs"),
        (0, odd) => Line::new(Mood::Odd, "well enough:", format!(" {odd} to look at")),
        (bad, _) => Line::new(Mood::Bad, "not well:", format!(" {bad} to mend")),
    });
    lines
}

fn told(finding: &Finding) -> Vec<Line> {
    let (mood, word) = match finding.health {
        Health::Ok => (Mood::Good, "ok"),
        Health::Warn => (Mood::Odd, "warn"),
        Health::Bad => (Mood::Bad, "bad"),
    };
    let text = format!(" {:<11} {}", finding.check, words::line(&finding.found));
    let mut lines = vec![Line::new(mood, format!("{word:<5}"), text)];
    for cause in &finding.causes {
        let cause = words::block(cause).into_owned();
        lines.extend(cause.lines().map(|line| Line::plain(line.trim_end()).indented(INDENT)));
    }
    for todo in &finding.todo {
        lines.push(Line::new(Mood::Help, "to do:", format!(" {}", words::line(todo))).indented(INDENT));
    }
    lines
}
