//! `init` and `new`: why nothing was written.

use super::{span, told};
use crate::error::ScaffoldError;
use crate::model::event::Explained;

pub fn scaffold(error: &ScaffoldError) -> Explained {
    match error {
        ScaffoldError::AlreadyThere { files } => already_there(files),
        ScaffoldError::NothingHere { folder, rejected, others } => nothing_here(folder, rejected, others),
        ScaffoldError::SeveralFolders { folders } => told(
            format!("more than one folder has migrations: {}", folders.join(", ")),
            vec!["one lock name stands for one body of migrations".to_owned()],
            vec!["name one of them with --migrations".to_owned()],
        ),
        ScaffoldError::BadName { name, why } => told(
            format!("{name:?} cannot be a migration's name: {why}"),
            vec![],
            vec!["say in a few words what it does: `bellwether new add_email_to_users`".to_owned()],
        ),
        ScaffoldError::OwnTool { tool, command } => own_tool(tool, command.as_deref()),
        ScaffoldError::ByHand { format, add } => told(
            format!("{} holds all {format} migrations, and it was left alone", add.path),
            vec![],
            vec![format!("put this {}, with the SQL after it:\n{}", add.place, add.text.trim_end())],
        ),
        ScaffoldError::NoNext { format, folder, why } => told(
            format!("there is no next {format} migration in {folder}: {why}"),
            vec![],
            vec!["correct the name of the file that stands last, if it is applied nowhere yet".to_owned()],
        ),
        ScaffoldError::Busy { folder, waited } => told(
            format!("another `bellwether new` has been at work in {folder} for {}", span(*waited)),
            vec!["two at once would give two migrations one version".to_owned()],
            vec![format!("`fuser {folder}` names the process; try again once it has ended")],
        ),
    }
}

fn nothing_here(folder: &str, rejected: &[String], others: &[String]) -> Explained {
    let begin = match (rejected, others) {
        ([], []) => {
            "name the folder with --migrations; or begin one: `bellwether new create_users` makes migrations/ with a first SQL file"
        }
        (_, []) => "put that right, or name the folder with --migrations and its format with --format",
        _ => {
            "name the folder with --migrations, and an empty one's format with --format; or, where SQL files shall stand beside that, begin one: `bellwether new create_users --migrations migrations --format sqlx`"
        }
    };
    told(
        format!("nothing in {folder} says what to migrate with"),
        rejected.iter().chain(others).cloned().collect(),
        vec![
            begin.to_owned(),
            "a tool that is not known here runs as a command: `bellwether deploy -- CMD`, or `command:` in bellwether.yml".to_owned(),
        ],
    )
}

fn already_there(files: &[String]) -> Explained {
    let (verb, it) = if files.len() == 1 { ("is", "it was") } else { ("are", "they were") };
    told(
        format!("{} {verb} there already, and {it} left alone", files.join(" and ")),
        vec![],
        vec![
            "move a file away to have it written anew, and compare".to_owned(),
            "`bellwether plan` shows what a deploy would do with what is there".to_owned(),
        ],
    )
}

fn own_tool(tool: &str, command: Option<&str>) -> Explained {
    let hint = match command {
        Some(command) => format!("it is: {command}"),
        None => format!("see what {tool} says about it, or write the file by hand"),
    };
    told(
        format!("migrations of {tool} are written by its own means"),
        vec![],
        vec![
            hint,
            "where bellwether should write SQL files, name their folder: --migrations FOLDER --format sqlx"
                .to_owned(),
        ],
    )
}
