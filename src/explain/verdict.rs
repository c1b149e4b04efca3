//! What a follower leaves with.

use std::time::Duration;

use super::{count, machine, span, told};
use crate::error::{Elsewhere, Seeking};
use crate::model::event::Explained;
use crate::model::run::{EngineKind, Run, RunStatus};

/// Other runs named in a message.
const OTHERS: usize = 5;

const SAME: &str = "release, environment and lock.name must be the same for the leader and those who follow";
const DEPLOYMENTS_ON: &str = "the leader tells GitHub of its run only with `github: { deployments: on }` and a token that has `deployments: write`";
const SAME_COMMIT: &str = "the release must be the commit from which the leader's app is built";
const NO_COMMIT: &str = "an image that was pushed to Heroku's registry names no commit: such an app cannot be waited for by its releases";

/// The leader's own text, word for word.
pub fn leader_failed(run: &Run) -> Explained {
    let at = run.failed_step.as_ref().map(|step| format!(" at {step}")).unwrap_or_default();
    let mut causes = Vec::new();
    if let Some(error) = &run.error {
        causes.push(format!("{} says:\n{error}", run.leader));
    }
    causes.push(whence(run));
    told(
        format!("{} failed to migrate to {}{at}", run.leader, run.release.short()),
        causes,
        vec![format!(
            "this participant must not go live; mend {} and deploy all participants again",
            match (&run.failed_step, run.engine) {
                (Some(step), EngineKind::Command) if run.is_told() => step.as_str(),
                (_, EngineKind::Command) => "the command",
                (_, EngineKind::Sql) => "the migration",
            }
        )],
    )
}

pub fn leader_interrupted(run: &Run) -> Explained {
    told(
        format!("{} was interrupted while migrating to {}", run.leader, run.release.short()),
        vec![by(run), progress(run), whence(run)],
        vec![format!("this participant must not go live; {}", again(run))],
    )
}

fn again(run: &Run) -> String {
    match run.engine {
        EngineKind::Sql => "deploy again: what is recorded is not applied twice",
        EngineKind::Command => "deploy again: the command is run again, from its beginning",
    }
    .to_owned()
}

/// Who or what ended it.
fn by(run: &Run) -> String {
    format!("it was ended by {}", run.ended_by.as_deref().unwrap_or("an unknown cause"))
}

fn progress(run: &Run) -> String {
    let at = run.current.as_ref().map(|step| format!(", at {step}")).unwrap_or_default();
    match run.total {
        _ if run.engine == EngineKind::Command && !run.is_told() => {
            format!("it was in the middle of its command{at}")
        }
        _ if run.is_told() => "how far it was is not told here".to_owned(),
        0 => format!("it had done nothing that is recorded{at}"),
        total => format!("it had done {} of {}{at}", run.done, count_i64(total)),
    }
}

pub fn bundle_not_applied(run: &Run, pending: &[String]) -> Explained {
    let are = match pending.len() {
        1 => "1 of our migrations is".to_owned(),
        many => format!("{many} of our migrations are"),
    };
    told(
        format!("{} succeeded, but {are} not applied: {}", run.leader, list(pending)),
        vec![
            "leader and this participant were built from different migrations, or look into different schemas"
                .to_owned(),
            whence(run),
        ],
        vec![
            "build all participants from the same commit, or give them the same migrations folder".to_owned(),
            "where those are the same, compare what `bellwether plan` says here and there: the database, and what is in it"
                .to_owned(),
        ],
    )
}

pub fn leader_died(run: Option<&Run>) -> Explained {
    let Some(run) = run else {
        return told(
            "the run that we watched is gone, and nothing came after it",
            vec![
                "a failover to a server that did not have it yet loses the last writes; a deployment on GitHub can be deleted"
                    .to_owned(),
            ],
            vec!["this participant must not go live; deploy again".to_owned()],
        );
    };
    let release = run.release.short();
    let (title, how) = match run.status {
        RunStatus::Interrupted => {
            (format!("{} was interrupted while migrating to {release}", run.leader), by(run))
        }
        RunStatus::Abandoned => (
            format!("{} died while migrating to {release}", run.leader),
            format!("its run was abandoned: {}", run.ended_by.as_deref().unwrap_or("it was silent")),
        ),
        _ => (
            format!("{} died while migrating to {release}", run.leader),
            "it shows no sign of life any more".to_owned(),
        ),
    };
    told(
        title,
        vec![how, progress(run), "no other leader took over in time".to_owned(), whence(run)],
        vec![
            "this participant must not go live; see the leader's own log for why it ended".to_owned(),
            again(run),
        ],
    )
}

pub fn leader_never_started(waited: Duration, seeking: &Seeking) -> Explained {
    let mut causes = vec![sought(seeking)];
    causes.extend(others(seeking));
    let mut hints = vec![
        "is a leader part of this deploy? `bellwether plan` says what each participant would do".to_owned(),
        match seeking.place.as_deref() {
            Some(Elsewhere::Releases { .. }) => SAME_COMMIT.to_owned(),
            _ => SAME.to_owned(),
        },
    ];
    hints.extend(seeking.leader.as_ref().map(|leader| {
        format!("does anyone still go by the name {leader}? An app that was renamed follows, like all the others, until `leader:` has its new name")
    }));
    hints.extend(seeking.place.as_deref().map(|place| match place {
        Elsewhere::Deployments { .. } => DEPLOYMENTS_ON.to_owned(),
        Elsewhere::Releases { .. } => NO_COMMIT.to_owned(),
    }));
    told(format!("no leader began within {}", span(waited)), causes, hints)
}

