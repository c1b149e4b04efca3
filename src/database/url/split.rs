//! Takes a URL apart: scheme, user, password, host, port, path, query. Knows nothing of what parameters mean beyond
//! their names, which help to find the end of a password with raw special characters.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::{EngineName, UrlError, params};

/// Every scheme that some tool uses for a database that we know.
const SCHEMES: &[(&str, EngineName)] = &[
    ("postgres", EngineName::Postgres),
    ("postgresql", EngineName::Postgres),
    ("pgsql", EngineName::Postgres),
    ("psql", EngineName::Postgres),
    ("pg", EngineName::Postgres),
    ("postgis", EngineName::Postgres),
    ("timescale", EngineName::Postgres),
    ("timescalegis", EngineName::Postgres),
    ("cockroach", EngineName::Postgres),
    ("cockroachdb", EngineName::Postgres),
    ("mysql", EngineName::MySql),
    ("mysql2", EngineName::MySql),
    ("mysqlgis", EngineName::MySql),
    ("mysql-connector", EngineName::MySql),
    ("mariadb", EngineName::MySql),
    ("trilogy", EngineName::MySql),
    ("sqlite", EngineName::Sqlite),
    ("sqlite3", EngineName::Sqlite),
    ("spatialite", EngineName::Sqlite),
    ("file", EngineName::Sqlite),
    ("sqlserver", EngineName::SqlServer),
    ("mssql", EngineName::SqlServer),
    ("jtds", EngineName::SqlServer),
];

/// What the scheme says, and what follows it.
pub(super) struct Scheme<'a> {
    pub engine: EngineName,
    /// `jdbc:` or `r2dbc:` in front.
    pub jdbc: bool,
    /// `scheme+driver`, as SQLAlchemy writes it.
    pub driver: bool,
    /// After the colon.
    pub rest: &'a str,
}

/// Reads the scheme.
pub(super) fn scheme(url: &str) -> Result<Scheme<'_>, UrlError> {
    let (prefix, text) = ["jdbc:", "r2dbc:"]
        .iter()
        .find_map(|prefix| {
            let head = url.get(..prefix.len())?;
            head.eq_ignore_ascii_case(prefix).then(|| (*prefix, &url[prefix.len()..]))
        })
        .unwrap_or(("", url));
    let (name, rest) = text.split_once(':').ok_or(UrlError::NoScheme)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
        return Err(UrlError::NoScheme);
    }
    let (base, driver) = name.split_once('+').map_or((name, false), |(base, _)| (base, true));
    let engine =
        SCHEMES.iter().find(|(known, _)| base.eq_ignore_ascii_case(known)).map(|(_, engine)| *engine);
    match engine {
        Some(engine) => Ok(Scheme { engine, jdbc: !prefix.is_empty(), driver, rest }),
        // `user:password@host` has a colon too: without the slashes nothing of it is shown.
        None if rest.starts_with("//") || !prefix.is_empty() => {
            Err(UrlError::UnknownScheme { scheme: format!("{prefix}{name}").chars().take(32).collect() })
        }
        None => Err(UrlError::NoScheme),
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name or an address, without brackets.
    Name(String),
    /// A Unix socket, or the folder of one.
    Socket(PathBuf),
}

/// A URL's parts; text is as written, still percent-encoded. No `Debug`: the password is in it.
pub(super) struct Parts<'a> {
    pub user: &'a str,
    pub password: &'a str,
    pub host: Option<Host>,
    pub port: Option<u16>,
    pub database: &'a str,
    pub query: &'a str,
}

/// Takes apart what follows the scheme of a server's URL.
///
/// Every `@` may be the one in front of the host: the first reading in which all that follows it makes sense is taken,
/// so a raw `p@ss/w#rd` is understood, and so is `?application_name=me@here`.
pub(super) fn parts<'a>(scheme: &Scheme<'a>) -> Result<Parts<'a>, UrlError> {
    let engine = scheme.engine;
    let Some(text) = scheme.rest.strip_prefix("//") else {
        return without_slashes(scheme);
    };
    let ats = text.match_indices('@').map(|(at, _)| Some(at));
    for at in std::iter::once(None).chain(ats) {
        match reading(text, at, engine) {
            Ok(parts) => return Ok(parts),
            Err(UrlError::ManyHosts) => return Err(UrlError::ManyHosts),
            Err(_) => {}
        }
    }
    let authority = text.find(['/', '?', '#']).unwrap_or(text.len());
    Err(reading(text, text[..authority].rfind('@'), engine).err().unwrap_or(UrlError::Unclear))
}

