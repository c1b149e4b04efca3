//! What is to be done, decided from values alone: no file, no clock, no database is touched here.

pub mod pending;
