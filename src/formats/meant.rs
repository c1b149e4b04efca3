//! Which version people mean who have no files: a number, a name as a tool or we show it, a file's name. Compares texts and
//! knows no history's meaning.

use std::collections::BTreeSet;
use std::path::Path;

use crate::formats::next::digits;
use crate::model::ids::Version;

/// What file names end in, of all tools.
const ENDINGS: [&str; 21] = [
    ".up.sql",
    ".down.sql",
    ".sql",
    ".rb",
    ".py",
    ".js",
    ".cjs",
    ".mjs",
    ".ts",
    ".cts",
    ".mts",
    ".co",
    ".coffee",
    ".eg",
    ".iced",
    ".ls",
    ".litcoffee",
    ".go",
    ".rs",
    ".cs",
    ".vb",
];

/// Without the folder.
pub(super) fn file(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// A file's name without what comes after the migration's own.
pub(super) fn stem(text: &str) -> &str {
    ENDINGS.iter().find_map(|ending| text.strip_suffix(ending)).unwrap_or(text)
}

/// The number in front: `2`, `0002_users`, `db/migrate/20240301120000_add_index.blorgh.rb`.
///
/// # Errors
/// There is none, so that no version of a tool that counts is meant.
pub(super) fn number(text: &str) -> Result<Version, String> {
    let name = file(text);
    let number = digits(name);
    let ends = !name[number.len()..].starts_with(char::is_alphanumeric);
    // the widest that a tool takes
    match number.parse::<i64>() {
        Ok(version) if ends => Ok(Version(version.to_string())),
        _ => {
            Err("expected a number, or a name that begins with one, like `20240301120000_add_index`"
                .to_owned())
        }
    }
}

/// The name of these that is meant: itself, in whatever folder, with or without a file's ending; by its number alone; or by
/// a name that begins with all of it, as files of Alembic's are called. None = none of them.
///
/// # Errors
/// It can be more than one of them.
pub fn recorded<'a>(
    text: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<Option<Version>, String> {
    if names.clone().any(|name| name == text) {
        return Ok(Some(text.into()));
    }
    let by_name = |name: &&str| same(name, text) || same(stem(name), text) || same(name, stem(text));
    if let Some(one) = only(names.clone().filter(by_name))? {
        return Ok(Some(one));
    }
    let written = file(text);
    let last = written.rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && digits(last) == last;
    let continues = |rest: Option<&str>| rest.is_some_and(|rest| rest.starts_with(['_', '-']));
    only(names.filter(|name| match is_number {
        true => continues(name.strip_prefix(written)),
        false => !name.is_empty() && continues(written.strip_prefix(name)),
    }))
}

/// Whether one is the other, or the end of its path.
fn same(one: &str, other: &str) -> bool {
    let (one, other) = (Path::new(one), Path::new(other));
    let is_text = !one.as_os_str().is_empty() && !other.as_os_str().is_empty();
    is_text && (one.ends_with(other) || other.ends_with(one))
}

fn only<'a>(fitting: impl Iterator<Item = &'a str>) -> Result<Option<Version>, String> {
    let fitting: BTreeSet<&str> = fitting.collect();
    let mut fitting = fitting.into_iter();
    match (fitting.next(), fitting.next()) {
        (Some(one), Some(other)) => Err(format!("it can be {one} and {other}: name one of them")),
        (one, _) => Ok(one.map(Version::from)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_may_have_zeros_a_name_a_folder_and_an_ending() {
        for text in
            ["2", "0002", "0002_t2", "0002_t2.sql", "db/2_t2.up.sql", "00002-t2", "2.sql", "2_a.blorgh.rb"]
        {
            assert_eq!(number(text), Ok("2".into()), "{text}");
        }
        for text in ["", "t2", "V2", "2b", "_2", "99999999999999999999", "-2", "add_index"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_found_by_itself_by_its_number_and_by_its_file() {
        let names = ["20240101_a.js", "20240102_b", "ae1027a6acf", "3_c", "3_d"];
        for (text, found) in [
            ("20240101_a.js", Some("20240101_a.js")),
            ("20240101_a", Some("20240101_a.js")),
            ("20240101", Some("20240101_a.js")),
            ("20240102_b.ts", Some("20240102_b")),
            ("migrations/20240102_b.ts", Some("20240102_b")),
            ("ae1027a6acf_add_index.py", Some("ae1027a6acf")),
            ("3_d", Some("3_d")),
            ("20240101_a.ts", None),
            ("ae1027", None),
            ("2024", None),
            ("", None),
        ] {
            assert_eq!(recorded(text, names.into_iter()), Ok(found.map(Version::from)), "{text}");
        }
        assert!(recorded("3", names.into_iter()).unwrap_err().contains("can be 3_c and 3_d"));
        let paths = ["db/a.sql::1::dev", "old/a.sql::1::dev", "db/b.sql::2::dev"];
        assert!(recorded("a.sql::1::dev", paths.into_iter()).is_err());
        assert_eq!(recorded("b.sql::2::dev", paths.into_iter()), Ok(Some("db/b.sql::2::dev".into())));
        assert_eq!(recorded("src/db/b.sql::2::dev", paths.into_iter()), Ok(Some("db/b.sql::2::dev".into())));
        let apps = ["shop.0002_users", "blog.0002_posts"];
        assert_eq!(recorded("shop.0002", apps.into_iter()), Ok(Some("shop.0002_users".into())));
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in "\\PC{0,20}", names in prop::collection::vec("\\PC{0,12}", 0..5)) {
            let _ = number(&text);
            let names = names.iter().map(String::as_str);
            if let Ok(Some(found)) = recorded(&text, names.clone()) {
                prop_assert!(names.into_iter().any(|name| name == found.as_str()));
            }
        }
    }
}
