//! What cannot be understood about files is named, and leaves what is pending unknown, whatever the history says: no table,
//! an empty one, some rows or all.

use super::foreign::Foreign;
use crate::support::{Bellwether, TestDatabase, on_every_server, on_servers};

/// Files that are not understood, and the history that their tool makes.
struct Case {
    format: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// What names them.
    why: &'static str,
    create: &'static str,
    insert: &'static str,
    /// As they are recorded, one after the other.
    rows: &'static [&'static str],
}

const ALEMBIC: (&str, &str) = (
    "create table alembic_version (version_num varchar(32) not null)",
    "insert into alembic_version (version_num) values ('{}')",
);

fn cases() -> Vec<Case> {
    let (create, insert) = ALEMBIC;
    vec![
        Case {
            format: "alembic",
            files: &[
                ("versions/aa.py", "revision = 'aa'\ndown_revision = None\n"),
                ("versions/bb.py", "revision = 'bb'\ndown_revision = 'cc'\n"),
                ("versions/cc.py", "revision = 'cc'\ndown_revision = 'bb'\n"),
            ],
            why: "bb.py stands on itself: bb.py follows cc.py follows bb.py",
            create,
            insert,
            rows: &["aa"],
        },
        Case {
            format: "alembic",
            files: &[
                ("versions/aa.py", "revision = 'aa'\ndown_revision = None\n"),
                ("versions/bb.py", "revision = 'bb'\ndown_revision = 'aa'\n"),
                ("versions/bb_again.py", "revision = 'bb'\ndown_revision = 'aa'\n"),
            ],
            why: "bb_again.py has the revision bb, which is bb.py's as well",
            create,
            insert,
            rows: &["bb"],
        },
        // the middle one is not understood, so that the last does not lead to the first
        Case {
            format: "alembic",
            files: &[
                ("versions/aa.py", "revision = 'aa'\ndown_revision = None\n"),
                ("versions/bb.py", "revision = 'bb'\ndown_revision = find()\n"),
                ("versions/cc.py", "revision = 'cc'\ndown_revision = 'bb'\n"),
            ],
            why: "bb.py:2 has a down_revision that is computed",
            create,
            insert,
            rows: &["cc"],
        },
        Case {
            format: "knex",
            files: &[
                ("20240101000000_a.js", "exports.up = (knex) => {}"),
                ("20240101000000_a.ts", "export const up = (knex) => {}"),
                ("20240102000000_b.js", "exports.up = (knex) => {}"),
            ],
            why: "20240101000000_a.ts is there as 20240101000000_a.js too",
            create: "create table knex_migrations (id int, name varchar(255))",
            insert: "insert into knex_migrations (id, name) values (1, '{}')",
            rows: &["20240101000000_a.js", "20240102000000_b.js"],
        },
        Case {
            format: "node-pg-migrate",
            files: &[
                ("1700000000000_a.js", "exports.up = (pgm) => {}"),
                ("1700000000000_a.sql", "-- Up Migration\nselect 1;\n"),
                ("1700000000001_b.js", "exports.up = (pgm) => {}"),
            ],
            why: "1700000000000_a.sql is there as 1700000000000_a.js too",
            create: "create table pgmigrations (id int, name varchar(255), run_on timestamp)",
            insert: "insert into pgmigrations (id, name) values (1, '{}')",
            rows: &["1700000000000_a", "1700000000001_b"],
        },
        // of nothing that was read: what the history has is neither ahead of it nor missing
        Case {
            format: "flyway",
            files: &[("V1__a.sql", "select 1;"), ("V2__b.sql", "select 1;"), ("V2__c.sql", "select 1;")],
            why: "V2__b.sql and V2__c.sql have the same version 2",
            create: "create table flyway_schema_history (installed_rank int primary key, version varchar(50), \
                     description varchar(200), type varchar(20), script varchar(1000), checksum int, success boolean)",
            insert: "insert into flyway_schema_history values ({0}, '{0}', 'x', 'SQL', 'V{0}__x', null, true)",
            rows: &["1", "2"],
        },
    ]
}

/// A follower and a doctor beside it.
fn ours(db: &TestDatabase, project: &Foreign<'_>, format: &str, verb: Bellwether) -> Bellwether {
    verb.on(db).arg("--migrations").arg(&project.folder).args(["--format", format])
}

on_servers! { [postgres Postgres]
    fn files_that_are_not_understood_are_named_whatever_the_history_says(db) {
        for (number, case) in cases().into_iter().enumerate() {
            let project = Foreign::within(db, case.format, &format!("case{number}"));
            for (name, text) in case.files {
                project.write(name, text);
            }
            project.is_unknown(case.why);
            db.sql(case.create);
            project.is_unknown(case.why);
            for row in case.rows {
                db.sql(&case.insert.replace("{}", row).replace("{0}", row));
                project.is_unknown(case.why);
            }
            let doctor = ours(db, &project, case.format, Bellwether::human("doctor")).args(["--role", "follow"]);
            doctor.release("r1").run().expect(0).says(case.why).never_says("well: a deploy finds all that it needs");
            // nothing is known to be left, so the run succeeds, and its verdict is what a follower goes by
            let release = format!("r{number}");
            let led = project.lead(&release, &["sleep", "1"]).expect(0).says(case.why);
            led.never_says("ahead of these").never_says("applied migration").never_says("\"progress\"");
            let follower = ours(db, &project, case.format, Bellwether::new("follow")).release(&release);
            follower.run().expect(0).says(case.why);
            db.sql(&format!("drop table {}", case.create.split(' ').nth(2).unwrap()));
        }
    }
}

on_every_server! {
    fn a_history_s_value_that_cannot_be_read_is_named_and_pending_unknown(db) {
        let cases = [
            (
                "golang-migrate",
                "1_t.up.sql",
                "schema_migrations (version bigint, dirty varchar(5))",
                "(1, 'maybe')",
                r#"dirty is "maybe", which is no truth value"#,
            ),
            (
                "goose",
                "00001_t.sql",
                "goose_db_version (id int, version_id bigint, is_applied varchar(40), tstamp varchar(9))",
                "(1, 1, 'not, as far as anybody can tell', null)",
                r#"is_applied is "not, as far as anybo"…, which is no truth value"#,
            ),
            (
                "sqlx",
                "0001_t.sql",
                "_sqlx_migrations (version bigint, description varchar(9), success int, checksum int, execution_time int)",
                "(1, 't', 1, 5, 0)",
                "checksum is 5, which is no bytes",
            ),
        ];
        for (format, file, table, row, why) in cases {
            let project = Foreign::within(db, format, format);
            project.write(file, "-- +goose Up\ncreate table t (id int);\n");
            let name = table.split(' ').next().unwrap();
            db.sql(&format!("create table {table}"));
            db.sql(&format!("insert into {name} values {row}"));
            let why = format!("{name} is not as {format} has it: {why}");
            project.is_unknown(&why);
            project.lead(format, &["true"]).expect(0).says(&why.replace('"', "\\\""));
            ours(db, &project, format, Bellwether::human("follow")).release(format).run().expect(0).says(&why);
            let led = ours(db, &project, format, Bellwether::human("lead")).release("without a command");
            led.run().expect(13).says(&why);
        }
    }
}
