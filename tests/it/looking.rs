//! `plan` and `status` look and change nothing.

use crate::support::{Bellwether, Migrations, Server, TestDatabase, on_every_server};

fn tables(db: &TestDatabase) -> Vec<String> {
    match db.server() {
        Server::Postgres => {
            db.column("select tablename from pg_tables where schemaname = 'public' order by 1")
        }
        Server::MariaDb => db.column(
            "select table_name from information_schema.tables where table_schema = database() order by 1",
        ),
        Server::SqlServer => db.column("select name from sys.tables order by 1"),
        Server::Sqlite => db.column("select name from sqlite_master where type = 'table' order by 1"),
    }
}

on_every_server! {
    fn plan_says_who_would_do_what_and_why_and_changes_nothing(db) {
        db.sql("create table earlier (id int)");
        let migrations = Migrations::counted(2);
        let plan = || Bellwether::at("plan", db, &migrations).participant("shop-web");
        let finished = plan().run().expect(0);
        let found = finished.events_named("plan");
        assert_eq!(found.len(), 1, "{}", finished.said());
        assert_eq!((&found[0]["role"], &found[0]["lock_mode"]), (&"elect".into(), &"session".into()));
        assert!(!found[0]["role_reason"].as_str().unwrap_or_default().is_empty());
        let states = || -> Vec<_> {
            let finished = plan().run().expect(0);
            let found = finished.events_named("plan")[0]["migrations"].as_array().cloned().unwrap_or_default();
            found.iter().map(|migration| migration["state"].as_str().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(states(), ["pending", "pending"]);
        assert_eq!(tables(db), ["earlier"]);
        Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(states(), ["applied", "applied"]);
        let human = Bellwether::human("plan").on(db).migrations(&migrations).release("r1").run().expect(0);
        human.says("0001_first").says("0002_step").says("r1");
    }

    fn status_check_is_ready_when_the_release_is_applied(db) {
        db.sql("create table earlier (id int)");
        let migrations = Migrations::counted(2);
        let check = || Bellwether::at("status", db, &migrations).arg("--check").run();
        check().expect(3);
        assert_eq!(tables(db), ["earlier"]);
        Bellwether::lead(db, &migrations).run().expect(0);
        check().expect(0);
        migrations.write("0003_step.sql", "select 3;");
        check().expect(3);
        Bellwether::at("status", db, &migrations).run().expect(0);
    }

    fn status_tells_of_a_failure(db) {
        let migrations = Migrations::counted(1).file("0002_bad.sql", "insert into no_such_table values (1);");
        Bellwether::lead(db, &migrations).run().expect(10);
        let status = Bellwether::at("status", db, &migrations).run().expect(0);
        let found = status.events_named("status");
        assert_eq!(found.len(), 1, "{}", status.said());
        assert_eq!(found[0]["run"]["status"], "failed");
        assert!(found[0]["error"].as_str().is_some_and(|error| error.contains("no_such_table")), "{}", status.said());
        assert_eq!(found[0]["ready"], false);
    }
}
