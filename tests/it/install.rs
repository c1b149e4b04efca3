//! `bellwether install`: the binary copies itself to where an image without it, and without `cp`, can start it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Bellwether, Finished};

fn install(target: &Path) -> Finished {
    Bellwether::new("install").arg(target).run()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// It starts, everybody may start it, and nothing else is beside it.
#[track_caller]
fn assert_installed(target: &Path) {
    let said = Command::new(target).arg("--version").env_clear().output().unwrap();
    assert!(said.status.success() && said.stdout.starts_with(b"bellwether "), "{said:?}");
    assert_eq!(fs::metadata(target).unwrap().permissions().mode() & 0o7777, 0o755);
    let beside: Vec<_> =
        fs::read_dir(target.parent().unwrap()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(beside, [target.file_name().unwrap()]);
}

#[test]
fn into_a_folder_or_as_a_file() {
    let (one, two) = (folder(), folder());
    let ended = install(one.path()).expect(0);
    assert_eq!(ended.outcome()["outcome"], "succeeded");
    assert_installed(&one.path().join("bellwether"));
    install(&two.path().join("migrate")).expect(0);
    assert_installed(&two.path().join("migrate"));
}

#[test]
fn the_mode_is_0755_whatever_the_umask() {
    let folder = folder();
    let script = "umask 077; \"$0\" install \"$1\"";
    let target = folder.path().join("bellwether");
    let status =
        Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_bellwether")]).arg(&target).status();
    assert!(status.unwrap().success());
    assert_installed(&target);
}

/// A copy in its place would meet a busy file (ETXTBSY).
#[test]
fn a_binary_at_work_is_replaced() {
    let folder = folder();
    let target = folder.path().join("bellwether");
    install(&target).expect(0);
    let before = fs::metadata(&target).unwrap().ino();
    assert!(Command::new(&target).arg("install").arg(&target).status().unwrap().success());
    assert_ne!(fs::metadata(&target).unwrap().ino(), before);
    assert_installed(&target);
}

#[test]
fn twelve_at_once_leave_one_whole_binary() {
    let folder = folder();
    let target = folder.path().join("bellwether");
    let all: Vec<_> = (0..12).map(|_| Bellwether::new("install").arg(&target).spawn()).collect();
    for one in all {
        one.wait(std::time::Duration::from_secs(60)).expect(0);
    }
    assert_installed(&target);
}

#[test]
fn where_it_cannot_be_written_nothing_is_left() {
    let folder = folder();
    let missing = folder.path().join("nowhere/bellwether");
    install(&missing).expect(2).explains(&["nowhere/bellwether", "No such file", "its folder is there"]);
    let socket = folder.path().join("socket");
    let _listening = UnixListener::bind(&socket).unwrap();
    install(&socket).expect(2).explains(&["socket", "not a file"]);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["socket"]);
}
