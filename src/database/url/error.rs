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
    /// The same of a connection string, in which percent codes mean nothing.
    #[error("the {form} string can be read in more than one way: {}", form.quotes())]
    StringUnclear {
        /// Whose words it has.
        form: StringForm,
    },
    /// What a connection string names as its server is none.
    #[error("the server in the {form} string is no host's name or address: {}", form.place())]
    StringHost {
        /// Whose words it has.
        form: StringForm,
    },
    /// What stands where the port belongs in a connection string is no port.
    #[error("the port in the {form} string is no number from 1 to 65535: {}", form.place())]
    StringPort {
        /// Whose words it has.
        form: StringForm,
    },
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

/// The kinds of connection strings for SQL Server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringForm {
    /// .NET's.
    Ado,
    /// With a `Driver` in it.
    Odbc,
    /// `jdbc:sqlserver://…;…`, and Prisma's without the first word.
    Jdbc,
}

impl StringForm {
    fn quotes(self) -> &'static str {
        match self {
            Self::Ado => {
                "a value with a `;` or a quote in it stands in \"quotes\", and a quote of that kind in it is doubled; \
                 percent codes mean nothing there"
            }
            Self::Odbc | Self::Jdbc => {
                "a value with a `;` in it stands in {braces}, and a `}` in it is doubled; percent codes mean nothing there"
            }
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Ado | Self::Odbc => {
                "its port stands behind a comma (Server=host,1433), an instance behind a backslash; pipes (np:) and \
                 LocalDB are not supported"
            }
            Self::Jdbc => {
                "its port stands behind a colon (//host:1433), user and password behind it (;user=…;password=…)"
            }
        }
    }
}

impl std::fmt::Display for StringForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ado => "ADO",
            Self::Odbc => "ODBC",
            Self::Jdbc => "JDBC",
        })
    }
}

impl UrlError {
    /// The same of a connection string.
    pub(super) fn of(self, form: StringForm) -> Self {
        match self {
            Self::Unclear => Self::StringUnclear { form },
            Self::BadHost => Self::StringHost { form },
            Self::BadPort => Self::StringPort { form },
            other => other,
        }
    }
}
