//! The status commands that `docs/commands.md` names, with the real tools: each refuses while one migration is pending.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::Bellwether;
use crate::support::server::example_tool;

/// A project of a tool, on SQLite.
struct Project {
    folder: TempDir,
    /// `follow.command` and the codes, as the page has them.
    asks: &'static str,
}

impl Project {
    fn new(asks: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), asks }
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    #[track_caller]
    fn run(&self, program: &Path, words: &[&str]) {
        let output = Command::new(program).args(words).current_dir(self.folder.path()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{program:?} {words:?}: {said:?}");
    }

    /// `program` is where `asks` looks for it.
    fn bellwether(&self, verb: &str, program: &Path) -> Bellwether {
        let path = std::env::var("PATH").unwrap_or_default();
        let config = format!(
            "defaults: {{ cwd: {:?}, follow: {{ source: command, {} }} }}\n",
            self.folder.path(),
            self.asks
        );
        Bellwether::new(verb)
            .file("bellwether.yml", &config)
            .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
    }

    /// One migration is pending; then nothing is.
    #[track_caller]
    fn refuses_until(&self, program: &Path, migrate: &[&str]) {
        self.bellwether("status", program).arg("--check").run().expect(3).explains(&["says not yet"]);
        self.bellwether("follow", program).timeout("2s").run().expect(21);
        self.run(program, migrate);
        self.bellwether("status", program).arg("--check").run().expect(0);
        self.bellwether("follow", program).run().expect(0);
    }
}

/// `docs/commands.md` has a row with this command.
#[track_caller]
fn is_documented(command: &str, pending: &str) {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let page = std::fs::read_to_string(page).unwrap();
    let row = page.lines().find(|line| line.contains(command) && line.starts_with("| "));
    let row = row.unwrap_or_else(|| panic!("no row with {command}"));
    assert!(row.trim_end_matches([' ', '|', '`', ']']).ends_with(pending), "{row}");
}

/// Rails' own task, on Active Record alone: `bin/rails` would load the same one.
#[test]
fn rails_aborts_while_a_migration_is_pending() {
    is_documented("[bin/rails, \"db:abort_if_pending_migrations\"]", "1");
    let Some(ruby) = example_tool("activerecord", "BELLWETHER_TEST_ACTIVERECORD_RUBY") else { return };
    let project =
        Project::new("command: [rake, \"db:abort_if_pending_migrations\"], ready: [0], pending: [1]");
    project.write(
        "db/migrate/20240301000000_create_ones.rb",
        "class CreateOnes < ActiveRecord::Migration[6.0]\n  def change\n    create_table :ones\n  end\nend\n",
    );
    project.write(
        "Rakefile",
        "require 'logger'\nrequire 'active_record'\ninclude ActiveRecord::Tasks\nDatabaseTasks.root = Dir.pwd\n\
         DatabaseTasks.db_dir = 'db'\nDatabaseTasks.migrations_paths = ['db/migrate']\nDatabaseTasks.env = 'test'\n\
         DatabaseTasks.database_configuration = { 'test' => { 'adapter' => 'sqlite3', 'database' => 'app.db' } }\n\
         ActiveRecord::Base.configurations = DatabaseTasks.database_configuration\n\
         task(:environment) { ActiveRecord::Base.establish_connection(:test) }\n\
         load 'active_record/railties/databases.rake'\n",
    );
    project.refuses_until(&ruby.with_file_name("rake"), &["db:migrate"]);
}

#[test]
fn django_checks_while_a_migration_is_pending() {
    is_documented("[python, manage.py, migrate, --check]", "1");
    let Some(python) = example_tool("django", "BELLWETHER_TEST_DJANGO_PYTHON") else { return };
    let project =
        Project::new("command: [django-admin, migrate, --check, --settings=settings, --pythonpath=.]");
    project.write(
        "settings.py",
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'app.db'}}\n\
         INSTALLED_APPS = ['shop']\nUSE_TZ = True\n",
    );
    project.write("shop/__init__.py", "");
    project.write("shop/migrations/__init__.py", "");
    project.write(
        "shop/migrations/0001_initial.py",
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    initial = True\n    operations = \
         [migrations.RunSQL('create table ones (id integer)')]\n",
    );
    project.refuses_until(
        &python.with_file_name("django-admin"),
        &["migrate", "--settings=settings", "--pythonpath=."],
    );
}

#[test]
fn alembic_is_not_at_its_heads_while_a_migration_is_pending() {
    is_documented("[alembic, current, --check-heads]", "255");
    let Some(alembic) = example_tool("alembic", "BELLWETHER_TEST_ALEMBIC") else { return };
    let project = Project::new("command: [alembic, current, --check-heads], pending: [255]");
    project.run(&alembic, &["init", "migrations"]);
    let ini = project.folder.path().join("alembic.ini");
    let lines = std::fs::read_to_string(&ini).unwrap();
    let url = "sqlalchemy.url = sqlite:///app.db";
    let lines: Vec<_> =
        lines.lines().map(|line| if line.starts_with("sqlalchemy.url") { url } else { line }).collect();
    std::fs::write(&ini, lines.join("\n")).unwrap();
    project.run(&alembic, &["revision", "-m", "one"]);
    project.refuses_until(&alembic, &["upgrade", "head"]);
}
