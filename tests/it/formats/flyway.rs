//! Folders of Flyway's, and its history with rows as its source writes them: no package registry has Flyway.

use super::foreign::Foreign;
use crate::support::{Server, TestDatabase, on_every_server, on_servers};

const TABLE: &str = "flyway_schema_history";

/// As each database's `getRawCreateScript` makes it.
pub(super) fn create(db: &TestDatabase, table: &str) {
    if db.server() == Server::SqlServer {
        let (schema, name) = table.split_once('.').unwrap_or(("dbo", table));
        return db
            .sql(&SQL_SERVER.replace("{table}", &format!("[{schema}].[{name}]")).replace("{name}", name));
    }
    let rest = match db.server() {
        Server::Postgres => {
            "installed_on timestamp not null default now(), execution_time integer not null, success boolean not null"
        }
        Server::Sqlite => {
            "installed_on text not null default (strftime('%Y-%m-%d %H:%M:%f','now')), execution_time int not null, success boolean not null"
        }
        _ => {
            "installed_on timestamp not null default current_timestamp, execution_time int not null, success bool not null"
        }
    };
    db.sql(&format!(
        "create table {table} (installed_rank int not null primary key, version varchar(50), description varchar(200) not null,
         type varchar(20) not null, script varchar(1000) not null, checksum int, installed_by varchar(100) not null, {rest})"
    ));
}

/// `SQLServerDatabase`; it writes the database's name in front of the table's, too.
const SQL_SERVER: &str = "CREATE TABLE {table} (
    [installed_rank] INT NOT NULL,
    [version] NVARCHAR(50),
    [description] NVARCHAR(200),
    [type] NVARCHAR(20) NOT NULL,
    [script] NVARCHAR(1000) NOT NULL,
    [checksum] INT,
    [installed_by] NVARCHAR(100) NOT NULL,
    [installed_on] DATETIME NOT NULL DEFAULT GETDATE(),
    [execution_time] INT NOT NULL,
    [success] BIT NOT NULL
);
ALTER TABLE {table} ADD CONSTRAINT [{name}_pk] PRIMARY KEY ([installed_rank]);
CREATE INDEX [{name}_s_idx] ON {table} ([success]);
";

/// `version` none = repeated.
fn insert(
    db: &TestDatabase,
    rank: i32,
    version: Option<&str>,
    description: &str,
    kind: &str,
    checksum: &[u8],
    success: bool,
) {
    let version = version.map_or("null".to_owned(), |version| format!("'{version}'"));
    let checksum =
        checksum.try_into().map_or("null".to_owned(), |bytes| i32::from_be_bytes(bytes).to_string());
    let success =
        if db.server() == Server::Postgres { success.to_string() } else { u8::from(success).to_string() };
    db.sql(&format!(
        "insert into {TABLE} (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success)
         values ({rank}, {version}, '{description}', '{kind}', 'x', {checksum}, 'shop', 3, {success})"
    ));
}

fn project(db: &TestDatabase) -> Foreign<'_> {
    let project = Foreign::new(db, "flyway");
    project.write("V1__users.sql", "create table users (id int);\r\n");
    project.write("plans/V1_1__plans.sql", "create table plans (id int);\n");
    project.write("R__all_views.sql", "create view v as select 1 as x;\n");
    project
}

on_every_server! {
    fn a_history_of_flyway_is_read(db) {
        let project = project(db);
        project.is_unknown("schema_version");
        create(db, TABLE);
        insert(db, 0, None, "<< Flyway Schema Creation >>", "SCHEMA", &[], true);
        assert_eq!(project.pending(), "1 1.1 R__all_views");
        let sums = project.checksums();
        insert(db, 1, Some("1"), "users", "SQL", &sums[0], true);
        insert(db, 2, Some("1.1"), "plans", "SQL", &sums[1], true);
        assert_eq!(project.pending(), "R__all_views");
        let ended = project.lead("r1", &["true"]).expect(10);
        ended.explains(&["R__all_views"]);
        insert(db, 3, None, "all views", "SQL", &sums[2], true);
        assert_eq!(project.pending(), "none");
        project.lead("r2", &["true"]).expect(0);
        // a repeated one whose text is another is to be run again
        project.write("R__all_views.sql", "create view v as select 2 as x;\n");
        assert_eq!(project.pending(), "R__all_views");
    }

    fn a_checksum_mismatch_is_seen_and_left_to_flyway(db) {
        let project = project(db);
        create(db, TABLE);
        let sums = project.checksums();
        insert(db, 1, Some("1"), "users", "SQL", &sums[0], true);
        insert(db, 2, Some("1.1"), "plans", "SQL", &sums[1], true);
        insert(db, 3, None, "all views", "SQL", &sums[2], true);
        project.write("V1__users.sql", "create table users (id bigint);\n");
        assert_eq!(project.states(), ["1 changed", "1.1 applied", "R__all_views applied"]);
        assert_eq!(project.pending(), "none");
        let plan = project.plan_of("true");
        assert_eq!((plan["next"].as_str(), plan["refused"].as_array().map(Vec::len)), (Some("nothing is pending; would lead"), Some(0)));
        assert_eq!(plan["notices"][0], "1 file was changed after being applied: V1__users.sql");
        project.lead("r1", &["true"]).expect(0);
        insert(db, 4, Some("2"), "later", "SQL", &sums[0], true);
        insert(db, 5, Some("3"), "half", "SQL", &sums[0], false);
        assert_eq!(project.states()[2..], ["2 ahead", "3 dirty", "R__all_views applied"]);
    }

    fn a_baseline_stands_for_all_before_it(db) {
        let project = project(db);
        create(db, TABLE);
        insert(db, 1, Some("1.1"), "<< Flyway Baseline >>", "BASELINE", &[], true);
        assert_eq!(project.pending(), "R__all_views");
    }

    fn what_a_baseline_migration_stands_for_or_is_passed_over_is_no_row_of_the_table(db) {
        let project = Foreign::new(db, "flyway");
        project.write("V1__a.sql", "create table a (id int);\n");
        project.write("B2__b.sql", "create table b (id int);\n");
        project.write("V3__c.sql", "create table c (id int);\n");
        create(db, TABLE);
        assert_eq!(project.pending(), "B2 3");
        let mut states = project.states();
        states.sort();
        assert_eq!(states, ["3 pending", "B2 pending"]);
        insert(db, 1, Some("1"), "a", "SQL", &project.checksums()[0], true);
        assert_eq!((project.pending().as_str(), project.states()), ("3", vec!["1 applied".to_owned(), "3 pending".to_owned()]));
    }

    fn a_table_of_another_shape_and_rows_of_java_are_no_answer(db) {
        let project = project(db);
        db.sql(&format!("create table {TABLE} (version_rank int, version varchar(50), description varchar(200))"));
        project.is_unknown("is not as flyway has it");
        db.sql(&format!("drop table {TABLE}"));
        create(db, TABLE);
        insert(db, 1, Some("7"), "code", "JDBC", &[], true);
        project.is_unknown("Java");
    }
}

on_servers! { [postgres Postgres]
    fn a_history_in_another_schema_is_found_by_the_search_path(db) {
        let project = project(db);
        db.sql("create schema tools");
        create(db, "tools.flyway_schema_history");
        project.is_unknown("flyway_schema_history");
        let database = db.value("select current_database()");
        db.sql(&format!("alter database {database} set search_path = tools"));
        assert_eq!(project.pending(), "1 1.1 R__all_views");
    }
}
