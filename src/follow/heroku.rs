//! What the releases of a Heroku app tell of its migrations.

use async_trait::async_trait;

use crate::error::{Elsewhere, Error, HerokuError};
use crate::follow::remote::Remote;
use crate::ledger::look::Scope;
use crate::model::run::Run;
use crate::status::heroku::read::Reader;
use crate::status::rest::{Failure, Seen};

#[async_trait(?Send)]
impl Remote for Reader {
    /// A commit decides, and nothing else: what else was at work is none of ours.
    async fn look(&mut self, scope: &Scope, _since: Option<i64>) -> Result<Seen, Failure> {
        Reader::look(self, scope).await
    }

    async fn others(&mut self, _since: i64) -> Vec<Run> {
        self.meanwhile()
    }

    fn place(&self) -> Elsewhere {
        Elsewhere::Releases { app: self.client().app().to_owned() }
    }

    fn refused(&self, failure: Failure) -> Error {
        Error::Heroku(HerokuError::Refused { app: self.client().app().to_owned(), failure })
    }
}
