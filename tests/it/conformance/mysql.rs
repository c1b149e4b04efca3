//! What MySQL and MariaDB alone promise: their own settings.

use bellwether::database::LockSupport;

use super::*;

async fn variable(session: &mut dyn Database, name: &str) -> String {
    value(session, &format!("SELECT @@{name}")).await
}

on_servers! { [mariadb MariaDb]
    fn a_leaders_session_has_the_servers_watchdog(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let server = session.identify().await.unwrap();
            assert_eq!((server.product.as_str(), server.database.as_str()), ("MariaDB", db.name()));
            assert!(matches!(server.lock, LockSupport::Session(_)) && !server.transactional_ddl && !server.read_only);
            let mode = variable(&mut *session, "sql_mode").await;
            assert!(mode.contains("PIPES_AS_CONCAT") && mode.contains("STRICT_TRANS_TABLES"), "{mode}");
            session.script("CREATE TABLE t (a int); CREATE TABLE u (a int)").await.unwrap();
            for script in ["LOCK TABLES t WRITE", "SET autocommit = 0; INSERT INTO t VALUES (1)", "USE information_schema",
                "SET sql_mode = 'ANSI_QUOTES', foreign_key_checks = 0, time_zone = '+03:00', lock_wait_timeout = 77"] {
                session.script(script).await.unwrap();
                session.script(&server.restore).await.unwrap();
            }
            for (name, expected) in [("sql_mode", mode.as_str()), ("wait_timeout", "15"), ("lock_wait_timeout", "5"),
                ("autocommit", "1"), ("foreign_key_checks", "1"), ("time_zone", "+00:00"),
                ("innodb_lock_wait_timeout", "50"), ("max_statement_time", "0.000000")] {
                assert_eq!(variable(&mut *session, name).await, expected, "{name}");
            }
            // nothing is locked any more, and what the script did was kept
            assert_eq!(value(&mut *session, "SELECT count(*) FROM u").await, "0");
            assert_eq!(aside(|| db.value("select count(*) from t")), "1");
            let check = format!("SELECT count(*) FROM (SELECT 1 AS a) one WHERE true{}", server.session_check);
            assert_eq!(value(&mut *session, &check).await, "1");
            assert_eq!(value(&mut *open(db, Purpose::Beat).await, &check).await, "0");
        });
    }

    fn literals_are_safe_whatever_the_session_says(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            for mode in ["ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "", "ORACLE"] {
                session.script(&format!("SET sql_mode = '{mode}'")).await.unwrap();
                for text in nasty().into_iter().filter(|text| mode != "ORACLE" || !text.is_empty()) {
                    comes_back(&mut *session, &text).await;
                }
            }
        });
    }

    fn a_session_that_ended_stays_ended(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let id = session.identify().await.unwrap().session;
            aside(|| db.sql(&format!("kill {id}")));
            for _ in 0..2 {
                let error = ask(&mut *session, "SELECT 1", vec![]).await.unwrap_err();
                assert!(error.kind.ends_session(), "{error:?}");
            }
        });
    }
}
