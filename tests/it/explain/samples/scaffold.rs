//! One sample of each way in which `init` or `new` writes nothing.

use std::time::Duration;

use bellwether::error::ScaffoldError;
use bellwether::model::scaffold::Addition;

pub fn scaffold_samples() -> Vec<ScaffoldError> {
    vec![
        ScaffoldError::AlreadyThere { files: vec!["bellwether.yml".into()] },
        ScaffoldError::AlreadyThere {
            files: vec!["bellwether.yml".into(), "bellwether-init-container.yaml".into()],
        },
        ScaffoldError::NothingHere { folder: "this folder".into(), rejected: Vec::new(), others: Vec::new() },
        ScaffoldError::NothingHere {
            folder: "services/shop".into(),
            rejected: vec!["services/shop/migrations: schema.rb is none".into()],
            others: Vec::new(),
        },
        ScaffoldError::NothingHere {
            folder: "this folder".into(),
            rejected: Vec::new(),
            others: vec!["package.json has sequelize: Sequelize".into()],
        },
        ScaffoldError::SeveralFolders { folders: vec!["migrations".into(), "db/migrations".into()] },
        ScaffoldError::BadName { name: "../users".into(), why: "it has a slash" },
        ScaffoldError::OwnTool {
            tool: "rails".into(),
            command: Some("bin/rails generate migration add_users".into()),
        },
        ScaffoldError::OwnTool { tool: "liquibase".into(), command: None },
        ScaffoldError::ByHand {
            format: "liquibase",
            add: Addition {
                path: "db/changelog/changelog.sql".into(),
                place: "at its end".into(),
                text: "--changeset ann:3\n--comment: add e-mail\n\n".into(),
            },
        },
        ScaffoldError::NoNext {
            format: "sqlx",
            folder: "db/migrations".into(),
            why: "no version is after 9223372036854775807".into(),
        },
        ScaffoldError::Busy { folder: "db/migrations".into(), waited: Duration::from_secs(10) },
    ]
}
