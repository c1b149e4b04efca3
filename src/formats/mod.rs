//! How tools name their migration files and record them. One file per format, one line each in [`FORMATS`].

mod alembic;
mod atlas;
mod dbmate;
mod django;
mod efcore;
mod flyway;
mod folder;
mod golang_migrate;
mod goose;
pub mod history;
mod javascript;
mod knex;
mod liquibase;
mod marks;
pub mod meant;
pub mod next;
mod node_pg_migrate;
mod order;
mod prisma;
mod python;
mod rails;
mod refinery;
mod sqlx;
mod strangers;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::formats::next::Next;
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Unread};

pub use self::folder::Folder;
pub use self::history::{Arg, Cell, Column, History, Kind, Order, Record, Rules, Sequence, Write, Writer};

/// One tool's way with migrations. Text and files only: who applies them and who asks the database is elsewhere.
pub trait Format: Sync {
    /// As `--format` takes it.
    fn name(&self) -> &'static str;

    /// Whether the folder looks like this format's, judged from files alone; with the reason, for people.
    fn detect(&self, folder: &Folder) -> Option<String>;

    /// Reads every migration of a folder, in order. Nothing is skipped silently that could have been meant as one.
    fn read(&self, folder: &Path) -> Result<Bundle, FormatError>;

    /// The file in the folder that the tool's own command line has to name; none = it needs none, or which one it is
    /// cannot be told.
    fn entry(&self, _folder: &Path) -> Option<PathBuf> {
        None
    }

    /// Where this format records what is applied.
    fn history(&self) -> &'static History;

    /// What the history's rows say is applied, in terms of the bundle's versions: a tool that records only the newest
    /// one means all before it. An error is what cannot be understood, in words for people; then what is pending is
    /// unknown.
    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String>;

    /// Which of the bundle's versions the tool neither has applied nor would, because others stand for them.
    fn left_out(&self, _bundle: &Bundle, _rows: &[Record]) -> Vec<Version> {
        Vec::new()
    }

    /// Which of the bundle's migrations are not applied, and may never be: a condition stands before them that only the
    /// tool decides. Each with the reason, in words that follow `is not there, and may never be: `.
    fn undecided(&self, _bundle: &Bundle, _applied: &[Applied]) -> Vec<(Version, String)> {
        Vec::new()
    }

    /// What else may be the case where the history's table is not there, in a clause: an older name of it.
    fn absent(&self) -> Option<&'static str> {
        None
    }

    /// What the tool calls one that only its history has: its file, as far as the row tells.
    fn called(&self, row: &Applied) -> String {
        match row.description.as_str() {
            "" => row.version.to_string(),
            description => format!("{}_{}", row.version, description.replace(' ', "_")),
        }
    }

    /// What the tool itself noted of migrations that it began and did not finish, by version.
    fn failures(&self, _rows: &[Record]) -> Vec<(Version, String)> {
        Vec::new()
    }

    /// Whether the tool has no driver for this kind of server (a dialect's name), so that nothing can be recorded there.
    fn lacks_driver(&self, _engine: &str) -> bool {
        false
    }

    /// Which version `text` means where no file tells: one that `rows` have, if one of them is meant, else as they will
    /// have it. People write it as the tool shows it, as we do, or as a file is called.
    ///
    /// # Errors
    /// What it should look like, if nothing that the history could come to have is meant; or it can be several of its rows.
    fn meant(&self, text: &str, rows: &[Record]) -> Result<Version, String> {
        let names = rows.iter().filter_map(|row| row.words(0));
        Ok(meant::recorded(text, names)?.unwrap_or_else(|| meant::file(text).into()))
    }

    /// How it is recorded, if we may apply this format; none = we may only check it, and its own tool, as a wrapped
    /// command, applies it.
    fn writer(&self) -> Option<&'static dyn Writer> {
        None
    }

    /// What of a bundle its own tool alone can apply, although we apply the format.
    fn beyond_us(&self, _bundle: &Bundle) -> Result<(), FormatError> {
        Ok(())
    }

    /// What `bellwether new` writes after this bundle: `words` say what the migration does and are as people type them,
    /// `now` is in milliseconds since 1970. A format whose own tool writes its migrations names that tool's command.
    fn next(&self, _bundle: &Bundle, _words: &str, _now: i64) -> Next {
        Next::Tool(None)
    }
}

impl fmt::Debug for dyn Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every format, in the order in which they are tried.
pub const FORMATS: &[&dyn Format] = &[
    &sqlx::Sqlx,
    &dbmate::Dbmate,
    &golang_migrate::GolangMigrate,
    &goose::Goose,
    &flyway::Flyway,
    &refinery::Refinery,
    &rails::Rails,
    &django::Django,
    &alembic::Alembic,
    &prisma::Prisma,
    &liquibase::Liquibase,
    &atlas::Atlas,
    &efcore::EfCore,
    &node_pg_migrate::NodePgMigrate,
    &knex::Knex,
];

