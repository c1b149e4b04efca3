//! One database per test: made by a root user, used over plain sqlx connections, dropped at the end.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Column as _, Connection as _, Executor as _, Row as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use url::Url;

use super::gate::Gate;
use super::server::Server;
use super::sqlserver;

/// A fresh database and a connection of its owner.
pub struct TestDatabase {
    server: Server,
    name: String,
    url: Url,
    folder: TempDir,
    session: Mutex<Option<Session>>,
    roles: Mutex<Vec<String>>,
    /// Of a server whose data goes with the test.
    goes_with_its_server: bool,
    lock_mode: Option<&'static str>,
    /// Where participants find it, if not by its own URL.
    way: Option<String>,
    is_cluster: bool,
}

/// A role of its own that may log in and do nothing else.
pub struct Reader {
    /// Its name on the server.
    pub name: String,
    /// The database's URL with its name and password.
    pub url: String,
}

/// Its password; one that must be percent-encoded in a URL.
pub const READER_PASSWORD: &str = "re@der/S3cret";

impl TestDatabase {
    /// See [`Server::database`].
    pub fn create(server: Server) -> Self {
        Self::created(server, server.root_url().as_deref(), false)
    }

    /// On a server of the test's own.
    pub fn create_at(server: Server, root: &str) -> Self {
        Self::created(server, Some(root), true)
    }

    fn created(server: Server, root: Option<&str>, goes_with_its_server: bool) -> Self {
        let name = format!("bw_{}", &uuid::Uuid::new_v4().simple().to_string()[..16]);
        match root {
            Some(root) if server == Server::SqlServer => {
                sqlserver::create_database(&mut Session::open(server, root), &name);
            }
            Some(root) => Session::open(server, root).run(&format!("create database {name}")),
            None => {}
        }
        Self::named(server, root, name, goes_with_its_server)
    }

    fn named(server: Server, root: Option<&str>, name: String, goes_with_its_server: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match root {
            Some(root) => {
                let mut url = Url::parse(root).unwrap();
                url.set_path(&name);
                if server == Server::SqlServer && url.query().is_none() {
                    url.set_query(Some("trustServerCertificate=true"));
                }
                url
            }
            None => Url::parse(&format!("sqlite://{}", folder.path().join("test.db").display())).unwrap(),
        };
        let (session, roles) = (Mutex::new(None), Mutex::default());
        Self {
            server,
            name,
            url,
            folder,
            session,
            roles,
            goes_with_its_server,
            lock_mode: None,
            way: None,
            is_cluster: false,
        }
    }

    /// A SQLite file in a folder that the test gives; [`Self::file`] is not where it is.
    pub fn in_folder(folder: &Path) -> Self {
        let mut db = Self::create(Server::Sqlite);
        db.url = Url::parse(&format!("sqlite://{}", folder.join("test.db").display())).unwrap();
        db
    }

