//! Files that do not come, and one that is not what it should be.

use std::time::Duration;

use bellwether::database::{DbErrorKind, EngineName};
use bellwether::error::{Doing, Error};
use bellwether::model::run::Role;

pub fn file_samples() -> Vec<(&'static str, Error)> {
    let late = |role| {
        let (folder, budget) = ("db/migrations".into(), Duration::from_secs(1800));
        Error::FilesLate { folder, budget, role }
    };
    vec![
        ("a leader's files that do not come", late(Some(Role::Lead))),
        ("a follower's files that do not come", late(Some(Role::Follow))),
        ("files that do not come to one who only looks", late(None)),
        (
            "a file that is no database",
            Error::Database {
                doing: Doing::Looking,
                engine: EngineName::Sqlite,
                target: "/srv/shop.db".into(),
                error: super::server_says(DbErrorKind::Statement, "26", "file is not a database"),
            },
        ),
    ]
}
