//! A machine of Fly.io. Of its image Fly tells the name, which no other app has, and never the commit.

use std::time::Duration;

use crate::platform::{Env, Identity, Platform, hostname, set};

/// A machine, as for `release_command`.
pub(super) struct Fly;

impl Platform for Fly {
    fn name(&self) -> &'static str {
        "fly"
    }

    fn recognise(&self, env: Env<'_>) -> bool {
        set(env, "FLY_APP_NAME").is_some()
    }

    fn identify(&self, env: Env<'_>) -> Identity {
        // flyctl waits five minutes for a release command, unless `release_command_timeout` says otherwise
        let minutes = if set(env, "RELEASE_COMMAND").is_some() { 4 } else { 30 };
        Identity {
            platform: self.name(),
            participant_names: set(env, "FLY_APP_NAME").into_iter().collect(),
            release: None,
            release_hint: None,
            url: None,
            default_timeout: Duration::from_secs(minutes * 60),
            limit: None,
            host: set(env, "FLY_MACHINE_ID").unwrap_or_else(hostname),
            must_designate: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_has_its_name_and_no_release() {
        let identity = Fly.identify(&|name| match name {
            "FLY_APP_NAME" => Some("shop-web".to_owned()),
            "FLY_MACHINE_ID" => Some("148e21ea7ee389".to_owned()),
            "FLY_IMAGE_REF" => Some("registry.fly.io/shop-web:deployment-01HY".to_owned()),
            _ => None,
        });
        assert_eq!(identity.participant_names, ["shop-web"]);
        assert_eq!(identity.host, "148e21ea7ee389");
        assert_eq!(identity.release, None);
    }
}
