//! One participant of a deploy migrates the database; everyone else waits for its verdict, and stops the deploy when
//! it fails. The modules stand in the order in which they may use each other; `tests/it/layers.rs` checks it.

pub mod model;
pub mod cli;
pub mod config;
pub mod formats;
pub mod report;
pub mod platform;
pub mod plan;
pub mod database;
// ledger, lock
pub mod engine;
// status
pub mod exit;
// error, explain, lead, follow, app
