//! The releases, slugs, images and builds that there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::APP;
use crate::support::http::{Answer, Request, Stream, moment};

#[derive(Default)]
pub struct Store {
    /// In the order in which they were made.
    pub releases: Vec<Value>,
    pub streams: BTreeMap<String, Stream>,
    builds: Vec<Value>,
    slugs: BTreeMap<String, Value>,
    images: BTreeMap<String, Value>,
    last_id: u32,
}

impl Store {
    pub fn answer(&mut self, request: &Request, rest: &str, page: usize) -> Answer {
        let found = |thing: Option<&Value>| match thing {
            Some(thing) => Answer::of(200, thing.clone()),
            None => super::refusal(404, "not_found", "Couldn't find that."),
        };
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            ["releases"] => paged(request, &self.releases, "version", page),
            ["builds"] => paged(request, &self.builds, "created_at", page),
            ["releases", id] => found(self.releases.iter().find(|it| it["id"] == *id)),
            ["slugs", id] => found(self.slugs.get(*id)),
            ["oci-images", id] => found(self.images.get(*id)),
            _ => found(None),
        }
    }

    /// Like Heroku's own.
    fn id(&mut self) -> String {
        self.last_id += 1;
        format!("{:08}-89ab-4def-8123-456789abcdef", self.last_id)
    }

    pub fn slug(&mut self, commit: Value) -> String {
        let id = self.id();
        let slug = json!({
            "id": id, "commit": commit, "commit_description": null, "blob": { "method": "get", "url": "https://slugs.example/1" },
            "buildpack_provided_description": "Ruby", "checksum": null, "created_at": moment(), "updated_at": moment(),
            "deleted_at": null, "process_types": {}, "size": 2048, "stack": { "id": self.id(), "name": "heroku-24" },
        });
        self.slugs.insert(id.clone(), slug);
        id
    }

    pub fn image(&mut self, commit: &str) -> String {
        let id = self.id();
        let image = json!([{
            "id": id, "commit": commit, "commit_description": "", "base_image_name": "heroku/heroku:24-cnb",
            "base_top_layer": "sha256:ea36", "image_repo": "d7ba1ace/builds", "digest": "sha256:dc14", "buildpacks": [],
            "stack": { "id": self.id(), "name": "heroku-24" }, "process_types": {}, "created_at": moment(),
            "updated_at": moment(), "architecture": "amd64", "deleted_at": null,
        }]);
        self.images.insert(id.clone(), image);
        id
    }

    pub fn release(&mut self, slug: Value, artifacts: Value, status: &str) -> i64 {
        let (id, app, user) = (self.id(), self.id(), self.id());
        let version = i64::try_from(self.releases.len()).unwrap() + 1;
        self.releases.push(json!({
            "id": id, "version": version, "status": status, "current": status == "succeeded", "slug": slug,
            "artifacts": artifacts, "description": "Deploy", "output_stream_url": null, "addon_plan_names": [],
            "app": { "id": app, "name": APP }, "user": { "id": user, "email": "a@example.com" },
            "eligible_for_rollback": true, "created_at": moment(), "updated_at": moment(),
        }));
        version
    }

    fn of_version(&mut self, version: i64) -> &mut Value {
        self.releases.iter_mut().find(|release| release["version"] == version).unwrap()
    }

    pub fn becomes(&mut self, version: i64, status: &str) {
        let release = self.of_version(version);
        release["status"] = json!(status);
        release["updated_at"] = json!(moment());
    }

    pub fn outputs(&mut self, version: i64, url: &str) {
        self.of_version(version)["output_stream_url"] = json!(url);
    }

    pub fn stream(&mut self, stream: Stream) -> String {
        let id = self.id();
        self.streams.insert(id.clone(), stream);
        id
    }

    pub fn build(&mut self, commit: &str, status: &str, output: &str) -> String {
        let id = self.id();
        self.builds.push(json!({
            "id": id, "status": status, "source_blob": { "version": commit, "url": "https://sources.example/1" },
            "release": null, "slug": null, "output_stream_url": output, "created_at": moment(), "updated_at": moment(),
        }));
        id
    }

    pub fn build_becomes(&mut self, id: &str, status: &str, output: &str) {
        let build = self.builds.iter_mut().find(|build| build["id"] == id).unwrap();
        build["status"] = json!(status);
        build["output_stream_url"] = json!(output);
        build["updated_at"] = json!(moment());
    }

    pub fn build_makes(&mut self, id: &str, version: i64) {
        let release = self.of_version(version)["id"].clone();
        let build = self.builds.iter_mut().find(|build| build["id"] == id).unwrap();
        build["status"] = json!("succeeded");
        build["release"] = json!({ "id": release });
    }
}

/// What a range asks for, newest first: `version ..; max=10, order=desc`, and after a page `version ]7..; …`.
fn paged(request: &Request, all: &[Value], by: &str, most: usize) -> Answer {
    let range = request.range.clone().unwrap_or_default();
    let Some((from, options)) =
        range.strip_prefix(&format!("{by} ")).and_then(|range| range.split_once("..; "))
    else {
        return super::refusal(416, "requested_range_not_satisfiable", "That range is none.");
    };
    let skip: usize = from.strip_prefix(']').map_or(0, |from| from.parse().unwrap());
    let max = options.split(", ").find_map(|option| option.strip_prefix("max=")?.parse().ok());
    assert!(options.contains("order=desc"), "{range}");
    let size = max.unwrap_or(200).min(most);
    let page: Vec<Value> = all.iter().rev().skip(skip).take(size).cloned().collect();
    let next = skip + page.len();
    match next < all.len() {
        true => {
            Answer::of(206, Value::Array(page)).header("Next-Range", format!("{by} ]{next}..; {options}"))
        }
        false => Answer::of(200, Value::Array(page)),
    }
}
