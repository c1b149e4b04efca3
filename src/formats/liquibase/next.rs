//! What `bellwether new` writes for Liquibase: a changeset in a file of its own where a changelog takes whatever is in a
//! folder or names its files one by one, and lines to append where one SQL file holds all. Changes no changelog.

use std::path::{Path, PathBuf};

use crate::formats::folder::{below, entries, text};
use crate::formats::liquibase::changelog::{self, Changelog, Include, Language};
use crate::formats::liquibase::changeset;
use crate::formats::liquibase::neighbours::{Neighbours, words_like};
use crate::formats::liquibase::tree::{means, normal, plain, shown};
use crate::formats::next::{NewFile, Next, digits, number, snake_words};
use crate::model::migration::Bundle;
use crate::model::scaffold::Addition;

/// The only file of a project that has none.
const FIRST: &str = "changelog.sql";

pub(super) fn next(bundle: &Bundle, words: &str, now: i64) -> Next {
    let folder = &bundle.folder;
    let Some(changelogs) = changelogs(folder) else { return Next::Tool(None) };
    let mut paths: Vec<&Path> = bundle.migrations.iter().map(|it| it.path.as_path()).collect();
    paths.dedup();
    let Some(&last) = paths.last() else { return first(folder, &changelogs, words, now) };
    let Some(neighbours) = Neighbours::read(paths.len().checked_sub(2).map(|at| paths[at]), last) else {
        return Next::Tool(None);
    };
    if changelogs.is_empty() {
        return match paths[..] {
            // a number in its name says that others follow
            [_] if name_after(last, &[], words, now).is_none() => Next::Lines(Addition {
                path: shown(folder, last),
                place: "at its end".to_owned(),
                text: neighbours.appended(words, now),
            }),
            _ => beside(folder, last, &neighbours, "", words, now),
        };
    }
    match changelogs.iter().rev().find_map(|it| Some((it, it.includes(last)?))) {
        Some((_, include)) if include.is_folder => {
            beside(folder, last, &neighbours, &include.ending, words, now)
        }
        Some((root, include)) => {
            let name =
                name_after(last, &[], words, now).unwrap_or_else(|| format!("{}.sql", snake_words(words)));
            let new = last.with_file_name(&name);
            let front = include.path.rfind(['/', '\\']).map_or("", |at| &include.path[..=at]);
            let add = root.addition(folder, &format!("{front}{name}"), include.is_relative);
            let file = NewFile::new(shown(folder, &new), neighbours.file(&name, words, now));
            Next::Listed(file, add)
        }
        None => Next::Tool(None),
    }
}

/// A changelog that is not SQL.
struct Root {
    path: PathBuf,
    text: String,
    language: Language,
    changelog: Changelog,
}

/// None = one of them cannot be read.
fn changelogs(folder: &Path) -> Option<Vec<Root>> {
    let mut found = Vec::new();
    for (name, path) in below(folder).ok()? {
        let Some(language) = changelog::language(&name) else { continue };
        let text = text(&path).ok()?;
        if let Some(changelog) = changelog::parse(&text, language) {
            found.push(Root { path, text, language, changelog });
        }
    }
    Some(found)
}

impl Root {
    /// By what a file is included, if it is.
    fn includes(&self, file: &Path) -> Option<&Include> {
        let means = |include: &&Include| match include.is_folder {
            true => file.ancestors().skip(1).any(|folder| means(&self.path, include, folder)),
            false => means(&self.path, include, file),
        };
        self.changelog.includes.iter().rev().find(means)
    }

    /// The entry that includes one more file.
    fn addition(&self, folder: &Path, file: &str, is_relative: bool) -> Addition {
        let quoted = serde_json::Value::from(file).to_string();
        let text = match (self.language, is_relative) {
            (Language::Xml, _) => {
                let file = file.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
                let relative = if is_relative { " relativeToChangelogFile=\"true\"" } else { "" };
                format!("<include file=\"{file}\"{relative}/>")
            }
            (Language::Json, true) => {
                format!("{{ \"include\": {{ \"file\": {quoted}, \"relativeToChangelogFile\": true }} }}")
            }
            (Language::Json, false) => format!("{{ \"include\": {{ \"file\": {quoted} }} }}"),
            (Language::Yaml, _) => {
                // JSON's texts are YAML's, too; the entries of a list stand in one column
                let entries = self.text.lines().filter(|line| line.trim_start().starts_with("- "));
                let indent = entries.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(2);
                let pad = " ".repeat(indent);
                let relative = if is_relative {
                    format!("\n{pad}    relativeToChangelogFile: true")
                } else {
                    String::new()
                };
                format!("{pad}- include:\n{pad}    file: {quoted}{relative}")
            }
        };
        Addition { path: shown(folder, &self.path), place: "as its last entry".to_owned(), text }
    }
}

