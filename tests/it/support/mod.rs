//! The harness: databases of one test each, the real program as a process with a scrubbed environment, and migrations
//! folders. It waits for states and never sleeps for one; everything it starts ends with the test.
#![allow(dead_code)]

pub mod api;
pub mod database;
pub mod fake;
pub mod gate;
pub mod github;
pub mod heroku;
pub mod hold;
pub mod http;
pub mod migrations;
pub mod own;
pub mod prism;
pub mod process;
pub mod proxy;
pub mod server;
pub mod sqlserver;
pub mod witness;

pub use database::TestDatabase;
pub use github::Github;
pub use heroku::Heroku;
pub use hold::Hold;
pub use migrations::Migrations;
pub use process::{Bellwether, Finished, Running};
pub use proxy::{Part, Proxy};
pub use server::{Server, tool};

/// Writes `mod name { postgres, mariadb, sqlite, sqlserver }`, one test each, for every `fn name(db: &TestDatabase) { … }`.
/// A server that is absent is a printed skip.
macro_rules! on_every_server {
    ($($(#[$doc:meta])* fn $name:ident($db:ident) $body:block)+) => {
        $crate::support::on_servers! {
            [postgres Postgres, mariadb MariaDb, sqlite Sqlite, sqlserver SqlServer quick] $($(#[$doc])* fn $name($db) $body)+
        }
    };
}

/// The same for the servers that sqlx, and most tools that are not Microsoft's, can talk to.
macro_rules! on_every_server_of_sqlx {
    ($($(#[$doc:meta])* fn $name:ident($db:ident) $body:block)+) => {
        $crate::support::on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite] $($(#[$doc])* fn $name($db) $body)+ }
    };
}

/// As `on_every_server`, for the servers named: `[postgres Postgres, mariadb MariaDb]`; with `lease` after a server, every
/// participant is told to use one, with `pooled` or `galera` they come to a server where they have to. `quick` is said of SQL
/// Server: a stand-in that is too slow for many participants is left out.
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
    (@run Postgres pooled) => {
        $crate::support::server::with_database_behind_pooler(check)
    };
    (@run MariaDb galera) => {
        $crate::support::server::with_database_of_galera(check)
    };
    (@run SqlServer quick) => {
        $crate::support::Server::SqlServer.with_database_if_quick(check)
    };
    (@run $server:ident lease) => {
        $crate::support::Server::$server.with_database_under_lease(check)
    };
}

/// As `on_servers`, for every kind of lock that is not SQLite's: session locks and leases.
macro_rules! on_every_lock {
    ($($(#[$doc:meta])* fn $name:ident($db:ident) $body:block)+) => {
        $crate::support::on_servers! {
            [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick,
             postgres_lease Postgres lease, mariadb_lease MariaDb lease, sqlserver_lease SqlServer lease]
            $($(#[$doc])* fn $name($db) $body)+
        }
    };
}

/// As `on_every_lock`, and where there is no session lock to be had.
macro_rules! on_every_lock_and_way {
    ($($(#[$doc:meta])* fn $name:ident($db:ident) $body:block)+) => {
        $crate::support::on_servers! {
            [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick,
             postgres_lease Postgres lease, mariadb_lease MariaDb lease, sqlserver_lease SqlServer lease,
             postgres_pooled Postgres pooled, mariadb_galera MariaDb galera]
            $($(#[$doc])* fn $name($db) $body)+
        }
    };
}

pub(crate) use on_every_lock;
pub(crate) use on_every_lock_and_way;
pub(crate) use on_every_server;
pub(crate) use on_every_server_of_sqlx;
pub(crate) use on_servers;
