//! Marks by which a folder is plainly one tool's: a comment that the tool wants in its scripts, a file that only it
//! writes. Judges by the first few scripts; who reads a folder in earnest reads them all.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::formats::folder::{has_sql_ending, lines};

/// How many scripts are looked into: a first one may be only a comment, or from before the tool.
const SCRIPTS: usize = 5;
/// How much of each, bytes.
const HEAD: u64 = 64 * 1024;

/// What tern has between a script and its way back, behind the first dashes.
const TERN: &str = "-- create above / drop below ----";

/// A tool's mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The tool, as `--format` takes it, or by its own name where it is not read.
    pub tool: &'static str,
    /// Where it is and what it is, for people.
    pub reason: String,
}

/// The first mark in a folder.
pub(super) fn found(entries: &[(String, PathBuf)]) -> Option<Mark> {
    all(entries).into_iter().next()
}

/// One mark of each tool that has one in the first scripts; else what stands beside them.
fn all(entries: &[(String, PathBuf)]) -> Vec<Mark> {
    let scripts = entries.iter().filter(|(name, _)| has_sql_ending(name));
    let mut marks: Vec<Mark> = Vec::new();
    for (name, path) in scripts.take(SCRIPTS) {
        let Some((tool, mark)) = head(path).as_deref().and_then(mark) else { continue };
        if marks.iter().all(|known| known.tool != tool) {
            marks.push(Mark { tool, reason: format!("{name} has `{mark}`") });
        }
    }
    if marks.is_empty() {
        marks.extend(beside(entries));
    }
    marks
}

/// What stands beside the scripts.
fn beside(entries: &[(String, PathBuf)]) -> Option<Mark> {
    let named = |wanted: &str| entries.iter().find(|(name, _)| name == wanted).map(|(_, path)| path);
    if named("atlas.sum").is_some() {
        return Some(Mark { tool: "atlas", reason: "it has an atlas.sum".to_owned() });
    }
    if named("meta").is_some_and(|meta| meta.join("_journal.json").is_file()) {
        return Some(Mark { tool: "Drizzle", reason: "it has a meta/_journal.json".to_owned() });
    }
    let above = entries.first()?.1.parent()?.parent()?;
    let is_supabase = above.file_name().is_some_and(|name| name == "supabase");
    (is_supabase && above.join("config.toml").is_file())
        .then(|| Mark { tool: "Supabase", reason: "config.toml above it is Supabase's".to_owned() })
}

/// The mark of this tool, if it is in the folder; with the reason. Another's may be there, too.
pub(super) fn of(tool: &str, entries: &[(String, PathBuf)]) -> Option<String> {
    all(entries).into_iter().find(|mark| mark.tool == tool).map(|mark| mark.reason)
}

/// What is wrong with a script of this tool's, and whose it is in its place, by its own mark.
pub(super) fn or_of_another(what: impl Into<String>, tool: &str, text: &str) -> String {
    let what = what.into();
    match mark(text).filter(|(theirs, _)| *theirs != tool) {
        Some((theirs, mark)) => format!("{what}; its `{mark}` is {theirs}'s"),
        None => what,
    }
}

/// The beginning of a file.
pub(super) fn head(path: &Path) -> Option<String> {
    // a pipe would be waited for
    if !path.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Tool and mark.
fn mark(text: &str) -> Option<(&'static str, &'static str)> {
    lines(text).find_map(|(_, number, line)| {
        let rest = comment(line)?;
        if directive(rest, "migrate:up").is_some() {
            return Some(("dbmate", "-- migrate:up"));
        }
        let begins = |words: &str| rest.get(..words.len()).is_some_and(|it| it.eq_ignore_ascii_case(words));
        if begins("+goose") {
            return Some(("goose", "-- +goose"));
        }
        if begins("+migrate") {
            return Some(("sql-migrate", "-- +migrate"));
        }
        if rest.starts_with(TERN) {
            return Some(("tern", "---- create above / drop below ----"));
        }
        if begins("up migration") {
            return Some(("node-pg-migrate", "-- Up Migration"));
        }
        (number == 1 && begins("liquibase formatted sql"))
            .then_some(("liquibase", "--liquibase formatted sql"))
    })
}

/// What a comment says, also behind blanks or a byte order mark: the tool would refuse such a mark, and that is better
/// than to take its script for another tool's, whole.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(|first: char| first == '\u{feff}' || first.is_whitespace());
    Some(line.strip_prefix("--")?.trim_start())
}

