//! From config and environment to a client of GitHub's Deployments, for those who read them and those who write them.

use std::sync::Arc;

use crate::app::invocation::Invocation;
use crate::config::Settings;
use crate::error::{Asking, Error, GithubError};
use crate::explain::explain;
use crate::job::deployments::Deployments;
use crate::model::choice;
use crate::model::event::Event;
use crate::model::ids::Release;
use crate::model::repository::Repository;
use crate::model::secret::Secret;
use crate::platform::Env;
use crate::status::github::client::{Client, DEFAULT_API};
use crate::status::rest::NoClient;

/// Where a token is looked for; the action's input is handed on in the first.
const TOKENS: [&str; 2] = ["BELLWETHER_GITHUB_TOKEN", "GITHUB_TOKEN"];

/// A client for the repository that config or platform names.
pub fn client(call: &Invocation<'_>, settings: &Settings, asking: Asking) -> Result<Client, GithubError> {
    let Invocation { request, env, identity, report, .. } = call;
    let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let repository = repository(settings, env)?;
    if let Some(ours) = foreign(&repository, env)
        && let Some((release, _)) = identity.release.as_ref().filter(|_| request.global.release.is_none())
    {
        let repository = repository.to_string();
        return Err(GithubError::Foreign { repository, ours, release: release.clone() });
    }
    let Some(token) = TOKENS.into_iter().find_map(set) else {
        let in_actions = set("GITHUB_ACTIONS").is_some();
        return Err(GithubError::NoToken { repository: repository.to_string(), asking, in_actions });
    };
    let token = Secret::new(token);
    report.conceal(&token);
    let api = set("GITHUB_API_URL").unwrap_or_else(|| DEFAULT_API.to_owned());
    Client::new(api.trim(), repository, &token).map_err(|no| match no {
        NoClient::BadUrl => GithubError::BadApi { url: crate::model::secret::without_passwords(&api) },
        NoClient::BadToken => GithubError::BadToken,
        NoClient::NoRoots => GithubError::NoRoots,
    })
}

fn repository(settings: &Settings, env: Env<'_>) -> Result<Repository, GithubError> {
    if let Some(named) = &settings.github.repository {
        return Ok(named.clone());
    }
    let ours = env("GITHUB_REPOSITORY").filter(|value| !value.trim().is_empty());
    let text = ours.ok_or(GithubError::NoRepository)?;
    text.trim().parse().map_err(|_| GithubError::BadRepository { text })
}

/// The repository whose job we are, if that is another one. GitHub's names know no case.
fn foreign(repository: &Repository, env: Env<'_>) -> Option<String> {
    let ours = env("GITHUB_REPOSITORY").filter(|value| !value.trim().is_empty())?;
    (!ours.trim().eq_ignore_ascii_case(&repository.to_string())).then_some(ours)
}

/// Where a leader tells of its run. What keeps it from that is an error only where it is required.
pub fn reported(
    call: &Invocation<'_>,
    settings: &Settings,
    release: Option<&Release>,
) -> Result<Option<Deployments>, Error> {
    let Invocation { env, identity, report, .. } = call;
    let required = match settings.github.deployments {
        choice::Deployments::Off => return Ok(None),
        choice::Deployments::On => false,
        choice::Deployments::Required => true,
    };
    let client = match client(call, settings, Asking::Writing) {
        Ok(client) => client,
        Err(error) if required => return Err(error.into()),
        Err(error) => {
            let explained = explain(&error.into());
            let hint = explained.hints.first().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let message = format!("no deployment will tell of this run: {}{hint}", explained.title);
            report.event(&Event::Warning { message });
            return Ok(None);
        }
    };
    // what is released may be called by a name of its own; the platform's commit is one in any case
    let commit = identity
        .release
        .as_ref()
        .map(|(commit, _)| commit)
        .filter(|_| foreign(client.repository(), env).is_none());
    let mut refs: Vec<String> = release.into_iter().chain(commit).map(|release| release.0.clone()).collect();
    refs.dedup();
    Ok(Some(Deployments::new(client, required, refs, Arc::clone(report))))
}
