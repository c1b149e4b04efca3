//! The one integration binary: the real program as processes, and the databases that `scripts/servers` starts.
#![allow(clippy::unwrap_used)]

mod corpus;
mod docs_events;
mod harness;
mod layers;
mod support;
