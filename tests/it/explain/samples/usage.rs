//! Everything wrong with usage.

use std::path::Path;

use bellwether::database::url::{StringForm, UrlError};
use bellwether::formats::FormatError;
use bellwether::model::choice::FollowSource;
use bellwether::model::run::Role;
use bellwether::plan::PlanError;

use super::denied;

pub fn plan_samples() -> Vec<PlanError> {
    vec![
        PlanError::NameUnknown { leader: "shop-web".into(), platform: "heroku".into() },
        PlanError::NotDesignated { platform: "heroku".into() },
        PlanError::NothingToLeadWith { role: Role::Elect, reason: "nothing says otherwise".into() },
        PlanError::NothingToLookFor { needs: Some("20240301".into()), empty: None },
        PlanError::NothingToLookFor { needs: None, empty: None },
        PlanError::NothingToLookFor { needs: None, empty: Some("db/migrations".into()) },
        PlanError::NeedNotUnderstood {
            needs: "0002_users".into(),
            format: "django",
            why: "expected an app and a name, like `shop.0002_users`".into(),
        },
        PlanError::OnlyChecked {
            format: "flyway",
            role: Role::Lead,
            reason: "RUN_MIGRATIONS is \"true\"".into(),
        },
        PlanError::OnlyFollows {
            of: FollowSource::Command,
            role: Role::Lead,
            reason: "RUN_MIGRATIONS is \"true\"".into(),
        },
        PlanError::OnlyFollows {
            of: FollowSource::Github,
            role: Role::Elect,
            reason: "nothing says who leads, so whoever gets the lock first does".into(),
        },
        PlanError::NoRelease { platform: "plain".into(), bundle: "no migrations".into(), hint: None },
        PlanError::NoRelease {
            bundle: "none of the migrations can be read".into(),
            platform: "heroku".into(),
            hint: Some("Heroku tells it after `heroku labs:enable`"),
        },
    ]
}

pub fn format_samples() -> Vec<FormatError> {
    let file = |name: &str| Path::new("db/migrations").join(name);
    vec![
        FormatError::Unsupported {
            path: "db/migrations/3_orders.sql".into(),
            line: Some(7),
            what: "a second `-- migrate:up` block".into(),
        },
        FormatError::NoFolder { folder: "db/migrations".into() },
        FormatError::Unreadable { path: file("1_a.sql"), source: denied() },
        FormatError::NotUtf8 { path: file("1_a.sql"), at: 17 },
        FormatError::NotUtf8 { path: file("2_utf_16.sql"), at: 0 },
        FormatError::SameVersion { version: "1".into(), first: file("1_a.sql"), second: file("01_b.sql") },
        FormatError::BadName {
            path: file("schema.sql"),
            expected: "expected `<digits>_<description>.sql`".into(),
        },
        FormatError::NoDriver { format: "dbmate", server: "SQL Server".into() },
        FormatError::UnknownFormat { name: "sequel".into(), known: vec!["sqlx"] },
        FormatError::NoneFits {
            folder: "db".into(),
            found: "its subfolder migrations does, and only the folder itself is read".into(),
        },
        FormatError::NotRead {
            folder: "drizzle".into(),
            tool: "Drizzle",
            reason: "it has a meta/_journal.json".into(),
        },
        FormatError::Ambiguous {
            folder: "db/migrations".into(),
            candidates: vec![
                "sqlx (1_a.sql is named as sqlx does it)".into(),
                "dbmate (db/schema.sql)".into(),
            ],
        },
    ]
}

pub fn url_samples() -> Vec<UrlError> {
    vec![
        UrlError::Empty,
        UrlError::NoScheme,
        UrlError::UnknownScheme { scheme: "oracle".into() },
        UrlError::NoSlashes { scheme: "postgres" },
        UrlError::Unclear,
        UrlError::BadHost,
        UrlError::BadPort,
        UrlError::StringUnclear { form: StringForm::Ado },
        UrlError::StringUnclear { form: StringForm::Jdbc },
        UrlError::StringHost { form: StringForm::Odbc },
        UrlError::StringHost { form: StringForm::Jdbc },
        UrlError::StringPort { form: StringForm::Ado },
        UrlError::ManyHosts,
        UrlError::BadEncoding { part: "password" },
        UrlError::BadParameter { name: "sslmode".into(), expected: "disable, prefer or require" },
        UrlError::BadVariable { name: "PGPORT", expected: "a number from 1 to 65535" },
        UrlError::Memory,
        UrlError::NoFile,
    ]
}
