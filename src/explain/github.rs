//! GitHub's Deployments: what is missing to read or write them.

use super::{span, stays_applied, told};
use crate::error::{Asking, GithubError};
use crate::model::event::Explained;
use crate::model::ids::Version;
use crate::status::rest::Failure;

pub fn github(error: &GithubError) -> Explained {
    let hints = match error {
        GithubError::NoRepository => {
            vec!["say so with `github: { repository: owner/name }`; a job of GitHub Actions knows its own".to_owned()]
        }
        GithubError::BadRepository { .. } => {
            vec!["unset GITHUB_REPOSITORY, or say `github: { repository: owner/name }`".to_owned()]
        }
        GithubError::NoToken { repository, asking, in_actions } => no_token(repository, *asking, *in_actions),
        GithubError::BadToken => vec![
            "it comes from BELLWETHER_GITHUB_TOKEN or GITHUB_TOKEN, and is not shown; was a whole line or a file's name pasted?"
                .to_owned(),
        ],
        GithubError::BadApi { .. } => vec![
            "of an Enterprise server it is like https://github.example.com/api/v3; unset, it is GitHub's own"
                .to_owned(),
        ],
        GithubError::NoRoots => vec![
            "install the system's certificates (ca-certificates), or say with SSL_CERT_FILE where they are".to_owned(),
        ],
        GithubError::Foreign { .. } => vec![
            "two repositories have no commit in common: give leader and followers the same --release, such as a version or a date"
                .to_owned(),
            "or leave `github.repository` out where leader and followers are jobs of one repository".to_owned(),
        ],
        GithubError::Refused { repository, asking, failure, applied } => {
            return refused(repository, *asking, failure, applied);
        }
    };
    told(error.to_string(), vec![], hints)
}

fn permission(asking: Asking) -> &'static str {
    match asking {
        Asking::Reading => "deployments: read",
        Asking::Writing => "deployments: write",
    }
}

fn no_token(repository: &str, asking: Asking, in_actions: bool) -> Vec<String> {
    let permission = permission(asking);
    match in_actions {
        true => vec![
            format!(
                "give the job `permissions: {{ {permission} }}`, and the step `env: {{ GITHUB_TOKEN: ${{{{ github.token }}}} }}`"
            ),
            format!(
                "a job of another repository than {repository} needs a GitHub App's token: its own reaches only its own repository"
            ),
        ],
        false => vec![format!(
            "set BELLWETHER_GITHUB_TOKEN or GITHUB_TOKEN to a token that has `{permission}` on {repository}: a GitHub App's, or a fine-grained one"
        )],
    }
}

fn refused(repository: &str, asking: Asking, failure: &Failure, applied: &[Version]) -> Explained {
    let what = match asking {
        Asking::Reading => "read",
        Asking::Writing => "write",
    };
    let why = match failure {
        Failure::Unreachable { .. } | Failure::Unavailable { .. } => "GitHub gives no answer",
        Failure::RateLimited { .. } => "GitHub has had too many requests with this token",
        Failure::Unauthorized { .. } => "GitHub does not know the token",
        Failure::Forbidden { .. } => "GitHub forbids it",
        Failure::NotFound => "GitHub shows this token no such repository",
        Failure::Merged { .. } | Failure::Conflict { .. } | Failure::Unprocessable { .. } => {
            "GitHub refuses it"
        }
        Failure::Odd { .. } => "GitHub's answer is not understood",
    };
    let mut causes: Vec<String> = match failure {
        Failure::RateLimited { wait } => {
            Some(format!("it wants to be left alone for {}, which is longer than our time", span(*wait)))
        }
        Failure::Unauthorized { message }
        | Failure::Forbidden { message }
        | Failure::Merged { message }
        | Failure::Conflict { message }
        | Failure::Unprocessable { message } => Some(format!("it says: {message}")),
        Failure::NotFound => None,
        Failure::Unreachable { .. } | Failure::Unavailable { .. } | Failure::Odd { .. } => {
            Some(failure.to_string())
        }
    }
    .into_iter()
    .collect();
    if !applied.is_empty() {
        causes.push(stays_applied(applied).replace("applied before and", "applied, recorded and"));
    }
    told(
        format!("cannot {what} the deployments of {repository}: {why}"),
        causes,
        refused_hints(repository, asking, failure),
    )
}

fn refused_hints(repository: &str, asking: Asking, failure: &Failure) -> Vec<String> {
    let permission = permission(asking);
    match failure {
        Failure::Unreachable { .. } | Failure::Unavailable { .. } => vec![
            "www.githubstatus.com says how it fares; from here, is there a way out to it? GITHUB_API_URL says where it is"
                .to_owned(),
        ],
        Failure::RateLimited { .. } => vec![
            "a job's own token may ask 1,000 times an hour for its whole repository; a GitHub App's token has more".to_owned(),
        ],
        Failure::Unauthorized { .. } => vec![
            format!("has it expired? A job's token ends with its job; a new one needs `{permission}` on {repository}"),
        ],
        Failure::Forbidden { .. } => vec![
            format!("the token needs `{permission}` on {repository}: in a workflow `permissions: {{ {permission} }}` of the job"),
            "workflows of forks get tokens that only read, whatever they ask for".to_owned(),
        ],
        Failure::NotFound => vec![
            format!("is it spelt {repository}? A private repository also looks like this without `{permission}`"),
            "a job's own token reaches only its own repository: for another one, take a GitHub App's".to_owned(),
        ],
        Failure::Merged { .. } | Failure::Conflict { .. } => vec![
            "bellwether asks for neither merges nor green checks; is a rule of the repository in the way?".to_owned(),
        ],
        Failure::Unprocessable { .. } => vec![
            format!("a deployment stands at a commit: is the release a commit, tag or branch of {repository}?"),
        ],
        Failure::Odd { .. } => vec!["is GITHUB_API_URL the address of GitHub's API, and not of a page or a proxy?".to_owned()],
    }
}
