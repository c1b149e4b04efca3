//! What PostgreSQL alone promises: notifications, poolers, its own settings.

use bellwether::database::LockSupport;
use bellwether::database::pooler::{Between, between, is_direct, probe_pooler};

use super::*;
use crate::support::server::pgbouncer_url;

async fn setting(session: &mut dyn Database, name: &str) -> String {
    value(session, &format!("SELECT current_setting('{name}')")).await
}

on_servers! { [postgres Postgres]
    fn a_leaders_session_has_the_servers_watchdog(db) {
        db.sql(&format!("alter database {} set statement_timeout = '1s'; \
                alter database {0} set synchronous_commit = off; \
                alter database {0} set default_transaction_isolation = 'repeatable read'", db.name()));
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let server = session.identify().await.unwrap();
            assert_eq!((server.product.as_str(), server.database.as_str()), ("PostgreSQL", db.name()));
            assert!(matches!(server.lock, LockSupport::Session(_)) && server.transactional_ddl && !server.read_only);
            assert_eq!(server.schema.as_deref(), Some("public"));
            for _ in 0..2 {
                for (name, expected) in [
                    ("statement_timeout", "0"),
                    ("lock_timeout", "0"),
                    ("idle_session_timeout", "15s"),
                    ("idle_in_transaction_session_timeout", "15s"),
                    ("client_connection_check_interval", "1s"),
                    ("synchronous_commit", "on"),
                    ("transaction_isolation", "read committed"),
                    ("application_name", "bellwether"),
                ] {
                    assert_eq!(setting(&mut *session, name).await, expected, "{name}");
                }
                // a script leaves nothing behind
                session.script("SELECT set_config('search_path', '', false); SET statement_timeout = 77; \
                    SET SESSION AUTHORIZATION pg_monitor; SET ROLE pg_monitor; SET idle_session_timeout = 0").await.unwrap();
                session.script(&server.restore).await.unwrap();
                assert_eq!(value(&mut *session, "SELECT current_user = session_user").await, "true");
                assert_ne!(value(&mut *session, "SELECT current_user").await, "pg_monitor");
                assert_eq!(value(&mut *session, "SELECT current_schema()").await, "public");
            }
            let check = format!("SELECT count(*) FROM (SELECT 1) one WHERE true{}", server.session_check);
            assert_eq!(value(&mut *session, &check).await, "1");
            assert_eq!(value(&mut *open(db, Purpose::Beat).await, &check).await, "0");
        });
    }

    fn the_urls_settings_hold_for_every_session(db) {
        db.sql("create schema app; create table app.here (a int)");
        now(async {
            let url = db.url_with(|url| url.set_query(Some("search_path=app&application_name=web")));
            for purpose in [Purpose::Work, Purpose::Look] {
                let mut session = try_open(&url, purpose).await.unwrap();
                assert_eq!(session.identify().await.unwrap().schema.as_deref(), Some("app"));
                ask(&mut *session, "SELECT a FROM here", vec![]).await.unwrap();
                assert_eq!(setting(&mut *session, "application_name").await, "web");
            }
        });
    }

    fn literals_are_safe_whatever_the_session_says(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            session.script("SET standard_conforming_strings = off; SET backslash_quote = off").await.unwrap();
            for text in nasty() {
                comes_back(&mut *session, &text).await;
            }
            let nul = ask(&mut *session, "SELECT ?", vec!["a\0b".into()]).await.unwrap_err();
            assert_eq!(nul.kind, DbErrorKind::Statement);
        });
    }

    fn a_look_hears_notifications_and_still_asks(db) {
        now(async {
            let mut look = open(db, Purpose::Look).await;
            value(&mut *look, "SELECT 1").await;
            look.notified().await.unwrap();
            assert_eq!(value(&mut *look, "SELECT count(*) FROM pg_listening_channels()").await, "1");
            assert_eq!(setting(&mut *look, "transaction_read_only").await, "on");
            let nothing = tokio::time::timeout(Duration::from_millis(100), look.notified()).await;
            assert!(nothing.is_err(), "nobody said anything");
            aside(|| db.sql("notify bellwether"));
            tokio::time::timeout(LIMIT, look.notified()).await.unwrap().unwrap();
            // one that came during a query is not lost either
            aside(|| db.sql("notify bellwether"));
            value(&mut *look, "SELECT 1 FROM pg_sleep(0.2)").await;
            tokio::time::timeout(LIMIT, look.notified()).await.unwrap().unwrap();
            // a session that ends is an error, never a new session
            let pid = value(&mut *look, "SELECT pg_backend_pid()").await;
            aside(|| db.sql(&format!("select pg_terminate_backend({pid})")));
            let error = tokio::time::timeout(LIMIT, look.notified()).await.unwrap().unwrap_err();
            assert!(error.kind.ends_session(), "{error:?}");
            let error = ask(&mut *look, "SELECT 1", vec![]).await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::ConnectionLost);
        });
    }

    fn a_session_that_ended_stays_ended(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let pid = value(&mut *session, "SELECT pg_backend_pid()").await;
            aside(|| db.sql(&format!("select pg_terminate_backend({pid})")));
            for _ in 0..2 {
                let error = ask(&mut *session, "SELECT 1", vec![]).await.unwrap_err();
                assert!(error.kind.ends_session(), "{error:?}");
            }
        });
    }

    fn copy_from_nowhere_is_an_error_and_no_wait(db) {
        db.sql("create table t (a int)");
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let error = session.script("COPY t FROM STDIN;\n1\n\\.\n").await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::Statement, "{error:?}");
            let mut session = open(db, Purpose::Work).await;
            let error = session.script("COPY t TO STDOUT").await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::Statement);
            assert_eq!(value(&mut *session, "SELECT 'here'").await, "here");
        });
    }

    fn an_invalid_index_is_found_by_its_name(db) {
        db.sql("create table t (a int); insert into t values (1), (1); create schema s; create table s.t (a int); \
            create index \"Good\" on t (a)");
        let mut owner = db.session();
        assert!(owner.try_run("create unique index concurrently \"Bad\" on t (a)").is_err());
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let question = session.dialect().invalid_index.unwrap();
            for (name, rows) in [("\"Bad\"", 1), ("public.\"Bad\"", 1), ("s.\"Bad\"", 0), ("\"Good\"", 0), ("none", 0)] {
                assert_eq!(ask(&mut *session, question, vec![name.into()]).await.unwrap().rows.len(), rows, "{name}");
            }
        });
    }

    fn a_pooler_is_found_and_left_as_it_was(db) {
        now(async {
            let (mut a, mut b) = (open(db, Purpose::Work).await, open(db, Purpose::Beat).await);
            assert!(is_direct(&mut *a).await.unwrap());
            assert_eq!(between(&mut *a, &mut *b).await.unwrap(), Between::Nothing);
            assert_eq!(probe_pooler(&mut *a, &mut *b).await.unwrap(), Between::Nothing);
            let Some(url) = pgbouncer_url() else { return };
            let mut a = try_open(&url, Purpose::Work).await.unwrap();
            let mut b = try_open(&url, Purpose::Beat).await.unwrap();
            assert!(!is_direct(&mut *a).await.unwrap());
            assert_eq!(probe_pooler(&mut *a, &mut *b).await.unwrap(), Between::Pooler);
            let mut look = try_open(&url, Purpose::Look).await.unwrap();
            value(&mut *look, "SELECT 1").await;
            let mut app = try_open(&url, Purpose::Work).await.unwrap();
            for _ in 0..5 {
                assert_eq!(setting(&mut *app, "transaction_read_only").await, "off");
                assert_eq!(setting(&mut *app, "statement_timeout").await, "0");
            }
        });
    }
}
