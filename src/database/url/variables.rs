//! The variables of the servers' own clients: they fill what a URL leaves out, and change nothing that it says.
//! `PGPASSFILE` and `~/.pgpass` are the driver's business.

use std::path::PathBuf;

use super::draft::Draft;
use super::split::{self, Host};
use super::{EngineName, UrlError, params, tls};
use crate::model::secret::Secret;

const A_HOST: &str = "one host name, an address or a socket folder";
const A_PORT: &str = "a number from 1 to 65535";

/// Fills what the URL left out; `env` says what a variable holds. An empty variable counts as unset.
pub(super) fn fill(draft: &mut Draft, env: &dyn Fn(&str) -> Option<String>) -> Result<(), UrlError> {
    let env = |name: &str| env(name).filter(|value| !value.is_empty());
    match draft.target.engine {
        EngineName::Postgres => {
            postgres_place(draft, &env)?;
            postgres_rest(draft, &env)
        }
        EngineName::MySql => mysql(draft, &env),
        EngineName::Sqlite | EngineName::SqlServer => Ok(()),
    }
}

fn postgres_place(draft: &mut Draft, env: &dyn Fn(&str) -> Option<String>) -> Result<(), UrlError> {
    if draft.nowhere() {
        for name in ["PGHOST", "PGHOSTADDR"] {
            if let Some(value) = env(name) {
                match split::host(&value) {
                    Ok(host) => draft.place(host),
                    Err(UrlError::ManyHosts) => return Err(UrlError::ManyHosts),
                    Err(_) => return Err(UrlError::BadVariable { name, expected: A_HOST }),
                }
                break;
            }
        }
    }
    let target = &mut draft.target;
    if target.port.is_none() {
        target.port = port("PGPORT", env)?;
    }
    target.user = target.user.take().or_else(|| env("PGUSER"));
    target.password = target.password.take().or_else(|| env("PGPASSWORD").map(Secret::new));
    target.database = target.database.take().or_else(|| env("PGDATABASE"));
    target.user = target.user.take().or_else(|| env("USER")).or_else(|| env("LOGNAME"));
    Ok(())
}

fn postgres_rest(draft: &mut Draft, env: &dyn Fn(&str) -> Option<String>) -> Result<(), UrlError> {
    if draft.tls.mode.is_none()
        && draft.tls.flag.is_none()
        && let Some(word) = env("PGSSLMODE")
    {
        let expected = tls::MODES;
        let mode = tls::mode(&word).ok_or(UrlError::BadVariable { name: "PGSSLMODE", expected })?;
        draft.tls.mode = Some(mode);
    }
    let wish = &mut draft.tls;
    wish.root_cert = wish.root_cert.take().or_else(|| env("PGSSLROOTCERT"));
    wish.client_cert = wish.client_cert.take().or_else(|| env("PGSSLCERT"));
    wish.client_key = wish.client_key.take().or_else(|| env("PGSSLKEY"));
    if !draft.options
        && let Some(text) = env("PGOPTIONS")
    {
        for (name, value) in params::options(&text) {
            if !draft.has_setting(&name) {
                draft.set(&name, value);
            }
        }
    }
    if !draft.has_setting("application_name")
        && let Some(name) = env("PGAPPNAME")
    {
        draft.set("application_name", name);
    }
    if !draft.timed
        && let Some(value) = env("PGCONNECT_TIMEOUT")
    {
        let bad = UrlError::BadVariable { name: "PGCONNECT_TIMEOUT", expected: params::SECONDS };
        draft.target.connect_timeout = params::seconds(&value).ok_or(bad)?;
    }
    Ok(())
}

fn mysql(draft: &mut Draft, env: &dyn Fn(&str) -> Option<String>) -> Result<(), UrlError> {
    if draft.nowhere() {
        if let Some(value) = env("MYSQL_HOST") {
            let bad = UrlError::BadVariable { name: "MYSQL_HOST", expected: A_HOST };
            draft.place(split::host(&value).map_err(|_| bad)?);
        } else if let Some(path) = env("MYSQL_UNIX_PORT") {
            draft.place(Host::Socket(PathBuf::from(path)));
        }
    }
    let target = &mut draft.target;
    if target.port.is_none() {
        target.port = port("MYSQL_TCP_PORT", env)?;
    }
    target.password = target.password.take().or_else(|| env("MYSQL_PWD").map(Secret::new));
    Ok(())
}

fn port(name: &'static str, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<u16>, UrlError> {
    env(name)
        .map(|value| split::port(&value).ok_or(UrlError::BadVariable { name, expected: A_PORT }))
        .transpose()
}
