//! A place in a file, drawn with a caret.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Lines shown before and after.
const AROUND: usize = 2;
/// A line longer than this is shown as a piece of it: a 50 MB dump has such lines.
const WIDTH: usize = 160;

/// Draws `line` (from 1) of `text` with a caret under `column` (from 1), or under all that is in the line without one.
pub fn draw(path: &str, text: &str, line: usize, column: Option<usize>) -> String {
    let first = line.saturating_sub(AROUND).max(1);
    let lines: Vec<&str> = text.lines().skip(first - 1).take(line - first + 1 + AROUND).collect();
    let Some(target) = lines.get(line - first) else { return format!("{path}:{line}") };
    let blanks = target.chars().take_while(|c| c.is_whitespace()).count();
    let (from, first_column) = window(target, column.unwrap_or(blanks + 1));
    let shown: Vec<String> = lines.iter().map(|line| line.chars().skip(from).take(WIDTH).collect()).collect();
    let before: usize = shown.iter().take(line - first).map(|line| line.len() + 1).sum();
    let target = shown.get(line - first).map_or("", String::as_str);
    let at = target.char_indices().nth(first_column - 1).map_or(target.len(), |(byte, _)| byte);
    let rest = target.get(at..).unwrap_or_default();
    let width = match column {
        Some(_) => rest.chars().next().map_or(0, char::len_utf8),
        None => rest.trim_end().len(),
    };
    let source = shown.join("\n");
    let span = before + at..before + at + width;
    let annotation = AnnotationKind::Primary.span(span);
    let snippet = Snippet::source(source).line_start(first).path(path).fold(false).annotation(annotation);
    let report = [Group::with_title(Level::ERROR.primary_title("")).element(snippet)];
    let drawn = Renderer::plain().decor_style(DecorStyle::Ascii).render(&report);
    // the title stands above it already
    drawn.split_once('\n').map_or(drawn.clone(), |(_, rest)| rest.to_owned())
}

/// Where to begin showing a long line, and the column counted from there.
fn window(line: &str, column: usize) -> (usize, usize) {
    let length = line.chars().count();
    if length <= WIDTH || column <= WIDTH / 2 {
        return (0, column);
    }
    let from = column - WIDTH / 2;
    (from, column - from)
}
