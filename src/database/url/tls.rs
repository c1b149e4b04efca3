//! What URL and variables say about encryption, in the words of many tools, made into one [`Tls`].

use std::path::PathBuf;

use super::{EngineName, Tls, TlsMode};

/// What was asked for, before it is weighed.
#[derive(Default)]
pub(super) struct Wish {
    /// `sslmode` and its spellings.
    pub mode: Option<TlsMode>,
    /// `ssl=true`, `useSSL=true`, `tls=true`: weaker than a word.
    pub flag: Option<TlsMode>,
    /// At least this (`requireSSL`, `verifyServerCertificate`, `sslaccept=strict`).
    pub floor: Option<TlsMode>,
    /// At most this (`trustServerCertificate`, `sslaccept=accept_invalid_certs`).
    pub ceiling: Option<TlsMode>,
    /// Authorities; `system` = those of the operating system.
    pub root_cert: Option<String>,
    /// Our certificate.
    pub client_cert: Option<String>,
    /// Its key.
    pub client_key: Option<String>,
    /// A parameter that only Prisma has was there; its `sslcert` is the server's authority.
    pub prisma: bool,
}

impl Wish {
    /// Weighs it all. Follows libpq in that `require` with a root certificate checks the authority, and MySQL's client
    /// in that an authority without a mode is checked.
    pub fn resolve(mut self, engine: EngineName, warnings: &mut Vec<String>) -> Tls {
        if self.prisma && self.client_key.is_none() && self.root_cert.is_none() {
            self.root_cert = self.client_cert.take();
        }
        if self.client_cert.is_some() != self.client_key.is_some() {
            warnings.push(
                "a client certificate and its key belong together: of the two, only one is named".to_owned(),
            );
        }
        let said = self.mode.or(self.flag);
        let mut mode = said.unwrap_or_default();
        if mode != TlsMode::Disable {
            mode = mode.max(self.floor.unwrap_or(mode));
        }
        mode = mode.min(self.ceiling.unwrap_or(mode));
        let system = self.root_cert.as_deref() == Some("system");
        let checked = match engine {
            EngineName::Postgres if system => Some(TlsMode::VerifyFull),
            EngineName::Postgres if mode == TlsMode::Require => Some(TlsMode::VerifyCa),
            EngineName::MySql if said.is_none() => Some(TlsMode::VerifyCa),
            _ => None,
        };
        if let (Some(checked), Some(_), None) = (checked, &self.root_cert, self.ceiling)
            && mode != TlsMode::Disable
        {
            mode = mode.max(checked);
        }
        Tls {
            mode,
            root_cert: self.root_cert.filter(|_| !system).map(PathBuf::from),
            client_cert: self.client_cert.map(PathBuf::from),
            client_key: self.client_key.map(PathBuf::from),
        }
    }
}

/// What [`mode`] understands.
pub(super) const MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full (MySQL: DISABLED, PREFERRED, \
                                REQUIRED, VERIFY_CA or VERIFY_IDENTITY)";

/// A mode in the words of libpq, MySQL, or their drivers.
pub(super) fn mode(word: &str) -> Option<TlsMode> {
    Some(match word.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => TlsMode::Disable,
        "allow" => TlsMode::Allow,
        "prefer" | "preferred" => TlsMode::Prefer,
        "require" | "required" | "trust" | "no-verify" | "skip-verify" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" | "verify-identity" => TlsMode::VerifyFull,
        _ => return None,
    })
}

/// `ssl=…`: a truth value (`yes` is what true means to this tool), a mode, or node's JSON.
pub(super) fn flag(value: &str, yes: TlsMode, no: TlsMode) -> Option<TlsMode> {
    match truth(value) {
        Some(true) => Some(yes),
        Some(false) => Some(no),
        None if value.contains("rejectUnauthorized") => {
            Some(if value.contains("false") { TlsMode::Require } else { TlsMode::VerifyFull })
        }
        None => mode(value),
    }
}

/// A truth value; a parameter that is just there is true.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "" | "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}
