//! Database URLs as people have them, parsed into a [`Target`].

use std::fmt;
use std::path::PathBuf;

use crate::model::secret::Secret;

/// The kinds of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineName {
    /// PostgreSQL and what speaks like it.
    Postgres,
    /// MySQL, MariaDB and what speaks like them.
    MySql,
    /// SQLite.
    Sqlite,
    /// SQL Server.
    SqlServer,
}

/// Where a database is and how to get in. `Display` and `Debug` never show the password.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which kind of server.
    pub engine: EngineName,
    /// Its name or address; none = a socket, or SQLite.
    pub host: Option<String>,
    /// Its port; the engine's usual one if none.
    pub port: Option<u16>,
    /// A Unix socket (MySQL) or the folder that holds it (PostgreSQL).
    pub socket: Option<PathBuf>,
    /// Who we are there.
    pub user: Option<String>,
    /// Our password there.
    pub password: Option<Secret>,
    /// The database's name.
    pub database: Option<String>,
    /// SQLite's file.
    pub file: Option<PathBuf>,
    /// Whether and how the connection is encrypted.
    pub tls: Tls,
    /// Settings that the URL asks for at the start of a session: (`search_path`, `app`), (`charset`, `utf8mb4`), …
    pub settings: Vec<(String, String)>,
    /// `connect_timeout` of the URL, seconds.
    pub connect_timeout: Option<u64>,
    /// The URL itself says that a pooler is in between (`pgbouncer=true`, Neon's `-pooler` host).
    pub pooled: bool,
    /// What we did not understand, one sentence each: warnings to print.
    pub warnings: Vec<String>,
}

/// Whether and how a connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// How much of it is demanded.
    pub mode: TlsMode,
    /// Certificates of authorities (PEM).
    pub root_cert: Option<PathBuf>,
    /// Our own certificate (PEM).
    pub client_cert: Option<PathBuf>,
    /// Its key (PEM).
    pub client_key: Option<PathBuf>,
}

/// How much encryption is demanded: libpq's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// None.
    Disable,
    /// None, unless the server insists.
    Allow,
    /// If the server can.
    #[default]
    Prefer,
    /// Always; the certificate is not checked.
    Require,
    /// Always; the certificate's authority is checked.
    VerifyCa,
    /// Always; authority and host name are checked.
    VerifyFull,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        Ok(())
    }
}
