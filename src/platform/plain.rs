//! A shell, a CI system or a host that we know nothing of.

use std::time::Duration;

use crate::platform::{Env, Identity, Platform, hostname};

/// Anywhere else.
pub(super) struct Plain;

impl Platform for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn recognise(&self, _: Env<'_>) -> bool {
        true
    }

    fn identify(&self, _: Env<'_>) -> Identity {
        Identity {
            platform: self.name(),
            participant_names: Vec::new(),
            release: None,
            release_hint: None,
            url: None,
            default_timeout: Duration::from_secs(30 * 60),
            limit: None,
            host: hostname(),
            must_designate: false,
        }
    }
}
