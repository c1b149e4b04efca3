//! Prisma 6, whose engine is WebAssembly from the package registry here, on PostgreSQL and SQLite; on MariaDB, where that
//! engine breaks off, rows as Prisma's source writes them.

use super::project::Project;
use crate::support::{Bellwether, Server, TestDatabase, on_every_server_of_sqlx, on_servers};

/// The engine asks the catalog for names, which the adapter for PostgreSQL does not take for texts.
const POSTGRES: &str = r#"
import { defineConfig } from "prisma/config";
import { PrismaPg } from "@prisma/adapter-pg";
import Result from "pg/lib/result.js";
const add = Result.prototype.addFields;
Result.prototype.addFields = function (fields: any[]) {
  for (const field of fields) if (field.dataTypeID === 19) field.dataTypeID = 25;
  return add.call(this, fields);
};
const adapter = async () => new PrismaPg({ connectionString: process.env.DATABASE_URL! });
export default defineConfig({ schema: "prisma/schema.prisma", engine: "js", experimental: { adapter: true }, adapter });
"#;

const SQLITE: &str = r#"
import { defineConfig } from "prisma/config";
import { PrismaLibSQL } from "@prisma/adapter-libsql";
const adapter = async () => new PrismaLibSQL({ url: process.env.DATABASE_URL! });
export default defineConfig({ schema: "prisma/schema.prisma", engine: "js", experimental: { adapter: true }, adapter });
"#;

const DEPLOY: [&str; 3] = ["prisma", "migrate", "deploy"];
const FOLDER: &str = "prisma/migrations";
const A: &str = "20240101000000_a";
const B: &str = "20240102000000_b";
const C: &str = "20240103000000_c";

fn project(db: &TestDatabase) -> Option<Project<'_>> {
    let project = Project::of_node(db, "prisma", "BELLWETHER_TEST_PRISMA")?;
    let (provider, config, url) = match db.server() {
        Server::Postgres => ("postgresql", POSTGRES, db.url().to_owned()),
        _ => ("sqlite", SQLITE, format!("file:{}", db.file().display())),
    };
    project.write("prisma.config.ts", config);
    let schema = format!("datasource db {{\n  provider = \"{provider}\"\n  url = \"file:unused\"\n}}\n");
    project.write("prisma/schema.prisma", &schema);
    project.write("prisma/migrations/migration_lock.toml", &format!("provider = \"{provider}\"\n"));
    // engines that the package's scripts would fetch
    project.write("none", "");
    let none = project.path("none");
    let project = project.at(&url).with("PRISMA_QUERY_ENGINE_LIBRARY", &none).with("CHECKPOINT_DISABLE", "1");
    let project = project.with("PRISMA_SCHEMA_ENGINE_BINARY", none);
    db.rows("select 1");
    Some(project)
}

