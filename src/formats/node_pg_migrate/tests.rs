use proptest::prelude::*;

use super::*;
use crate::formats::folder::detected;
use crate::formats::folder::tree as folder;
use crate::formats::{Cell, find};

fn read(names: &[&str]) -> Bundle {
    let files: Vec<_> = names.iter().map(|name| (*name, "exports.up = (pgm) => {};\n")).collect();
    NodePgMigrate.read(folder(&files).path()).unwrap()
}

fn versions(bundle: &Bundle) -> Vec<&str> {
    bundle.migrations.iter().map(|it| it.version.as_str()).collect()
}

#[test]
fn files_stand_in_the_tool_s_order() {
    for (names, expected) in [
        (&["10_b.js", "9_a.js", "1_c.sql"][..], &["1_c", "9_a", "10_b"][..]),
        // 2024-03-01T14:22:33.123Z is 1709302953123
        (
            &["1709302953124_c.js", "20240301142233123_b.ts", "1709302953122_a.mjs"],
            &["1709302953122_a", "20240301142233123_b", "1709302953124_c"],
        ),
        (&["0002-b.cjs", "0001-a.js"], &["0001-a", "0002-b"]),
        (&["1_b10.js", "1_b9.js", "1_A.js"], &["1_A", "1_b9", "1_b10"]),
        // a date that is none
        (&["20241301000000000_b.js", "9_a.js"], &["9_a", "20241301000000000_b"]),
    ] {
        assert_eq!(versions(&read(names)), expected);
    }
    let bundle = read(&["1700000000000_create-users_table.js", "README.md", "1_a.d.ts", "1_a.js.map"]);
    assert_eq!(versions(&bundle), ["1700000000000_create-users_table"]);
    assert_eq!(bundle.migrations[0].description, "create users table");
    assert!(bundle.unread.is_empty());
}

#[test]
fn what_only_the_configuration_tells_is_not_guessed() {
    let twins = read(&["1_a.js", "1_a.sql", "2_b.js"]);
    assert_eq!(versions(&twins), ["1_a", "2_b"]);
    assert_eq!(twins.unread[0].name, "1_a.sql");
    assert!(twins.unread[0].why.contains("1_a.js"), "{}", twins.unread[0].why);
    let helper = read(&["1_a.js", "helper.js"]);
    assert_eq!(helper.unread[0].name, "helper.js");
    assert!(helper.unread[0].why.contains("ignore-pattern"));
}

#[test]
fn names_are_recorded_without_their_endings() {
    let rows: Vec<_> = ["9_a", "100_d"].map(|name| Record(vec![Cell::Words(name.to_owned())])).into();
    let applied = NodePgMigrate.applied(&read(&["9_a.js"]), &rows).unwrap();
    let versions: Vec<_> = applied.iter().map(|it| (it.version.as_str(), it.success)).collect();
    assert_eq!(versions, [("9_a", true), ("100_d", true)]);
    let rules = NodePgMigrate.history().rules;
    assert!(
        !rules.out_of_order && !rules.missing && rules.changed && matches!(rules.sequence, Sequence::Own(_))
    );
}

#[test]
fn sql_files_are_known_by_their_comment() {
    for (text, known) in [
        ("-- Up Migration\ncreate table a ();\n-- Down Migration\n", true),
        ("select 1;\n  --- UP   migration\n", true),
        ("-- up\nselect 1;", false),
        ("-- upmigration\n", false),
        ("select 1;", false),
    ] {
        let dir = folder(&[("1700000000000_a.sql", text)]);
        assert_eq!(detected(&NodePgMigrate, dir.path()).is_some(), known, "{text}");
    }
    let dir = folder(&[("1700000000000_a.js", "export const up = (pgm) => {}")]);
    assert_eq!(find(None, dir.path()).unwrap().0.name(), "node-pg-migrate");
    assert_eq!(detected(&NodePgMigrate, &dir.path().join("gone")), None);
}

#[test]
fn new_is_the_tool_s_own() {
    let next = NodePgMigrate.next(&read(&[]), "add e-mail", 0);
    assert_eq!(next, Next::Tool(Some("npx node-pg-migrate create add_e-mail".to_owned())));
}

proptest! {
    #[test]
    fn any_names_have_one_order(mut names in proptest::collection::vec("[0-9]{0,17}[-_]?[a-zA-Zé0-9 .]{0,6}", 1..8)) {
        names.sort_by(|one, other| order(one, other));
        for (at, one) in names.iter().enumerate() {
            prop_assert!(names[at..].iter().all(|other| order(one, other) != Ordering::Greater));
        }
    }
}
