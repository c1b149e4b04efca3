//! The text of a new `bellwether.yml`: every line that a beginner may want to change, with what it means.

use crate::model::choice::Place;
use crate::scaffold::command::{line, url_variable};
use crate::scaffold::look::Project;
use crate::scaffold::{Asked, ledger, yaml};

const TEMPLATE: &str = include_str!("templates/bellwether.yml");

/// The config for this project.
pub fn text(project: &Project, asked: &Asked<'_>) -> String {
    let environment = asked.environment.map_or("production", |name| name.as_str());
    let leader = match asked.place {
        Some(Place::Heroku) => "env # Heroku: RUN_MIGRATIONS=true in one app, false in the others",
        _ => "elect",
    };
    TEMPLATE
        .replace("<<environment>>", &yaml::word(environment))
        .replace("<<leader>>", leader)
        .replace("<<work>>\n", &work(project))
        .replace("<<ledger>>\n", &ledger::text(project))
}

/// The migrations, and what applies them.
fn work(project: &Project) -> String {
    let mut text = String::new();
    let command = project.command();
    match &project.found {
        Some(found) => {
            let name = found.format.name();
            text += &comment(&match &found.unread {
                Some(unread) => format!("{name}: {}. What is pending stays unknown: {unread}.", found.why),
                None => format!("{}; {name}: {}", counted(found.count), found.why),
            });
            text += &format!("    migrations: {}\n    format: {name}\n", scalar(&path(&found.named)));
        }
        None => {
            let why = project.unread.first().map_or("nothing tells", String::as_str);
            text += &comment(&format!("What is pending stays unknown: {why}."));
            text += "    # migrations: migrations\n";
        }
    }
    match command {
        Some((command, why)) => {
            text += "\n";
            text += &comment(&format!(
                "{}. The leader runs this under the lock, in place of SQL files; one word per argument, no shell.",
                capital(&why)
            ));
            let words: Vec<String> = command.iter().map(|word| scalar(word)).collect();
            text += &format!("    command: [{}]\n", words.join(", "));
            text += "    cwd: . # this file's folder\n";
            if let Some(variable) = url_variable(&command) {
                text += &comment(&format!("It takes the database's URL (jdbc:…) from {variable}."));
            }
            text += "    # check: [bin/smoke] # what must succeed after it\n";
        }
        None if !project.is_applied() => {
            text += "\n";
            text += &comment(
                "What applies them is not known here, and bellwether only reads them: name the command.",
            );
            text += "    # command: [bin/migrate]\n";
        }
        None => {}
    }
    for (tool, why) in project.others() {
        let found = project.found.as_ref().filter(|found| found.format.name() == tool.format);
        let Some(line) = line(tool, found, &project.root) else { continue };
        let words: Vec<String> = line.iter().map(|word| scalar(word)).collect();
        text += &format!("    # command: [{}] # {why}, too\n", words.join(", "));
    }
    text
}

fn path(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

fn counted(number: usize) -> String {
    match number {
        0 => "No migration yet".to_owned(),
        1 => "1 migration".to_owned(),
        number => format!("{number} migrations"),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // a file's name stays as it is
        Some(first) if !text.contains(" is here") && !text.contains(" has ") => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// Lines of a comment, at most 100 characters each where words allow it.
fn comment(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| line.len() + word.len() > 92);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("    #{line}\n")).collect()
}

/// A word as YAML takes it, and as a config means it: `$` is doubled.
fn scalar(text: &str) -> String {
    yaml::word(&text.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_broken_between_words() {
        let text = comment(&"word ".repeat(60));
        assert!(
            text.lines().count() > 2
                && text.lines().all(|line| line.starts_with("    # word") && line.len() < 104)
        );
    }
}
