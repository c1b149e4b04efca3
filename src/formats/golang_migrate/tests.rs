//! Names and the one row, as golang-migrate takes them.

use proptest::prelude::*;

use super::*;
use crate::formats::Cell;

fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in files {
        std::fs::write(folder.path().join(name), "select 1;").unwrap();
    }
    folder
}

fn read(files: &[&str]) -> Result<Bundle, FormatError> {
    GolangMigrate.read(folder(files).path())
}

fn applied(files: &[&str], rows: &[(&str, bool)]) -> Result<Vec<(String, bool)>, String> {
    let row = |(version, dirty): &(&str, bool)| {
        Record(vec![Cell::Words((*version).to_owned()), Cell::Truth(*dirty)])
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let applied = Format::applied(&GolangMigrate, &read(files).unwrap(), &rows)?;
    Ok(applied.into_iter().map(|row| (row.version.0, row.success)).collect())
}

const THREE: [&str; 4] = ["1_a.up.sql", "1_a.down.sql", "003_b.up.sql", "20_c.up.sql"];

#[test]
fn ups_are_read_in_the_order_of_their_numbers() {
    let bundle = read(&THREE).unwrap();
    let seen: Vec<_> = bundle.migrations.iter().map(|it| (it.version.as_str(), it.name.as_str())).collect();
    assert_eq!(seen, [("1", "1_a.up.sql"), ("3", "003_b.up.sql"), ("20", "20_c.up.sql")]);
}

#[test]
fn a_way_back_alone_is_an_empty_migration_and_other_files_are_nobodys() {
    let bundle = read(&["1_a.down.sql", "readme.md", "2_b.up.pgsql"]).unwrap();
    let seen: Vec<_> = bundle.migrations.iter().map(|it| (it.name.as_str(), &*it.sql)).collect();
    assert_eq!(seen, [("1_a.down.sql", ""), ("2_b.up.pgsql", "select 1;")]);
}

#[test]
fn what_the_tool_would_pass_over_or_refuse_is_refused() {
    for name in ["1_a.sql", "schema.sql", "1a.up.sql", "1_a.UP.sql", "9999999999999999999_a.up.sql"] {
        assert!(matches!(read(&[name]), Err(FormatError::BadName { .. })), "{name}");
    }
    for two in
        [["1_a.up.sql", "01_b.up.sql"], ["1_a.up.sql", "1_a.up.sql.bak"], ["1_a.down.sql", "1_b.down.sql"]]
    {
        assert!(matches!(read(&two), Err(FormatError::SameVersion { .. })), "{two:?}");
    }
}

#[test]
fn the_newest_version_stands_for_all_before_it() {
    let is = |version: &str, success| (version.to_owned(), success);
    assert_eq!(applied(&THREE, &[]).unwrap(), []);
    assert_eq!(applied(&THREE, &[("3", false)]).unwrap(), [is("1", true), is("3", true)]);
    assert_eq!(applied(&THREE, &[("20", true)]).unwrap(), [is("1", true), is("3", true), is("20", false)]);
    // it has no file: golang-migrate refuses to go on
    assert_eq!(applied(&THREE, &[("2", false)]).unwrap(), [is("1", true), is("2", true)]);
    assert!(applied(&THREE, &[("-1", true)]).unwrap_err().contains("failed `down`"));
    assert!(applied(&THREE, &[("1", false), ("3", false)]).unwrap_err().contains("2 rows"));
}

#[test]
fn one_row_is_kept() {
    let texts = |writes: Vec<Write>| writes.iter().map(|write| write.template).collect::<Vec<_>>();
    let insert = "INSERT INTO {history} (version, dirty) VALUES (?, ?)";
    let version = Version("3".to_owned());
    assert_eq!(texts(GolangMigrate.undone(&version, None)), ["DELETE FROM {history}"]);
    let back = GolangMigrate.undone(&version, Some(&Version("1".to_owned())));
    assert_eq!(back[1].arguments, [Arg::Int(1), Arg::Truth(false)]);
    assert_eq!(texts(back), ["DELETE FROM {history}", insert]);
}

proptest! {
    #[test]
    fn no_name_is_too_much(name in "[0-9]{0,3}(_|a|\\.up|\\.down|\\.sql|\\.|é){0,7}") {
        let pattern = parse(&name);
        if let Some(found) = &pattern {
            let side = if found.down { "down" } else { "up" };
            let head = format!("{}_{}.{side}.", found.version, found.description);
            prop_assert!(name.starts_with(&head));
            // greedy: no other mark comes behind it
            let rest = &name[head.len() - 1..];
            prop_assert!(!rest.contains(".up.") && !rest.contains(".down."));
        }
    }
}
