//! `init` and `new`: what flags and config say of them, and the report of what was written. No database is asked.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::app::inspect::silent;
use crate::app::invocation::Invocation;
use crate::cli::Request;
use crate::config::{self, ConfigError, DEFAULT_FILE, Problem, Settings};
use crate::error::Error;
use crate::job::Success;
use crate::model::choice::Place;
use crate::model::event::Event;
use crate::model::ids::Environment;
use crate::platform::Env;
use crate::scaffold::{self, Asked, Said, Wanted};

/// How long another `new` may be at work in the same folder, where no flag says it.
const PATIENCE: Duration = Duration::from_secs(10);
/// What stands for a variable that is not set: nobody names a folder so.
const UNSET: &str = "\u{1}";

/// Writes a config for what is found here; where there is one, what a platform needs for what it says.
pub fn init(call: &Invocation<'_>, place: Option<Place>) -> Result<Success, Error> {
    let Invocation { request, env, report, .. } = call;
    let global = &request.global;
    let is_there = global.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE)).symlink_metadata().is_ok();
    let said = match (is_there, place) {
        (false, _) => None,
        (true, None) => Some((None, Said::default())),
        (true, Some(_)) => {
            let (environment, said) = of(leniently(request, env)?);
            Some((Some(environment), said))
        }
    };
    let (environment, said) = said.map_or((None, None), |(environment, said)| (environment, Some(said)));
    let asked = Asked {
        config: global.config.as_deref(),
        environment: environment.as_ref().or(global.environment.as_ref()),
        migrations: global.migrations.as_deref(),
        format: global.format.as_deref(),
        place,
        said,
    };
    report.event(&Event::Init(Box::new(scaffold::init(&asked)?)));
    Ok(silent())
}

/// Writes the next migration.
pub fn new(call: &Invocation<'_>, words: &str) -> Result<Success, Error> {
    let Invocation { request, env, report, .. } = call;
    let of_flags = request.global.migrations.is_some() && request.global.config.is_none();
    let said = match of_flags {
        true => Said::default(),
        false => of_all(request, env)?,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let wanted = Wanted {
        words,
        folder: request.global.migrations.as_deref().or(said.folder.as_deref()),
        format: request.global.format.as_deref().or(said.format.as_deref()),
        by_command: !said.command.is_empty(),
        now: i64::try_from(now).unwrap_or(i64::MAX),
        patience: request.global.timeout.unwrap_or(PATIENCE),
        busy: &|folder| {
            let message =
                format!("another `bellwether new` is at work in {}: waiting for it", folder.display());
            report.event(&Event::Notice { message });
        },
    };
    report.event(&Event::New(Box::new(scaffold::new(&wanted)?)));
    Ok(silent())
}

/// A developer's machine has no environment that counts more than others: all have the same migrations, or one must be
/// named.
fn of_all(request: &Request, env: Env<'_>) -> Result<Said, Error> {
    let refused = match leniently(request, env) {
        Ok(settings) => return Ok(of(settings).1),
        Err(refused) => refused,
    };
    let Problem::EnvironmentNeeded { known } = refused.problem() else { return Err(refused.into()) };
    let mut all = Vec::new();
    for name in known {
        let mut of_one = request.clone();
        of_one.global.environment = Some(Environment(name.clone()));
        all.push(of(leniently(&of_one, env)?).1);
    }
    let first = all.pop().unwrap_or_default();
    let same = |other: &Said| other.folder == first.folder && other.format == first.format;
    if all.iter().all(same) { Ok(first) } else { Err(refused.into()) }
}

/// The variables of a deploy need not be set here, but for those that say where the migrations are.
fn leniently(request: &Request, env: Env<'_>) -> Result<Settings, ConfigError> {
    let refused = match config::load(request, Path::new(""), env) {
        Err(refused) if matches!(refused.problem(), Problem::VariableNotSet { .. }) => refused,
        loaded => return loaded,
    };
    let lenient = |name: &str| env(name).or_else(|| Some(UNSET.to_owned()));
    let Ok(settings) = config::load(request, Path::new(""), &lenient) else { return Err(refused) };
    let folder = settings.migrations.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    let needed = folder.iter().chain(&settings.format).chain(&settings.command);
    if needed.into_iter().any(|text| text.contains(UNSET)) { Err(refused) } else { Ok(settings) }
}

fn of(settings: Settings) -> (Environment, Said) {
    let Settings { environment, migrations: folder, format, command, .. } = settings;
    (environment, Said { folder, format, command })
}
