//! node-pg-migrate 9 on its one database.

use super::project::Project;
use crate::support::{TestDatabase, on_servers};

const UP: [&str; 2] = ["node-pg-migrate", "up"];
const A: &str = "1704067200000_a";
const B: &str = "20240102000000000_b";
const C: &str = "1704240000000_c";

fn project(db: &TestDatabase) -> Option<Project<'_>> {
    Project::of_node(db, "node-pg-migrate", "BELLWETHER_TEST_NODE_PG_MIGRATE")
}

fn script(project: &Project<'_>, name: &str) {
    let table = name.split('_').nth(1).unwrap();
    let text = format!(
        "exports.up = (pgm) => {{ pgm.createTable('{table}', {{ id: 'id' }}); }};\nexports.down = false;\n"
    );
    project.write(&format!("migrations/{name}.js"), &text);
}

fn sql(project: &Project<'_>, name: &str) {
    let table = name.split('_').nth(1).unwrap();
    let text =
        format!("-- Up Migration\ncreate table {table} (id int);\n-- Down Migration\ndrop table {table};\n");
    project.write(&format!("migrations/{name}.sql"), &text);
}

on_servers! { [postgres Postgres]
    fn what_node_pg_migrate_applies_is_read(db) {
        let Some(project) = project(db) else { return };
        script(&project, A);
        assert_eq!((project.plan("migrations").format(), project.plan("migrations").pending().as_str()), ("node-pg-migrate", "unknown"));
        project.lead("r1", "migrations", &UP).expect(0);
        assert_eq!(project.plan("migrations").pending(), "none");
        script(&project, B);
        assert_eq!(project.plan("migrations").pending(), B);
        let (done, said) = project.tool(&UP);
        assert!(done, "{said}");
        script(&project, C);
        assert_eq!(project.plan("migrations").pending(), C);
        project.lead("r2", "migrations", &UP).expect(0);
        let plan = project.plan("migrations");
        assert_eq!(plan.pending(), "none");
        assert_eq!(plan.states(), [format!("{A} applied"), format!("{B} applied"), format!("{C} applied")]);
    }

    /// 17 digits are a date, between two numbers of 13.
    fn what_is_newer_than_a_date_is_not_late(db) {
        let Some(project) = project(db) else { return };
        script(&project, A);
        script(&project, B);
        assert!(project.tool(&UP).0);
        script(&project, C);
        let plan = project.plan("migrations");
        assert_eq!(plan.states(), [format!("{A} applied"), format!("{B} applied"), format!("{C} pending")]);
        assert_eq!(plan.0["notices"].as_array().map(Vec::len), Some(0), "{}", plan.0);
        let (done, said) = project.tool(&UP);
        assert!(done, "{said}");
        project.rename(&format!("migrations/{C}.js"), "c.js");
        assert_eq!(project.plan("migrations").states()[2], format!("{C} ahead"));
        project.rename(&format!("migrations/{B}.js"), "b.js");
        project.rename("c.js", &format!("migrations/{C}.js"));
        assert_eq!(project.plan("migrations").states()[1], format!("{B} missing"));
    }

    fn sql_files_are_read_too(db) {
        let Some(project) = project(db) else { return };
        sql(&project, A);
        // its comment tells it from the tools whose files are named alike
        assert_eq!(project.plan("migrations").format(), "node-pg-migrate");
        assert!(project.tool(&UP).0);
        assert_eq!(project.plan("migrations").states(), [format!("{A} applied")]);
        sql(&project, C);
        assert_eq!(project.plan("migrations").pending(), C);
    }

    fn a_late_and_a_vanished_file_are_named_and_left_to_the_tool(db) {
        let Some(project) = project(db) else { return };
        script(&project, A);
        script(&project, C);
        assert!(project.tool(&UP).0);
        let late = "1704153600000_late";
        script(&project, late);
        let (done, said) = project.tool(&UP);
        assert!(!done && said.contains(late) && said.contains("preceding"), "{said}");
        let plan = project.plan("migrations");
        assert_eq!(plan.pending(), late);
        assert_eq!(plan.0["notices"][0], format!("1 pending file is older than what is applied: {late}.js"), "{}", plan.0);
        project.rename(&format!("migrations/{late}.js"), "late.js");
        project.rename(&format!("migrations/{A}.js"), "a.js");
        let (done, said) = project.tool(&UP);
        assert!(!done && said.contains("preceding"), "{said}");
        assert_eq!(project.plan("migrations").states(), [format!("{A} missing"), format!("{C} applied")]);
    }
}
