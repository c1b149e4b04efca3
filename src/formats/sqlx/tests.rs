//! The folder's rules, file by file, and agreement with sqlx's rule for names.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use proptest::prelude::*;

use super::*;
use crate::formats::folder::detected;
use crate::model::ids::hex;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn read(files: &[(&str, &[u8])]) -> Result<Bundle, FormatError> {
    Sqlx.read(folder(files).path())
}

fn bad_name(files: &[(&str, &[u8])]) -> (String, String) {
    match read(files) {
        Err(FormatError::BadName { path, expected }) => {
            (path.file_name().unwrap().to_string_lossy().into_owned(), expected)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn migrations_come_in_the_order_of_their_numbers() {
    let bundle = read(&[("10_c.sql", b""), ("2_b.sql", b""), ("001_a.sql", b"")]).unwrap();
    let seen: Vec<_> = bundle.migrations.iter().map(|m| (m.version.as_str(), m.name.as_str())).collect();
    assert_eq!(seen, [("1", "001_a.sql"), ("2", "2_b.sql"), ("10", "10_c.sql")]);
    assert_eq!(bundle.format, "sqlx");
}

#[test]
fn the_checksum_is_sha_384_of_the_whole_text() {
    // printf 'select 1;' | sha384sum
    let bundle = read(&[("1_a.sql", b"select 1;")]).unwrap();
    let expected = std::process::Command::new("sh").args(["-c", "printf 'select 1;' | sha384sum"]).output();
    let expected = String::from_utf8(expected.unwrap().stdout).unwrap();
    assert_eq!(hex(&bundle.migrations[0].checksum), expected.split(' ').next().unwrap());
}

/// sqlx's own command line, as it is installed, goes by such a file.
#[test]
fn what_sqlx_toml_says_of_migrations_is_named() {
    let project = folder(&[]);
    let migrations = project.path().join("app/migrations");
    fs::create_dir_all(&migrations).unwrap();
    fs::create_dir(project.path().join(".git")).unwrap();
    fs::write(migrations.join("1_a.sql"), "").unwrap();
    let said = |at: &str, toml: &str| {
        fs::write(project.path().join(at), toml).unwrap();
        let bundle = Sqlx.read(&migrations).unwrap();
        let unread: Vec<_> = bundle.unread.iter().map(|it| format!("{} {}", it.name, it.why)).collect();
        assert_eq!(Sqlx.beyond_us(&bundle).is_err(), !unread.is_empty(), "{toml}");
        unread.join("; ")
    };
    let has =
        |keys: &str| format!("has {keys} in [migrate], by which sqlx goes, and only its defaults are read");
    let root = "sqlx.toml";
    for (toml, says) in [
        ("[migrate]\ntable-name = 'mine'\n", format!("sqlx.toml:2 {}", has("`table-name`"))),
        (
            "migrate.ignored-chars = [\"\\r\"]\nmigrate.create-schemas = ['app']\n",
            format!("sqlx.toml:1 {}", has("`ignored-chars` and `create-schemas`")),
        ),
        ("# later\nmigrate = { lock = false }", format!("sqlx.toml:2 {}", has("`lock`"))),
        ("migrate = 1", format!("sqlx.toml:1 {}", has("`migrate`"))),
        (
            "[migrate]\ntable-name = '_sqlx_migrations'\nignored-chars = []\ncreate-schemas = []",
            String::new(),
        ),
        ("[migrate]\nmigrations-dir = 'db'\n[migrate.defaults]\nmigration-type = 'simple'", String::new()),
        ("[common]\ndatabase-url-var = 'APP_URL'\n[macros]\ntable-name = 'x'", String::new()),
        ("", String::new()),
    ] {
        assert_eq!(said(root, toml), says);
    }
    assert!(said(root, "[migrate\n").starts_with("sqlx.toml is no TOML that can be read: "));
    // the nearest
    assert_eq!(said("app/sqlx.toml", ""), "");
    assert!(said("app/migrations/sqlx.toml", "[migrate]\ntable-name = 'x'").starts_with("sqlx.toml:2 has"));
    let error = Sqlx.beyond_us(&Sqlx.read(&migrations).unwrap()).unwrap_err().to_string();
    assert!(error.contains("/app/migrations/sqlx.toml:2: has `table-name` in [migrate]"), "{error}");
}

/// Around the repository there are other people's.
#[test]
fn a_sqlx_toml_above_the_repository_is_nobody_s() {
    let outside = folder(&[("sqlx.toml", b"[migrate]\ntable-name = 'x'")]);
    let inside = outside.path().join("repository/migrations");
    fs::create_dir_all(&inside).unwrap();
    assert_eq!(Sqlx.read(&inside).unwrap().unread.len(), 1);
    fs::create_dir(outside.path().join("repository/.git")).unwrap();
    assert!(Sqlx.read(&inside).unwrap().unread.is_empty());
}

#[test]
fn only_the_very_first_bytes_say_no_transaction() {
    let first_line = |text: &[u8]| read(&[("1_a.sql", text)]).unwrap().migrations[0].transactional;
    assert!(!first_line(b"-- no-transaction\nvacuum;"));
    assert!(!first_line(b"-- no-transactional nonsense"));
    assert!(first_line(b"\n-- no-transaction"));
    assert!(first_line(b"--no-transaction"));
    assert!(first_line("\u{feff}-- no-transaction".as_bytes()));
}

#[test]
fn a_byte_order_mark_is_text_and_part_of_the_checksum() {
    let bundle = read(&[("1_a.sql", "\u{feff}select 1".as_bytes())]).unwrap();
    assert_eq!(bundle.migrations[0].checksum, Sha384::digest("\u{feff}select 1").to_vec());
}

#[test]
fn downs_are_recognised_and_not_applied() {
    let bundle = read(&[("1_a_b.up.sql", b"up"), ("1_a_b.down.sql", b"down"), ("2_c.sql", b"")]).unwrap();
    let seen: Vec<_> = bundle.migrations.iter().map(|m| (m.description.as_str(), &*m.sql)).collect();
    assert_eq!(seen, [("a b", "up"), ("c", "")]);
    assert_eq!(bad_name(&[("1_a.down.sql", b"")]).0, "1_a.down.sql");
}

#[test]
fn two_files_of_one_version_are_refused_by_name() {
    for (one, other) in [("1_a.sql", "01_b.sql"), ("1_a.up.sql", "1_a.sql"), ("1_a.down.sql", "1_b.down.sql")]
    {
        match read(&[(one, b""), (other, b"")]) {
            Err(FormatError::SameVersion { version, first, second }) => {
                assert_eq!(version, "1");
                let mut names = [first, second].map(|p| p.file_name().unwrap().to_str().unwrap().to_owned());
                names.sort();
                let mut expected = [one, other];
                expected.sort();
                assert_eq!(names, expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_sql_file_that_is_no_migration_is_refused_and_told_how_to_be_one() {
    for name in ["schema.sql", "-1_a.sql", "+1_a.sql", "V1__a.sql", "_a.sql", "1.sql", "1-a.sql", "१_a.sql"]
    {
        let (file, expected) = bad_name(&[(name, b""), ("5_ok.sql", b"")]);
        assert_eq!(file, name);
        assert!(expected.contains("0001_create_users.sql"), "{expected}");
    }
    assert!(bad_name(&[("9223372036854775808_a.sql", b"")]).1.contains("too large"));
    assert!(bad_name(&[("1_a.SQL", b"")]).1.contains("lower-case"));
    assert!(read(&[("9223372036854775807_a.sql", b"")]).is_ok());
}

#[test]
fn what_is_no_sql_file_is_ignored() {
    let dir = folder(&[
        ("1_a.sql", b""),
        ("README.md", b""),
        (".2_b.sql", b""),
        ("1_a.sql~", b""),
        ("x.sqlx", b""),
    ]);
    fs::create_dir(dir.path().join("2_folder.sql")).unwrap();
    assert_eq!(Sqlx.read(dir.path()).unwrap().migrations.len(), 1);
}

#[test]
fn bytes_that_are_not_utf_8_are_placed() {
    match read(&[("1_a.sql", b"ab\xffc")]) {
        Err(FormatError::NotUtf8 { path, at }) => {
            assert!(path.ends_with("1_a.sql"));
            assert_eq!(at, 2);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_that_is_not_utf_8_reads_as_sqlx_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"1_a\xff.sql")), "").unwrap();
    assert_eq!(Sqlx.read(dir.path()).unwrap().migrations[0].description, "a\u{fffd}");
}

#[test]
fn links_are_followed_and_broken_ones_refused() {
    let dir = folder(&[("x", b"select 1")]);
    std::os::unix::fs::symlink("x", dir.path().join("1_a.sql")).unwrap();
    assert_eq!(&*Sqlx.read(dir.path()).unwrap().migrations[0].sql, "select 1");
    std::os::unix::fs::symlink("gone", dir.path().join("2_b.sql")).unwrap();
    assert!(
        matches!(Sqlx.read(dir.path()), Err(FormatError::Unreadable { path, .. }) if path.ends_with("2_b.sql"))
    );
}

#[test]
fn a_missing_folder_is_named() {
    let gone = Path::new("/nonexistent/migrations");
    assert!(matches!(Sqlx.read(gone), Err(FormatError::NoFolder { folder }) if folder == gone));
    assert_eq!(detected(&Sqlx, gone), None);
    let dir = folder(&[("file", b"")]);
    assert!(matches!(Sqlx.read(&dir.path().join("file")), Err(FormatError::NoFolder { .. })));
}

#[test]
fn detection_goes_by_names_and_takes_an_empty_folder() {
    assert!(detected(&Sqlx, folder(&[("1_a.sql", b"")]).path()).unwrap().contains("1_a.sql"));
    assert_eq!(detected(&Sqlx, folder(&[]).path()).unwrap(), "an empty folder");
    assert_eq!(
        detected(&Sqlx, folder(&[(".gitkeep", b""), ("README.md", b"")]).path()).unwrap(),
        "an empty folder"
    );
    assert_eq!(detected(&Sqlx, folder(&[("20240101_users.rb", b"")]).path()), None);
    assert_eq!(detected(&Sqlx, folder(&[("schema.sql", b"")]).path()), None);
}

#[test]
fn the_next_one_is_numbered_like_the_others_and_undone_like_the_last() {
    let next = |files: &[&str]| {
        let files: Vec<(&str, &[u8])> = files.iter().map(|name| (*name, &b"select 1"[..])).collect();
        let dir = folder(&files);
        match Sqlx.next(&Sqlx.read(dir.path()).unwrap(), " no-transaction index", 1_700_000_000_000) {
            Next::Files(files) => files.into_iter().map(|file| (file.name, file.text)).collect(),
            other => vec![(String::new(), format!("{other:?}"))],
        }
    };
    let text = "-- Migration: no-transaction index\n\n";
    for (before, name) in [
        (&[][..], "20231114221320_no-transaction_index.sql"),
        (&["0009_a.sql"], "0010_no-transaction_index.sql"),
        (&["1_a.up.sql", "1_a.down.sql", "2_b.sql"], "3_no-transaction_index.sql"),
    ] {
        assert_eq!(next(before), [(name.to_owned(), text.to_owned())]);
    }
    let pair = next(&["0001_a.sql", "0002_b.up.sql", "0002_b.down.sql"]);
    assert_eq!(pair[0], ("0003_no-transaction_index.up.sql".to_owned(), text.to_owned()));
    assert_eq!(pair[1].0, "0003_no-transaction_index.down.sql");
    assert!(next(&["9223372036854775807_last.sql"])[0].1.contains("no version is after"));
}

#[test]
fn another_tool_s_way_back_is_never_run() {
    for (text, at) in [("-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n", 3), ("-- +goose Down\n", 1)]
    {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("1_a.sql"), text).unwrap();
        let error = Sqlx.read(folder.path()).unwrap_err();
        assert!(matches!(error, FormatError::Unsupported { line: Some(line), .. } if line == at), "{error}");
    }
}

proptest! {
    /// The rule's text: up to the first underscore the version; the description is the rest without its ending
    /// (and repetitions of it), underscores as spaces.
    #[test]
    fn names_mean_what_they_mean_to_sqlx(
        number in "0{0,3}[0-9]{1,18}",
        words in "[a-zA-Z0-9_ .é-]{0,20}",
        ending in prop::sample::select(vec![".sql", ".up.sql", ".down.sql", ".sql.sql", ".up.sql.up.sql"]),
    ) {
        let name = format!("{number}_{words}{ending}");
        let parsed = parse(&name, Path::new(&name)).unwrap().unwrap();
        let (before, after) = name.split_at(name.find('_').unwrap());
        let mut rest = after[1..].to_owned();
        let kind = [".up.sql", ".down.sql", ".sql"].into_iter().find(|kind| rest.ends_with(kind)).unwrap();
        while let Some(shorter) = rest.strip_suffix(kind) {
            rest = shorter.to_owned();
        }
        let number: u64 = before.parse().unwrap();
        let description: String = rest.chars().map(|c| if c == '_' { ' ' } else { c }).collect();
        prop_assert_eq!(parsed.version as u64, number);
        prop_assert_eq!(parsed.description, description);
        prop_assert_eq!(parsed.down, kind == ".down.sql");
    }

    #[test]
    fn no_name_is_too_odd(name in "\\PC{0,30}") {
        let _ = parse(&name, Path::new(&name));
        let _ = is_ours(&name);
    }
}
