//! The migrations that we carry, as far as they are read: what only a tool applies stops nobody. Asks no database.

use std::path::Path;

use tokio::time::sleep_until;

use crate::app::invocation::Invocation;
use crate::app::prepare::role_inputs;
use crate::cli::Action;
use crate::config::Settings;
use crate::error::Error;
use crate::formats::{self, Format, FormatError};
use crate::job::{Party, signalled};
use crate::model::event::Event;
use crate::model::migration::Bundle;
use crate::model::run::Role;
use crate::plan::role::role;
use crate::report::Report;

/// Migrations, and the format that they are in.
pub struct Understood {
    /// The migrations.
    pub bundle: Bundle,
    /// Their format.
    pub format: &'static dyn Format,
    /// What in the folder told it; none where it was asked for by name.
    pub reason: Option<String>,
}

/// Reads them, beside everything else: a file on a network that is down is never read, and a signal or the end of our time
/// ends us all the same.
pub async fn read_in_time(
    call: &Invocation<'_>,
    settings: &Settings,
    for_command: bool,
) -> Result<Option<Result<Understood, FormatError>>, Error> {
    let Some(folder) = settings.migrations.clone() else { return Ok(None) };
    let shown = folder.display().to_string();
    let format = settings.format.clone();
    let reading = tokio::task::spawn_blocking(move || read(format.as_deref(), &folder, for_command));
    let signal = call.signals.first.subscribe();
    let budget = call.identity.budget(settings.timeout);
    tokio::select! {
        biased;
        read = reading => Ok(Some(read.map_err(|error| Error::Bug { what: format!("reading files: {error}") })?)),
        signal = signalled(&signal) => Err(Party::interrupted(signal)),
        () = sleep_until(call.began + budget) => {
            let role = role_of_deploy(call, settings);
            call.has_role(role);
            Err(Error::FilesLate { folder: shown, budget, role })
        }
    }
}

/// As far as it can be told without the files; none for those who only look.
fn role_of_deploy(call: &Invocation<'_>, settings: &Settings) -> Option<Role> {
    let action = &call.request.action;
    let deploys = matches!(action, Action::Deploy { .. } | Action::Lead { .. } | Action::Follow { .. });
    let role = deploys.then(|| role(&role_inputs(call, settings)).ok()).flatten();
    role.map(|(role, _)| role)
}

/// What a command, or a format's own tool, applies is only compared: what of it cannot be read is unread.
fn read(name: Option<&str>, folder: &Path, for_command: bool) -> Result<Understood, FormatError> {
    let asked_for = name.is_some_and(|name| name != "auto");
    let (format, reason) = formats::find(name, folder)?;
    let bundle = match for_command || format.writer().is_none() {
        true => formats::compare(format, folder)?,
        false => format.read(folder)?,
    };
    Ok(Understood { bundle, format, reason: (!asked_for).then_some(reason) })
}

/// A command's migrations may be of a format that we cannot read: then what is pending is unknown, and the ledger decides.
pub fn admitted(
    read: Result<Understood, FormatError>,
    for_command: bool,
    report: &dyn Report,
) -> Result<Option<Understood>, Error> {
    let unknown = |what: String| {
        report.event(&Event::Notice { message: format!("what is pending stays unknown: {what}") });
    };
    match read {
        // the tool itself will say what is wrong with it
        Err(error @ (FormatError::BadName { .. } | FormatError::Unsupported { .. })) if for_command => {
            unknown(error.to_string());
            Ok(None)
        }
        read => {
            let read = read?;
            if let Some(part) = read.bundle.unread.first().filter(|_| !read.bundle.is_told_apart()) {
                unknown(format!("{} {}", part.name, part.why));
            }
            Ok(Some(read))
        }
    }
}
