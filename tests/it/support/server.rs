//! Which servers and tools there are, by the variables of `scripts/servers` and `scripts/test`; what is absent is said
//! once, or fails where `BELLWETHER_REQUIRE` names it.

use std::collections::BTreeSet;
use std::env;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use super::database::TestDatabase;
use super::sqlserver;

/// The kinds of server that tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "it is the product's name")]
pub enum Server {
    Postgres,
    MariaDb,
    Sqlite,
    SqlServer,
}

impl Server {
    pub const ALL: [Self; 4] = [Self::Postgres, Self::MariaDb, Self::Sqlite, Self::SqlServer];

    /// As `BELLWETHER_REQUIRE` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
            Self::SqlServer => "sqlserver",
        }
    }

    /// Those that are there.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|server| server.is_available()).collect()
    }

    /// Whether it is there; says so if it is not, and panics if it must be.
    pub fn is_available(self) -> bool {
        self == Self::Sqlite || self.root_url().is_some()
    }

    /// The URL of a user who may do everything; none for SQLite or where the server is absent.
    pub fn root_url(self) -> Option<String> {
        match self {
            Self::Postgres => variable("postgres", "BELLWETHER_TEST_POSTGRES_URL"),
            Self::MariaDb => variable("mariadb", "BELLWETHER_TEST_MARIADB_URL"),
            Self::Sqlite => None,
            Self::SqlServer => variable("sqlserver", "BELLWETHER_TEST_SQLSERVER_URL"),
        }
    }

    /// A fresh database of a unique name, dropped at the end. The server must be available.
    pub fn database(self) -> TestDatabase {
        TestDatabase::create(self)
    }

    /// Runs a test with a fresh database, or skips it.
    pub fn with_database(self, test: fn(&TestDatabase)) {
        if self.is_available() {
            test(&self.database());
        }
    }

    /// The same, unless it is a stand-in that is slow.
    pub fn with_database_if_quick(self, test: fn(&TestDatabase)) {
        if self.is_available() && self.is_quick() {
            test(&self.database());
        }
    }

    /// Whether many participants can be tried on it: a stand-in for SQL Server may need seconds for each session.
    fn is_quick(self) -> bool {
        let quick = self != Self::SqlServer || sqlserver::is_quick();
        if !quick {
            absent("sqlserver-suites", "Babelfish reads T-SQL slowly in each new session unless it is warm");
        }
        quick
    }

    /// The same, where every participant is told to use a lease.
    pub fn with_database_under_lease(self, test: fn(&TestDatabase)) {
        if self.is_available() && self.is_quick() {
            test(&self.database().under("lease"));
        }
    }
}

/// Runs a test on a PostgreSQL database that participants reach through a pooler, or skips it.
pub fn with_database_behind_pooler(test: fn(&TestDatabase)) {
    if let Some(pooler) = pgbouncer_url() {
        test(&Server::Postgres.database().behind(&pooler));
    }
}

/// Runs a test on a node of a Galera cluster, or skips it.
pub fn with_database_of_galera(test: fn(&TestDatabase)) {
    if let Some(root) = galera_url() {
        test(&TestDatabase::create_at(Server::MariaDb, &root).of_a_cluster());
    }
}

/// PgBouncer in transaction mode in front of the PostgreSQL server: the URL of its database `postgres`.
pub fn pgbouncer_url() -> Option<String> {
    variable("pgbouncer", "BELLWETHER_TEST_PGBOUNCER_URL")
}

/// A node of a Galera cluster: the URL of its root user.
pub fn galera_url() -> Option<String> {
    variable("galera", "BELLWETHER_TEST_GALERA_URL")
}

/// The library that moves a process's clock, as `LD_PRELOAD` wants it.
pub fn faketime_library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|folder| folder.path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|file| file.is_file());
    if found.is_none() {
        absent("faketime", "libfaketime is not installed");
    }
    found
}

/// Where a tool is: `sqlx` (sqlx-cli 0.9), `psql`, `mariadb`, `sqlite3`. None, and a printed skip, if it is absent.
pub fn tool(name: &str) -> Option<PathBuf> {
    let (requirement, given) = match name {
        "sqlx" => ("sqlx-cli", env::var_os("BELLWETHER_TEST_SQLX_CLI").map(PathBuf::from)),
        "sqlite3" => ("sqlite", None),
        "psql" => ("postgres", None),
        other => (other, None),
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let found = given
        .into_iter()
        .chain([own.join(name)])
        .chain(env::split_paths(&path).map(|folder| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        absent(requirement, &format!("the tool {name} is not installed"));
    }
    found
}

/// The program of a tool that an example runs, `django`'s being a Python: by the variable that `scripts/tools` prints.
pub fn example_tool(requirement: &str, name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    if value.is_none() {
        absent(requirement, &format!("{name} is not set; `eval \"$(scripts/tools)\"` sets it"));
    }
    value.map(PathBuf::from)
}

fn variable(requirement: &str, name: &str) -> Option<String> {
    let value = env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        let how = match requirement {
            // of which there is no package
            "sqlserver" => "compose.yaml says how",
            _ => "`eval \"$(scripts/servers start)\"` sets it",
        };
        absent(requirement, &format!("{name} is not set; {how}"));
    }
    value
}

/// Says that the test at work, or some of it, is skipped, and why.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let _ =
        writeln!(std::io::stderr(), "\nskipped, or in part: {} ({why})", thread.name().unwrap_or("a test"));
}

/// Says that it is not there, once; panics where it has to be.
pub fn absent(what: &str, why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let required = env::var("BELLWETHER_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name.trim() == what),
        "BELLWETHER_REQUIRE asks for {what}, but {why}"
    );
    if SAID.lock().unwrap().insert(what.to_owned()) {
        // not eprintln!, which the test harness swallows when the test passes
        let _ = writeln!(std::io::stderr(), "\nskipped: {what} ({why})");
    }
}
