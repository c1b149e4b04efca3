//! (g) What it costs a follower to learn from a tool's own history that all is applied, against asking that tool. Each
//! project is generated and its history filled by SQL as the tool fills it; each tool then has to say that nothing is
//! pending before anything is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::page::{Page, Row, Target};
use crate::place::{self, Database, Place};
use crate::stats::{Samples, median, timed};
use crate::{LONG, MANY, SHORT};

/// More than anybody has.
const VERY_MANY: usize = 20_000;

/// Milliseconds, and the share of the tool's own time.
const READY: Target = Target::AtMost(30.0);
const TENTH: Target = Target::AtMost(0.1);
const VERY_MANY_READY: Target = Target::AtMost(500.0);

/// A format, and whoever else can say whether all is applied.
struct Format {
    name: &'static str,
    /// Where its migrations are in the project.
    migrations: &'static str,
    /// A project of so many migrations.
    write: fn(&Path, usize),
    /// What makes its history and fills it.
    fill: fn(usize) -> String,
    tool: Option<Tool>,
}

struct Tool {
    name: &'static str,
    /// Says where it is.
    variable: &'static str,
    /// Its own question, as people type it.
    question: &'static str,
    arguments: &'static [&'static str],
    /// The program for them, if it is not the one that says where it is.
    program: Option<&'static str>,
    /// What it says if its exit code says nothing.
    says: &'static str,
    version: &'static [&'static str],
}

const FORMATS: [Format; 5] = [
    Format { name: "sqlx", migrations: "", write: place::write_migrations, fill: sqlx_history, tool: None },
    Format {
        name: "rails",
        migrations: "migrate",
        write: rails_project,
        fill: rails_history,
        tool: Some(Tool {
            name: "Active Record",
            variable: "BELLWETHER_TEST_ACTIVERECORD_RUBY",
            question: "rake db:abort_if_pending_migrations",
            arguments: &["db:abort_if_pending_migrations"],
            program: Some("rake"),
            says: "",
            version: &["-e", "require 'active_record/version'; print ActiveRecord::VERSION::STRING"],
        }),
    },
    Format {
        name: "django",
        migrations: "",
        write: django_project,
        fill: django_history,
        tool: Some(Tool {
            name: "Django",
            variable: "BELLWETHER_TEST_DJANGO_PYTHON",
            question: "manage.py migrate --check",
            arguments: &["manage.py", "migrate", "--check"],
            program: None,
            says: "",
            version: &["-m", "django", "--version"],
        }),
    },
    Format {
        name: "alembic",
        migrations: "",
        write: alembic_project,
        fill: alembic_history,
        tool: Some(Tool {
            name: "Alembic",
            variable: "BELLWETHER_TEST_ALEMBIC",
            question: "alembic current --check-heads",
            arguments: &["current", "--check-heads"],
            program: None,
            says: "",
            version: &["--version"],
        }),
    },
    Format {
        name: "liquibase",
        migrations: "",
        write: liquibase_project,
        fill: liquibase_history,
        tool: Some(Tool {
            name: "Liquibase",
            variable: "BELLWETHER_TEST_LIQUIBASE",
            question: "liquibase status",
            arguments: &["--changelog-file=root.yaml", "status"],
            program: None,
            says: "is up to date",
            version: &["--version"],
        }),
    },
];

pub fn all(place: &Place, page: &mut Page) {
    for format in &FORMATS {
        let project = Project::new(place, format, MANY);
        match format.tool.as_ref().map(|tool| (tool, place.tool(tool.variable))) {
            Some((tool, Some(program))) => project.against(page, tool, &program),
            Some((tool, None)) => {
                let name = format.name;
                project.alone(page, SHORT, READY);
                page.push(Row::skipped(&format!("(g) {name}: against {}, which is not here", tool.name)));
            }
            None => project.alone(page, SHORT, READY),
        }
        project.database.drop();
    }
    for format in &FORMATS {
        let project = Project::new(place, format, VERY_MANY);
        project.alone(page, LONG, VERY_MANY_READY);
        project.database.drop();
    }
}

struct Project<'a> {
    place: &'a Place,
    format: &'a Format,
    count: usize,
    folder: PathBuf,
    database: Database,
}

impl<'a> Project<'a> {
    fn new(place: &'a Place, format: &'a Format, count: usize) -> Self {
        let folder = place.folder(&format!("{}_{count}", format.name));
        (format.write)(&folder, count);
        let database = place.postgres().database(&format!("{}_{count}", format.name));
        database.value(&(format.fill)(count));
        let project = Self { place, format, count, folder, database };
        project.place.run(&mut project.follow());
        project.place.run(&mut project.status());
        project
    }

