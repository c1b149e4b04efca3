//! Names, Flyway's checksum, and what rows as Flyway writes them say of a folder.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::formats::folder::tree as folder;
use crate::formats::history::Cell;

fn read(files: &[(&str, &str)]) -> Bundle {
    Flyway.read(folder(files).path()).unwrap()
}

fn versions(bundle: &Bundle) -> Vec<&str> {
    bundle.migrations.iter().map(|migration| migration.version.as_str()).collect()
}

/// `version description type script checksum success`, as they stand in Flyway's table; `-` is null.
fn rows(lines: &[&str]) -> Vec<Record> {
    let row = |line: &&str| {
        let words: Vec<_> = line.split('|').collect();
        let cell = |word: &&str| if *word == "-" { Cell::Null } else { Cell::Words((*word).to_owned()) };
        let mut cells: Vec<_> = words[..5].iter().map(cell).collect();
        cells.push(Cell::Truth(words[5] == "true"));
        Record(cells)
    };
    lines.iter().map(row).collect()
}

/// Versions that rows say are whole (`!` in front of those that failed).
fn applied(bundle: &Bundle, lines: &[&str]) -> Vec<String> {
    let told = Flyway.applied(bundle, &rows(lines)).unwrap();
    told.iter().map(|row| format!("{}{}", if row.success { "" } else { "!" }, row.version)).collect()
}

/// Versions that Flyway passes over.
fn left_out(bundle: &Bundle, lines: &[&str]) -> Vec<String> {
    Flyway.left_out(bundle, &rows(lines)).into_iter().map(|version| version.0).collect()
}

fn number(text: &str) -> String {
    crc32(text).cast_signed().to_string()
}

#[test]
fn versions_follow_each_other_as_flyway_has_them() {
    let names =
        ["V1.10__c.sql", "V1_2__b.sql", "deep/er/V001.0__a.SQL", "R__views.sql", "R__all.sql", "V2.sql"];
    let bundle = read(&names.map(|name| (name, "")));
    assert_eq!(versions(&bundle), ["1", "1.2", "1.10", "2", "R__all", "R__views"]);
    assert!(bundle.unread.is_empty());
}

#[test]
fn ways_back_callbacks_and_settings_are_no_migrations() {
    let bundle = read(&[
        ("U1__a.sql", ""),
        ("afterMigrate.sql", ""),
        ("beforeEachMigrate__x.sql", ""),
        ("Views.sql", ""),
        ("V1__a.sql", ""),
        ("V1__a.sql.conf", "executeInTransaction=false"),
        ("V2__b.sql~", ""),
        ("V2__A$Inner.class", ""),
    ]);
    assert_eq!((versions(&bundle), bundle.unread.len()), (vec!["1"], 0));
}

#[test]
fn what_cannot_be_read_is_named_with_the_reason() {
    let bundle = read(&[
        ("V1_users.sql", ""),
        ("V2__Code.java", ""),
        ("V3__c.sql", ""),
        ("V3__c.sql.conf", "shouldExecute=false"),
        ("R__p.sql", "select '${schema}'"),
        ("V-1__x.sql", ""),
        ("V4__run.py", ""),
    ]);
    let why: Vec<_> = bundle.unread.iter().map(|unread| format!("{} {}", unread.name, unread.why)).collect();
    assert_eq!(
        why,
        [
            "R__p.sql has placeholders, and Flyway's checksum of it is made with their values",
            "V-1__x.sql has no version that is read: expected digits with dots between them and `__`, found \"-1\"",
            "V1_users.sql has no version that is read: expected digits with dots between them and `__`, found \"1_users\"",
            "V2__Code.java is Java, and only SQL is read",
            "V3__c.sql is executed only if its .conf file says so",
            "V4__run.py is a script, and only SQL is read",
        ]
    );
    assert!(bundle.migrations.is_empty());
    let odd = tempfile::tempdir().unwrap();
    fs::write(odd.path().join("V1__a.sql"), b"select '\xe9'").unwrap();
    assert_eq!(Flyway.read(odd.path()).unwrap().unread[0].why, "is not UTF-8");
}

#[test]
fn two_of_one_version_are_refused_however_they_are_written() {
    for pair in
        [["V1__a.sql", "V01.0__b.sql"], ["V1_1__a.sql", "sub/V1.1__a.sql"], ["R__a.sql", "sub/R__a.sql"]]
    {
        let folder = folder(&pair.map(|name| (name, "")));
        assert!(matches!(Flyway.read(folder.path()), Err(FormatError::SameVersion { .. })), "{pair:?}");
    }
    // a baseline has its version beside a migration's
    assert_eq!(versions(&read(&[("V2__a.sql", ""), ("B2__a.sql", "")])), ["B2", "2"]);
}

