//! knex 3 on its three databases.

use super::project::Project;
use crate::support::{Bellwether, Server, TestDatabase, on_every_server_of_sqlx, on_servers};

/// SQLite by the one driver that the package registry holds as a whole.
const CONFIG: &str = r#"
const url = process.env.DATABASE_URL;
const Sqlite = require("knex/lib/dialects/better-sqlite3/index.js");
class Libsql extends Sqlite { _driver() { return require("libsql"); } }
const sqlite = { client: Libsql, connection: { filename: url.slice("sqlite://".length) }, useNullAsDefault: true };
const server = { client: url.startsWith("mysql:") ? "mysql2" : "pg", connection: url };
module.exports = {
  ...(url.startsWith("sqlite:") ? sqlite : server),
  migrations: { schemaName: process.env.KNEX_SCHEMA },
};
"#;

const LATEST: [&str; 2] = ["knex", "migrate:latest"];
const A: &str = "20240101000000_a.js";
const B: &str = "20240102000000_b.js";
const C: &str = "20240103000000_c.js";

fn project(db: &TestDatabase) -> Option<Project<'_>> {
    let project = Project::of_node(db, "knex", "BELLWETHER_TEST_KNEX")?;
    project.write("knexfile.js", CONFIG);
    if db.server() == Server::Sqlite {
        // whoever looks makes no file
        db.rows("select 1");
    }
    Some(project)
}

fn table(project: &Project<'_>, file: &str) {
    let name = file.split(['_', '.']).nth(1).unwrap();
    let text = format!(
        "exports.up = (knex) => knex.schema.createTable('{name}', (t) => {{ t.increments(); }});\n\
         exports.down = (knex) => knex.schema.dropTable('{name}');\n"
    );
    project.write(&format!("migrations/{file}"), &text);
}

on_every_server_of_sqlx! {
    fn what_knex_applies_is_read(db) {
        let Some(project) = project(db) else { return };
        table(&project, A);
        table(&project, B);
        let plan = project.plan("migrations");
        assert_eq!((plan.format(), plan.pending().as_str()), ("knex", "unknown"));
        project.lead("r1", "migrations", &LATEST).expect(0);
        let plan = project.plan("migrations");
        assert_eq!((plan.pending(), plan.states()), ("none".to_owned(), vec![format!("{A} applied"), format!("{B} applied")]));
        table(&project, C);
        assert_eq!(project.plan("migrations").pending(), C);
        let status = project.bellwether(Bellwether::new("status").release("r1"), "migrations").arg("--check").run().expect(3);
        assert_eq!(status.events_named("status")[0]["pending"]["versions"][0], C);
        // whoever applies it
        let (done, said) = project.tool(&LATEST);
        assert!(done, "{said}");
        assert_eq!(project.plan("migrations").pending(), "none");
        // a late one is run
        let late = "20240102120000_late.js";
        table(&project, late);
        assert_eq!(project.plan("migrations").pending(), late);
        project.lead("r2", "migrations", &LATEST).expect(0);
        assert_eq!(project.plan("migrations").pending(), "none");
    }
}

on_servers! { [postgres Postgres]
    fn a_vanished_file_is_missing_to_both(db) {
        let Some(project) = project(db) else { return };
        table(&project, A);
        table(&project, B);
        assert!(project.tool(&LATEST).0);
        std::fs::remove_file(project.path("migrations").join(A)).unwrap();
        let (done, said) = project.tool(&LATEST);
        assert!(!done && said.contains("corrupt") && said.contains(A), "{said}");
        assert_eq!(project.plan("migrations").states(), [format!("{A} missing"), format!("{B} applied")]);
    }

    fn names_follow_each_other_letter_by_letter(db) {
        let Some(project) = project(db) else { return };
        for file in ["10_a.js", "15_gone.js", "2_b.js"] {
            table(&project, file);
        }
        assert!(project.tool(&LATEST).0);
        std::fs::remove_file(project.path("migrations").join("15_gone.js")).unwrap();
        table(&project, "1_z.js");
        // `_` is behind the digits
        assert_eq!(project.plan("migrations").states(), ["10_a.js applied", "15_gone.js missing", "1_z.js pending", "2_b.js applied"]);
        assert_eq!(db.column("select name from knex_migrations order by id"), ["10_a.js", "15_gone.js", "2_b.js"]);
    }

    fn a_compiled_script_is_another_migration_to_both(db) {
        let Some(project) = project(db) else { return };
        table(&project, A);
        assert!(project.tool(&LATEST).0);
        db.sql("update knex_migrations set name = '20240101000000_a.ts'");
        let (done, said) = project.tool(&LATEST);
        assert!(!done && said.contains("20240101000000_a.ts"), "{said}");
        let plan = project.plan("migrations");
        assert!(plan.pending() == "unknown" && plan.next().contains("20240101000000_a.ts is applied"), "{}", plan.next());
    }

    fn a_history_in_another_schema_is_found_by_the_search_path(db) {
        let Some(project) = project(db) else { return };
        let project = project.with("KNEX_SCHEMA", "tools");
        db.sql("create schema tools");
        table(&project, A);
        let (done, said) = project.tool(&LATEST);
        assert!(done, "{said}");
        let plan = project.plan("migrations");
        assert_eq!(plan.pending(), "unknown");
        assert!(plan.next().contains("knex_migrations is in the schema tools") && plan.next().contains("?search_path=tools"), "{}", plan.next());
        let there = db.url_with(|url| url.set_query(Some("search_path=tools")));
        let ended = project.bellwether(Bellwether::new("plan").release("r1"), "migrations").url(&there).args(["--role", "follow"]).run().expect(0);
        assert_eq!(ended.events_named("plan")[0]["pending"]["state"], "none");
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb]
    fn a_history_that_may_not_be_read_gives_the_grant(db) {
        let Some(project) = project(db) else { return };
        table(&project, A);
        project.lead("r1", "migrations", &LATEST).expect(0);
        let reader = db.reader();
        db.grant_select(&reader, &["bellwether_lock", "bellwether_runs", "bellwether_steps", "bellwether_meta"]);
        let follow = || project.bellwether(Bellwether::new("follow").release("r1"), "migrations").url(&reader.url).run();
        follow().expect(31).explains(&["GRANT SELECT", "knex_migrations", &reader.name]);
        db.grant_select(&reader, &["knex_migrations"]);
        follow().expect(0);
    }
}
