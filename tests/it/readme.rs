//! `README.md` and `examples/`: every command is run in a copy, and says what the page shows. Where the page builds or
//! names the release binary, the copy has the one under test.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
const RELEASE: &str = "target/release/bellwether";

/// A fenced block: its language and its lines.
struct Block {
    language: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let fenced = README.split("```").skip(1).step_by(2);
    fenced
        .map(|block| block.split_once('\n').map(|(language, text)| Block { language, text }).unwrap())
        .collect()
}

/// The repository as a stranger has it after the first command, but for the sources.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy_folder(&here.join("examples"), &copy.0.path().join("examples"));
        fs::create_dir_all(copy.0.path().join("target/release")).unwrap();
        symlink(env!("CARGO_BIN_EXE_bellwether"), copy.0.path().join(RELEASE)).unwrap();
        copy
    }

    fn run(&self, script: &str) -> Output {
        let script = script.replace("cargo run --release --", RELEASE);
        Command::new("bash")
            .args(["-euc", &script])
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.0.path())
            .env("TMPDIR", self.0.path())
            .env("BELLWETHER_TIMEOUT", "2m")
            .output()
            .unwrap()
    }
}

/// Without what a run leaves, and with less to count.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else if path.extension().is_some_and(|ending| ending == "sql") {
            // SQLite counts slowly in a debug build
            fs::write(copy, fs::read_to_string(path).unwrap().replace("5000000", "1000000")).unwrap();
        } else if !entry.file_name().to_string_lossy().starts_with("app.db") {
            fs::copy(path, copy).unwrap();
        }
    }
}

/// A line without what differs from run to run: times, the release's hash, who we are and who leads.
fn shape(line: &str) -> String {
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let words = line.split_whitespace().map(|word| {
        let bare = word.trim_matches(|c| matches!(c, '(' | ')' | ',' | ':'));
        let step = bare.split_once('_').is_some_and(|(digits, _)| digits.parse::<u32>().is_ok());
        match bare {
            _ if bare.parse::<f64>().is_ok() => "number",
            _ if bare == host || bare == "my-laptop" => "us",
            _ if bare.starts_with("shop-") => "participant",
            _ if bare.len() == 12 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) => "hash",
            "ms" | "s" | "min" => "unit",
            // which step a follower sees is chance
            _ if step && line.contains(" is at ") => "step",
            "1/5" | "2/5" | "3/5" | "4/5" if line.contains(" is at ") => "n/5",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_two_commands_are_the_quickstart_and_the_tests() {
    let commands: Vec<_> = blocks().iter().filter(|block| block.language == "sh").map(|b| b.text).collect();
    assert_eq!(commands[0], "cargo run --release -- deploy -c examples/quickstart/bellwether.yml\n");
    assert_eq!(commands[1], "scripts/test\n");
}

#[test]
fn every_command_works_and_says_what_the_page_shows() {
    let copy = Copy::new();
    let mut said = String::new();
    for block in blocks() {
        match block.language {
            // it is what runs this test
            "sh" if block.text == "scripts/test\n" => {
                let mode = fs::metadata(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test")).unwrap();
                assert_eq!(mode.permissions().mode() & 0o111, 0o111);
            }
            "sh" => {
                let output = copy.run(block.text);
                said = format!(
                    "{}{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
                assert!(output.status.success(), "{}\n{said}", block.text);
            }
            "text" => {
                let shapes: Vec<_> = said.lines().map(shape).collect();
                for line in block.text.lines() {
                    assert!(shapes.contains(&shape(line)), "nothing says {line:?}:\n{said}");
                }
            }
            language => panic!("a block of {language:?}, which nobody checks"),
        }
    }
}

#[test]
fn four_watched_participants_have_one_leader_and_one_verdict() {
    let copy = Copy::new();
    for (argument, exits) in [("", ["0", "0", "0", "0"]), ("broken", ["10", "20", "20", "20"])] {
        let output = copy.run(&format!("BELLWETHER={RELEASE} examples/quickstart/watch {argument}"));
        let said = String::from_utf8(output.stdout).unwrap();
        let mut codes: Vec<_> = said.lines().filter_map(|line| line.split("| exit ").nth(1)).collect();
        codes.retain(|code| code.parse::<u8>().is_ok());
        codes.sort_unstable();
        assert_eq!(codes, exits, "{said}");
        assert_eq!(said.matches("the lock is ours").count(), 1, "{said}");
        assert!(said.contains(" is at "), "no follower saw the leader at work:\n{said}");
    }
}

#[test]
fn examples_name_the_schema_so_that_editors_complete_them() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for example in fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().path()) {
        let config = example.join("bellwether.yml");
        // manifests and workflows have their own tests
        let Ok(text) = fs::read_to_string(&config) else { continue };
        let schema =
            text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
        assert!(example.join(schema.unwrap()).is_file(), "{}", config.display());
        let name = config.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
        let own = fs::read_to_string(example.join("README.md")).unwrap_or_default();
        assert!(
            [README, &own].iter().any(|page| page.contains(name.to_str().unwrap())),
            "{} is in no command",
            name.display()
        );
    }
}
