//! Formats with their real tools: what a tool applies we read, and where we may write, what we apply the tool takes.

mod applied;
mod dbmate;
mod kits;
mod knex;
mod node_pg_migrate;
mod prisma;
mod project;
