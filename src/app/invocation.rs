//! One call of the binary: what it asks for, where it runs, who hears of it, and what its outcome will tell. Decides
//! nothing.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::cli::Request;
use crate::model::ids::{Release, RunId};
use crate::model::run::Role;
use crate::platform::{self, Env, Identity};
use crate::report::Report;

/// What every verb needs.
pub struct Invocation<'a> {
    /// The command line.
    pub request: &'a Request,
    /// Variables as they were given here.
    pub env: Env<'a>,
    /// What the platform says.
    pub identity: Identity,
    /// `RUN_MIGRATIONS`.
    pub run_migrations: Option<String>,
    /// Who hears of it.
    pub report: Arc<dyn Report>,
    /// When the process began.
    pub began: Instant,
    /// SIGINT and SIGTERM.
    pub signals: Signals,
    /// For the outcome.
    pub facts: RefCell<Facts>,
}

/// The signals that a deploy listens to; nobody else's ever come.
#[derive(Default)]
pub struct Signals {
    /// The first one, which says how we end.
    pub first: watch::Sender<Option<u8>>,
    /// Somebody asked again: at once.
    pub force: watch::Sender<bool>,
}

/// What is known so far: for the outcome, however early it comes.
#[derive(Default)]
pub struct Facts {
    /// What we do.
    pub role: Option<Role>,
    /// What is being released.
    pub release: Option<Release>,
    /// The run that we led.
    pub run: Option<RunId>,
}

impl<'a> Invocation<'a> {
    /// Asks the platform who we are.
    pub fn new(request: &'a Request, env: Env<'a>, report: Arc<dyn Report>, began: Instant) -> Self {
        Self {
            request,
            env,
            identity: platform::identify(env),
            run_migrations: env("RUN_MIGRATIONS"),
            report,
            began,
            signals: Signals::default(),
            facts: RefCell::default(),
        }
    }

    /// Whatever the outcome is, it tells this role.
    pub fn has_role(&self, role: Option<Role>) {
        self.facts.borrow_mut().role = role;
    }

    /// Whatever the outcome is, it tells this release.
    pub fn has_release(&self, release: Option<&Release>) {
        self.facts.borrow_mut().release = release.cloned();
    }

    /// Whatever the outcome is, it tells this run.
    pub fn has_run(&self, run: Option<&RunId>) {
        self.facts.borrow_mut().run = run.cloned();
    }
}
