//! Entity Framework Core's format: `20240101120000_Name.cs` (or `.vb`) with its `.Designer.cs`; `__EFMigrationsHistory`.
//! Only checked: EF applies. Reads a migration's id, and nothing of what it does.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::formats::folder::{Folder, below, bytes, checksum, each, unread};
use crate::formats::next::{Next, digits, file_words};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Unread};

/// Entity Framework Core.
pub struct EfCore;

/// Columns as `HistoryRepository` has them. EF applies whatever is not there, in the order of the ids, and looks at
/// nothing else (`MigrationsAssembly`, `Migrator.PopulateMigrations`).
static HISTORY: History = History {
    table: "__EFMigrationsHistory",
    schema: None,
    columns: &[Column::words("MigrationId")],
    order: ("MigrationId", Order::Up),
    rules: Rules { sequence: Sequence::LETTERS, ..Rules::LENIENT },
};

/// The digits of a generated id.
const TIMESTAMP: usize = 14;

impl Format for EfCore {
    fn name(&self) -> &'static str {
        "efcore"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let files = folder.below()?;
        let is_ours =
            |name: &str| main_file(name).is_some_and(is_generated) || name.contains("ModelSnapshot.");
        let (name, _) = files.iter().find(|(name, _)| is_code(name) && is_ours(name))?;
        Some(format!("{name} is named as Entity Framework Core does it"))
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut found: BTreeMap<String, Source> = BTreeMap::new();
        let mut files = below(folder)?;
        files.retain(|(name, _)| is_code(name));
        let contents = each(&files, |(_, path)| bytes(path));
        let mut contexts: BTreeMap<String, (String, PathBuf)> = BTreeMap::new();
        for ((name, path), content) in files.into_iter().zip(contents) {
            let stem = stem(&name).to_owned();
            let key = path.with_file_name(&stem).to_string_lossy().into_owned();
            let source = found.entry(key).or_insert_with(|| Source { stem, ..Source::default() });
            let content = content?;
            let text = String::from_utf8_lossy(&content);
            if let Some(context) = context(&text) {
                contexts.entry(context.to_owned()).or_insert_with(|| (name.clone(), path.clone()));
            }
            if source.id.is_none() {
                source.id = id(&text);
            }
            if is_designer(&name) && source.main.is_some() {
                continue;
            }
            source.main = Some((name, path, checksum(&content)));
        }
        let mut migrations = Vec::new();
        let mut left: Vec<Unread> = contexts_of(&contexts).into_iter().collect();
        for source in found.into_values() {
            let Some((name, path, checksum)) = source.main else { continue };
            let version = match source.id {
                Some(Ok(id)) => Version(id),
                Some(Err(())) => {
                    left.push(unread(
                        &name,
                        &path,
                        "has a [Migration] whose id is no plain text, or that is not in a line of its own",
                    ));
                    continue;
                }
                None if is_generated(&source.stem) => {
                    left.push(unread(
                        &name,
                        &path,
                        "has no [Migration] attribute, nor has its Designer file",
                    ));
                    continue;
                }
                None => continue,
            };
            let description = version.as_str().trim_start_matches(digits(version.as_str()));
            let description = description.trim_start_matches('_').to_owned();
            migrations.push(Migration { description, ..Migration::of_tool(version, name, path, checksum) });
        }
        migrations.sort_by(|one, other| one.version.as_str().cmp(other.version.as_str()));
        let mut seen: HashMap<&Version, &PathBuf> = HashMap::new();
        for migration in &migrations {
            if let Some(first) = seen.insert(&migration.version, &migration.path) {
                let (version, first) = (migration.version.to_string(), first.clone());
                return Err(FormatError::SameVersion { version, first, second: migration.path.clone() });
            }
        }
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread: left })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn absent(&self) -> Option<&'static str> {
        Some("Entity Framework 6 named it __MigrationHistory, which is not read")
    }

    fn applied(&self, _: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let applied = |row: &Record| {
            let id = row.words(0).ok_or("a row has no MigrationId")?;
            Ok(Applied { version: id.into(), description: String::new(), checksum: None, success: true })
        };
        rows.iter().map(applied).collect()
    }

    fn next(&self, _: &Bundle, words: &str, _: i64) -> Next {
        let name: String = file_words(words).split(['_', '-']).map(capital).collect();
        Next::Tool(Some(format!("dotnet ef migrations add {name}")))
    }
}

