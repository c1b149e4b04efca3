//! Files that do not come.

use std::time::Duration;

use bellwether::error::Error;
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
    ]
}
