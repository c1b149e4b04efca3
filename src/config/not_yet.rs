//! What the config's shape has and this version does not do. A later version deletes lines here, and nothing else.

/// Keys of an environment, each with the values that already mean what they say.
pub(super) const KEYS: &[(&str, &[&str])] =
    &[("follow.source", &["ledger", "github", "heroku", "command"]), ("follow.needs", &[])];

/// Whether a key may have a value in this version.
pub(super) fn may_be(key: &str, value: &str) -> bool {
    KEYS.iter().find(|(name, _)| *name == key).is_none_or(|(_, fine)| fine.contains(&value))
}
