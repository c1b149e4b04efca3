//! Folders of migrations, and the table by which tests tell how often each was applied.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder of migrations that goes with the test.
pub struct Migrations {
    folder: TempDir,
}

/// In a migration: makes the table in which each of [`applied`] leaves a row.
pub const APPLIED_TABLE: &str = "create table applied (name varchar(100) not null);\n";

/// In a migration: leaves a row. A migration that is applied twice leaves two.
pub fn applied(name: &str) -> String {
    format!("insert into applied (name) values ('{name}');\n")
}

impl Migrations {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// `count` migrations that leave one row each in `applied`: `0001_first`, `0002_step`, …
    pub fn counted(count: usize) -> Self {
        let mut migrations = Self::new();
        for number in 1..=count {
            let (name, table) = if number == 1 { ("first", APPLIED_TABLE) } else { ("step", "") };
            migrations = migrations.file(
                &format!("{number:04}_{name}.sql"),
                format!("{table}{}", applied(&format!("{number:04}"))),
            );
        }
        migrations
    }

    /// Adds or replaces a file.
    pub fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        self.write(name, contents);
        self
    }

    /// Adds or replaces a file of a folder that is in use.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), contents).unwrap();
    }

    /// Takes a file away.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where a file of it is.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A folder with these files, by their paths in it.
pub fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}
