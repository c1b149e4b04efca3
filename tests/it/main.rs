//! The one integration binary: the real program as processes, and the databases that `scripts/servers` starts.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod commands;
mod conformance;
mod corpus;
mod docs_events;
mod election;
mod explain;
mod failures;
mod faults;
mod fake_engine;
mod freed_lock;
mod harness;
mod indexes;
mod install;
mod layers;
mod ledger;
mod looking;
mod operator_doctor;
mod operator_history;
mod operator_resolve;
mod operator_unlock;
mod pages;
mod poolers;
mod readers;
mod readme;
mod signals;
mod snippets;
mod sql_engine;
mod sqlx_cli;
mod sqlx_format;
mod status_command;
mod status_tools;
mod storm;
mod support;
mod tools;
