//! The releases and builds of one app as a look: the same that a look at the ledger says, so that the same decision
//! follows. The time of its making takes the place of a fence.

use std::collections::{BTreeMap, HashMap};

use crate::ledger::look::{Look, Scope};
use crate::model::ids::RunId;
use crate::model::run::{Run, RunStatus};
use crate::model::secret::Secret;
use crate::status::heroku::client::Client;
use crate::status::heroku::output::{self, Output};
use crate::status::heroku::wire::{Build, Codes, Release, same_commit};
use crate::status::rest::{Asked, Failure, Pages, Seen, look};

/// Pages of ten that are read at most at the first look, as long as none of our commit is found.
const MOST_PAGES: usize = 5;
/// How long the release of a build that succeeded may take to be there, in milliseconds.
const RELEASED_BY: i64 = 2 * 60 * 1000;

/// Looks at one app, and remembers what cannot change and what has not.
pub struct Reader {
    client: Client,
    /// What the output of a release may not show.
    secrets: Vec<Secret>,
    pages: Pages,
    /// By version.
    releases: BTreeMap<i64, Known>,
    /// By slug or image, and by release for those that have neither; none = it does not say.
    commits: HashMap<String, Option<String>>,
    /// What was told of a run that failed.
    outputs: HashMap<RunId, String>,
    /// Builds are not shown to this token.
    no_builds: bool,
    /// A release of ours was at work at the last look: its build is over.
    in_release_phase: bool,
    /// Heroku's clock at the first look.
    first_look: Option<i64>,
    /// Those of other commits that were made since.
    meanwhile: Vec<Run>,
}

/// A release, and of which commit it is.
struct Known {
    release: Release,
    commit: Option<String>,
}

impl Reader {
    /// Asks nothing yet. `secrets` are starred out wherever they turn up, and the token too.
    pub fn new(client: Client, secrets: Vec<Secret>) -> Self {
        let secrets = secrets.into_iter().chain([client.token().clone()]).collect();
        Self {
            client,
            secrets,
            pages: Pages::default(),
            releases: BTreeMap::new(),
            commits: HashMap::new(),
            outputs: HashMap::new(),
            no_builds: false,
            in_release_phase: false,
            first_look: None,
            meanwhile: Vec::new(),
        }
    }

    /// Which app.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs of other commits that began after our first look, oldest first.
    pub fn meanwhile(&self) -> Vec<Run> {
        self.meanwhile.clone()
    }

    /// One look for the release of our scope, which is a commit.
    pub async fn look(&mut self, scope: &Scope) -> Result<Seen, Failure> {
        let mut asked = Asked::default();
        let Some(commit) = scope.release.as_ref().map(|release| release.0.clone()) else {
            return Ok(asked.seen(Look::default()));
        };
        // first: what has come of a build by now is among the releases
        let builds = if self.in_release_phase { Vec::new() } else { self.builds(&mut asked).await? };
        self.read_releases(&commit, &builds, &mut asked).await?;
        let first_look = *self.first_look.get_or_insert(asked.now);
        let app = self.client.app().to_owned();
        let known = |build: &Build| self.releases.values().any(|it| build.release() == Some(&it.release.id));
        let at_work = |build: &Build| match build.status.as_str() {
            "succeeded" => !known(build) && asked.now - build.changed() < RELEASED_BY,
            _ => true,
        };
        let mut runs: Vec<Run> = Vec::new();
        for build in builds.iter().filter(|build| at_work(build)) {
            runs.extend(build.commit().map(|commit| build.run(&app, scope, commit)));
        }
        for known in self.releases.values() {
            runs.extend(known.commit.as_ref().map(|commit| known.release.run(&app, scope, commit)));
        }
        runs.sort_by_key(|run| run.fence);
        let is_ours = |run: &Run| same_commit(&run.release.0, &commit);
        let (mut ours, others): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(is_ours);
        self.meanwhile = others.into_iter().filter(|run| run.started_at >= first_look).collect();
        ours.reverse();
        let latest = ours.first();
        self.in_release_phase =
            latest.is_some_and(|run| run.status == RunStatus::Running && run.id.0.starts_with('v'));
        let mut look = look(ours);
        self.explain(&mut look, &builds).await;
        Ok(asked.seen(look))
    }

