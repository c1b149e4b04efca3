//! Formatted SQL, changelogs that include it, and rows as Liquibase writes them.

use proptest::prelude::*;

use super::*;
use crate::formats::folder::detected;
use crate::formats::folder::tree as folder;
use crate::formats::history::Cell;

const ONE: &str =
    "--liquibase formatted sql\n\n--changeset ann:1\ncreate table a (x int);\n--rollback drop table a;\n";
const TWO: &str = "-- liquibase formatted sql\n-- changeset \"Ann B.\":two-b\ncreate table b (x int);\n";

fn xml(inside: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<databaseChangeLog xmlns=\"urn:x\">\n{inside}\n</databaseChangeLog>")
}

fn versions(bundle: &Bundle) -> Vec<&str> {
    bundle.migrations.iter().map(|migration| migration.version.as_str()).collect()
}

fn unread(bundle: &Bundle) -> Vec<String> {
    bundle.unread.iter().map(|unread| format!("{} {}", unread.name, unread.why)).collect()
}

fn rows(lines: &[&str]) -> Vec<Record> {
    let row = |line: &&str| Record(line.split('|').map(|word| Cell::Words(word.to_owned())).collect());
    lines.iter().map(row).collect()
}

#[test]
fn without_a_root_all_formatted_sql_is_read_in_order() {
    let folder =
        folder(&[("b.sql", TWO), ("a.sql", ONE), ("c.sql", "create table c (x int)"), ("d.sql", " \n")]);
    let bundle = Liquibase.read(folder.path()).unwrap();
    assert_eq!(versions(&bundle), ["a.sql::1::ann", "b.sql::two-b::Ann B."]);
    assert_eq!(bundle.migrations[1].name, "b.sql Ann B.:two-b");
    assert_eq!(unread(&bundle), ["c.sql is SQL without `--liquibase formatted sql`, and only that is read"]);
}

#[test]
fn a_root_says_which_files_and_in_which_order() {
    for root in [
        (
            "root.xml",
            xml("<!-- <include file='c.sql'/> --><include file=\"b.sql\"/>\n<includeAll path='more/'/>"),
        ),
        (
            "root.yaml",
            "databaseChangeLog:\n- include:\n    file: b.sql\n- includeAll:\n    path: more\n".to_owned(),
        ),
        (
            "root.json",
            r#"{"databaseChangeLog": [{"include": {"file": "b.sql"}}, {"includeAll": {"path": "more"}}]}"#
                .to_owned(),
        ),
        (
            "root.xml",
            xml(
                "<property name='x' value='a>b'/><include file='./b.sql' relativeToChangelogFile='true'/><include file='next.xml'/>",
            ),
        ),
    ] {
        let next = xml("<includeAll path='more' relativeToChangelogFile='true' endsWithFilter='.sql'/>");
        let mut files =
            vec![("b.sql", TWO), ("a.sql", "loose"), ("more/1.sql", ONE), (root.0, root.1.as_str())];
        if root.1.contains("next.xml") {
            files.push(("next.xml", &next));
        }
        let folder = folder(&files);
        assert!(detected(&Liquibase, folder.path()).is_some());
        let bundle = Liquibase.read(folder.path()).unwrap();
        assert_eq!(versions(&bundle), ["b.sql::two-b::Ann B.", "more/1.sql::1::ann"], "{root:?}");
        assert_eq!(unread(&bundle), [""; 0]);
    }
}

