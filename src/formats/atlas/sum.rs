//! `atlas.sum`: the sum of all files up to each one, and of those sums, as `sql/migrate/dir.go` makes them.

use sha2::{Digest as _, Sha256};

/// The sums of a folder's files, in the order of their names.
#[derive(Default)]
pub(super) struct Sums {
    running: Sha256,
    lines: Vec<(String, String)>,
}

impl Sums {
    /// The next file; its sum.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> Vec<u8> {
        self.running.update(name);
        if is_left_out(content) {
            return Sha256::digest(content).to_vec();
        }
        self.running.update(content);
        let sum = self.running.clone().finalize().to_vec();
        self.lines.push((name.to_owned(), base64(&sum)));
        sum
    }

    /// Compares them with the file's text; an error is a line and what Atlas says of it.
    pub(super) fn check(&self, text: &str) -> Result<(), (Option<usize>, String)> {
        let mut lines = text.lines();
        let total = lines.next().unwrap_or_default().trim_start_matches("h1:");
        let mut written = Vec::new();
        for (line, number) in lines.zip(2..) {
            let Some((name, sum)) = line.split_once("h1:") else {
                return Err((Some(number), "checksum file format invalid".to_owned()));
            };
            written.push((name.trim().to_owned(), sum.to_owned()));
        }
        if total != sum_of(&written) {
            return Err((Some(1), "checksum mismatch".to_owned()));
        }
        if written == self.lines {
            return Ok(());
        }
        let same = written.iter().zip(&self.lines).take_while(|(one, other)| one == other).count();
        let here = self.lines.get(same).map(|(name, _)| name.as_str()).unwrap_or_default();
        let what = match written.get(same) {
            Some((name, _)) if name == here => format!("{name} was edited"),
            Some((name, _)) if !self.lines.iter().any(|(other, _)| other == name) => {
                format!("{name} was removed")
            }
            _ => format!("{here} was added"),
        };
        Err((Some(same + 2), format!("checksum mismatch: {what}")))
    }
}

fn sum_of(lines: &[(String, String)]) -> String {
    let mut all = Sha256::new();
    for (name, sum) in lines {
        all.update(name);
        all.update(sum);
    }
    base64(&all.finalize())
}

/// `-- atlas:sum ignore` on the first line.
fn is_left_out(content: &[u8]) -> bool {
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.split_once("atlas:sum ").is_some_and(|(_, mode)| mode.trim() == "ignore")
}

/// With the usual letters and padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let part = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_as_rfc_4648_has_it() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
