//! SQL Server's own in what tools record there: schemas without a search path, batches, bits, tables that count by
//! themselves, and the tools that have no driver for it.

use std::fs;
use std::time::Duration;

use super::flyway;
use super::foreign::Foreign;
use super::kits::{DBMATE, GOLANG_MIGRATE, GOOSE, Kit, kits};
use crate::support::migrations::APPLIED_TABLE;
use crate::support::{Bellwether, Migrations, Server, TestDatabase, on_servers};

const LONG: Duration = Duration::from_secs(180);
/// A command that waits until the test lets it end.
const HELD: &str = "until test -e \"$0/go\"; do sleep 0.05; done";

/// What `doctor` says of leading.
fn leading(db: &TestDatabase, kit: &Kit, migrations: &Migrations) -> String {
    let doctor = Bellwether::new("doctor").on(db).migrations(migrations).release("r1");
    let ended = doctor.args(["--format", kit.format]).run().expect(0);
    let findings = ended.events_named("doctor")[0]["findings"].as_array().unwrap().clone();
    let found = findings.iter().find(|finding| finding["check"] == "leading").unwrap();
    format!("{}: {}", found["health"].as_str().unwrap(), found["found"].as_str().unwrap())
}

/// The URL that names the history's schema.
fn in_schema(db: &TestDatabase, schema: &str) -> String {
    db.url_with(|url| {
        url.query_pairs_mut().append_pair("schema", schema);
    })
}

