//! A GitHub of one test's own, which has Deployments and nothing else and behaves as the API does: pages with links, tags
//! and 304, rate limits, tokens that may little, and whatever goes wrong. Prism holds it to GitHub's own description.

mod http;
mod store;

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::process::Bellwether;
use http::{Answer, Request};
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

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This code in place of an answer; nothing is done.
    Code(u16),
    /// This code, though it is done.
    DoneBut(u16),
    /// This code, with headers and a message.
    Told(u16, Vec<(&'static str, String)>, &'static str),
    /// It is done, and nothing is answered for so long.
    DoneInSilence(Duration),
    /// Nothing is done or answered for so long, and then the connection ends.
    Silence(Duration),
}

/// Which requests: the method, and a piece of the path.
type Which = (&'static str, &'static str);

#[derive(Default)]
struct State {
    store: Store,
    faults: VecDeque<(Which, Fault)>,
    asked: Vec<Asked>,
    /// No page has more than so many.
    page: usize,
    /// Requests left in this hour, and when the next one begins.
    left: Option<(i64, i64)>,
}

/// One request, as it was answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub code: u16,
    pub at: Instant,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    over: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers until it goes.
pub struct Github {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Github {
    /// On a free port of the loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { page: 100, ..State::default() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.over.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let served = Arc::clone(&served);
                thread::spawn(move || serve(&served, stream));
            }
        });
        Self { address, shared }
    }

    /// Its address, as `GITHUB_API_URL` has it on an Enterprise server: with a path.
    pub fn api(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    /// Its address without a path, as GitHub's own description has it.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request like this goes wrong.
    pub fn fail(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.shared.lock().faults.push_back(((method, path), fault));
    }

    /// Nothing more goes wrong.
    pub fn heal(&self) {
        self.shared.lock().faults.clear();
    }

    /// No page has more than so many.
    pub fn pages_of(&self, most: usize) {
        self.shared.lock().page = most;
    }

    /// So many requests are left; then none for so long.
    pub fn limit(&self, left: i64, wait: Duration) {
        let reset = http::now() + i64::try_from(wait.as_secs()).unwrap();
        self.shared.lock().left = Some((left, reset));
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    /// How often something like this was asked with this answer.
    pub fn count(&self, method: &str, path: &str, code: u16) -> usize {
        let fits = |asked: &&Asked| asked.method == method && asked.path.contains(path) && asked.code == code;
        self.asked().iter().filter(fits).count()
    }

    /// Waits until something like this was answered so often. Panics after `limit`.
    pub fn wait_for(&self, method: &str, path: &str, code: u16, times: usize, limit: Duration) {
        let until = Instant::now() + limit;
        while self.count(method, path, code) < times {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {times} × {method} {path} {code}: {:#?}", self.asked());
            let state = self.shared.lock();
            drop(self.shared.changed.wait_timeout(state, left.min(Duration::from_millis(200))));
        }
    }

    /// The deployments that there are.
    pub fn deployments(&self) -> Vec<Value> {
        self.shared.lock().store.deployments.clone()
    }

    /// States of a deployment's statuses, in order.
    pub fn states(&self, deployment: i64) -> Vec<String> {
        let statuses = self.statuses(deployment);
        statuses.iter().map(|status| status["state"].as_str().unwrap().to_owned()).collect()
    }

    /// A deployment's statuses, in order.
    pub fn statuses(&self, deployment: i64) -> Vec<Value> {
        self.shared.lock().store.statuses.get(&deployment).cloned().unwrap_or_default()
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
        self.shared.lock().store.deploy(&body, "github-actions[bot]")
    }

    /// Adds a status, said by this account.
    pub fn say_as(&self, login: &str, deployment: i64, state: &str, description: &str) {
        let body =
            json!({ "state": state, "description": description, "log_url": "https://ci.example/run/42" });
        self.shared.lock().store.say(deployment, &body, login);
        self.shared.changed.notify_all();
    }

    /// Adds a status, said by who made the deployment.
    pub fn say(&self, deployment: i64, state: &str, description: &str) {
        self.say_as("github-actions[bot]", deployment, state, description);
    }

    /// Takes a deployment away.
    pub fn delete(&self, deployment: i64) {
        self.shared.lock().store.delete(deployment);
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // the one that waits for a connection sees it
        drop(std::net::TcpStream::connect(self.address));
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

fn serve(shared: &Shared, mut stream: std::net::TcpStream) {
    let Some(request) = http::read(&mut stream) else { return };
    let fault = {
        let mut state = shared.lock();
        let fits =
            |((method, path), _): &(Which, Fault)| *method == request.method && request.path.contains(path);
        let at = state.faults.iter().position(fits);
        at.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault)
    };
    let answer = match fault {
        Some(Fault::DoneInSilence(time)) => {
            note(shared, &request, answer(shared, &request).code);
            thread::sleep(time);
            return;
        }
        Some(Fault::Silence(time)) => {
            note(shared, &request, 0);
            thread::sleep(time);
            return;
        }
        Some(Fault::Code(code)) => Answer::message(code, "Server Error"),
        Some(Fault::Told(code, headers, message)) => {
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Answer { headers, ..Answer::message(code, message) }
        }
        Some(Fault::DoneBut(code)) => {
            answer(shared, &request);
            Answer::message(code, "Server Error")
        }
        None => answer(shared, &request),
    };
    let code = http::write(&mut stream, &request, answer);
    note(shared, &request, code);
}

fn note(shared: &Shared, request: &Request, code: u16) {
    let asked =
        Asked { method: request.method.clone(), path: request.path.clone(), code, at: Instant::now() };
    shared.lock().asked.push(asked);
    shared.changed.notify_all();
}

/// Judges the token, counts against the limit, and lets the store answer.
fn answer(shared: &Shared, request: &Request) -> Answer {
    let mut state = shared.lock();
    let Some((login, writes)) = account(request.token.as_deref()) else {
        return Answer::message(401, "Bad credentials");
    };
    let spent = state.left.filter(|(left, reset)| *left <= 0 && *reset > http::now());
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
