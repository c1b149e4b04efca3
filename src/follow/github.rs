//! What GitHub's deployments tell of the leader's runs.

use async_trait::async_trait;

use crate::error::{Asking, Elsewhere, Error, GithubError};
use crate::follow::remote::Remote;
use crate::ledger::look::Scope;
use crate::model::run::Run;
use crate::status::github::read::Reader;
use crate::status::rest::{Failure, Seen};

#[async_trait(?Send)]
impl Remote for Reader {
    async fn look(&mut self, scope: &Scope, since: Option<i64>) -> Result<Seen, Failure> {
        Reader::look(self, scope, since).await
    }

    async fn others(&mut self, since: i64) -> Vec<Run> {
        self.runs_since(since).await
    }

    fn place(&self) -> Elsewhere {
        Elsewhere::Deployments { repository: self.client().repository().to_string() }
    }

    fn refused(&self, failure: Failure) -> Error {
        let repository = self.client().repository().to_string();
        let (asking, applied) = (Asking::Reading, Vec::new());
        Error::Github(GithubError::Refused { repository, asking, failure, applied })
    }
}
