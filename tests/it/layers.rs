//! The house's rules that no compiler checks: who may use whom, who may print, who may end the process, how long a
//! file may be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module may use itself and those before it.
const LAYERS: [&str; 21] = [
    "model", "cli", "config", "formats", "report", "platform", "plan", "database", "ledger", "lock",
    "engine", "status", "exit", "error", "explain", "job", "lead", "follow", "operate", "scaffold", "app",
];
/// May write to stdout and stderr.
const PRINTERS: [&str; 2] = ["report", "platform"];
/// Lines of a file, inline tests not counted.
const LONGEST: usize = 400;
/// Lines of a file of tests: cases in a row read well even if there are many.
const LONGEST_TESTS: usize = 600;
/// Files that may be longer, each with the reason.
const LONGER: [(&str, &str); 0] = [];

struct Source {
    /// From the package's root: `src/report/mod.rs`.
    path: String,
    text: String,
    /// Without comments, strings and characters.
    code: String,
}

impl Source {
    fn all(folder: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources: Vec<Self> = rust_files(&root.join(folder))
            .into_iter()
            .map(|file| {
                let text = fs::read_to_string(&file).expect("a source can be read");
                let path = file.strip_prefix(root).expect("it is inside").to_string_lossy().into_owned();
                Self { path, code: code_of(&text), text }
            })
            .collect();
        sources.sort_by(|one, other| one.path.cmp(&other.path));
        assert!(!sources.is_empty(), "{folder} has no sources");
        sources
    }

    /// `report` for `src/report/mod.rs`.
    fn layer(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// How many `super::` lead from here to the crate's root.
    fn depth(&self) -> usize {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inside.split('/').count()
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of sources can be read");
    entries
        .map(|entry| entry.expect("an entry can be read").path())
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Blanks what is not code; line breaks stay.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = foreign_end(text, at);
        if end > at {
            code.push(' ');
            code.extend(text[at..end].chars().filter(|c| *c == '\n'));
            at = end;
        } else {
            let c = text[at..].chars().next().expect("inside the text");
            code.push(c);
            at += c.len_utf8();
        }
    }
    code
}

/// Where a comment, string or character that begins here ends; here itself if none begins.
fn foreign_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let after = |from: usize, close: &str| {
        rest[from..].find(close).map_or(text.len(), |found| at + from + found + close.len())
    };
    if rest.starts_with("//") {
        return rest.find('\n').map_or(text.len(), |found| at + found);
    }
    if rest.starts_with("/*") {
        return after(2, "*/");
    }
    let word_before = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !word_before || text[..at].ends_with('b')) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return after(hashes + 2, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    if rest.starts_with('"') {
        return at + quoted_length(rest, '"');
    }
    // a lifetime has no closing quote right after its first character
    let mut next = rest.chars().skip(1);
    if rest.starts_with('\'') {
        let (first, second) = (next.next(), next.next());
        if first == Some('\\') || second == Some('\'') {
            return at + quoted_length(rest, '\'');
        }
    }
    at
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The crate's modules that a source names: after `crate::`, and after as many `super::` as lead to the root.
fn used(code: &str, depth: usize) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, root) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            used.extend(first_names(&code[at + root.len()..]));
        }
    }
    // an inline module (of tests) is one level deeper, and stands at a file's end
    let outside = code.find("\nmod tests {").map_or(code, |end| &code[..end]);
    let up = "super::".repeat(depth);
    for (at, _) in outside.match_indices(&up) {
        let rest = &outside[at + up.len()..];
        if !outside[..at].ends_with("super::") && !rest.starts_with("super::") {
            used.extend(first_names(rest));
        }
    }
    used
}

/// `a` of `a::b`; `a` and `c` of `{a::b, c::{d, e}}`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut names = vec![name(group)];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|known| *known == layer)
}

#[test]
fn each_module_uses_only_those_above_it() {
    let mut wrong = Vec::new();
    for source in Source::all("src") {
        if matches!(source.layer(), "lib" | "main") {
            continue;
        }
        let Some(own) = rank(source.layer()) else {
            wrong.push(format!("{}: no place in the order of layers", source.path));
            continue;
        };
        for name in used(&source.code, source.depth()) {
            if rank(&name).is_some_and(|theirs| theirs > own) {
                wrong.push(format!("{} uses {name}, which is below it", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_library_lists_its_modules_in_the_order_of_layers() {
    let sources = Source::all("src");
    let library = sources.iter().find(|source| source.path == "src/lib.rs").expect("there is a library");
    let listed: Vec<&str> =
        library.code.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let ordered: Vec<&str> = LAYERS.into_iter().filter(|layer| listed.contains(layer)).collect();
    assert_eq!(listed, ordered);
}

#[test]
fn only_reports_and_platforms_print_and_only_main_ends_the_process() {
    let mut wrong = Vec::new();
    for source in Source::all("src") {
        let mut forbid = |what: &str, allowed: bool| {
            if !allowed && names(&source.code, what) {
                wrong.push(format!("{} has {what}", source.path));
            }
        };
        let prints = PRINTERS.contains(&source.layer());
        for what in ["print!", "println!", "eprint!", "eprintln!", "stdout()", "stderr()"] {
            forbid(what, prints);
        }
        forbid("process::exit", source.path == "src/main.rs");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whether the code has this, and not as the end of a longer word.
fn names(code: &str, what: &str) -> bool {
    code.match_indices(what).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    })
}

#[test]
fn no_file_is_too_long_to_read() {
    let mut wrong = Vec::new();
    for source in Source::all("src").into_iter().chain(Source::all("tests")) {
        let tests = source.path.starts_with("tests/") || source.path.contains("/tests");
        let longest = if tests { LONGEST_TESTS } else { LONGEST };
        let own = source.text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = own.lines().count();
        let allowed = LONGER.iter().any(|(path, _)| *path == source.path);
        if lines > longest && !allowed {
            wrong.push(format!("{} has {lines} lines", source.path));
        }
        if lines <= longest && allowed {
            wrong.push(format!("{} needs no exception any more", source.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_checks_see_what_they_look_for() {
    let code = code_of(
        "use crate::{lock::{held, Guard}, model};\n// use crate::app;\nlet s = \"crate::lead // \\\" \";\n\
         let r = r#\"crate::follow \"crate::follow\"#; let c = '\"'; fn f<'a>(x: &'a crate::ledger::Run) {}\n\
         macro_rules! m { () => { $crate::status::x } }\nuse super::super::engine;\n",
    );
    assert_eq!(
        used(&code, 2).into_iter().collect::<Vec<_>>(),
        ["engine", "ledger", "lock", "model", "status"]
    );
    assert!(names(&code_of("std::io::stdout().lock()"), "stdout()"));
    assert!(names(&code_of("println!(\"x\")"), "println!"));
    assert!(!names(&code_of("eprintln!(\"x\"); // println!"), "println!"));
    assert!(!names(&code_of("\"println!\"; child.stdout()"), "stdout()"));
}
