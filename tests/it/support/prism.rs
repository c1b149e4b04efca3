//! Prism: stands between us and an API of ours, and complains of every request and every answer that does not fit the API's
//! description.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::server::example_tool;

/// On a busy machine, with a description to read.
const SOON: Duration = Duration::from_secs(120);

/// Ends with the test.
pub struct Prism {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Prism {
    /// In front of the API at `root`; none, and a printed skip, where it or the description is absent. The description may
    /// be put into the folder that it is given.
    pub fn start(root: &str, description: impl Fn(&Path) -> Option<PathBuf>) -> Option<Self> {
        let prism = example_tool("prism", "BELLWETHER_TEST_PRISM")?;
        let folder = tempfile::tempdir().unwrap();
        let description = description(folder.path())?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(prism)
            .args(["proxy", "--errors", "--host", "127.0.0.1", "-p", &port.to_string()])
            .arg(description)
            .arg(root)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let prism = Self { process, port, folder };
        let until = Instant::now() + SOON;
        while !prism.said().contains("Prism is listening") {
            assert!(Instant::now() < until, "{}", prism.said());
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(prism)
    }

    /// What it has complained of.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A description of somebody else's, which is not ours to keep a copy of: in `BELLWETHER_SPECS`, or beside us.
pub fn described(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os("BELLWETHER_SPECS").filter(|value| !value.is_empty()).map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs");
    given.into_iter().chain([beside]).map(|folder| folder.join(name)).find(|file| file.is_file())
}
