//! Who we are and what is being released, as the first lines of a log.

use crate::model::event::Start;
use crate::model::run::Role;
use crate::report::line::Line;
use crate::report::words;

/// One line, and with `-v` the reasons below it.
pub fn lines(start: &Start, verbosity: i8) -> Vec<Line> {
    let name = start.participant.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
    let role = match start.role {
        Role::Lead => format!("leading{name}"),
        Role::Follow => {
            let leads = start.leader.as_ref().map(|leader| format!("; {leader} leads")).unwrap_or_default();
            format!("following{name}{leads}")
        }
        Role::Elect => format!("taking part{name}, and whoever gets the lock first leads"),
    };
    let release = start.release.as_ref().map(|r| format!(", release {}", r.short()));
    let text = format!("{}{}: {role}", start.environment, release.unwrap_or_default());
    let mut lines = vec![Line::plain(words::line(&text))];
    if verbosity > 0 {
        let database = start.database.as_ref().map(|it| format!(", database {it}")).unwrap_or_default();
        let mut reasons = vec![
            format!("bellwether {}{database}", start.bellwether),
            format!("role {}: {}", start.role, start.role_reason),
        ];
        if let Some(release) = &start.release {
            reasons.push(format!("release {release}: {}", start.release_reason));
        }
        reasons.extend(start.deploy.as_ref().map(|deploy| format!("deploy {deploy}")));
        reasons.extend(start.format.as_ref().map(|format| {
            format!("format {format}: {}", start.format_reason.as_deref().unwrap_or("it was asked for"))
        }));
        lines.extend(reasons.iter().map(|reason| Line::plain(words::line(reason)).indented(2)));
    }
    lines
}
