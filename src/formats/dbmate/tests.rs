//! Names, scripts and rows, as dbmate takes them.

use proptest::prelude::*;

use super::*;
use crate::formats::Cell;
use crate::formats::folder::tree as folder;

const PLAIN: &str = "-- migrate:up\nselect 1;\n\n-- migrate:down\nselect 2;\n";

fn read(files: &[(&str, &str)]) -> Result<Bundle, FormatError> {
    Dbmate.read(folder(files).path())
}

fn rows(versions: &[&str]) -> Vec<Record> {
    versions.iter().map(|version| Record(vec![Cell::Words((*version).to_owned())])).collect()
}

fn applied(files: &[(&str, &str)], versions: &[&str]) -> Result<Vec<(String, bool)>, String> {
    let applied = Format::applied(&Dbmate, &read(files).unwrap(), &rows(versions))?;
    Ok(applied.into_iter().map(|row| (row.version.0, row.success)).collect())
}

#[test]
fn only_the_up_block_is_sent_and_stays_in_its_lines() {
    let text = "-- about é\n\n-- migrate:up transaction:false\nselect 1;\n--migrate:down\ndrop table x;\n";
    let bundle = read(&[("1_a_b.sql", text)]).unwrap();
    let migration = &bundle.migrations[0];
    assert_eq!(migration.sql.trim(), "select 1;");
    assert_eq!(migration.sql.find("select"), text.find("select"));
    assert!(!migration.transactional);
    assert_eq!((migration.version.as_str(), migration.description.as_str()), ("1", "a b"));
    assert!(read(&[("1_a.sql", PLAIN)]).unwrap().migrations[0].transactional);
}

#[test]
fn they_come_in_the_order_of_their_names() {
    let files = [("9_c.sql", PLAIN), ("10_b.sql", PLAIN), ("0001.sql", PLAIN), ("notes.txt", "")];
    let bundle = read(&files).unwrap();
    let names: Vec<_> = bundle.migrations.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["0001.sql", "10_b.sql", "9_c.sql"]);
    assert_eq!(bundle.migrations[0].version.as_str(), "0001");
}

#[test]
fn what_dbmate_refuses_is_refused_with_its_line() {
    for (text, line, words) in [
        ("select 1;\n", Some(1), "before"),
        ("", None, "no `-- migrate:up`"),
        ("-- migrate:up\nselect 1;\n", None, "no `-- migrate:down`"),
        ("-- a\n\ncreate table x (y int);\n-- migrate:up\n-- migrate:down\n", Some(3), "before"),
        ("-- migrate:up\nselect 1;\n-- migrate:down\n-- migrate:up\n-- migrate:down\n", Some(4), "second"),
        ("-- migrate:up\n-- migrate:down\n-- migrate:down\n", Some(3), "second"),
        ("-- migrate:down\n-- migrate:up\n", Some(2), "before"),
        ("-- migrate:up transcation:false\n-- migrate:down\n", Some(1), "only options"),
        ("-- migrate:up transaction:False\n-- migrate:down\n", Some(1), "only options"),
        (" -- migrate:up\n-- migrate:down\n", None, "no `-- migrate:up`"),
        ("\u{feff}-- migrate:up\n-- migrate:down\n", Some(1), "byte order mark"),
    ] {
        match read(&[("1_a.sql", text)]) {
            Err(FormatError::Unsupported { line: found, what, .. }) => {
                assert_eq!(found, line, "{text:?}");
                assert!(what.contains(words), "{text:?}: {what}");
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn names_that_dbmate_would_pass_over_are_refused() {
    for name in ["users.sql", "V1__a.sql", "1_a.SQL"] {
        assert!(matches!(read(&[(name, PLAIN)]), Err(FormatError::BadName { .. })), "{name}");
    }
    for two in [["1_a.sql", "1_b.sql"], ["01_a.sql", "1_b.sql"]] {
        let read = read(&[(two[0], PLAIN), (two[1], PLAIN)]);
        assert!(matches!(read, Err(FormatError::SameVersion { .. })), "{two:?}");
    }
}

#[test]
fn a_row_is_a_version_and_a_begun_one_is_half_applied() {
    let files = [("0001_a.sql", PLAIN), ("0002_b.sql", PLAIN)];
    let is = |version: &str, success| (version.to_owned(), success);
    assert_eq!(applied(&files, &["0001", "7"]).unwrap(), [is("0001", true), is("7", true)]);
    assert_eq!(
        applied(&files, &["0001", "0002 begun by bellwether"]).unwrap(),
        [is("0001", true), is("0002", false)]
    );
    // dbmate has applied it meanwhile
    assert_eq!(applied(&files, &["0002", "0002 begun by bellwether"]).unwrap(), [is("0002", true)]);
    assert!(applied(&files, &["1"]).unwrap_err().contains("two migrations"));
    for odd in ["0001  ", " 0001", ""] {
        assert_eq!(applied(&files, &[odd]), Err(format!("{odd:?} is no version")));
    }
}

#[test]
fn a_row_of_golang_migrate_s_is_no_row_of_this() {
    let bundle = read(&[("1_a.sql", PLAIN), ("2_b.sql", PLAIN)]).unwrap();
    let row = |dirty| [Record(vec![Cell::Words("2".to_owned()), dirty])];
    for format in [&Dbmate as &dyn Format, &crate::formats::rails::Rails] {
        let why = format.applied(&bundle, &row(Cell::Truth(true))).unwrap_err();
        assert!(why.contains("golang-migrate"), "{why}");
        for none in [Cell::Truth(false), Cell::Null] {
            assert_eq!(format.applied(&bundle, &row(none)).unwrap().len(), 1);
        }
    }
}

#[test]
fn the_next_one_sorts_behind_the_last() {
    let next = |names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| (*name, PLAIN)).collect();
        match Dbmate.next(&read(&files).unwrap(), "Add mail", 1_700_000_000_000) {
            Next::Files(files) => files[0].name.clone(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(next(&[]), "20231114221320_Add_mail.sql");
    assert_eq!(next(&["0009_a.sql"]), "0010_Add_mail.sql");
    assert_eq!(next(&["1_a.sql", "19_b.sql"]), "2_Add_mail.sql");
    assert_eq!(next(&["19_a.sql", "199_b.sql", "1999_c.sql"]), "20_Add_mail.sql");
    assert!(next(&["9_a.sql"]).contains("no number comes after"));
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in "(?s)(-- ?migrate:(up|down)( transaction:false)?\r?\n|[^-]{0,9}|-|\n){0,12}") {
        if let Ok(up) = parse(&text) {
            prop_assert!(up.part.start <= up.part.end && text.get(up.part.clone()).is_some());
            prop_assert!(!text[up.part].lines().any(|line| line.starts_with("-- migrate:down")));
        }
    }
}
