//! A job of GitHub Actions: a `run:` step, or our own container action, which is told by its inputs. The runner is told
//! by workflow commands in the log, by `GITHUB_OUTPUT` and by `GITHUB_STEP_SUMMARY`, in both kinds of step; secrets are
//! masked in the action alone (see `masks`). Of the environment's name no variable tells: it is `-e` or an input.

mod commands;
mod files;
mod inputs;
mod masks;
mod outputs;
mod telling;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::ids::Release;
use crate::model::surroundings::Surroundings;
use crate::platform::{Call, Env, Identity, Platform, hostname, set};
use crate::report::{Options, Report};
use telling::{Step, Telling};

/// A job.
pub(super) struct GithubActions;

impl Platform for GithubActions {
    fn name(&self) -> &'static str {
        "github-actions"
    }

    fn recognise(&self, env: Env<'_>) -> bool {
        set(env, "GITHUB_ACTIONS").is_some_and(|value| value == "true")
    }

    fn identify(&self, env: Env<'_>) -> Identity {
        let repository = set(env, "GITHUB_REPOSITORY");
        let job = set(env, "GITHUB_JOB");
        let name = repository.as_ref().zip(job).map(|(repository, job)| format!("{repository}/{job}"));
        Identity {
            platform: self.name(),
            participant_names: name.into_iter().collect(),
            release: release(env),
            release_hint: None,
            url: url(env),
            default_timeout: Duration::from_secs(30 * 60),
            limit: None,
            host: set(env, "RUNNER_NAME").unwrap_or_else(hostname),
            must_designate: false,
        }
    }

    fn surroundings(&self, env: Env<'_>) -> Surroundings {
        if inputs::given(env) {
            return Surroundings::GithubAction { action: action(env) };
        }
        // where the runner mounts the workspace for a job's container, and for an action's
        let mounted = |path: String| path.starts_with("/__w/") || path.starts_with("/github/");
        Surroundings::GithubStep { in_container: set(env, "GITHUB_WORKSPACE").is_some_and(mounted) }
    }

    fn variable(&self, env: Env<'_>, name: &str) -> Option<String> {
        inputs::variable(env, name)
    }

    fn call(&self, env: Env<'_>, args: Vec<OsString>) -> Result<Call, String> {
        inputs::call(env, args)
    }

    fn begin(&self, env: Env<'_>) {
        if inputs::given(env) {
            masks::write(&masks::of_environment(env));
        }
    }

    fn report(&self, env: Env<'_>, verb: &str, options: Options, inner: Arc<dyn Report>) -> Arc<dyn Report> {
        // the outer process tells the runner, and has put a fence round us
        if inputs::inside_our_command(env) {
            return inner;
        }
        let path = |name| set(env, name).map(PathBuf::from);
        let step = Step {
            is_action: inputs::given(env),
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
            workspace: path("GITHUB_WORKSPACE"),
        };
        let masked = if step.is_action { masks::of_environment(env) } else { BTreeSet::new() };
        Arc::new(Telling::new(inner, step, masked, verb, options))
    }
}

/// As workflows name it; none where it is a folder of the workflow's own.
fn action(env: Env<'_>) -> Option<String> {
    let repository = set(env, "GITHUB_ACTION_REPOSITORY")?;
    Some(match set(env, "GITHUB_ACTION_REF") {
        Some(version) => format!("{repository}@{version}"),
        None => repository,
    })
}

/// On `pull_request` events `GITHUB_SHA` is a merge commit of GitHub's own that no other participant knows; the head
/// commit stands in the event.
fn release(env: Env<'_>) -> Option<(Release, String)> {
    let of_pull_request =
        set(env, "GITHUB_EVENT_NAME").is_some_and(|event| event.starts_with("pull_request"));
    if of_pull_request && let Some(head) = head_of_pull_request(env) {
        return Some((Release(head), "head commit of the pull request".to_owned()));
    }
    let commit = set(env, "GITHUB_SHA")?;
    let reason = if of_pull_request {
        "GITHUB_SHA; the event does not tell the pull request's head"
    } else {
        "GITHUB_SHA"
    };
    Some((Release(commit), reason.to_owned()))
}

fn head_of_pull_request(env: Env<'_>) -> Option<String> {
    let event = std::fs::read(set(env, "GITHUB_EVENT_PATH")?).ok()?;
    let event: serde_json::Value = serde_json::from_slice(&event).ok()?;
    let head = event.pointer("/pull_request/head/sha")?.as_str()?;
    (!head.is_empty()).then(|| head.to_owned())
}

fn url(env: Env<'_>) -> Option<String> {
    let server = set(env, "GITHUB_SERVER_URL")?;
    let repository = set(env, "GITHUB_REPOSITORY")?;
    let run = set(env, "GITHUB_RUN_ID")?;
    let attempt = set(env, "GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
    Some(format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn job(extra: &[(&str, &str)]) -> Identity {
        let mut variables = HashMap::from([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_JOB", "migrate"),
            ("GITHUB_SHA", "merge1"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_RUN_ID", "77"),
            ("GITHUB_RUN_ATTEMPT", "2"),
        ]);
        variables.extend(extra.iter().copied());
        GithubActions.identify(&|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn a_job_is_known_by_repository_and_job_and_links_to_its_attempt() {
        let identity = job(&[]);
        assert_eq!(identity.participant_names, ["acme/shop/migrate"]);
        assert_eq!(identity.release, Some(("merge1".into(), "GITHUB_SHA".to_owned())));
        assert_eq!(
            identity.url.as_deref(),
            Some("https://github.example/acme/shop/actions/runs/77/attempts/2")
        );
    }

    #[test]
    fn a_pull_request_releases_its_head_commit() {
        let folder = tempfile::tempdir().unwrap();
        let event = folder.path().join("event.json");
        std::fs::write(&event, r#"{"pull_request": {"head": {"sha": "head1"}}}"#).unwrap();
        let path = event.to_str().unwrap();
        let release = |event_name| {
            job(&[("GITHUB_EVENT_NAME", event_name), ("GITHUB_EVENT_PATH", path)]).release.unwrap().0
        };
        assert_eq!(release("pull_request"), "head1".into());
        assert_eq!(release("push"), "merge1".into());
        std::fs::write(&event, "{").unwrap();
        assert_eq!(release("pull_request"), "merge1".into());
    }
}
