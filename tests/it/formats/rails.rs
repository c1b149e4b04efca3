//! Active Record's own tasks, as `bin/rails` loads them.

use crate::formats::checked::Checked;
use crate::support::{TestDatabase, on_every_server_of_sqlx, on_servers};

const MIGRATE: &[&str] = &["rake", "db:migrate"];

/// Two databases: the second one's URL is `ANIMALS`, or there is none.
const RAKEFILE: &str = r#"
ENV["RAILS_ENV"] = "production"
require "logger"
require "active_record"
def database(url, path)
  url = url.sub(%r{\Asqlite://}, "sqlite3://").sub(%r{\Amysql://}, "mysql2://")
  { "url" => url, "timeout" => 20_000, "migrations_paths" => path }
end
tasks = ActiveRecord::Tasks::DatabaseTasks
tasks.env = "production"
tasks.root = __dir__
tasks.db_dir = File.join(__dir__, "db")
all = { "primary" => database(ENV.fetch("DATABASE_URL"), "db/migrate") }
animals = File.join(__dir__, "animals")
all["animals"] = database(File.read(animals), "db/animals_migrate") if File.exist?(animals)
# what is left would be merged into the primary one
ENV.delete("DATABASE_URL")
tasks.database_configuration = { "production" => all }
tasks.migrations_paths = ["db/migrate"]
ActiveRecord::Base.dump_schema_after_migration = false
ActiveRecord::Base.configurations = tasks.database_configuration
ActiveRecord::Migrator.migrations_paths = tasks.migrations_paths
task(:environment) { ActiveRecord::Base.establish_connection(:primary) }
load "active_record/railties/databases.rake"
"#;

fn project(db: &TestDatabase) -> Option<Checked<'_>> {
    let project =
        Checked::new(db, ("activerecord", "BELLWETHER_TEST_ACTIVERECORD_RUBY"), "rails", "db/migrate")?;
    project.write("Rakefile", RAKEFILE);
    for (file, class) in
        [("20240101000001_create_ones", "CreateOnes"), ("20240101000003_create_threes", "CreateThrees")]
    {
        migration(&project, &format!("db/migrate/{file}.rb"), class);
    }
    Some(project)
}

fn migration(project: &Checked<'_>, file: &str, class: &str) {
    let table = class.trim_start_matches("Create").to_lowercase();
    let text = format!(
        "class {class} < ActiveRecord::Migration[6.1]\n  def change\n    create_table :{table}\n  end\nend\n"
    );
    project.write(file, &text);
}

on_every_server_of_sqlx! {
    fn what_active_record_applies_is_read(db) {
        let Some(project) = project(db) else { return };
        assert_eq!(project.pending(), "unknown", "no table yet");
        project.run(MIGRATE);
        assert_eq!(project.states(), ["20240101000001 applied", "20240101000003 applied"]);
        project.follow("r1").expect(0);

        // late, in a folder below, and of an engine
        migration(&project, "db/migrate/2024/20240101000002_create_twos.blorgh.rb", "CreateTwos");
        assert_eq!(project.pending(), "20240101000002");
        project.deploy("r2", MIGRATE).expect(0);
        assert_eq!(project.pending(), "none");

        // an old file is deleted, and what a later release had applied
        project.remove("db/migrate/20240101000001_create_ones.rb");
        db.sql("insert into schema_migrations (version) values ('20250101000000')");
        assert_eq!(
            project.states(),
            ["20240101000001 missing", "20240101000002 applied", "20240101000003 applied", "20250101000000 ahead"]
        );
        assert!(project.run(&["rake", "db:migrate:status"]).contains("20240101000001  ********** NO FILE **********"));
        project.follow("r3").expect(0);
        project.deploy("r4", MIGRATE).expect(0);
    }

    /// `db:schema:load` records every version that it stands for.

    fn a_loaded_schema_is_read(db) {
        let Some(project) = project(db) else { return };
        project.write("db/schema.rb", "ActiveRecord::Schema.define(version: 2024_01_01_000003) { create_table :ones }\n");
        project.run(&["rake", "db:schema:load", "DISABLE_DATABASE_ENVIRONMENT_CHECK=1"]);
        assert_eq!(project.states(), ["20240101000001 applied", "20240101000003 applied"]);
        migration(&project, "db/migrate/20240101000004_create_fours.rb", "CreateFours");
        assert_eq!(project.pending(), "20240101000004");
        project.deploy("r1", MIGRATE).expect(0);
        assert_eq!(project.pending(), "none");
    }

    fn a_second_database_has_a_folder_of_its_own(db) {
        let Some(project) = project(db) else { return };
        let other = db.server().database();
        project.write("animals", other.url());
        migration(&project, "db/animals_migrate/20240201000001_create_dogs.rb", "CreateDogs");
        let animals = project.with(&other, "db/animals_migrate");
        project.deploy("r1", MIGRATE).expect(0);
        assert_eq!(project.states(), ["20240101000001 applied", "20240101000003 applied"]);
        assert_eq!(animals.states(), ["20240201000001 applied"]);
        migration(&project, "db/animals_migrate/20240201000002_create_cats.rb", "CreateCats");
        assert_eq!((project.pending(), animals.pending()), ("none".to_owned(), "20240201000002".to_owned()));
    }
}

on_servers! { [sqlite Sqlite]
    /// What we refuse to read Rails refuses as well.
    fn doubles_are_refused_by_both(db) {
        let Some(project) = project(db) else { return };
        let file = "db/migrate/0020240101000003_create_others.rb";
        for (file, class, error) in [
            (file, "CreateOthers", "DuplicateMigrationVersionError"),
            ("db/migrate/20240101000004_create_threes.rb", "CreateThrees", "DuplicateMigrationNameError"),
            ("db/migrate/20240101000004_CreateFours.rb", "CreateFours", "IllegalMigrationNameError"),
        ] {
            migration(&project, file, class);
            let (succeeded, said) = project.try_run(MIGRATE);
            assert!(!succeeded && said.contains(error), "{said}");
            let name = file.rsplit('/').next().unwrap();
            project.deploy("r1", MIGRATE).expect(10).says(name);
            project.remove(file);
        }
        project.deploy("r2", MIGRATE).expect(0);
    }
}
