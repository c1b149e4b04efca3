//! Command lines of ours as people paste them. Never writes a secret.

use crate::cli::Global;

/// What a shell would do something with.
pub const SHELL: &[char] =
    &['&', '|', ';', '<', '>', '$', '`', '(', ')', '"', '\'', '\\', '*', '?', '#', '~', '!'];

/// A word as a shell takes it for one.
pub fn quoted(word: &str) -> String {
    match word.is_empty() || word.contains(char::is_whitespace) || word.contains(SHELL) {
        true => format!("'{}'", word.replace('\'', "'\\''")),
        false => word.to_owned(),
    }
}

/// The flags with which another verb means the same migrations, with a blank in front of each; the database's URL is left
/// to its variable.
pub fn same_migrations(global: &Global) -> String {
    let path =
        |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let flags = [
        ("--config", path(&global.config)),
        ("--environment", global.environment.as_ref().map(|name| name.0.clone())),
        ("--migrations", path(&global.migrations)),
        ("--format", global.format.clone()),
        ("--lock-name", global.lock_name.clone()),
        ("--lock-id", global.lock_id.map(|id| id.to_string())),
    ];
    let flag = |(name, value): (&str, Option<String>)| Some(format!(" {name} {}", quoted(&value?)));
    flags.into_iter().filter_map(flag).collect()
}

#[cfg(test)]
mod tests {
    use crate::cli::Request;

    #[test]
    fn flags_are_those_that_say_which_migrations() {
        let flags = |args: &[&str]| {
            let args = ["bellwether", "lead"].iter().chain(args);
            super::same_migrations(&Request::from_env_and_args(args, &|_| None).unwrap().global)
        };
        assert_eq!(flags(&["--release", "r1", "--database-url", "postgres://a:secret@b/c"]), "");
        assert_eq!(
            flags(&["--migrations", "my sql", "--format=goose", "-e", "it's", "--lock-id=7"]),
            " --environment 'it'\\''s' --migrations 'my sql' --format goose --lock-id 7"
        );
    }
}
