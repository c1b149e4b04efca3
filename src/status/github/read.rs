//! The deployments of one repository as a look: the same that a look at the ledger says, so that the same decision
//! follows. A deployment's id takes the place of a fence.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::ledger::look::{Look, Scope};
use crate::model::run::{Run, RunStatus};
use crate::status::github::client::Client;
use crate::status::github::wire::{self, Deployment, Payload, Status};
use crate::status::rest::{Asked, Failure, Pages, Seen, look};

/// Pages of a hundred that are read at most: the newest thousand, as GitHub orders them.
const MOST_PAGES: usize = 10;
/// Deployments whose statuses are read at one look: those that have not ended, above the last that has.
const MOST_RUNS: usize = 20;

/// Looks at one repository, and remembers what cannot change and what has not.
pub struct Reader {
    client: Arc<Client>,
    pages: Pages,
    /// Runs that have ended, by deployment.
    ended: HashMap<i64, Run>,
    /// Ours, as far as they were seen.
    seen: BTreeMap<i64, (Deployment, Payload)>,
    /// All pages have been read once.
    complete: bool,
}

impl Reader {
    /// Asks nothing yet.
    pub fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            pages: Pages::default(),
            ended: HashMap::new(),
            seen: BTreeMap::new(),
            complete: false,
        }
    }

    /// Which repository.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// One look. `since` as a look at the ledger has it.
    pub async fn look(&mut self, scope: &Scope, since: Option<i64>) -> Result<Seen, Failure> {
        let mut asked = Asked::default();
        self.read_deployments(scope, &mut asked).await?;
        let by_release: Vec<i64> =
            self.ours(|payload| scope.release.as_ref().is_none_or(|release| payload.release == release.0));
        let mut look = match by_release.is_empty() {
            false => self.judge(&by_release, &mut asked).await?,
            true => self.by_digest(scope, since, &mut asked).await?,
        };
        look.high = self.seen.keys().next_back().copied().unwrap_or(0);
        Ok(asked.seen(look))
    }

    /// Everybody's runs from this one on, oldest first, as far as they are known.
    pub async fn runs_since(&mut self, fence: i64) -> Vec<Run> {
        let newest: Vec<i64> = self.seen.range(fence..).map(|(id, _)| *id).rev().take(MOST_RUNS).collect();
        let mut runs = Vec::new();
        for id in newest.into_iter().rev() {
            runs.extend(self.run(id, &mut Asked::default()).await.ok().flatten());
        }
        runs
    }

    /// Ids of ours whose payload fits, newest first.
    fn ours(&self, fits: impl Fn(&Payload) -> bool) -> Vec<i64> {
        self.seen.iter().rev().filter(|(_, (_, payload))| fits(payload)).map(|(id, _)| *id).collect()
    }

    /// Only what was at work at or after our first look counts by digest.
    async fn by_digest(
        &mut self,
        scope: &Scope,
        since: Option<i64>,
        asked: &mut Asked,
    ) -> Result<Look, Failure> {
        let Some(digest) = &scope.digest else { return Ok(Look::default()) };
        let mut ids = self.ours(|payload| payload.digest == digest.0);
        match since {
            Some(fence) => ids.retain(|id| *id >= fence),
            None => {
                ids.truncate(1);
                let look = self.judge(&ids, asked).await?;
                let at_work = look.latest.as_ref().is_some_and(|run| run.status == RunStatus::Running);
                return Ok(if at_work { look } else { Look::default() });
            }
        }
        self.judge(&ids, asked).await
    }

    /// From the newest down to the last verdict.
    async fn judge(&mut self, ids: &[i64], asked: &mut Asked) -> Result<Look, Failure> {
        let mut runs: Vec<Run> = Vec::new();
        for id in ids.iter().take(MOST_RUNS) {
            runs.extend(self.run(*id, asked).await?);
            if matches!(runs.last().map(|run| run.status), Some(RunStatus::Succeeded | RunStatus::Failed)) {
                break;
            }
        }
        Ok(look(runs))
    }

    /// A deployment with its statuses; none if it is gone. One that has ended is not asked for again.
    async fn run(&mut self, id: i64, asked: &mut Asked) -> Result<Option<Run>, Failure> {
        if let Some(run) = self.ended.get(&id) {
            return Ok(Some(run.clone()));
        }
        let first = self.client.path(&format!("deployments/{id}/statuses?per_page=100"));
        let statuses: Vec<Status> = match self.pages_from(first, MOST_PAGES, asked).await {
            Err(Failure::NotFound) => {
                self.seen.remove(&id);
                asked.changed = true;
                return Ok(None);
            }
            read => read?,
        };
        let Some((deployment, payload)) = self.seen.get(&id) else { return Ok(None) };
        let run = wire::run(deployment, payload.clone(), &statuses);
        if run.finished_at.is_some() && run.status != RunStatus::Abandoned {
            self.ended.insert(id, run.clone());
        }
        Ok(Some(run))
    }

    /// All pages once; then only the first, where new ones come, as long as it says that it is the newest.
    async fn read_deployments(&mut self, scope: &Scope, asked: &mut Asked) -> Result<(), Failure> {
        let first = self.client.deployments_of(scope.environment.as_str());
        let most = if self.complete { 1 } else { MOST_PAGES };
        let deployments: Vec<Deployment> = self.pages_from(first, most, asked).await?;
        // undocumented, and so it is asked for: what stands on later pages is older
        self.complete = deployments.is_sorted_by(|one, other| one.id > other.id);
        for deployment in deployments {
            if let Some(payload) = deployment.payload().filter(|payload| payload.is_of(scope)) {
                self.seen.insert(deployment.id, (deployment, payload));
            }
        }
        Ok(())
    }

    /// What is on a list's pages, each asked for anew only if it has changed.
    async fn pages_from<T: DeserializeOwned>(
        &mut self,
        first: String,
        most: usize,
        asked: &mut Asked,
    ) -> Result<Vec<T>, Failure> {
        let mut found: Vec<T> = Vec::new();
        let mut next = Some(first);
        for _ in 0..most {
            let Some(path) = next.take() else { break };
            let (page, after) = self.pages.read::<Vec<T>>(&*self.client, path, asked).await?;
            found.extend(page);
            next = after;
        }
        Ok(found)
    }
}
