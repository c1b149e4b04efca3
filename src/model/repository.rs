//! A repository on GitHub, by name.

use std::fmt;
use std::str::FromStr;

/// `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// A user or an organisation.
    pub owner: String,
    /// The repository's own name.
    pub name: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for Repository {
    type Err = NoRepository;

    fn from_str(text: &str) -> Result<Self, NoRepository> {
        let fits = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.chars().all(known) && part.chars().any(|c| c != '.')
        };
        match text.split_once('/') {
            Some((owner, name)) if fits(owner) && fits(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(NoRepository),
        }
    }
}

/// No `owner/name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a repository is named like owner/name")]
pub struct NoRepository;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_have_an_owner_and_a_name() {
        for text in ["acme/shop", "a-b/c.d_e"] {
            assert_eq!(text.parse::<Repository>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "shop",
            "acme/",
            "/shop",
            "a/b/c",
            "acme/..",
            "https://github.com/acme/shop",
            "a b/c",
            "a/b?c",
        ] {
            assert_eq!(text.parse::<Repository>(), Err(NoRepository), "{text}");
        }
    }
}
