//! Histories of formats that we apply, in another schema than the one where a session looks: of another tenant's, or the one
//! that was meant. Whoever would begin anew says so.

use super::kits::kits;
use crate::support::{Bellwether, Finished, Migrations, Server, TestDatabase, on_servers};

/// The URL with a schema.
fn in_schema(db: &TestDatabase, schema: &str) -> String {
    let name = if db.server() == Server::SqlServer { "schema" } else { "search_path" };
    db.url_with(|url| {
        url.query_pairs_mut().append_pair(name, schema);
    })
}

/// What it says of the schema that has a history.
fn told(ended: &Finished, event: &str) -> Vec<String> {
    let messages = ended.events_named(event).into_iter();
    let messages = messages.map(|it| it["message"].as_str().unwrap_or_default().to_owned());
    messages.filter(|message| message.contains("where this session looks")).collect()
}

#[track_caller]
fn assert_says(said: &[String], db: &TestDatabase, table: &str) {
    let way = if db.server() == Server::SqlServer { "`?schema=app`" } else { "`?search_path=app`" };
    let [message] = said else { panic!("{table}: {said:?}") };
    for part in [&format!("there is no {table}"), "the schema app has one", way, "every migration is pending"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
}

/// An old project of this format in the schema `app`, and what is said by those whose URL does not name it.
fn begin_anew(db: &TestDatabase, format: &str, table: &str, migrations: &Migrations) {
    let ours = |verb: &str| Bellwether::new(verb).migrations(migrations).args(["--format", format]);
    let old = ours("lead").on(db).url(&in_schema(db, "app")).release("r0").participant("shop-web");
    assert_eq!(old.run().expect(0).applied().len(), 2, "{format}");
    let settled = ours("plan").on(db).url(&in_schema(db, "app")).release("r1").run().expect(0);
    assert!(told(&settled, "warning").is_empty(), "{}", settled.said());

    let plan = ours("plan").on(db).release("r1").run().expect(0);
    assert_says(&told(&plan, "warning"), db, table);
    assert_eq!(plan.events_named("plan")[0]["pending"]["state"], "some");
    assert_says(&told(&ours("status").on(db).release("r1").run().expect(0), "warning"), db, table);
    let doctor = ours("doctor").on(db).release("r1").run().expect(0);
    let findings = doctor.events_named("doctor")[0]["findings"].as_array().unwrap().clone();
    let found = findings.into_iter().find(|it| it["check"] == "migrations" && it["health"] == "warn");
    let found = found.unwrap_or_else(|| panic!("{}", doctor.said()));
    assert_says(&[found["causes"][0].as_str().unwrap().to_owned()], db, table);
    if format == "sqlx" {
        let follow = ours("follow").on(db).release("r0").args(["--timeout", "5s"]).run().expect(15);
        assert_says(&told(&follow, "notice"), db, table);
    }

    // with a schema per tenant it is meant so
    let lead = ours("lead").on(db).release("r2").participant("shop-web").run();
    assert_says(&told(&lead, "warning"), db, table);
    if db.server() == Server::Postgres {
        assert_eq!(lead.expect(0).applied().len(), 2, "{format}");
        let again = ours("lead").on(db).release("r3").participant("shop-web").run().expect(0);
        assert!(told(&again, "warning").is_empty(), "{}", again.said());
    }
}

on_servers! { [postgres Postgres, sqlserver SqlServer quick]
    fn a_history_in_another_schema_alone_is_told_of_by_whoever_would_begin_one(db) {
        db.sql("create schema app");
        begin_anew(db, "sqlx", "_sqlx_migrations", &Migrations::counted(2));
        for kit in kits(db.server()) {
            let db = db.server().database();
            db.sql("create schema app");
            begin_anew(&db, kit.format, kit.table, &kit.counted(2));
        }
    }
}