    fn follow(&self) -> Command {
        self.ours("follow")
    }

    fn status(&self) -> Command {
        let mut command = self.ours("status");
        command.arg("--check");
        command
    }

    fn ours(&self, verb: &str) -> Command {
        let mut command =
            self.place.bellwether(&self.database, verb, &self.folder.join(self.format.migrations));
        command.args(["--format", self.format.name, "--follow", "history"]);
        command
    }

    fn theirs(&self, tool: &Tool, program: &Path) -> Command {
        let mut command = self.place.program(tool.program.map_or(program, Path::new));
        command.args(tool.arguments).current_dir(&self.folder).env("DATABASE_URL", self.database.url());
        command.env("LIQUIBASE_COMMAND_URL", jdbc(&self.database.url()));
        command
    }

    /// Without a word of its own tool's.
    fn alone(&self, page: &mut Page, rounds: usize, limit: Target) {
        let (mut follow, mut status) = (Samples::default(), Samples::default());
        for _ in 0..rounds {
            follow.push(timed(self.place, &mut self.follow()));
            status.push(timed(self.place, &mut self.status()));
        }
        self.rows(page, &follow, &status, limit);
    }

    /// In turn with its own tool.
    fn against(&self, page: &mut Page, tool: &Tool, program: &Path) {
        let name = tool.name;
        let said = answer(&mut self.theirs(tool, program));
        assert!(said.contains(tool.says), "{name}: {said}");
        let (mut follow, mut status, mut theirs) =
            (Samples::default(), Samples::default(), Samples::default());
        for _ in 0..LONG {
            follow.push(timed(self.place, &mut self.follow()));
            theirs.push(timed(self.place, &mut self.theirs(tool, program)));
            status.push(timed(self.place, &mut self.status()));
        }
        self.rows(page, &follow, &status, READY);
        let what = format!("(g) {}: `bellwether follow --follow history`", self.format.name);
        let than = format!("`{}` of {name} {}", tool.question, self.version(tool, program));
        page.ratio(&what, &follow, &than, &theirs, Some(TENTH));
    }

    fn rows(&self, page: &mut Page, follow: &Samples, status: &Samples, limit: Target) {
        for (verb, samples) in
            [("follow --follow history", follow), ("status --check --follow history", status)]
        {
            let count = if self.count == MANY { "1,000" } else { "20,000" };
            let what = format!("(g) {}, {count} migrations applied: `bellwether {verb}`", self.format.name);
            let (low, high) = (samples.quantile(0.25), samples.quantile(0.75));
            let measured =
                format!("{:.1} ms ({low:.1}–{high:.1}), {} rounds", median(samples), samples.len());
            page.push(Row::figure(&what, measured, median(samples), Some(limit)));
        }
    }

    fn version(&self, tool: &Tool, program: &Path) -> String {
        let said = answer(self.place.program(program).args(tool.version));
        let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
        said.split_whitespace().rfind(is_version).unwrap_or_default().to_owned()
    }
}

/// What a command that succeeds says.
fn answer(command: &mut Command) -> String {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.expect("the tool can be started");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
    said
}

/// `postgres://user:password@host:port/name` as JDBC has it.
fn jdbc(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (user, place) = rest.split_once('@').expect("a user");
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    format!("jdbc:postgresql://{place}?user={user}&password={password}")
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the project");
    fs::write(path, text).expect("a file of the project");
}

/// The checksums of [`place::write_migrations`]' files, made by the server.
fn sqlx_history(count: usize) -> String {
    format!(
        "create table _sqlx_migrations (version bigint primary key, description text not null, \
         installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null, \
         execution_time bigint not null); \
         insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         select n, 'item ' || n, true, sha384(convert_to(format('{}', n) || chr(10), 'UTF8')), 1 \
         from generate_series(1, {count}) n",
        place::create("%s").trim_end()
    )
}

fn rails_project(folder: &Path, count: usize) {
    write(folder, "Rakefile", include_str!("../../examples/activerecord/Rakefile"));
    for number in 1..=count {
        let text = format!(
            "class CreateItem{number} < ActiveRecord::Migration[6.1]\n  def change\n    \
             create_table :item_{number} do |t|\n      t.string :name, null: false\n      t.timestamps\n    \
             end\n  end\nend\n"
        );
        write(folder, &format!("migrate/{}_create_item{number}.rb", 20_240_101_000_000 + number), &text);
    }
}

fn rails_history(count: usize) -> String {
    format!(
        "create table schema_migrations (version varchar primary key); \
         insert into schema_migrations select 20240101000000 + n from generate_series(1, {count}) n"
    )
}

