//! Migrations as scripts of Node, which knex and node-pg-migrate keep in folders that look alike: whose they are, by the
//! mark in their texts or else by their timestamps. Knows no history.

use std::fs;

use crate::formats::Folder;
use crate::formats::next::digits;

/// What every one of these tools loads, or can be told to.
pub(super) const SCRIPTS: [&str; 6] = ["cjs", "cts", "js", "mjs", "mts", "ts"];

/// Whose scripts they look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// They are given `knex`, or numbered as by `migrate:make`.
    Knex,
    /// They are given `pgm`, or numbered as by `node-pg-migrate create`.
    NodePgMigrate,
    /// Nothing tells the two apart.
    Either,
}

/// Words of other tools that number their scripts like these.
const OTHERS: [&str; 7] =
    ["queryInterface", "MigrationInterface", "typeorm", "mikro-orm", "Kysely", "umzug", "mongoose"];

/// A name without its ending, and the ending.
pub(super) fn parts(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, ""))
}

/// Whether it only describes a script beside it: what compilers write.
pub(super) fn is_by_product(name: &str) -> bool {
    [".d.ts", ".d.mts", ".d.cts", ".map", ".tsbuildinfo"].iter().any(|ending| name.ends_with(ending))
}

/// Whose the folder's scripts are, each with the name of one that says so; none if there are none, or another tool's. The
/// newest is asked first: what a project began with may be another tool's. Of these two it is not, since each runs
/// all that is there.
pub(super) fn whose(folder: &Folder) -> Vec<(Whose, String)> {
    let numbered = |name: &str| {
        let number = digits(name);
        !number.is_empty() && name[number.len()..].starts_with(['_', '-'])
    };
    let is_script = |name: &str| SCRIPTS.contains(&parts(name).1) && !is_by_product(name);
    let scripts: Vec<_> = folder.files().filter(|(name, _)| numbered(name) && is_script(name)).collect();
    let (Some(&newest), Some(&oldest)) = (scripts.last(), scripts.first()) else { return Vec::new() };
    let told =
        [newest, oldest].map(|(name, path)| (by_text(&fs::read(path).unwrap_or_default()), name.clone()));
    match told {
        [(Said::Whose(newest), name), (Said::Whose(oldest), other)] if newest != oldest => {
            vec![(newest, name), (oldest, other)]
        }
        [(Said::Whose(whose), name), _] | [(Said::Nothing, _), (Said::Whose(whose), name)] => {
            vec![(whose, name)]
        }
        [(Said::Another, _), _] | [(Said::Nothing, _), (Said::Another, _)] => Vec::new(),
        [(Said::Nothing, name), (Said::Nothing, _)] => {
            by_number(&name).map(|whose| (whose, name)).into_iter().collect()
        }
    }
}

/// What a script's text says.
enum Said {
    Whose(Whose),
    Another,
    Nothing,
}

fn by_text(bytes: &[u8]) -> Said {
    let text = String::from_utf8_lossy(bytes);
    let has = |word: &str| text.contains(word);
    match () {
        () if has("pgm") || has("node-pg-migrate") => Said::Whose(Whose::NodePgMigrate),
        () if has("knex") || has("Knex") => Said::Whose(Whose::Knex),
        () if OTHERS.iter().any(|word| has(word)) || !has("up") => Said::Another,
        () => Said::Nothing,
    }
}

/// Both tools put `_` behind the number: of seconds as a date (knex), of milliseconds since 1970 or as a date
/// (node-pg-migrate).
fn by_number(name: &str) -> Option<Whose> {
    let number = digits(name).len();
    name[number..].starts_with('_').then_some(match number {
        14 => Whose::Knex,
        13 | 17 => Whose::NodePgMigrate,
        _ => Whose::Either,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::folder::tree;
    use crate::formats::{FormatError, find};

    #[test]
    fn scripts_are_told_apart_by_what_they_are_given_and_then_by_their_numbers() {
        use Whose::{Either, Knex, NodePgMigrate};
        for (files, expected) in [
            (&[("1_a.js", "exports.up = (knex) => {}")][..], Some(Knex)),
            (&[("1_a.ts", "import type { Knex } from 'knex'")], Some(Knex)),
            (&[("20240101000000_a.js", "exports.up = (pgm) => {}")], Some(NodePgMigrate)),
            (&[("20240101000000_a.js", "exports.up = async (k) => {}")], Some(Knex)),
            (&[("1700000000000_a.mjs", "export const up = (p) => {}")], Some(NodePgMigrate)),
            (&[("20240101000000123_a.js", "exports.up = () => {}")], Some(NodePgMigrate)),
            (&[("1_a.js", "exports.up = (db) => {}")], Some(Either)),
            // the newest that says anything
            (&[("1_a.js", "exports.up = (knex) => {}"), ("2_b.js", "exports.up = (db) => {}")], Some(Knex)),
            // Sequelize, TypeORM, a bundle, declarations, another language
            (&[("20240101000000-a.js", "up: (queryInterface) => {}")], None),
            (&[("1700000000000-A.ts", "class A implements MigrationInterface { up() {} }")], None),
            (&[("20240101000000-a.js", "exports.up = (x) => {}")], None),
            (&[("1_chunk.js", "console.log(1)")], None),
            (&[("20240101000000_a.d.ts", "export function up(knex): void;")], None),
            (&[("20240101000000_a.rb", "knex up")], None),
            (&[("index.js", "knex up")], None),
            (&[], None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                fs::write(dir.path().join(name), text).unwrap();
            }
            let said: Vec<_> =
                whose(&Folder::list(dir.path()).unwrap()).into_iter().map(|(whose, _)| whose).collect();
            assert_eq!(said, Vec::from_iter(expected), "{files:?}");
        }
    }

    #[test]
    fn two_tools_in_one_folder_are_both_named() {
        let dir = tree(&[
            ("1709303000000_add.js", "exports.up = (pgm) => {}"),
            ("20240301142233_add.js", "exports.up = (knex) => {}"),
        ]);
        match find(None, dir.path()) {
            Err(FormatError::Ambiguous { candidates, .. }) => assert_eq!(
                candidates,
                [
                    "node-pg-migrate (1709303000000_add.js is a script as node-pg-migrate has them)",
                    "knex (20240301142233_add.js is a script as knex has them)",
                ]
            ),
            other => panic!("{other:?}"),
        }
    }
}
