//! Why a database URL is refused. Never holds the URL, a value from it, or anything that may be a password.

/// Why a database URL is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is nothing in it.
    #[error("the database URL is empty")]
    Empty,
    /// It does not begin with a scheme that we could name.
    #[error(
        "this is no database URL: one looks like postgres://user@host:5432/database, mysql://user@host:3306/database, \
         sqlserver://user@host:1433/database or sqlite:path/to/file.db"
    )]
    NoScheme,
    /// Its scheme is none that we know.
    #[error(
        "no database is known by the scheme `{scheme}`: known are postgres, postgresql, mysql, mariadb, sqlite, \
         sqlserver, and their forms in other tools (mysql2, trilogy, postgis, sqlite3, mssql, jdbc:…, scheme+driver)"
    )]
    UnknownScheme {
        /// The scheme, cut to 32 characters.
        scheme: String,
    },
    /// `postgres:` without the two slashes.
    #[error("after `{scheme}:` two slashes are missing: {scheme}://user@host/database")]
    NoSlashes {
        /// The engine's usual scheme.
        scheme: &'static str,
    },
    /// Special characters make several readings possible, or none.
    #[error(
        "the database URL can be read in more than one way: special characters in user, password and database must be \
         percent-encoded (@ is %40, : is %3A, / is %2F, # is %23, ? is %3F)"
    )]
    Unclear,
    /// What stands where the host belongs is no name, address or socket folder.
    #[error(
        "the database URL has no valid host; special characters in a password must be percent-encoded (@ is %40, / is \
         %2F, # is %23, ? is %3F)"
    )]
    BadHost,
    /// What stands where the port belongs is no port.
    #[error(
        "the port in the database URL is no number from 1 to 65535; special characters in a password must be \
         percent-encoded (@ is %40, / is %2F, # is %23, ? is %3F)"
    )]
    BadPort,
    /// Several hosts in one URL.
    #[error("the database URL names several hosts: only one is supported, name the one that accepts writes")]
    ManyHosts,
    /// A percent-encoded part is not UTF-8, or holds a NUL.
    #[error(
        "the {part} in the database URL is not valid percent-encoded UTF-8 (a percent sign itself is %25)"
    )]
    BadEncoding {
        /// Which part.
        part: &'static str,
    },
    /// A parameter that we know has a value that we do not.
    #[error("the parameter `{name}` in the database URL must be {expected}")]
    BadParameter {
        /// As written in the URL.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A variable that fills what the URL leaves out has a value that we do not know.
    #[error("the variable {name} must be {expected}")]
    BadVariable {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A SQLite database in memory.
    #[error("a SQLite database in memory belongs to one process and cannot be shared: name a file")]
    Memory,
    /// SQLite without a file.
    #[error("the database URL names no SQLite file: one looks like sqlite:path/to/file.db")]
    NoFile,
}
