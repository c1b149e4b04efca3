//! A picture of the run in time, drawn by Mermaid, which GitHub's pages do.

use crate::report::summary::story::{Ending, Step, Story};
use crate::report::words;

/// Bars; of more, the longest are shown. Mermaid draws no text of more than 50,000 characters.
const BARS: usize = 60;
/// Characters of a name.
const NAME: usize = 60;

/// The picture; none where nothing took time.
pub(super) fn gantt(story: &Story<'_>) -> Option<String> {
    if story.spans.is_empty() && story.steps.is_empty() {
        return None;
    }
    let mut lines = vec!["```mermaid".to_owned(), "gantt".to_owned()];
    lines.push("    dateFormat x".to_owned());
    lines.push("    axisFormat %H:%M:%S".to_owned());
    let spans = longest(&story.spans, |span| span.took_ms);
    if !spans.is_empty() {
        lines.push("    section the run".to_owned());
        lines.extend(spans.iter().enumerate().map(|(index, (_, span))| {
            bar(&span.name, "active", &format!("w{index}"), span.began_ms, span.took_ms)
        }));
    }
    let steps = longest(&story.steps, |step| step.took_ms);
    if !steps.is_empty() {
        let all = steps.len() == story.steps.len();
        let title = if all { "migrations".to_owned() } else { format!("the {BARS} longest migrations") };
        lines.push(format!("    section {title}"));
        lines.extend(steps.iter().map(|(index, step)| migration(*index, step)));
    }
    lines.push("```".to_owned());
    Some(lines.join("\n"))
}

fn migration(index: usize, step: &Step<'_>) -> String {
    let mood = match step.ending {
        Ending::Applied => "done",
        Ending::Failed(_) | Ending::CutOff => "crit",
    };
    let name = format!("{} {}", step.step.position, words::stem(&step.step.name));
    bar(&name, mood, &format!("s{index}"), step.began_ms, step.took_ms)
}

fn bar(name: &str, mood: &str, id: &str, began_ms: u64, took_ms: u64) -> String {
    // a bar of no length is not drawn
    format!("    {} :{mood}, {id}, {began_ms}, {}ms", harmless(name), took_ms.max(1))
}

/// Mermaid has no escapes in names: what it could act on is left out.
fn harmless(name: &str) -> String {
    let kept = name.chars().map(|c| if c.is_alphanumeric() || " _.-/".contains(c) { c } else { '_' });
    let kept: String = kept.take(NAME).collect();
    // a word of Mermaid's own must not stand first
    format!("• {}", kept.trim())
}

/// The longest ones in their own order, with their places.
fn longest<T>(all: &[T], took: impl Fn(&T) -> u64) -> Vec<(usize, &T)> {
    let mut some: Vec<(usize, &T)> = all.iter().enumerate().collect();
    if some.len() > BARS {
        some.sort_by_key(|(_, one)| std::cmp::Reverse(took(one)));
        some.truncate(BARS);
        some.sort_by_key(|(index, _)| *index);
    }
    some
}
