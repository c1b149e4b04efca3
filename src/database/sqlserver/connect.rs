//! From a [`Target`] to a connection, and what is set on it.

use std::io;

use tiberius::{AuthMethod, Client, Config};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::errors;
use super::tls::{self, Skip, Wire};
use crate::database::Purpose;
use crate::database::driver;
use crate::database::error::DbError;
use crate::database::url::{Target, sqlserver as names};

/// The driver over our own encryption.
pub(super) type Connection = Client<Compat<Wire>>;

/// Connects and logs in; follows a gateway to where it sends us, once, as Azure's does.
pub(super) async fn connect(target: &Target, purpose: Purpose) -> Result<(Connection, Skip), DbError> {
    let host = target.host.as_deref().unwrap_or("localhost");
    match log_in(target, purpose, (host, target.port_or_default())).await {
        Err(tiberius::error::Error::Routing { host, port }) => {
            log_in(target, purpose, (&host, port)).await.map_err(errors::connecting)
        }
        answer => answer.map_err(errors::connecting),
    }
}

async fn log_in(
    target: &Target,
    purpose: Purpose,
    (host, port): (&str, u16),
) -> Result<(Connection, Skip), tiberius::error::Error> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    let name = setting(target, names::CERTIFICATE).unwrap_or(host);
    let wire = tls::secure(stream, &target.tls, name).await?;
    let config = config(target, purpose, (host, port));
    let skip = wire.skip();
    Ok((Client::connect(config, wire.compat_write()).await?, skip))
}

fn config(target: &Target, purpose: Purpose, (host, port): (&str, u16)) -> Config {
    let mut config = Config::new();
    config.host(host);
    config.port(port);
    let user = target.user.as_deref().unwrap_or_default();
    let password = target.password.as_ref().map_or("", |password| password.expose());
    config.authentication(AuthMethod::sql_server(user, password));
    if let Some(database) = &target.database {
        config.database(database);
    }
    config.application_name(setting(target, names::APPLICATION).unwrap_or("bellwether"));
    config.readonly(purpose == Purpose::Look && setting(target, names::INTENT).is_some());
    // callers limit the whole of it
    config.handshake_timeout(None);
    config.command_timeout(None);
    config
}

/// A peer that is gone without a word is noticed within some 15 s.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    #[cfg(target_os = "linux")]
    {
        setsockopt(stream, sockopt::TcpKeepIdle, &5)?;
        setsockopt(stream, sockopt::TcpKeepInterval, &3)?;
        setsockopt(stream, sockopt::TcpKeepCount, &3)?;
    }
    Ok(())
}

fn setting<'a>(target: &'a Target, name: &str) -> Option<&'a str> {
    target.settings.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// What indexed views and computed columns want, what a script may count on, and how long a lock is waited for: a look
/// waits for nobody. The server has no watchdog for idle sessions to be set.
pub(super) fn settings(purpose: Purpose) -> String {
    let lock_timeout = if purpose == Purpose::Look { "1000" } else { "5000" };
    format!(
        "SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; SET ARITHABORT ON; \
         SET CONCAT_NULL_YIELDS_NULL ON; SET QUOTED_IDENTIFIER ON; SET NUMERIC_ROUNDABORT OFF; \
         SET IMPLICIT_TRANSACTIONS OFF; SET XACT_ABORT ON; SET NOCOUNT OFF; SET ROWCOUNT 0; \
         SET TEXTSIZE 2147483647; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCK_TIMEOUT {lock_timeout}"
    )
}

/// The first thing that is said on a connection.
pub(super) async fn greet(connection: &mut Connection, purpose: Purpose) -> Result<(), DbError> {
    let text = settings(purpose);
    let answer = match connection.simple_query(text.as_str()).await {
        Ok(stream) => stream.into_results().await,
        Err(error) => Err(error),
    };
    answer.map(drop).map_err(|error| errors::fact(error, &text))
}

/// The connection is gone.
pub(super) fn closed() -> DbError {
    driver::lost("the connection is closed")
}
