//! One sample of each way in which a wrapped command fails.

use bellwether::engine::command::Ending;
use bellwether::error::Error;

pub fn command_samples() -> Vec<(&'static str, Error)> {
    vec![
        (
            "a command that failed",
            Error::Command {
                command: vec!["bin/rails".into(), "db:migrate".into()],
                ending: Ending::Exit(1),
                output: "== 20240301 AddIndex: migrating ==\nrails aborted!\nrelation users does not exist\n"
                    .into(),
                check: false,
            },
        ),
        (
            "a command that is not there",
            Error::Command {
                command: vec!["bundle".into(), "exec".into(), "rake".into()],
                ending: Ending::NotStarted(2, "No such file or directory (os error 2)".into()),
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command that may not be run",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::NotStarted(13, "Permission denied (os error 13)".into()),
                output: String::new(),
                check: false,
            },
        ),
        (
            "a command that was killed",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::Signal(9),
                output: "applying 3 of 7".into(),
                check: false,
            },
        ),
        (
            "a command whose guard was killed",
            Error::Command {
                command: vec!["./migrate.sh".into()],
                ending: Ending::GuardLost,
                output: String::new(),
                check: false,
            },
        ),
        (
            "a check that failed",
            Error::Command {
                command: vec!["bin/smoke".into()],
                ending: Ending::Exit(3),
                output: "no such column".into(),
                check: true,
            },
        ),
    ]
}
