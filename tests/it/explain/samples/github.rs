//! What keeps us from GitHub's Deployments.

use std::time::Duration;

use bellwether::error::{Asking, GithubError};
use bellwether::status::rest::Failure;

fn refused(asking: Asking, failure: Failure) -> GithubError {
    GithubError::Refused { repository: "acme/shop".into(), asking, failure, applied: vec![] }
}

pub fn github_samples() -> Vec<GithubError> {
    let no_token =
        |asking, in_actions| GithubError::NoToken { repository: "acme/shop".into(), asking, in_actions };
    let message = |text: &str| text.to_owned();
    let (read, write) = (Asking::Reading, Asking::Writing);
    vec![
        GithubError::NoRepository,
        GithubError::BadRepository { text: "shop".into() },
        no_token(read, true),
        no_token(write, false),
        GithubError::BadToken,
        GithubError::BadApi { url: "github.example/api".into() },
        GithubError::NoRoots,
        GithubError::Foreign {
            repository: "acme/shop".into(),
            ours: "acme/worker".into(),
            release: "4f2c1d9ab0c1d2e3f405162738495a6b7c8d9e0f".into(),
        },
        refused(read, Failure::Unreachable { reason: message("Connection refused (os error 111)") }),
        refused(read, Failure::Unavailable { status: 502 }),
        refused(read, Failure::RateLimited { wait: Duration::from_secs(1800) }),
        refused(read, Failure::Unauthorized { message: message("Bad credentials") }),
        refused(write, Failure::Forbidden { message: message("Resource not accessible by integration") }),
        refused(read, Failure::NotFound),
        refused(write, Failure::Merged { message: message("Auto-merged main into topic on deployment.") }),
        refused(write, Failure::Conflict { message: message("Conflict merging main into topic") }),
        refused(write, Failure::Unprocessable { message: message("No ref found for: v42") }),
        refused(read, Failure::Odd { what: message("302") }),
        GithubError::Refused {
            repository: "acme/shop".into(),
            asking: write,
            failure: Failure::Unavailable { status: 503 },
            applied: vec!["20240301".into(), "20240302".into()],
        },
    ]
}
