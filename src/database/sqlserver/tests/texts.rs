//! Everything that a session says by itself, as the server hears it.

use super::*;
use crate::database::{Interrupt, LockSupport};

/// What the server hears, without the login, and without what stands in front of a batch.
fn said(server: &Scripted) -> String {
    let heard = server.heard();
    let texts: Vec<_> = heard[1..].iter().map(|text| text.trim_start_matches(char::is_control)).collect();
    texts.join("\n---\n")
}

#[tokio::test]
async fn a_sessions_own_statements() {
    let whose = || answered_with_text(Some(("NoLock", Some(0))));
    let (mut session, server) = told(vec![
        answered_with(0),
        answered(0),
        whose(),
        answered_with_text(None),
        answered(0),
        answered(0),
    ])
    .await;
    session.try_lock(&key()).await.expect("an answer");
    session.unlock(&key()).await.expect("an answer");
    session.holder(&key()).await.expect("an answer");
    session.script(&identity::restore(Purpose::Work, "sh'op", Some("us_english"))).await.expect("an answer");
    let who = Statement::new(&DIALECT, &[], identity::WHO, vec![]);
    session.query(&who).await.expect("an answer");
    insta::assert_snapshot!(said(&server));
}

#[test]
fn the_dialects_questions() {
    let session = || vec![Value::from("51@1700000000000")];
    let mark = || vec![Value::from("/* bellwether it's */%")];
    let questions = [
        (DIALECT.session_lives, session()),
        (DIALECT.may_create, vec!["d'bo".into()]),
        (DIALECT.schemas_with, vec!["_sqlx_migrations".into()]),
        (DIALECT.end_session, session()),
        (DIALECT.marked, [mark(), session()].concat()),
        (DIALECT.run_marked, mark()),
        (DIALECT.transaction_open, vec![]),
        (DIALECT.keeps_open, [vec!["[dbo].[bellwether_lock]".into()], session()].concat()),
    ];
    let text = |(template, arguments): (Option<&str>, Vec<Value>)| {
        let statement = Statement::new(&DIALECT, &[], template.expect("a question"), arguments);
        statement.render(|_, value| literal::literal(value))
    };
    let grants = DIALECT.grants("app]reader", &[(None, "bellwether_runs"), (Some("x"), "bellwether_meta")]);
    let texts: Vec<_> = questions.into_iter().map(text).chain(grants).collect();
    insta::assert_snapshot!(texts.join("\n---\n"));
}

/// Our own session, whose server has said who it is, and what it hears from here on.
async fn at_home(answers: usize) -> (Session, Scripted) {
    let mut steps = vec![Say::Encryption(2), Hear.then(logged_in())];
    steps.extend((0..answers).map(|_| Hear.then(answered(0))));
    let server = Scripted::start(steps).await;
    let target = server.target(TlsMode::Disable);
    let mut session =
        Session::new(Purpose::Work, connect::connect(&target, Purpose::Work).await.expect("a login"));
    session.server = Some(Server {
        product: "SQL Server".into(),
        version: String::new(),
        session: "51@7".into(),
        database: "shop".into(),
        schema: None,
        session_check: String::new(),
        read_only: false,
        transactional_ddl: true,
        lock: LockSupport::Session(String::new()),
        restore: identity::restore(Purpose::Work, "shop", None),
        transaction_settings: String::new(),
        interrupt: Interrupt::Flag(Arc::default()),
    });
    (session, server)
}

#[tokio::test]
async fn a_script_that_went_elsewhere_stays_there_until_it_has_ended() {
    let (mut session, server) = at_home(6).await;
    let open = Statement::new(&DIALECT, &[], TRANSACTION_OPEN, vec![]);
    let record = Statement::new(&DIALECT, &[], "INSERT dbo.history VALUES (?)", vec![1.into()]);
    session
        .script("USE archive; EXECUTE AS USER = 'owner'; exec  as user = 'other'")
        .await
        .expect("an answer");
    session.query(&open).await.expect("an answer");
    session.script("CREATE TABLE t (i int)").await.expect("an answer");
    session.query(&record).await.expect("an answer");
    let restore = session.server.clone().expect("it has said").restore;
    session.script(&restore).await.expect("an answer");
    session.query(&record).await.expect("an answer");
    let heard = server.heard();
    assert!(
        heard[2].ends_with(&format!("{TRANSACTION_OPEN}\n;SELECT @@ROWCOUNT")) && !heard[2].contains("USE")
    );
    let back = "REVERT; REVERT; USE [shop]; INSERT dbo.history VALUES (1)\n;SELECT @@ROWCOUNT";
    assert!(heard[4].ends_with(back), "{}", heard[4]);
    assert!(heard[5].contains("COMMIT; REVERT; REVERT; SET ANSI_NULL_DFLT_ON"), "{}", heard[5]);
    assert!(!heard[6].contains("USE") && !heard[6].contains("REVERT"), "{}", heard[6]);
}

#[tokio::test]
async fn what_is_rolled_back_is_not_committed_by_what_puts_the_session_back() {
    let (mut session, server) = at_home(3).await;
    session.script("CREATE TABLE t (i int)\nSET NOEXEC ON").await.expect("an answer");
    session.script("ROLLBACK").await.expect("an answer");
    assert!(server.heard()[2].ends_with(ROLLBACK), "{:?}", server.heard());
    let executes = ROLLBACK.find("SET NOEXEC OFF").expect("what makes it execute again");
    assert!(executes < ROLLBACK.find("ROLLBACK").expect("what takes it back"));
}

#[tokio::test]
async fn a_question_that_is_not_done_is_an_error_and_no_empty_answer() {
    let open = Statement::new(&DIALECT, &[], TRANSACTION_OPEN, vec![]);
    // nothing at all, and columns without a row
    let columns = || answered(1)[..12].to_vec();
    let (mut session, _server) =
        told(vec![scripted::nothing(), [columns(), scripted::nothing()].concat()]).await;
    for _ in 0..2 {
        let error = session.query(&open).await.expect_err("no answer");
        assert_eq!((error.kind, &*error.message), (DbErrorKind::Statement, NOT_DONE));
    }
}

#[tokio::test]
async fn tables_take_no_identities_after_the_script_that_wanted_it() {
    let (mut session, server) = at_home(4).await;
    session
        .script("SET IDENTITY_INSERT [dbo].colour ON; INSERT colour (id) VALUES (1)")
        .await
        .expect("an answer");
    let restore = session.server.clone().expect("it has said").restore;
    session.script(&restore).await.expect("an answer");
    session.script(&restore).await.expect("an answer");
    let heard = server.heard();
    assert!(heard[3].ends_with("SET IDENTITY_INSERT [dbo].colour OFF"), "{heard:?}");
    assert_eq!(heard.len(), 5, "{heard:?}");
}
