//! Where we run: what that place says of us, how its users call us, and what it wants to be told beside our own output.
//! One file per platform, one line each in [`PLATFORMS`].

mod fly;
mod github_actions;
mod heroku;
mod kubernetes;
mod plain;
mod render;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::ids::{Participant, Release};
use crate::model::surroundings::Surroundings;
use crate::report::{Options, Report};

/// The process's environment: a variable's value, none if it is not set. Empty values are the asker's to judge.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One place where deploys run.
pub trait Platform: Sync {
    /// As runs record it.
    fn name(&self) -> &'static str;

    /// Whether we run there, by its own variables alone.
    fn recognise(&self, env: Env<'_>) -> bool;

    /// What it says of us. Never guesses: what it does not say is left out.
    fn identify(&self, env: Env<'_>) -> Identity;

    /// What of this place changes the advice that we give.
    fn surroundings(&self, _env: Env<'_>) -> Surroundings {
        Surroundings::Elsewhere
    }

    /// A variable as its user gave it here: some places have another way to say what `BELLWETHER_*` says.
    fn variable(&self, env: Env<'_>, name: &str) -> Option<String> {
        env(name)
    }

    /// The command line, where it may be given in another way than by arguments; the error is one for its user.
    fn call(&self, _env: Env<'_>, args: Vec<OsString>) -> Result<Call, String> {
        Ok(Call { args, folder: None })
    }

    /// Called once, before anything is said: whoever reads along learns what must not be shown.
    fn begin(&self, _env: Env<'_>) {}

    /// The reporter for an action of ours: `inner`, or one that tells this place too, and passes everything on.
    fn report(
        &self,
        _env: Env<'_>,
        _verb: &str,
        _options: Options,
        inner: Arc<dyn Report>,
    ) -> Arc<dyn Report> {
        inner
    }
}

/// How we were called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The program's name, then its arguments.
    pub args: Vec<OsString>,
    /// Where to do it; none = where we are.
    pub folder: Option<PathBuf>,
}

/// What a platform says of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// [`Platform::name`].
    pub platform: &'static str,
    /// The names by which a config may mean us, best first; empty = unknown.
    pub participant_names: Vec<String>,
    /// The commit that is being deployed, and what says so.
    pub release: Option<(Release, String)>,
    /// Where it does not say the commit: what makes it do so, for people.
    pub release_hint: Option<&'static str>,
    /// A page that shows us at work.
    pub url: Option<String>,
    /// The budget, where the user gives none.
    pub default_timeout: Duration,
    /// The budget at most, whatever the user gives: the place's own limit less its grace and a minute, so that we end
    /// before it ends us. None = it has none, or does not say.
    pub limit: Option<Duration>,
    /// The machine, dyno or pod.
    pub host: String,
    /// Whether somebody must say who leads: here an elect may not be who can migrate.
    pub must_designate: bool,
}

impl Identity {
    /// How long we may take in all, of what the user gives.
    pub fn budget(&self, given: Option<Duration>) -> Duration {
        let wanted = given.unwrap_or(self.default_timeout);
        self.limit.map_or(wanted, |limit| wanted.min(limit))
    }

    /// What runs and messages call us: what the user says, else the platform, else the host. For people only: who is
    /// meant by a config is decided in `plan::role`.
    pub fn display_name(&self, given: Option<&Participant>) -> Participant {
        match (given, self.participant_names.first()) {
            (Some(given), _) => given.clone(),
            (None, Some(name)) => Participant(name.clone()),
            (None, None) => Participant(self.host.clone()),
        }
    }
}

/// Every platform, in the order in which they are asked: a GitHub runner may itself be a pod. The last one fits
/// everywhere.
pub const PLATFORMS: &[&dyn Platform] = &[
    &github_actions::GithubActions,
    &heroku::Heroku,
    &fly::Fly,
    &render::Render,
    &kubernetes::POD,
    &plain::Plain,
];

/// Where we run.
pub fn here(env: Env<'_>) -> &'static dyn Platform {
    PLATFORMS.iter().copied().find(|platform| platform.recognise(env)).unwrap_or(&plain::Plain)
}

/// What the place where we run says of us.
pub fn identify(env: Env<'_>) -> Identity {
    here(env).identify(env)
}

/// The person who runs this, for the ledger: what the platform says, else the user's name.
pub fn person(env: Env<'_>) -> String {
    let named = ["GITHUB_ACTOR", "SUDO_USER"].into_iter().find_map(|name| set(env, name));
    let uid = nix::unistd::getuid();
    let known = || nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    let said = || ["USER", "LOGNAME"].into_iter().find_map(|name| set(env, name));
    let person = named.or_else(known).or_else(said).unwrap_or_else(|| format!("uid {uid}"));
    person.chars().take(100).collect()
}

/// A variable that is set to something.
fn set(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.trim().is_empty())
}

/// This machine's name as the kernel has it.
fn hostname() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown-host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(variables: &[(&str, &str)]) -> Identity {
        identify(&|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn each_platform_is_recognised_by_its_own_variable() {
        for (variables, name, minutes) in [
            (&[][..], "plain", 30),
            (&[("GITHUB_ACTIONS", "true")], "github-actions", 30),
            (&[("DYNO", "release.1234")], "heroku", 50),
            (&[("FLY_APP_NAME", "shop-web"), ("RELEASE_COMMAND", "1")], "fly", 4),
            (&[("FLY_APP_NAME", "shop-web")], "fly", 30),
            (&[("RENDER", "true")], "render", 25),
            // Render's own machines are pods
            (&[("RENDER", "true"), ("KUBERNETES_SERVICE_HOST", "10.0.0.1")], "render", 25),
            (&[("KUBERNETES_SERVICE_HOST", "10.0.0.1")], "kubernetes", 8),
            (&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("GITHUB_ACTIONS", "true")], "github-actions", 30),
            (&[("DYNO", "")], "plain", 30),
        ] {
            let identity = identity(variables);
            assert_eq!(identity.platform, name);
            assert_eq!(identity.default_timeout, Duration::from_secs(minutes * 60));
            assert_eq!(identity.must_designate, name == "heroku");
            assert!(!identity.host.is_empty());
        }
    }

    #[test]
    fn a_place_that_ends_us_leaves_less_than_the_user_gives() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let release_phase = identity(&[("DYNO", "release.4711")]);
        assert_eq!(release_phase.budget(None), minutes(50));
        assert_eq!(release_phase.budget(Some(minutes(5))), minutes(5));
        // an hour, less 30 s between its signals and a minute
        assert_eq!(release_phase.budget(Some(minutes(120))), Duration::from_secs(58 * 60 + 30));
        assert_eq!(identity(&[]).budget(Some(minutes(120))), minutes(120));
    }

    #[test]
    fn a_host_is_a_name_for_people_and_no_identity() {
        let identity = identity(&[]);
        assert!(identity.participant_names.is_empty());
        assert_eq!(identity.display_name(None).0, identity.host);
        assert_eq!(identity.display_name(Some(&"web".into())), "web".into());
    }

    #[test]
    fn names_differ() {
        for (i, one) in PLATFORMS.iter().enumerate() {
            assert!(PLATFORMS[i + 1..].iter().all(|other| other.name() != one.name()));
        }
    }
}
