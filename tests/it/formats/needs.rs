//! A follower without files that waits for one migration: however people write it, as a tool shows it, as we do, or as the
//! file is called.

use crate::support::{Bellwether, TestDatabase, on_servers};

struct Case {
    format: &'static str,
    /// Makes the history, with a row or two.
    history: &'static str,
    /// What is there.
    there: &'static [&'static str],
    /// What is not.
    missing: &'static str,
    /// What no such history can have; empty = there is no such text.
    never: &'static str,
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            format: "dbmate",
            history: "create table schema_migrations (version varchar(128)); \
                      insert into schema_migrations values ('0002'), ('20240101')",
            there: &["2", "0002_t2.sql", "20240101_add.sql", "20240101"],
            missing: "20240102_add.sql",
            never: "add.sql",
        },
        Case {
            format: "golang-migrate",
            history: "create table schema_migrations (version bigint, dirty boolean); \
                      insert into schema_migrations values (3, false)",
            there: &["3", "000002_add.up.sql", "000003_plans"],
            missing: "000004_later",
            never: "later",
        },
        Case {
            format: "goose",
            history: "create table goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp); \
                      insert into goose_db_version (id, version_id, is_applied) values (1, 0, true), (2, 3, true)",
            there: &["3", "00003_t3", "00003_t3.sql"],
            missing: "00004_t4",
            never: "t3",
        },
        Case {
            format: "rails",
            history: "create table schema_migrations (version varchar(255)); \
                      insert into schema_migrations values ('20240301120000')",
            there: &["20240301120000", "20240301120000_add_index", "db/migrate/20240301120000_add_index.rb"],
            missing: "20240301120001_add_name",
            never: "AddIndex",
        },
        Case {
            format: "flyway",
            history: "create table flyway_schema_history (installed_rank int, version varchar(50), \
                      description varchar(200), type varchar(20), script varchar(1000), checksum int, success boolean); \
                      insert into flyway_schema_history values \
                      (1, '1.1', 'base', 'BASELINE', 'x', null, true), (2, '2', 'plans', 'SQL', 'x', 1, true), \
                      (3, '3', 'code', 'JDBC', 'db.V3', null, true), (4, null, 'all views', 'SQL', 'x', 7, true)",
            there: &[
                "2",
                "V2",
                "V2__plans",
                "V2__plans.sql",
                "1.0",
                "V1_1__old.sql",
                "V3__code",
                "R__all_views",
            ],
            missing: "V4__later",
            never: "plans",
        },
        Case {
            format: "refinery",
            history: "create table refinery_schema_history (version int, name varchar(255), applied_on varchar(255), \
                      checksum varchar(255)); insert into refinery_schema_history values (2, 'plans', 'x', '7')",
            there: &["2", "V2__plans", "U2__plans.sql"],
            missing: "V3__later",
            never: "plans",
        },
        Case {
            format: "django",
            history: "create table django_migrations (id int, app varchar(255), name varchar(255)); \
                      insert into django_migrations values (1, 'shop', '0002_users'), (2, 'blog', '0003_posts')",
            there: &["shop.0002_users", "shop.0002", "shop/migrations/0002_users.py"],
            missing: "shop.0003",
            never: "0002_users",
        },
        Case {
            format: "alembic",
            history: "create table alembic_version (version_num varchar(32)); \
                      insert into alembic_version values ('ae1027a6acf')",
            there: &["ae1027a6acf", "ae1027a6acf_add_index.py"],
            missing: "",
            never: "",
        },
        Case {
            format: "prisma",
            history: "create table _prisma_migrations (migration_name varchar(255), checksum varchar(64), \
                      started_at timestamp, finished_at timestamp, rolled_back_at timestamp, logs text); \
                      insert into _prisma_migrations values \
                      ('20240301142233_add', 'x', '2024-03-01 00:00:00', '2024-03-01 00:00:00', null, null)",
            there: &["20240301142233_add", "20240301142233", "20240301142233_add/migration.sql"],
            missing: "20240301142234_later",
            never: "",
        },
        Case {
            format: "liquibase",
            history: "create table databasechangelog (id varchar(255), author varchar(255), filename varchar(255), \
                      exectype varchar(10), orderexecuted int); \
                      insert into databasechangelog values ('1', 'dev', 'db/changes/001.sql', 'EXECUTED', 1)",
            there: &[
                "db/changes/001.sql::1::dev",
                "changes/001.sql::1::dev",
                "classpath:db/changes/001.sql::1::dev",
            ],
            missing: "db/changes/001.sql::2::dev",
            never: "001.sql",
        },
        Case {
            format: "efcore",
            history: "create table \"__EFMigrationsHistory\" (\"MigrationId\" varchar(150), \"ProductVersion\" varchar(32)); \
                      insert into \"__EFMigrationsHistory\" values ('20240101120000_Plans', '8')",
            there: &["20240101120000_Plans", "20240101120000", "20240101120000_Plans.cs"],
            missing: "20240101120001_Later",
            never: "",
        },
        Case {
            format: "atlas",
            history: "create table atlas_schema_revisions (version varchar(255), description varchar(255), type int, \
                      applied int, total int, error text); \
                      insert into atlas_schema_revisions values ('20240101120000', 'plans', 2, 1, 1, null)",
            there: &["20240101120000", "20240101120000_plans", "20240101120000_plans.sql"],
            missing: "20240102120000_later",
            never: "",
        },
        Case {
            format: "knex",
            history: "create table knex_migrations (id int, name varchar(255)); \
                      insert into knex_migrations values (1, '20240301142233_add_index.js')",
            there: &["20240301142233_add_index.js", "20240301142233_add_index", "20240301142233"],
            missing: "20240301142233_add_index.ts",
            never: "",
        },
    ]
}