/// `jdbc:postgresql:database` is a database on this machine; `jdbc:mysql:loadbalance://…` is several hosts.
fn without_slashes<'a>(scheme: &Scheme<'a>) -> Result<Parts<'a>, UrlError> {
    if scheme.jdbc && scheme.rest.contains("://") {
        return Err(UrlError::ManyHosts);
    }
    let (path, query) = scheme.rest.split_once('?').unwrap_or((scheme.rest, ""));
    if !scheme.jdbc || scheme.engine != EngineName::Postgres || path.contains(['@', ':']) {
        return Err(UrlError::NoSlashes { scheme: scheme.engine.scheme() });
    }
    let database = path.strip_prefix('/').unwrap_or(path);
    let host = Some(Host::Name("localhost".to_owned()));
    Ok(Parts { user: "", password: "", host, port: None, database, query })
}

/// One reading: the host begins after the `@` at `at`, or at the beginning.
fn reading(text: &str, at: Option<usize>, engine: EngineName) -> Result<Parts<'_>, UrlError> {
    let (login, tail) = at.map_or(("", text), |at| (&text[..at], &text[at + 1..]));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    if user.contains(['/', '?', '#']) {
        return Err(UrlError::Unclear);
    }
    let (address, rest) = tail.split_at(address_end(tail));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if address.contains('@') || rest.starts_with('#') || path.contains('@') || !sensible(query, engine) {
        return Err(UrlError::Unclear);
    }
    let (host, port) = host_and_port(address)?;
    let database = path.strip_prefix('/').unwrap_or(path);
    let database = database.strip_suffix('/').unwrap_or(database);
    Ok(Parts { user, password, host, port, database, query })
}

/// Where host and port end; `unix(/path)` is how Go's MySQL driver writes a socket.
fn address_end(tail: &str) -> usize {
    let from = if tail.starts_with("unix(") { tail.find(')').unwrap_or(0) } else { 0 };
    tail[from..].find(['/', '?', '#']).map_or(tail.len(), |end| from + end)
}

/// Whether a query with an `@` in it is one, and not a password's end and the host: all its names up to there are known.
fn sensible(query: &str, engine: EngineName) -> bool {
    query.rfind('@').is_none_or(|at| {
        query[..at]
            .split('&')
            .all(|pair| pair.split_once('=').is_some_and(|(name, _)| params::is_known(name, engine)))
    })
}

fn host_and_port(address: &str) -> Result<(Option<Host>, Option<u16>), UrlError> {
    let inside = |prefix: &str| address.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(')'));
    if let Some(path) = inside("unix(") {
        return Ok((Some(host(path)?), None));
    }
    let address = inside("tcp(").unwrap_or(address);
    if address.contains(',') {
        return Err(UrlError::ManyHosts);
    }
    let (name, number) = match address.strip_prefix('[') {
        Some(rest) => {
            let (name, after) = rest.split_once(']').ok_or(UrlError::BadHost)?;
            let number =
                after.strip_prefix(':').or((after.is_empty()).then_some("")).ok_or(UrlError::BadHost)?;
            (name, number)
        }
        None => address.rsplit_once(':').unwrap_or((address, "")),
    };
    let name = decode("host", name)?;
    let bracketed = address.starts_with('[');
    if name.contains(':') != bracketed && !name.starts_with('/') {
        return Err(UrlError::BadHost);
    }
    let found = if name.is_empty() { None } else { Some(host(&name)?) };
    Ok((found, if number.is_empty() { None } else { Some(port(number).ok_or(UrlError::BadPort)?) }))
}

/// A host as a parameter, a variable or a URL names it, decoded.
pub(super) fn host(name: &str) -> Result<Host, UrlError> {
    if name.starts_with('/') {
        return Ok(Host::Socket(PathBuf::from(name)));
    }
    if name.contains(',') {
        return Err(UrlError::ManyHosts);
    }
    let ipv6 = |name: &str| name.split('%').next().unwrap_or(name).parse::<Ipv6Addr>().is_ok();
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if name.is_empty() || !(plain || ipv6(name)) {
        return Err(UrlError::BadHost);
    }
    Ok(Host::Name(name.to_owned()))
}

/// A port from 1 to 65535.
pub(super) fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// Percent-decodes; a NUL would end a text on the wire early.
pub(super) fn decode(part: &'static str, text: &str) -> Result<String, UrlError> {
    let bad = UrlError::BadEncoding { part };
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => Err(bad),
    }
}
