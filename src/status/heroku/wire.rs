//! What releases and builds look like in Heroku's JSON, and as runs of the app. Fields that we do not need are not read,
//! so that new ones harm nobody.

use serde::Deserialize;

use crate::ledger::look::Scope;
use crate::model::ids::{Digest, Participant, Release as Commit, RunId};
use crate::model::run::{EngineKind, LockMode, Run, RunStatus};
use crate::status::rest::{moment, plain};

/// The least that git itself shows of a commit.
const SHORTEST: usize = 7;
/// How much of a commit's name counts: a build may be called anything.
const LONGEST: usize = 200;

/// Whatever is named by its id alone.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Named {
    pub(super) id: Option<String>,
}

/// What a release is made of.
#[derive(Clone, Debug, Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
}

/// A release.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Release {
    pub(super) id: String,
    pub(super) version: i64,
    /// Open-ended: what we do not know says nothing of the end.
    status: String,
    slug: Option<Named>,
    #[serde(default)]
    artifacts: Vec<Artifact>,
    pub(super) output_stream_url: Option<String>,
    created_at: String,
    updated_at: String,
}

impl Release {
    /// What says of which commit it is: `slugs/…` or `oci-images/…`, best first.
    pub(super) fn sources(&self) -> Vec<String> {
        let slug = self.slug.as_ref().and_then(|slug| slug.id.as_ref()).map(|id| format!("slugs/{id}"));
        let artifacts = self.artifacts.iter().filter_map(|artifact| {
            let list = match artifact.kind.as_deref()? {
                "slug" => "slugs",
                "oci-image" => "oci-images",
                _ => return None,
            };
            Some(format!("{list}/{}", artifact.id.as_ref()?))
        });
        let mut sources: Vec<String> = slug.into_iter().chain(artifacts).collect();
        sources.dedup();
        sources
    }

    /// Its place among all releases and builds: Heroku's times are whole seconds.
    pub(super) fn fence(&self) -> i64 {
        moment(&self.created_at) + 1 + self.version.rem_euclid(998)
    }

    /// As a run of the app.
    pub(super) fn run(&self, app: &str, scope: &Scope, commit: &str) -> Run {
        let status = match self.status.as_str() {
            "succeeded" => RunStatus::Succeeded,
            "failed" | "expired" => RunStatus::Failed,
            _ => RunStatus::Running,
        };
        Run {
            id: RunId(format!("v{}", self.version)),
            url: Some(format!("https://dashboard.heroku.com/apps/{app}/activity/releases/{}", self.id)),
            fence: self.fence(),
            current: Some("the release phase".to_owned()).filter(|_| status == RunStatus::Running),
            error: Some(format!("release v{} {}", self.version, self.status))
                .filter(|_| status == RunStatus::Failed),
            ..run(app, scope, commit, status, (&self.created_at, &self.updated_at))
        }
    }
}

/// Where a build's code came from.
#[derive(Clone, Debug, Deserialize)]
struct Source {
    version: Option<String>,
}

/// A build.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Build {
    pub(super) id: String,
    /// Open-ended too.
    pub(super) status: String,
    source_blob: Option<Source>,
    release: Option<Named>,
    pub(super) output_stream_url: Option<String>,
    created_at: String,
    updated_at: String,
}

impl Build {
    /// The commit, or what else it was told.
    pub(super) fn commit(&self) -> Option<&str> {
        self.source_blob.as_ref()?.version.as_deref()
    }

    /// The release that came of it.
    pub(super) fn release(&self) -> Option<&str> {
        self.release.as_ref()?.id.as_deref()
    }

    /// When it last changed.
    pub(super) fn changed(&self) -> i64 {
        moment(&self.updated_at)
    }

    /// As a run of the app: one that succeeded has its release still before it.
    pub(super) fn run(&self, app: &str, scope: &Scope, commit: &str) -> Run {
        let status = if self.status == "failed" { RunStatus::Failed } else { RunStatus::Running };
        let failed = status == RunStatus::Failed;
        Run {
            id: RunId(format!("build-{}", self.id)),
            url: Some(format!("https://dashboard.heroku.com/apps/{app}/activity/builds/{}", self.id)),
            fence: moment(&self.created_at),
            current: Some("the build").filter(|_| !failed).map(str::to_owned),
            failed_step: Some("the build").filter(|_| failed).map(str::to_owned),
            error: Some("the build failed").filter(|_| failed).map(str::to_owned),
            ..run(app, scope, commit, status, (&self.created_at, &self.updated_at))
        }
    }
}

/// What all have in common. No session: this is told of it.
fn run(app: &str, scope: &Scope, commit: &str, status: RunStatus, (began, changed): (&str, &str)) -> Run {
    Run {
        id: RunId(String::new()),
        environment: scope.environment.clone(),
        lock_name: scope.lock_name.clone(),
        lock_mode: LockMode::Session,
        release: Commit(plain(commit, LONGEST)),
        digest: Digest(String::new()),
        deploy: None,
        leader: Participant(app.to_owned()),
        platform: "heroku".to_owned(),
        host: app.to_owned(),
        url: None,
        engine: EngineKind::Command,
        session: String::new(),
        status,
        fence: 0,
        beats: 0,
        total: 0,
        done: 0,
        current: None,
        error: None,
        failed_step: None,
        started_at: moment(began),
        beat_at: moment(changed),
        finished_at: Some(moment(changed)).filter(|_| status != RunStatus::Running),
        ended_by: None,
    }
}

