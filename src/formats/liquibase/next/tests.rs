//! What is written beside which neighbours, read back by the format itself.

use super::*;
use crate::formats::folder::tree;
use crate::formats::{Format as _, liquibase::Liquibase};

/// 2023-11-14 22:13:20 UTC.
const NOW: i64 = 1_700_000_000_000;
const ROOT: &str = "<databaseChangeLog>\n  <includeAll path=\"db/changes\"/>\n</databaseChangeLog>\n";

fn sql(head: &str) -> String {
    format!("--liquibase formatted sql\n\n--changeset {head}\nselect 1;\n")
}

/// What is written into a folder, and what is to be added; what was added is then read as the last one.
#[track_caller]
fn next_of(files: &[(&str, &str)]) -> (Vec<NewFile>, Option<Addition>) {
    let folder = tree(files);
    let before = Liquibase.read(folder.path()).unwrap();
    let (new, add) = match next(&before, "add e-mail", NOW) {
        Next::Files(new) => (new, None),
        Next::Listed(file, add) => (vec![file], Some(add)),
        Next::Lines(add) => (Vec::new(), Some(add)),
        other => panic!("{other:?}"),
    };
    for file in &new {
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(!path.exists(), "{path:?}");
        std::fs::write(path, &file.text).unwrap();
    }
    if let Some(add) = &add {
        let path = folder.path().join(&add.path);
        let text = std::fs::read_to_string(&path).unwrap();
        let added = match text.rfind("</databaseChangeLog>").or_else(|| text.rfind("]}")) {
            Some(at) if text.starts_with('{') => format!("{}, {}]}}", &text[..at], add.text),
            Some(at) => format!("{}{}\n{}", &text[..at], add.text, &text[at..]),
            None => format!("{text}{}", add.text),
        };
        std::fs::write(path, added).unwrap();
    }
    let after = Liquibase.read(folder.path()).unwrap();
    assert_eq!(after.migrations.len(), before.migrations.len() + 1, "{new:?} {add:?} {after:?}");
    assert_eq!(after.unread, before.unread);
    let versions =
        |bundle: &Bundle| bundle.migrations.iter().map(|it| it.version.clone()).collect::<Vec<_>>();
    assert_eq!(versions(&after)[..before.migrations.len()], versions(&before));
    (new, add)
}

#[test]
fn a_folder_that_is_included_gets_a_file_like_its_neighbours() {
    for (names, heads, name, head) in [
        (["0001_users.sql", "0002_plans.sql"], ["ann:1", "ann:2"], "0003_add_e_mail.sql", "ann:3"),
        (["001-users.sql", "002-plans.sql"], ["ann:1", "bob:1"], "003-add-e-mail.sql", "bob:1"),
        (
            ["V1__Users.sql", "V2__Plans.sql"],
            ["ann:V1__Users", "ann:V2__Plans"],
            "V3__add_e_mail.sql",
            "ann:V3__add_e_mail",
        ),
        (["010_a.sql", "020_b.sql"], ["ann:010-1", "ann:020-1"], "030_add_e_mail.sql", "ann:030-1"),
        (["01.sql", "02.sql"], ["ann:users", "Ann B.:plans"], "03.sql", "\"Ann B.\":add_e_mail"),
        (
            ["20230101000000_a.sql", "20230101000001_b.pg.sql"],
            ["a:x-y", "a:y-z"],
            "20231114221320_add_e_mail.pg.sql",
            "a:add-e-mail",
        ),
        (["changelog-1-a.sql", "changelog-2-b.sql"], ["a:1", "a:9"], "changelog-3-add-e-mail.sql", "a:10"),
    ] {
        let texts = heads.map(sql);
        let files = [names[0], names[1]].map(|name| format!("db/changes/{name}"));
        let all = [("root.xml", ROOT), (&files[0], &texts[0]), (&files[1], &texts[1])];
        let expected = NewFile::new(
            format!("db/changes/{name}"),
            format!("--liquibase formatted sql\n\n--changeset {head}\n--comment: add e-mail\n\n"),
        );
        assert_eq!(next_of(&all), (vec![expected.clone()], None));
        // the root may be elsewhere
        assert_eq!(next_of(&all[1..]), (vec![expected], None));
    }
}

#[test]
fn a_folder_that_goes_by_names_gets_none_that_would_come_before_others() {
    for (names, why) in [
        (["8_a.sql", "9_b.sql"], "10_add_e_mail.sql would come before 9_b.sql"),
        (["plans.sql", "users.sql"], "users.sql has no number"),
        (["a-1.0.sql", "a-1.1.sql"], "a-1.1.sql has no number"),
        (["a_1.sql", "users2.sql"], "users2.sql has no number"),
    ] {
        let files = names.map(|name| format!("db/changes/{name}"));
        let text = sql("ann:1");
        let folder = tree(&[("root.xml", ROOT), (&files[0], &text), (&files[1], &text)]);
        let told = next(&Liquibase.read(folder.path()).unwrap(), "add e-mail", NOW);
        assert!(matches!(&told, Next::None(said) if said.contains(why)), "{told:?}");
    }
}

