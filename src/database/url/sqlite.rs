//! SQLite's URLs: which file. Never looks whether it is there.

use std::path::PathBuf;

use super::split::{Scheme, decode};
use super::{Target, UrlError, params};

/// Parameters that change nothing for us.
const IGNORED: &str = "\
    adapter busytimeout cache charset checksamethread connectionlimit connecttimeout encoding \
    journalmode pool poolsize pooltimeout preparedstatements retries sockettimeout synchronous timeout \
    uri";

/// Reads the file's path. Relative ones count from the current folder.
///
/// `sqlite:///x` is absolute, as most tools have it; after `sqlite+driver:` it is relative and `////x` absolute, as in
/// SQLAlchemy, which alone writes a driver there.
pub(super) fn parse(scheme: &Scheme<'_>) -> Result<Target, UrlError> {
    let (path, query) = scheme.rest.split_once('?').unwrap_or((scheme.rest, ""));
    let path = path.strip_prefix("file:").unwrap_or(path);
    let path = match path.strip_prefix("//") {
        Some(after) if scheme.driver => after.strip_prefix('/').unwrap_or(after),
        Some(after) => after.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(after),
        None => path,
    };
    let path = decode("file", path)?;
    if path.trim_start_matches('/') == ":memory:" {
        return Err(UrlError::Memory);
    }
    if path.trim_matches('/').is_empty() {
        // without a path, JDBC and SQLAlchemy open a database in memory
        return Err(if scheme.jdbc || scheme.driver { UrlError::Memory } else { UrlError::NoFile });
    }
    let path = if path.starts_with("//") { format!("/{}", path.trim_start_matches('/')) } else { path };
    let mut target = Target::new(scheme.engine);
    target.file = Some(PathBuf::from(path));
    for (name, value) in params::pairs(query)? {
        match params::plain(&name).as_str() {
            "mode" => match value.as_str() {
                "memory" => return Err(UrlError::Memory),
                "ro" | "rw" | "rwc" => target.settings.push(("mode".to_owned(), value)),
                _ => return Err(UrlError::BadParameter { name, expected: "ro, rw or rwc" }),
            },
            known if IGNORED.split_whitespace().any(|ignored| ignored == known) => {}
            _ => target.warnings.push(params::unknown(&name)),
        }
    }
    Ok(target)
}
