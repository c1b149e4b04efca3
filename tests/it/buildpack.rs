//! The Heroku buildpack, run as Heroku runs it, and the slug that it leaves, run as a dyno does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::readme::copy_folder;

/// A release of the buildpack, the folder that its files are downloaded from, and one app's folders.
struct Build {
    root: TempDir,
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    said(&output)
}

fn executable(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Build {
    /// Of the example; what is released starts the program that is tested.
    fn new() -> Self {
        let build = Self { root: tempfile::tempdir().unwrap() };
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy_folder(&project.join("heroku"), &build.folder("buildpack/heroku"));
        std::os::unix::fs::symlink("heroku/bin", build.root.path().join("buildpack/bin")).unwrap();
        copy_folder(&project.join("examples/heroku"), &build.folder("app"));
        build.release(env!("CARGO_BIN_EXE_bellwether"));
        build.config_var("BELLWETHER_SETUP_URL", &format!("file://{}", build.folder("files").display()));
        build
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.root.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn archive(&self) -> PathBuf {
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        self.folder("files").join(format!("bellwether-linux-{arch}.tar.gz"))
    }

    /// Writes the archive and its checksum.
    fn release(&self, program: &str) {
        let binary = self.folder("binary").join("bellwether");
        executable(&binary, &format!("#!/bin/sh\nexec '{program}' \"$@\"\n"));
        succeeds(
            Command::new("tar")
                .arg("-czf")
                .arg(self.archive())
                .arg("-C")
                .arg(self.folder("binary"))
                .arg("bellwether"),
        );
        let sum = succeeds(Command::new("sha256sum").arg(self.archive()));
        let (sum, file) = (sum.split_whitespace().next().unwrap(), self.archive());
        let text = format!(
            "https://github.com/OWNER/bellwether/releases/download/v9.8.7\n{sum}  {}\n",
            file.file_name().unwrap().to_str().unwrap()
        );
        fs::write(self.folder("buildpack/setup").join("release"), text).unwrap();
    }

    fn config_var(&self, name: &str, value: &str) {
        fs::write(self.folder("env").join(name), value).unwrap();
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.root.path().join("buildpack/bin").join(name));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("STACK", "heroku-24");
        command.arg(self.folder("app"));
        command
    }

    fn compile(&self) -> Output {
        self.script("compile").arg(self.folder("cache")).arg(self.folder("env")).output().unwrap()
    }

    #[track_caller]
    fn compiles(&self) -> String {
        succeeds(self.script("compile").arg(self.folder("cache")).arg(self.folder("env")))
    }

    #[track_caller]
    fn refuses(&self, texts: &[&str]) {
        let output = self.compile();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(texts.iter().all(|expected| text.contains(expected)), "{texts:?}\n{text}");
        assert!(text.lines().all(|line| line.starts_with([' ', '-']) || line.starts_with("curl:")), "{text}");
        assert!(!self.root.path().join("app/.bellwether/bin/bellwether").exists(), "{text}");
    }

    /// The release phase's line of the Procfile, in an environment as a dyno has it.
    fn release_phase(&self, app: &str, database: &Path) -> Output {
        let home = self.folder("app");
        let procfile = fs::read_to_string(home.join("Procfile")).unwrap();
        let line = procfile.lines().find_map(|line| line.strip_prefix("release: ")).unwrap().to_owned();
        let script = format!("for file in .profile.d/*.sh; do . \"./$file\"; done; {line}");
        let mut dyno = Command::new("bash");
        dyno.args(["-c", &script]).current_dir(&home).env_clear().env("HOME", &home);
        dyno.env("PATH", std::env::var_os("PATH").unwrap()).env("DYNO", "release.4711");
        dyno.env("HEROKU_APP_NAME", app).env("HEROKU_BUILD_COMMIT", "4f2c1d9");
        dyno.env("DATABASE_URL", format!("sqlite:{}", database.display()));
        // nothing of this waits for long
        dyno.env("BELLWETHER_TIMEOUT", "60s");
        dyno.output().unwrap()
    }
}

#[test]
fn a_slug_migrates_and_waits_in_its_release_phase() {
    let build = Build::new();
    assert_eq!(succeeds(&mut build.script("detect")), "bellwether\n");
    assert!(build.compiles().contains("bellwether v9.8.7"));
    assert_eq!(succeeds(&mut build.script("release")), "--- {}\n");
    let database = build.root.path().join("app.db");
    for (app, words) in
        [("shop-web", "applied 2 migrations"), ("shop-worker", "4f2c1d9"), ("shop-web", "nothing to do")]
    {
        let ended = build.release_phase(app, &database);
        assert_eq!(ended.status.code(), Some(0), "{app}: {}", said(&ended));
        assert!(said(&ended).contains(words), "{app}: {}", said(&ended));
    }
}

#[test]
fn a_failed_migration_fails_the_release_of_both_apps() {
    let build = Build::new();
    build.compiles();
    fs::write(build.folder("app/db/migrations").join("0003_broken.sql"), "INSERT INTO nowhere VALUES (1);\n")
        .unwrap();
    let database = build.root.path().join("app.db");
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| build.release_phase("shop-worker", &database));
        let leader = build.release_phase("shop-web", &database);
        assert_eq!(leader.status.code(), Some(10), "{}", said(&leader));
        let follower = follower.join().unwrap();
        // it may have come when all was over already: then it hopes for a newer run until its time ends
        assert_eq!(follower.status.code(), Some(20), "{}", said(&follower));
        assert!(said(&follower).contains("nowhere"), "{}", said(&follower));
    });
}

