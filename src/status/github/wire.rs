//! What deployments and their statuses look like in GitHub's JSON, and what we write into a deployment's payload. Fields
//! that we do not need are not read, so that new ones harm nobody.

use serde::{Deserialize, Serialize};

use crate::ledger::look::Scope;
use crate::model::ids::{Deploy, Digest, Environment, Participant, Release, RunId};
use crate::model::run::{EngineKind, LockMode, Run, RunStatus};
use crate::status::rest::{moment, plain};

/// The payload's form; grows only when a field changes its meaning or goes.
pub const PAYLOAD_VERSION: u32 = 1;
/// The longest description that GitHub takes.
pub const LONGEST_DESCRIPTION: usize = 140;
/// How much of a text in a payload counts.
const LONGEST_TEXT: usize = 200;

/// What a leader says of its run, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// [`PAYLOAD_VERSION`]; its name tells whose payload it is.
    pub bellwether: u32,
    /// The lock's name.
    pub lock: String,
    /// The environment.
    pub environment: String,
    /// The release.
    pub release: String,
    /// Of the leader's bundle or command.
    pub digest: String,
    /// Given by the user, or none.
    pub deploy: Option<String>,
    /// The run; none where nothing had to be done.
    pub run: Option<String>,
    /// Its fence.
    pub fence: Option<i64>,
    /// The participant that leads it.
    pub participant: String,
    /// Where that one runs.
    pub platform: String,
    /// Its host's name.
    pub host: String,
    /// `sql` or `command`.
    pub engine: String,
}

impl Payload {
    /// Of one run.
    pub fn of(run: &Run) -> Self {
        Self {
            bellwether: PAYLOAD_VERSION,
            lock: run.lock_name.clone(),
            environment: run.environment.0.clone(),
            release: run.release.0.clone(),
            digest: run.digest.0.clone(),
            deploy: run.deploy.as_ref().map(|deploy| deploy.0.clone()),
            run: Some(run.id.0.clone()),
            fence: Some(run.fence),
            participant: run.leader.0.clone(),
            platform: run.platform.clone(),
            host: run.host.clone(),
            engine: run.engine.to_string(),
        }
    }

    /// Whether it tells of our lock name and environment, and of our deploy if we have one.
    pub fn is_of(&self, scope: &Scope) -> bool {
        self.bellwether == PAYLOAD_VERSION
            && self.lock == scope.lock_name
            && self.environment == scope.environment.0
            && scope.deploy.as_ref().is_none_or(|deploy| self.deploy.as_deref() == Some(deploy.as_str()))
    }
}

/// Who made something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Creator {
    /// The account's name: a person's, or `github-actions[bot]`.
    pub login: String,
}

/// A deployment.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployment {
    /// Grows.
    pub id: i64,
    /// Whatever who made it wanted: an object, or a string that holds one.
    #[serde(default)]
    payload: serde_json::Value,
    /// Who made it; none of an account that is gone.
    pub creator: Option<Creator>,
    /// When, in RFC 3339's form.
    created_at: String,
}

impl Deployment {
    /// What its leader said, if it is one of ours.
    pub fn payload(&self) -> Option<Payload> {
        match &self.payload {
            serde_json::Value::String(text) => serde_json::from_str(text).ok(),
            value => Payload::deserialize(value).ok(),
        }
    }
}

/// One status of a deployment.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Grows.
    pub id: i64,
    /// Open-ended: what we do not know says nothing of the end.
    pub state: String,
    /// What went on, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Who says so.
    pub creator: Option<Creator>,
    /// A page that shows it.
    #[serde(default)]
    pub log_url: Option<String>,
    /// When, in RFC 3339's form.
    created_at: String,
}

/// What became of it, by its statuses in the order in which they came. Only what the deployment's own maker says counts.
/// `inactive` is said of what succeeded before, and takes nothing back.
pub fn run(deployment: &Deployment, payload: Payload, statuses: &[Status]) -> Run {
    let mut told: Vec<&Status> = statuses.iter().filter(|it| it.creator == deployment.creator).collect();
    told.sort_by_key(|status| status.id);
    let end = told.iter().rev().find_map(|status| ended(&status.state).map(|end| (end, *status)));
    let inactive =
        || told.iter().rev().find(|it| it.state == "inactive").map(|it| (RunStatus::Abandoned, *it));
    let end = end.or_else(inactive);
    let began = moment(&deployment.created_at);
    let said =
        |status: &Status| status.description.clone().filter(|text| !text.is_empty()).map(|it| clean(&it));
    let status = end.map_or(RunStatus::Running, |(status, _)| status);
    let description = end.and_then(|(_, status)| said(status));
    let url = told.iter().rev().find_map(|status| status.log_url.clone().filter(|url| !url.is_empty()));
    Run {
        id: RunId(payload.run.map_or_else(|| format!("deployment-{}", deployment.id), |id| clean(&id))),
        environment: Environment(payload.environment),
        lock_name: payload.lock,
        lock_mode: LockMode::Session,
        release: Release(clean(&payload.release)),
        digest: Digest(payload.digest),
        deploy: payload.deploy.map(Deploy),
        leader: Participant(clean(&payload.participant)),
        platform: clean(&payload.platform),
        host: clean(&payload.host),
        url: url.map(|url| clean(&url)),
        engine: payload.engine.parse().unwrap_or(EngineKind::Sql),
        session: String::new(),
        status,
        fence: deployment.id,
        beats: 0,
        total: 0,
        done: 0,
        current: None,
        error: description.clone().filter(|_| status == RunStatus::Failed),
        failed_step: None,
        started_at: began,
        beat_at: told.last().map_or(began, |status| moment(&status.created_at)),
        finished_at: end.map(|(_, status)| moment(&status.created_at)),
        ended_by: description.filter(|_| matches!(status, RunStatus::Interrupted | RunStatus::Abandoned)),
    }
}