/// The format that was asked for by name, or the only one that fits the folder (`auto`, none); with the reason.
///
/// # Errors
/// No such format, no such folder, or not exactly one that fits.
pub fn find(name: Option<&str>, folder: &Path) -> Result<(&'static dyn Format, String), FormatError> {
    if let Some(name) = name.filter(|name| *name != "auto") {
        let format = FORMATS.iter().find(|format| format.name() == name);
        return match format {
            Some(format) => Ok((*format, "it was asked for".to_owned())),
            None => Err(FormatError::UnknownFormat {
                name: name.to_owned(),
                known: FORMATS.iter().map(|format| format.name()).collect(),
            }),
        };
    }
    let listed = Folder::list(folder)?;
    let mut fitting: Vec<_> =
        FORMATS.iter().filter_map(|format| format.detect(&listed).map(|reason| (*format, reason))).collect();
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        0 if let Some(mark) = strangers::found(listed.entries()) => {
            Err(FormatError::NotRead { folder: folder.to_owned(), tool: mark.tool, reason: mark.reason })
        }
        // a lone `schema.sql` deserves more than "none fits": the native format says what it expected
        0 => Err(match FORMATS[0].read(folder) {
            Err(error) => error,
            Ok(_) => FormatError::NoneFits { folder: folder.to_owned(), found: instead(folder) },
        }),
        _ => Err(FormatError::Ambiguous {
            folder: folder.to_owned(),
            candidates: fitting.iter().map(|(format, why)| format!("{} ({why})", format.name())).collect(),
        }),
    }
}

/// Reads a folder whose migrations a tool applies, and we only compare: what its format cannot read at all is in the
/// bundle, as unread, and has no checksum.
///
/// # Errors
/// The folder itself cannot be read.
pub fn compare(format: &dyn Format, folder: &Path) -> Result<Bundle, FormatError> {
    let error = match format.read(folder) {
        Err(FormatError::Unreadable { path, source }) if path == folder => {
            return Err(FormatError::Unreadable { path, source });
        }
        Err(error) => error,
        read => return read,
    };
    let shown = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let (name, why) = match &error {
        FormatError::Unreadable { path, source } => (shown(path), format!("cannot be read: {source}")),
        FormatError::NotUtf8 { path, at } => (shown(path), format!("is not UTF-8 (byte {at})")),
        FormatError::SameVersion { version, first, second } => {
            (shown(first), format!("and {} have the same version {version}", shown(second)))
        }
        FormatError::BadName { path, expected } => (shown(path), format!("is no migration: {expected}")),
        FormatError::Unsupported { path, line, what } => {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            (format!("{}{line}:", shown(path)), what.clone())
        }
        _ => return Err(error),
    };
    let unread = vec![Unread { name, checksum: Vec::new(), why }];
    Ok(Bundle { format: format.name(), folder: folder.to_owned(), migrations: Vec::new(), unread })
}

