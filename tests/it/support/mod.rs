//! The harness: databases of one test each, the real program as a process with a scrubbed environment, and migrations
//! folders. It waits for states and never sleeps for one; everything it starts ends with the test.
#![allow(dead_code)]

pub mod database;
pub mod fake;
pub mod gate;
pub mod migrations;
pub mod own;
pub mod process;
pub mod proxy;
pub mod server;
pub mod witness;

pub use database::TestDatabase;
pub use migrations::Migrations;
pub use process::{Bellwether, Finished, Running};
pub use proxy::{Part, Proxy};
pub use server::{Server, tool};

/// Writes `mod name { postgres, mariadb, sqlite }`, one test each, for every `fn name(db: &TestDatabase) { … }`; with
/// `on[Postgres, MariaDb]` in front, for these servers only. A server that is absent is a printed skip.
macro_rules! on_every_server {
    ($($(#[$doc:meta])* fn $name:ident($db:ident) $body:block)+) => {
        $crate::support::on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite] $($(#[$doc])* fn $name($db) $body)+ }
    };
}

/// As `on_every_server`, for the servers named: `[postgres Postgres, mariadb MariaDb]`; with `lease` after a server, every
/// participant is told to use one.
macro_rules! on_servers {
    ($servers:tt $($(#[$doc:meta])* fn $name:ident($db:ident) $body:block)+) => {
        $($crate::support::on_servers! { @one $servers $(#[$doc])* fn $name($db) $body })+
    };
    (@one [$($test:ident $server:ident $($mode:ident)?),+] $(#[$doc:meta])* fn $name:ident($db:ident) $body:block) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(#[$doc])*
            fn check($db: &$crate::support::TestDatabase) $body

            $(
                #[test]
                fn $test() {
                    $crate::support::on_servers! { @run $server $($mode)? }
                }
            )+
        }
    };
    (@run $server:ident) => {
        $crate::support::Server::$server.with_database(check)
    };
    (@run $server:ident lease) => {
        $crate::support::Server::$server.with_database_under_lease(check)
    };
}

pub(crate) use on_every_server;
pub(crate) use on_servers;