pub fn leader_late(
    run: Option<&Run>,
    at_work: bool,
    waited: Duration,
    pending: Option<&[String]>,
    seeking: &Seeking,
) -> Explained {
    let title = match run {
        Some(run) if at_work => {
            format!("{} was still at work when our time ended ({})", run.leader, span(waited))
        }
        None if at_work => format!("somebody was still at work when our time ended ({})", span(waited)),
        _ => format!("nobody was migrating when our time ended ({})", span(waited)),
    };
    let mut causes = vec![match run {
        Some(run) if at_work => format!("{}; {}", progress(run), whence(run)),
        Some(run) => {
            format!("the last run seen was {}'s, which is {}; {}", run.leader, run.status, whence(run))
        }
        None if at_work => {
            "who has the lock writes so much that SQLite lets nobody read before it commits".to_owned()
        }
        None => sought(seeking),
    }];
    causes.extend(match pending {
        Some([]) => None,
        Some(pending) => Some(format!("not applied of ours: {}", list(pending))),
        None => None,
    });
    // the one that is told of above is no other
    let mut seeking = seeking.clone();
    seeking.others.retain(|other| run.is_none_or(|run| run.id != other.id));
    causes.extend(others(&seeking));
    if at_work && matches!(seeking.place.as_deref(), Some(Elsewhere::Deployments { .. })) {
        causes
            .push("GitHub cannot tell a leader that died without a word from one that is at work".to_owned());
    }
    told(
        title,
        causes,
        vec![match at_work {
            true => "give followers with --timeout at least the leader's own time, plus what it may wait for the lock",
            false => "is a leader part of this deploy, and are release, environment and lock.name the same there? `bellwether plan` says what each would do",
        }
        .to_owned()],
    )
}

pub fn history_late(
    history: &str,
    waited: Duration,
    pending: &[String],
    unknown: Option<&str>,
    half_applied: Option<&str>,
) -> Explained {
    let title = match pending.len() {
        0 => format!("what is pending was still unknown when our time ended ({})", span(waited)),
        many => {
            let are = if many == 1 { "is" } else { "are" };
            format!("{} {are} still pending after {}", count(many, "migration"), span(waited))
        }
    };
    let mut causes = vec![list(pending)];
    causes.retain(|pending| !pending.is_empty());
    causes.extend(unknown.or(half_applied).map(str::to_owned));
    causes.push(format!("looked at {history} alone, as `follow.source: history` says"));
    told(
        title,
        causes,
        vec![
            match half_applied {
                Some(_) => "if nobody is at work on it any more, put it right with the tool that applies these migrations (where that is bellwether, `bellwether resolve`), and deploy again",
                None => "did the leader's migration fail, or is it not part of this deploy? its own log tells",
            }
            .to_owned(),
            "where the leader runs bellwether, leave follow.source out: then its failure ends this wait at once, with its error".to_owned(),
        ],
    )
}

pub fn not_ready(reason: &str) -> Explained {
    told(
        format!("not ready: {reason}"),
        vec![],
        vec!["`bellwether status` says more; `bellwether follow` waits for it".to_owned()],
    )
}

fn whence(run: &Run) -> String {
    let url = run.url.as_ref().map(|url| format!(", {url}")).unwrap_or_default();
    format!("run {} {}{url}", run.id, machine(run))
}

fn sought(seeking: &Seeking) -> String {
    let release = match &seeking.release {
        Some(release) => format!("a run of release {release}"),
        None => "any run".to_owned(),
    };
    if let (Some(place @ Elsewhere::Releases { .. }), Some(commit)) =
        (seeking.place.as_deref(), &seeking.release)
    {
        return format!("we looked among {place} for one of the commit {commit}, and among its builds");
    }
    format!(
        "we looked{} for {release} in the environment {} under the lock {}{}",
        seeking.place.as_ref().map(|place| format!(" among {place}")).unwrap_or_default(),
        seeking.environment,
        seeking.lock_name,
        seeking
            .leader
            .as_ref()
            .map(|leader| format!("; the config names {leader} as leader"))
            .unwrap_or_default()
    )
}

fn others(seeking: &Seeking) -> Vec<String> {
    if seeking.others.is_empty() {
        return vec!["there was no other run meanwhile".to_owned()];
    }
    let shown = seeking.others.iter().rev().take(OTHERS);
    let mut lines: Vec<_> = shown
        .map(|run| {
            format!(
                "meanwhile there was a run of {}: environment {}, release {}, {}",
                run.leader,
                run.environment,
                run.release.short(),
                run.status
            )
        })
        .collect();
    if seeking.others.len() > OTHERS {
        lines.push(format!("and {} more", seeking.others.len() - OTHERS));
    }
    lines
}

pub(super) fn list(versions: &[String]) -> String {
    let shown: Vec<_> = versions.iter().take(10).map(String::as_str).collect();
    match versions.len() {
        more if more > 10 => format!("{} and {} more", shown.join(", "), more - 10),
        _ => shown.join(", "),
    }
}

fn count_i64(total: i64) -> String {
    count(usize::try_from(total).unwrap_or(0), "migration")
}
