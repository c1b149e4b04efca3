//! A server of one test's own, which may crash, be restarted, be full, or have a standby: `scripts/servers` runs it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::database::TestDatabase;
use super::server::Server;

/// It is stopped, and its data is gone, when this goes.
pub struct OwnServer {
    server: Server,
    folder: TempDir,
    url: String,
    standby: Option<String>,
}

impl OwnServer {
    /// Starts one with so many connections. The kind of server must be available.
    pub fn start(server: Server, connections: u32) -> Self {
        Self::with(server, server.name(), connections)
    }

    /// PostgreSQL with an asynchronous hot standby.
    pub fn with_standby() -> Self {
        Self::with(Server::Postgres, "postgres,standby", 100)
    }

    fn with(server: Server, only: &str, connections: u32) -> Self {
        // TMPDIR may be one that the server's user cannot enter
        let folder = tempfile::Builder::new().prefix("bellwether-own.").tempdir_in("/tmp").unwrap();
        let started = script()
            .arg("start")
            .arg(folder.path())
            .args(["--owner", &std::process::id().to_string(), "--only", only])
            .args(["--max-connections", &connections.to_string()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let said = String::from_utf8(started.stdout).unwrap();
        let url = |name: &str| {
            let (_, rest) = said.split_once(&format!("BELLWETHER_TEST_{name}_URL='"))?;
            rest.split_once('\'').map(|(url, _)| url.to_owned())
        };
        let main =
            url(&server.name().to_uppercase()).unwrap_or_else(|| panic!("no {}: {said}", server.name()));
        Self { server, folder, url: main, standby: url("STANDBY") }
    }

    /// The URL of its root user.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The standby's. Panics without one.
    pub fn standby_url(&self) -> &str {
        self.standby.as_deref().unwrap()
    }

    /// A fresh database on it.
    pub fn database(&self) -> TestDatabase {
        TestDatabase::create_at(self.server, &self.url)
    }

    /// Dies at once, as by a power cut; clients' connections break.
    pub fn crash(&self) {
        // PostgreSQL's children outlive a killed postmaster for a moment, and the next one would not start
        let signal = if self.server == Server::Postgres { "QUIT" } else { "KILL" };
        self.run(&["down"], &[self.server.name(), signal]);
    }

    /// Comes back on the same port.
    pub fn up(&self) {
        self.run(&["up"], &[self.server.name()]);
    }

    /// The standby becomes a primary.
    pub fn promote(&self) {
        self.run(&["promote"], &[]);
    }

    /// The process of a server, `postgres`, `standby`, `mariadb`.
    pub fn pid(&self, name: &str) -> i32 {
        let file = self.folder.path().join(format!("{name}.pid"));
        std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join(format!("{}.log", self.server.name()))).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Where its data is.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join(self.server.name()).join("data")
    }

    fn run(&self, before: &[&str], after: &[&str]) {
        let output = script().args(before).arg(self.folder.path()).args(after).output().unwrap();
        assert!(output.status.success(), "{before:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = script().arg("stop").arg(self.folder.path()).output();
    }
}

fn script() -> Command {
    let mut script = Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/servers"));
    script.stdin(Stdio::null());
    script
}
