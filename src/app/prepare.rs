//! Request, config, platform and files → [`Job`]: who we are, what is being released, where. Touches no database.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::app::invocation::Invocation;
use crate::app::reading::{Understood, admitted, read_in_time};
use crate::app::{github, time};
use crate::cli::Action;
use crate::config::{self, HistorySettings, LeaderRule, Settings};
use crate::database::{self, EngineName, LockKey, Target, url};
use crate::engine::command::Command;
use crate::error::Error;
use crate::formats::{self, FormatError, Rules};
use crate::job::{self, Early, Job, Known, Limits, Party};
use crate::ledger::Ledger;
use crate::ledger::look::Scope;
use crate::model::choice::{FollowSource, HistoryRule};
use crate::model::event::{EVENTS_VERSION, Event, Start};
use crate::model::ids::{Digest, Release, RunId};
use crate::model::migration::Bundle;
use crate::model::run::Role;
use crate::plan::PlanError;
use crate::plan::need::Need;
use crate::plan::release::{ReleaseInputs, release};
use crate::plan::role::{RoleInputs, role};

/// Where psql would find its database; we want a URL all the same, which says what kind of database it is.
const PG_VARIABLES: [&str; 4] = ["PGHOST", "PGDATABASE", "PGSERVICE", "PGHOSTADDR"];

/// All that is decided without a database.
pub struct Prepared {
    /// Flags and config.
    pub settings: Settings,
    /// Our migrations.
    pub bundle: Option<Understood>,
    /// What to run in their place; empty = nothing.
    pub argv: Vec<String>,
    /// Of them; none for an empty bundle.
    pub digest: Option<Digest>,
    /// Where; none for those who look elsewhere.
    pub target: Option<Arc<Target>>,
    /// The run whose command started us, if one did.
    pub inside: Option<RunId>,
    /// The session of the first look.
    early: Early,
}

/// Flags and config.
pub fn settings(call: &Invocation<'_>) -> Result<Settings, Error> {
    Ok(config::load(call.request, Path::new(""), call.env)?)
}

/// Reads platform and migrations, and parses the URL.
pub async fn prepare(call: &Invocation<'_>, settings: Settings) -> Result<Prepared, Error> {
    let target = target(call, &settings)?;
    Ok(Prepared { target: Some(target), ..without_database(call, settings).await? })
}

/// The same for one who looks before anything else: the session for it opens while the files are read.
pub async fn prepare_to_look(call: &Invocation<'_>, settings: Settings) -> Result<Prepared, Error> {
    let target = target(call, &settings)?;
    let early = Early::begin(&target, settings.connect_wait);
    Ok(Prepared { target: Some(target), early, ..without_database(call, settings).await? })
}

/// Where, from the URL.
fn target(call: &Invocation<'_>, settings: &Settings) -> Result<Arc<Target>, Error> {
    let Invocation { env, report, .. } = call;
    let Some(secret) = &settings.database else {
        let variable = PG_VARIABLES.into_iter().find(|name| env(name).is_some_and(|value| !value.is_empty()));
        return Err(Error::NoDatabase { environment: settings.environment.clone(), variable });
    };
    report.conceal(secret);
    let target = url::parse(secret.expose(), env)?;
    if let Some(password) = &target.password {
        report.conceal(password);
    }
    for warning in &target.warnings {
        report.event(&Event::Warning { message: warning.clone() });
    }
    Ok(Arc::new(target))
}

/// Reads platform and migrations.
pub async fn without_database(call: &Invocation<'_>, settings: Settings) -> Result<Prepared, Error> {
    let argv = argv(call, &settings);
    let read = read_in_time(call, &settings, !argv.is_empty()).await?;
    let bundle = match read {
        Some(read) => admitted(read, !argv.is_empty(), &*call.report)?,
        None => None,
    };
    let digest = bundle.as_ref().map(|read| &read.bundle).filter(|bundle| bundle.is_told_apart());
    let digest = digest.map(Bundle::digest);
    let inside = (call.env)("BELLWETHER_RUN").map(RunId);
    Ok(Prepared { settings, bundle, argv, digest, target: None, inside, early: Early::default() })
}

/// What is run in place of the migrations; empty = nothing.
fn argv(call: &Invocation<'_>, settings: &Settings) -> Vec<String> {
    match call.request.action.command() {
        [] => settings.command.clone(),
        given => given.to_vec(),
    }
}

/// What decides the role of one that can lead.
pub fn role_inputs<'a>(call: &'a Invocation<'_>, settings: &'a Settings) -> RoleInputs<'a> {
    let Invocation { request, identity, .. } = call;
    RoleInputs {
        verb: match request.action {
            Action::Lead { .. } => Some(Role::Lead),
            Action::Follow { .. } => Some(Role::Follow),
            _ => None,
        },
        flag: request.global.role,
        run_migrations: call.run_migrations.as_deref(),
        leader: settings.leader.as_ref(),
        participant: request.global.participant.as_ref(),
        platform_names: &identity.participant_names,
        platform: identity.platform,
        must_designate: identity.must_designate,
        can_lead: true,
        only_checked: None,
    }
}

