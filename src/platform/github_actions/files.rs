//! The files by which a step speaks to its job: `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY`. Both are added to, never
//! written anew: a step may have written there before us. A file that cannot be written is a warning: what became of the
//! migrations is told by the exit code.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use uuid::Uuid;

/// One output, in the form that takes any value: a line that nobody can guess ends it.
pub(super) fn output(name: &str, value: &str) -> String {
    let mut end = delimiter();
    while value.contains(&end) {
        end = delimiter();
    }
    format!("{name}<<{end}\n{value}\n{end}\n")
}

fn delimiter() -> String {
    format!("bellwether_{}", Uuid::new_v4())
}

/// Adds to a file, which is made if it is not there.
pub(super) fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// How many bytes are there already; 0 where there is no file.
pub(super) fn size(path: &Path) -> usize {
    std::fs::metadata(path).map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_end_its_output_and_begin_another() {
        let value = "a\nbellwether_\nEOF\nother<<x\r\n=";
        let text = output("error", value);
        let (head, rest) = text.split_once('\n').unwrap();
        let end = head.strip_prefix("error<<").unwrap();
        assert_eq!(rest, format!("{value}\n{end}\n"));
        assert_ne!(output("error", value), text);
    }

    #[test]
    fn a_file_is_added_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        assert_eq!(size(&path), 0);
        append(&path, "a=1\n").unwrap();
        append(&path, "b=2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a=1\nb=2\n");
        assert_eq!(size(&path), 8);
        assert!(append(folder.path(), "x").is_err());
    }
}
