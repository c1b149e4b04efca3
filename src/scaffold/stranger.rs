//! What else in a project has migrations: other tools by what the project depends on, and folders deeper down. Asked where
//! nothing else was found, so that nobody begins a second body of migrations beside the first.

use std::path::{Path, PathBuf};

use crate::formats::{self, FormatError};
use crate::scaffold::tools;

/// Folders in folders beyond this are looked at by nobody.
const DEEPEST: usize = 6;
/// Nor are more than so many.
const MOST: usize = 1000;
/// As many are named.
const FEW: usize = 5;

/// Names of folders with migrations.
const NAMES: [&str; 8] =
    ["migrations", "migration", "migrate", "changelog", "changelogs", "versions", "drizzle", "liquibase"];
/// What is in these is no project's own.
const FOREIGN: [&str; 12] = [
    "node_modules",
    "vendor",
    "target",
    "build",
    "dist",
    "out",
    "venv",
    "env",
    "site-packages",
    "fixtures",
    "testdata",
    "examples",
];

/// A word, and the tool that it tells.
type Words = &'static [(&'static str, &'static str)];

/// A word in the file of a project's dependencies, and its tool. Words as they stand there, not in longer ones.
const DEPENDENCIES: [(&[&str], Words); 8] = [
    (
        &["package.json"],
        &[
            ("\"prisma\"", "prisma"),
            ("\"knex\"", "knex"),
            ("\"sequelize\"", "Sequelize"),
            ("\"typeorm\"", "TypeORM"),
            ("\"drizzle-kit\"", "Drizzle"),
            ("\"drizzle-orm\"", "Drizzle"),
            ("\"dbmate\"", "dbmate"),
            ("\"umzug\"", "Umzug"),
            ("\"kysely\"", "Kysely"),
            ("\"@mikro-orm/", "MikroORM"),
        ],
    ),
    (
        &["pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile"],
        &[
            ("alembic", "alembic"),
            ("lask-Migrate", "alembic"),
            ("yoyo-migrations", "yoyo"),
            ("aerich", "Aerich"),
            ("peewee-migrate", "peewee"),
            ("jango", "django"),
        ],
    ),
    (
        &["Gemfile"],
        &[
            ("activerecord", "rails"),
            ("\"rails\"", "rails"),
            ("'rails'", "rails"),
            ("\"sequel\"", "Sequel"),
            ("'sequel'", "Sequel"),
        ],
    ),
    (
        &["go.mod"],
        &[
            ("github.com/pressly/goose", "goose"),
            ("github.com/golang-migrate/migrate", "golang-migrate"),
            ("github.com/amacneil/dbmate", "dbmate"),
            ("github.com/rubenv/sql-migrate", "sql-migrate"),
        ],
    ),
    (
        &["composer.json"],
        &[
            ("laravel/framework", "Laravel"),
            ("doctrine/migrations", "Doctrine"),
            ("doctrine/doctrine-migrations-bundle", "Doctrine"),
            ("robmorgan/phinx", "Phinx"),
            ("cakephp/migrations", "CakePHP"),
            ("yiisoft/yii2", "Yii"),
        ],
    ),
    (
        &["Cargo.toml"],
        &[("refinery", "refinery"), ("diesel_migrations", "Diesel"), ("sea-orm-migration", "SeaORM")],
    ),
    (&["dbconfig.yml"], &[("dir:", "sql-migrate")]),
    (&["tern.conf", "migrations/tern.conf"], &[("[database]", "tern")]),
];

/// What is there, for people; the first few.
pub fn found(root: &Path) -> Vec<String> {
    let mut all = dependencies(root);
    if all.is_empty() {
        all = deeper(root);
    }
    all.truncate(FEW);
    all
}

/// Tools of which only a dependency tells.
pub fn dependencies(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for (files, words) in &DEPENDENCIES {
        for file in *files {
            let Ok(bytes) = std::fs::read(root.join(file)) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let tool = words.iter().find(|(word, _)| text.contains(word));
            all.extend(
                tool.map(|(word, tool)| format!("{file} has {}: {tool}", word.trim_matches(['\'', '"']))),
            );
        }
    }
    all
}

/// In folders below: other projects of the repository.
fn deeper(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut waiting = vec![(PathBuf::new(), 0)];
    let mut looked = 0;
    while let Some((around, depth)) = waiting.pop() {
        for name in tools::names(&root.join(&around)).into_iter().rev() {
            let folder = around.join(&name);
            let is_own = !name.starts_with('.') && !FOREIGN.contains(&name.as_str());
            let path = root.join(&folder);
            if !is_own || looked == MOST || !path.is_dir() || path.is_symlink() {
                continue;
            }
            looked += 1;
            all.extend(of_folder(&name, &folder, &path));
            if depth < DEEPEST {
                waiting.push((folder, depth + 1));
            }
        }
    }
    all
}

/// What tells that a folder is a project of another tool's, or has migrations.
fn of_folder(name: &str, folder: &Path, path: &Path) -> Option<String> {
    let shown = folder.display();
    if let Some((_, why)) = tools::here(path).first() {
        return Some(format!("{shown}: {why}"));
    }
    if !NAMES.contains(&name.to_lowercase().as_str()) || tools::names(path).is_empty() {
        return None;
    }
    match formats::find(None, path) {
        Ok((format, why)) => Some(format!("{shown} has migrations of {}: {why}", format.name())),
        Err(error @ (FormatError::NotRead { .. } | FormatError::Ambiguous { .. })) => Some(error.to_string()),
        Err(_) => None,
    }
}
