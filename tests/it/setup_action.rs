//! The release commit and the `setup` action, which belongs to it: what the one writes, the other downloads and verifies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

/// A repository with what a release changes, and the folder that its files are downloaded from.
struct Release {
    root: TempDir,
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Release {
    fn new() -> Self {
        let release = Self { root: tempfile::tempdir().unwrap() };
        let repository = release.repository();
        for file in ["scripts/release-commit", "setup/install"] {
            fs::create_dir_all(repository.join(file).parent().unwrap()).unwrap();
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), repository.join(file)).unwrap();
        }
        fs::write(repository.join("action.yml"), "runs:\n  using: docker\n  image: Dockerfile\n").unwrap();
        let changes = "# Changelog\n\n## [9.8.7] - 2030-01-02\n\n- Faster.\n\n## [9.8.6]\n\n- Older.\n";
        fs::write(repository.join("CHANGELOG.md"), changes).unwrap();
        fs::create_dir_all(release.files()).unwrap();
        for arch in ["amd64", "arm64"] {
            release.archive(arch, "echo bellwether 9.8.7");
        }
        release.git(&["init", "--quiet"]);
        release.git(&["add", "."]);
        release.git(&["-c", "user.name=t", "-c", "user.email=t@example", "commit", "--quiet", "-m", "main"]);
        release
    }

    fn repository(&self) -> PathBuf {
        self.root.path().join("repository")
    }

    /// Where GitHub would serve them.
    fn files(&self) -> PathBuf {
        self.root.path().join("releases/download/v9.8.7")
    }

    fn file(&self, arch: &str) -> PathBuf {
        self.files().join(format!("bellwether-linux-{arch}.tar.gz"))
    }

    /// With a script in the place of the binary.
    fn archive(&self, arch: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let binary = self.root.path().join("bellwether");
        fs::write(&binary, format!("#!/bin/sh\n{script} {arch}\n")).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let tar = run(Command::new("tar")
            .arg("-czf")
            .arg(self.file(arch))
            .arg("-C")
            .arg(self.root.path())
            .arg("bellwether"));
        assert!(tar.status.success(), "{}", said(&tar));
    }

    fn git(&self, args: &[&str]) -> String {
        let git = run(Command::new("git").current_dir(self.repository()).args(args));
        assert!(git.status.success(), "{args:?}: {}", said(&git));
        String::from_utf8(git.stdout).unwrap()
    }

    fn commit(&self, image: &str) -> Output {
        let origin = format!("file://{}", self.root.path().display());
        run(Command::new(self.repository().join("scripts/release-commit"))
            .args(["v9.8.7", image, &origin])
            .arg(self.files()))
    }

    /// Committed, as the workflow does it.
    fn committed() -> Self {
        let release = Self::new();
        let commit = release.commit(&format!("docker://ghcr.io/owner/bellwether@{DIGEST}"));
        assert!(commit.status.success(), "{}", said(&commit));
        release
    }

    /// The step of `setup/action.yml` on a runner.
    fn install(&self, arch: &str, url: &str) -> Output {
        let runner = self.root.path().join("runner");
        fs::create_dir_all(&runner).unwrap();
        run(Command::new(self.repository().join("setup/install"))
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", arch)
            .env("RUNNER_TEMP", &runner)
            .env("GITHUB_PATH", runner.join("path"))
            .env("GITHUB_OUTPUT", runner.join("output"))
            .env("BELLWETHER_SETUP_URL", url))
    }

    fn on_path(&self) -> Option<String> {
        fs::read_to_string(self.root.path().join("runner/path")).ok()
    }

    /// Nothing is on the PATH, and the runner shows why.
    #[track_caller]
    fn refused(&self, install: &Output, why: &str) {
        let said = said(install);
        assert_eq!(install.status.code(), Some(1), "{said}");
        assert!(said.contains("::error title=bellwether was not set up::") && said.contains(why), "{said}");
        assert_eq!(self.on_path(), None);
    }
}

#[test]
fn a_release_commit_names_the_image_by_digest_and_the_files_by_checksum() {
    let release = Release::committed();
    assert_eq!(release.git(&["status", "--porcelain"]), "");
    assert_eq!(release.git(&["tag", "--points-at", "HEAD"]), "v9.8.7\n");
    let action = release.git(&["show", "v9.8.7:action.yml"]);
    assert!(action.ends_with(&format!("  image: docker://ghcr.io/owner/bellwether@{DIGEST}\n")), "{action}");
    assert_eq!(fs::read_to_string(release.files().join("notes.md")).unwrap().trim(), "- Faster.");
    let sums = run(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(release.files()));
    assert!(sums.status.success(), "{}", said(&sums));
}

#[test]
fn a_release_commit_takes_no_image_by_tag() {
    let release = Release::new();
    for image in ["docker://ghcr.io/owner/bellwether:v9.8.7", "docker://ghcr.io/o/b@sha256:12", ""] {
        assert_ne!(release.commit(image).status.code(), Some(0), "{image}");
    }
    assert_eq!(release.git(&["tag"]), "");
}

#[test]
fn setup_puts_the_binary_of_the_runners_architecture_on_its_path() {
    for (arch, is) in [("X64", "amd64"), ("ARM64", "arm64")] {
        let release = Release::committed();
        let install = release.install(arch, "");
        assert!(install.status.success(), "{}", said(&install));
        assert!(said(&install).contains(&format!("bellwether 9.8.7 {is}")), "{}", said(&install));
        let path = release.on_path().unwrap();
        let binary = Path::new(path.trim()).join("bellwether");
        assert!(run(&mut Command::new(&binary)).status.success());
        let output = fs::read_to_string(release.root.path().join("runner/output")).unwrap();
        assert_eq!(output, format!("path={}\nversion=v9.8.7\n", binary.display()));
    }
}

#[test]
fn setup_takes_the_files_of_a_mirror_and_keeps_to_its_own_checksums() {
    let release = Release::committed();
    let mirror = release.root.path().join("mirror");
    fs::rename(release.files(), &mirror).unwrap();
    let url = format!("file://{}/", mirror.display());
    assert!(release.install("X64", &url).status.success());
    fs::remove_file(release.root.path().join("runner/path")).unwrap();
    fs::copy(mirror.join("bellwether-linux-arm64.tar.gz"), mirror.join("bellwether-linux-amd64.tar.gz"))
        .unwrap();
    release.refused(&release.install("X64", &url), "is not the file that was released");
}

#[test]
fn setup_installs_nothing_that_was_changed() {
    let release = Release::committed();
    release.archive("amd64", "echo something else");
    release.refused(&release.install("X64", ""), "is not the file that was released");
}

#[test]
fn setup_says_what_is_missing() {
    let release = Release::committed();
    fs::remove_file(release.file("amd64")).unwrap();
    release.refused(&release.install("X64", ""), "Cannot download file://");
    release.refused(&release.install("X86", ""), "There are binaries for X64 and ARM64, and none for X86.");
    let unreleased = Release::new();
    unreleased.refused(&unreleased.install("X64", ""), "This commit of the action is no release");
}
