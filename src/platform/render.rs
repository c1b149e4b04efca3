//! A service of Render, as for its pre-deploy command.

use std::time::Duration;

use crate::model::ids::Release;
use crate::platform::{Env, Identity, Platform, hostname, set};

/// A service.
pub(super) struct Render;

impl Platform for Render {
    fn name(&self) -> &'static str {
        "render"
    }

    fn recognise(&self, env: Env<'_>) -> bool {
        set(env, "RENDER").is_some_and(|value| value == "true")
    }

    fn identify(&self, env: Env<'_>) -> Identity {
        let commit = set(env, "RENDER_GIT_COMMIT");
        Identity {
            platform: self.name(),
            participant_names: set(env, "RENDER_SERVICE_NAME").into_iter().collect(),
            release: commit.map(|commit| (Release(commit), "RENDER_GIT_COMMIT".to_owned())),
            release_hint: None,
            url: None,
            // a pre-deploy command is ended after 30 minutes; nothing tells it from a service's own start
            default_timeout: Duration::from_secs(25 * 60),
            limit: None,
            host: set(env, "RENDER_INSTANCE_ID").unwrap_or_else(hostname),
            must_designate: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_name_and_commit() {
        let identity = Render.identify(&|name| match name {
            "RENDER_SERVICE_NAME" => Some("shop-web".to_owned()),
            "RENDER_GIT_COMMIT" => Some("4f2c1d9".to_owned()),
            _ => None,
        });
        assert_eq!(identity.participant_names, ["shop-web"]);
        assert_eq!(identity.release, Some(("4f2c1d9".into(), "RENDER_GIT_COMMIT".to_owned())));
        // an image of somebody else's has no commit
        assert_eq!(Render.identify(&|_| None).release, None);
    }
}
