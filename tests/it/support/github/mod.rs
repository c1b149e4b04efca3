//! A GitHub of one test's own, which has Deployments and nothing else and behaves as the API does: pages with links, tags
//! and 304, rate limits, tokens that may little, and whatever goes wrong. Prism holds it to GitHub's own description.

mod store;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::api::Api;
pub use super::api::Fault;
use super::http::{Answer, Request, now};
use super::process::Bellwether;
use store::Store;

/// The repository that there is.
pub const REPOSITORY: &str = "acme/shop";
/// A commit of it.
pub const COMMIT: &str = "4f2c1d9ab0c1d2e3f405162738495a6b7c8d9e0f";
/// May write; a workflow's own.
pub const WRITER: &str = "ghs_writer0000000000000000000000000000000";
/// May read.
pub const READER: &str = "ghs_reader0000000000000000000000000000000";
/// A person's, who may write.
pub const PERSON: &str = "ghp_person0000000000000000000000000000000";
/// Was good once.
pub const EXPIRED: &str = "ghs_expired000000000000000000000000000000";
/// Of an app that is not installed there.
pub const STRANGER: &str = "ghs_stranger00000000000000000000000000000";

#[derive(Default)]
struct State {
    store: Store,
    /// No page has more than so many.
    page: usize,
    /// Requests left in this hour, and when the next one begins.
    left: Option<(i64, i64)>,
}

/// Answers until it goes.
pub struct Github {
    api: Api,
    state: Arc<Mutex<State>>,
}

impl Deref for Github {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Github {
    /// On a free port of the loopback.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State { page: 100, ..State::default() }));
        let served = Arc::clone(&state);
        Self { api: Api::start(move |request| answer(&mut lock(&served), request)), state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Its address, as `GITHUB_API_URL` has it on an Enterprise server: with a path.
    pub fn api(&self) -> String {
        format!("{}/api/v3", self.root())
    }

    /// No page has more than so many.
    pub fn pages_of(&self, most: usize) {
        self.state().page = most;
    }

    /// So many requests are left; then none for so long.
    pub fn limit(&self, left: i64, wait: Duration) {
        let reset = now() + i64::try_from(wait.as_secs()).unwrap();
        self.state().left = Some((left, reset));
    }

    /// The deployments that there are.
    pub fn deployments(&self) -> Vec<Value> {
        self.state().store.deployments.clone()
    }

    /// States of a deployment's statuses, in order.
    pub fn states(&self, deployment: i64) -> Vec<String> {
        let statuses = self.statuses(deployment);
        statuses.iter().map(|status| status["state"].as_str().unwrap().to_owned()).collect()
    }

    /// A deployment's statuses, in order.
    pub fn statuses(&self, deployment: i64) -> Vec<Value> {
        self.state().store.statuses.get(&deployment).cloned().unwrap_or_default()
    }

    /// Adds a deployment as a leader `shop-web` would make it; gives its id. `change` changes its payload.
    pub fn deploy(&self, release: &str, run: &str, change: impl FnOnce(&mut Value)) -> i64 {
        let mut payload = json!({
            "bellwether": 1, "lock": "default", "environment": "default", "release": release, "digest": "d1",
            "deploy": null, "run": run, "fence": 1, "participant": "shop-web", "platform": "github-actions",
            "host": "runner-1", "engine": "sql",
        });
        change(&mut payload);
        self.deploy_with(payload)
    }

    /// Adds a deployment with any payload.
    pub fn deploy_with(&self, payload: Value) -> i64 {
        self.deploy_as("default", payload)
    }

    /// Adds a deployment to any environment.
    pub fn deploy_as(&self, environment: &str, payload: Value) -> i64 {
        let task = "bellwether:migrate";
        let body = json!({ "ref": COMMIT, "task": task, "environment": environment, "payload": payload });
        self.state().store.deploy(&body, "github-actions[bot]")
    }

    /// Adds a status, said by this account.
    pub fn say_as(&self, login: &str, deployment: i64, state: &str, description: &str) {
        let body =
            json!({ "state": state, "description": description, "log_url": "https://ci.example/run/42" });
        self.state().store.say(deployment, &body, login);
    }

    /// Adds a status, said by who made the deployment.
    pub fn say(&self, deployment: i64, state: &str, description: &str) {
        self.say_as("github-actions[bot]", deployment, state, description);
    }

    /// Takes a deployment away.
    pub fn delete(&self, deployment: i64) {
        self.state().store.delete(deployment);
    }
}

impl Bellwether {
    /// Knows this GitHub, with this token, and no repository of its own.
    pub fn knows(self, github: &Github, token: &str) -> Self {
        self.env("GITHUB_API_URL", github.api()).env("BELLWETHER_GITHUB_TOKEN", token)
    }

    /// A job of a workflow in this repository.
    pub fn job_of(self, repository: &str) -> Self {
        self.env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", repository)
            .env("GITHUB_JOB", "migrate")
            .env("GITHUB_SHA", COMMIT)
            .env("GITHUB_SERVER_URL", "https://github.example")
            .env("GITHUB_RUN_ID", "77")
            .env("GITHUB_RUN_ATTEMPT", "2")
            .env("RUNNER_NAME", "runner-1")
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Judges the token, counts against the limit, and lets the store answer.
fn answer(state: &mut State, request: &Request) -> Answer {
    let Some((login, writes)) = account(request.token.as_deref()) else {
        return Answer::message(401, "Bad credentials");
    };
    let spent = state.left.filter(|(left, reset)| *left <= 0 && *reset > now());
    if let Some((_, reset)) = spent {
        return Answer::message(403, "API rate limit exceeded").limited(0, reset);
    }
    let path = request.path.trim_start_matches("/api/v3");
    let ours = path.strip_prefix(&format!("/repos/{REPOSITORY}/deployments"));
    let Some(rest) = ours.filter(|_| login != "stranger") else { return Answer::message(404, "Not Found") };
    if request.method == "POST" && !writes {
        return Answer::message(403, "Resource not accessible by integration");
    }
    let page = state.page;
    let answer = state.store.answer(request, rest, login, page);
    match &mut state.left {
        // a 304 costs nothing
        Some((left, reset)) => {
            *left -= i64::from(!answer.is_unchanged(request));
            let (left, reset) = (*left, *reset);
            answer.limited(left, reset)
        }
        None => answer,
    }
}

/// Whose a token is, and whether it may write.
fn account(token: Option<&str>) -> Option<(&'static str, bool)> {
    match token? {
        WRITER => Some(("github-actions[bot]", true)),
        READER => Some(("github-actions[bot]", false)),
        PERSON => Some(("alice", true)),
        STRANGER => Some(("stranger", false)),
        _ => None,
    }
}
