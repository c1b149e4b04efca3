//! The pages in `docs/` and what they describe say the same; no link leads nowhere. `docs/events.md` has a test of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bellwether::config::raw::json_schema_text;
use bellwether::exit::Exit;
use serde_json::{Value, json};

use crate::support::process::Bellwether;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// The rows of a page's tables whose first cell is code, by that cell.
fn rows(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(first, rest)| (first.to_owned(), rest.to_owned())).collect()
}

/// An object's keys, dotted, each with a value that it could have; none for what has keys of its own.
fn keys(root: &Value, schema: &Value, prefix: &str, found: &mut BTreeMap<String, Option<Value>>) {
    for (name, property) in schema["properties"].as_object().unwrap() {
        let options = property["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
        let options = options.iter().chain([property]);
        let below =
            options.clone().find_map(|option| option["$ref"].as_str()).map(|it| it.trim_start_matches('#'));
        match below.and_then(|below| root.pointer(below)).filter(|below| below["properties"].is_object()) {
            Some(below) => {
                keys(root, below, &format!("{prefix}{name}."), found);
                found.insert(format!("{prefix}{name}"), None);
            }
            None => {
                let value = options.clone().find_map(sample);
                let value = value.unwrap_or_else(|| panic!("no sample for {name}: {property}"));
                found.insert(format!("{prefix}{name}"), Some(value));
            }
        }
    }
}

fn sample(schema: &Value) -> Option<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return words.first().cloned();
    }
    if schema["$ref"].as_str().is_some_and(|it| it.ends_with("/Duration")) {
        return Some(json!("5s"));
    }
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    match types.first()?.as_str()? {
        // a name, a path, and a repository too
        "string" => Some(json!("x/y")),
        "integer" => Some(json!(7)),
        "array" => Some(json!([sample(&schema["items"])?])),
        _ => None,
    }
}

fn environment() -> BTreeMap<String, Option<Value>> {
    let schema: Value = serde_json::from_str(&json_schema_text()).unwrap();
    let mut found = BTreeMap::new();
    keys(&schema, schema.pointer("/$defs/Environment").unwrap(), "", &mut found);
    found
}

#[test]
fn the_page_of_the_config_has_every_key_and_no_other() {
    let mut wanted: BTreeSet<String> = environment().into_keys().collect();
    wanted.extend(["defaults".to_owned(), "environments".to_owned()]);
    let documented: BTreeSet<String> = rows(&page("docs/configuration.md")).into_keys().collect();
    assert_eq!(documented, wanted);
}

#[test]
fn the_page_of_exit_codes_has_every_code_with_its_word() {
    let page = page("docs/exit-codes.md");
    let documented: Vec<(String, String)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            Some((cells.next()?.to_owned(), cells.next()?.strip_prefix('`')?.strip_suffix('`')?.to_owned()))
        })
        .collect();
    let mut wanted: Vec<_> =
        Exit::ALL.iter().map(|exit| (exit.code().to_string(), exit.word().to_owned())).collect();
    wanted.push(("128+n".to_owned(), Exit::Signal(2).word().to_owned()));
    assert_eq!(documented, wanted);
}

/// What `--help` says; for a verb without the flags that all of them have.
fn help(verb: &str) -> String {
    let bare = Bellwether::bare();
    let asked = if verb.is_empty() { bare } else { bare.arg(verb) };
    let text = asked.arg("--help").run().expect(0).stdout;
    match (verb, text.split_once("\nWho and what:\n"), text.find("\nExamples:\n")) {
        ("", ..) => text,
        (_, Some((before, _)), Some(examples)) => format!("{before}{}", &text[examples..]),
        _ => panic!("{verb} has no common flags or no examples:\n{text}"),
    }
}

fn command_line() -> String {
    let top = help("");
    let verbs = top.split("Commands:\n").nth(1).unwrap().lines();
    let verbs = verbs.take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let verbs = verbs.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
    let mut text = "# Command line\n\nWhat `--help` says. `BELLWETHER_BLESS=1 scripts/test pages` writes this page anew. \
                    Flags may stand\nbefore or after the verb; each has a variable.\n"
        .to_owned();
    for verb in std::iter::once("").chain(verbs) {
        let title = format!("bellwether {verb}");
        text.push_str(&format!("\n## `{}`\n\n```text\n{}\n```\n", title.trim(), help(verb).trim_end()));
    }
    text
}

#[test]
fn the_page_of_the_command_line_is_what_help_says() {
    let wanted = command_line();
    if std::env::var_os("BELLWETHER_BLESS").is_some() {
        fs::write(Path::new(ROOT).join("docs/command-line.md"), &wanted).unwrap();
    }
    assert!(
        page("docs/command-line.md") == wanted,
        "BELLWETHER_BLESS=1 writes docs/command-line.md anew:\n{wanted}"
    );
}

pub fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let elsewhere = name == "target" || name.to_string_lossy().starts_with(".git");
        if path.is_dir() && !path.is_symlink() && !elsewhere {
            markdown(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = letters.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Text outside of fenced blocks.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect()
}

#[test]
fn no_link_leads_nowhere() {
    let mut pages = Vec::new();
    markdown(Path::new(ROOT), &mut pages);
    assert!(pages.len() > 8, "{pages:?}");
    for file in pages {
        let text = prose(&fs::read_to_string(&file).unwrap());
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { file.with_file_name(path) };
            assert!(target.exists(), "{}: {link}", file.display());
            if !heading.is_empty() {
                let text = prose(&fs::read_to_string(&target).unwrap());
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(headings.any(|name| name == heading), "{}: {link}", file.display());
            }
        }
    }
}
