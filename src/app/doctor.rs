//! `doctor`: config, role, release, migrations and lock as a deploy would find them, and what the database tells.

use tokio::time::Instant;

use crate::app::inspect::{self, Lock, silent};
use crate::app::invocation::Invocation;
use crate::app::prepare::{self, Prepared};
use crate::app::watching;
use crate::cli::line::same_migrations;
use crate::config::Settings;
use crate::database::{DbErrorKind, Purpose, Server, sqlite};
use crate::error::{Doing, Error, OperateError};
use crate::explain::with_flags;
use crate::job::{Job, Success};
use crate::model::choice::FollowSource;
use crate::model::doctor::{DoctorReport, Finding, Health};
use crate::model::event::Event;
use crate::model::ids::{Environment, Release};
use crate::model::run::Role;
use crate::operate::doctor::examine;

/// Prints one finding after the other; ends with 0, with 2 if only usage or config is bad, else with 31.
pub async fn doctor(call: &Invocation<'_>) -> Result<Success, Error> {
    let settings = prepare::settings(call)?;
    let environment = settings.environment.clone();
    let mut findings = vec![config(&settings)];
    if settings.database.is_none() && settings.follow.source == FollowSource::Command {
        let asked = settings.follow.command.join(" ");
        findings.push(Finding::ok("database", format!("none is needed: a status command is asked: {asked}")));
        return tell(call, without_database(environment, findings));
    }
    if settings.database.is_none() && watching::is_remote(settings.follow.source) {
        findings.push(Finding::ok("database", "none is needed: a follower looks elsewhere"));
        let found = watching::found(call, settings).await;
        findings.push(match &found {
            Ok(found) => Finding::ok("source", found),
            Err(error) => Finding::of("source", Health::Bad, error),
        });
        let report = without_database(environment, findings);
        return match found {
            Ok(_) => tell(call, report),
            // what keeps us from it has exit codes of its own
            Err(error) => {
                call.report.event(&Event::Doctor(Box::new(report)));
                Err(error)
            }
        };
    }
    let prepared = prepared(call, settings, &mut findings).await?;
    let (role, release) = deploy(call, &prepared, &mut findings);
    let job = prepared.job(call, role, release)?;
    database(&job, &mut findings).await;
    let (format, format_reason) = (job.format_name(), job.format_reason.clone());
    tell(call, DoctorReport { environment, database: Some(job.place()), format, format_reason, findings })
}

fn without_database(environment: Environment, findings: Vec<Finding>) -> DoctorReport {
    DoctorReport { environment, database: None, format: None, format_reason: None, findings }
}

fn tell(call: &Invocation<'_>, mut doctor: DoctorReport) -> Result<Success, Error> {
    let flags = same_migrations(&call.request.global);
    doctor.findings.iter_mut().for_each(|finding| with_flags(&mut finding.todo, &flags));
    let bad = || doctor.findings.iter().filter(|finding| finding.health == Health::Bad);
    let names: Vec<_> = bad().map(|finding| finding.check).collect();
    let usage = bad().all(|finding| finding.usage);
    call.report.event(&Event::Doctor(Box::new(doctor)));
    if names.is_empty() { Ok(silent()) } else { Err(OperateError::Ailing { bad: names, usage }.into()) }
}

fn config(settings: &Settings) -> Finding {
    let found = match &settings.file {
        Some(file) => format!("{}, environment {}", file.display(), settings.environment),
        None => format!("no file; environment {}", settings.environment),
    };
    Finding::ok("config", found)
}

/// Migrations that cannot be read must not hide what else there is.
async fn prepared(
    call: &Invocation<'_>,
    mut settings: Settings,
    findings: &mut Vec<Finding>,
) -> Result<Prepared, Error> {
    match prepare::prepare(call, settings.clone()).await {
        Err(error @ (Error::Format(_) | Error::FilesLate { .. })) => {
            findings.push(Finding::of("migrations", Health::Bad, &error));
            settings.migrations = None;
            prepare::prepare(call, settings).await
        }
        prepared => prepared,
    }
}

/// Role and release; where they cannot be told a deploy stops, and a person who only looks does not.
fn deploy(
    call: &Invocation<'_>,
    prepared: &Prepared,
    findings: &mut Vec<Finding>,
) -> (Role, Option<Release>) {
    let role = match prepared.role(call) {
        Ok((role, reason)) => {
            findings.push(Finding::ok("role", format!("{role} ({reason})")));
            role
        }
        Err(error) => {
            findings.push(Finding::of("role", Health::Warn, &error));
            Role::Follow
        }
    };
    let release = match prepared.release(call, role) {
        Ok((release, reason)) => {
            let name = release.as_ref().map_or("none", |release| release.as_str()).to_owned();
            findings.push(Finding::ok("release", format!("{name} ({reason})")));
            release
        }
        Err(error) => {
            findings.push(Finding::of("release", Health::Warn, &error));
            None
        }
    };
    (role, release)
}

async fn database(job: &Job, findings: &mut Vec<Finding>) {
    let asked = Instant::now();
    let (mut session, server) = match job.open(Purpose::Look, true).await {
        Ok(opened) => opened,
        Err(error) if job.no_file(&error) => {
            let found = format!("{} is not there yet: the first leader makes it", job.place());
            return findings.push(Finding::ok("connection", found));
        }
        Err(error) => return findings.push(Finding::of("connection", Health::Bad, &error)),
    };
    // what says nothing to this says the same to whatever else is asked
    if let Err(error) = sqlite::look_inside(session.as_mut()).await
        && error.kind == DbErrorKind::Statement
    {
        let error = job.refused(Doing::Connecting, error);
        return findings.push(Finding::of("connection", Health::Bad, &error));
    }
    let took = asked.elapsed().as_millis();
    findings.push(Finding::ok("connection", format!("{}, {took} ms", job.place())));
    findings.push(product(job, &server));
    findings.extend(lock(job).await);
    findings.extend(examine(job, session.as_mut(), &server).await);
}

fn product(job: &Job, server: &Server) -> Finding {
    let found = inspect::named_server(server);
    if !server.read_only {
        return Finding::ok("server", found);
    }
    let severe = if job.role == Role::Follow { Health::Ok } else { Health::Bad };
    let todo = vec!["followers may look there; a leader needs the primary's URL".to_owned()];
    Finding::not_ok("server", severe, found, todo)
}

async fn lock(job: &Job) -> Vec<Finding> {
    let Lock { chosen, followers, .. } = match inspect::lock(job).await {
        Ok(lock) => lock,
        Err(error) => return vec![Finding::of("lock", Health::Bad, &error)],
    };
    let name = &job.scope.lock_name;
    let found = match chosen.mode {
        Some(mode) => Finding::ok("lock", format!("{mode}, named {name} ({})", chosen.reason)),
        None => {
            let severe = if job.role == Role::Follow { Health::Warn } else { Health::Bad };
            Finding::of("lock", severe, &job.unsafe_lock(chosen))
        }
    };
    vec![found, Finding::ok("waiting", format!("followers {followers}"))]
}