fn follower(db: &TestDatabase, format: &str, needs: &str) -> Bellwether {
    let keys = format!("format: {format}, follow: {{ source: history, needs: \"{needs}\" }}");
    Bellwether::new("follow").on(db).config(&keys)
}

fn drop_all(db: &TestDatabase, history: &str) {
    db.sql(&format!("drop table {}", history.split(' ').nth(2).unwrap()));
}

on_servers! { [postgres Postgres, sqlite Sqlite]
    fn one_migration_is_found_however_it_is_written(db) {
        for case in cases() {
            db.sql(case.history);
            for written in case.there {
                follower(db, case.format, written).timeout("60s").run().expect(0);
            }
            if !case.missing.is_empty() {
                let late = follower(db, case.format, case.missing).timeout("1s").run().expect(21);
                late.explains(&["1 migration is still pending", case.missing.trim_end_matches(".sql")]);
            }
            if !case.never.is_empty() {
                let never = follower(db, case.format, case.never).run().expect(2);
                never.explains(&["is no migration of the format", case.format, case.never]);
            }
            drop_all(db, case.history);
        }
    }

    fn what_alembic_s_table_cannot_tell_is_said_so(db) {
        let history = "create table alembic_version (version_num varchar(32)); insert into alembic_version values ('cc')";
        db.sql(history);
        let why = "it has cc, and whether aa stands below that cannot be told from alembic_version alone without the files";
        let late = follower(db, "alembic", "aa").timeout("1s").run().expect(21);
        late.says("what of our migrations is pending is unknown").explains(&["still unknown", why]);
        // last week's run, of whatever release, says nothing of it
        Bellwether::new("lead").on(db).args(["--release", "last-week", "--", "true"]).run().expect(0);
        let by_ledger = |verb: &str| Bellwether::new(verb).on(db).config("format: alembic, follow: { needs: aa }");
        let late = by_ledger("follow").timeout("2s").run().expect(21);
        late.says("whether what we need is applied is unknown");
        by_ledger("status").arg("--check").run().expect(3).explains(&["is unknown", why]);
        // of another branch
        db.sql("insert into alembic_version values ('bb')");
        follower(db, "alembic", "bb").run().expect(0);
        // nothing at all is applied
        db.sql("delete from alembic_version");
        follower(db, "alembic", "aa").timeout("1s").run().expect(21).explains(&["1 migration is still pending", "aa"]);
    }

    fn where_there_is_no_folder_nothing_is_missing(db) {
        db.sql("create table schema_migrations (version varchar(255)); insert into schema_migrations values ('1'), ('2'), ('3')");
        let keys = "format: dbmate, follow: { source: history, needs: \"2\" }";
        let ended = Bellwether::new("status").on(db).config(keys).run().expect(0);
        let status = &ended.events_named("status")[0];
        let states: Vec<_> = status["migrations"].as_array().unwrap().iter().map(|it| it["state"].clone()).collect();
        assert_eq!(states, ["applied"; 3], "{status}");
    }

    fn a_short_name_that_can_be_two_is_said_with_both(db) {
        db.sql("create table django_migrations (id int, app varchar(255), name varchar(255)); \
                insert into django_migrations values (1, 'shop', '0002_users'), (2, 'shop', '0002_plans')");
        let late = follower(db, "django", "shop.0002").timeout("1s").run().expect(21);
        late.explains(&["still unknown", "it can be shop.0002_plans and shop.0002_users: name one of them"]);
    }
}
