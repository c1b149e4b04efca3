//! Where it all happens: programs, servers, databases, files. Starts processes and asks servers; measures nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::stats::ms;

/// Who is compared.
#[derive(Clone, Copy)]
pub enum Tool {
    Bellwether,
    Psql,
    Sqlx,
}

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bellwether => "bellwether",
            Self::Psql => "psql",
            Self::Sqlx => "sqlx",
        }
    }
}

/// Programs and servers, from the environment that `scripts/bench` makes.
pub struct Place {
    bellwether: PathBuf,
    psql: PathBuf,
    sqlx: PathBuf,
    mariadb_client: PathBuf,
    folder: PathBuf,
    pub page: PathBuf,
    servers: Vec<Server>,
}

/// One server.
#[derive(Clone)]
pub struct Server {
    pub name: &'static str,
    /// Without the database.
    base: String,
    client: PathBuf,
}

/// One database, dropped by hand.
pub struct Database {
    server: Server,
    pub name: String,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/bench"))
}

impl Place {
    pub fn from_environment() -> Self {
        let psql = PathBuf::from(variable("BENCH_PSQL"));
        let mariadb_client = PathBuf::from(variable("BENCH_MARIADB"));
        let server = |name, url: &str, client: &Path| {
            let (base, _) = url.rsplit_once('/').expect("a URL with a database");
            Server { name, base: base.to_owned(), client: client.to_owned() }
        };
        let folder = PathBuf::from(variable("BELLWETHER_TEST_SERVERS")).join("bench");
        fs::create_dir_all(&folder).expect("a folder for the migrations");
        Self {
            bellwether: variable("BENCH_BELLWETHER").into(),
            sqlx: variable("BENCH_SQLX").into(),
            page: variable("BENCH_PAGE").into(),
            servers: vec![
                server("PostgreSQL", &variable("BELLWETHER_TEST_POSTGRES_URL"), &psql),
                server("MariaDB", &variable("BELLWETHER_TEST_MARIADB_URL"), &mariadb_client),
            ],
            psql,
            mariadb_client,
            folder,
        }
    }

    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    pub fn postgres(&self) -> &Server {
        &self.servers[0]
    }

    /// A tool that need not be here: where this variable says.
    pub fn tool(&self, name: &str) -> Option<PathBuf> {
        std::env::var_os(name).map(PathBuf::from)
    }

    /// What the programs say of themselves.
    pub fn versions(&self) -> Vec<String> {
        let said = |program: &Path| {
            let out = Command::new(program).arg("--version").output().expect("it can be started");
            String::from_utf8_lossy(&out.stdout).trim().to_owned()
        };
        [&self.bellwether, &self.psql, &self.sqlx, &self.mariadb_client].map(|program| said(program)).to_vec()
    }

    /// An empty folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        let _ = fs::remove_dir_all(&folder); // it need not be there
        fs::create_dir_all(&folder).expect("a folder for the migrations");
        folder
    }

    /// A program that sees nothing of our environment and says nothing.
    pub fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub fn bellwether(&self, database: &Database, verb: &str, migrations: &Path) -> Command {
        let mut command = self.program(&self.bellwether);
        command.args([verb, "--participant", "bench", "--release", "1", "--migrations"]).arg(migrations);
        command.env("DATABASE_URL", database.url());
        command
    }

    /// `true` under the lock of the database at `url`.
    pub fn around_true(&self, url: &str, verb: &str, release: &str) -> Command {
        let mut command = self.program(&self.bellwether);
        command.args([verb, "--participant", "bench", "--release", release, "--", "true"]);
        command.env("DATABASE_URL", url);
        command
    }

    /// `true` alone.
    pub fn alone(&self) -> Command {
        self.program(Path::new("true"))
    }

    pub fn psql(&self, database: &Database) -> Command {
        let mut command = self.program(&self.psql);
        command.args(["-X", "-d"]).arg(database.url());
        command
    }

    pub fn sqlx(&self, database: &Database, migrations: &Path) -> Command {
        let mut command = self.program(&self.sqlx);
        command.args(["migrate", "run", "--no-dotenv", "--source"]).arg(migrations);
        command.env("DATABASE_URL", database.url());
        command
    }

    pub fn run(&self, command: &mut Command) {
        let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(status.success(), "{command:?}: {status}");
    }
}