/// Where no changeset is read yet.
fn first(folder: &Path, changelogs: &[Root], words: &str, now: i64) -> Next {
    let file = |name: String| NewFile::new(name, Neighbours::default().file("", words, now));
    let name = format!("{}_{}.sql", number(&[], now), snake_words(words));
    let root = match changelogs {
        [] => return Next::Files(vec![file(FIRST.to_owned())]),
        // what it does so far it does in its own language
        [root] if root.changelog.includes.iter().all(|include| include.is_folder) => root,
        _ => return Next::Tool(None),
    };
    match root.changelog.includes.last() {
        Some(include) => match the_folder(root, include) {
            Some(inside) => Next::Files(vec![file(shown(folder, &inside.join(name)))]),
            None => Next::Tool(None),
        },
        None if root.changelog.unread.is_some() => Next::Tool(None),
        None => {
            let add = root.addition(folder, &name, true);
            Next::Listed(file(shown(folder, &root.path.with_file_name(name))), add)
        }
    }
}

/// A folder that is included, has nothing in it yet, and is below the changelog or beside it.
fn the_folder(root: &Root, include: &Include) -> Option<PathBuf> {
    let wanted = normal(Path::new(plain(&include.path)));
    let around = root.path.parent()?;
    let folder = match include.is_relative {
        true => around.join(wanted),
        // on the search path, of which the changelog's own place tells the end
        false => around.ancestors().map(|above| above.join(&wanted)).find(|folder| folder.is_dir())?,
    };
    folder.starts_with(around).then_some(folder)
}

/// The next file of a folder that is run in the order of its names.
fn beside(folder: &Path, last: &Path, neighbours: &Neighbours, ending: &str, words: &str, now: i64) -> Next {
    let inside = last.parent().unwrap_or(folder);
    let mut names: Vec<String> =
        entries(inside).unwrap_or_default().into_iter().map(|(name, _)| name).collect();
    names.retain(|name| changeset::is_sql(name) && name.ends_with(ending));
    let Some(newest) = names.last() else { return Next::Tool(None) };
    match name_after(&inside.join(newest), &names, words, now) {
        None => Next::None(format!(
            "Liquibase runs this folder by its files' names, and {newest} has no number in front to go on from"
        )),
        Some(name) if name <= *newest => Next::None(format!(
            "Liquibase runs this folder by its files' names, and {name} would come before {newest}"
        )),
        Some(name) => {
            let new = shown(folder, &inside.join(&name));
            Next::Files(vec![NewFile::new(new, neighbours.file(&name, words, now))])
        }
    }
}

/// A name that goes on from the last one's number: `V2__add_email.sql` after `V1__users.sql`. A word in front of the
/// number is theirs only if all have it. None = there is no number, or more than one.
fn name_after(last: &Path, names: &[String], words: &str, now: i64) -> Option<String> {
    let last = last.file_name()?.to_str()?;
    let at = last.find(|first: char| first.is_ascii_digit())?;
    let number_of = |name: &str| name.get(at..).map(|rest| digits(rest).to_owned());
    let numbers: Vec<String> = names
        .iter()
        .filter(|name| name.starts_with(&last[..at]))
        .filter_map(|name| number_of(name).filter(|number| !number.is_empty()))
        .collect();
    if at > 1 && numbers.len() < names.len() {
        return None;
    }
    let own = digits(&last[at..]);
    let before: Vec<&str> =
        if numbers.is_empty() { vec![own] } else { numbers.iter().map(String::as_str).collect() };
    let rest = &last[at + own.len()..];
    let described = rest.trim_start_matches(['_', '-', '.', ' ']);
    let between = &rest[..rest.len() - described.len()];
    let front = format!("{}{}", &last[..at], number(&before, now));
    if described.eq_ignore_ascii_case("sql") {
        return Some(format!("{front}{rest}"));
    }
    if between.is_empty() || described.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let stem = &described[..described.len() - ".sql".len()];
    // `.postgresql.sql`
    let ending = &described[stem.rfind('.').unwrap_or(stem.len())..];
    Some(format!("{front}{between}{}{ending}", words_like(rest, words)))
}

#[cfg(test)]
mod tests;
