//! Flyway's format: `V1_2__name.sql`, `R__name.sql`, `B5__name.sql`, in subfolders too; `flyway_schema_history`. Only
//! checked: Flyway itself applies. Knows the default prefixes, separator and suffix, and reads no Java.

mod told;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::formats::flyway::told::Told;
use crate::formats::folder::{Folder, below, each, mention, text, unread};
use crate::formats::meant;
use crate::formats::next::{NewFile, Next, file_words, number};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence, refinery};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Unread};

/// Flyway, of version 5 and later.
pub struct Flyway;

/// Columns as in each database's `getRawCreateScript`; rules as `MigrationInfoImpl.validate` has them with the default
/// `ignoreMigrationPatterns=*:future` and `outOfOrder=false`.
static HISTORY: History = History {
    table: "flyway_schema_history",
    schema: None,
    columns: &[
        Column::words("version"),
        Column::words("description"),
        Column::words("type"),
        Column::words("script"),
        Column::words("checksum"),
        Column::truth("success"),
    ],
    order: ("installed_rank", Order::Up),
    rules: Rules { out_of_order: false, changed: false, missing: false, sequence: Sequence::Numbers },
};

/// Where a project says that it uses Flyway.
const PROJECT_FILES: [&str; 6] =
    ["flyway.toml", "flyway.conf", "conf/flyway.conf", "pom.xml", "build.gradle", "build.gradle.kts"];

/// Where an application for the JVM has them: no program in Rust would.
const JVM_PLACE: &str = "src/main/resources/db/migration";

/// Files that hold a migration, and are no SQL.
const CODE: [(&str, &str); 9] = [
    (".java", "is Java"),
    (".class", "is Java"),
    (".kt", "is Kotlin"),
    (".groovy", "is Groovy"),
    (".sh", "is a script"),
    (".bash", "is a script"),
    (".ps1", "is a script"),
    (".py", "is a script"),
    (".cmd", "is a script"),
];

impl Format for Flyway {
    fn name(&self) -> &'static str {
        "flyway"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let files = folder.below()?;
        let is_ours = |name: &str| parse(name).is_some_and(|found| !matches!(found, Name::Odd(_)));
        let ours = files.iter().find(|(name, _)| is_ours(name)).map(|(name, _)| name)?;
        match own_mark(folder.path, files) {
            Some(mark) => Some(mark),
            None if refinery::own_mark(folder.path, files).is_some() => None,
            None => Some(format!("{ours} is named as Flyway does it")),
        }
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let files = below(folder)?;
        let settings: BTreeSet<&PathBuf> =
            files.iter().filter(|(name, _)| name.ends_with(".conf")).map(|(_, path)| path).collect();
        let mut found: Vec<(Place, Migration)> = Vec::new();
        let mut left = Vec::new();
        let mut scripts = Vec::new();
        for (name, path) in &files {
            let setting = path.with_file_name(format!("{name}.conf"));
            let conditional = settings.contains(&setting)
                && text(&setting).is_ok_and(|text| text.contains("shouldExecute"));
            match parse(name) {
                None => {}
                Some(Name::Odd(why)) => left.push(unread(name, path, why)),
                Some(_) if conditional => {
                    left.push(unread(name, path, "is executed only if its .conf file says so"));
                }
                Some(parsed) => scripts.push((parsed, name, path)),
            }
        }
        for script in each(&scripts, |(parsed, name, path)| load(parsed, name, path)) {
            match script? {
                Ok(migration) => found.push(migration),
                Err(unread) => left.push(unread),
            }
        }
        left.sort_by(|one, other| one.name.cmp(&other.name));
        found.sort_by(|one, other| one.0.cmp(&other.0));
        for pair in found.windows(2) {
            if let [(_, one), (_, other)] = pair
                && one.version == other.version
            {
                let (first, second) = (one.path.clone(), other.path.clone());
                return Err(FormatError::SameVersion { version: one.version.to_string(), first, second });
            }
        }
        let migrations = found.into_iter().map(|(_, migration)| migration).collect();
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread: left })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn absent(&self) -> Option<&'static str> {
        Some("Flyway before version 5 named it schema_version, which is not read")
    }

    /// `1.2`, `V1_2`, `V1_2__plans`, `B5`, `R__all_views`, with or without `.sql`.
    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        if let Some(dotted) = Dotted::parse(text) {
            return Ok(dotted.version());
        }
        let stem = meant::stem(meant::file(text));
        match parse(&format!("{stem}.sql")) {
            Some(Name::Versioned(dotted, _)) => Ok(dotted.version()),
            Some(Name::Baseline(dotted, _)) => Ok(Version(format!("B{}", dotted.version()))),
            Some(Name::Repeatable(words)) if !words.is_empty() => Ok(Version(repeated(&words))),
            _ => Err("expected a version or a name, like `1.2`, `V1_2__plans` or `R__all_views`".to_owned()),
        }
    }

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        Ok(Told::by(rows, bundle)?.of(bundle).0)
    }

    fn left_out(&self, bundle: &Bundle, rows: &[Record]) -> Vec<Version> {
        Told::by(rows, bundle).map(|told| told.of(bundle).1).unwrap_or_default()
    }

    fn called(&self, row: &Applied) -> String {
        let words = row.description.replace(' ', "_");
        match row.version.as_str() {
            repeated if repeated.starts_with("R__") => repeated.to_owned(),
            baseline if baseline.starts_with('B') => format!("{baseline}__{words}"),
            version => format!("V{version}__{words}"),
        }
    }

    fn next(&self, bundle: &Bundle, words: &str, now: i64) -> Next {
        let versions: Vec<&str> = bundle.migrations.iter().filter_map(versioned).collect();
        let version = match versions.last().and_then(|last| last.rsplit_once('.')) {
            Some((front, last)) => format!("{front}.{}", number(&[last], now)),
            None => number(&versions, now),
        };
        let name = format!("V{version}__{}.sql", file_words(words));
        Next::Files(vec![NewFile::new(name, format!("-- {}\n\n", words.trim()))])
    }
}

