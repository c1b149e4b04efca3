//! One message to the server and what it answers, to its end: also of what is interrupted, or cannot be read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use tiberius::QueryItem;

use super::connect::Connection;
use super::tls::Stop;
use super::{errors, values};
use crate::database::driver;
use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::Row;

/// Between two looks at the flag that interrupts.
const FLAG_EVERY: Duration = Duration::from_millis(50);
/// How long the server may take to say that it has stopped.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// The conversation's end, or that the server has ended it because the flag was set. It is read on from where it is: what
/// is cut off within a value cannot be understood any more.
pub(super) async fn unless_stopped<T>(
    conversing: impl Future<Output = Result<T, DbError>>,
    stop: &Stop,
    flag: &AtomicBool,
) -> Result<T, DbError> {
    let mut conversing = std::pin::pin!(conversing);
    tokio::select! {
        biased;
        answer = &mut conversing => return answer,
        () = raised(flag) => stop.ask(),
    }
    match tokio::time::timeout(CANCEL_LIMIT, conversing).await {
        // it had ended by itself
        Ok(answer) if stop.came_late() => answer,
        Ok(Err(error)) if error.kind.ends_session() => Err(error),
        Ok(_) => Err(DbError::new(DbErrorKind::Cancelled, "the statement was cancelled")),
        Err(_) => Err(driver::lost("the server does not say that it has cancelled the statement")),
    }
}

/// Returns once the flag is set.
async fn raised(flag: &AtomicBool) {
    while !flag.swap(false, Ordering::SeqCst) {
        tokio::time::sleep(FLAG_EVERY).await;
    }
}

pub(super) async fn converse(
    connection: &mut Connection,
    sql: &str,
    keep: bool,
    stop: &Stop,
) -> Result<Vec<Vec<Row>>, DbError> {
    let fact = |error| errors::fact(error, sql);
    let mut answers = connection.simple_query(sql).await.map_err(fact)?;
    let mut sets: Vec<Vec<Row>> = Vec::new();
    loop {
        match answers.try_next().await {
            Ok(None) => return Ok(sets),
            Ok(Some(QueryItem::Metadata(_))) if keep => sets.push(Vec::new()),
            Ok(Some(QueryItem::Row(row))) if keep => {
                let row = values::read(row)?;
                sets.last_mut().ok_or_else(|| driver::lost("a row came before its columns"))?.push(row);
            }
            Ok(Some(QueryItem::Metadata(_) | QueryItem::Row(_))) => {}
            Err(error) if errors::is_unreadable(&error) => {
                drop(answers);
                let unreadable = fact(error);
                skip_rest(connection).await?;
                // rows that nobody wants, and nothing else was in the rest
                return if keep || stop.told() { Err(unreadable) } else { Ok(sets) };
            }
            Err(error) => return Err(fact(error)),
        }
    }
}

/// Waits until the server has said all that it had to say: the driver throws the rest away where it is asked something else.
async fn skip_rest(connection: &mut Connection) -> Result<(), DbError> {
    let fact = |error| errors::fact(error, NOTHING);
    connection.simple_query(NOTHING).await.map_err(fact)?.into_results().await.map(drop).map_err(fact)
}

/// Does nothing.
const NOTHING: &str = "SELECT 0";
