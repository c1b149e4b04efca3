//! A server's target while it is put together: URL first, then its parameters, then variables, then defaults.

use std::path::Path;

use super::split::{Host, Parts, Scheme, decode, port};
use super::{EngineName, Target, UrlError, redact, tls};
use crate::model::secret::Secret;

/// Where a PostgreSQL server's socket is if nobody says: Debian's folder, then the one its makers chose.
const SOCKET_FOLDERS: &[&str] = &["/var/run/postgresql", "/tmp"];

/// A target that is not finished.
pub(super) struct Draft {
    pub target: Target,
    pub tls: tls::Wish,
    /// A JDBC URL: some words mean something else there.
    pub jdbc: bool,
    /// The URL has `options`; libpq then does not look at `PGOPTIONS`.
    pub options: bool,
    /// The URL has a `connect_timeout`, be it 0.
    pub timed: bool,
}

impl Draft {
    /// What stands in front of the parameters.
    pub fn new(scheme: &Scheme<'_>, parts: &Parts<'_>) -> Result<Self, UrlError> {
        let some = |part, text| decode(part, text).map(|text| Some(text).filter(|text| !text.is_empty()));
        let mut target = Target::new(scheme.engine);
        target.user = some("user", parts.user)?;
        target.password = some("password", parts.password)?.map(Secret::new);
        target.database = some("database", parts.database)?;
        target.port = parts.port;
        let mut draft =
            Self { target, tls: tls::Wish::default(), jdbc: scheme.jdbc, options: false, timed: false };
        if let Some(host) = &parts.host {
            draft.place(host.clone());
        }
        Ok(draft)
    }

    /// Whether nobody has said yet where the server is.
    pub fn nowhere(&self) -> bool {
        self.target.host.is_none() && self.target.socket.is_none()
    }

    /// Says where the server is, instead of what was said before.
    pub fn place(&mut self, host: Host) {
        self.target.host = None;
        self.target.socket = None;
        match host {
            Host::Name(name) => self.target.host = Some(name),
            Host::Socket(path) if self.target.engine == EngineName::Postgres => {
                // the server makes both the file's name and its port from one number
                let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix(".s.PGSQL."));
                match (number.and_then(port), path.parent()) {
                    (Some(number), Some(folder)) => {
                        self.target.port = Some(number);
                        self.target.socket = Some(folder.to_path_buf());
                    }
                    _ => self.target.socket = Some(path),
                }
            }
            Host::Socket(path) => self.target.socket = Some(path),
        }
    }

    /// Sets a setting; the last word counts.
    pub fn set(&mut self, name: &str, value: String) {
        self.target.settings.retain(|(known, _)| known != name);
        self.target.settings.push((name.to_owned(), value));
    }

    /// Whether a setting is there.
    pub fn has_setting(&self, name: &str) -> bool {
        self.target.settings.iter().any(|(known, _)| known == name)
    }

    /// Applies the defaults; `exists` says whether a file is there.
    pub fn finish(mut self, exists: &dyn Fn(&Path) -> bool) -> Target {
        if self.nowhere() {
            let file = format!(".s.PGSQL.{}", self.target.port_or_default());
            let folder = SOCKET_FOLDERS.iter().map(Path::new).find(|folder| exists(&folder.join(&file)));
            match folder.filter(|_| self.target.engine == EngineName::Postgres) {
                Some(folder) => self.target.socket = Some(folder.to_path_buf()),
                None => self.target.host = Some("localhost".to_owned()),
            }
        }
        let mut target = self.target;
        target.tls = self.tls.resolve(target.engine, &mut target.warnings);
        target.pooled |= target.host.as_deref().is_some_and(|host| pooler(host, target.port));
        target.warnings = target.warnings.iter().map(|text| redact(text, &target)).collect();
        target
    }
}

/// Hosts that are poolers by their provider's word: Neon's `-pooler` names, Supabase's port 6543.
fn pooler(host: &str, port: Option<u16>) -> bool {
    let name = host.split('.').next().unwrap_or(host);
    name.ends_with("-pooler") || (port == Some(6543) && host.contains(".supabase."))
}
