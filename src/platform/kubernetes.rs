//! A pod. Its workload's name cannot be told from its own (`web-7d4b9c6f5-x2x1z` may be anything), so only the
//! manifest's `BELLWETHER_WORKLOAD`, filled by the downward API, says it.

mod reason;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::platform::{Env, Identity, Platform, hostname, set};
use crate::report::{Options, Report};
use reason::Reason;

/// Where Kubernetes looks for the reason, unless the manifest's `terminationMessagePath` says otherwise; then
/// `BELLWETHER_TERMINATION_LOG` has to say the same.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// What a container is started for. Other verbs are people's, beside an application whose log this is.
const DEPLOYS: [&str; 3] = ["deploy", "lead", "follow"];

/// Where a pod finds its service account's token, unless the manifest wants none.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A pod, by the service's variables or else by what is mounted.
pub(super) struct Kubernetes {
    service_account: &'static str,
}

/// As Kubernetes makes pods.
pub(super) const POD: Kubernetes = Kubernetes { service_account: SERVICE_ACCOUNT };

impl Platform for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn recognise(&self, env: Env<'_>) -> bool {
        set(env, "KUBERNETES_SERVICE_HOST").is_some() || Path::new(self.service_account).is_dir()
    }

    fn identify(&self, env: Env<'_>) -> Identity {
        let pod = set(env, "POD_NAME").or_else(|| set(env, "HOSTNAME"));
        Identity {
            platform: self.name(),
            participant_names: pod.iter().cloned().chain(set(env, "BELLWETHER_WORKLOAD")).collect(),
            release: None,
            release_hint: None,
            url: None,
            // a rollout counts as stuck after 600 s; a failed init container is started again
            default_timeout: Duration::from_secs(8 * 60),
            limit: None,
            host: pod.unwrap_or_else(hostname),
            must_designate: false,
        }
    }

    fn report(&self, env: Env<'_>, verb: &str, _: Options, inner: Arc<dyn Report>) -> Arc<dyn Report> {
        if !DEPLOYS.contains(&verb) {
            return inner;
        }
        let file = set(env, "BELLWETHER_TERMINATION_LOG").unwrap_or_else(|| TERMINATION_LOG.to_owned());
        Arc::new(Reason::new(inner, PathBuf::from(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_goes_by_its_own_name_and_then_by_what_the_manifest_says() {
        let identity = POD.identify(&|name| match name {
            "HOSTNAME" => Some("web-7d4b9c6f5-x2x1z".to_owned()),
            "BELLWETHER_WORKLOAD" => Some("web".to_owned()),
            _ => None,
        });
        assert_eq!(identity.participant_names, ["web-7d4b9c6f5-x2x1z", "web"]);
        assert_eq!(identity.host, "web-7d4b9c6f5-x2x1z");
        let identity = POD.identify(&|name| match name {
            "HOSTNAME" => Some("node-3".to_owned()),
            "POD_NAME" => Some("db-0".to_owned()),
            _ => None,
        });
        assert_eq!(identity.participant_names, ["db-0"]);
    }

    #[test]
    fn a_pod_whose_environment_was_scrubbed_is_known_by_its_mount() {
        let mounted = Kubernetes { service_account: env!("CARGO_MANIFEST_DIR") };
        assert!(mounted.recognise(&|_| None));
        let elsewhere = Kubernetes { service_account: "/nowhere/serviceaccount" };
        assert!(!elsewhere.recognise(&|_| None));
        assert!(
            elsewhere.recognise(&|name| (name == "KUBERNETES_SERVICE_HOST").then(|| "10.0.0.1".to_owned()))
        );
        assert!(!elsewhere.recognise(&|_| Some(String::new())));
    }
}
