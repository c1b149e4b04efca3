//! One sample of each way in which an operator's command ends without success.

use bellwether::database::EngineName;
use bellwether::error::OperateError;

use super::PLACE;

const RUN: &str = "0d9f4f0e-1d2b-4c5a-8f5e-2a6b7c8d9e0f";

pub fn operate_samples() -> Vec<OperateError> {
    vec![
        OperateError::LedgerHalf {
            target: PLACE.into(),
            present: vec!["bellwether_lock", "bellwether_meta"],
            missing: vec!["bellwether_runs", "bellwether_steps"],
        },
        OperateError::NoSuchRun { prefix: "4f1c".into(), newest: vec![RUN.into()] },
        OperateError::NoSuchRun { prefix: "4f1c".into(), newest: Vec::new() },
        OperateError::AmbiguousRun { prefix: "0".into(), runs: vec![RUN.into(), "0a".into()] },
        OperateError::HolderAlive {
            lock_name: "default".into(),
            leader: Some("shop-web".into()),
            sign: "its signs of life went from 12 to 13".into(),
        },
        OperateError::ForeignHolder {
            lock_name: "default".into(),
            engine: EngineName::Postgres,
            session: Some("4711@1795228114123456".into()),
        },
        OperateError::ForeignHolder {
            lock_name: "default".into(),
            engine: EngineName::Postgres,
            session: None,
        },
        OperateError::NotConfirmed { asked: true, leader: "shop-web".into() },
        OperateError::NotConfirmed { asked: false, leader: "shop-web".into() },
        OperateError::NoMigrations,
        OperateError::UnknownVersion {
            version: "5".into(),
            folder: "db/migrations".into(),
            known: vec!["1 (0001_first.sql)".into(), "7 (add users, in the history alone)".into()],
        },
        OperateError::UnknownVersion {
            version: "5".into(),
            folder: "db/migrations".into(),
            known: (1..=40).map(|number| format!("{number} ({number:04}_step.sql)")).collect(),
        },
        OperateError::UnknownVersion {
            version: "5".into(),
            folder: "db/migrations".into(),
            known: Vec::new(),
        },
        OperateError::OnlyChecked { format: "flyway" },
        OperateError::WholeMigration {
            version: "2".into(),
            undo: "DELETE FROM _sqlx_migrations WHERE version = 2;".into(),
        },
        OperateError::OlderPending { version: "5".into(), older: "4".into() },
        OperateError::Ailing { bad: vec!["ledger", "leading"], usage: false },
        OperateError::SessionStays {
            engine: EngineName::MySql,
            leader: "shop-web".into(),
            host: "release.1234".into(),
            session: "4711".into(),
            why: "you need the SUPER privilege for this operation".into(),
            marked: true,
            lease: None,
        },
        OperateError::SessionStays {
            engine: EngineName::Sqlite,
            leader: "shop-web".into(),
            host: "box".into(),
            session: "box 4711".into(),
            why: "a process has the lock file locked".into(),
            marked: false,
            lease: None,
        },
        OperateError::SessionStays {
            engine: EngineName::Postgres,
            leader: "shop-web".into(),
            host: "release.1234".into(),
            session: "4711@1".into(),
            why: "a statement of it is still at work on the server, or may be".into(),
            marked: true,
            lease: Some("7d4c".into()),
        },
    ]
}