#[test]
fn a_checksum_is_of_the_lines_without_their_ends() {
    assert_eq!(crc32("123456789"), 0xcbf4_3926);
    assert_eq!(crc32(""), 0);
    for same in ["1234\n56789\n", "\u{feff}1234\r\n56789", "1234\r56789\r"] {
        assert_eq!(crc32(same), 0xcbf4_3926, "{same:?}");
    }
    assert_eq!(number("123456789"), "-873187034");
    // only a mark at the very front is none
    assert_ne!(crc32("1234\u{feff}56789"), 0xcbf4_3926);
}

#[test]
fn a_changed_file_has_another_checksum_than_its_row() {
    let bundle = read(&[("V1__a.sql", "create table a (x int);\r\n"), ("V2__b.sql", "b")]);
    let first = format!("1|a|SQL|V1__a.sql|{}|true", number("create table a (x int);"));
    let told = Flyway
        .applied(&bundle, &rows(&[&first, "2|b|SQL|V2__b.sql|1|true", "3|late|SQL|V3__late.sql|9|true"]));
    let told = told.unwrap();
    assert_eq!(told[0].checksum.as_ref(), Some(&bundle.migrations[0].checksum));
    assert_ne!(told[1].checksum.as_ref(), Some(&bundle.migrations[1].checksum));
    assert_eq!((told[2].version.as_str(), told[2].description.as_str()), ("3", "late"));
}

#[test]
fn what_is_repeated_is_pending_when_its_last_run_had_another_text() {
    let bundle = read(&[("R__all_views.sql", "new")]);
    let (old, new) = (number("old"), number("new"));
    let run = |checksum: &str| format!("-|all views|SQL|R__all_views.sql|{checksum}|true");
    assert_eq!(applied(&bundle, &[]), [""; 0]);
    assert_eq!(applied(&bundle, &[&run(&old), &run(&new)]), ["R__all_views"]);
    assert_eq!(applied(&bundle, &[&run(&new), &run(&old)]), [""; 0]);
    assert_eq!(applied(&bundle, &[&run(&new), "-|all views|DELETE|R__all_views.sql|-|true"]), [""; 0]);
    assert_eq!(applied(&bundle, &["-|all views|SQL|R__all_views.sql|-|false"]), ["!R__all_views"]);
}

#[test]
fn all_up_to_a_baseline_counts_as_applied() {
    let bundle = read(&["V1__a.sql", "V1.5__b.sql", "V2__c.sql", "V3__d.sql"].map(|name| (name, "")));
    let schema = "-|<< Flyway Schema Creation >>|SCHEMA|\"shop\"|-|true";
    let mark = "2|<< Flyway Baseline >>|BASELINE|<< Flyway Baseline >>|-|true";
    assert_eq!(applied(&bundle, &[schema, mark]), ["1", "1.5", "2"]);
    // below it nothing is compared
    let told = Flyway.applied(&bundle, &rows(&["1|a|SQL|V1__a.sql|77|true", mark])).unwrap();
    assert_eq!(told[0].checksum, None);
}

#[test]
fn a_baseline_migration_stands_for_what_is_before_it_in_a_new_database_alone() {
    let files = ["V1__a.sql", "V2__b.sql", "B2__all.sql", "V3__c.sql", "B1__old.sql"].map(|name| (name, ""));
    let bundle = read(&files);
    assert_eq!(versions(&bundle), ["B1", "1", "B2", "2", "3"]);
    // nothing is applied: the newest baseline and what follows are pending
    assert_eq!(
        (applied(&bundle, &[]), left_out(&bundle, &[])),
        (vec![], ["B1", "1", "2"].map(str::to_owned).into())
    );
    for (row, whole, over) in [
        ("2|all|SQL_BASELINE|B2__all.sql|0|true", &["1", "B2", "2"][..], &["B1"][..]),
        ("2|all|SQL_BASELINE|B2__all.sql|0|false", &["!B2"], &["B1"]),
        // a database that has begun without one goes on without one
        ("1|a|SQL|V1__a.sql|0|true", &["1"], &["B1", "B2"]),
    ] {
        assert_eq!(applied(&bundle, &[row]), whole, "{row}");
        assert_eq!(left_out(&bundle, &[row]), over, "{row}");
    }
}

