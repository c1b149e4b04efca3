//! What ends an operator's command without success.

use super::told;
use crate::error::OperateError;
use crate::model::event::Explained;

pub fn operate(error: &OperateError) -> Explained {
    match error {
        OperateError::LedgerHalf { target, present, missing } => ledger_half(target, present, missing),
        OperateError::NoSuchRun { prefix, newest } => no_such_run(prefix, newest),
        OperateError::AmbiguousRun { prefix, runs } => told(
            format!("more than one run's id begins with {prefix}"),
            vec![format!("among them: {}", runs.join(", "))],
            vec!["give one more character of the id".to_owned()],
        ),
    }
}

fn ledger_half(target: &str, present: &[&str], missing: &[&str]) -> Explained {
    let are = if missing.len() == 1 { "is" } else { "are" };
    told(
        format!("bellwether's ledger in {target} is not whole: {} {are} missing", missing.join(", ")),
        vec![format!("still there: {}", present.join(", "))],
        vec![
            "while nobody deploys: put the missing tables back from a backup, or let the next leader make them anew, empty (what they held is lost, the history of migrations is not)".to_owned(),
            format!("to begin a new ledger, drop the rest too: {}", drops(present)),
        ],
    )
}

fn drops(tables: &[&str]) -> String {
    tables.iter().map(|table| format!("DROP TABLE {table};")).collect::<Vec<_>>().join(" ")
}

fn no_such_run(prefix: &str, newest: &[String]) -> Explained {
    let causes = match newest {
        [] => vec!["no run is recorded at all".to_owned()],
        newest => vec![format!("the newest are {}", newest.join(", "))],
    };
    told(
        format!("no run's id begins with {prefix}"),
        causes,
        vec!["`bellwether history` lists the runs of this lock name".to_owned()],
    )
}