/// What is in a folder in which nothing is a migration: the first entry of the kind that explains most.
fn instead(folder: &Path) -> String {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_sql = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql"));
    let holds_sql = |folder: &Path| {
        let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
        inside.into_iter().any(|entry| is_sql(&entry.path()))
    };
    let first = |fits: &dyn Fn(&Path) -> bool| entries.iter().find(|path| fits(path)).map(|path| name(path));
    if let Some(found) = first(&|path| path.is_dir() && is_sql(path)) {
        return format!("{found} is a folder, no file");
    }
    if let Some(found) = first(&|path| path.is_dir() && holds_sql(path)) {
        return format!("its subfolder {found} does, and only the folder itself is read");
    }
    match first(&|path| !name(path).starts_with('.')) {
        Some(found) if folder.join(&found).is_dir() => format!("{found} is a folder"),
        Some(found) if !folder.join(&found).is_file() => format!("{found} is no file"),
        Some(found) => format!("{found} is none"),
        None => "all names begin with a dot".to_owned(),
    }
}

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is not there, or no folder.
    #[error("no migrations folder at {}", folder.display())]
    NoFolder {
        /// Where we looked.
        folder: PathBuf,
    },
    /// A file or the folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not UTF-8.
    #[error("{} is not UTF-8 (byte {at})", path.display())]
    NotUtf8 {
        /// Which file.
        path: PathBuf,
        /// Where its first wrong byte is, from 0.
        at: usize,
    },
    /// Two files have one version.
    #[error("{} and {} have the same version {version}", first.display(), second.display())]
    SameVersion {
        /// The version.
        version: String,
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A `.sql` file whose name is no migration's.
    #[error("{} is no migration: {expected}", path.display())]
    BadName {
        /// Which file.
        path: PathBuf,
        /// What its name should look like.
        expected: String,
    },
    /// Something in a file that we cannot read as its tool would.
    #[error("{}{}: {what}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Unsupported {
        /// Which file.
        path: PathBuf,
        /// Its line, from 1, if it is in one.
        line: Option<usize>,
        /// What it is.
        what: String,
    },
    /// The tool of this format cannot talk to the server: nobody could go on after us.
    #[error("{format} has no driver for {server}")]
    NoDriver {
        /// The format.
        format: &'static str,
        /// The server's kind, for people.
        server: String,
    },
    /// `--format` names nothing we know.
    #[error("unknown format {name:?}")]
    UnknownFormat {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// Nothing in the folder is a migration of any format.
    #[error("{} holds no migrations: {found}", folder.display())]
    NoneFits {
        /// The folder.
        folder: PathBuf,
        /// What is there in their place.
        found: String,
    },
    /// They are of a tool whose migrations we do not read.
    #[error("{} holds migrations of {tool}, which are not read: {reason}", folder.display())]
    NotRead {
        /// The folder.
        folder: PathBuf,
        /// The tool.
        tool: &'static str,
        /// What tells it.
        reason: String,
    },
    /// More than one fits.
    #[error("cannot tell the format of {}: {}", folder.display(), candidates.join(", "))]
    Ambiguous {
        /// The folder.
        folder: PathBuf,
        /// Those that fit, each with its reason.
        candidates: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::choice;

    #[test]
    fn every_format_has_a_name_that_the_config_takes() {
        for format in FORMATS {
            assert!(choice::FORMATS.contains(&format.name()), "{}", format.name());
        }
    }

    /// What stops a reader stops nobody who lets the tool itself apply.
    #[test]
    fn what_cannot_be_read_at_all_is_unread_where_it_is_only_compared() {
        let class = "class A < ActiveRecord::Migration[7.1]\nend\n";
        for (format, files, why) in [
            ("rails", &[("1_a.rb", class), ("01_b.rb", class)][..], "have the same version 1"),
            ("rails", &[("1_a.rb", class), ("2_B.rb", class)], "2_B.rb is no migration"),
            ("flyway", &[("V1__a.sql", ""), ("V01__b.sql", "")], "have the same version 1"),
            ("refinery", &[("V1__a.sql", ""), ("V1__b.sql", "")], "have the same version 1"),
            ("atlas", &[("1_a.sql", ""), ("atlas.sum", "h1:odd\n")], "atlas.sum"),
            ("sqlx", &[("1_a.sql", ""), ("01_b.sql", "")], "have the same version 1"),
        ] {
            let folder = folder::tree(files);
            let format = find(Some(format), folder.path()).unwrap().0;
            assert!(format.read(folder.path()).is_err());
            let bundle = compare(format, folder.path()).unwrap();
            let said =
                bundle.unread.iter().map(|part| format!("{} {}", part.name, part.why)).collect::<String>();
            assert!(said.contains(why) && !said.contains(&folder.path().display().to_string()), "{said}");
            assert!(bundle.migrations.is_empty() && !bundle.is_empty() && !bundle.is_told_apart());
        }
        let folder = folder::tree(&[("1_a.rb", class)]);
        let rails = find(Some("rails"), folder.path()).unwrap().0;
        let read = compare(rails, folder.path()).unwrap();
        assert!(read.is_told_apart() && read.unread.is_empty());
        std::os::unix::fs::symlink("nowhere", folder.path().join("2_b.rb")).unwrap();
        assert!(compare(rails, folder.path()).unwrap().unread[0].why.starts_with("cannot be read: "));
        assert!(matches!(compare(rails, &folder.path().join("gone")), Err(FormatError::NoFolder { .. })));
    }

    #[test]
    fn a_format_is_found_by_name_or_by_what_the_folder_holds() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(Some("sqlx"), dir.path()).unwrap().0.name(), "sqlx");
        assert_eq!(find(Some("auto"), dir.path()).unwrap().1, "an empty folder");
        assert!(
            matches!(find(Some("nope"), dir.path()), Err(FormatError::UnknownFormat { known, .. }) if known.contains(&"sqlx"))
        );
        std::fs::write(dir.path().join("1_users.rb"), "").unwrap();
        assert!(
            matches!(find(None, dir.path()), Err(FormatError::NoneFits { found, .. }) if found == "1_users.rb is none")
        );
        std::fs::write(dir.path().join("schema.sql"), "").unwrap();
        assert!(matches!(find(None, dir.path()), Err(FormatError::BadName { .. })));
        std::fs::write(dir.path().join("1_a.sql"), "").unwrap();
        assert!(find(None, dir.path()).unwrap().1.contains("1_a.sql"));
        assert!(matches!(find(None, &dir.path().join("gone")), Err(FormatError::NoFolder { .. })));
    }
}
