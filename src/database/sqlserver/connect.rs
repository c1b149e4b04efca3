//! From a [`Target`] to a connection, and what is set on it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tiberius::{AuthMethod, Client, Config};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::errors;
use super::tls::{self, Stop, Wire};
use crate::database::Purpose;
use crate::database::driver;
use crate::database::error::DbError;
use crate::database::url::{Target, sqlserver as names};

/// The driver over our own encryption.
pub(super) type Connection = Client<Compat<Wire>>;

/// Connects and logs in; follows a gateway to where it sends us, once, as Azure's does.
pub(super) async fn connect(target: &Target, purpose: Purpose) -> Result<(Connection, Arc<Stop>), DbError> {
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
) -> Result<(Connection, Arc<Stop>), tiberius::error::Error> {
    let stream = reach(host, port).await?;
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    let certified = certified(setting(target, names::CERTIFICATE), host);
    let wire = tls::secure(stream, &target.tls, &certified).await?;
    let config = config(target, purpose, (host, port));
    let stop = wire.stop();
    Ok((Client::connect(config, wire.compat_write()).await?, stop))
}

/// What a server's certificate may be made out to. `*.database.windows.net`, as Azure's portal writes it, is whoever is
/// under it: the host that we were sent to, or what is certified by a `*` of its own.
pub(super) fn certified(name: Option<&str>, host: &str) -> Vec<String> {
    match name {
        None => vec![host.to_owned()],
        Some(name) => match name.strip_prefix('*').filter(|suffix| suffix.starts_with('.')) {
            None => vec![name.to_owned()],
            Some(suffix) => {
                let host = Some(host)
                    .filter(|host| host.to_ascii_lowercase().ends_with(&suffix.to_ascii_lowercase()));
                host.map(str::to_owned).into_iter().chain([format!("any{suffix}")]).collect()
            }
        },
    }
}

/// Between two addresses of one name.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// A listener of an availability group has an address in each subnet, of which one answers, and the others may stay
/// silent: none is waited for alone.
async fn reach(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut addresses = tokio::net::lookup_host((host, port)).await?.peekable();
    let mut tries = JoinSet::new();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        match addresses.next() {
            Some(address) => drop(tries.spawn(TcpStream::connect(address))),
            None if tries.is_empty() => return Err(failed),
            None => {}
        }
        tokio::select! {
            biased;
            Some(tried) = tries.join_next() => match tried {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = error,
                Err(error) => failed = error.into(),
            },
            () = tokio::time::sleep(NEXT_ADDRESS), if addresses.peek().is_some() => {}
        }
    }
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
    // what a script selects is thrown away, and need not be text at all
    config.lossy_utf16_decoding(true);
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
