//! From a [`Target`] to a connection. Nothing but what a pooler lets through goes into the connection's start.

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::database::driver::readable;
use crate::database::error::{DbError, DbErrorKind};
use crate::database::url::{Target, TlsMode};

/// The driver's options. What the target leaves open is filled from `PG…` variables and `.pgpass`.
pub(super) fn options(target: &Target) -> Result<PgConnectOptions, DbError> {
    let mut options = PgConnectOptions::from_url(&address(target)?)
        .map_err(|error| DbError::new(DbErrorKind::Unsupported, error.to_string()))?
        .ssl_mode(ssl_mode(target.tls.mode))
        .extra_float_digits(None)
        .statement_cache_capacity(0)
        .application_name(
            target
                .settings
                .iter()
                .find(|(name, _)| name == "application_name")
                .map_or("bellwether", |(_, value)| value),
        );
    if let Some(password) = &target.password {
        options = options.password(password.expose());
    }
    if let Some(file) = readable(target.tls.root_cert.as_deref())? {
        options = options.ssl_root_cert(file);
    }
    if let Some(file) = readable(target.tls.client_cert.as_deref())? {
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = readable(target.tls.client_key.as_deref())? {
        options = options.ssl_client_key(file);
    }
    Ok(options)
}

/// As a URL, since only from one does the driver read `.pgpass`.
fn address(target: &Target) -> Result<url::Url, DbError> {
    let mut address = url::Url::parse("postgres:///")
        .map_err(|error| DbError::new(DbErrorKind::Unsupported, error.to_string()))?;
    {
        let mut pairs = address.query_pairs_mut();
        if let Some(host) = &target.host {
            pairs.append_pair("host", host);
        } else if let Some(folder) = &target.socket {
            pairs.append_pair("host", &folder.to_string_lossy());
        }
        if let Some(port) = target.port {
            pairs.append_pair("port", &port.to_string());
        }
        if let Some(user) = &target.user {
            pairs.append_pair("user", user);
        }
        if let Some(database) = &target.database {
            pairs.append_pair("dbname", database);
        }
        if let Some((_, text)) = target.settings.iter().find(|(name, _)| name == "options") {
            pairs.append_pair("options", text);
        }
    }
    Ok(address)
}

fn ssl_mode(mode: TlsMode) -> PgSslMode {
    match mode {
        TlsMode::Disable => PgSslMode::Disable,
        TlsMode::Allow => PgSslMode::Allow,
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    }
}