fn ended(state: &str) -> Option<RunStatus> {
    match state {
        "success" => Some(RunStatus::Succeeded),
        "failure" => Some(RunStatus::Failed),
        "error" => Some(RunStatus::Interrupted),
        _ => None,
    }
}

fn clean(text: &str) -> String {
    plain(text, LONGEST_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(payload: serde_json::Value) -> Deployment {
        let made = json!({
            "id": 7, "payload": payload, "creator": { "login": "bot" }, "created_at": "2026-11-21T06:00:00Z",
        });
        serde_json::from_value(made).unwrap()
    }

    fn payload() -> Payload {
        Payload {
            bellwether: PAYLOAD_VERSION,
            lock: "default".into(),
            environment: "production".into(),
            release: "r1".into(),
            digest: "d1".into(),
            deploy: None,
            run: Some("run-1".into()),
            fence: Some(3),
            participant: "shop\u{1b}[31m-web".into(),
            platform: "heroku".into(),
            host: "release.1".into(),
            engine: "command".into(),
        }
    }

    fn became(states: &[(&str, Option<&str>)]) -> Run {
        let mut statuses: Vec<Status> = (1..)
            .zip(states)
            .map(|(id, (state, login))| {
                let creator = login.map(|login| json!({ "login": login }));
                let said = json!({
                    "id": id, "state": state, "description": format!("{state} it is"), "creator": creator,
                    "created_at": format!("2026-11-21T06:00:0{id}Z"), "log_url": "",
                });
                serde_json::from_value(said).unwrap()
            })
            .collect();
        // the order in which they are listed is undocumented
        statuses.reverse();
        run(&deployment(json!({})), payload(), &statuses)
    }

    #[test]
    fn the_last_end_that_its_maker_told_counts() {
        let bot = Some("bot");
        for (states, status) in [
            (&[][..], RunStatus::Running),
            (&[("queued", bot), ("in_progress", bot), ("waiting", bot)], RunStatus::Running),
            (&[("in_progress", bot), ("success", bot)], RunStatus::Succeeded),
            (&[("success", bot), ("inactive", bot)], RunStatus::Succeeded),
            (&[("success", bot), ("inactive", Some("other"))], RunStatus::Succeeded),
            (&[("success", bot), ("pending", bot)], RunStatus::Succeeded),
            (&[("failure", bot), ("inactive", bot)], RunStatus::Failed),
            (&[("error", bot)], RunStatus::Interrupted),
            (&[("failure", bot), ("success", bot)], RunStatus::Succeeded),
            (&[("inactive", bot)], RunStatus::Abandoned),
            (&[("success", Some("mallory"))], RunStatus::Running),
            (&[("success", None)], RunStatus::Running),
        ] {
            assert_eq!(became(states).status, status, "{states:?}");
        }
    }

    #[test]
    fn a_run_is_told_in_the_ledgers_words() {
        let failed = became(&[("in_progress", Some("bot")), ("failure", Some("bot"))]);
        assert_eq!((failed.fence, failed.id.as_str()), (7, "run-1"));
        assert_eq!(failed.error.as_deref(), Some("failure it is"));
        assert_eq!(failed.finished_at, Some(failed.started_at + 2000));
        assert_eq!((failed.engine, failed.url.as_deref()), (EngineKind::Command, None));
        assert!(failed.is_told());
        // whatever stands in a payload, a terminal does not obey it
        assert_eq!(failed.leader.as_str(), "shop [31m-web");
        let interrupted = became(&[("error", Some("bot"))]);
        assert_eq!(interrupted.ended_by.as_deref(), Some("error it is"));
    }

    #[test]
    fn a_payload_is_read_back_as_written_as_an_object_and_as_text() {
        let written = serde_json::to_value(payload()).unwrap();
        assert_eq!(deployment(written.clone()).payload(), Some(payload()));
        assert_eq!(deployment(json!(written.to_string())).payload(), Some(payload()));
        let mut newer = written;
        newer["cluster"] = json!("eu");
        assert_eq!(deployment(newer).payload(), Some(payload()), "what is added harms nobody");
        for foreign in [json!(""), json!(null), json!({ "deploy": "migrate" }), json!([]), json!("{")] {
            assert_eq!(deployment(foreign).payload(), None);
        }
    }
}
