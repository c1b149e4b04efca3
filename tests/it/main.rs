//! The one integration binary: the real program as processes, and the databases that `scripts/servers` starts.
#![allow(clippy::unwrap_used)]

mod conformance;
mod corpus;
mod docs_events;
mod fake_engine;
mod harness;
mod layers;
mod pages;
mod readme;
mod sqlx_format;
mod support;