/// Where another tool's way back begins in a script, and its mark: who runs the script whole undoes what it did.
pub(super) fn way_back(text: &str) -> Option<(usize, &'static str)> {
    if !["migrate:down", "+goose", "+migrate", TERN].iter().any(|mark| text.contains(mark)) {
        return None;
    }
    lines(text).find_map(|(_, number, line)| {
        let rest = comment(line)?;
        if directive(rest, "migrate:down").is_some() {
            return Some((number, "-- migrate:down"));
        }
        if rest.starts_with(TERN) {
            return Some((number, "---- create above / drop below ----"));
        }
        let back = |tool| {
            // sql-migrate takes options behind it
            directive(rest, tool).and_then(|rest| rest.split_whitespace().next())
        };
        let is_down = |word: &str| word.eq_ignore_ascii_case("down");
        match () {
            () if back("+goose").is_some_and(is_down) => Some((number, "-- +goose Down")),
            () if back("+migrate").is_some_and(is_down) => Some((number, "-- +migrate Down")),
            () => None,
        }
    })
}

/// What follows a word that stands at the beginning, alone.
pub(super) fn directive<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{FormatError, find, folder};

    #[test]
    fn a_script_says_whose_it_is() {
        for (text, tool) in [
            ("-- migrate:up\n", Some("dbmate")),
            ("-- a comment\r\n--migrate:up transaction:false\r\n", Some("dbmate")),
            ("-- +goose Up\n", Some("goose")),
            ("\n\n-- +goose NO TRANSACTION", Some("goose")),
            ("--liquibase formatted sql\n", Some("liquibase")),
            ("-- UP migration\n", Some("node-pg-migrate")),
            ("select 1;\n--liquibase formatted sql\n", None),
            (" -- migrate:up\n", Some("dbmate")),
            ("\u{feff}-- migrate:up\n", Some("dbmate")),
            ("\u{feff}-- +GOOSE up\n", Some("goose")),
            ("-- migrate:upper\n", None),
            ("select '-- migrate:up';", None),
            ("-- no-transaction\n", None),
            ("", None),
        ] {
            assert_eq!(mark(text).map(|(tool, _)| tool), tool, "{text:?}");
        }
    }

    /// Nobody knows which of the two is meant; whoever names one is told which file is the other's.
    #[test]
    fn marks_of_two_tools_are_both_named() {
        let folder =
            folder::tree(&[("1_a.sql", "-- +goose Up\nselect 1;"), ("2_b.sql", UP), ("3_c.sql", UP)]);
        match find(None, folder.path()) {
            Err(FormatError::Ambiguous { candidates, .. }) => {
                let expected = ["dbmate (2_b.sql has `-- migrate:up`)", "goose (1_a.sql has `-- +goose`)"];
                assert_eq!(candidates, expected);
            }
            other => panic!("{other:?}"),
        }
        for (format, file, what) in [
            ("goose", "2_b.sql", "may stand before `-- +goose Up`; its `-- migrate:up` is dbmate's"),
            (
                "dbmate",
                "1_a.sql",
                "nothing but comments may stand before `-- migrate:up`; its `-- +goose` is goose's",
            ),
        ] {
            let said =
                find(Some(format), folder.path()).unwrap().0.read(folder.path()).unwrap_err().to_string();
            assert!(said.contains(file) && said.contains(what), "{said}");
        }
    }

    const UP: &str = "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;";

    #[test]
    fn a_way_back_is_seen() {
        assert_eq!(way_back("-- migrate:up\nx;\n-- migrate:down\ny;"), Some((3, "-- migrate:down")));
        assert_eq!(way_back("-- +goose Up\r\nx;\r\n-- +goose Down\r\n"), Some((3, "-- +goose Down")));
        assert_eq!(way_back("-- +migrate Up\n-- +migrate Down notransaction"), Some((2, "-- +migrate Down")));
        let tern = "---- create above / drop below ----";
        assert_eq!(way_back(&format!("x;\n\n{tern}\ny;")), Some((3, tern)));
        for text in
            ["-- +goose Up\n", "select '-- migrate:down';", "-- see migrate:down", "-- Down migration: see 2"]
        {
            assert_eq!(way_back(text), None, "{text}");
        }
    }
}