impl Prepared {
    /// The role, with its reason.
    pub fn role(&self, call: &Invocation<'_>) -> Result<(Role, String), Error> {
        let (role, reason) = role(&self.role_inputs(call))?;
        if let Some(read) = self.bundle.as_ref().filter(|_| role != Role::Follow && self.argv.is_empty()) {
            read.format.beyond_us(&read.bundle)?;
        }
        self.has_driver(role)?;
        Ok((role, reason))
    }

    /// Whoever writes a tool's history wants the tool to go on from there.
    fn has_driver(&self, role: Role) -> Result<(), FormatError> {
        let (Some(Understood { format, .. }), Some(target)) = (&self.bundle, &self.target) else {
            return Ok(());
        };
        let writes = role != Role::Follow && self.argv.is_empty() && format.writer().is_some();
        let name = database::engine(target.engine).dialect.name;
        match writes && format.lacks_driver(name) {
            true => Err(FormatError::NoDriver { format: format.name(), server: target.engine.to_string() }),
            false => Ok(()),
        }
    }

    /// What decides the role.
    pub fn role_inputs<'a>(&'a self, call: &'a Invocation<'_>) -> RoleInputs<'a> {
        let inputs = role_inputs(call, &self.settings);
        let format = self.bundle.as_ref().map(|read| read.format).filter(|_| self.argv.is_empty());
        RoleInputs {
            can_lead: self.bundle.is_some() || !self.argv.is_empty(),
            only_checked: format.filter(|format| format.writer().is_none()).map(|format| format.name()),
            ..inputs
        }
    }

    /// The release of one in this role, with its reason.
    pub fn release(&self, call: &Invocation<'_>, role: Role) -> Result<(Option<Release>, String), Error> {
        Ok(release(&ReleaseInputs {
            flag: call.request.global.release.as_ref(),
            platform_release: call.identity.release.as_ref(),
            platform: call.identity.platform,
            hint: call.identity.release_hint,
            bundle: self.digest.as_ref().ok_or(self.undigested()),
            needless: self.needless(role),
        })?)
    }

    /// Why there is no digest, where there is none.
    fn undigested(&self) -> &'static str {
        match &self.bundle {
            Some(read) if read.bundle.is_empty() => "no migrations in the folder",
            None if self.settings.migrations.is_none() => "no migrations",
            _ => "none of the migrations can be read",
        }
    }

    /// Why no release is needed, if none is.
    fn needless(&self, role: Role) -> Option<&'static str> {
        let follow = &self.settings.follow;
        match follow.source {
            _ if role != Role::Follow => None,
            _ if follow.needs.is_some() => Some("follow.needs waits for a migration, whatever the release"),
            FollowSource::History => Some("the history is looked at, whatever the release"),
            _ => None,
        }
    }

    /// Whether a follower looks at the history alone, and for which migration, if it is one: that stands in the bundle
    /// then, as far as anything is known of it.
    fn looked_for(&mut self, role: Role) -> Result<(bool, Option<Need>), Error> {
        let follow = &self.settings.follow;
        let by_history = follow.source == FollowSource::History && role == Role::Follow;
        let Some(needs) = follow.needs.clone().filter(|_| role == Role::Follow) else {
            let nothing = self.bundle.as_ref().is_none_or(|it| it.bundle.is_empty());
            if by_history && nothing {
                let empty = self.bundle.as_ref().map(|it| it.bundle.folder.display().to_string());
                return Err(PlanError::NothingToLookFor { needs: None, empty }.into());
            }
            return Ok((by_history, None));
        };
        if self.bundle.is_none() {
            let named = self.settings.format.as_deref().filter(|name| *name != "auto");
            let nowhere = || PlanError::NothingToLookFor { needs: Some(needs.clone()), empty: None };
            let name = named.ok_or_else(nowhere)?;
            let (format, _) = formats::find(Some(name), Path::new(""))?;
            self.bundle = Some(Understood { bundle: Bundle::empty(format.name()), format, reason: None });
        }
        let Some(Understood { bundle, format, .. }) = &mut self.bundle else { return Ok((by_history, None)) };
        let need = Need::of(bundle, *format, &needs).map_err(|why| {
            let format = format.name();
            PlanError::NeedNotUnderstood { needs, format, why }
        })?;
        Ok((by_history, Some(need)))
    }

    /// Who takes part, wherever that one looks.
    pub fn party(&mut self, call: &Invocation<'_>, role: Role, release: Option<Release>) -> Party {
        let settings = &self.settings;
        let Invocation { request, identity, report, .. } = call;
        let leader = match (&settings.leader, role) {
            (Some(LeaderRule::Named(leader)), Role::Follow) => Some(leader.clone()),
            _ => None,
        };
        let (bundle, format_reason) =
            self.bundle.take().map_or((None, None), |read| (Some(read.bundle), read.reason));
        let of_command = || (!self.argv.is_empty()).then(|| Digest::of_command(&self.argv));
        Party {
            scope: Scope {
                lock_name: settings.lock.name.clone(),
                environment: settings.environment.clone(),
                release,
                deploy: request.global.deploy.clone(),
                digest: self.digest.take().or_else(of_command),
            },
            role,
            leader,
            identity: job::Identity {
                participant: identity.display_name(request.global.participant.as_ref()),
                platform: identity.platform.to_owned(),
                host: identity.host.clone(),
                url: identity.url.clone(),
            },
            limits: Limits {
                began: call.began,
                budget: time::budget(settings.timeout, identity, &**report),
                connect_wait: settings.connect_wait,
                lock_wait: settings.lock.wait,
                ddl_lock_timeout: settings.ddl_lock_timeout.unwrap_or(Duration::ZERO),
                start: settings.follow.start,
                grace: settings.follow.grace,
                window: settings.follow.window,
            },
            report: Arc::clone(report),
            own_run: OnceLock::new(),
            inside: self.inside.take(),
            signal: call.signals.first.subscribe(),
            bundle,
            format_reason,
        }
    }

    /// Puts it all together.
    pub fn job(mut self, call: &Invocation<'_>, role: Role, release: Option<Release>) -> Result<Job, Error> {
        self.has_driver(role)?;
        let (by_history, needs) = self.looked_for(role)?;
        let format = self.bundle.as_ref().map(|read| read.format);
        let party = self.party(call, role, release);
        let settings = self.settings;
        let Some(target) = self.target else {
            return Err(Error::NoDatabase { environment: settings.environment, variable: None });
        };
        let engine = database::engine(target.engine);
        if engine.dialect.grant.is_none() && !settings.ledger.readers.is_empty() {
            let message = format!("{} has no users: ledger.readers means nothing there", engine.dialect.name);
            call.report.event(&Event::Warning { message });
        }
        // MySQL's schemas are its databases, and a script may `USE` another one
        let own_database = target.database.as_deref().filter(|_| engine.name == EngineName::MySql);
        if engine.name == EngineName::MySql && own_database.is_none() {
            return Err(Error::NoDatabaseName { target: target.to_string() });
        }
        let runs = |argv: Vec<String>| {
            let (cwd, grace) = (settings.cwd.clone(), settings.grace);
            (!argv.is_empty()).then(|| Command { argv, cwd, environment: Vec::new(), grace })
        };
        Ok(Job {
            party,
            command: runs(self.argv.clone()),
            check: runs(settings.check.clone()),
            engine,
            ledger: Ledger::new(engine.dialect, settings.ledger.schema.as_deref().or(own_database)),
            lock_mode: settings.lock.mode,
            key: LockKey { name: settings.lock.name.clone(), id: settings.lock.id },
            rules: format.map_or(Rules::LENIENT, |format| rules(format.history().rules, &settings.history)),
            format,
            by_history,
            needs,
            readers: settings.ledger.readers,
            deployments: None,
            early: self.early,
            known: Known::default(),
            target,
        })
    }
}

