//! Folders of Atlas's with their sums, and its history with rows as its source writes them: no package registry has
//! Atlas.

use super::foreign::Foreign;
use crate::support::{Server, TestDatabase, on_every_server_of_sqlx, on_servers};

/// Figures of a folder in Atlas's own tests.
const SUMS: &str = "h1:GMi7mvWSIHv0I/Wrc2NCGVt9Z5hWZbPa6wL986t7Z2o=
20220318104614_initial.sql h1:FifWjY2X0g2YVnb18Qm+QBPvoldDOOob7bS0LrFuCXc=
20220318104615_second.sql h1:wbPDlODOQeixCiopAhlT7W4xOO9TgJxzjYjxf4TA2f4=
";
const TABLE: &str = "atlas_schema_revisions";

fn project(db: &TestDatabase) -> Foreign<'_> {
    let project = Foreign::new(db, "atlas");
    project.write("atlas.sum", SUMS);
    project.write(
        "20220318104614_initial.sql",
        "-- create \"tbl\" table\nCREATE TABLE tbl (`col` int NOT NULL);\n",
    );
    project.write("20220318104615_second.sql", "ALTER TABLE `tbl` ADD `col_2` bigint;\n");
    project
}

/// As ent makes it of `schema/revision.go`.
fn create(db: &TestDatabase, table: &str) {
    let (text, json) = if db.server() == Server::Postgres {
        ("character varying", "jsonb")
    } else {
        ("varchar(255)", "json")
    };
    db.sql(&format!(
        "create table {table} (version {text} not null primary key, description {text} not null, type bigint not null default 2,
         applied bigint not null default 0, total bigint not null default 0, executed_at timestamp not null,
         execution_time bigint not null, error text null, error_stmt text null, hash {text} not null,
         partial_hashes {json} null, operator_version {text} not null)"
    ));
}

fn insert(db: &TestDatabase, table: &str, version: &str, kind: u8, applied: u8, total: u8, error: &str) {
    db.sql(&format!(
        "insert into {table} (version, description, type, applied, total, executed_at, execution_time, error, hash, operator_version)
         values ('{version}', 'x', {kind}, {applied}, {total}, '2024-01-01 00:00:00', 5, '{error}', 'x', 'Atlas CLI')"
    ));
}

on_every_server_of_sqlx! {
    fn a_history_of_atlas_is_read(db) {
        let project = project(db);
        project.is_unknown("--revisions-schema");
        create(db, TABLE);
        insert(db, TABLE, ".atlas_cloud_identifier", 2, 0, 0, "");
        assert_eq!(project.pending(), "20220318104614 20220318104615");
        insert(db, TABLE, "20220318104614", 2, 1, 1, "");
        assert_eq!(project.pending(), "20220318104615");
        project.lead("r1", &["true"]).expect(10).explains(&["20220318104615"]);
        insert(db, TABLE, "20220318104615", 2, 1, 3, "no such table");
        assert_eq!(project.states()[1], "20220318104615 dirty");
        db.sql(&format!("update {TABLE} set applied = 3"));
        db.sql(&format!("update {TABLE} set total = 3"));
        assert_eq!(project.pending(), "none");
        project.lead("r2", &["true"]).expect(0);
    }

    fn a_folder_that_atlas_refuses_is_refused_with_its_words(db) {
        let project = project(db);
        project.write("20220318104615_second.sql", "drop table tbl;\n");
        // the command refuses it itself; what we read of it is nothing
        let ended = project.lead("r1", &["true"]).expect(0);
        let said = ended.events_named("notice")[0]["message"].as_str().unwrap().to_owned();
        assert!(said.contains("atlas.sum:3: checksum mismatch: 20220318104615_second.sql was edited"), "{said}");
    }
}

on_servers! { [postgres Postgres]
    fn its_own_schema_is_looked_at_too(db) {
        let project = project(db);
        db.sql("create schema atlas_schema_revisions");
        let table = "atlas_schema_revisions.atlas_schema_revisions";
        create(db, table);
        insert(db, table, "20220318104615", 1, 0, 0, "");
        assert_eq!(project.pending(), "none");
    }
}
