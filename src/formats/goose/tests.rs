//! Names, scripts and rows, as goose takes them.

use proptest::prelude::*;

use super::*;
use crate::formats::Cell;
use crate::formats::folder::tree as folder;

const PLAIN: &str = "-- +goose Up\nselect 1;\n\n-- +goose Down\nselect 2;\n";

fn read(files: &[(&str, &str)]) -> Result<Bundle, FormatError> {
    Goose.read(folder(files).path())
}

fn one(text: &str) -> Result<Migration, (Option<usize>, String)> {
    match read(&[("1_a.sql", text)]) {
        Ok(bundle) => Ok(bundle.migrations[0].clone()),
        Err(FormatError::Unsupported { line, what, .. }) => Err((line, what)),
        Err(other) => panic!("{other:?}"),
    }
}

fn applied(rows: &[(&str, bool)]) -> Result<Vec<(String, bool)>, String> {
    let row = |(version, applied): &(&str, bool)| {
        Record(vec![Cell::Words((*version).to_owned()), Cell::Truth(*applied)])
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let bundle = read(&[("1_a.sql", PLAIN), ("2_b.sql", PLAIN)]).unwrap();
    let applied = Format::applied(&Goose, &bundle, &rows)?;
    Ok(applied.into_iter().map(|row| (row.version.0, row.success)).collect())
}

#[test]
fn only_the_up_part_is_sent_and_stays_in_its_lines() {
    let text = "-- about é\n-- +goose NO TRANSACTION\n-- +goose up\n-- why\nselect 1; -- done\n\n-- +goose Down\ndrop table x;\n";
    let migration = one(text).unwrap();
    assert_eq!(migration.sql.trim(), "-- why\nselect 1; -- done");
    assert_eq!(migration.sql.find("select"), text.find("select"));
    assert!(!migration.transactional);
    assert!(one(PLAIN).unwrap().transactional);
    assert!(one("-- +goose Up\nselect 1;").unwrap().sql.ends_with("select 1;"));
    assert!(
        !one("-- +goose Up\r\nselect 1;\r\n-- +goose Down\r\n-- +goose no transaction\r\n")
            .unwrap()
            .transactional
    );
    assert_eq!(one("-- +goose Up\n-- +goose Down\n").unwrap().sql.trim(), "");
}

#[test]
fn a_body_may_have_semicolons_and_needs_none_at_its_end() {
    let text = "-- +goose Up\n-- +goose StatementBegin\ncreate function f() begin;\nend\n-- +goose StatementEnd\nselect 1;\n";
    assert!(one(text).unwrap().sql.contains("end\n-- +goose StatementEnd\nselect 1;"));
}

#[test]
fn a_server_that_minds_gets_the_messages_that_goose_sends() {
    let up = "-- why;\ncreate table t (a int); -- one\ninsert into t\nvalues (1);\n-- +goose StatementBegin\ncreate proc p as\n\
              select 1;\nselect 2\n-- +goose StatementEnd\nexec p;\n";
    let ends = Goose.messages(up).unwrap();
    let parts = [0].iter().chain(&ends).zip(&ends).map(|(from, to)| &up[*from..*to]);
    let parts: Vec<_> = parts.collect();
    assert_eq!(parts[..2], ["-- why;\ncreate table t (a int); -- one\n", "insert into t\nvalues (1);\n"]);
    assert!(parts[2].contains("proc p as\nselect 1;\nselect 2\n") && parts[3] == "exec p;\n", "{parts:?}");
}

#[test]
fn what_goose_refuses_is_refused_with_its_line() {
    for (text, line, words) in [
        ("select 1;\n", Some(1), "before"),
        ("\u{feff}-- +goose Up\nselect 1;\n", Some(1), "byte order mark"),
        ("-- nothing\n", None, "no `-- +goose Up`"),
        ("-- +goose Down\n", Some(1), "must come after"),
        ("-- +goose Up\n-- +goose Up\n", Some(2), "second"),
        ("-- +goose Up\nselect 1\n\n-- +goose Down\n", Some(4), "line 2 does not end"),
        ("-- +goose Up\nselect 1;\nselect 2 -- ;\n", Some(3), "does not end"),
        ("-- +goose Up\n-- +goose StatementBegin\nselect 1;\n", Some(3), "no StatementEnd"),
        ("-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementEnd\n", Some(3), "nothing stands"),
        ("-- +goose Up\n-- +goose StatementEnd\n", Some(2), "must come after"),
        ("-- +goose StatementBegin\n", Some(1), "must come after"),
        ("  -- +goose Up\n", Some(1), "indented"),
        ("-- +goose Upp\n", Some(1), "knows no annotation"),
        ("-- +goose Up\n-- see +goose\n", Some(2), "knows no annotation"),
        ("-- +goose Up\n-- +goose ENVSUB ON\nselect ${x};\n", Some(2), "ENVSUB"),
        ("-- +goose ENVSUB ON\n-- +goose Up\nselect ${x};\n", Some(3), "ENVSUB"),
        // goose keeps a comment behind a line of blanks for the beginning of a statement
        ("-- +goose Up\nselect 1;\n  \n-- why\n-- +goose Down\n", Some(5), "line 4 does not end"),
    ] {
        let (found, what) = one(text).unwrap_err();
        assert_eq!(found, line, "{text:?}: {what}");
        assert!(what.contains(words), "{text:?}: {what}");
    }
    assert!(one("-- +goose Up\nselect 1;\n-- +goose Down\n-- +goose ENVSUB ON\n").is_ok());
}

#[test]
fn names_are_numbers_from_one_on() {
    for name in ["a.sql", "0_a.sql", "-1_a.sql", "1a.sql", "1_a.SQL", "9999999999999999999_a.sql"] {
        assert!(matches!(read(&[(name, PLAIN)]), Err(FormatError::BadName { .. })), "{name}");
    }
    let same = read(&[("1_a.sql", PLAIN), ("00001_b.go", "")]);
    assert!(matches!(same, Err(FormatError::SameVersion { version, .. }) if version == "1"));
}

#[test]
fn go_migrations_are_known_and_not_ours_to_apply() {
    let files = [("1_a.sql", PLAIN), ("00002_b.go", "package m"), ("helpers.go", ""), ("2_b_test.go", "")];
    let bundle = read(&files).unwrap();
    let names: Vec<_> = bundle.migrations.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["1_a.sql", "00002_b.go"]);
    let error = Goose.beyond_us(&bundle).unwrap_err().to_string();
    assert!(error.contains("00002_b.go: it is a Go migration"), "{error}");
    assert!(Goose.beyond_us(&read(&files[..1]).unwrap()).is_ok());
}

