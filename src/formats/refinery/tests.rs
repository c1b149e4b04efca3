//! Names, checksums as refinery makes them, and what its table says.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::formats::folder::{detected, tree};
use crate::formats::history::Cell;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tree(files);
    fs::create_dir(folder.path().join(".git")).unwrap();
    folder
}

fn read(files: &[(&str, &str)]) -> Bundle {
    Refinery.read(folder(files).path()).unwrap()
}

fn row(version: &str, name: &str, checksum: &str) -> Record {
    Record([version, name, checksum].map(|word| Cell::Words(word.to_owned())).into())
}

#[test]
fn versions_are_numbers_and_folders_are_read_too() {
    let files =
        [("V10__c.sql", ""), ("a/V2__b_b.sql", ""), ("U1__late.sql", ""), ("a/mod.rs", ""), ("V3_x.sql", "")];
    let bundle = read(&files);
    let seen: Vec<_> =
        bundle.migrations.iter().map(|m| (m.version.as_str(), m.description.as_str())).collect();
    assert_eq!(seen, [("1", "late"), ("2", "b b"), ("10", "c")]);
    assert!(bundle.unread.is_empty());
}

/// As `refinery migrate` finds them.
#[test]
fn dotfiles_are_read_and_links_to_folders_are_not_gone_into() {
    let folder =
        folder(&[("m/V1__a.sql", ""), ("m/.old/V2__b.sql", ""), ("m/.V3__c.sql", ""), ("out/V4__d.sql", "")]);
    let migrations = folder.path().join("m");
    std::os::unix::fs::symlink("../out", migrations.join("more")).unwrap();
    std::os::unix::fs::symlink("../out/V4__d.sql", migrations.join("V5__e.sql")).unwrap();
    let bundle = Refinery.read(&migrations).unwrap();
    let versions: Vec<_> = bundle.migrations.iter().map(|it| it.version.as_str()).collect();
    assert_eq!((versions, bundle.unread.len()), (vec!["1", "2", "5"], 0));
}

#[test]
fn what_refinery_fails_at_is_unread_and_what_it_ignores_is_no_migration() {
    let bundle = read(&[("V1.2__a.sql", ""), ("V99999999999999999999__b.sql", ""), ("V1__a-b.sql", "")]);
    let why: Vec<_> =
        bundle.unread.iter().map(|unread| (unread.name.as_str(), unread.why.as_str())).collect();
    assert_eq!(why[0], ("V1.2__a.sql", "has a version with a dot, and refinery's are whole numbers"));
    assert!(why[1].1.contains("too large"), "{why:?}");
    assert_eq!((why.len(), bundle.migrations.len()), (2, 0));
}

#[test]
fn two_of_one_version_are_refused() {
    let folder = folder(&[("V1__a.sql", ""), ("V01__b.sql", "")]);
    assert!(
        matches!(Refinery.read(folder.path()), Err(FormatError::SameVersion { version, .. }) if version == "1")
    );
}

/// As the crate's own `Migration::unapplied` hashes them; the numbers are recorded by refinery_cli 0.10.
#[test]
fn a_checksum_is_the_one_that_is_recorded() {
    let bundle = read(&[("V1__initial.sql", "create table a (x int);\n")]);
    let recorded = u64::from_be_bytes(bundle.migrations[0].checksum.clone().try_into().unwrap());
    assert_eq!(recorded.to_string(), "4305146185652932156");
}

#[test]
fn rows_are_understood_with_either_width_of_version_and_files_in_rust_are_not_compared() {
    let bundle = read(&[("V1__a.sql", "select 1"), ("V2__b.rs", "pub fn migration() -> String { todo }")]);
    let wide = wide(&bundle.migrations[0]).unwrap().to_string();
    let applied =
        Refinery.applied(&bundle, &[row("1", "a", &wide), row("2", "b", "7"), row("3", "c_d", "8")]).unwrap();
    assert_eq!(applied[0].checksum.as_ref(), Some(&bundle.migrations[0].checksum));
    assert_eq!(applied[1].checksum, None);
    assert_eq!((applied[2].description.as_str(), applied[2].checksum.is_some()), ("c d", true));
    let changed = Refinery.applied(&bundle, &[row("1", "a", "5")]).unwrap();
    assert_ne!(changed[0].checksum.as_ref(), Some(&bundle.migrations[0].checksum));
    assert_eq!(
        Refinery.applied(&bundle, &[row("1", "a", "x")]),
        Err("\"x\" is no checksum of refinery's".to_owned())
    );
}

#[test]
fn it_is_told_from_flyway_by_what_only_one_of_them_has() {
    let both = folder(&[("V1__a.sql", "")]);
    assert!(detected(&Refinery, both.path()).is_some() && detected(&flyway::Flyway, both.path()).is_some());
    for (files, is_refinery) in [
        (&[("V1__a.sql", ""), ("V2__b.rs", "")][..], true),
        (&[("V1__a.sql", ""), ("Cargo.toml", "refinery = \"0.9\"")], true),
        (&[("V1__a.sql", ""), ("R__b.sql", "")], false),
        (&[("V1.1__a.sql", ""), ("V1__b.sql", "")], false),
        (&[("V1__a.sql", ""), ("pom.xml", "<artifactId>flyway-core</artifactId>")], false),
    ] {
        let folder = folder(files);
        assert_eq!(detected(&Refinery, folder.path()).is_some(), is_refinery, "{files:?}");
        assert_eq!(detected(&flyway::Flyway, folder.path()).is_some(), !is_refinery, "{files:?}");
    }
}

proptest! {
    #[test]
    fn names_never_panic(name in "[VU]?[0-9.]{0,22}_{0,3}\\PC{0,8}(\\.sql|\\.rs)?") {
        let _ = parse(&name);
    }

    #[test]
    fn a_version_is_what_is_written(version in 0..=i64::MAX as u64, zeros in 0..3_usize) {
        let name = format!("V{}{version}__x.sql", "0".repeat(zeros));
        prop_assert_eq!(parse(&name), Some(Ok(Name { version, words: "x".to_owned() })));
    }
}
