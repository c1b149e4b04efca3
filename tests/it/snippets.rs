//! What the pages give to copy: every snippet is one that its reader takes. YAML parses, configs by the program itself;
//! every line that starts bellwether is a command line that it takes.

use std::fs;
use std::path::{Path, PathBuf};

use bellwether::cli::Request;
use serde_yaml::Value;

use crate::pages::markdown;
use crate::support::{Bellwether, Finished};

/// The pages of tools, each with the same parts.
const TOOLS: [&str; 7] = ["alembic", "dbmate", "django", "efcore", "flyway", "knex", "rails"];
const PARTS: [&str; 5] =
    ["## Procfile", "## Workflow", "## Manifest", "## Its own lock", "## What followers see"];

/// A fenced block.
pub struct Block {
    page: PathBuf,
    pub language: String,
    pub text: String,
}

/// Those of one page that begin at the margin.
pub fn blocks_of(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let fenced = text.split("\n```").skip(1).step_by(2);
    fenced
        .map(|block| {
            let (language, text) = block.split_once('\n').unwrap();
            Block { page: page.to_owned(), language: language.to_owned(), text: format!("{text}\n") }
        })
        .collect()
}

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Of all pages but README.md, whose commands are run.
fn blocks(language: &str) -> Vec<Block> {
    let mut pages = Vec::new();
    for folder in ["docs", "examples"] {
        markdown(&root(folder), &mut pages);
    }
    let blocks = pages.iter().flat_map(|page| blocks_of(page));
    blocks.filter(|block| block.language == language).collect()
}

fn parsed(block: &Block) -> Value {
    serde_yaml::from_str(&block.text)
        .unwrap_or_else(|error| panic!("{}: {error}\n{}", block.page.display(), block.text))
}

/// The program takes these words; gives what stands after `--`.
#[track_caller]
fn takes(page: &Path, words: &[&str]) -> Vec<String> {
    match Request::from_env_and_args(words.iter().copied(), &|_| None) {
        Ok(request) => request.action.command().to_vec(),
        // `--version`, `--help`
        Err(answer) if answer.is_answer() => Vec::new(),
        Err(error) => panic!("{}: {words:?}: {error:?}", page.display()),
    }
}

/// A line of a shell, without what it sets before the command and without a comment.
fn words(line: &str) -> Vec<&str> {
    let line = line.split(" # ").next().unwrap_or_default();
    line.split_whitespace().skip_while(|word| word.contains('=') && !word.starts_with('-')).collect()
}

fn is_ours(words: &[&str]) -> bool {
    words
        .first()
        .is_some_and(|program| Path::new(program).file_name().is_some_and(|name| name == "bellwether"))
}

/// Plans each environment of a config, in a folder that has what configs name.
fn plans(block: &Block, config: &Value) {
    let environments = config["environments"].as_mapping().cloned().unwrap_or_default();
    let names: Vec<_> = environments.keys().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert!(!names.is_empty(), "{}: no environment\n{}", block.page.display(), block.text);
    for name in names {
        let plan = Bellwether::new("plan").file("bellwether.yml", &block.text);
        let named = [&config["environments"][&name]["migrations"], &config["defaults"]["migrations"]];
        for folder in named.into_iter().filter_map(Value::as_str).chain(["db/migrations"]) {
            let folder = plan.folder().join(folder);
            fs::create_dir_all(&folder).unwrap();
            // who looks for migrations has some
            if config["environments"][&name]["follow"]["source"] == "history" {
                fs::write(folder.join("0001_users.sql"), "CREATE TABLE users (id INTEGER);\n").unwrap();
            }
        }
        let url = format!("sqlite:{}", plan.folder().join("app.db").display());
        let plan = plan.args(["-e", &name, "--release", "r1", "--participant", "shop-web"]);
        let plan = plan.env("DATABASE_URL", &url).env("STAGING_DATABASE_URL", &url);
        let plan = plan.env("ANIMALS_DATABASE_URL", &url).env("ConnectionStrings__Default", &url);
        let ended: Finished = plan.run();
        assert_eq!(
            ended.code,
            Some(0),
            "{}, {name}:\n{}\n{}",
            block.page.display(),
            block.text,
            ended.said()
        );
    }
}

