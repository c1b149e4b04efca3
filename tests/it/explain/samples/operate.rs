//! One sample of each way in which an operator's command ends without success.

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
    ]
}