#[test]
fn a_root_that_names_its_files_gets_one_more_entry() {
    let one = sql("ann:1");
    for (name, root, text) in [
        (
            "root.xml",
            "<databaseChangeLog>\n<include relativeToChangelogFile='true' file='sql/001_a.sql'/>\n</databaseChangeLog>",
            "<include file=\"sql/002_add_e_mail.sql\" relativeToChangelogFile=\"true\"/>",
        ),
        (
            "root.xml",
            "<databaseChangeLog>\n<include file='app/sql/001_a.sql'/>\n</databaseChangeLog>",
            "<include file=\"app/sql/002_add_e_mail.sql\"/>",
        ),
        (
            "root.yaml",
            "databaseChangeLog:\n  - include:\n      file: sql/001_a.sql\n      relativeToChangelogFile: true\n",
            "  - include:\n      file: \"sql/002_add_e_mail.sql\"\n      relativeToChangelogFile: true",
        ),
        (
            "root.yml",
            "databaseChangeLog:\n- include:\n    file: app/sql/001_a.sql\n",
            "- include:\n    file: \"app/sql/002_add_e_mail.sql\"",
        ),
        (
            "root.json",
            r#"{"databaseChangeLog": [{"include": {"file": "app/sql/001_a.sql"}}]}"#,
            r#"{ "include": { "file": "app/sql/002_add_e_mail.sql" } }"#,
        ),
    ] {
        let (root_path, first) = (format!("app/{name}"), "app/sql/001_a.sql");
        let (new, add) = next_of(&[(&root_path, root), (first, &one)]);
        assert_eq!(new[0].name, "app/sql/002_add_e_mail.sql");
        let place = "as its last entry".to_owned();
        assert_eq!(add, Some(Addition { path: root_path, place, text: text.to_owned() }));
    }
}

#[test]
fn the_first_file_is_where_the_root_looks() {
    let name = "20231114221320_add_e_mail.sql";
    let (new, _) = next_of(&[("root.xml", "<databaseChangeLog/>\n<databaseChangeLog></databaseChangeLog>")]);
    assert_eq!(new[0].name, name);
    let inside = ROOT.replace("db/changes\"", "changes\" relativeToChangelogFile=\"true\"");
    let folder = tree(&[("db/root.xml", &inside)]);
    let told = next(&Liquibase.read(folder.path()).unwrap(), "add e-mail", NOW);
    assert!(matches!(&told, Next::Files(new) if new[0].name == format!("db/changes/{name}")), "{told:?}");
    let (new, add) = next_of(&[]);
    assert_eq!((new[0].name.as_str(), add), (FIRST, None));
    assert!(new[0].text.contains("--changeset bellwether:1\n--comment: add e-mail\n"));
    // people who write XML are not told to write SQL
    let folder =
        tree(&[("root.xml", "<databaseChangeLog><changeSet id='1' author='a'/></databaseChangeLog>")]);
    assert_eq!(next(&Liquibase.read(folder.path()).unwrap(), "b", NOW), Next::Tool(None));
}

#[test]
fn one_file_of_all_changesets_gets_one_more() {
    let (numbered, _) = next_of(&[("0001_users.sql", &sql("ann:1"))]);
    assert_eq!(numbered[0].name, "0002_add_e_mail.sql");
    for (before, head) in [
        ("--changeset ann:1\nselect 1;\n--changeset ann:2\nselect 2;\n", "--changeset ann:3"),
        ("-- changeset ann:170-1\nselect 1;\n-- changeset bob:170-2\nselect 2;\n", "-- changeset bob:170-3"),
        ("--changeset ann:add_e_mail\nselect 1;\n", "--changeset ann:add_e_mail-2"),
        ("--changeset ann:users2\nselect 1;\n", "--changeset ann:add_e_mail"),
    ] {
        let dashes = &head[..head.len() - head.trim_start_matches(['-', ' ']).len()];
        let text = format!("{dashes}liquibase formatted sql\n{before}");
        let (new, add) = next_of(&[("db.sql", &text)]);
        let text = format!("{head}\n{dashes}comment: add e-mail\n\n");
        let place = "at its end".to_owned();
        assert_eq!((new, add), (Vec::new(), Some(Addition { path: "db.sql".to_owned(), place, text })));
    }
}