#[test]
fn every_yaml_parses_and_configs_can_be_planned() {
    let mut configs = 0;
    for block in blocks("yaml") {
        let yaml = parsed(&block);
        if !yaml["environments"].is_null() || !yaml["defaults"].is_null() {
            configs += 1;
            plans(&block, &yaml);
        }
    }
    assert!(configs > 5, "{configs}");
}

#[test]
fn every_shell_line_that_starts_us_is_one_that_we_take() {
    let mut taken = 0;
    for block in blocks("sh") {
        for line in block.text.lines() {
            let words = words(line);
            if is_ours(&words) {
                takes(&block.page, &words);
                taken += 1;
            }
        }
    }
    assert!(taken > 10, "{taken}");
}

/// What stands in the files of platforms: as text of a YAML, JSON or TOML value, or after a key.
fn command_lines(block: &Block) -> Vec<String> {
    let of_lines = |between: fn(&str) -> Option<&str>| {
        block.text.lines().filter_map(between).map(str::to_owned).collect::<Vec<_>>()
    };
    let found = match block.language.as_str() {
        "yaml" | "json" => texts(&parsed(block)),
        "toml" => of_lines(|line| line.split('"').nth(1)),
        "ini" => of_lines(|line| line.strip_prefix("ExecStart=")),
        "procfile" => of_lines(|line| line.strip_prefix("release: ")),
        _ => Vec::new(),
    };
    found.into_iter().filter(|line| is_ours(&words(line))).collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        Value::Sequence(values) => values.iter().flat_map(texts).collect(),
        Value::Mapping(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_command_line_in_a_platforms_file_is_one_that_we_take() {
    for (page, least) in [("heroku", 2), ("other-platforms", 5)] {
        let page = root(&format!("docs/{page}.md"));
        let lines: Vec<_> = blocks_of(&page).iter().flat_map(command_lines).collect();
        assert!(lines.len() >= least, "{}: {lines:?}", page.display());
        for line in lines {
            takes(&page, &words(&line));
        }
    }
}

/// Procfile, workflow and manifest run one and the same command.
#[test]
fn each_tools_page_has_its_parts_and_they_agree() {
    let mut pages = Vec::new();
    markdown(&root("docs/tools"), &mut pages);
    let mut names: Vec<_> = pages.iter().map(|page| page.file_stem().unwrap().to_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, TOOLS);
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        let parts: Vec<_> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(parts, PARTS, "{}", page.display());
        let commands = commands(page);
        assert!(commands.len() == 4, "{}: {commands:?}", page.display());
        assert!(commands.iter().all(|command| *command == commands[0]), "{}: {commands:?}", page.display());
        assert!(!commands[0].is_empty(), "{}", page.display());
    }
}

/// What bellwether runs, by the page's head, its Procfile, its workflow and its manifest.
fn commands(page: &Path) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for block in blocks_of(page) {
        match block.language.as_str() {
            "sh" => commands.extend(block.text.lines().map(|line| takes(page, &words(line)))),
            "procfile" => {
                let line = block.text.strip_prefix("release: ").unwrap();
                commands.push(takes(page, &words(line)));
            }
            "yaml" => {
                let yaml = parsed(&block);
                commands.extend(of_workflow(page, &yaml));
                commands.extend(of_manifest(page, &yaml));
            }
            other => panic!("{}: nobody checks {other:?}", page.display()),
        }
    }
    commands
}

fn of_workflow(page: &Path, yaml: &Value) -> Option<Vec<String>> {
    let steps = yaml["jobs"]["deploy"]["steps"].as_sequence()?;
    let lines = steps.iter().filter_map(|step| step["run"].as_str());
    let ours: Vec<_> = lines.map(words).filter(|words| is_ours(words)).collect();
    assert_eq!(ours.len(), 1, "{}", page.display());
    Some(takes(page, &ours[0]))
}

fn of_manifest(page: &Path, yaml: &Value) -> Option<Vec<String>> {
    let pod = &yaml["spec"]["template"]["spec"];
    let init = pod["initContainers"].as_sequence()?;
    let words: Vec<_> = init[0]["command"].as_sequence()?.iter().map(|word| word.as_str().unwrap()).collect();
    assert!(is_ours(&words), "{}: {words:?}", page.display());
    assert_eq!(init[0]["image"], pod["containers"][0]["image"], "{}", page.display());
    let release = words.iter().skip_while(|word| **word != "--release").nth(1).unwrap();
    assert!(init[0]["image"].as_str().unwrap().ends_with(release), "{}", page.display());
    Some(takes(page, &words))
}
