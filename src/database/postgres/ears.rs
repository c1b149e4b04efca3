//! Notifications. The driver hands them out only on a connection of its own making, so a look that is kept open moves to
//! one, opened in the background; until then, and where it cannot be had, nothing is heard, which only costs time.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::task::JoinHandle;

use super::{Link, Session, errors};
use crate::database::error::DbError;
use crate::database::{Purpose, driver};

/// The channel; fixed on the wire.
const CHANNEL: &str = "bellwether";

pub(super) enum Ears {
    /// Nobody asked.
    Shut,
    /// On the way.
    Opening(JoinHandle<Result<PgListener, sqlx::Error>>),
    /// [`Link::Listening`].
    Open,
    /// Not to be had: a standby, a pooler, no connection left.
    Deaf,
}

impl Session {
    /// Moves to the listening connection once it is there.
    pub(super) async fn hear(&mut self) {
        if matches!(&self.ears, Ears::Opening(task) if task.is_finished()) {
            self.move_over().await;
        }
    }

    /// Waits for the next notification. Also returns when listening begins: what happened before was not heard.
    pub(super) async fn listen(&mut self) -> Result<(), DbError> {
        if matches!(self.ears, Ears::Shut) {
            self.ears = if self.purpose == Purpose::Look && !self.pooled {
                Ears::Opening(tokio::spawn(open(self.options.clone())))
            } else {
                Ears::Deaf
            };
        }
        if matches!(self.ears, Ears::Opening(_)) {
            self.move_over().await;
            if matches!(self.ears, Ears::Open) {
                return Ok(());
            }
        }
        let Link::Listening(listener) = &mut self.link else { return std::future::pending().await };
        match listener.try_recv().await {
            Ok(Some(_)) => Ok(()),
            // the driver would open a new one at the next call: it must not get one
            Ok(None) => {
                self.link = Link::Closed;
                Err(driver::lost("the connection broke while it was listened to"))
            }
            Err(error) => {
                self.link = Link::Closed;
                Err(driver::fact(error, |error| errors::fact(error, 0)))
            }
        }
    }

    async fn move_over(&mut self) {
        let Ears::Opening(task) = &mut self.ears else { return };
        let opened = task.await;
        self.ears = Ears::Deaf;
        if let Ok(Ok(listener)) = opened {
            self.link = Link::Listening(Box::new(listener));
            self.owed = false;
            self.ears = Ears::Open;
        }
    }
}

async fn open(options: PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    // a pool of one that never opens a second: the driver's listener comes from nothing else
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(10))
        .connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.ignore_pool_close_event(true);
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Ears::Opening(task) = &self.ears {
            task.abort();
        }
        // the driver's listener says goodbye in a task, and panics where there is nobody to run it
        if tokio::runtime::Handle::try_current().is_err() {
            std::mem::forget(std::mem::replace(&mut self.link, Link::Closed));
        }
    }
}
