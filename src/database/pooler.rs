//! Whether a pooler stands between us and PostgreSQL: never, where the server sees the very connection that we have
//! open; else one session's server process changes while another holds a transaction open. Takes no lock that could
//! leak.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
use std::time::Duration;

use nix::sys::socket::{SockaddrStorage, getpeername, getsockname};
use tokio::time::{Instant, timeout};

use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::{Row, Statement};
use crate::database::{Database, postgres};

/// One round finds a pooler that has nothing else to do; ten find a busy one.
const ROUNDS: usize = 10;
/// So many are enough where they took [`LONG`]: four exchanges each, on a link that is slow.
const ENOUGH: usize = 7;
const LONG: Duration = Duration::from_secs(10);
/// Where even these take longer, nothing is known.
const LONGEST: Duration = Duration::from_secs(20);
/// How long there may be no answer: a pooler that has no server connection for us, or one for the two of us, lets us wait.
const ANSWER: Duration = Duration::from_secs(10);

/// What stands between two sessions and their server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// No pooler, as far as they can tell.
    Nothing,
    /// A pooler in transaction mode.
    Pooler,
    /// There was no answer in time: the sessions are in the middle of a statement, or of a transaction.
    Untold,
}

/// Both ends of a session's connection, as the server sees them.
const ENDS: &str = "SELECT pg_catalog.host(pg_catalog.inet_client_addr()), pg_catalog.inet_client_port(), \
    pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.inet_server_port(), pg_catalog.pg_backend_pid()";

/// To be asked before either session is identified, since that sets them up, and through a pooler the settings would
/// reach the application's connections. Nothing is between on anything that is not PostgreSQL. Errors are those of the
/// sessions.
pub async fn probe_pooler(a: &mut dyn Database, b: &mut dyn Database) -> Result<Between, DbError> {
    let Ok(direct) = timeout(ANSWER, is_direct(a)).await else { return Ok(Between::Untold) };
    if direct? { Ok(Between::Nothing) } else { between(a, b).await }
}

/// Rounds with two sessions of one server, of which `a` is not known to be direct: whether `a` moves from one server
/// process to another.
pub async fn between(a: &mut dyn Database, b: &mut dyn Database) -> Result<Between, DbError> {
    let began = Instant::now();
    let Ok(first) = timeout(ANSWER, backend(a)).await else { return Ok(Between::Untold) };
    let first = first?;
    for stood_still in 0..ROUNDS {
        let passed = began.elapsed();
        if stood_still >= ENOUGH && passed >= LONG {
            break;
        }
        let limit = ANSWER.min(LONGEST.saturating_sub(passed));
        let Ok(moved) = timeout(limit, moves(first, a, b)).await else { return Ok(Between::Untold) };
        if moved? {
            return Ok(Between::Pooler);
        }
    }
    Ok(Between::Nothing)
}

/// One round.
async fn moves(first: i64, a: &mut dyn Database, b: &mut dyn Database) -> Result<bool, DbError> {
    b.script("BEGIN; SELECT 1").await?;
    let meanwhile = backend(a).await;
    b.script("COMMIT").await?;
    // the process that is freed last is lent first: else two that have settled would go on with one each
    Ok(meanwhile? != first || backend(a).await? != first)
}

/// True if no pooler can be in between, found with one session and one exchange: the server has a connection with the
/// same two ends as one of ours, and a pooler's own would have other ends: in one network, no two connections have the
/// same. Each machine's loopback is a network of its own, so there the server's process has to be on this machine too.
/// False proves nothing: there may be a tunnel or a translated address, or a socket in the file system. True on anything
/// that is not PostgreSQL.
pub async fn is_direct(session: &mut dyn Database) -> Result<bool, DbError> {
    if session.dialect().name != postgres::DIALECT.name {
        return Ok(true);
    }
    let ends = Statement::new(session.dialect(), &[], ENDS, vec![]);
    match session.query(&ends).await {
        Ok(reply) => Ok(reply.rows.first().is_some_and(|row| {
            ends_in(row)
                .is_some_and(|ends| (!ends.1.ip().is_loopback() || is_here(row)) && have_connection(ends))
        })),
        // a server that is like PostgreSQL, and does not know these functions
        Err(error) if matches!(error.kind, DbErrorKind::Statement | DbErrorKind::Privilege) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The client's end and the server's; none where the connection is no network's.
fn ends_in(row: &Row) -> Option<(SocketAddr, SocketAddr)> {
    let end = |at: usize| {
        let address: IpAddr = row.opt_text(at).ok()??.parse().ok()?;
        let port = u16::try_from(row.opt_int(at + 1).ok()??).ok()?;
        Some(SocketAddr::new(address.to_canonical(), port))
    };
    Some((end(0)?, end(2)?))
}

/// Whether the server's process is one of this machine's.
fn is_here(row: &Row) -> bool {
    let name = |pid: i64| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    row.opt_int(4).ok().flatten().and_then(name).is_some_and(|name| name.trim_end() == "postgres")
}

/// Whether this process has a connection with these ends, ours and the other, open. The driver does not say which
/// socket is the session's, and it does not matter.
fn have_connection((ours, theirs): (SocketAddr, SocketAddr)) -> bool {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return false };
    let mut numbers = open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok());
    numbers.any(|number| {
        let end = |name: nix::Result<SockaddrStorage>| address(&name.ok()?);
        end(getsockname(number)) == Some(ours) && end(getpeername(number)) == Some(theirs)
    })
}