/// What the files of one migration say: the one that people edit, and the Designer's.
#[derive(Default)]
struct Source {
    stem: String,
    main: Option<(String, PathBuf, Vec<u8>)>,
    id: Option<Result<String, ()>>,
}

fn is_code(name: &str) -> bool {
    name.ends_with(".cs") || name.ends_with(".vb")
}

fn is_designer(name: &str) -> bool {
    name.ends_with(".Designer.cs") || name.ends_with(".Designer.vb")
}

/// A file's name without what comes after the migration's.
fn stem(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.strip_suffix(".Designer").unwrap_or(stem)
}

/// The stem of a file that is no Designer's.
fn main_file(name: &str) -> Option<&str> {
    (!is_designer(name)).then(|| stem(name))
}

/// `20240101120000_Name`.
fn is_generated(stem: &str) -> bool {
    digits(stem).len() == TIMESTAMP && stem[TIMESTAMP..].starts_with('_')
}

/// The class in `[DbContext(typeof(ShopContext))]`, in Visual Basic `<DbContext(GetType(ShopContext))>`, without its
/// namespace: EF writes it into Designer files and snapshots.
fn context(text: &str) -> Option<&str> {
    if !text.contains("DbContext(") {
        return None;
    }
    let attributes = text.lines().map(str::trim_start).filter(|line| line.starts_with(['[', '<']));
    let argument =
        attributes.into_iter().find_map(|line| line.split_once("DbContext(").map(|(_, rest)| rest))?;
    let class = argument.strip_prefix("typeof(").or_else(|| argument.strip_prefix("GetType("))?;
    let class = class.split(')').next()?.trim();
    class.rsplit(['.', ':']).next()
}

/// What there is to say where two contexts have their migrations in one folder: each may have a database, or a history
/// table, of its own.
fn contexts_of(contexts: &BTreeMap<String, (String, PathBuf)>) -> Option<Unread> {
    let mut contexts = contexts.iter();
    let ((first, (of_first, _)), (second, (of_second, path))) = (contexts.next()?, contexts.next()?);
    let why = format!(
        "is of {second}, and {of_first} is of {first}: which of these contexts the database's history is of, only the \
         application says; `migrations:` can name the folder of one"
    );
    Some(unread(of_second, path, why))
}

/// The id of `[Migration("…")]`, in Visual Basic `<Migration("…")>`; an error is one that is no plain text.
fn id(text: &str) -> Option<Result<String, ()>> {
    for line in text.lines().map(str::trim_start).filter(|line| line.starts_with(['[', '<'])) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("Migration") {
            rest = after;
            let is_word = before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
            let after = after.strip_prefix("Attribute").unwrap_or(after);
            let Some(argument) = after.trim_start().strip_prefix('(').filter(|_| !is_word) else { continue };
            let literal = argument.trim_start().strip_prefix('"').and_then(|text| text.split_once('"'));
            return Some(match literal {
                Some((id, after)) if after.trim_start().starts_with(')') && !id.contains('\\') => {
                    Ok(id.to_owned())
                }
                _ => Err(()),
            });
        }
    }
    // an attribute that goes over lines, or stands behind something
    let code =
        text.lines().map(str::trim_start).filter(|line| !line.starts_with("//") && !line.starts_with('*'));
    let mut calls = code.flat_map(|line| line.match_indices("Migration(\"").map(move |(at, _)| &line[..at]));
    calls
        .any(|before| !before.ends_with(|last: char| last.is_alphanumeric() || last == '_'))
        .then_some(Err(()))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
