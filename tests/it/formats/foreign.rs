//! A folder of another tool's migrations beside a test's database: what `plan` says of it, and a run that we lead.

use std::path::PathBuf;
use std::time::Duration;

use bellwether::formats;
use serde_json::Value;

use crate::support::{Bellwether, Finished, Server, TestDatabase};

/// A JVM starts slowly where many start at once.
const SOON: Duration = Duration::from_secs(180);

pub struct Foreign<'a> {
    pub db: &'a TestDatabase,
    /// The migrations.
    pub folder: PathBuf,
    format: &'static str,
}

impl<'a> Foreign<'a> {
    /// An empty folder, called `migrations`. A file of SQLite's is made.
    pub fn new(db: &'a TestDatabase, format: &'static str) -> Self {
        db.sql("create table earlier (id int)");
        Self::within(db, format, format)
    }

    /// The same in a folder of this name, for a test of several.
    pub fn within(db: &'a TestDatabase, format: &'static str, name: &str) -> Self {
        let folder = db.folder().join(name).join("migrations");
        std::fs::create_dir_all(&folder).unwrap();
        Self { db, folder, format }
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The folder above, in which the tool is run.
    pub fn project(&self) -> PathBuf {
        self.folder.parent().unwrap().to_owned()
    }

    /// What a checksum of the format's own is, in order.
    pub fn checksums(&self) -> Vec<Vec<u8>> {
        let bundle = formats::find(Some(self.format), &self.folder).unwrap().0.read(&self.folder).unwrap();
        bundle.migrations.into_iter().map(|migration| migration.checksum).collect()
    }

    fn ours(&self, verb: &str) -> Bellwether {
        let ours = Bellwether::new(verb).on(self.db).arg("--migrations").arg(&self.folder);
        ours.args(["--format", self.format]).within(&self.project())
    }

    /// What `plan` says.
    #[track_caller]
    pub fn plan(&self) -> Value {
        let ended = self.ours("plan").args(["--release", "r1", "--role", "follow"]).run().expect(0);
        ended.events_named("plan")[0].clone()
    }

    /// `none`, `unknown`, or what is pending.
    #[track_caller]
    pub fn pending(&self) -> String {
        let pending = &self.plan()["pending"];
        match pending["versions"].as_array() {
            Some(versions) => versions.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join(" "),
            None => pending["state"].as_str().unwrap().to_owned(),
        }
    }

    /// What is pending is unknown for this reason.
    #[track_caller]
    pub fn is_unknown(&self, why: &str) {
        let plan = self.plan();
        assert_eq!(plan["pending"]["state"], "unknown");
        assert!(plan["next"].as_str().unwrap().contains(why), "{plan}");
    }

    /// Every migration with its state.
    #[track_caller]
    pub fn states(&self) -> Vec<String> {
        let word = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
        let plan = self.plan();
        let all = plan["migrations"].as_array().unwrap().iter();
        all.map(|it| format!("{} {}", word(it, "version"), word(it, "state"))).collect()
    }

    /// What `plan` says where this command would lead.
    #[track_caller]
    pub fn plan_of(&self, command: &str) -> Value {
        let config = format!(
            "environments: {{ default: {{ database: \"${{DATABASE_URL}}\", command: [{command:?}] }} }}\n"
        );
        std::fs::write(self.project().join("plan.yml"), config).unwrap();
        let ended =
            self.ours("plan").args(["-c", "plan.yml", "--release", "r1", "--role", "lead"]).run().expect(0);
        ended.events_named("plan")[0].clone()
    }

    /// We lead, and this is our command.
    pub fn lead(&self, release: &str, command: &[&str]) -> Finished {
        let ours = self.ours("lead").release(release).participant("shop-web");
        ours.arg("--").args(command).spawn().wait(SOON)
    }

    /// A name as the tool quotes it on this server.
    pub fn quoted(&self, name: &str) -> String {
        match self.db.server() {
            Server::MariaDb => format!("`{name}`"),
            Server::SqlServer => format!("[{name}]"),
            _ => format!("\"{name}\""),
        }
    }
}
