//! A Heroku dyno, as in the release phase. App name and commit are there only with the labs features
//! `runtime-dyno-metadata` and `runtime-dyno-build-metadata`.

use std::time::Duration;

use crate::model::ids::Release;
use crate::platform::{Env, Identity, Platform, hostname, set};

/// A dyno.
pub(super) struct Heroku;

impl Platform for Heroku {
    fn name(&self) -> &'static str {
        "heroku"
    }

    fn recognise(&self, env: Env<'_>) -> bool {
        set(env, "DYNO").is_some()
    }

    fn identify(&self, env: Env<'_>) -> Identity {
        // the slug's commit may be stale after a promotion, so the build's comes first
        let release = ["HEROKU_BUILD_COMMIT", "HEROKU_SLUG_COMMIT"]
            .into_iter()
            .find_map(|name| set(env, name).map(|commit| (Release(commit), name.to_owned())));
        let dyno = set(env, "DYNO");
        let release_hint = release.is_none().then_some(NO_COMMIT);
        let releases = dyno.as_deref().is_some_and(in_release_phase);
        Identity {
            platform: self.name(),
            participant_names: set(env, "HEROKU_APP_NAME").into_iter().collect(),
            release,
            release_hint,
            url: None,
            default_timeout: Duration::from_secs(50 * 60),
            limit: releases.then_some(RELEASE_PHASE - GRACE - Duration::from_secs(60)),
            host: host(dyno, set(env, "HEROKU_RELEASE_VERSION")),
            must_designate: true,
        }
    }
}

/// Both features are needed: without the first a follower is not known by its app's name.
const NO_COMMIT: &str = "Heroku tells an app its commit after `heroku labs:enable runtime-dyno-metadata` and `heroku labs:enable runtime-dyno-build-metadata`, from the next deploy on";

/// The dyno, and of which release: `release.4711 of v42`.
fn host(dyno: Option<String>, version: Option<String>) -> String {
    let dyno = dyno.unwrap_or_else(hostname);
    match version {
        Some(version) => format!("{dyno} of {version}"),
        None => dyno,
    }
}

/// After which Heroku ends a release phase; a one-off dyno may take a day.
const RELEASE_PHASE: Duration = Duration::from_secs(60 * 60);
/// Between its SIGTERM and its SIGKILL.
const GRACE: Duration = Duration::from_secs(30);

/// `release.4711`, or on Fir `release-` and letters.
fn in_release_phase(dyno: &str) -> bool {
    dyno.strip_prefix("release").is_some_and(|rest| rest.starts_with(['.', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dyno_without_labs_features_has_no_name_and_no_commit() {
        let identity = Heroku.identify(&|name| (name == "DYNO").then(|| "release.1".to_owned()));
        assert_eq!((identity.participant_names, identity.release), (vec![], None));
        assert_eq!(identity.host, "release.1");
        assert!(identity.release_hint.is_some_and(|hint| hint.contains("runtime-dyno-build-metadata")));
    }

    #[test]
    fn the_limit_is_that_of_the_release_phase_alone() {
        let limit = |dyno: &str| Heroku.identify(&|name| (name == "DYNO").then(|| dyno.to_owned())).limit;
        for dyno in ["release.4711", "release-5f7d9c-x2x1z"] {
            assert_eq!(limit(dyno), Some(Duration::from_secs(3510)), "{dyno}");
        }
        for dyno in ["run.4711", "web.1", "released.1", "release"] {
            assert_eq!(limit(dyno), None, "{dyno}");
        }
    }

    #[test]
    fn the_commit_of_the_build_comes_before_that_of_the_slug() {
        let identity = Heroku.identify(&|name| match name {
            "HEROKU_APP_NAME" => Some("shop-web".to_owned()),
            "HEROKU_BUILD_COMMIT" => Some("b1".to_owned()),
            "HEROKU_SLUG_COMMIT" => Some("c1".to_owned()),
            "DYNO" => Some("release.4711".to_owned()),
            "HEROKU_RELEASE_VERSION" => Some("v42".to_owned()),
            _ => None,
        });
        assert_eq!((identity.host.as_str(), identity.release_hint), ("release.4711 of v42", None));
        assert_eq!(identity.participant_names, ["shop-web"]);
        assert_eq!(identity.release, Some(("b1".into(), "HEROKU_BUILD_COMMIT".to_owned())));
        let identity = Heroku.identify(&|name| match name {
            "HEROKU_BUILD_COMMIT" => Some(String::new()),
            "HEROKU_SLUG_COMMIT" => Some("c1".to_owned()),
            _ => None,
        });
        assert_eq!(identity.release, Some(("c1".into(), "HEROKU_SLUG_COMMIT".to_owned())));
    }
}
