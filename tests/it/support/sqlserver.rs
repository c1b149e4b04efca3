//! SQL Server, or a stand-in, by its driver alone and without encryption: what tests look at must not go through what
//! they test.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tiberius::{AuthMethod, ColumnData, Config};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};
use url::Url;

use super::database::Session;
use super::server::Server;

pub type Client = tiberius::Client<Compat<TcpStream>>;

/// Whether it is Babelfish, which stands in where there is no SQL Server and does less. The server is asked, once.
pub fn is_stand_in() -> bool {
    static STAND_IN: OnceLock<bool> = OnceLock::new();
    // on a thread of its own: a test may be inside a runtime
    let ask = || {
        Server::SqlServer.root_url().is_some_and(|url| {
            let found =
                Session::open(Server::SqlServer, &url).rows("select charindex('Babelfish', @@version)");
            found != [["0"]]
        })
    };
    *STAND_IN.get_or_init(|| std::thread::scope(|scope| scope.spawn(ask).join().unwrap()))
}

/// Whether it is no stand-in, or one whose first process has read our statements before it made the others: else each
/// session takes seconds of a processor for its first look. Who warms one up says so in its setting `bellwether.warm`.
pub fn is_quick() -> bool {
    static QUICK: OnceLock<bool> = OnceLock::new();
    let ask = || {
        let url = Server::SqlServer.root_url().unwrap_or_default();
        Session::open(Server::SqlServer, &url).try_run("select current_setting('bellwether.warm')").is_ok()
    };
    *QUICK.get_or_init(|| !is_stand_in() || std::thread::scope(|scope| scope.spawn(ask).join().unwrap()))
}

/// How much longer than a server a stand-in may take: each of its sessions learns to read T-SQL anew.
pub fn slowness() -> u32 {
    if is_stand_in() { 4 } else { 1 }
}

/// A test's statements, written for the others: what is said at the end there is said at the beginning here.
fn in_t_sql(sql: &str) -> String {
    let Some((head, count)) = sql.rsplit_once(" limit ") else { return sql.to_owned() };
    match (count.parse::<u32>(), head.strip_prefix("select ")) {
        (Ok(count), Some(rest)) => format!("select top ({count}) {rest}"),
        _ => sql.to_owned(),
    }
}

/// A statement that lets some time pass on the server. Babelfish has no WAITFOR, and calls PostgreSQL's functions.
pub fn sleep_sql(seconds: f64) -> String {
    let ms = (seconds * 1000.0) as u64;
    match is_stand_in() {
        true => format!("exec pg_sleep {seconds};\n"),
        false => {
            format!("waitfor delay '00:{:02}:{:02}.{:03}';\n", ms / 60_000, ms / 1000 % 60, ms % 1000)
        }
    }
}

/// Logs in by `sqlserver://user:password@host:port/database`.
pub async fn connect(url: &str) -> Client {
    let url = Url::parse(url).unwrap();
    let text = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server(
        text(url.username()),
        text(url.password().unwrap_or_default()),
    ));
    // a stand-in may be busy
    config.handshake_timeout(None);
    config.database(text(url.path().trim_start_matches('/')));
    let place = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(1433));
    let stream = TcpStream::connect(place).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Client::connect(config, stream.compat_write()).await.unwrap()
}

/// The rows of the last statement that returned some, each value as text, `NULL` for none. Batches are cut at `GO`.
pub async fn rows(client: &mut Client, sql: &str) -> Result<Vec<Vec<String>>, sqlx::Error> {
    let mut last = Vec::new();
    for batch in in_t_sql(sql).split("\nGO\n") {
        let answer = match client.simple_query(batch.to_owned()).await {
            Ok(stream) => stream.into_results().await,
            Err(error) => Err(error),
        };
        // an error of sqlx's type, which tests read of every server
        let mut sets = answer.map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
        last = sets.pop().unwrap_or_default();
    }
    Ok(last.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}

fn text(data: ColumnData<'static>) -> String {
    let text = match data {
        ColumnData::U8(number) => number.map(|number| number.to_string()),
        ColumnData::I16(number) => number.map(|number| number.to_string()),
        ColumnData::I32(number) => number.map(|number| number.to_string()),
        ColumnData::I64(number) => number.map(|number| number.to_string()),
        ColumnData::Bit(truth) => truth.map(|truth| u8::from(truth).to_string()),
        ColumnData::String(text) => text.map(|text| text.into_owned()),
        other => panic!("a test asks for {other:?}"),
    };
    text.unwrap_or_else(|| "NULL".to_owned())
}

/// Makes a database. Two at once can be one too many for a stand-in.
pub fn create_database(root: &mut Session, name: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while let Err(error) = root.try_run(&format!("create database {name}")) {
        assert!(Instant::now() < end, "{error}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Drops a database once nobody is in it: a session that has just ended may be seen for a moment.
pub fn drop_database(root: &mut Session, name: &str, logins: &[String]) {
    let end = Instant::now() + Duration::from_secs(if std::thread::panicking() { 1 } else { 30 });
    // the server ends others' sessions at once; a stand-in must be told of each
    if !is_stand_in() {
        let _ = root.try_run(&format!("alter database {name} set single_user with rollback immediate"));
    }
    while root.try_run(&format!("drop database {name}")).is_err() {
        for session in root.rows(&format!(
            "select session_id from sys.dm_exec_sessions where database_id = db_id('{name}') and session_id is not null"
        )) {
            let _ = root.try_run(&format!("kill {}", session[0]));
        }
        if Instant::now() > end {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    for login in logins {
        let _ = root.try_run(&format!("drop login {login}"));
    }
}
