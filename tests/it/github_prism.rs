//! Our GitHub, and what leaders and followers say to it, held to GitHub's own description: Prism stands between them and
//! complains of every request and every answer that does not fit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::github::{COMMIT, READER, REPOSITORY, WRITER};
use crate::support::prism::{Prism, described};
use crate::support::server::absent;
use crate::support::{Bellwether, Github, Migrations, Server};

/// GitHub's own description of its Deployments; it is not ours to keep a copy of. The whole of it takes Prism a minute to
/// read, so that all but these is left out.
fn description(folder: &Path) -> Option<PathBuf> {
    if let Some(file) = described("github-deployments.openapi.json") {
        return Some(file);
    }
    let whole = std::env::var_os("BELLWETHER_TEST_GITHUB_OPENAPI").map(PathBuf::from);
    let Some(whole) = whole.and_then(|file| std::fs::read(file).ok()) else {
        absent(
            "prism",
            "GitHub's description is not at hand: BELLWETHER_SPECS or scripts/tools say where it is",
        );
        return None;
    };
    let file = folder.join("deployments.json");
    std::fs::write(&file, only_deployments(serde_json::from_slice(&whole).unwrap()).to_string()).unwrap();
    Some(file)
}

fn only_deployments(mut whole: Value) -> Value {
    let paths = whole["paths"].as_object_mut().unwrap();
    paths.retain(|path, _| path.starts_with("/repos/{owner}/{repo}/deployments"));
    let mut needed = BTreeSet::new();
    let mut new = references(&whole["paths"]);
    while let Some(reference) = new.pop() {
        if needed.insert(reference.clone()) {
            new.extend(whole.pointer(&reference).map(references).unwrap_or_default());
        }
    }
    for (kind, parts) in whole["components"].as_object_mut().unwrap() {
        let Some(parts) = parts.as_object_mut() else { continue };
        parts.retain(|name, _| needed.contains(&format!("/components/{kind}/{name}")));
    }
    json!({
        "openapi": whole["openapi"], "info": whole["info"], "servers": whole["servers"], "paths": whole["paths"],
        "components": whole["components"],
    })
}

/// Everything below that is named with `$ref`: `/components/schemas/deployment`.
fn references(node: &Value) -> Vec<String> {
    match node {
        Value::Object(fields) => {
            let own =
                fields.get("$ref").and_then(Value::as_str).map(|it| it.trim_start_matches('#').to_owned());
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_we_and_our_github_say_to_each_other_is_as_github_describes_it() {
    let github = Github::start();
    let Some(prism) = Prism::start(&github.root(), description) else { return };
    let db = Server::Sqlite.database();
    let config = format!("github: {{ repository: {REPOSITORY}, deployments: required }}");
    let lead = |migrations: &Migrations, release: &str| {
        let leader = Bellwether::new("lead").on(&db).migrations(migrations).config(&config).release(release);
        leader.knows(&github, WRITER).job_of(REPOSITORY).env("GITHUB_API_URL", prism.url())
    };
    let follow = |release: &str| {
        let follower = Bellwether::new("follow").args(["--follow", "github"]).release(release);
        follower.knows(&github, READER).job_of(REPOSITORY).env("GITHUB_API_URL", prism.url())
    };
    let good = Migrations::counted(2);
    let run = |bellwether: Bellwether, code: i32| {
        let ended = bellwether.run();
        assert_eq!(ended.code, Some(code), "{}\n{}", ended.said(), prism.said());
        ended
    };
    run(lead(&good, COMMIT), 0);
    run(follow(COMMIT), 0);
    // nothing to do, which is told all the same
    run(lead(&good, "main"), 0);
    run(follow("main"), 0);
    // a failure, and a refusal that the description has
    let bad = Migrations::counted(2).file("0003_bad.sql", "SELECT * FROM nowhere;");
    run(lead(&bad, "r1"), 10);
    run(lead(&bad, "friday").env("GITHUB_SHA", ""), 32).explains(&["No ref found for: friday"]);
    let states: Vec<_> = (1..=30).flat_map(|id| github.states(id)).collect();
    assert!(states.iter().filter(|state| *state == "success").count() >= 2, "{states:?}");
    assert!(states.contains(&"failure".to_owned()), "{states:?}");
    let said = prism.said();
    assert!(!said.to_lowercase().contains("violation"), "{said}");
}
