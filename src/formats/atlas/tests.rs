//! The folder with its sums, and rows as Atlas writes them.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::formats::history::Cell;

/// As `testdata` of Atlas's own tests has them (`sql/migrate/testdata/sub`).
const FILES: [(&str, &str); 2] = [
    ("1_initial.sql", "-- create table \"t\"\nCREATE TABLE t(c int);"),
    ("2_next.sql", "ALTER TABLE t ADD d int;\n"),
];

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// A folder with the sums that Atlas would write: each made here in another way than the reader's.
fn summed(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = folder(files);
    let script = r#"
import base64, glob, hashlib, os, sys
os.chdir(sys.argv[1])
running, total, lines = hashlib.sha256(), hashlib.sha256(), ""
for name in sorted(glob.glob("*.sql")):
    running.update(name.encode())
    running.update(open(name, "rb").read())
    sum = base64.b64encode(running.copy().digest()).decode()
    lines += f"{name} h1:{sum}\n"
    total.update((name + sum).encode())
open("atlas.sum", "w").write("h1:" + base64.b64encode(total.digest()).decode() + "\n" + lines)
"#;
    let made =
        std::process::Command::new("python3").args(["-c", script]).arg(folder.path()).status().unwrap();
    assert!(made.success());
    folder
}

fn rows(lines: &[&str]) -> Vec<Record> {
    let row = |line: &&str| Record(line.split('|').map(|word| Cell::Words(word.to_owned())).collect());
    lines.iter().map(row).collect()
}

fn applied(bundle: &Bundle, lines: &[&str]) -> Vec<String> {
    let told = Atlas.applied(bundle, &rows(lines)).unwrap();
    told.iter().map(|row| format!("{}{}", if row.success { "" } else { "!" }, row.version)).collect()
}

fn refused(folder: &Path) -> (Option<usize>, String) {
    match Atlas.read(folder) {
        Err(FormatError::Unsupported { path, line, what }) if path.ends_with("atlas.sum") => (line, what),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_whose_sums_are_right_is_read() {
    let folder = summed(&FILES);
    assert!(Atlas.detect(folder.path()).is_some());
    let bundle = Atlas.read(folder.path()).unwrap();
    let seen: Vec<_> =
        bundle.migrations.iter().map(|one| (one.version.as_str(), one.description.as_str())).collect();
    assert_eq!(seen, [("1", "initial"), ("2", "next")]);
}

#[test]
fn what_atlas_refuses_is_refused_with_its_words() {
    let folder = summed(&FILES);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("2_next.sql", "changed");
    assert_eq!(refused(folder.path()), (Some(3), "checksum mismatch: 2_next.sql was edited".to_owned()));
    write("2_next.sql", FILES[1].1);
    write("0_new.sql", "");
    assert_eq!(refused(folder.path()), (Some(2), "checksum mismatch: 0_new.sql was added".to_owned()));
    fs::remove_file(folder.path().join("0_new.sql")).unwrap();
    write("3_new.sql", "");
    assert_eq!(refused(folder.path()), (Some(4), "checksum mismatch: 3_new.sql was added".to_owned()));
    fs::remove_file(folder.path().join("3_new.sql")).unwrap();
    fs::remove_file(folder.path().join("1_initial.sql")).unwrap();
    assert_eq!(refused(folder.path()), (Some(2), "checksum mismatch: 1_initial.sql was removed".to_owned()));
    write("atlas.sum", "h1:x\nrubbish\n");
    assert_eq!(refused(folder.path()), (Some(2), "checksum file format invalid".to_owned()));
    write("atlas.sum", "h1:x\n");
    assert_eq!(refused(folder.path()), (Some(1), "checksum mismatch".to_owned()));
    fs::remove_file(folder.path().join("atlas.sum")).unwrap();
    assert_eq!(refused(folder.path()).1, "checksum file not found; `atlas migrate hash` writes it");
}

#[test]
fn two_of_one_version_and_another_tool_s_pairs_are_refused() {
    assert!(matches!(
        Atlas.read(summed(&[("1_a.sql", ""), ("1_b.sql", "")]).path()),
        Err(FormatError::SameVersion { .. })
    ));
    let pair = summed(&[("1_a.up.sql", ""), ("1_a.down.sql", "")]);
    assert!(matches!(Atlas.read(pair.path()), Err(FormatError::Unsupported { .. })));
}

#[test]
fn rows_say_what_is_whole() {
    let bundle = Atlas
        .read(summed(&[("1_a.sql", ""), ("2_b.sql", ""), ("3_c.sql", ""), ("4_d.sql", "")]).path())
        .unwrap();
    assert_eq!(applied(&bundle, &[]), [""; 0]);
    assert_eq!(applied(&bundle, &[".atlas_cloud_identifier|x|2|0|0", "1|a|2|1|1"]), ["1"]);
    // a baseline: what is before it counts
    assert_eq!(applied(&bundle, &["3|c|1|0|0"]), ["1", "2", "3"]);
    assert_eq!(applied(&bundle, &["1|a|2|1|1", "2|b|2|1|3"]), ["1", "!2"]);
    assert_eq!(applied(&bundle, &["1|a|2|1|1", "2|b|6|1|3"]), ["1", "2"]);
    assert_eq!(applied(&bundle, &["1|a|2|1|1", "3|c|2|1|1", "9|z|2|1|1"]), ["1", "3", "9"]);
    assert_eq!(
        Atlas.applied(&bundle, &rows(&["1|a|2||1"])),
        Err("the row of 1 has \"\" for a number".to_owned())
    );
}

#[test]
fn a_checkpoint_is_for_new_databases_alone() {
    let checkpoint = "-- atlas:checkpoint\n\ncreate table a (x int);";
    let bundle = Atlas
        .read(summed(&[("1_a.sql", ""), ("2_b.sql", ""), ("3_all.sql", checkpoint), ("4_d.sql", "")]).path());
    let bundle = bundle.unwrap();
    assert_eq!(applied(&bundle, &[]), ["1", "2"]);
    assert_eq!(applied(&bundle, &["3|all|2|1|1"]), ["1", "2", "3"]);
    assert_eq!(applied(&bundle, &["1|a|2|1|1", "2|b|2|1|1"]), ["1", "2", "3"]);
}

proptest! {
    #[test]
    fn no_sum_file_panics(text in "(h1:)?[A-Za-z0-9+/=]{0,44}\n(\\PC{0,10}(h1:)?\\PC{0,10}\n){0,4}") {
        let folder = folder(&FILES);
        fs::write(folder.path().join("atlas.sum"), text).unwrap();
        prop_assert!(Atlas.read(folder.path()).is_err());
    }
}