fn rules(of_format: Rules, settings: &HistorySettings) -> Rules {
    let choose = |rule: HistoryRule, default: bool| match rule {
        HistoryRule::Default => default,
        HistoryRule::Allow => true,
        HistoryRule::Refuse => false,
    };
    Rules {
        out_of_order: choose(settings.out_of_order, of_format.out_of_order),
        changed: choose(settings.changed, of_format.changed),
        missing: choose(settings.missing, of_format.missing),
        sequence: of_format.sequence,
    }
}

/// A deploy's job; says what it is.
pub async fn job(call: &Invocation<'_>, settings: Settings) -> Result<Job, Error> {
    let follows = matches!(role(&role_inputs(call, &settings)), Ok((Role::Follow, _)));
    let prepared =
        if follows { prepare_to_look(call, settings).await? } else { prepare(call, settings).await? };
    let (role, role_reason) = prepared.role(call)?;
    call.has_role(Some(role));
    let (release, release_reason) = prepared.release(call, role)?;
    call.has_release(release.as_ref());
    let deployments = match role {
        Role::Follow => None,
        Role::Lead | Role::Elect => github::reported(call, &prepared.settings, release.as_ref())?,
    };
    let mut job = prepared.job(call, role, release)?;
    job.deployments = deployments;
    call.report.event(&Event::Start(start(&job, Some(job.place()), role_reason, release_reason)));
    if let Some(hint) = call.identity.release_hint.filter(|_| call.request.global.release.is_none()) {
        let message = format!("the release is the hash of our migrations. {hint}");
        call.report.event(&Event::Notice { message });
    }
    Ok(job)
}

/// Who we are and what is being released.
pub fn start(party: &Party, database: Option<String>, role_reason: String, release_reason: String) -> Start {
    Start {
        schema: EVENTS_VERSION,
        bellwether: env!("CARGO_PKG_VERSION").to_owned(),
        environment: party.scope.environment.clone(),
        participant: Some(party.identity.participant.clone()),
        role: party.role,
        role_reason,
        leader: party.leader.clone(),
        release: party.scope.release.clone(),
        release_reason,
        deploy: party.scope.deploy.clone(),
        database,
        format: party.format_name(),
        format_reason: party.format_reason.clone(),
    }
}