impl Server {
    pub fn is_postgres(&self) -> bool {
        self.name == "PostgreSQL"
    }

    /// A new, empty one.
    pub fn database(&self, name: &str) -> Database {
        let database = Database { server: self.clone(), name: format!("bench_{name}") };
        database.administer(&format!("drop database if exists {}", database.name));
        database.administer(&format!("create database {}", database.name));
        database
    }

    /// A script that takes so long.
    pub fn sleep(&self, seconds: u32) -> String {
        if self.is_postgres() {
            format!("SELECT pg_sleep({seconds});\n")
        } else {
            format!("DO SLEEP({seconds});\n")
        }
    }

    fn ask(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(&self.client);
        if self.is_postgres() {
            command.args(["-XAtq", "-d", &format!("{}/{database}", self.base), "-c", sql]);
        } else {
            let rest = self.base.split_once("://").expect("a URL").1;
            let (user, address) = rest.split_once('@').expect("a user");
            let (user, password) = user.split_once(':').expect("a password");
            let (host, port) = address.split_once(':').expect("a port");
            command.args(["--no-defaults", "--protocol=tcp", "-N", "-B", "-u", user, "-h", host, "-P", port]);
            command.args(["-D", database, "-e", sql]).env("MYSQL_PWD", password);
        }
        let out = command.output().expect("the server's client can be started");
        assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }
}

impl Database {
    pub fn url(&self) -> String {
        format!("{}/{}", self.server.base, self.name)
    }

    /// The one value that this answers.
    pub fn value(&self, sql: &str) -> String {
        self.server.ask(&self.name, sql)
    }

    /// From elsewhere, so that it does not count itself.
    pub fn administer(&self, sql: &str) -> String {
        self.server.ask(if self.server.is_postgres() { "postgres" } else { "mysql" }, sql)
    }

    pub fn drop(&self) {
        let force = if self.server.is_postgres() { " with (force)" } else { "" };
        self.administer(&format!("drop database {}{force}", self.name));
    }
}

/// What a migration of this number runs.
pub fn create(number: &str) -> String {
    format!("CREATE TABLE item_{number} (id bigint PRIMARY KEY, name text NOT NULL);\n")
}

pub fn write_migrations(folder: &Path, count: usize) {
    for number in 1..=count {
        let file = folder.join(format!("{number:04}_item_{number}.sql"));
        fs::write(file, create(&number.to_string())).expect("a migration");
    }
}

/// The same as somebody would do it by hand: with a history of the same columns.
pub fn write_script(file: &Path, count: usize) {
    let mut script = String::from(
        "CREATE TABLE history (version bigint PRIMARY KEY, description text NOT NULL, \
         installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, \
         execution_time bigint NOT NULL);\n",
    );
    for number in 1..=count {
        let checksum = format!("{number:096x}");
        script.push_str("BEGIN;\n");
        script.push_str(&create(&number.to_string()));
        script.push_str(&format!(
            "INSERT INTO history (version, description, success, checksum, execution_time) \
             VALUES ({number}, 'item {number}', true, '\\x{checksum}', 1);\nCOMMIT;\n"
        ));
    }
    fs::write(file, script).expect("a script");
}

/// A process that was watched to its end.
pub struct Ended {
    began: Instant,
    pub at: Instant,
    status: ExitStatus,
    peak_kib: u64,
}

impl Ended {
    pub fn took(&self) -> f64 {
        ms(self.at.duration_since(self.began))
    }

    #[allow(clippy::cast_precision_loss)]
    pub fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / 1024.0
    }

    pub fn expect_success(&self, what: &str) {
        assert!(self.status.success(), "{what}: {}", self.status);
    }
}

/// Waits for its end, and reads its peak of memory meanwhile.
pub fn watch(mut child: Child) -> Ended {
    let began = Instant::now();
    let status_file = format!("/proc/{}/status", child.id());
    let reader = thread::spawn(move || {
        let mut peak = 0;
        while let Some(now) = fs::read_to_string(&status_file).ok().as_deref().and_then(high_water) {
            peak = now.max(peak);
            thread::sleep(Duration::from_millis(20));
        }
        peak
    });
    let status = child.wait().expect("a child that is ours");
    let at = Instant::now();
    Ended { began, at, status, peak_kib: reader.join().expect("the reader ends") }
}

/// `VmHWM`, KiB; none once the process has given its memory back.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
