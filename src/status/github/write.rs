//! What a leader writes: one deployment for its run, and statuses. A deployment is never made twice for one run.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::status::github::TASK;
use crate::status::github::client::Client;
use crate::status::github::wire::{Deployment, LONGEST_DESCRIPTION, Payload};
use crate::status::rest::{Api as _, Failure, plain, read};

/// How often a deployment is tried to be made.
const TRIES: u32 = 5;
/// After a try that may have got through, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How a run goes, in GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Claimed.
    Queued,
    /// At work.
    InProgress,
    /// The database is at its release.
    Success,
    /// A verdict: it failed.
    Failure,
    /// No verdict: it was interrupted, or lost its lock.
    Error,
}

/// A deployment to be made.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// Names that the commit may have in the repository, best first.
    pub refs: Vec<String>,
    /// Of which run.
    pub payload: Payload,
}

impl Client {
    /// Makes the run's deployment and gives its id. Where an answer does not say whether it was made, it is looked for
    /// before it is tried again.
    pub async fn announce(&self, announcement: &Announcement) -> Result<i64, Failure> {
        let mut refs = announcement.refs.as_slice();
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            let [name, others @ ..] = refs else {
                return Err(Failure::Odd { what: "nothing: there is no commit to be named".to_owned() });
            };
            let failure = match self.create(name, &announcement.payload).await {
                Ok(id) => return Ok(id),
                Err(failure) => failure,
            };
            // the release need not be a commit of that repository
            if matches!(failure, Failure::Unprocessable { .. }) && !others.is_empty() {
                refs = others;
                continue;
            }
            tries += 1;
            if !failure.is_ambiguous() || tries >= TRIES {
                return Err(failure);
            }
            sleep(pause).await;
            pause *= 2;
            if let Ok(Some(id)) = self.find(&announcement.payload).await {
                return Ok(id);
            }
        }
    }

    async fn create(&self, name: &str, payload: &Payload) -> Result<i64, Failure> {
        let mut description = format!("bellwether: {} migrates to {}", payload.participant, payload.release);
        if payload.run.is_none() {
            description = format!("bellwether: {} is migrated to {}", payload.environment, payload.release);
        }
        let body = json!({
            "ref": name,
            "task": TASK,
            "auto_merge": false,
            "required_contexts": [],
            "payload": payload,
            "environment": payload.environment,
            "description": plain(&description, LONGEST_DESCRIPTION),
        });
        let reply = self.post(&self.path("deployments"), &body).await?;
        Ok(read::<Deployment>(&reply.body)?.id)
    }

    /// The deployment with this payload, if there is one among the newest.
    async fn find(&self, payload: &Payload) -> Result<Option<i64>, Failure> {
        let newest = self.get(&self.deployments_of(&payload.environment), None).await?;
        let newest: Vec<Deployment> = read(&newest.body)?;
        Ok(newest.iter().find(|it| it.payload().as_ref() == Some(payload)).map(|it| it.id))
    }

    /// Adds a status. To say a thing twice does no harm.
    pub async fn tell(
        &self,
        deployment: i64,
        state: State,
        description: &str,
        log_url: Option<&str>,
    ) -> Result<(), Failure> {
        let mut body = Map::new();
        body.insert("state".to_owned(), json!(state));
        body.insert("description".to_owned(), json!(plain(description, LONGEST_DESCRIPTION)));
        body.insert("auto_inactive".to_owned(), json!(false));
        body.extend(log_url.map(|url| ("log_url".to_owned(), json!(url))));
        let path = self.path(&format!("deployments/{deployment}/statuses"));
        self.post(&path, &Value::Object(body)).await.map(|_| ())
    }
}
