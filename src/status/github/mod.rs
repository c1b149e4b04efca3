//! GitHub Deployments: one for each run that its leader reports, with statuses that say how it goes. A follower that may
//! read them needs no database. Nothing here decides, and nothing is trusted that is not in our own form.

pub mod client;
pub mod read;
pub mod wire;
pub mod write;

/// Ours alone: what `environment:` jobs make has the task `deploy`.
pub const TASK: &str = "bellwether:migrate";
