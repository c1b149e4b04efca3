//! Migrations: what a bundle holds, what a history says, and what is pending between the two.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::model::ids::{Digest, Version};

/// One migration of a bundle, read from one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// As the format writes it; unique in a bundle.
    pub version: Version,
    /// The file's name without its folder: `0001_create_users.sql`.
    pub name: String,
    /// Words for people: `create users`.
    pub description: String,
    /// Where it was read, for messages.
    pub path: PathBuf,
    /// The file's text, unchanged.
    pub sql: Arc<str>,
    /// The format's own checksum of the file; empty where it has none.
    pub checksum: Vec<u8>,
    /// Whether the script may run in a transaction (`-- no-transaction` says no).
    pub transactional: bool,
    /// What it stands on, of those in its bundle, where the history implies that from it; else empty.
    pub follows: Vec<Version>,
}

impl Migration {
    /// One of which there is no file, and nothing is known but what people call it.
    pub fn named(version: Version, name: &str) -> Self {
        Self::of_tool(version, name.to_owned(), PathBuf::new(), Vec::new())
    }

    /// Whether it is such a one.
    pub fn is_named_only(&self) -> bool {
        self.path.as_os_str().is_empty()
    }

    /// One that only its own tool runs, so that nothing of its text is kept.
    pub fn of_tool(version: Version, name: String, path: PathBuf, checksum: Vec<u8>) -> Self {
        Self {
            version,
            name,
            description: String::new(),
            path,
            sql: "".into(),
            checksum,
            transactional: true,
            follows: Vec::new(),
        }
    }
}

/// The migrations that a participant carries, in the order in which they are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The format's name, as `--format` takes it.
    pub format: &'static str,
    /// The folder.
    pub folder: PathBuf,
    /// In order.
    pub migrations: Vec<Migration>,
    /// What belongs to it and cannot be read. Nothing that it holds is known to be applied: with one such, what is
    /// pending is never none.
    pub unread: Vec<Unread>,
}

/// A part of a bundle that its format's reader does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What: a file's name, an app's.
    pub name: String,
    /// Of what was found there, so that it counts in the digest; empty where nothing was.
    pub checksum: Vec<u8>,
    /// Why, in words that follow the name: `is XML, and only formatted SQL is read`.
    pub why: String,
}

impl Bundle {
    /// Hash of names and checksums in order.
    pub fn digest(&self) -> Digest {
        let read = self.migrations.iter().map(|it| (it.name.as_str(), it.checksum.as_slice()));
        let unread = self.unread.iter().map(|it| (it.name.as_str(), it.checksum.as_slice()));
        Digest::of_bundle(read.chain(unread))
    }

    /// Nothing, of a format.
    pub fn empty(format: &'static str) -> Self {
        Self { format, folder: PathBuf::new(), migrations: Vec::new(), unread: Vec::new() }
    }

    /// Whether it was read from a folder.
    pub fn has_files(&self) -> bool {
        !self.folder.as_os_str().is_empty()
    }

    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty() && self.unread.is_empty()
    }

    /// Whether its digest tells it from others.
    pub fn is_told_apart(&self) -> bool {
        !self.migrations.is_empty() || self.unread.iter().any(|part| !part.checksum.is_empty())
    }

    /// The version in front of this one.
    pub fn before(&self, version: &Version) -> Option<&Version> {
        let at = self.migrations.iter().position(|migration| migration.version == *version)?;
        self.migrations.get(at.checked_sub(1)?).map(|migration| &migration.version)
    }
}

/// One row of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The migration's version.
    pub version: Version,
    /// As recorded; for messages.
    pub description: String,
    /// None where the format records none.
    pub checksum: Option<Vec<u8>>,
    /// False = half applied (*dirty*).
    pub success: bool,
}

/// What of the bundle is not applied. Unknown is never none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "versions")]
pub enum Pending {
    /// Everything is applied.
    None,
    /// These are not, dirty ones included; never empty.
    Some(Vec<Version>),
    /// No bundle, an empty one, or a format that we cannot read.
    Unknown,
}

impl Pending {
    /// From a list: an empty one is [`Pending::None`].
    pub fn from_versions(versions: Vec<Version>) -> Self {
        if versions.is_empty() { Self::None } else { Self::Some(versions) }
    }
}
