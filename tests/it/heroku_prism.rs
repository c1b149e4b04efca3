//! Our Heroku, and what followers ask of it, held to Heroku's own description by Prism.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::heroku::{APP, COMMIT, OTHER, READER};
use crate::support::prism::{Prism, described};
use crate::support::server::absent;
use crate::support::{Bellwether, Heroku};

/// Of releases, slugs and images. It has neither builds nor 304: they are let through as they are.
fn description(folder: &Path) -> Option<PathBuf> {
    let Some(file) = described("heroku-releases.openapi.json") else {
        // no registry has it, and so what asks for Prism alone cannot ask for this
        absent("heroku-description", "BELLWETHER_SPECS does not say where Heroku's description is");
        return None;
    };
    let mut description: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    description["paths"]["/apps/{app}/builds"] = json!({ "get": {
        "parameters": [{ "name": "app", "in": "path", "required": true, "schema": { "type": "string" } }],
        "responses": { "404": { "description": "no" }, "429": { "description": "later" }, "200": { "description": "ok", "content": { "application/json": { "schema": { "type": "array" } } } } },
    } });
    for path in description["paths"].as_object_mut().unwrap().values_mut() {
        path["get"]["responses"]["304"] = json!({ "description": "not changed" });
    }
    let file = folder.join("heroku.json");
    std::fs::write(&file, description.to_string()).unwrap();
    Some(file)
}

#[test]
fn what_followers_and_our_heroku_say_to_each_other_is_as_heroku_describes_it() {
    let heroku = Heroku::start();
    let Some(prism) = Prism::start(&heroku.root(), description) else { return };
    heroku.pages_of(2);
    let follow = |commit: &str, code: i32| {
        let config = format!(
            "defaults: {{ follow: {{ source: heroku, start: 1s, grace: 1s }}, heroku: {{ app: {APP} }} }}"
        );
        let follower = Bellwether::new("follow").file("bellwether.yml", &config).release(commit);
        let ended = follower.timeout("59s").asks(&heroku, READER).env("HEROKU_API_URL", prism.url()).run();
        assert_eq!(ended.code, Some(code), "{}\n{}", ended.said(), prism.said());
        ended
    };
    heroku.release(COMMIT, "failed");
    heroku.release_of_image(OTHER, "succeeded");
    heroku.release_without_commit("expired");
    heroku.release_of_nothing("pending");
    heroku.build(COMMIT, "failed");
    // all pages, slugs and images
    follow(OTHER, 0);
    follow(COMMIT, 20);
    follow("9999999999999999999999999999999999999999", 23);
    assert!(heroku.count("GET", "/releases", 206) > 0 && heroku.count("GET", "/oci-images/", 200) > 0);
    heroku.limit(0);
    follow(OTHER, 32).explains(&["too many requests"]);
    heroku.limit(1000);
    heroku.rename("shop-www");
    follow(OTHER, 32).explains(&["no app of that name"]);
    let said = prism.said();
    assert!(!said.to_lowercase().contains("violation"), "{said}");
}
