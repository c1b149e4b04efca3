//! Work that was ended in the middle: by a signal, the budget, a lost lock.

use std::time::Duration;

use super::{span, stays_applied, told};
use crate::error::{AtWork, Cut};
use crate::model::event::Explained;
use crate::model::ids::Version;

pub fn lock_lost(reason: &str, step: Option<&AtWork>, applied: &[Version], cut: Cut) -> Explained {
    let title = format!("the lock was lost{}: {reason}", during(step));
    let log = "see the database's log for why the session ended".to_owned();
    if let Some(AtWork::Command(program)) = step {
        let at_once = "at once, since another leader may begin".to_owned();
        let causes = vec![format!("{} {at_once}", command_ended(program)), may_finish()];
        return told(title, causes, vec![log, run_again()]);
    }
    let mut causes = vec![match step {
        Some(_) => "the work was stopped at once, since another leader may begin".to_owned(),
        None => "no migration or command of ours was at work then".to_owned(),
    }];
    causes.extend(cut_in_half(cut));
    causes.push(stays_applied(applied));
    told(title, causes, vec![log, go_on(cut)])
}

pub fn budget_ended(
    budget: Duration,
    step: Option<&AtWork>,
    applied: &[Version],
    cut: Cut,
    waited_for: Option<&str>,
) -> Explained {
    let title = format!("the time for this deploy ({}) ended{}", span(budget), during(step));
    let longer = "give it longer with --timeout, if the platform allows it";
    if let Some(AtWork::Command(program)) = step {
        return told(title, vec![command_ended(program), may_finish()], vec![longer.to_owned(), run_again()]);
    }
    let mut causes = Vec::new();
    causes.extend(step.map(|_| match cut.unanswered {
        false => "its statement was cancelled on the server".to_owned(),
        true => unanswered(),
    }));
    causes.extend(waited_for.map(|said| format!("it kept waiting for a lock that others hold: {said}")));
    causes.extend(cut_in_half(cut));
    causes.push(stays_applied(applied));
    told(title, causes, vec![format!("{longer}, or make the migration smaller"), go_on(cut)])
}

pub fn signalled(signal: u8, step: Option<&AtWork>, applied: &[Version], cut: Cut) -> Explained {
    let name = crate::exit::signal_name(signal);
    let title = format!("{name} ended the run{}", during(step));
    let (title, mut causes) = match step {
        Some(AtWork::Command(program)) => {
            let ended = match cut.unanswered {
                false => format!("{}, and the lock is free", command_ended(program)),
                true => format!(
                    "the command {program} was told to end, and we did not wait for it: its guard ends it and all that it \
                     started, and the lock is free then"
                ),
            };
            return told(title, vec![ended, may_finish()], vec![run_again()]);
        }
        Some(AtWork::Migration(_)) if cut.unanswered => (title, vec![unanswered()]),
        Some(AtWork::Migration(_)) => {
            (title, vec!["its statement was cancelled on the server, and the lock is free".to_owned()])
        }
        None if applied.is_empty() => {
            let waiting = vec!["no migration of ours was at work".to_owned()];
            return told(format!("ended by {name}"), waiting, vec!["deploy again".to_owned()]);
        }
        None => (format!("{title} between two migrations"), Vec::new()),
    };
    causes.extend(cut_in_half(cut));
    causes.push(stays_applied(applied));
    told(title, causes, vec![go_on(cut)])
}

/// ` during 20240301_add_index`, ` during the command bin/rails`.
fn during(step: Option<&AtWork>) -> String {
    match step {
        Some(AtWork::Migration(name)) => format!(" during {name}"),
        Some(AtWork::Command(program)) => format!(" during the command {program}"),
        None => String::new(),
    }
}

fn command_ended(program: &str) -> String {
    format!("the command {program} and all that it started were ended")
}

fn may_finish() -> String {
    "what it had already sent to the database may still finish there".to_owned()
}

fn run_again() -> String {
    "deploy again: the command is run again, from its beginning".to_owned()
}

/// A follower has done nothing that could be half done.
pub fn stopped_waiting(signal: u8, waiting: &str) -> Explained {
    told(
        format!("{} ended us while we waited for the leader", crate::exit::signal_name(signal)),
        vec![format!("seen last: {waiting}"), "what the leader does is not touched by it".to_owned()],
        vec!["this participant must not go live: follow again, or deploy again".to_owned()],
    )
}

fn unanswered() -> String {
    "the server has not said yet that its statement has ended: it may have to roll back first, and keeps the lock until then"
        .to_owned()
}

fn cut_in_half(cut: Cut) -> Option<String> {
    cut.half_applied.then(|| "its script does not run in a transaction, and may be half applied".to_owned())
}

fn go_on(cut: Cut) -> String {
    match cut.half_applied {
        false => "deploy again: what is recorded is not applied twice",
        true => "deploy again: where it is half applied, the next run refuses and says what to do",
    }
    .to_owned()
}