#[test]
fn the_newest_row_of_a_version_counts() {
    let is = |version: &str, success| (version.to_owned(), success);
    assert_eq!(applied(&[("0", true)]).unwrap(), []);
    assert_eq!(applied(&[("0", true), ("2", true), ("1", true)]).unwrap(), [is("1", true), is("2", true)]);
    assert_eq!(applied(&[("1", true), ("-2", false)]).unwrap(), [is("1", true), is("2", false)]);
    // goose has applied it meanwhile
    assert_eq!(applied(&[("-2", false), ("2", true)]).unwrap(), [is("2", true)]);
    assert_eq!(applied(&[("1", true), ("1", false), ("1", true)]).unwrap(), [is("1", true)]);
    assert!(applied(&[("1", true), ("1", false)]).unwrap_err().contains("taken back"));
    // its file was deleted afterwards: there is nothing that could be pending
    assert_eq!(applied(&[("1", true), ("7", true), ("7", false)]).unwrap(), [is("1", true)]);
    assert!(applied(&[("-3", true)]).is_err() && applied(&[("x", true)]).is_err());
}

/// The table's own row has it, and no file ever.
#[test]
fn no_migration_has_the_number_zero() {
    for zero in ["0", "00000_a.sql", "0_a"] {
        assert!(Goose.meant(zero, &[]).unwrap_err().contains("from 1 on"), "{zero}");
    }
    assert_eq!(Goose.meant("00001_a.sql", &[]), Ok("1".into()));
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in "(?s)(-- \\+goose (Up|Down|StatementBegin|StatementEnd|NO TRANSACTION)\r?\n|select 1;?\n|--|[^-]{0,4}|\n){0,14}") {
        if let Ok(up) = script::parse(&text) {
            prop_assert!(up.part.start <= up.part.end && text.get(up.part.clone()).is_some());
            prop_assert!(!text[up.part].lines().any(|line| line == "-- +goose Down"));
        }
    }
}