#[test]
fn a_baseline_that_is_waited_for_without_its_file_is_pending_until_the_history_is_as_far() {
    let mut alone = Bundle::empty("flyway");
    alone.migrations.push(Migration::named("B5".into(), "B5"));
    let mut beside = read(&[("V1__a.sql", ""), ("V2__b.sql", "")]);
    beside.migrations.push(Migration::named("B5".into(), "B5"));
    let version = |version: &str, success: bool| format!("{version}|a|SQL|V{version}__a.sql|0|{success}");
    for (row, is_there) in [
        (version("1", true), false),
        (version("4.9", true), false),
        (version("5", false), false),
        (version("5", true), true),
        (version("5.0", true), true),
        (version("10", true), true),
        ("5|all|SQL_BASELINE|B5__all.sql|0|true".to_owned(), true),
        ("6|all|SQL_BASELINE|B6__all.sql|0|true".to_owned(), true),
        ("4|all|SQL_BASELINE|B4__all.sql|0|true".to_owned(), false),
        ("5|<< Flyway Baseline >>|BASELINE|<< Flyway Baseline >>|-|true".to_owned(), true),
        ("4|<< Flyway Baseline >>|BASELINE|<< Flyway Baseline >>|-|true".to_owned(), false),
    ] {
        for bundle in [&alone, &beside] {
            let applied = applied(bundle, &[&row]);
            assert_eq!(applied.iter().any(|version| version == "B5"), is_there, "{row}: {applied:?}");
            assert_eq!(left_out(bundle, &[&row]), [""; 0], "{row}");
        }
    }
    // half of it is no more than half
    let failed = "5|all|SQL_BASELINE|B5__all.sql|0|false";
    assert_eq!(applied(&alone, &[failed]), ["!B5"]);
    // in a new database, it stands for nothing that has a file
    assert_eq!((applied(&beside, &[]), left_out(&beside, &[])), (vec![], vec![]));
}

#[test]
fn what_is_undone_or_deleted_is_pending_again() {
    let bundle = read(&[("V1__a.sql", ""), ("V2__b.sql", "")]);
    let (one, two) = ("1|a|SQL|V1__a.sql|0|true", "2|b|SQL|V2__b.sql|0|true");
    assert_eq!(applied(&bundle, &[one, two, "2|b|UNDO_SQL|U2__b.sql|0|true"]), ["1"]);
    assert_eq!(applied(&bundle, &[one, two, "2|b|UNDO_SQL|U2__b.sql|0|true", two]), ["1", "2"]);
    assert_eq!(applied(&bundle, &[one, two, "1|a|DELETE|V1__a.sql|-|true"]), ["2"]);
    assert_eq!(applied(&bundle, &[one, "2|b|SQL|V2__b.sql|0|false"]), ["1", "!2"]);
}

#[test]
fn rows_that_cannot_be_understood_are_said() {
    let bundle = read(&[("V1__a.sql", ""), ("V2__Code.java", "")]);
    let why = |line: &str| Flyway.applied(&bundle, &rows(&[line])).unwrap_err();
    assert_eq!(why("1|a|MAGIC|V1__a.sql|0|true"), "a row has the type \"MAGIC\", which is not known");
    assert_eq!(why("one|a|SQL|V1__a.sql|0|true"), "\"one\" is no version of Flyway's");
    assert_eq!(why("1|a|SQL|V1__a.sql|x|true"), "\"x\" is no checksum of Flyway's");
    assert_eq!(
        why("3|Other|JDBC|db.migration.V3__Other|-|true"),
        "db.migration.V3__Other was applied, which is Java, and only SQL is read"
    );
    // one that is in the folder makes what is pending unknown by itself
    assert_eq!(applied(&bundle, &["2|Code|JDBC|db.migration.V2__Code|-|true"]), [""; 0]);
}

proptest! {
    #[test]
    fn names_never_panic(name in "[VRBU]?[0-9._]{0,12}_{0,3}\\PC{0,8}(\\.sql|\\.SQL|\\.java|\\.conf)?") {
        let _ = parse(&name);
    }

    #[test]
    fn versions_are_compared_part_by_part(one in proptest::collection::vec(0..30_u32, 1..5), other in proptest::collection::vec(0..30_u32, 1..5)) {
        let written = |parts: &[u32], dot: &str| {
            Dotted::parse(&parts.iter().map(|part| format!("{part:02}")).collect::<Vec<_>>().join(dot)).unwrap()
        };
        let trimmed = |parts: &[u32]| {
            let kept = parts.iter().rposition(|part| *part != 0).map_or(1, |at| at + 1);
            parts[..kept].to_vec()
        };
        prop_assert_eq!(written(&one, ".").cmp(&written(&other, "_")), trimmed(&one).cmp(&trimmed(&other)));
    }
}
