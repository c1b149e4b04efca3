use proptest::prelude::*;

use super::*;
use crate::formats::Cell;
use crate::formats::folder::{detected, tree};

const CLASS: &str = "class AddIndex < ActiveRecord::Migration[7.1]\nend\n";

fn rows(versions: &[&str]) -> Vec<Record> {
    versions.iter().map(|version| Record(vec![Cell::Words((*version).to_owned())])).collect()
}

#[test]
fn names_are_what_rails_makes_of_them() {
    for (name, version, words, scope) in [
        ("20240301120000_add_index.rb", "20240301120000", "add_index", ""),
        ("20240301120000_add_index.blorgh.rb", "20240301120000", "add_index", "blorgh"),
        ("001_a.rb", "1", "a", ""),
        ("0_.rb", "0", "", ""),
        ("1__a2.rb", "1", "_a2", ""),
    ] {
        let parsed = parse(name).unwrap();
        assert_eq!(
            (parsed.version.as_str(), parsed.words.as_str(), parsed.scope.as_str()),
            (version, words, scope)
        );
    }
    for name in
        ["a_1.rb", "1.rb", "1_A.rb", "1_a.b.c.rb", "1_a-b.rb", "1_é.rb", "1_a.rb.bak", "1_a.sql", "_a.rb"]
    {
        assert_eq!(parse(name), None, "{name}");
    }
}

#[test]
fn the_folders_below_count_and_versions_are_numbers() {
    let dir = tree(&[
        ("20240301120000_add_index.rb", CLASS),
        ("9_old.rb", CLASS),
        ("2023/010_tens.blorgh.rb", CLASS),
        (".hidden/1_gone.rb", CLASS),
        ("README.md", ""),
        ("helper.rb", "module Helper; end"),
        ("1_notes.txt", ""),
        ("latin1_.rb", ""),
    ]);
    let bundle = Rails.read(dir.path()).unwrap();
    let versions: Vec<_> = bundle.migrations.iter().map(|it| it.version.as_str()).collect();
    assert_eq!(versions, ["9", "10", "20240301120000"]);
    assert_eq!(bundle.migrations[1].description, "tens (blorgh)");
    // as older Rails wrote them, and one whose file is gone
    let applied = Rails.applied(&bundle, &rows(&["0009", "010", "8", "20240301120001"])).unwrap();
    let applied: Vec<_> = applied.iter().map(|row| row.version.as_str()).collect();
    assert_eq!(applied, ["9", "10", "8", "20240301120001"]);
    let odd = Rails.applied(&bundle, &rows(&["1", "initial"]));
    assert_eq!(odd, Err("\"initial\" is no version".to_owned()));
}

#[test]
fn what_rails_refuses_is_refused() {
    let refused = |files: &[(&str, &str)]| {
        let dir = tree(files);
        let said = Rails.read(dir.path()).unwrap_err().to_string();
        said.replace(&format!("{}/", dir.path().display()), "")
    };
    assert_eq!(refused(&[("1_a.rb", ""), ("001_b.rb", "")]), "001_b.rb and 1_a.rb have the same version 1");
    assert_eq!(
        refused(&[("1_add_1.rb", ""), ("x/2_add1.rb", "")]),
        "x/2_add1.rb: 1_add_1.rb is Add1 as well, and Rails refuses two migrations of one name \
         (DuplicateMigrationNameError)"
    );
    assert!(
        refused(&[("1_AddIndex.rb", "")])
            .starts_with("1_AddIndex.rb is no migration: Rails refuses the name")
    );
}

#[test]
fn it_is_recognised_by_a_class_in_a_file_of_such_a_name() {
    let detect = |files: &[(&str, &str)]| detected(&Rails, tree(files).path());
    assert!(detect(&[("1_a.rb", CLASS)]).unwrap().contains("1_a.rb"));
    assert!(detect(&[("1_a.rb", &format!("\u{feff}{CLASS}"))]).is_some());
    let latin = tree(&[]);
    let text = [b"# coding: iso-8859-1\n# caf\xe9\n", CLASS.as_bytes()].concat();
    std::fs::write(latin.path().join("1_a.rb"), text).unwrap();
    assert!(detected(&Rails, latin.path()).is_some());
    assert_eq!(detect(&[("1_a.rb", "Sequel.migration do\nend\n")]), None);
    assert_eq!(detect(&[("a.rb", CLASS)]), None);
    assert_eq!(detect(&[("1_a.sql", "")]), None);
}

proptest! {
    #[test]
    fn no_name_is_too_odd(name in "\\PC{0,20}|[0-9]{0,3}_?[a-z_.]{0,6}\\.rb") {
        if let Some(parsed) = parse(&name) {
            prop_assert!(parsed.version.bytes().all(|byte| byte.is_ascii_digit()));
            parsed.class();
        }
    }

    #[test]
    fn the_order_is_that_of_the_numbers(one in any::<u64>(), other in any::<u64>(), zeros in "0{0,3}") {
        let parsed = |number: u64| parse(&format!("{zeros}{number}_a.rb")).unwrap();
        prop_assert_eq!(parsed(one).order().cmp(&parsed(other).order()), one.cmp(&other));
    }
}