/// What the page tells of a database that is still empty: a first `migrate deploy` without bellwether.
fn begun(project: Project<'_>) -> Project<'_> {
    let (done, said) = project.tool(&DEPLOY);
    assert!(done, "{said}");
    project
}

fn migration(project: &Project<'_>, name: &str, sql: &str) {
    project.write(&format!("{FOLDER}/{name}/migration.sql"), sql);
}

on_servers! { [postgres Postgres, sqlite Sqlite]
    fn what_prisma_applies_is_read(db) {
        let Some(project) = project(db).map(begun) else { return };
        migration(&project, A, "create table a (id int);\n");
        let plan = project.plan(FOLDER);
        assert_eq!((plan.format(), plan.pending().as_str()), ("prisma", A));
        project.lead("r1", FOLDER, &DEPLOY).expect(0);
        assert_eq!(project.plan(FOLDER).states(), [format!("{A} applied")]);
        migration(&project, C, "create table c (id int);\n");
        assert_eq!(project.plan(FOLDER).pending(), C);
        let (done, said) = project.tool(&DEPLOY);
        assert!(done, "{said}");
        assert_eq!(project.plan(FOLDER).pending(), "none");
        // it runs what is late, and goes on whatever was changed or is gone
        migration(&project, A, "create table a (id int); -- edited\n");
        migration(&project, B, "create table b (id int);\n");
        project.rename(&format!("{FOLDER}/{C}"), "gone");
        let (done, said) = project.tool(&DEPLOY);
        assert!(done, "{said}");
        let plan = project.plan(FOLDER);
        assert_eq!(plan.pending(), "none");
        assert_eq!(plan.states(), [format!("{A} changed"), format!("{B} applied"), format!("{C} ahead")]);
        // line endings do not count
        migration(&project, B, "create table b (id int);\r\n");
        assert!(project.plan(FOLDER).states().contains(&format!("{B} applied")));
    }

    fn a_failed_row_shows_what_prisma_noted(db) {
        let Some(project) = project(db).map(begun) else { return };
        migration(&project, A, "create table a (id int);\n");
        migration(&project, B, "insert into nowhere values (1);\n");
        project.lead("r1", FOLDER, &DEPLOY).expect(10).explains(&["nowhere"]);
        let (done, said) = project.tool(&DEPLOY);
        assert!(!done && said.contains("P3009"), "Prisma refuses: {said}");
        let plan = project.plan(FOLDER);
        assert_eq!(plan.states(), [format!("{A} applied"), format!("{B} dirty")]);
        assert_eq!(plan.pending(), B);
        let noted = plan.0["migrations"][1]["error"].as_str().unwrap();
        assert!(noted.contains("nowhere") && !noted.contains("sql_schema_connector"), "{noted}");
        assert!(plan.0["notices"].to_string().contains("nowhere"), "{}", plan.0);
        assert_eq!(plan.0["refused"].as_array().map(Vec::len), Some(0), "it is Prisma that refuses");
        for verb in ["plan", "status", "doctor"] {
            project.bellwether(Bellwether::human(verb).release("r1").args(["--role", "follow"]), FOLDER).run().says("nowhere");
        }
        let follower = Bellwether::new("follow").args(["--follow", "history", "--timeout", "1s"]);
        let late = project.bellwether(follower, FOLDER).run().expect(21);
        late.explains(&["1 migration is still pending", "is half applied", "nowhere", "put it right with the tool"]);
        // `prisma migrate resolve --rolled-back`
        db.sql("update _prisma_migrations set rolled_back_at = current_timestamp where finished_at is null");
        assert_eq!(project.plan(FOLDER).states(), [format!("{A} applied"), format!("{B} pending")]);
        migration(&project, B, "create table b (id int);\n");
        let (done, said) = project.tool(&DEPLOY);
        assert!(done, "{said}");
        assert_eq!(db.column("select count(*) from _prisma_migrations"), ["3"]);
        assert_eq!(project.plan(FOLDER).pending(), "none");
    }
}

on_servers! { [postgres Postgres]
    fn a_new_database_wants_the_ledger_in_a_schema_of_its_own(db) {
        let Some(project) = project(db) else { return };
        migration(&project, A, "create table a (id int);\n");
        project.lead("r1", FOLDER, &DEPLOY).expect(10).explains(&["P3005", "ledger: { schema: bellwether }"]);
        db.sql("drop table bellwether_lock, bellwether_runs, bellwether_steps, bellwether_meta; create schema bellwether");
        project.write("bellwether.yml", "defaults: { ledger: { schema: bellwether } }\n");
        project.lead("r1", FOLDER, &DEPLOY).expect(0);
        assert_eq!(project.plan(FOLDER).states(), [format!("{A} applied")]);
    }
}

/// The table as each flavour of Prisma's engine makes it.
fn made_by_prisma(db: &TestDatabase) {
    let moment = match db.server() {
        Server::Postgres => "timestamptz",
        Server::MariaDb => "datetime(3)",
        Server::Sqlite => "datetime",
        Server::SqlServer => "datetimeoffset",
    };
    db.sql(&format!(
        "create table _prisma_migrations (id varchar(36) primary key not null, checksum varchar(64) not null,
         finished_at {moment} null, migration_name varchar(255) not null, logs text, rolled_back_at {moment} null,
         started_at {moment} not null, applied_steps_count integer not null default 0)"
    ));
}

fn folders(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("migration.sql"), "select 1;\n").unwrap();
    }
    folder
}

fn plan(db: &TestDatabase, folder: &tempfile::TempDir) -> super::project::Plan {
    let plan = Bellwether::new("plan").on(db).release("r1").args(["--role", "follow", "--migrations"]);
    super::project::Plan(plan.arg(folder.path()).run().expect(0).events_named("plan")[0].clone())
}

on_every_server_of_sqlx! {
    fn rows_as_prisma_writes_them_are_read(db) {
        // sha256sum of `select 1;\n`
        let checksum = "4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c";
        made_by_prisma(db);
        let now = "'2024-03-01 14:22:33.123'";
        for (id, name, finished, logs, rolled_back) in [
            // `migrate resolve --applied`, a failure that was rolled back, its second try, one that failed
            (1, "0_init", now, "''", "null"),
            (2, A, "null", "'it broke'", now),
            (3, A, now, "null", "null"),
            (4, B, "null", "'relation \"nowhere\" does not exist'", "null"),
        ] {
            db.sql(&format!(
                "insert into _prisma_migrations (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at)
                 values ('{id}', '{checksum}', {finished}, '{name}', {logs}, {rolled_back}, '2024-03-01 14:22:3{id}')"
            ));
        }
        let folder = folders(&["0_init", A, B, C]);
        let said = plan(db, &folder);
        assert_eq!(said.states(), ["0_init applied".to_owned(), format!("{A} applied"), format!("{B} dirty"), format!("{C} pending")]);
        assert_eq!(said.0["migrations"][2]["error"], "relation \"nowhere\" does not exist");
        std::fs::remove_file(folder.path().join(C).join("migration.sql")).unwrap();
        db.sql("update _prisma_migrations set finished_at = started_at where id = '4'");
        let said = plan(db, &folder);
        assert_eq!(said.pending(), "unknown");
        assert!(said.next().contains(&format!("{C} is a folder without migration.sql")), "{}", said.next());
        std::fs::remove_dir(folder.path().join(C)).unwrap();
        assert_eq!(plan(db, &folder).pending(), "none");
    }

    fn a_table_without_prisma_s_columns_is_not_guessed_at(db) {
        // of Prisma's preview
        db.sql("create table _prisma_migrations (id varchar(36) primary key not null, migration_name varchar(255), started_at varchar(9))");
        let said = plan(db, &folders(&[A]));
        assert_eq!(said.pending(), "unknown");
        assert!(said.next().contains("not as prisma has it"), "{}", said.next());
    }
}
