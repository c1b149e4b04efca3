//! What does the work of a run: SQL scripts, statement by statement where it must be, or a command.

pub mod command;
pub mod guard;
mod index;
mod records;
pub mod script;
pub mod split;
pub mod sql;
pub mod step;
mod transaction;