/// What only Flyway has: names that refinery does not take, or a project's file that speaks of it.
pub(super) fn own_mark(folder: &Path, files: &[(String, PathBuf)]) -> Option<String> {
    let is_ours = |name: &str| match parse(name) {
        Some(Name::Repeatable(_) | Name::Baseline(..)) => true,
        Some(Name::Versioned(..)) => !refinery::takes(name),
        Some(Name::Odd(_)) | None => false,
    };
    let name = files.iter().find(|(name, _)| is_ours(name)).map(|(name, _)| name);
    if std::path::absolute(folder).is_ok_and(|folder| folder.ends_with(JVM_PLACE)) {
        return Some(format!("{JVM_PLACE} is where Flyway looks"));
    }
    match name {
        Some(name) => Some(format!("{name} is named as only Flyway does it")),
        None => mention(folder, &PROJECT_FILES, "flyway").map(|file| format!("{file} speaks of Flyway")),
    }
}

/// A version as Flyway compares it: numbers between dots, without the zeros that change nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dotted(Vec<(usize, String)>);

impl Dotted {
    /// `1_2`, `1.2`, `001.2.0`; none = no version.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        for part in text.split(['.', '_']) {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let part = part.trim_start_matches('0');
            parts.push((part.len(), part.to_owned()));
        }
        while parts.len() > 1 && parts.last().is_some_and(|(length, _)| *length == 0) {
            parts.pop();
        }
        Some(Self(parts))
    }

    fn version(&self) -> Version {
        let parts = self.0.iter().map(|(length, part)| if *length == 0 { "0" } else { part.as_str() });
        Version(parts.collect::<Vec<_>>().join("."))
    }
}

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Versioned(Dotted, String),
    Baseline(Dotted, String),
    Repeatable(String),
    /// It is meant as one, and we cannot read it; why.
    Odd(String),
}

/// Where a migration stands: versions first, a baseline before what has its version, what is repeated at the end.
type Place = (bool, Option<Dotted>, bool, String);

