//! Text that must never be seen: `Debug` and `Display` say nothing of it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A password, a token, or a URL that holds one.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself, for the one who must send it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// `text` without it. One of three characters or fewer may be part of any word, and stays.
    pub fn hidden_in(&self, text: &str) -> String {
        match self.expose().chars().count() {
            0..=3 => text.to_owned(),
            _ => text.replace(self.expose(), "***"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Stars out what stands between `://` and the last `@` of a word, character by character, so that columns stay. For
/// text that may happen to hold a URL: a mistyped flag, a line of the config.
pub fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end = tail.find(|c: char| c.is_whitespace()).unwrap_or(tail.len());
        match tail[..end].rfind('@') {
            Some(at) => {
                out.extend(tail[..at].chars().map(|_| '*'));
                rest = &tail[at..];
            }
            None => rest = tail,
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret.hidden_in("PGPASSWORD=hunter2 psql"), "PGPASSWORD=*** psql");
        assert_eq!(Secret::new("db").hidden_in("db:migrate"), "db:migrate");
        assert_eq!(Secret::new("").hidden_in("text"), "text");
    }

    #[test]
    fn passwords_in_text_are_starred_out() {
        for (text, want) in [
            ("", ""),
            ("no url @ all", "no url @ all"),
            ("a pg://u:pw@h/d b", "a pg://****@h/d b"),
            ("pg://h/d x@y", "pg://h/d x@y"),
            ("pg://u:p@w@h x://a@b", "pg://*****@h x://*@b"),
            ("pg://u:pé@h", "pg://****@h"),
        ] {
            assert_eq!(without_passwords(text), want);
        }
    }
}
