//! Database URLs as people have them, parsed into a [`Target`]. Pure but for one look whether PostgreSQL's local socket
//! is there; never shows a password, in whatever form.

mod draft;
mod error;
mod pairs;
mod params;
mod redact;
mod split;
mod sqlite;
pub mod sqlserver;
#[cfg(test)]
mod tests;
mod tls;
mod variables;

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub use error::{StringForm, UrlError};
pub use redact::redact;

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
    /// A Unix socket (MySQL) or the folder that holds it (PostgreSQL); none if there is a host.
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
    /// Settings that the URL asks for at the start of a session, each name once. PostgreSQL: its own by name
    /// (`search_path`, `application_name`, …); what its `options` hold beside them is there as (`options`, text) and
    /// belongs into the connection's start as it is (Neon's endpoint). MySQL: `time_zone` and a utf8mb4 `collation`.
    /// SQLite: `mode` (`ro`, `rw`, `rwc`). SQL Server: those that [`sqlserver`] names.
    pub settings: Vec<(String, String)>,
    /// `connect_timeout` of the URL, seconds; none = no limit.
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
    /// Certificates of authorities (PEM); none = the operating system's.
    pub root_cert: Option<PathBuf>,
    /// Our own certificate (PEM).
    pub client_cert: Option<PathBuf>,
    /// Its key (PEM).
    pub client_key: Option<PathBuf>,
}

/// How much encryption is demanded: libpq's words, from least to most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

/// Parses a database URL. What it leaves out comes from the variables of the server's own client (`PGHOST`, `PGPASSWORD`,
/// `MYSQL_PWD`, …), which `env` looks up, then from that client's defaults.
///
/// # Errors
/// Never hold the URL or anything of it that could be a password.
pub fn parse(url: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Target, UrlError> {
    parse_on(url, env, &Path::exists)
}

fn parse_on(
    url: &str,
    env: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<Target, UrlError> {
    let text = unquoted(url.trim());
    if text.is_empty() {
        return Err(UrlError::Empty);
    }
    if text == ":memory:" {
        return Err(UrlError::Memory);
    }
    if let Some(target) = sqlserver::parse_ado(text, env) {
        return target;
    }
    let scheme = split::scheme(text)?;
    match scheme.engine {
        EngineName::Sqlite => return sqlite::parse(&scheme),
        EngineName::SqlServer => return sqlserver::parse(&scheme, env),
        EngineName::Postgres | EngineName::MySql => {}
    }
    let parts = split::parts(&scheme)?;
    let mut draft = draft::Draft::new(&scheme, &parts)?;
    params::apply(&mut draft, parts.query)?;
    variables::fill(&mut draft, env)?;
    Ok(draft.finish(exists))
}

/// Without the quotes that env files leave round a value where no shell reads them.
fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

impl EngineName {
    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
            Self::SqlServer => "sqlserver",
        }
    }

    /// The port on which its servers listen if nobody says; SQLite has none: 0.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MySql => 3306,
            Self::SqlServer => 1433,
            Self::Sqlite => 0,
        }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Sqlite => "SQLite",
            Self::SqlServer => "SQL Server",
        })
    }
}

impl Target {
    /// A target of which nothing but the engine is known.
    pub fn new(engine: EngineName) -> Self {
        Self {
            engine,
            host: None,
            port: None,
            socket: None,
            user: None,
            password: None,
            database: None,
            file: None,
            tls: Tls::default(),
            settings: Vec::new(),
            connect_timeout: None,
            pooled: false,
            warnings: Vec::new(),
        }
    }

    /// The port, or the engine's usual one.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(self.engine.default_port())
    }

    /// Where it is, for messages: `db.example.com:5432`, a socket's path, or SQLite's file.
    pub fn host_label(&self) -> String {
        let port = self.port_or_default();
        if let Some(file) = &self.file {
            return file.display().to_string();
        }
        match (&self.socket, self.engine) {
            (Some(folder), EngineName::Postgres) => {
                folder.join(format!(".s.PGSQL.{port}")).display().to_string()
            }
            (Some(socket), _) => socket.display().to_string(),
            (None, _) => match self.host.as_deref().unwrap_or("localhost") {
                host if host.contains(':') => format!("[{host}]:{port}"),
                host => format!("{host}:{port}"),
            },
        }
    }

    /// The database's name, for messages; SQLite: its file's name. PostgreSQL's default is the user's name.
    pub fn database_label(&self) -> String {
        let file =
            self.file.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let user = self.user.clone().filter(|_| self.engine == EngineName::Postgres);
        self.database.clone().or(file).or(user).unwrap_or_default()
    }
}

/// What could be taken for another part of the URL.
const DELIMITERS: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'/').add(b':').add(b'@').add(b'?').add(b'#');

/// A URL without password and parameters: `postgres://user@host:5432/db`, `mysql://user@/db?socket=/run/mysqld.sock`,
/// `sqlite:db/app.db`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            return write!(f, "{}:{}", self.engine.scheme(), file.display());
        }
        write!(f, "{}://", self.engine.scheme())?;
        if let Some(user) = &self.user {
            write!(f, "{}@", utf8_percent_encode(user, DELIMITERS))?;
        }
        if self.socket.is_none() {
            f.write_str(&self.host_label())?;
        }
        if self.database.is_some() || self.socket.is_some() {
            let database = self.database.as_deref().unwrap_or_default();
            write!(f, "/{}", utf8_percent_encode(database, DELIMITERS))?;
        }
        match &self.socket {
            Some(path) if self.engine == EngineName::Postgres => write!(f, "?host={}", path.display()),
            Some(path) => write!(f, "?socket={}", path.display()),
            None => Ok(()),
        }
    }
}
