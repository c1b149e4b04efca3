//! What `doctor` finds, one thing after the other, each with what to do.

use serde::Serialize;

use crate::model::ids::Environment;

/// How well a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Worth a look: a deploy may stop there, or tell less than it could.
    Warn,
    /// A deploy stops there.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which: `connection`, `ledger`, …
    pub check: &'static str,
    /// How well it is.
    pub health: Health,
    /// What was found, in one sentence.
    pub found: String,
    /// More of it: what the database said.
    pub causes: Vec<String>,
    /// What to do about it, most likely first.
    pub todo: Vec<String>,
    /// A deploy would end there with 2: usage or config, no fault of the database.
    #[serde(skip)]
    pub usage: bool,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::not_ok(check, Health::Ok, found, Vec::new())
    }

    /// Something is not, and this is what to do.
    pub fn not_ok(check: &'static str, health: Health, found: impl Into<String>, todo: Vec<String>) -> Self {
        Self { check, health, found: found.into(), causes: Vec::new(), todo, usage: false }
    }
}

/// What `doctor` found.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorReport {
    /// The environment.
    pub environment: Environment,
    /// The database, without password, if anything names one.
    pub database: Option<String>,
    /// The format of our migrations, if there are any that can be read.
    pub format: Option<String>,
    /// What in their folder told it; none where it was asked for by name.
    pub format_reason: Option<String>,
    /// In the order in which a deploy would meet them.
    pub findings: Vec<Finding>,
}