#[test]
fn dotfiles_of_a_folder_that_is_included_are_told() {
    let root =
        |path: &str, more: &str| xml(&format!("<include file='a.sql'/><includeAll path='{path}' {more}/>"));
    let read = |root: &str| {
        let files = [
            ("root.xml", root),
            ("a.sql", ONE),
            (".b.sql", TWO),
            ("d/c.sql", TWO),
            ("d/.e.SQL", TWO),
            ("d/.git/f.sql", TWO),
            ("d/inner/.g.yaml", ""),
            ("d/.gitkeep", ""),
        ];
        let dir = folder(&files);
        let bundle = Liquibase.read(dir.path()).unwrap();
        assert_eq!(versions(&bundle), ["a.sql::1::ann", "d/c.sql::two-b::Ann B."]);
        unread(&bundle).into_iter().map(|it| it.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(read(&root("d", "")), ["d/.e.SQL", "d/.git/f.sql", "d/inner/.g.yaml"]);
    assert_eq!(read(&root("d/", "relativeToChangelogFile='true' endsWithFilter='c.sql'")), [""; 0]);
    assert_eq!(read(&xml("<include file='a.sql'/><include file='d/c.sql'/>")), [""; 0]);
}

#[test]
fn what_is_not_read_is_said() {
    let root = xml("<changeSet id='1' author='ann'><createTable tableName='include'/></changeSet>
         <include file='a.sql'/><include file='gone.sql'/><include file='b.sql' context='test'/>");
    let files = [("root.xml", root.as_str()), ("a.sql", ONE), ("b.sql", TWO)];
    let bundle = Liquibase.read(folder(&files).path()).unwrap();
    assert_eq!(versions(&bundle), ["a.sql::1::ann"]);
    assert_eq!(
        unread(&bundle),
        [
            "root.xml has a changeSet in XML, and only formatted SQL is read",
            "root.xml includes gone.sql, which is not in this folder",
        ]
    );
    let with_context = xml("<include file='b.sql' context='test'/>");
    let bundle = Liquibase.read(folder(&[("root.xml", &with_context), ("b.sql", TWO)]).path()).unwrap();
    assert_eq!(unread(&bundle), ["root.xml includes b.sql with context, which is not read"]);
    let bundle =
        Liquibase.read(folder(&[("root.xml", "<databaseChangeLog>"), ("b.sql", TWO)]).path()).unwrap();
    assert_eq!(unread(&bundle), ["root.xml is no XML that can be read"]);
}

#[test]
fn of_several_roots_none_is_taken() {
    let include = xml("<include file='a.sql'/>");
    let folder = folder(&[("root.xml", &include), ("other.yaml", "databaseChangeLog: []"), ("a.sql", ONE)]);
    let bundle = Liquibase.read(folder.path()).unwrap();
    assert_eq!(versions(&bundle), [""; 0]);
    assert_eq!(unread(&bundle)[0], "other.yaml is one of 2 roots, and which of them is run cannot be told");
    assert_eq!(bundle.unread.len(), 2);
}

#[test]
fn attributes_decide() {
    let text = "--liquibase formatted sql logicalFilePath:db/all.sql
--changeset ann:1 runOnChange:true
select 1;
--changeset ann:2 ignore:true
select 2;
--changeset ann:3 logicalFilePath:other.sql dbms:postgresql
select 3;
--ignoreLines:start
--changeset ann:no
--ignoreLines:end
--changeset ann:${four}
select 4;
";
    let bundle = Liquibase.read(folder(&[("a.sql", text)]).path()).unwrap();
    assert_eq!(versions(&bundle), ["db/all.sql::1::ann", "other.sql::3::ann"]);
    assert_eq!(
        unread(&bundle),
        [
            "a.sql ann:1 runs again when its text changes, and whether it did is not read",
            "a.sql ann:${four} is named by a property, which is not read",
        ]
    );
    let told = Liquibase.applied(&bundle, &rows(&["1|ann|classpath:db/all.sql|EXECUTED"])).unwrap();
    let open = (Version::from("other.sql::3::ann"), "it has dbms:postgresql".to_owned());
    assert_eq!(Liquibase.undecided(&bundle, &told), [open]);
    let told =
        Liquibase.applied(&bundle, &rows(&["1|ann|db/all.sql|RERAN", "3|ann|other.sql|MARK_RAN"])).unwrap();
    let known: Vec<_> = told.iter().map(|row| row.version.as_str()).collect();
    assert_eq!(known, versions(&bundle));
    assert!(Liquibase.undecided(&bundle, &told).is_empty());
}

#[test]
fn a_row_is_a_file_s_if_the_file_s_path_ends_like_it() {
    let folder = folder(&[("db/changes/a.sql", ONE), ("db/changes/b.sql", TWO)]);
    let bundle = Liquibase.read(&folder.path().join("db/changes")).unwrap();
    let first = |file: &str| {
        let told = Liquibase.applied(&bundle, &rows(&[&format!("1|ann|{file}|EXECUTED")]))?;
        Ok::<_, String>(told[0].version.to_string())
    };
    for file in
        ["a.sql", "changes/a.sql", "db/changes/a.sql", "classpath:/db/changes/a.sql", "changes\\a.sql"]
    {
        assert_eq!(first(file), Ok("a.sql::1::ann".to_owned()), "{file}");
    }
    assert_eq!(first("z.sql"), Ok("z.sql::1::ann".to_owned()));
    assert_eq!(
        first("elsewhere/a.sql"),
        Err("ann:1 was run from elsewhere/a.sql; whether that is a.sql cannot be told".to_owned())
    );
}

#[test]
fn rows_that_cannot_be_understood_are_said() {
    let bundle = Liquibase.read(folder(&[("x/a.sql", ONE), ("y/a.sql", ONE)]).path()).unwrap();
    let why = |line: &str| Liquibase.applied(&bundle, &rows(&[line])).unwrap_err();
    assert_eq!(why("1|ann|a.sql|EXECUTED"), "a.sql with ann:1 can be more than one of these files");
    assert_eq!(why("1|ann|x/a.sql|MAYBE"), "a row has the type \"MAYBE\", which is not known");
    let told = Liquibase.applied(&bundle, &rows(&["1|ann|x/a.sql|FAILED", "1|ann|y/a.sql|SKIPPED"])).unwrap();
    assert_eq!((told.len(), told[0].success), (1, false));
    // a table of a Liquibase that had no EXECTYPE
    let mut old = rows(&["1|ann|x/a.sql|"]);
    old[0].0[3] = Cell::Null;
    assert!(Liquibase.applied(&bundle, &old).unwrap()[0].success);
}

#[test]
fn what_liquibase_refuses_is_unread_or_refused() {
    let bad = "--liquibase formatted sql\n--changeset ann\nselect 1;\n";
    let bundle = Liquibase.read(folder(&[("a.sql", bad)]).path()).unwrap();
    assert_eq!(unread(&bundle), ["a.sql cannot be read: its line 2 is no `--changeset author:id`"]);
    let twice = format!("{ONE}--changeset ann:1\nselect 1;\n");
    let folder = folder(&[("a.sql", &twice)]);
    assert!(matches!(Liquibase.read(folder.path()), Err(FormatError::SameVersion { .. })));
}

#[test]
fn conditions_are_seen() {
    let condition = |head: &str, rest: &str| {
        let text = format!("--liquibase formatted sql\n--changeset ann:1 {head}\n{rest}\nselect 1;\n");
        changeset::condition(&changeset::parse(&text).unwrap()[0].text)
    };
    assert_eq!(condition("", ""), None);
    assert_eq!(condition("runAlways:true stripComments:false ignore:false", ""), None);
    assert_eq!(condition("contextFilter:\"a and b\"", ""), Some("it has contextFilter:a and b".to_owned()));
    assert_eq!(condition("labels:x", ""), Some("it has labels:x".to_owned()));
    assert_eq!(condition("failOnError:false", ""), Some("it may fail (failOnError:false)".to_owned()));
    assert_eq!(condition("", "--preconditions onFail:MARK_RAN"), None);
    assert!(condition("", "--preconditions onFail:CONTINUE onError:HALT").is_some());
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,40}", line in "-{0,2} ?(changeset|liquibase formatted|ignoreLines:|property)[ :\"a-z0-9]{0,20}\\PC{0,4}", xml in "[<>/!=\"' a-z?\\[\\]-]{0,60}") {
        let _ = changeset::parse(&format!("--liquibase formatted sql\n{text}\n{line}\n{text}"));
        let _ = changeset::condition(&format!("{line}\n{text}"));
        for language in [changelog::Language::Xml, changelog::Language::Yaml, changelog::Language::Json] {
            let _ = changelog::parse(&format!("databaseChangeLog{xml}"), language);
            let _ = changelog::parse(&format!("<databaseChangeLog>{xml}{text}"), language);
        }
    }
}
