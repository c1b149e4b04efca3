//! A Heroku of one test's own, which has one app's releases and builds and behaves as the Platform API does: ranges and 206,
//! tags and 304, tokens that may little, requests that run out, streams of output. Prism holds it to Heroku's description.

mod store;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::api::Api;
pub use super::api::Fault;
use super::http::{Answer, Request, Stream, Then};
use super::process::Bellwether;
use store::Store;

/// The app that there is.
pub const APP: &str = "shop-web";
/// A commit of it.
pub const COMMIT: &str = "4f2c1d9ab0c1d2e3f405162738495a6b7c8d9e0f";
/// Another one.
pub const OTHER: &str = "0123456789abcdef0123456789abcdef01234567";
/// May read.
pub const READER: &str = "HRKU-reader00-0000-0000-0000-000000000000";
/// Was revoked.
pub const REVOKED: &str = "HRKU-revoked0-0000-0000-0000-000000000000";
/// May know who it is of, and nothing else.
pub const IDENTITY: &str = "HRKU-identity-0000-0000-0000-000000000000";
/// Of an account that is no collaborator of the app.
pub const STRANGER: &str = "HRKU-stranger-0000-0000-0000-000000000000";

struct State {
    store: Store,
    app: String,
    /// No page has more than so many.
    page: usize,
    /// Requests left.
    left: Option<i64>,
    builds_shown: bool,
}

/// Answers until it goes.
pub struct Heroku {
    api: Api,
    state: Arc<Mutex<State>>,
}

impl Deref for Heroku {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Heroku {
    /// On a free port of the loopback, with one app without a release.
    pub fn start() -> Self {
        let (store, app) = (Store::default(), APP.to_owned());
        let state = State { store, app, page: 1000, left: None, builds_shown: true };
        let state = Arc::new(Mutex::new(state));
        let served = Arc::clone(&state);
        Self { api: Api::start(move |request| answer(&mut lock(&served), request)), state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The app is called otherwise from now on.
    pub fn rename(&self, app: &str) {
        self.state().app = app.to_owned();
    }

    /// No page has more than so many.
    pub fn pages_of(&self, most: usize) {
        self.state().page = most;
    }

    /// So many requests are left.
    pub fn limit(&self, left: i64) {
        self.state().left = Some(left);
    }

    /// The app has no builds, as far as the token may know.
    pub fn hide_builds(&self) {
        self.state().builds_shown = false;
    }

    /// A release of a slug that is built from this commit; gives its version.
    pub fn release(&self, commit: &str, status: &str) -> i64 {
        let mut state = self.state();
        let slug = state.store.slug(json!(commit));
        state.store.release(json!({ "id": slug }), json!([{ "type": "slug", "id": slug }]), status)
    }

    /// Another release of the same slug, as after a change of a config var.
    pub fn again(&self, version: i64, status: &str) -> i64 {
        let mut state = self.state();
        let (slug, artifacts) = {
            let before = state.store.releases.iter().find(|it| it["version"] == version).unwrap();
            (before["slug"].clone(), before["artifacts"].clone())
        };
        state.store.release(slug, artifacts, status)
    }

    /// A release of an image, as on Fir.
    pub fn release_of_image(&self, commit: &str, status: &str) -> i64 {
        let mut state = self.state();
        let image = state.store.image(commit);
        state.store.release(Value::Null, json!([{ "type": "oci-image", "id": image }]), status)
    }

    /// A release of nobody knows what.
    pub fn release_of_nothing(&self, status: &str) -> i64 {
        self.state().store.release(Value::Null, json!([]), status)
    }

    /// A release whose slug names no commit.
    pub fn release_without_commit(&self, status: &str) -> i64 {
        let mut state = self.state();
        let slug = state.store.slug(Value::Null);
        state.store.release(json!({ "id": slug }), json!([]), status)
    }

    /// It is over, or is not any more.
    pub fn becomes(&self, version: i64, status: &str) {
        self.state().store.becomes(version, status);
    }

    /// What its release phase writes.
    pub fn says(&self, version: i64, text: &str, then: Then) {
        let url = self.stream(text, then);
        self.state().store.outputs(version, &url);
    }

    /// The text of a stream that is gone.
    pub fn says_nothing_any_more(&self, version: i64) {
        let url = format!("{}/streams/gone", self.root());
        self.state().store.outputs(version, &url);
    }

    fn stream(&self, text: &str, then: Then) -> String {
        let id = self.state().store.stream(Stream { text: text.to_owned(), then });
        format!("{}/streams/{id}", self.root())
    }

    /// A build of this commit; gives its id.
    pub fn build(&self, commit: &str, status: &str) -> String {
        let url = self.stream("remote: compiling\n", Then::End);
        self.state().store.build(commit, status, &url)
    }

    /// It is over.
    pub fn build_becomes(&self, id: &str, status: &str, output: &str) {
        let url = self.stream(output, Then::End);
        self.state().store.build_becomes(id, status, &url);
    }

    /// This release came of it, at once.
    pub fn build_makes(&self, id: &str, version: i64) {
        self.state().store.build_makes(id, version);
    }
}

impl Bellwether {
    /// Asks this Heroku, with this token.
    pub fn asks(self, heroku: &Heroku, token: &str) -> Self {
        self.env("HEROKU_API_URL", heroku.root()).env("HEROKU_API_KEY", token)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Judges the token, counts, and lets the store answer.
fn answer(state: &mut State, request: &Request) -> Answer {
    if let Some(id) = request.path.strip_prefix("/streams/") {
        return match state.store.streams.get(id) {
            // it is another server's, and may not learn the token
            Some(stream) if request.token.is_none() => Answer::stream(stream.clone()),
            _ => Answer::of(404, json!("no such stream")),
        };
    }
    if !request.accept.as_ref().is_some_and(|it| it.starts_with("application/vnd.heroku+json; version=3")) {
        return refusal(404, "not_found", "The requested API endpoint was not found.");
    }
    match request.token.as_deref() {
        Some(READER | STRANGER) => {}
        Some(IDENTITY) => {
            return refusal(403, "forbidden", "The scope of this OAuth authorization does not allow access.");
        }
        _ => return refusal(401, "unauthorized", "Invalid credentials provided."),
    }
    if state.left.is_some_and(|left| left <= 0) {
        let message =
            "Your account reached the API rate limit. Please wait a few minutes before making new requests";
        return refusal(429, "rate_limit", message).header("RateLimit-Remaining", "0");
    }
    let own = request.path.strip_prefix(&format!("/apps/{}/", state.app));
    let Some(rest) = own.filter(|_| request.token.as_deref() != Some(STRANGER)) else {
        return refusal(404, "not_found", "Couldn't find that app.");
    };
    let answer = match rest {
        "builds" if !state.builds_shown => refusal(403, "forbidden", "You do not have access to that."),
        rest => state.store.answer(request, rest, state.page),
    };
    let left = state.left.as_mut().map_or(4499, |left| {
        *left -= 1;
        *left
    });
    answer.header("RateLimit-Remaining", left.max(0).to_string())
}

fn refusal(code: u16, id: &str, message: &str) -> Answer {
    Answer::of(code, json!({ "id": id, "message": message, "url": "https://devcenter.heroku.com/" }))
}