    /// The ten newest. An app without builds has releases all the same.
    async fn builds(&mut self, asked: &mut Asked) -> Result<Vec<Build>, Failure> {
        if self.no_builds {
            return Ok(Vec::new());
        }
        let newest = self.client.newest("builds", "created_at");
        match self.pages.read(&self.client, newest, asked).await {
            Err(Failure::NotFound | Failure::Forbidden { .. }) => {
                self.no_builds = true;
                Ok(Vec::new())
            }
            read => Ok(read?.0),
        }
    }

    /// From the newest down to the first of our commit; later only the ten newest, and ours if it is not among them.
    async fn read_releases(
        &mut self,
        ours: &str,
        builds: &[Build],
        asked: &mut Asked,
    ) -> Result<(), Failure> {
        let most = if self.first_look.is_none() { MOST_PAGES } else { 1 };
        let mut next = Some(self.client.newest("releases", "version"));
        let (mut found, mut read) = (false, Vec::new());
        for _ in 0..most {
            let Some(page) = next.take().filter(|_| !found) else { break };
            let (releases, after) = self.pages.read::<Vec<Release>>(&self.client, page, asked).await?;
            for release in releases {
                read.push(release.version);
                found |= self.take_in(release, ours, builds, asked).await?;
            }
            next = after;
        }
        let fits = |known: &Known| known.commit.as_ref().is_some_and(|commit| same_commit(commit, ours));
        let newest = self.releases.values().rev().find(|known| fits(known)).map(|known| &known.release);
        let Some(release) = newest.filter(|release| !read.contains(&release.version)) else { return Ok(()) };
        let (page, version) = (self.client.page(&format!("releases/{}", release.id)), release.version);
        match self.pages.read::<Release>(&self.client, page, asked).await {
            Err(Failure::NotFound) => {
                self.releases.remove(&version);
                asked.changed = true;
            }
            read => drop(self.take_in(read?.0, ours, builds, asked).await?),
        }
        Ok(())
    }

    /// Whether it is of our commit.
    async fn take_in(
        &mut self,
        release: Release,
        ours: &str,
        builds: &[Build],
        asked: &mut Asked,
    ) -> Result<bool, Failure> {
        let built = builds.iter().find(|build| build.release() == Some(&release.id));
        let mut commit = built.and_then(Build::commit).map(str::to_owned);
        if let Some(known) = self.releases.get(&release.version).and_then(|known| known.commit.clone()) {
            commit = Some(known);
        } else {
            for source in release.sources() {
                if let Some(found) = self.commit_of(source, asked).await? {
                    commit = Some(found);
                    break;
                }
            }
        }
        let is_ours = commit.as_ref().is_some_and(|commit| same_commit(commit, ours));
        self.releases.insert(release.version, Known { release, commit });
        Ok(is_ours)
    }

    /// Of a slug or image, asked once.
    async fn commit_of(&mut self, source: String, asked: &mut Asked) -> Result<Option<String>, Failure> {
        if let Some(known) = self.commits.get(&source) {
            return Ok(known.clone());
        }
        let page = self.client.page(&source);
        let commit = match self.pages.read::<Codes>(&self.client, page, asked).await {
            Err(Failure::NotFound | Failure::Forbidden { .. }) => None,
            read => read?.0.commit(),
        };
        self.commits.insert(source, commit.clone());
        Ok(commit)
    }

    /// Adds the end of its output to a failure that is going to be told.
    async fn explain(&mut self, look: &mut Look, builds: &[Build]) {
        let Some(failed) = look.verdict.as_ref().filter(|run| run.status == RunStatus::Failed) else {
            return;
        };
        let id = failed.id.clone();
        let error = match self.outputs.get(&id) {
            Some(error) => error.clone(),
            None => {
                let release = self.releases.values().find(|it| format!("v{}", it.release.version) == id.0);
                let build = builds.iter().find(|build| format!("build-{}", build.id) == id.0);
                let url = release
                    .and_then(|known| known.release.output_stream_url.as_deref())
                    .or_else(|| build?.output_stream_url.as_deref());
                let output = match url {
                    Some(url) => output::read(self.client.http(), url, &self.secrets).await,
                    None => Output::None("is not told"),
                };
                let what = failed.error.as_deref().unwrap_or("it failed");
                match output {
                    Output::Tail(tail) => format!("{what}; the end of its output:\n{tail}"),
                    Output::None(why) => format!("{what}; its output {why}"),
                }
            }
        };
        self.outputs.insert(id.clone(), error.clone());
        for run in [&mut look.verdict, &mut look.latest].into_iter().flatten().filter(|run| run.id == id) {
            run.error = Some(error.clone());
        }
    }
}
