//! What does the work of a run: SQL scripts, statement by statement where it must be, or a command.

pub mod split;
pub mod sql;