    /// The same database on PostgreSQL's standby, which has a copy of it once it has come that far.
    pub fn copy_at(&self, root: &str) -> Self {
        let mut session = Session::open(self.server, root);
        let sql = format!("select 1 from pg_database where datname = '{}'", self.name);
        let end = Instant::now() + Duration::from_secs(60);
        while session.rows(&sql).is_empty() {
            assert!(Instant::now() < end, "the standby has not heard of {}", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
        Self::named(self.server, Some(root), self.name.clone(), true)
    }

    /// Every participant is told to use this lock mode.
    pub fn under(mut self, lock_mode: &'static str) -> Self {
        self.lock_mode = Some(lock_mode);
        self
    }

    /// It is on a node of a cluster, whose locks are no locks.
    pub fn of_a_cluster(mut self) -> Self {
        self.is_cluster = true;
        self
    }

    /// Participants come through a pooler in front of its server.
    pub fn behind(mut self, pooler: &str) -> Self {
        let mut way = Url::parse(pooler).unwrap();
        way.set_path(&self.name);
        self.way = Some(way.to_string());
        self
    }

    /// The URL that participants use.
    pub fn way(&self) -> &str {
        self.way.as_deref().unwrap_or(self.url.as_str())
    }

    /// The lock name of participants that are told nothing else. A stand-in's locks are not per database, and tests run
    /// side by side, so there each database has a name of its own.
    pub fn lock_name(&self) -> &str {
        let own = self.server == Server::SqlServer && sqlserver::is_stand_in();
        if own { &self.name } else { "default" }
    }

    /// Whether participants come through a pooler.
    pub fn is_pooled(&self) -> bool {
        self.way.is_some()
    }

    /// Whether participants use a lease, because they were told to or since there is no safe lock on their way.
    pub fn is_leased(&self) -> bool {
        self.lock_mode == Some("lease") || self.way.is_some() || self.is_cluster
    }

    /// The lock mode that participants are told to use; none: their default.
    pub fn lock_mode(&self) -> Option<&'static str> {
        self.lock_mode
    }

    /// The owner's connection is broken: the next use opens another.
    pub fn reconnect(&self) {
        *self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    /// The kind of server.
    pub fn server(&self) -> Server {
        self.server
    }

    /// The database's name on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of its owner, password included.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The URL with one thing changed: a wrong password, another port, a parameter.
    pub fn url_with(&self, change: impl FnOnce(&mut Url)) -> String {
        let mut url = self.url.clone();
        change(&mut url);
        url.to_string()
    }

    /// SQLite's file; it comes into being with the first use.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    /// A folder that lives as long as the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements as the owner. Panics if one fails.
    pub fn sql(&self, sql: &str) {
        self.with_session(|session| session.run(sql));
    }

    /// Runs a query as the owner: each value as the server writes it, `NULL` for none.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.with_session(|session| session.rows(sql))
    }

    /// The one column of a query.
    pub fn column(&self, sql: &str) -> Vec<String> {
        self.rows(sql).into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// The one value of a query that gives one row.
    pub fn value(&self, sql: &str) -> String {
        let mut rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.remove(0).remove(0)
    }

    /// Waits until a query gives a row. Panics after `limit`.
    pub fn wait_for_row(&self, sql: &str, limit: Duration) {
        let limit = self.within(limit);
        let end = Instant::now() + limit;
        while self.rows(sql).is_empty() {
            assert!(Instant::now() < end, "no row within {limit:?}: {sql}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the database has a table of this name.
    pub fn has_table(&self, table: &str) -> bool {
        let sql = match self.server {
            Server::Postgres => format!("select 1 from pg_tables where tablename = '{table}'"),
            Server::MariaDb => {
                format!(
                    "select 1 from information_schema.tables where table_schema = database() and table_name = '{table}'"
                )
            }
            Server::Sqlite => format!("select 1 from sqlite_master where name = '{table}'"),
            Server::SqlServer => format!("select 1 from sys.tables where name = '{table}'"),
        };
        !self.rows(&sql).is_empty()
    }

    /// The runs in the ledger, oldest first: leader and status.
    pub fn runs(&self) -> Vec<Vec<String>> {
        self.rows("select leader, status from bellwether_runs order by fence")
    }

    /// What the migrations of [`Migrations::counted`](super::migrations::Migrations::counted) left, in order.
    pub fn applied(&self) -> Vec<String> {
        self.column("select name from applied order by name")
    }

    /// The versions in the history that are whole, in order.
    pub fn history(&self) -> Vec<String> {
        // SQL Server has bits, and no truth values
        let whole = if self.server == Server::SqlServer { "success = 1" } else { "success" };
        self.column(&format!("select version from _sqlx_migrations where {whole} order by version"))
    }

    /// A new role that may connect and nothing else; [`Self::grant_select`] gives it more. Not for SQLite.
    ///
    /// On MariaDB a user without any privilege in a database may not even enter it, so it may read a table of ours there.
    pub fn reader(&self) -> Reader {
        let name = format!("{}_r{}", self.name, self.roles.lock().unwrap().len());
        match self.server {
            Server::Postgres => self.sql(&format!("create role {name} login password '{READER_PASSWORD}'")),
            Server::MariaDb => {
                self.sql("create table if not exists open_to_all (id int primary key)");
                self.sql(&format!("create user {name}@'%' identified by '{READER_PASSWORD}'"));
                self.sql(&format!("grant select on {}.open_to_all to {name}@'%'", self.name));
            }
            Server::SqlServer => {
                self.sql(&format!("create login {name} with password = '{READER_PASSWORD}'"));
                self.sql(&format!("create user {name} for login {name}"));
            }
            Server::Sqlite => panic!("SQLite has no roles"),
        }
        self.roles.lock().unwrap().push(name.clone());
        let url = self.url_with(|url| {
            url.set_username(&name).unwrap();
            // set_password leaves what it may; a reserved character must be encoded by us
            url.set_password(Some(&READER_PASSWORD.replace('@', "%40").replace('/', "%2F"))).unwrap();
        });
        Reader { name, url }
    }

    /// Lets a role read tables.
    pub fn grant_select(&self, reader: &Reader, tables: &[&str]) {
        let mut sql = String::new();
        for table in tables {
            match self.server {
                Server::MariaDb => {
                    write!(sql, "grant select on {}.{table} to {}@'%';", self.name, reader.name).unwrap()
                }
                _ => write!(sql, "grant select on {table} to {};", reader.name).unwrap(),
            }
        }
        self.sql(&sql);
    }

    /// Lets a role read and write a table.
    pub fn grant_writes(&self, reader: &Reader, table: &str) {
        let (table, user) = match self.server {
            Server::MariaDb => (format!("{}.{table}", self.name), format!("{}@'%'", reader.name)),
            _ => (table.to_owned(), reader.name.clone()),
        };
        self.sql(&format!("grant select, insert, update, delete on {table} to {user}"));
    }

    /// A gate that holds a migration until the test opens it.
    pub fn gate(&self) -> Gate<'_> {
        Gate::new(self)
    }

    /// A statement that runs for about this long on the server, and longer when the machine is busy.
    pub fn sleep_sql(&self, seconds: f64) -> String {
        match self.server {
            Server::Postgres => format!("select pg_sleep({seconds});\n"),
            // a lone SLEEP that is killed counts as done; between two rows the server notices
            Server::MariaDb => {
                let half = seconds / 2.0;
                format!(
                    "set @slept = (select max(sleep(s)) from (select {half} s union all select {half}) t);\n"
                )
            }
            Server::Sqlite => super::gate::busy_sql(seconds),
            Server::SqlServer => sqlserver::sleep_sql(seconds),
        }
    }

    /// A connection of its own, for what must stay open beside the owner's: locks, transactions.
    pub fn session(&self) -> Session {
        Session::open(self.server, self.url())
    }

    fn with_session<T>(&self, work: impl FnOnce(&mut Session) -> T) -> T {
        let mut session = self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(session.get_or_insert_with(|| Session::open(self.server, self.url())))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let session = self.session.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        drop(session);
        if self.goes_with_its_server {
            return;
        }
        let Some(root) = self.server.root_url() else { return };
        let mut root = Session::open(self.server, &root);
        if self.server == Server::SqlServer {
            return sqlserver::drop_database(&mut root, &self.name, self.roles.get_mut().unwrap());
        }
        let force = if self.server == Server::Postgres { " with (force)" } else { "" };
        root.run(&format!("drop database {}{force}", self.name));
        for role in self.roles.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
            let kind = if self.server == Server::Postgres { "role" } else { "user" };
            root.run(&format!("drop {kind} if exists {role}"));
        }
    }
}

/// One connection, used from ordinary code.
pub struct Session {
    runtime: Runtime,
    connection: Connection,
}

enum Connection {
    Postgres(PgConnection),
    MySql(MySqlConnection),
    Sqlite(SqliteConnection),
    SqlServer(Box<sqlserver::Client>),
}

/// What every driver of sqlx does alike, without a trait of theirs that covers all three.
macro_rules! each {
    ($self:ident, $connection:ident => $work:expr, $client:ident => $other:expr) => {
        match &mut $self.connection {
            Connection::SqlServer($client) => $self.runtime.block_on(async { $other }),
            Connection::Postgres($connection) => $self.runtime.block_on(async { $work }),
            Connection::MySql($connection) => $self.runtime.block_on(async { $work }),
            Connection::Sqlite($connection) => $self.runtime.block_on(async { $work }),
        }
    };
}

impl Session {
    /// Connects; a missing SQLite file is created.
    pub fn open(server: Server, url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(async {
            match server {
                Server::Postgres => Connection::Postgres(PgConnection::connect(url).await.unwrap()),
                Server::MariaDb => Connection::MySql(MySqlConnection::connect(url).await.unwrap()),
                Server::Sqlite => {
                    let options: SqliteConnectOptions = url.parse().unwrap();
                    let options = options.create_if_missing(true).busy_timeout(Duration::from_secs(20));
                    Connection::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
                }
                Server::SqlServer => Connection::SqlServer(Box::new(sqlserver::connect(url).await)),
            }
        });
        Self { runtime, connection }
    }

    /// Connects to PostgreSQL through PgBouncer, which knows few of the parameters that a driver likes to begin with.
    pub fn through_pgbouncer(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = options.extra_float_digits(None);
        let connection = runtime.block_on(PgConnection::connect_with(&options)).unwrap();
        let connection = Connection::Postgres(connection);
        Self { runtime, connection }
    }

    /// Runs statements. Panics if one fails.
    pub fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|error| panic!("{error}\nin: {sql}"));
    }

    /// Runs statements.
    pub fn try_run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        each!(
            self,
            connection => connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop),
            client => sqlserver::rows(client, sql).await.map(drop)
        )
    }

    /// See [`TestDatabase::rows`].
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        // raw_sql has every value sent as text, so a string can be had of any type
        each!(self, connection => {
            let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap_or_else(|error| panic!("{error}\nin: {sql}"));
            rows.iter()
                .map(|row| {
                    row.columns()
                        .iter()
                        .map(|column| row.get_unchecked::<Option<String>, _>(column.ordinal()).unwrap_or_else(|| "NULL".into()))
                        .collect()
                })
                .collect()
        }, client => sqlserver::rows(client, sql).await.unwrap_or_else(|error| panic!("{error}\nin: {sql}")))
    }
}
