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
pub mod ledger;
pub mod lock;
pub mod engine;
pub mod status;
pub mod exit;
pub mod error;
pub mod explain;
pub mod job;
pub mod lead;
pub mod follow;
pub mod operate;
pub mod scaffold;
pub mod app;
