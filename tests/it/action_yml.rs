//! `action.yml` and the command line say the same: an input for every flag, a value for every output, and defaults that
//! are those of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bellwether::cli;
use serde::Deserialize;

/// Flags without an input, each with the reason.
const NO_INPUT: [(&str, &str); 4] = [
    ("output", "the output `report` is the JSON; the log is for people"),
    ("color", "the log is no terminal; `env: BELLWETHER_COLOR` colours it all the same"),
    ("quiet", "the log is folded, and what is not in it cannot be asked for later"),
    ("help", "an action has no help to print"),
];
/// Inputs without a flag of the same name, each with the reason.
const NO_FLAG: [(&str, &str); 5] = [
    ("run", "the verb"),
    ("command", "what stands after `--`"),
    ("working-directory", "where to begin"),
    ("check", "a flag of `status` alone"),
    ("github-token", "a secret, which is no argument"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    name: String,
    description: String,
    author: String,
    branding: BTreeMap<String, String>,
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, Output>,
    runs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    description: String,
    required: bool,
    default: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    description: String,
}

fn action() -> Action {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
    serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn flags() -> BTreeSet<String> {
    let command = cli::command(&|_| None);
    let global = command.get_arguments().filter(|arg| arg.is_global_set());
    global.map(|arg| arg.get_long().unwrap().to_owned()).collect()
}

#[test]
fn every_flag_has_an_input_and_every_input_a_flag() {
    let inputs: BTreeSet<String> = action().inputs.into_keys().collect();
    let without: BTreeSet<&str> = NO_INPUT.iter().map(|(flag, _)| *flag).collect();
    let beside: BTreeSet<&str> = NO_FLAG.iter().map(|(input, _)| *input).collect();
    for flag in flags() {
        assert!(inputs.contains(&flag) != without.contains(flag.as_str()), "--{flag}");
    }
    for input in &inputs {
        assert!(flags().contains(input) != beside.contains(input.as_str()), "{input}");
    }
}

#[test]
fn what_is_left_out_is_empty_and_nothing_is_demanded_of_the_runner() {
    let action = action();
    for (name, input) in &action.inputs {
        // the runner enforces no `required`: it would only promise what it does not keep
        assert!(!input.required && !input.description.is_empty(), "{name}");
        let default = match name.as_str() {
            "run" => "deploy",
            "check" => "false",
            "github-token" => "${{ github.token }}",
            _ => "",
        };
        assert_eq!(input.default, default, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
    }
    assert_eq!(action.runs["using"], "docker");
    assert!(!action.name.is_empty() && !action.author.is_empty() && action.description.len() < 125);
    assert_eq!(action.branding.keys().collect::<Vec<_>>(), ["color", "icon"]);
    assert!(action.outputs.values().all(|output| !output.description.is_empty()));
}

/// The names of `action.yml`'s outputs, for whoever looks whether each is written.
pub fn outputs() -> BTreeSet<String> {
    action().outputs.into_keys().collect()
}

/// Every input with its default.
pub fn inputs() -> BTreeMap<String, String> {
    action().inputs.into_iter().map(|(name, input)| (name, input.default)).collect()
}
