//! A project of a tool's own: its files, its database, the tool run by hand or led by us, and what we say of its history.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::server::example_tool;
use crate::support::{Bellwether, Finished, TestDatabase};

/// A tool of Node starts slowly where many start at once.
const SOON: Duration = Duration::from_secs(120);

pub struct Project<'a> {
    db: &'a TestDatabase,
    folder: PathBuf,
    /// What the tool reads as its database's URL.
    url: String,
    path: OsString,
    environment: Vec<(&'static str, OsString)>,
}

impl<'a> Project<'a> {
    /// A folder in which `node_modules` are the tool's; none, and a printed skip, if the tool is absent.
    pub fn of_node(db: &'a TestDatabase, tool: &str, variable: &str) -> Option<Self> {
        let program = example_tool(tool, variable)?;
        let programs = program.parent().unwrap();
        let folder = db.folder().join(tool);
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(programs.parent().unwrap(), folder.join("node_modules")).unwrap();
        let mut path = OsString::from(programs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        Some(Self { db, folder, url: db.url().to_owned(), path, environment: Vec::new() })
    }

    /// A folder for a tool that needs nothing in it; none, and a printed skip, if the tool is absent.
    pub fn of_program(db: &'a TestDatabase, tool: &str, variable: &str) -> Option<Self> {
        let program = example_tool(tool, variable)?;
        let folder = db.folder().join(tool);
        std::fs::create_dir(&folder).unwrap();
        let mut path = OsString::from(program.parent().unwrap());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        Some(Self { db, folder, url: db.url().to_owned(), path, environment: Vec::new() })
    }

    /// The same folder and tool with another database.
    pub fn on<'b>(&self, db: &'b TestDatabase) -> Project<'b> {
        let (folder, path) = (self.folder.clone(), self.path.clone());
        Project { db, folder, url: db.url().to_owned(), path, environment: self.environment.clone() }
    }

    /// With this in the tool's environment.
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// The tool is given this URL.
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.folder.join(from), self.folder.join(to)).unwrap();
    }

    /// Runs the tool by hand; whether it succeeded, and all that it said.
    pub fn tool(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("DATABASE_URL", &self.url);
        let output = command.envs(self.environment.clone()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Us, in the project.
    pub fn bellwether(&self, verb: Bellwether, migrations: &str) -> Bellwether {
        let path: &Path = &self.folder.join(migrations);
        let ours = verb.url(self.db.way()).arg("--migrations").arg(path).within(&self.folder);
        self.environment
            .iter()
            .fold(ours.env("PATH", &self.path), |ours, (name, value)| ours.env(name, value))
    }

    /// What `plan` says of the folder.
    pub fn plan(&self, migrations: &str) -> Plan {
        let ended = self
            .bellwether(Bellwether::new("plan").release("r1"), migrations)
            .args(["--role", "follow"])
            .run()
            .expect(0);
        Plan(ended.events_named("plan")[0].clone())
    }

    /// We lead a release, and the tool is our command.
    pub fn lead(&self, release: &str, migrations: &str, words: &[&str]) -> Finished {
        let ours =
            self.bellwether(Bellwether::new("lead").release(release), migrations).participant("shop-web");
        let url = format!("DATABASE_URL={}", self.url);
        ours.arg("--").args(["env", &url]).args(words).spawn().wait(SOON)
    }
}

pub struct Plan(pub Value);

impl Plan {
    pub fn format(&self) -> &str {
        self.0["format"].as_str().unwrap()
    }

    /// What would be done, and why what is pending is unknown.
    pub fn next(&self) -> &str {
        self.0["next"].as_str().unwrap()
    }

    /// `none`, `unknown`, or what is pending.
    pub fn pending(&self) -> String {
        let pending = &self.0["pending"];
        match pending["versions"].as_array() {
            Some(versions) => versions.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join(" "),
            None => pending["state"].as_str().unwrap().to_owned(),
        }
    }

    /// Every migration with its state.
    pub fn states(&self) -> Vec<String> {
        let migrations = self.0["migrations"].as_array().unwrap().iter();
        migrations
            .map(|it| format!("{} {}", it["version"].as_str().unwrap(), it["state"].as_str().unwrap()))
            .collect()
    }
}
