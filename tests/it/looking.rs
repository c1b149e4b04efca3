//! `plan` and `status` look and change nothing.

use serde_json::Value;

use crate::support::{Bellwether, Finished, Migrations, Server, TestDatabase, on_every_server, on_servers};

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

#[track_caller]
fn status(ended: &Finished) -> Value {
    ended.events_named("status")[0].clone()
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

    fn where_nothing_says_the_release_nobody_s_run_makes_it_ready(db) {
        Bellwether::lead(db, &Migrations::counted(1)).run().expect(0);
        let asked = || Bellwether::new("status").on(db);
        let follower = Bellwether::new("follow").on(db).run().expect(2);
        assert_eq!(asked().arg("--check").run().expect(2).error(), follower.error());
        let shown = status(&asked().run().expect(0));
        assert_eq!((&shown["ready"], &shown["run"]["status"]), (&false.into(), &"succeeded".into()), "{shown}");
        assert!(shown["reason"].to_string().contains("nothing says what is being released"), "{shown}");
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

on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite]
    fn a_folder_that_is_not_understood_is_not_made_ready_by_another_release(db) {
        let files = Migrations::new().file("20240101000000_create_users.rb", "class CreateUsers; end");
        let rails = |verb| Bellwether::new(verb).on(db).migrations(&files).arg("--format=rails");
        let old = rails("deploy").release("old");
        old.args(["--", "true"]).run().expect(0);
        files.write("20250101000000_newOne.rb", "class NewOne; end");
        let asked = || rails("status");
        asked().arg("--check").run().expect(2);
        assert_eq!(status(&asked().run().expect(0))["ready"], false);
        let new = asked().release("new").arg("--check").run().expect(3);
        let reason = status(&new)["reason"].to_string();
        assert!(reason.contains("there is no run, and what is pending is unknown (20250101000000_newOne.rb"), "{reason}");
        asked().release("old").arg("--check").run().expect(0);
    }
}