#[test]
fn the_file_is_kept_in_the_cache_and_verified_there() {
    let build = Build::new();
    assert!(build.compiles().contains("downloading file://"));
    fs::rename(build.archive(), build.root.path().join("away")).unwrap();
    assert!(build.compiles().contains("from the cache"));
    // a changed one is not taken from there, but downloaded again
    let cached = build.folder("cache/bellwether").join(build.archive().file_name().unwrap());
    fs::write(&cached, "something else").unwrap();
    fs::rename(build.root.path().join("away"), build.archive()).unwrap();
    assert!(build.compiles().contains("downloading file://"));
    // and a newer release does not start with an older file
    build.release("/bin/echo");
    assert!(build.compiles().contains("downloading file://"));
    let binary = fs::read_to_string(build.folder("app/.bellwether/bin").join("bellwether")).unwrap();
    assert!(binary.contains("/bin/echo"), "{binary}");
}

#[test]
fn what_is_not_the_released_file_is_not_installed() {
    let build = Build::new();
    let sum = fs::read_to_string(build.root.path().join("buildpack/setup/release")).unwrap();
    build.release("/bin/echo");
    fs::write(build.root.path().join("buildpack/setup/release"), sum).unwrap();
    build.refuses(&["not the file that was released", "expected:"]);
    fs::remove_file(build.archive()).unwrap();
    build.refuses(&["Cannot download it"]);
    fs::write(build.root.path().join("buildpack/setup/release"), "https://example/v9.8.7\n").unwrap();
    build.refuses(&["v9.8.7 of bellwether has no bellwether-linux-"]);
    fs::remove_file(build.root.path().join("buildpack/setup/release")).unwrap();
    build.refuses(&["no release of bellwether", "by a tag"]);
}

#[test]
fn an_app_that_never_runs_it_is_told_how_to() {
    let build = Build::new();
    assert!(!build.compiles().contains("Nothing runs it yet"));
    fs::write(build.folder("app").join("Procfile"), "web: ./serve\n").unwrap();
    assert!(build.compiles().contains("release: bellwether deploy"));
    fs::remove_file(build.folder("app").join("Procfile")).unwrap();
    assert!(build.compiles().contains("release: bellwether deploy"));
}
