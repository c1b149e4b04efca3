//! The examples with real tools, run in copies: twelve at once have one leader, a failure reaches all, and what a killed
//! leader had started is gone before the next one begins.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use url::Url;

use crate::readme::copy_folder;
use crate::support::gate::Gate;
use crate::support::server::example_tool;
use crate::support::{Bellwether, Running, Server, TestDatabase, on_servers};

const SOON: Duration = Duration::from_secs(30);
/// A leader that runs a command counts as dead 15 s after its last beat; the rest is a busy machine's.
const TAKEN_OVER: Duration = Duration::from_secs(60);

/// An example: a folder of this name, in which a tool of this name runs.
struct Tool {
    name: &'static str,
    /// Says where it is.
    variable: &'static str,
    /// A fifth migration: it inserts a plan, says so, waits until the file `$GATE` is there, and runs `STATEMENT`.
    gated: (&'static str, &'static str),
    /// The tool's own command that says whether all is applied, and the exit code that says no.
    status: Option<(&'static str, i32)>,
}

const DJANGO: Tool = Tool {
    name: "django",
    variable: "BELLWETHER_TEST_DJANGO_PYTHON",
    gated: (
        "shop/migrations/0005_late.py",
        r#"
import os, time
from django.db import migrations

def wait(apps, schema_editor):
    print("at the gate", flush=True)
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.02)

class Migration(migrations.Migration):
    dependencies = [("shop", "0004_index_emails")]
    operations = [
        migrations.RunSQL("INSERT INTO plans (name) VALUES ('late')"),
        migrations.RunPython(wait),
        migrations.RunSQL("STATEMENT"),
    ]
"#,
    ),
    status: Some(("[python, manage.py, migrate, --check]", 1)),
};

const ALEMBIC: Tool = Tool {
    name: "alembic",
    variable: "BELLWETHER_TEST_ALEMBIC",
    gated: (
        "versions/0005_late.py",
        r#"
import os, time
from alembic import op

revision = "0005"
down_revision = "0004"

def upgrade():
    op.execute("INSERT INTO plans (name) VALUES ('late')")
    print("at the gate", flush=True)
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.02)
    op.execute("STATEMENT")
"#,
    ),
    status: Some(("[alembic, current, --check-heads]", 255)),
};

/// Its migrations are SQL alone, so they wait in the server.
const DBMATE: Tool = Tool {
    name: "dbmate",
    variable: "BELLWETHER_TEST_DBMATE",
    gated: (
        "migrations/20240101000005_at the gate.sql",
        "-- migrate:up\nINSERT INTO plans VALUES (3, 'late');\nGATE STATEMENT;\n-- migrate:down\n",
    ),
    status: None,
};

const KNEX: Tool = Tool {
    name: "knex",
    variable: "BELLWETHER_TEST_KNEX",
    gated: (
        "migrations/20240101000005_late.js",
        r#"
const fs = require("fs");

exports.up = async (knex) => {
  await knex.raw("INSERT INTO plans (name) VALUES ('late')");
  console.log("at the gate");
  while (!fs.existsSync(process.env.GATE)) await new Promise((next) => setTimeout(next, 20));
  await knex.raw("STATEMENT");
};

exports.down = async () => {};
"#,
    ),
    status: None,
};

const ACTIVERECORD: Tool = Tool {
    name: "activerecord",
    variable: "BELLWETHER_TEST_ACTIVERECORD_RUBY",
    gated: (
        "migrate/20240101000005_late.rb",
        r#"
class Late < ActiveRecord::Migration[6.1]
  def up
    execute "INSERT INTO plans (name) VALUES ('late')"
    puts "at the gate"
    sleep 0.02 until File.exist?(ENV["GATE"])
    execute "STATEMENT"
  end
end
"#,
    ),
    status: Some(("[rake, \"db:abort_if_pending_migrations\"]", 1)),
};

/// A copy of an example, and a database for it.
struct Example<'a> {
    tool: &'a Tool,
    db: &'a TestDatabase,
    folder: PathBuf,
    path: OsString,
    /// In which SQL alone waits.
    held: Option<Gate<'a>>,
}

impl<'a> Example<'a> {
    /// None, and a printed skip, if the tool is absent.
    fn copy(tool: &'a Tool, db: &'a TestDatabase) -> Option<Self> {
        let program = example_tool(tool.name, tool.variable)?;
        let programs = program.parent().unwrap();
        let folder = db.folder().join(tool.name);
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(tool.name), &folder);
        if tool.name == "knex" {
            std::os::unix::fs::symlink(programs.parent().unwrap(), folder.join("node_modules")).unwrap();
        }
        let mut path = OsString::from(programs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        Some(Self { tool, db, folder, path, held: None })
    }