fn parse(name: &str) -> Option<Name> {
    let lower = name.to_ascii_lowercase();
    let Some(stem) = lower.strip_suffix(".sql").map(|stem| &name[..stem.len()]) else {
        return code(name, &lower);
    };
    let (front, words) = stem.split_once("__").unwrap_or((stem, ""));
    let words = words.replace('_', " ");
    let prefix = front.chars().next()?;
    let version = &front[prefix.len_utf8()..];
    let meant = version.trim_start_matches(['-', '+']).starts_with(|first: char| first.is_ascii_digit());
    match (prefix, Dotted::parse(version)) {
        ('R', _) if version.is_empty() => Some(Name::Repeatable(words)),
        ('R', _) if meant => Some(Name::Odd("has a version, so Flyway does not repeat it".to_owned())),
        ('V', Some(version)) => Some(Name::Versioned(version, words)),
        ('B', Some(version)) => Some(Name::Baseline(version, words)),
        ('V' | 'B', None) if meant => Some(Name::Odd(format!(
            "has no version that is read: expected digits with dots between them and `__`, found {version:?}"
        ))),
        _ => None,
    }
}

/// The parts of Flyway's own languages; a class within a class is none.
fn code(name: &str, lower: &str) -> Option<Name> {
    let (_, what) = CODE.iter().find(|(ending, _)| lower.ends_with(ending))?;
    let (front, _) = name.split_once("__")?;
    let is_one = match front.chars().next()? {
        'R' => front.len() == 1,
        'V' | 'B' => Dotted::parse(&front[1..]).is_some(),
        _ => false,
    };
    (is_one && !name.contains('$')).then(|| Name::Odd(format!("{what}, and only SQL is read")))
}

/// A file's migration, or why it cannot be one.
fn load(parsed: &Name, name: &str, path: &Path) -> Result<Result<(Place, Migration), Unread>, FormatError> {
    let sql = match text(path) {
        Ok(sql) => sql,
        Err(error @ FormatError::Unreadable { .. }) => return Err(error),
        Err(_) => return Ok(Err(unread(name, path, "is not UTF-8"))),
    };
    let (place, version, description) = match parsed.clone() {
        Name::Versioned(dotted, words) => {
            let version = dotted.version();
            ((false, Some(dotted), true, String::new()), version, words)
        }
        Name::Baseline(dotted, words) => {
            let version = Version(format!("B{}", dotted.version()));
            ((false, Some(dotted), false, String::new()), version, words)
        }
        Name::Repeatable(_) if sql.contains("${") => {
            let why = "has placeholders, and Flyway's checksum of it is made with their values";
            return Ok(Err(unread(name, path, why)));
        }
        Name::Repeatable(words) => {
            let version = Version(repeated(&words));
            ((true, None, true, words.clone()), version, words)
        }
        Name::Odd(why) => return Ok(Err(unread(name, path, why))),
    };
    let checksum = crc32(&sql).to_be_bytes().to_vec();
    let (name, path) = (name.to_owned(), path.to_owned());
    let migration = Migration::of_tool(version, name, path, checksum);
    Ok(Ok((place, Migration { description, sql: sql.into(), ..migration })))
}

/// A repeatable migration's version: `R__all_views`.
fn repeated(words: &str) -> String {
    format!("R__{}", words.replace(' ', "_"))
}

/// The version of one that is neither repeated nor a baseline.
fn versioned(migration: &Migration) -> Option<&str> {
    let version = migration.version.as_str();
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

/// Flyway's checksum: CRC-32 of the lines without what ends them, and without a byte order mark
/// (`ChecksumCalculator.java`). It is recorded as a signed number.
fn crc32(text: &str) -> u32 {
    static TABLE: [u32; 256] = table();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let bytes = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r'));
    !bytes.fold(!0, |crc: u32, byte| {
        let [low, ..] = (crc ^ u32::from(byte)).to_le_bytes();
        (crc >> 8) ^ TABLE[usize::from(low)]
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests;
