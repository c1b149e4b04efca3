//! From a [`Target`] to a connection, and what is set on it.

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::database::Purpose;
use crate::database::driver::readable;
use crate::database::error::DbError;
use crate::database::mysql::literal::literal;
use crate::database::statement::Value;
use crate::database::url::{Target, TlsMode};

/// The driver's options; all that it would set at the start is left to [`settings`], which needs one exchange for it.
pub(super) fn options(target: &Target) -> Result<MySqlConnectOptions, DbError> {
    let mut options = MySqlConnectOptions::new()
        .ssl_mode(ssl_mode(target.tls.mode))
        .statement_cache_capacity(0)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false);
    if let Some(host) = &target.host {
        options = options.host(host);
    }
    if let Some(port) = target.port {
        options = options.port(port);
    }
    if let Some(socket) = &target.socket {
        options = options.socket(socket);
    }
    if let Some(user) = &target.user {
        options = options.username(user);
    }
    if let Some(password) = &target.password {
        options = options.password(password.expose());
    }
    if let Some(database) = &target.database {
        options = options.database(database);
    }
    if let Some(file) = readable(target.tls.root_cert.as_deref())? {
        options = options.ssl_ca(file);
    }
    if let Some(file) = readable(target.tls.client_cert.as_deref())? {
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = readable(target.tls.client_key.as_deref())? {
        options = options.ssl_client_key(file);
    }
    Ok(options)
}

fn ssl_mode(mode: TlsMode) -> MySqlSslMode {
    match mode {
        TlsMode::Disable => MySqlSslMode::Disabled,
        TlsMode::Allow | TlsMode::Prefer => MySqlSslMode::Preferred,
        TlsMode::Require => MySqlSslMode::Required,
        TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
        TlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
    }
}

/// One `SET`. A role's defaults must not stop a migration, and a dead leader's session must not stay; the comments are
/// read by MariaDB alone (`M!`) and by MySQL alone (versions in 50700..50999, which MariaDB skips).
pub(super) fn settings(target: &Target, purpose: Purpose) -> String {
    let charset = setting(target, "charset").unwrap_or("utf8mb4");
    let collation = setting(target, "collation").map(|name| format!(" COLLATE {}", word(name)));
    let (mode, limits) = match purpose {
        Purpose::Look => (
            "",
            "lock_wait_timeout = 1 /*M!100101 , max_statement_time = 8 */ /*!50708 , max_execution_time = 8000 */",
        ),
        Purpose::Work | Purpose::Beat | Purpose::Lease => (
            "sql_mode = (SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')), ",
            "lock_wait_timeout = 5, wait_timeout = 15, interactive_timeout = 15 \
             /*M!100101 , max_statement_time = 0 */ /*!50708 , max_execution_time = 0 */",
        ),
    };
    let zone = setting(target, "time_zone").or_else(|| setting(target, "timezone")).unwrap_or("+00:00");
    format!(
        "SET NAMES {}{}, {mode}time_zone = {}, autocommit = 1, {limits}",
        word(charset),
        collation.unwrap_or_default(),
        literal(&Value::from(zone)),
    )
}

fn setting<'a>(target: &'a Target, name: &str) -> Option<&'a str> {
    target.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A character set's name goes into the text as it is: letters, digits and `_` only.
fn word(name: &str) -> String {
    name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}
