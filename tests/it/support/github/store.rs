//! The deployments that there are, and the rules by which they come to be.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{COMMIT, REPOSITORY};
use crate::support::http::{Answer, Request, moment};

const STATES: [&str; 7] = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];
/// What can be deployed besides the commit.
const REFS: [&str; 3] = ["main", "r1", "v1.2.3"];

#[derive(Default)]
pub struct Store {
    /// In the order in which they were made.
    pub deployments: Vec<Value>,
    pub statuses: BTreeMap<i64, Vec<Value>>,
    last_id: i64,
}

impl Store {
    pub fn answer(&mut self, request: &Request, rest: &str, login: &str, page: usize) -> Answer {
        let rest = rest.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let known = |id: &str| id.parse().ok().filter(|id| self.statuses.contains_key(id));
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", []) => {
                let fits = |deployment: &&Value| {
                    ["task", "environment", "sha", "ref"].iter().all(|key| {
                        request.parameter(key).is_none_or(|wanted| deployment[*key] == wanted.as_str())
                    })
                };
                let newest: Vec<Value> = self.deployments.iter().rev().filter(fits).cloned().collect();
                paged(request, newest, page)
            }
            ("POST", []) => self.create(&request.body, login),
            ("GET", [id, "statuses"]) => match known(id) {
                Some(id) => paged(request, self.statuses[&id].iter().rev().cloned().collect(), page),
                None => Answer::message(404, "Not Found"),
            },
            ("POST", [id, "statuses"]) => match known(id) {
                Some(id) => self.add_status(id, &request.body, login),
                None => Answer::message(404, "Not Found"),
            },
            _ => Answer::message(404, "Not Found"),
        }
    }

    fn create(&mut self, body: &Value, login: &str) -> Answer {
        let name = body["ref"].as_str().unwrap_or_default();
        if name != COMMIT && !REFS.contains(&name) {
            return Answer::message(422, &format!("No ref found for: {name}"));
        }
        if body["auto_merge"] != false {
            return Answer::of(202, json!({ "message": "Auto-merged main into topic on deployment." }));
        }
        // the checks of the commit are not green
        if body["required_contexts"] != json!([]) {
            return Answer::message(409, "Conflict: Commit status checks failed for topic.");
        }
        if body["description"].as_str().unwrap_or_default().chars().count() > 140 {
            return invalid("description is too long (maximum is 140 characters)");
        }
        let id = self.deploy(body, login);
        let made = self.deployments.iter().find(|deployment| deployment["id"] == id).unwrap();
        Answer::of(201, made.clone())
    }

    fn add_status(&mut self, id: i64, body: &Value, login: &str) -> Answer {
        if !STATES.contains(&body["state"].as_str().unwrap_or_default()) {
            return invalid("state is not included in the list");
        }
        if body["description"].as_str().unwrap_or_default().chars().count() > 140 {
            return invalid("description is too long (maximum is 140 characters)");
        }
        let said = self.say(id, body, login);
        let url = said["url"].as_str().unwrap().to_owned();
        Answer::of(201, said).header("Location", url)
    }

    pub fn deploy(&mut self, body: &Value, login: &str) -> i64 {
        self.last_id += 1;
        let id = self.last_id;
        let or = |key: &str, default: Value| body.get(key).cloned().unwrap_or(default);
        let url = format!("https://api.github.com/repos/{REPOSITORY}/deployments/{id}");
        self.deployments.push(json!({
            "url": url, "id": id, "node_id": format!("D{id}"), "sha": COMMIT, "ref": body["ref"],
            "task": or("task", json!("deploy")), "payload": or("payload", json!("")),
            "original_environment": or("environment", json!("production")),
            "environment": or("environment", json!("production")),
            "description": or("description", Value::Null), "creator": user(login),
            "created_at": moment(), "updated_at": moment(), "statuses_url": format!("{url}/statuses"),
            "repository_url": format!("https://api.github.com/repos/{REPOSITORY}"),
            "transient_environment": false, "production_environment": false, "performed_via_github_app": null,
        }));
        self.statuses.insert(id, Vec::new());
        id
    }

    pub fn say(&mut self, deployment: i64, body: &Value, login: &str) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let repository = format!("https://api.github.com/repos/{REPOSITORY}");
        // GitHub gives back empty texts where there is no address, which its own description does not allow
        let log_url = body["log_url"].as_str().unwrap_or("https://github.com/acme/shop");
        let status = json!({
            "url": format!("{repository}/deployments/{deployment}/statuses/{id}"), "id": id,
            "node_id": format!("S{id}"), "state": body["state"], "creator": user(login),
            "description": body["description"].as_str().unwrap_or_default(), "environment": "default",
            "target_url": log_url, "log_url": log_url, "created_at": moment(), "updated_at": moment(),
            "deployment_url": format!("{repository}/deployments/{deployment}"), "repository_url": repository,
            "performed_via_github_app": null,
        });
        self.statuses.entry(deployment).or_default().push(status.clone());
        status
    }

    pub fn delete(&mut self, id: i64) {
        self.deployments.retain(|deployment| deployment["id"] != id);
        self.statuses.remove(&id);
    }
}

fn invalid(reason: &str) -> Answer {
    let mut answer = Answer::message(422, "Validation Failed");
    answer.body["errors"] = json!([{ "resource": "Deployment", "code": "custom", "message": reason }]);
    answer
}

/// One page, with links to the others; their host is another one than who asks knows it by.
fn paged(request: &Request, all: Vec<Value>, most: usize) -> Answer {
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("per_page").unwrap_or(30).min(most);
    let page = number("page").unwrap_or(1).max(1);
    let last = all.len().div_ceil(size).max(1);
    let shown: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let answer = Answer::of(200, Value::Array(shown));
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let others: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("page=")).collect();
    let link = |page: usize, rel: &str| {
        format!("<https://api.github.com{path}?{}&page={page}>; rel=\"{rel}\"", others.join("&"))
    };
    match page < last {
        true => answer.header("Link", format!("{}, {}", link(page + 1, "next"), link(last, "last"))),
        false => answer,
    }
}

fn user(login: &str) -> Value {
    let api = format!("https://api.github.com/users/{}", login.replace(['[', ']'], "%5B"));
    let of = |what: &str| format!("{api}/{what}");
    json!({
        "login": login, "id": 41898282, "node_id": "B1", "avatar_url": "https://avatars.githubusercontent.com/in/15368",
        "gravatar_id": "", "url": api, "html_url": "https://github.com/apps/github-actions",
        "followers_url": of("followers"), "following_url": of("following{/other_user}"),
        "gists_url": of("gists{/gist_id}"), "starred_url": of("starred{/owner}{/repo}"),
        "subscriptions_url": of("subscriptions"), "organizations_url": of("orgs"), "repos_url": of("repos"),
        "events_url": of("events{/privacy}"), "received_events_url": of("received_events"),
        "type": "Bot", "user_view_type": "public", "site_admin": false,
    })
}
