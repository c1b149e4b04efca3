//! Everything that a session says by itself, as the server hears it.

use super::*;

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
    ];
    let text = |(template, arguments): (Option<&str>, Vec<Value>)| {
        let statement = Statement::new(&DIALECT, &[], template.expect("a question"), arguments);
        statement.render(|_, value| literal::literal(value))
    };
    let grants = DIALECT.grants("app]reader", &[(None, "bellwether_runs"), (Some("x"), "bellwether_meta")]);
    let texts: Vec<_> = questions.into_iter().map(text).chain(grants).collect();
    insta::assert_snapshot!(texts.join("\n---\n"));
}
