//! The folder with its sums, and rows as Atlas writes them.

use std::fs;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::formats::folder::detected;
use crate::formats::folder::tree as folder;
use crate::formats::history::Cell;

const FILES: [(&str, &str); 2] =
    [("1_initial.sql", "CREATE TABLE t (c int);"), ("2_next.sql", "ALTER TABLE t ADD d int;\n")];

/// A folder with the sums that Atlas would write.
fn summed(files: &[(&str, &str)]) -> tempfile::TempDir {
    let mut files = files.to_vec();
    files.sort_unstable();
    let (mut all, mut names, mut lines) = (Vec::new(), String::new(), String::new());
    for (name, text) in &files {
        all.extend([name.as_bytes(), text.as_bytes()].concat());
        let sum = sum::base64(&Sha256::digest(&all));
        names += &format!("{name}{sum}");
        lines += &format!("{name} h1:{sum}\n");
    }
    let text = format!("h1:{}\n{lines}", sum::base64(&Sha256::digest(names)));
    files.push(("atlas.sum", &text));
    folder(&files)
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
    assert!(detected(&Atlas, folder.path()).is_some());
    let bundle = Atlas.read(folder.path()).unwrap();
    let seen: Vec<_> =
        bundle.migrations.iter().map(|one| (one.version.as_str(), one.description.as_str())).collect();
    assert_eq!(seen, [("1", "initial"), ("2", "next")]);
}

/// The figures of a folder in Atlas's own tests.
#[test]
fn sums_are_those_that_atlas_writes() {
    let first = "-- create \"tbl\" table\nCREATE TABLE tbl (`col` int NOT NULL);\n";
    let second = "ALTER TABLE `tbl` ADD `col_2` bigint;\n";
    let sums = "h1:GMi7mvWSIHv0I/Wrc2NCGVt9Z5hWZbPa6wL986t7Z2o=
20220318104614_initial.sql h1:FifWjY2X0g2YVnb18Qm+QBPvoldDOOob7bS0LrFuCXc=
20220318104615_second.sql h1:wbPDlODOQeixCiopAhlT7W4xOO9TgJxzjYjxf4TA2f4=
";
    let files =
        [("20220318104614_initial.sql", first), ("20220318104615_second.sql", second), ("atlas.sum", sums)];
    assert_eq!(Atlas.read(folder(&files).path()).unwrap().migrations.len(), 2);
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

/// It would be waited for, until somebody writes into it.
#[test]
fn a_pipe_is_no_sum_file() {
    let folder = summed(&FILES);
    let sums = folder.path().join("atlas.sum");
    fs::remove_file(&sums).unwrap();
    nix::unistd::mkfifo(&sums, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (told, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || told.send(refused(folder.path())));
    let answer = answer.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(answer, (None, "is no file".to_owned()));
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
fn what_atlas_noted_of_a_failure_is_told() {
    let told = rows(&["1|a|2|1|1|", "2|b|2|1|3|no such table: t", "3|c|6|1|3|was resolved"]);
    assert_eq!(Atlas.failures(&told), [("2".into(), "no such table: t".to_owned())]);
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