    /// With a fifth migration that waits for [`Self::open`], and then runs this.
    fn with_gated(mut self, sql: &str) -> Self {
        let (file, text) = self.tool.gated;
        self.held = text.contains("GATE STATEMENT").then(|| self.db.gate());
        let gate = self.held.as_ref().map(Gate::sql).unwrap_or_default();
        let text = text.replace("GATE STATEMENT", &format!("{gate}{sql}")).replace("STATEMENT", sql);
        std::fs::write(self.folder.join(file), text).unwrap();
        self
    }

    fn open(&self) {
        std::fs::write(self.gate(), "").unwrap();
        if let Some(held) = &self.held {
            held.open();
        }
    }

    fn gate(&self) -> PathBuf {
        self.folder.join("opened")
    }

    fn participant(&self, name: &str) -> Bellwether {
        let config = self.folder.join("bellwether.yml");
        self.bellwether("deploy").arg("-c").arg(config).release("r1").participant(name)
    }

    /// What asks the tool's own status command.
    fn asking(&self, verb: &str) -> Bellwether {
        let (command, pending) = self.tool.status.unwrap();
        let follow = format!("source: command, command: {command}, pending: [{pending}], every: 200ms");
        let config = format!("defaults: {{ cwd: {:?}, follow: {{ {follow} }} }}\n", self.folder);
        self.bellwether(verb).file("bellwether.yml", &config)
    }

    fn bellwether(&self, verb: &str) -> Bellwether {
        // dbmate wants TLS unless it is told otherwise
        let plain = |url: &mut Url| url.set_query(Some("sslmode=disable"));
        let postgres = self.db.server() == Server::Postgres;
        let url = if postgres { self.db.url_with(plain) } else { self.db.url().to_owned() };
        Bellwether::new(verb)
            .url(&url)
            .env("PATH", &self.path)
            .env("GATE", self.gate())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("npm_config_offline", "true")
            .env("npm_config_update_notifier", "false")
    }

    /// The leader with its command in the middle of the fifth migration, and others who watch it.
    fn at_the_gate(&self, mark: &str, others: &[&str]) -> (Running, Vec<Running>) {
        let leader = self.participant("shop-web").env("TOOLS_MARK", mark).spawn();
        leader.wait_for("line of the gate", SOON, |event| {
            event["event"] == "output" && event["text"].as_str().unwrap().contains("at the gate")
        });
        let others: Vec<_> = others.iter().map(|name| self.participant(name).spawn()).collect();
        for other in &others {
            other.wait_for_event("watching", SOON);
        }
        (leader, others)
    }

    fn plans(&self) -> Vec<String> {
        self.db.column("select name from plans order by name")
    }
}

/// Processes, zombies aside, with this in their environment: what was started inherits it.
fn marked(mark: &str) -> Vec<String> {
    let mark = format!("TOOLS_MARK={mark}\0").into_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    processes
        .filter(|process| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|part| part == mark)
        })
        .map(|process| std::fs::read_to_string(process.join("cmdline")).unwrap_or_default())
        .collect()
}

fn twelve_have_one_leader(tool: &Tool, db: &TestDatabase) {
    let Some(example) = Example::copy(tool, db) else { return };
    let all: Vec<_> = (0..12).map(|number| example.participant(&format!("shop-{number}")).spawn()).collect();
    let all: Vec<_> = all.into_iter().map(|participant| participant.wait(TAKEN_OVER).expect(0)).collect();
    let leaders = all.iter().filter(|participant| !participant.events_named("run_started").is_empty());
    assert_eq!(leaders.count(), 1);
    assert_eq!(db.column("select status from bellwether_runs"), ["succeeded"]);
    assert_eq!(example.plans(), ["free", "team"]);
}

fn a_failure_reaches_all(tool: &Tool, db: &TestDatabase) {
    let Some(example) = Example::copy(tool, db) else { return };
    let example = example.with_gated("INSERT INTO nowhere VALUES (1)");
    let (leader, others) = example.at_the_gate("failing", &["shop-worker", "shop-cron", "shop-admin"]);
    example.open();
    leader.wait(SOON).expect(10).explains(&["nowhere"]);
    for other in others {
        other.wait(SOON).expect(20).explains(&["nowhere"]);
    }
    assert_eq!(db.runs(), [["shop-web", "failed"]]);
    // knex takes back the whole batch, the others this migration
    assert_eq!(db.has_table("plans"), tool.name != "knex");
    assert!(tool.name == "knex" || example.plans() == ["free", "team"]);
}