fn django_project(folder: &Path, count: usize) {
    write(folder, "manage.py", include_str!("../../examples/django/manage.py"));
    write(folder, "settings.py", include_str!("../../examples/django/settings.py"));
    write(folder, "shop/__init__.py", "");
    write(folder, "shop/migrations/__init__.py", "");
    for number in 1..=count {
        let before = number - 1;
        let dependencies = match before {
            0 => String::new(),
            _ => format!("\n        (\"shop\", \"{before:05}_item_{before}\"),\n    "),
        };
        let text = format!(
            "# Generated by Django 5.2 on 2024-01-01 00:00\n\nfrom django.db import migrations, models\n\n\n\
             class Migration(migrations.Migration):\n\n    dependencies = [{dependencies}]\n\n    operations = [\n        \
             migrations.CreateModel(\n            name=\"Item{number}\",\n            fields=[\n                \
             (\"id\", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),\n                \
             (\"name\", models.CharField(max_length=200)),\n            ],\n        ),\n    ]\n"
        );
        write(folder, &format!("shop/migrations/{number:05}_item_{number}.py"), &text);
    }
}

fn django_history(count: usize) -> String {
    format!(
        "create table django_migrations (id bigint generated by default as identity primary key, \
         app varchar(255) not null, name varchar(255) not null, applied timestamptz not null); \
         insert into django_migrations (app, name, applied) \
         select 'shop', to_char(n, 'FM00000') || '_item_' || n, now() from generate_series(1, {count}) n"
    )
}

fn alembic_project(folder: &Path, count: usize) {
    write(folder, "alembic.ini", include_str!("../../examples/alembic/alembic.ini"));
    write(folder, "env.py", include_str!("../../examples/alembic/env.py"));
    for number in 1..=count {
        let before = match number - 1 {
            0 => "None".to_owned(),
            before => format!("'{before:012x}'"),
        };
        let text = format!(
            "\"\"\"item {number}\n\nRevision ID: {number:012x}\nRevises: {before}\nCreate Date: 2024-01-01 00:00:00\n\n\
             \"\"\"\nfrom typing import Sequence, Union\n\nfrom alembic import op\nimport sqlalchemy as sa\n\n\n\
             # revision identifiers, used by Alembic.\nrevision: str = '{number:012x}'\n\
             down_revision: Union[str, None] = {before}\nbranch_labels: Union[str, Sequence[str], None] = None\n\
             depends_on: Union[str, Sequence[str], None] = None\n\n\ndef upgrade() -> None:\n    \
             op.create_table('item_{number}', sa.Column('id', sa.BigInteger(), primary_key=True))\n\n\n\
             def downgrade() -> None:\n    op.drop_table('item_{number}')\n"
        );
        write(folder, &format!("versions/{number:012x}_item_{number}.py"), &text);
    }
}

fn alembic_history(count: usize) -> String {
    format!(
        "create table alembic_version (version_num varchar(32) not null primary key); \
         insert into alembic_version values ('{count:012x}')"
    )
}

fn liquibase_project(folder: &Path, count: usize) {
    let root =
        "databaseChangeLog:\n  - includeAll:\n      path: changes/\n      relativeToChangelogFile: true\n";
    write(folder, "root.yaml", root);
    for number in 1..=count {
        let text = format!(
            "--liquibase formatted sql\n\n--changeset anna:{number}\n\
             CREATE TABLE item_{number} (id bigint PRIMARY KEY, name text NOT NULL);\n\
             --rollback DROP TABLE item_{number};\n"
        );
        write(folder, &format!("changes/{number:05}_item_{number}.sql"), &text);
    }
}

/// As Liquibase 4.28 makes it; it computes a checksum that is not there, and compares none.
fn liquibase_history(count: usize) -> String {
    format!(
        "create table databasechangelog (id varchar(255) not null, author varchar(255) not null, \
         filename varchar(255) not null, dateexecuted timestamp not null, orderexecuted integer not null, \
         exectype varchar(10) not null, md5sum varchar(35), description varchar(255), comments varchar(255), \
         tag varchar(255), liquibase varchar(20), contexts varchar(255), labels varchar(255), \
         deployment_id varchar(10)); \
         insert into databasechangelog (id, author, filename, dateexecuted, orderexecuted, exectype, description) \
         select n, 'anna', 'changes/' || to_char(n, 'FM00000') || '_item_' || n || '.sql', now(), n, 'EXECUTED', 'sql' \
         from generate_series(1, {count}) n"
    )
}