/// A slug, or an image.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Code {
    commit: Option<String>,
}

/// Images come as a list, whoever asks for one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Codes {
    /// A slug.
    One(Code),
    /// Images.
    Many(Vec<Code>),
}

impl Codes {
    /// Of which commit it is.
    pub(super) fn commit(self) -> Option<String> {
        let commit = match self {
            Self::One(code) => code.commit,
            Self::Many(codes) => codes.into_iter().find_map(|code| code.commit),
        };
        commit.filter(|commit| !commit.trim().is_empty())
    }
}

/// Whether two names are of one commit: equal, or one is the other's beginning, and long enough.
pub(super) fn same_commit(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let hash = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let begins = || hash(long) && long.as_bytes()[..short.len()].eq_ignore_ascii_case(short.as_bytes());
    short == long && !short.is_empty() || short.len() >= SHORTEST && begins()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::ids::Environment;

    const COMMIT: &str = "4f2c1d9ab0c1d2e3f405162738495a6b7c8d9e0f";

    fn scope() -> Scope {
        Scope {
            lock_name: "default".to_owned(),
            environment: Environment::from("production"),
            release: Some(Commit::from(COMMIT)),
            deploy: None,
            digest: None,
        }
    }

    fn release(change: Value) -> Release {
        let mut made = json!({
            "id": "r-1", "version": 42, "status": "pending", "slug": { "id": "s-1" }, "output_stream_url": null,
            "created_at": "2026-11-21T06:00:00Z", "updated_at": "2026-11-21T06:01:00Z",
        });
        for (key, value) in change.as_object().unwrap() {
            made[key] = value.clone();
        }
        serde_json::from_value(made).unwrap()
    }

    #[test]
    fn the_beginning_of_a_commit_is_enough_and_other_words_must_be_the_same() {
        for same in [COMMIT, "4f2c1d9", "4F2C1D9AB0C1"] {
            assert!(same_commit(same, COMMIT) && same_commit(COMMIT, same), "{same}");
        }
        for other in ["", "4f2c1d", "4f2c1d8", "c1d9ab0", "4f2c1d9x", "main"] {
            assert!(!same_commit(other, COMMIT), "{other}");
        }
        assert!(same_commit("v1.3.0", "v1.3.0"));
        assert!(!same_commit("version-1", "version-10") && !same_commit("", ""));
    }

    #[test]
    fn a_release_is_told_in_the_ledgers_words() {
        for (status, want) in [
            ("pending", RunStatus::Running),
            ("succeeded", RunStatus::Succeeded),
            ("failed", RunStatus::Failed),
            ("expired", RunStatus::Failed),
            ("hibernating", RunStatus::Running),
        ] {
            let run = release(json!({ "status": status })).run("shop-web", &scope(), COMMIT);
            assert_eq!(run.status, want, "{status}");
            assert_eq!(run.finished_at, (want != RunStatus::Running).then_some(run.started_at + 60_000));
            assert!(run.is_told());
        }
        let run = release(json!({ "status": "expired" })).run("shop-web", &scope(), COMMIT);
        assert_eq!((run.id.as_str(), run.error.as_deref()), ("v42", Some("release v42 expired")));
    }

    #[test]
    fn a_later_release_has_the_higher_fence_even_in_the_same_second() {
        let at = |version: i64, second: &str| {
            let created = format!("2026-11-21T06:00:{second}Z");
            release(json!({ "version": version, "created_at": created })).fence()
        };
        assert!(at(43, "00") > at(42, "00"));
        assert!(at(1000, "01") > at(997, "00"));
    }

    #[test]
    fn the_code_of_a_release_is_found_wherever_it_is_named() {
        assert_eq!(release(json!({})).sources(), ["slugs/s-1"]);
        let both = json!({ "artifacts": [{ "type": "slug", "id": "s-1" }] });
        assert_eq!(release(both).sources(), ["slugs/s-1"]);
        let image =
            json!({ "slug": null, "artifacts": [{ "type": "oci-image", "id": "i-1" }, { "type": "new" }] });
        assert_eq!(release(image).sources(), ["oci-images/i-1"]);
        assert!(release(json!({ "slug": null })).sources().is_empty());
        assert!(release(json!({ "slug": { "id": null }, "artifacts": [] })).sources().is_empty());
    }

    #[test]
    fn slugs_and_images_say_their_commit_and_some_do_not() {
        let commit = |code: Value| serde_json::from_value::<Codes>(code).unwrap().commit();
        assert_eq!(commit(json!({ "id": "s", "commit": COMMIT })).as_deref(), Some(COMMIT));
        assert_eq!(commit(json!([{ "id": "i", "commit": COMMIT }])).as_deref(), Some(COMMIT));
        for none in [json!({ "commit": null }), json!({ "commit": " " }), json!([]), json!({})] {
            assert_eq!(commit(none), None);
        }
    }
}
