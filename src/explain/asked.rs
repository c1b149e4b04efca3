//! A status command that fails a follower, or keeps it waiting for too long.

use super::work::start_hints;
use super::{count, span, told};
use crate::engine::command::Ending;
use crate::error::StatusError;
use crate::model::event::Explained;
use crate::status::Failure;

pub fn status(error: &StatusError) -> Explained {
    match error {
        StatusError::Failed { command, failure, output, ready, pending } => {
            let program = command.first().map_or("", String::as_str);
            let hints = failed_hints(program, failure, ready, pending);
            told(format!("the status command {program} {failure}"), facts(command, output), hints)
        }
        StatusError::Late { command, waited, times, output } => late(command, *waited, *times, output),
    }
}

fn failed_hints(program: &str, failure: &Failure, ready: &[i32], pending: &[i32]) -> Vec<String> {
    match failure {
        Failure::Ended(Ending::Exit(code)) => vec![
            format!(
                "exit code {code} is in neither follow.ready ({}) nor follow.pending ({}): if it means one of them, add it there",
                codes(ready),
                codes(pending)
            ),
            "else its own output says why; this participant must not go live".to_owned(),
        ],
        Failure::Ended(ending) => start_hints(program, ending)
            .unwrap_or_else(|| vec!["its own output says why; this participant must not go live".to_owned()]),
        Failure::Silent(_) => {
            vec![silent_hint(program), "if it needs longer, say so in follow.timeout".to_owned()]
        }
    }
}

fn silent_hint(program: &str) -> String {
    format!(
        "can {program} be run by hand here, and does it answer? Give it time limits of its own, for the connection too"
    )
}

fn late(command: &[String], waited: std::time::Duration, times: u32, output: &str) -> Explained {
    let program = command.first().map_or("", String::as_str);
    let mut causes = facts(command, output);
    if times == 0 {
        causes.insert(0, "it did not end by itself".to_owned());
        let title = format!(
            "the status command {program} had given no answer when our time ended ({})",
            span(waited)
        );
        return told(title, causes, vec![silent_hint(program)]);
    }
    let often = count(usize::try_from(times).unwrap_or(usize::MAX), "time");
    causes.insert(0, format!("it was asked, and said not yet {often}"));
    told(
        format!("the status command {program} still said not yet when our time ended ({})", span(waited)),
        causes,
        vec![
            "has the leader migrated? Give followers with --timeout at least the time that it takes, and what it waits"
                .to_owned(),
            "an error of the status command may end with a code of follow.pending too: its output tells".to_owned(),
        ],
    )
}

fn facts(command: &[String], output: &str) -> Vec<String> {
    let mut causes = vec![format!("it was: {}", command.join(" "))];
    if !output.trim().is_empty() {
        causes.push(format!("the end of its output:\n{}", output.trim_end()));
    }
    causes
}

fn codes(codes: &[i32]) -> String {
    match codes {
        [] => "none".to_owned(),
        codes => codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