fn address(socket: &SockaddrStorage) -> Option<SocketAddr> {
    let address = match (socket.as_sockaddr_in(), socket.as_sockaddr_in6()) {
        (Some(v4), _) => SocketAddr::V4(SocketAddrV4::from(*v4)),
        (None, Some(v6)) => SocketAddr::V6(SocketAddrV6::from(*v6)),
        (None, None) => return None,
    };
    // without a link-local address's scope, which the server does not name
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

async fn backend(session: &mut dyn Database) -> Result<i64, DbError> {
    let statement = Statement::new(session.dialect(), &[], "SELECT pg_catalog.pg_backend_pid()", vec![]);
    let reply = session.query(&statement).await?;
    reply.rows.first().map_or(Ok(0), |row| row.int(0))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use async_trait::async_trait;
    use tokio::time::sleep;

    use super::*;
    use crate::database::{Dialect, Holder, LockKey, Reply, Server, Value};

    /// A session on a link that takes its time, with a server process for each question.
    struct Far {
        exchange: Duration,
        asked: usize,
        process: fn(usize) -> i64,
    }

    fn far(milliseconds: u64, process: fn(usize) -> i64) -> Far {
        Far { exchange: Duration::from_millis(milliseconds), asked: 0, process }
    }

    #[async_trait]
    impl Database for Far {
        fn dialect(&self) -> &'static Dialect {
            &postgres::DIALECT
        }
        async fn identify(&mut self) -> Result<Server, DbError> {
            Err(DbError::new(DbErrorKind::Unsupported, "nobody asks"))
        }
        async fn query(&mut self, _: &Statement) -> Result<Reply, DbError> {
            sleep(self.exchange).await;
            self.asked += 1;
            Ok(Reply { rows: vec![Row(vec![Value::Int((self.process)(self.asked))])], affected: 0 })
        }
        async fn script(&mut self, _: &str) -> Result<(), DbError> {
            sleep(self.exchange).await;
            Ok(())
        }
        async fn try_lock(&mut self, _: &LockKey) -> Result<bool, DbError> {
            Ok(false)
        }
        async fn unlock(&mut self, _: &LockKey) -> Result<(), DbError> {
            Ok(())
        }
        async fn holder(&mut self, _: &LockKey) -> Result<Holder, DbError> {
            Ok(Holder::Free)
        }
        async fn notified(&mut self) -> Result<(), DbError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_link_is_no_pooler_and_one_that_is_too_slow_tells_nothing() {
        const NEVER: u64 = 3_600_000;
        let same = |_| 7;
        // `a` is asked once before the rounds, and twice in each
        for (a, b, expected, asked, seconds) in [
            (far(10, same), 10, Between::Nothing, 21, 1),
            (far(300, same), 300, Between::Nothing, 19, 12),
            (far(650, same), 650, Between::Nothing, 15, 19),
            (far(1000, same), 1000, Between::Untold, 10, 20),
            (far(NEVER, same), 10, Between::Untold, 0, 10),
            (far(10, same), NEVER, Between::Untold, 1, 11),
            // one that moves late: in the middle of the seventh round, and after it
            (far(300, |asked| i64::from(asked == 14)), 300, Between::Pooler, 14, 10),
            (far(300, |asked| i64::from(asked == 15)), 300, Between::Pooler, 15, 10),
        ] {
            let (began, mut a, mut b) = (Instant::now(), a, far(b, same));
            let case = format!("{:?} {:?}", a.exchange, b.exchange);
            assert_eq!(between(&mut a, &mut b).await.expect("no error"), expected, "{case}");
            assert_eq!(a.asked, asked, "{case}");
            assert!(began.elapsed() <= Duration::from_secs(seconds), "{case}: {:?}", began.elapsed());
        }
    }

    fn row(client: SocketAddr, server: SocketAddr) -> Row {
        let end = |end: SocketAddr| [Value::Text(end.ip().to_string()), Value::Int(end.port().into())];
        Row([end(client), end(server)].concat())
    }

    fn is_ours(row: &Row) -> bool {
        ends_in(row).is_some_and(have_connection)
    }

    #[test]
    fn a_connection_is_ours_while_it_is_open_and_by_both_of_its_ends() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let theirs = server.local_addr().expect("an address");
        let stream = TcpStream::connect(theirs).expect("a connection");
        let ours = stream.local_addr().expect("an address");
        let (accepted, _) = server.accept().expect("a connection");
        assert!(is_ours(&row(ours, theirs)));
        let mapped = IpAddr::V6("::ffff:127.0.0.1".parse().expect("an address"));
        assert!(is_ours(&row(SocketAddr::new(mapped, ours.port()), theirs)));
        // a pooler on this machine, on the server's side of it
        let other = SocketAddr::new(ours.ip(), ours.port() ^ 1);
        assert!(!is_ours(&row(other, theirs)));
        assert!(!is_ours(&row(ours, other)));
        drop((stream, accepted));
        assert!(!is_ours(&row(ours, theirs)));
    }

    #[test]
    fn a_server_process_of_another_machine_is_not_here() {
        let ends = || vec![Value::Null, Value::Null, Value::Null, Value::Null];
        let with = |pid: Value| Row([ends(), vec![pid]].concat());
        assert!(!is_here(&with(Value::Null)));
        assert!(
            !is_here(&with(Value::Int(i64::from(std::process::id())))),
            "there is one, and it is no server"
        );
        assert!(!is_here(&with(Value::Int(-1))));
    }

    #[test]
    fn a_connection_that_is_no_networks_proves_nothing() {
        assert!(!is_ours(&Row(vec![Value::Null, Value::Null, Value::Null, Value::Null])));
        assert!(!is_ours(&Row(vec![])));
    }
}