on_servers! { [sqlserver SqlServer quick]
    fn a_tool_without_a_driver_is_named_before_anything_is_done(db) {
        let migrations = DBMATE.counted(1);
        let refused = DBMATE.lead(db, &migrations).run().expect(2);
        refused.explains(&["dbmate has no driver for SQL Server", "golang-migrate"]);
        let resolve = DBMATE.resolve(db, &migrations, &["0001", "--applied"]).run().expect(2);
        resolve.explains(&["dbmate has no driver for SQL Server"]);
        assert!(!db.has_table("bellwether_runs") && !db.has_table("schema_migrations"));
        let plan = Bellwether::new("plan").on(db).migrations(&migrations).args(["--role", "follow", "--release", "r1"]);
        let plan = plan.args(["--format", "dbmate"]).run().expect(0);
        let plan = plan.events_named("plan")[0].clone();
        assert_eq!(plan["pending"]["state"], "unknown");
        assert!(plan["next"].as_str().unwrap().contains("no driver for SQL Server"), "{plan}");
    }

    fn sqlx_s_table_has_sqlx_s_columns(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let columns = db.rows(
            "select column_name, data_type, is_nullable from information_schema.columns
             where table_name = '_sqlx_migrations' order by ordinal_position",
        );
        let expected = [
            ["version", "bigint", "NO"],
            ["description", "nvarchar", "NO"],
            ["installed_on", "datetimeoffset", "NO"],
            ["success", "bit", "NO"],
            ["checksum", "varbinary", "NO"],
            ["execution_time", "bigint", "NO"],
        ];
        assert_eq!(columns, expected);
        assert_eq!(db.rows("select version, description, success from _sqlx_migrations"), [["1", "first", "1"]]);
        assert_eq!(db.value("select datalength(checksum) from _sqlx_migrations"), "48");
    }

    fn a_dirty_version_of_golang_migrate_s_is_refused_until_somebody_tells(db) {
        GOLANG_MIGRATE.as_the_tool_leaves_it(db, &[]);
        db.sql(APPLIED_TABLE);
        let migrations = GOLANG_MIGRATE.counted(3);
        db.sql("insert into schema_migrations (version, dirty) values (2, 1)");
        let refused = GOLANG_MIGRATE.lead(db, &migrations).run().expect(13);
        refused.explains(&["half applied", "bellwether resolve 2 --applied"]);
        GOLANG_MIGRATE.resolve(db, &migrations, &["2", "--applied"]).run().expect(0);
        GOLANG_MIGRATE.assert_whole(db, &[1, 2]);
        let led = GOLANG_MIGRATE.lead_anew(db, &migrations, "r2").run().expect(0);
        assert_eq!(led.applied(), ["3"]);
        GOLANG_MIGRATE.assert_whole(db, &[1, 2, 3]);
        db.sql("insert into schema_migrations (version, dirty) values (4, 0)");
        GOLANG_MIGRATE.lead_anew(db, &migrations, "r3").run().expect(13).explains(&["it has 2 rows", "delete all but"]).never_says("is it of another tool");
    }

    fn goose_s_statements_are_batches_of_their_own(db) {
        let migrations = Migrations::new();
        let body = "-- +goose StatementBegin\ncreate procedure twice as\nbegin\n  insert into applied values ('a');\n  \
                    insert into applied values ('b');\nend;\n-- +goose StatementEnd\n";
        GOOSE.write(&migrations, 1, &format!("{APPLIED_TABLE}{body}exec twice;\n"));
        // no batch could name a column that it makes itself
        let more = "alter table applied add more int null;\nupdate applied set more = 1 where name = 'a';\n";
        GOOSE.write(&migrations, 2, more);
        GOOSE.lead(db, &migrations).run().expect(0);
        assert_eq!(db.applied(), ["a", "b"]);
        assert_eq!(db.value("select count(*) from applied where more = 1"), "1");
        GOOSE.assert_whole(db, &[1, 2]);
        GOOSE.write(&migrations, 3, "insert into applied values ('c', 1);\n\ninsert into applied values ('d', 'x');\n");
        let failed = GOOSE.lead_anew(db, &migrations, "r2").run().expect(10);
        failed.explains(&["0003_step.sql:4"]);
        assert_eq!(db.applied(), ["a", "b"]);
    }

    fn doctor_tries_a_history_that_counts_by_itself(db) {
        for kit in kits(Server::SqlServer) {
            let db = Server::SqlServer.database();
            let migrations = kit.counted(1);
            kit.lead(&db, &migrations).run().expect(0);
            assert_eq!(leading(&db, &kit, &migrations), "ok: this user may write what a leader writes");
            kit.assert_whole(&db, &[1]);
        }
        // made by nobody yet
        assert!(leading(db, &GOOSE, &GOOSE.counted(1)).starts_with("ok"));
    }

    fn a_history_in_another_schema_is_found_once_the_url_names_it(db) {
        let project = Foreign::new(db, "flyway");
        project.write("V1__users.sql", "create table users (id int);\n");
        db.sql("create schema tools");
        flyway::create(db, "tools.flyway_schema_history");
        project.is_unknown("is in the schema tools, where this session does not look: `?schema=tools`");
        let url = in_schema(db, "tools");
        let plan = Bellwether::new("plan").url(&url).arg("--migrations").arg(&project.folder);
        let plan = plan.args(["--format", "flyway", "--role", "follow", "--release", "r1"]).run().expect(0);
        let plan = plan.events_named("plan")[0].clone();
        assert_eq!(plan["pending"]["versions"], serde_json::json!(["1"]));
    }

    fn ours_in_another_schema_is_made_and_kept_there(db) {
        db.sql("create schema [it's]");
        let migrations = Migrations::counted(2);
        let url = in_schema(db, "it's");
        let lead = |release: &str| Bellwether::new("lead").url(&url).migrations(&migrations).release(release);
        assert_eq!(lead("r1").participant("shop-web").run().expect(0).applied(), ["1", "2"]);
        assert_eq!(db.column("select version from [it's]._sqlx_migrations order by version"), ["1", "2"]);
        assert!(lead("r2").participant("shop-web").run().expect(0).applied().is_empty());
    }

    fn a_command_s_progress_comes_from_its_history(db) {
        GOLANG_MIGRATE.as_the_tool_leaves_it(db, &[1]);
        let migrations = GOLANG_MIGRATE.counted(3);
        let leader = GOLANG_MIGRATE.lead(db, &migrations).args(["--", "sh", "-c", HELD]).arg(db.folder());
        let leading = leader.spawn();
        let progress = |done: u32| {
            leading.wait_for("progress", LONG, |it| {
                it["event"] == "progress" && it["done"] == done && it["total"] == 2
            });
        };
        progress(0);
        GOLANG_MIGRATE.as_the_tool_records_it(db, 2);
        progress(1);
        GOLANG_MIGRATE.as_the_tool_records_it(db, 3);
        fs::write(db.folder().join("go"), "").unwrap();
        leading.wait(LONG).expect(0);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
    }
}
