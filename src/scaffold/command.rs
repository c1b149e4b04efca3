//! The command line that applies a project's migrations, with what its tool cannot know: where they are. Names nothing
//! that is not there.

use std::path::Path;

use crate::scaffold::look::Found;
use crate::scaffold::tools::Tool;

/// Where what an application for the JVM has on its class path begins.
const RESOURCES: &str = "src/main/resources/";
/// Its own settings.
const FLYWAY: [&str; 3] = ["flyway.toml", "flyway.conf", "conf/flyway.conf"];
const LIQUIBASE: [&str; 1] = ["liquibase.properties"];
/// Where refinery looks.
const REFINERY: &str = "migrations";

/// What applies them; none = there is a tool, and not what its command line needs.
pub fn line(tool: &Tool, found: Option<&Found>, root: &Path) -> Option<Vec<String>> {
    let words = tool.command.iter().map(|&word| word.to_owned()).collect();
    match (tool.command, found) {
        (["flyway", ..], Some(found)) => Some(flyway(words, found, root)),
        (["flyway", ..], None) => has(root, &FLYWAY).then_some(words),
        (["liquibase", ..], Some(found)) => liquibase(words, found, root),
        (["liquibase", ..], None) => has(root, &LIQUIBASE).then_some(words),
        // its command passes over what is in Rust: the program that embeds them runs them
        (["refinery", ..], Some(found)) if found.in_rust => None,
        (["refinery", ..], found) => Some(refinery(found, root)),
        // an environment of it must be in this file
        (["atlas", ..], _) if !root.join("atlas.hcl").is_file() => None,
        _ => Some(words),
    }
}

/// Where the tool takes the database's URL from, where it is another than ours.
pub fn url_variable(command: &[String]) -> Option<&'static str> {
    match command.first().map(String::as_str) {
        Some("flyway") => Some("FLYWAY_URL"),
        Some("liquibase") => Some("LIQUIBASE_COMMAND_URL"),
        _ => None,
    }
}

fn has(root: &Path, files: &[&str]) -> bool {
    files.iter().any(|file| root.join(file).is_file())
}

/// Whether one of these files has this word, in whatever case.
fn says(root: &Path, files: &[&str], word: &str) -> bool {
    let has = |file: &&str| {
        std::fs::read(root.join(file))
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).to_ascii_lowercase().contains(word))
    };
    files.iter().any(has)
}

/// Flyway's own place depends on its version, and is none of these.
fn flyway(words: Vec<String>, found: &Found, root: &Path) -> Vec<String> {
    if says(root, &FLYWAY, "locations") {
        return words;
    }
    vec![
        "flyway".to_owned(),
        format!("-locations=filesystem:{}", found.named.display()),
        "migrate".to_owned(),
    ]
}

/// A changelog is recorded with the path by which it is run: an application's own is without the folder of its resources.
fn liquibase(words: Vec<String>, found: &Found, root: &Path) -> Option<Vec<String>> {
    if says(root, &LIQUIBASE, "changelogfile") {
        return Some(words);
    }
    let entry = found.format.entry(&found.folder)?;
    let file = found.named.join(entry.strip_prefix(&found.folder).ok()?).display().to_string();
    let (path, file) = match file.split_once(RESOURCES) {
        Some((module, file)) => (Some(format!("{module}{RESOURCES}")), file.to_owned()),
        None => (None, file),
    };
    let path = path.map(|path| format!("--search-path={}", path.trim_end_matches('/')));
    let mut words = vec!["liquibase".to_owned()];
    words.extend(path);
    words.extend(["update".to_owned(), format!("--changelog-file={file}")]);
    Some(words)
}

/// From its own file, or by a URL, which may be ours.
fn refinery(found: Option<&Found>, root: &Path) -> Vec<String> {
    let source = match root.join("refinery.toml").is_file() {
        true => ["-c", "refinery.toml"],
        false => ["-e", "DATABASE_URL"],
    };
    let mut words = vec!["refinery", "migrate"];
    words.extend(source);
    let folder = found.map(|found| found.named.display().to_string()).filter(|folder| folder != REFINERY);
    words.extend(folder.iter().flat_map(|folder| ["-p", folder.as_str()]));
    // what changed or is gone is refused, as the library does by default
    words.extend(["-d", "-m"]);
    words.into_iter().map(str::to_owned).collect()
}
