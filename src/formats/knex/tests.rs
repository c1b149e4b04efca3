use proptest::prelude::*;

use super::*;
use crate::formats::{Cell, find};

const TEXT: &str = "exports.up = (knex) => knex.raw('select 1');\n";

fn folder(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::write(dir.path().join(name), TEXT).unwrap();
    }
    dir
}

fn read(names: &[&str]) -> Bundle {
    Knex.read(folder(names).path()).unwrap()
}

fn names(bundle: &Bundle) -> Vec<&str> {
    bundle.migrations.iter().map(|it| it.name.as_str()).collect()
}

fn rows(names: &[&str]) -> Vec<Record> {
    names.iter().map(|name| Record(vec![Cell::Words((*name).to_owned())])).collect()
}

fn applied(bundle: &Bundle, names: &[&str]) -> Result<Vec<String>, String> {
    let applied = Knex.applied(bundle, &rows(names))?;
    Ok(applied.into_iter().map(|it| it.version.0).collect())
}

#[test]
fn what_knex_loads_is_read_in_its_order() {
    let bundle = read(&[
        "9_b.js",
        "10_c.cjs",
        "20240101000000_create_users.ts",
        "notes.md",
        "old.sql",
        "x.d.ts",
        "a.js.map",
    ]);
    assert_eq!(names(&bundle), ["10_c.cjs", "20240101000000_create_users.ts", "9_b.js"]);
    assert!(bundle.unread.is_empty());
    let users = &bundle.migrations[1];
    assert_eq!((users.version.as_str(), users.description.as_str()), (users.name.as_str(), "create users"));
    assert!(read(&[]).is_empty());
    let dir = folder(&[]);
    std::fs::create_dir(dir.path().join("1_folder.js")).unwrap();
    assert!(Knex.read(dir.path()).unwrap().is_empty());
    assert!(matches!(Knex.read(Path::new("/nowhere/at/all")), Err(FormatError::NoFolder { .. })));
}

/// As `knex migrate:status` lists them; `._…` is what archives of macOS have beside each file.
#[test]
fn dotfiles_are_migrations_as_knex_has_them() {
    let bundle = read(&["1_a.js", "._1_a.js", ".2_b.ts", ".js", ".gitkeep", ".d.ts"]);
    assert_eq!(names(&bundle), [".2_b.ts", "._1_a.js", "1_a.js"]);
    assert!(bundle.unread.is_empty());
}

#[test]
fn what_only_the_configuration_tells_is_not_guessed() {
    let alone = read(&["1_a.mjs", "2_b.mjs"]);
    assert_eq!((names(&alone).len(), alone.unread.len()), (2, 0));
    let mixed = read(&["1_a.js", "2_b.mjs"]);
    assert_eq!(names(&mixed), ["1_a.js"]);
    assert_eq!(mixed.unread[0].name, "2_b.mjs");
    assert!(mixed.unread[0].why.contains("loadExtensions"), "{}", mixed.unread[0].why);
    let twins = read(&["1_a.js", "1_a.ts"]);
    assert_eq!(names(&twins), ["1_a.js"]);
    assert!(twins.unread[0].why.contains("1_a.js"), "{}", twins.unread[0].why);
    assert!(!twins.unread[0].checksum.is_empty());
    // whichever of the two is recorded
    assert_eq!(applied(&twins, &["1_a.ts"]), Ok(vec!["1_a.js".to_owned()]));
    assert_eq!(applied(&twins, &["1_a.js"]), Ok(vec!["1_a.js".to_owned()]));
}

#[test]
fn names_are_compared_with_their_endings() {
    let compiled = read(&["1_a.js", "2_b.js"]);
    assert_eq!(applied(&compiled, &["1_a.js", "3_c.js"]), Ok(vec!["1_a.js".to_owned(), "3_c.js".to_owned()]));
    let why = applied(&compiled, &["1_a.ts"]).unwrap_err();
    assert!(why.contains("1_a.ts") && why.contains("1_a.js"), "{why}");
    assert_eq!(Knex.applied(&compiled, &[Record(vec![Cell::Null])]), Ok(vec![]));
}

#[test]
fn a_folder_of_both_tools_names_both() {
    let ours = folder(&["20240101000000_a.js"]);
    assert_eq!(find(None, ours.path()).unwrap().0.name(), "knex");
    std::fs::write(ours.path().join("20240101000000_a.js"), "exports.up = (pgm) => {}").unwrap();
    assert_eq!(find(None, ours.path()).unwrap().0.name(), "node-pg-migrate");
    std::fs::write(ours.path().join("20240101000000_a.js"), "").unwrap();
    std::fs::rename(ours.path().join("20240101000000_a.js"), ours.path().join("1_a.js")).unwrap();
    std::fs::write(ours.path().join("1_a.js"), "exports.up = (db) => {}").unwrap();
    let Err(FormatError::Ambiguous { candidates, .. }) = find(None, ours.path()) else { panic!("one fits") };
    assert!(
        candidates[0].starts_with("node-pg-migrate (1_a.js") && candidates[1].starts_with("knex (1_a.js")
    );
}

#[test]
fn a_link_that_leads_nowhere_is_no_silence() {
    let folder = folder(&["20240101000000_a.js"]);
    std::os::unix::fs::symlink("/nowhere/b.js", folder.path().join("20240102000000_b.js")).unwrap();
    for format in [&Knex as &dyn Format, &crate::formats::node_pg_migrate::NodePgMigrate] {
        assert!(matches!(format.read(folder.path()), Err(FormatError::Unreadable { .. })), "{format:?}");
    }
}

#[test]
fn new_is_knex_s_own() {
    let next = Knex.next(&read(&[]), "Add users' e-mail", 0);
    assert_eq!(next, Next::Tool(Some("npx knex migrate:make add_users_e_mail".to_owned())));
}

proptest! {
    #[test]
    fn any_names_are_read(names in proptest::collection::btree_set("[0-9]{0,3}[a-zA-Z_é ]{1,6}\\.(js|ts|mjs|d\\.ts|sql|coffee)", 0..8)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let bundle = read(&names);
        prop_assert!(bundle.migrations.is_sorted_by(|one, other| one.name < other.name));
        let loaded = names.iter().filter(|name| !name.ends_with("sql") && !name.ends_with(".d.ts")).count();
        prop_assert_eq!(bundle.migrations.len() + bundle.unread.len(), loaded);
    }
}
