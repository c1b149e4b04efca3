//! One file of formatted SQL: its changesets, as `AbstractFormattedChangeLogParser` finds them. Knows no other file.

/// One changeset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changeset {
    pub id: String,
    pub author: String,
    /// What is recorded in place of the file's path.
    pub logical_path: Option<String>,
    /// From its first line to the next one's.
    pub text: String,
    /// It runs again when its text changes.
    pub on_change: bool,
    /// It is never run.
    pub ignored: bool,
}

pub(super) fn is_sql(name: &str) -> bool {
    name.len().checked_sub(4).is_some_and(|at| name.as_bytes()[at..].eq_ignore_ascii_case(b".sql"))
}

/// Whether the first line that is not blank says so.
pub(super) fn is_formatted(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().find(|line| !line.trim().is_empty()).is_some_and(is_header)
}

fn is_header(line: &str) -> bool {
    comment(line)
        .and_then(|rest| after(rest, "liquibase"))
        .is_some_and(|rest| after(rest, "formatted").is_some())
}

/// What follows the dashes.
fn comment(line: &str) -> Option<&str> {
    Some(line.trim_start().strip_prefix("--")?.trim_start())
}

/// What follows a word in any case, and the blanks after it.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (front, rest) = text.split_at_checked(word.len())?;
    front.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

/// The changesets of a file; an error is a line (from 1) that Liquibase itself refuses, and why.
pub(super) fn parse(text: &str) -> Result<Vec<Changeset>, (usize, &'static str)> {
    let mut found: Vec<Changeset> = Vec::new();
    let mut of_file = None;
    let mut lines = text.split_inclusive('\n').zip(1..);
    while let Some((line, number)) = lines.next() {
        if is_header(line) {
            of_file = attribute(line, "logicalFilePath").or(of_file);
        }
        match comment(line).and_then(|rest| after(rest, "ignoreLines:")).map(str::trim_end) {
            Some("start") => {
                let is_end =
                    |line: &str| comment(line).and_then(|rest| after(rest, "ignoreLines:end")).is_some();
                while lines.next().is_some_and(|(line, _)| !is_end(line)) {}
                continue;
            }
            Some(count) => {
                let count = count.parse().map_err(|_| (number, "has no number of lines to ignore"))?;
                lines.by_ref().take(count).for_each(drop);
                continue;
            }
            None => {}
        }
        if is_head(line) {
            found.push(head(line, of_file.as_deref()).ok_or((number, "is no `--changeset author:id`"))?);
        } else if let Some(last) = found.last_mut() {
            last.text.push_str(line);
        }
    }
    Ok(found)
}

/// Also with one dash, which Liquibase refuses.
fn is_head(line: &str) -> bool {
    let rest = comment(line).or_else(|| line.strip_prefix('-').map(str::trim_start));
    rest.and_then(|rest| rest.get(..9).map(|word| (word, &rest[9..]))).is_some_and(|(word, rest)| {
        word.eq_ignore_ascii_case("changeset") && rest.starts_with(|next: char| next.is_whitespace())
    })
}

fn head(line: &str, of_file: Option<&str>) -> Option<Changeset> {
    let rest = after(comment(line)?, "changeset")?;
    let (author, rest) = match rest.strip_prefix('"') {
        Some(quoted) => {
            let (author, rest) = quoted.split_once('"')?;
            (author, rest.strip_prefix(':')?)
        }
        None => rest.split_once(':')?,
    };
    let id = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => rest.split(char::is_whitespace).next()?,
    };
    if author.is_empty() || id.is_empty() {
        return None;
    }
    Some(Changeset {
        id: id.to_owned(),
        author: author.to_owned(),
        logical_path: attribute(line, "logicalFilePath").or_else(|| of_file.map(str::to_owned)),
        text: line.to_owned(),
        on_change: attribute(line, "runOnChange").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        ignored: attribute(line, "ignore").is_some_and(|value| value.eq_ignore_ascii_case("true")),
    })
}

/// The value of `name:value`, the last one, as Liquibase's greedy patterns have it; none = not there or empty.
fn attribute(line: &str, name: &str) -> Option<String> {
    let is_it = |colon: &usize| {
        let Some(from) = colon.checked_sub(name.len()) else { return false };
        line.get(from..*colon).is_some_and(|word| word.eq_ignore_ascii_case(name))
            && !line[..from].ends_with(char::is_alphanumeric)
    };
    let rest = &line[line.rmatch_indices(':').map(|(colon, _)| colon).find(is_it)? + 1..];
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => rest.split(char::is_whitespace).next()?,
    };
    (!value.is_empty()).then(|| value.to_owned())
}

/// Why Liquibase may leave a changeset out, if it may: a clause. `text` is a [`Changeset::text`].
pub(super) fn condition(text: &str) -> Option<String> {
    let head = text.lines().next().unwrap_or_default();
    for name in ["contextFilter", "context", "labels", "dbms", "ignore"] {
        let value =
            attribute(head, name).filter(|value| !(name == "ignore" && value.eq_ignore_ascii_case("false")));
        if let Some(value) = value {
            return Some(format!("it has {name}:{value}"));
        }
    }
    if attribute(head, "failOnError").is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        return Some("it may fail (failOnError:false)".to_owned());
    }
    let preconditions = text.lines().find_map(|line| after(comment(line)?, "preconditions"))?;
    preconditions
        .to_ascii_lowercase()
        .contains(":continue")
        .then(|| "its preconditions may leave it out".to_owned())
}
