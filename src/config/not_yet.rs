//! What the config's shape has and this version does not do. A later version deletes lines here, and nothing else.

/// Keys of an environment, each with the values that already mean what they say.
pub(super) const KEYS: &[(&str, &[&str])] = &[
    ("format", &["auto", "sqlx"]),
    ("follow.source", &["ledger", "github", "command"]),
    ("follow.needs", &[]),
    ("heroku.app", &[]),
];

/// Formats that later versions read; any other name is simply unknown.
pub(super) const LATER_FORMATS: &[&str] = &[
    "dbmate",
    "golang-migrate",
    "goose",
    "flyway",
    "refinery",
    "rails",
    "django",
    "alembic",
    "prisma",
    "liquibase",
    "atlas",
    "efcore",
    "node-pg-migrate",
    "knex",
];

/// Whether a key may have a value in this version.
pub(super) fn may_be(key: &str, value: &str) -> bool {
    KEYS.iter().find(|(name, _)| *name == key).is_none_or(|(_, fine)| fine.contains(&value))
}
