//! Tools whose migrations are not read, each by what only it writes: so that "none fits" has a name, and no format of ours
//! takes such a folder for its own. Judges by a few files.

use std::path::PathBuf;

use crate::formats::FORMATS;
use crate::formats::javascript::{SCRIPTS, parts};
use crate::formats::marks::{self, Mark, head};
use crate::formats::next::digits;

/// How many files are looked into.
const FILES: usize = 3;

/// Tools by the endings of their migrations and a word in them; of one ending, the more particular word first.
const WORDS: &[(&[&str], &str, &str)] = &[
    (&["php"], "Illuminate\\Database\\Migrations", "Laravel"),
    (&["php"], "Doctrine\\Migrations", "Doctrine"),
    (&["php"], "Doctrine\\DBAL\\Migrations", "Doctrine"),
    (&["php"], "Phinx\\", "Phinx"),
    (&["php"], "Migrations\\BaseMigration", "CakePHP"),
    (&["php"], "Migrations\\AbstractMigration", "CakePHP"),
    (&["php"], "yii\\db\\Migration", "Yii"),
    (&["exs"], "Ecto.Migration", "Ecto"),
    (&["rb"], "Sequel.migration", "Sequel"),
    (&SCRIPTS, "mikro-orm", "MikroORM"),
    (&SCRIPTS, "Kysely", "Kysely"),
    (&SCRIPTS, "MigrationInterface", "TypeORM"),
    (&SCRIPTS, "typeorm", "TypeORM"),
    (&SCRIPTS, "queryInterface", "Sequelize"),
    (&SCRIPTS, "umzug", "Umzug"),
    (&["py"], "yoyo", "yoyo"),
    (&["py"], "tortoise", "Aerich"),
    (&["py"], "peewee_migrate", "peewee"),
];

/// Whose the folder is, if it is none of ours.
pub(super) fn found(entries: &[(String, PathBuf)]) -> Option<Mark> {
    let ours = |mark: &Mark| FORMATS.iter().any(|format| format.name() == mark.tool);
    let marked = marks::found(entries).filter(|mark| !ours(mark));
    marked.or_else(|| by_folders(entries)).or_else(|| by_words(entries))
}

/// A folder for each migration.
fn by_folders(entries: &[(String, PathBuf)]) -> Option<Mark> {
    entries.iter().filter(|(name, _)| !digits(name).is_empty()).find_map(|(name, path)| {
        let has = |file: &str| path.join(file).is_file();
        if has("migration.sql") && has("snapshot.json") {
            return Some(Mark { tool: "Drizzle", reason: format!("{name} has a snapshot.json") });
        }
        // milliseconds since 1970, `_`
        let tool = if digits(name).len() == 13 { "Hasura" } else { "Diesel" };
        has("up.sql").then(|| Mark { tool, reason: format!("{name} has an up.sql") })
    })
}

fn by_words(entries: &[(String, PathBuf)]) -> Option<Mark> {
    let words = |name: &str| {
        let ending = parts(name).1.to_owned();
        WORDS.iter().filter(move |(endings, ..)| endings.contains(&ending.as_str()))
    };
    // the newest first: what a project began with may be another tool's
    let files = entries.iter().rev().filter(|(name, _)| words(name).next().is_some()).take(FILES);
    files.into_iter().find_map(|(name, path)| {
        let text = head(path)?;
        let (_, word, tool) = words(name).find(|(_, word, _)| text.contains(word))?;
        Some(Mark { tool, reason: format!("{name} has `{word}`") })
    })
}

#[cfg(test)]
mod tests {
    use crate::formats::folder::tree;
    use crate::formats::{FormatError, find};

    /// As each tool's own generator, or its documentation, has it.
    #[test]
    fn each_tool_that_is_not_read_is_named() {
        for (tool, files) in [
            ("Drizzle", &[("0000_users.sql", "create table a (x int);"), ("meta/_journal.json", "{}")][..]),
            ("Drizzle", &[("20240101120000_a/migration.sql", ""), ("20240101120000_a/snapshot.json", "{}")]),
            ("Diesel", &[("2024-01-01-120000_users/up.sql", ""), ("2024-01-01-120000_users/down.sql", "")]),
            ("Hasura", &[("1700000000000_users/up.sql", "select 1;")]),
            (
                "TypeORM",
                &[(
                    "1700000000000-Users.ts",
                    "export class Users1700000000000 implements MigrationInterface {}",
                )],
            ),
            ("Sequelize", &[("20240101120000-users.js", "module.exports = { up: (queryInterface) => {} };")]),
            ("Kysely", &[("2024-01-01_users.ts", "export async function up(db: Kysely<any>) {}")]),
            (
                "MikroORM",
                &[("Migration20240101120000.ts", "import { Migration } from '@mikro-orm/migrations';")],
            ),
            ("Ecto", &[("20240101120000_users.exs", "defmodule Repo.Users do\n  use Ecto.Migration\nend")]),
            (
                "Laravel",
                &[("2024_01_01_120000_users.php", "<?php\nuse Illuminate\\Database\\Migrations\\Migration;")],
            ),
            ("Phinx", &[("20240101120000_users.php", "<?php\nuse Phinx\\Migration\\AbstractMigration;")]),
            ("CakePHP", &[("20240101120000_Users.php", "<?php\nuse Migrations\\BaseMigration;")]),
            (
                "Doctrine",
                &[("Version20240101120000.php", "<?php\nuse Doctrine\\Migrations\\AbstractMigration;")],
            ),
            ("Sequel", &[("001_users.rb", "Sequel.migration do\nend")]),
            ("sql-migrate", &[("1_users.sql", "-- +migrate Up\nselect 1;\n-- +migrate Down\nselect 2;")]),
            ("tern", &[("001_users.sql", "select 1;\n---- create above / drop below ----\nselect 2;")]),
        ] {
            let folder = tree(files);
            match find(None, folder.path()) {
                Err(FormatError::NotRead { tool: named, .. }) => assert_eq!(named, tool, "{files:?}"),
                other => panic!("{files:?}: {other:?}"),
            }
            assert!(find(Some("sqlx"), folder.path()).is_ok(), "whoever names a format gets it");
        }
        let supabase =
            tree(&[("supabase/config.toml", ""), ("supabase/migrations/20240101120000_a.sql", "")]);
        let told = find(None, &supabase.path().join("supabase/migrations"));
        assert!(matches!(told, Err(FormatError::NotRead { tool: "Supabase", .. })), "{told:?}");
    }

    #[test]
    fn ours_are_not_theirs() {
        for (format, files) in [
            ("sqlx", &[("0000_users.sql", "select 1; -- meta/_journal.json"), ("meta/notes.txt", "")][..]),
            ("knex", &[("20240101120000_a.js", "exports.up = (knex) => knex.raw('queryInterface')")]),
            ("rails", &[("20240101120000_a.rb", "class A < ActiveRecord::Migration[7.1]\nend")]),
        ] {
            let folder = tree(files);
            assert_eq!(find(None, folder.path()).unwrap().0.name(), format);
        }
        assert!(matches!(
            find(None, tree(&[("1_a.php", "<?php")]).path()),
            Err(FormatError::NoneFits { .. })
        ));
    }
}
