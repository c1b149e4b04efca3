//! Values only: what the other modules pass to each other. No I/O, no async.

pub mod choice;
pub mod doctor;
pub mod duration;
pub mod event;
pub mod ids;
pub mod lock;
pub mod migration;
pub mod moment;
pub mod past;
pub mod repository;
pub mod resolve;
pub mod run;
pub mod scaffold;
pub mod secret;
pub mod surroundings;
