//! Values that the driver cannot read: rows of scripts are nobody's, and the session goes on.

use super::scripted::{error_at, in_a_code_page, nothing, printed, rolled_back};
use super::*;

/// A letter in UTF-8, whose second byte windows-1257 does not have; a letter that it has.
const UNREAD: &[u8] = &[0xc5, 0xa1];
const READ: &[u8] = &[0xe0, 0xe1];

/// What becomes of a script that gets this answer, and of what is asked next.
async fn scripted_with(answer: Vec<u8>) -> Result<(), DbError> {
    let (mut session, server) = told(vec![answer, answered(0), answered(5)]).await;
    let result = session.script("SELECT name, number FROM people").await;
    let delete = Statement::new(&DIALECT, &[], "DELETE FROM t", vec![]);
    assert_eq!(session.query(&delete).await.expect("the next answer").affected, 5, "{:?}", server.heard());
    result
}

#[tokio::test]
async fn a_row_of_a_script_that_cannot_be_read_is_thrown_away_like_the_others() {
    for then in
        [nothing(), answered(3), [printed("a word"), answered_with_text(Some(("more", Some(1))))].concat()]
    {
        scripted_with(in_a_code_page(UNREAD, then)).await.expect("it went well on the server");
    }
}

#[tokio::test]
async fn what_the_server_says_behind_it_is_not_lost() {
    let error = || error_at(2627, 14, "Violation of PRIMARY KEY constraint", "", 3);
    for then in [
        error(),
        [answered_with_text(Some(("more", None))), error()].concat(),
        [rolled_back(), nothing()].concat(),
    ] {
        let error = scripted_with(in_a_code_page(UNREAD, then)).await.expect_err("all of it");
        assert!(error.is_drivers_own() && !error.kind.ends_session() && !error.kind.passes(), "{error:?}");
        assert!(error.message.contains("cannot be read"), "{error:?}");
    }
}

#[tokio::test]
async fn a_value_of_our_own_question_that_cannot_be_read_is_an_error() {
    let (mut session, _server) =
        told(vec![in_a_code_page(UNREAD, answered(1)), answered(0), answered(5)]).await;
    let question = Statement::new(&DIALECT, &[], "SELECT name, number FROM people", vec![]);
    assert!(session.query(&question).await.expect_err("no text").is_drivers_own());
    assert_eq!(session.query(&question).await.expect("the next answer").affected, 5);
    let (mut session, _server) = told(vec![in_a_code_page(READ, answered(1))]).await;
    let rows = session.query(&question).await.expect("text").rows;
    assert_eq!(rows, [Row(vec![Value::Text("ąį".into()), Value::Int(7)])]);
}
