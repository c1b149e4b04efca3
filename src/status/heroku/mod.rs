//! A Heroku app's releases and builds, for those who wait for the app that migrates in its release phase. It need not run
//! bellwether, and nothing here needs a database. Reads only; decides nothing.

pub mod client;
mod output;
pub mod read;
mod wire;
