//! What is being released: the first source that says it, with the reason that `plan` prints.

use crate::model::ids::{Digest, Release};
use crate::plan::PlanError;

/// All that decides a release.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseInputs<'a> {
    /// `--release` or `BELLWETHER_RELEASE`.
    pub flag: Option<&'a Release>,
    /// What the platform says, and which of its variables does.
    pub platform_release: Option<&'a (Release, String)>,
    /// The platform's own name.
    pub platform: &'a str,
    /// What makes the platform say it, where it does not.
    pub hint: Option<&'static str>,
    /// The bundle's digest, or why there is none: `no migrations`.
    pub bundle: Result<&'a Digest, &'a str>,
    /// Why a follower can do without a release, if it can: it looks for migrations alone.
    pub needless: Option<&'static str>,
}

/// Decides; none only where it is needless.
///
/// # Errors
/// Nothing says what is being released.
pub fn release(inputs: &ReleaseInputs<'_>) -> Result<(Option<Release>, String), PlanError> {
    if let Some(release) = inputs.flag {
        return Ok((Some(release.clone()), "--release or BELLWETHER_RELEASE".to_owned()));
    }
    if let Some((release, source)) = inputs.platform_release {
        return Ok((Some(release.clone()), source.clone()));
    }
    if let Ok(digest) = inputs.bundle {
        let hint = inputs.hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        return Ok((Some(Release(digest.0.clone())), format!("the hash of our migrations{hint}")));
    }
    if let Some(reason) = inputs.needless {
        return Ok((None, reason.to_owned()));
    }
    Err(PlanError::NoRelease {
        platform: inputs.platform.to_owned(),
        bundle: inputs.bundle.err().unwrap_or_default().to_owned(),
        hint: inputs.hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_source_that_says_it_decides() {
        let flag = Release::from("given");
        let platform = (Release::from("commit"), "GITHUB_SHA".to_owned());
        let digest = Digest("d1".to_owned());
        let all = ReleaseInputs {
            flag: Some(&flag),
            platform_release: Some(&platform),
            platform: "github-actions",
            hint: None,
            bundle: Ok(&digest),
            needless: Some("follow.needs"),
        };
        let no_flag = ReleaseInputs { flag: None, ..all };
        let no_platform = ReleaseInputs { platform_release: None, ..no_flag };
        let no_bundle = ReleaseInputs { bundle: Err("no migrations"), ..no_platform };
        for (inputs, want, reason) in [
            (all, Some("given"), "--release or BELLWETHER_RELEASE"),
            (no_flag, Some("commit"), "GITHUB_SHA"),
            (no_platform, Some("d1"), "the hash of our migrations"),
            (no_bundle, None, "follow.needs"),
        ] {
            assert_eq!(release(&inputs), Ok((want.map(Release::from), reason.to_owned())));
        }
        let (_, reason) = release(&ReleaseInputs { hint: Some("do this"), ..no_platform }).unwrap();
        assert_eq!(reason, "the hash of our migrations: do this");
        assert_eq!(
            release(&ReleaseInputs { needless: None, ..no_bundle }),
            Err(PlanError::NoRelease {
                platform: "github-actions".to_owned(),
                bundle: "no migrations".to_owned(),
                hint: None
            })
        );
    }
}
