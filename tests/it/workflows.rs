//! Workflows that use our action: those of the examples, of the pages and our own. Every input is one that action.yml
//! declares, with a value that the program takes, and what is not ours is named by its commit.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bellwether::cli::Request;
use serde_yaml::Value;

use crate::pages::markdown;
use crate::snippets::blocks_of;

/// What workflows say where nobody can know the owner.
const ACTION: &str = "OWNER/bellwether@v1";
const SETUP: &str = "OWNER/bellwether/setup@v1";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn inputs(action: &str) -> BTreeSet<String> {
    let action = yaml(&root(action));
    action["inputs"].as_mapping().unwrap().keys().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Where a step stands, and the step.
type Step = (String, Value);

fn steps_of(place: &str, yaml: &Value) -> Vec<Step> {
    let listed = yaml.as_sequence().cloned();
    let jobs = yaml["jobs"].as_mapping();
    let jobs = jobs.into_iter().flat_map(|jobs| jobs.values());
    let in_jobs = jobs.flat_map(|job| job["steps"].as_sequence().cloned().unwrap_or_default());
    let bare = yaml["steps"].as_sequence().cloned().unwrap_or_default();
    let steps = listed.unwrap_or_default().into_iter().chain(bare).chain(in_jobs);
    steps.map(|step| (place.to_owned(), step)).collect()
}

fn workflows(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(root(folder)).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "yml")).collect()
}

/// Of all examples, of our own workflows and of the pages' snippets.
fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for path in ["examples/github-actions", ".github/workflows"].into_iter().flat_map(workflows) {
        steps.extend(steps_of(&path.display().to_string(), &yaml(&path)));
    }
    let mut pages = vec![root("README.md")];
    markdown(&root("docs"), &mut pages);
    markdown(&root("examples"), &mut pages);
    for page in &pages {
        let place = page.display().to_string();
        for block in blocks_of(page).into_iter().filter(|block| block.language == "yaml") {
            let yaml = serde_yaml::from_str(&block.text);
            steps.extend(steps_of(&place, &yaml.unwrap_or_else(|error| panic!("{place}: {error}"))));
        }
    }
    steps
}

fn uses(step: &Value) -> Option<&str> {
    step["uses"].as_str()
}

fn is_expression(value: &str) -> bool {
    value.contains("${{")
}

#[test]
fn every_step_with_our_action_says_what_the_action_takes() {
    let declared = inputs("action.yml");
    let mut seen = 0;
    for (place, step) in steps() {
        if !matches!(uses(&step), Some(ACTION | "./")) {
            continue;
        }
        seen += 1;
        let with = step["with"].as_mapping().cloned().unwrap_or_default();
        let mut words = vec!["bellwether".to_owned()];
        let verb = step["with"]["run"].as_str().unwrap_or("deploy");
        words.push(if is_expression(verb) { "deploy" } else { verb }.to_owned());
        for (name, value) in &with {
            let name = name.as_str().unwrap();
            assert!(declared.contains(name), "{place}: action.yml has no input {name}");
            let value = value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned);
            let of_program = !["run", "command", "working-directory", "check", "github-token"].contains(&name);
            if of_program && !is_expression(&value) {
                words.push(format!("--{name}={value}"));
            }
        }
        if let Err(error) = Request::from_env_and_args(words.iter().map(String::as_str), &|_| None) {
            panic!("{place}: {words:?}: {error:?}");
        }
    }
    assert!(seen > 12, "{seen}");
}

#[test]
fn the_setup_action_gets_what_it_takes_and_then_its_binary_runs() {
    let declared = inputs("setup/action.yml");
    let mut seen = 0;
    for (place, step) in steps() {
        if uses(&step) == Some(SETUP) {
            seen += 1;
            for name in step["with"].as_mapping().cloned().unwrap_or_default().keys() {
                assert!(declared.contains(name.as_str().unwrap()), "{place}: {name:?}");
            }
        }
        for line in step["run"].as_str().unwrap_or_default().lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if words.first() == Some(&"bellwether")
                && let Err(error) = Request::from_env_and_args(words.iter().copied(), &|_| None)
            {
                panic!("{place}: {line}: {error:?}");
            }
        }
    }
    assert!(seen > 1, "{seen}");
}

#[test]
fn nothing_of_others_is_used_by_a_tag_that_can_move() {
    for (place, step) in steps() {
        let Some(uses) = uses(&step) else { continue };
        let ours = uses.starts_with("OWNER/bellwether") || uses == "./";
        let commit = uses.rsplit_once('@').map(|(_, commit)| commit);
        let pinned = commit.is_some_and(|it| it.len() == 40 && it.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(ours || pinned, "{place}: {uses}");
    }
}

/// A checkout that is not told otherwise leaves its token in the workspace, which every later step can read.
#[test]
fn no_checkout_leaves_its_token_behind() {
    for (place, step) in steps() {
        if uses(&step).is_some_and(|uses| uses.starts_with("actions/checkout@")) {
            assert_eq!(step["with"]["persist-credentials"].as_bool(), Some(false), "{place}");
        }
    }
}

/// What stands behind `image:`, anywhere.
fn images(yaml: &Value, found: &mut BTreeSet<String>) {
    if let Some(mapping) = yaml.as_mapping() {
        let named = mapping.iter().filter(|(key, _)| key.as_str() == Some("image"));
        found.extend(named.filter_map(|(_, image)| image.as_str()).map(str::to_owned));
        mapping.values().for_each(|value| images(value, found));
    }
    yaml.as_sequence().into_iter().flatten().for_each(|value| images(value, found));
}

#[test]
fn servers_start_from_images_that_cannot_move_and_by_hand_from_the_same_as_in_the_workflows() {
    let (mut theirs, mut ours) = (BTreeSet::new(), BTreeSet::new());
    workflows(".github/workflows").iter().for_each(|path| images(&yaml(path), &mut theirs));
    for path in ["compose.yaml", "examples/dotnet/compose.yaml"] {
        images(&yaml(&root(path)), &mut ours);
    }
    ours.retain(|image| !image.starts_with("registry.example/"));
    assert!(ours.len() >= 3 && ours.is_subset(&theirs), "{ours:?} {theirs:?}");
    for image in theirs.iter().filter(|image| !is_expression(image)) {
        let digest = image.rsplit_once("@sha256:").map_or("", |(_, digest)| digest);
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{image}");
    }
}