fn a_killed_leader_leaves_nothing_and_the_next_goes_on(tool: &Tool, db: &TestDatabase) {
    let Some(example) = Example::copy(tool, db) else { return };
    let example = example.with_gated("SELECT 1");
    let mark = db.name();
    let (leader, mut others) = example.at_the_gate(mark, &["shop-worker"]);
    assert!(marked(mark).len() >= 3, "leader, guard and command: {:?}", marked(mark));
    leader.kill9();
    let killed = Instant::now();
    while !marked(mark).is_empty() {
        assert!(killed.elapsed() < Duration::from_secs(2), "still there: {:?}", marked(mark));
        std::thread::sleep(Duration::from_millis(20));
    }
    example.open();
    others.remove(0).wait(TAKEN_OVER).expect(0);
    assert_eq!(db.runs(), [["shop-web", "abandoned"], ["shop-worker", "succeeded"]]);
    assert_eq!(example.plans(), ["free", "late", "team"]);
}

/// Followers of a leader that does not run bellwether.
fn its_status_command_refuses_while_one_is_pending(tool: &Tool, db: &TestDatabase) {
    let Some(example) = Example::copy(tool, db) else { return };
    example.participant("shop-web").run().expect(0);
    example.asking("status").arg("--check").run().expect(0);
    let example = example.with_gated("SELECT 1");
    example.open();
    example.asking("status").arg("--check").run().expect(3);
    let follower = example.asking("follow").spawn();
    follower.wait_for_event("waiting", SOON);
    example.participant("shop-next").args(["--deploy", "next"]).run().expect(0);
    follower.wait(SOON).expect(0);
    assert_eq!(example.plans(), ["free", "late", "team"]);
}

/// What `docs/tools/knex.md` says of a lock that a killed knex has left.
fn a_lock_that_was_left_is_freed_by_the_command_itself(db: &TestDatabase) {
    let page = include_str!("../../docs/tools/knex.md");
    let mut commands = page.lines().filter_map(|line| line.trim().strip_prefix("command: "));
    let command = commands.find(|command| command.contains("migrate:unlock")).unwrap();
    let Some(example) = Example::copy(&KNEX, db) else { return };
    example.participant("shop-web").run().expect(0);
    let example = example.with_gated("SELECT 1");
    example.open();
    db.sql("update knex_migrations_lock set is_locked = 1");
    let next = || example.participant("shop-web").args(["--role", "lead"]);
    next().run().expect(10).explains(&["MigrationLocked", "already locked"]);
    let config = format!(
        "environments: {{ production: {{ database: \"${{DATABASE_URL}}\", command: {command}, cwd: . }} }}\n"
    );
    std::fs::write(example.folder.join("bellwether.yml"), config).unwrap();
    next().run().expect(0);
    assert_eq!(example.plans(), ["free", "late", "team"]);
}

/// `mod name { … }`: the three tests, each on its servers. A leader killed on PostgreSQL is waited out for 15 s.
macro_rules! tested {
    ($name:ident, $tool:ident, twelve $twelve:tt, failing $failing:tt, killed $killed:tt) => {
        mod $name {
            use super::*;

            on_servers! { $twelve
                fn twelve(db) {
                    twelve_have_one_leader(&$tool, db);
                }
            }

            on_servers! { $failing
                fn failing(db) {
                    a_failure_reaches_all(&$tool, db);
                }
            }

            on_servers! { $killed
                fn killed(db) {
                    a_killed_leader_leaves_nothing_and_the_next_goes_on(&$tool, db);
                }
            }
        }
    };
}

tested!(django, DJANGO, twelve [postgres Postgres, sqlite Sqlite], failing [postgres Postgres, sqlite Sqlite],
    killed [postgres Postgres, sqlite Sqlite]);
tested!(alembic, ALEMBIC, twelve [postgres Postgres, sqlite Sqlite], failing [postgres Postgres], killed [sqlite Sqlite]);
tested!(dbmate, DBMATE, twelve [postgres Postgres, mariadb MariaDb, sqlite Sqlite],
    failing [postgres Postgres, mariadb MariaDb, sqlite Sqlite], killed [postgres Postgres, mariadb MariaDb, sqlite Sqlite]);
tested!(knex, KNEX, twelve [postgres Postgres], failing [postgres Postgres], killed [postgres Postgres]);
tested!(activerecord, ACTIVERECORD, twelve [postgres Postgres, sqlite Sqlite], failing [postgres Postgres],
    killed [sqlite Sqlite]);

on_servers! { [postgres Postgres]
    fn knex_frees_a_lock_that_was_left(db) {
        a_lock_that_was_left_is_freed_by_the_command_itself(db);
    }
}

on_servers! { [sqlite Sqlite]
    fn django_refuses_while_one_is_pending(db) {
        its_status_command_refuses_while_one_is_pending(&DJANGO, db);
    }

    fn alembic_refuses_while_one_is_pending(db) {
        its_status_command_refuses_while_one_is_pending(&ALEMBIC, db);
    }

    fn activerecord_refuses_while_one_is_pending(db) {
        its_status_command_refuses_while_one_is_pending(&ACTIVERECORD, db);
    }
}
