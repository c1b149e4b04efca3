//! Formats with their real tools: what a tool applies we read, and where we may write, what we apply the tool takes.

mod alembic;
mod applied;
mod atlas;
mod checked;
mod dbmate;
mod django;
mod efcore;
mod flyway;
mod foreign;
mod kits;
mod knex;
mod liquibase;
mod needs;
mod node_pg_migrate;
mod prisma;
mod project;
mod rails;
mod refinery;
mod schemas;
mod sqlserver;
mod unread;
