//! A session that opens while files are read: whoever looks first waits for the longer of the two, not for both.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::database::{self, Database, DbError, DbErrorKind, Purpose, Target};
use crate::job::attempt;

type Opening = JoinHandle<Result<Box<dyn Database>, DbError>>;

/// The first session of one who looks; none = it is opened when it is needed.
#[derive(Default)]
pub struct Early(Mutex<Option<Opening>>);

impl Early {
    /// Begins to open one, which takes as long as the first attempt may, `wait` at most.
    pub fn begin(target: &Arc<Target>, wait: Duration) -> Self {
        let engine = database::engine(target.engine);
        let limit = attempt(target, wait);
        let target = Arc::clone(target);
        let opening = async move { (engine.connect)(&target, Purpose::Look, limit).await };
        Self(Mutex::new(Some(tokio::spawn(opening))))
    }

    /// What came of it, once: the session, or why there is none.
    pub async fn take(
        &self,
        purpose: Purpose,
        limit: Duration,
    ) -> Option<Result<Box<dyn Database>, DbError>> {
        if purpose != Purpose::Look {
            return None;
        }
        let opening = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let opened = async {
            let ended =
                |error| DbError::new(DbErrorKind::ConnectionLost, format!("connecting ended early: {error}"));
            opening.await.unwrap_or_else(|error| Err(ended(error)))
        };
        Some(database::within(limit, opened).await)
    }
}
