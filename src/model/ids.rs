//! Names and numbers that identify things in the ledger and in messages.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text, as it stands in the ledger.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id! {
    /// A deploy target with a database of its own: `production`, `staging`.
    Environment
}
text_id! {
    /// One app, job or pod that takes part in a deploy.
    Participant
}
text_id! {
    /// What is being deployed, the same for all participants of one deploy.
    Release
}
text_id! {
    /// The deploy given by the user with `--deploy`; part of matching when given.
    Deploy
}
text_id! {
    /// The version of one migration, as its format writes it.
    Version
}
text_id! {
    /// One attempt of a leader to bring the database to a release: a random UUID.
    RunId
}
text_id! {
    /// Hash of a bundle, or of a command's arguments: 64 hex digits.
    Digest
}

impl Release {
    /// For people: of a commit or a digest (40 or more hex digits) the first twelve.
    pub fn short(&self) -> &str {
        let is_hash = self.0.len() >= 40 && self.0.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { &self.0[..12] } else { &self.0 }
    }
}

impl RunId {
    /// A new one; random, so that no failover can hand out the same one twice.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The comment that begins each statement outside a transaction, by which a successor finds it on the server.
    pub fn mark(&self) -> String {
        format!("/* bellwether {} */", self.0)
    }
}

impl Digest {
    /// Of a bundle: SHA-256 over `file name \0 hex checksum \n` for each migration, in order.
    pub fn of_bundle<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut hash = Sha256::new();
        for (name, checksum) in files {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(hex(checksum).as_bytes());
            hash.update(b"\n");
        }
        Self(hex(&hash.finalize()))
    }

    /// Of a command: SHA-256 over `command\0` and each argument with a `\0` after it.
    pub fn of_command<S: AsRef<str>>(argv: &[S]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"command\0");
        for argument in argv {
            hash.update(argument.as_ref().as_bytes());
            hash.update([0]);
        }
        Self(hex(&hash.finalize()))
    }
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_bundle_is_fixed_on_the_wire() {
        // sha256sum of "0001_a.sql\0abcd\n"
        let digest = Digest::of_bundle([("0001_a.sql", &[0xab, 0xcd][..])]);
        assert_eq!(digest.0, hex(&Sha256::digest(b"0001_a.sql\0abcd\n")));
        assert_ne!(digest, Digest::of_bundle([]));
    }

    #[test]
    fn only_hashes_are_cut_in_messages() {
        assert_eq!(Release("ab".repeat(20)).short(), "abababababab");
        let name = "release-of-a-very-long-name-with-many-words-in-it";
        assert_eq!(Release::from(name).short(), name);
    }

    #[test]
    fn the_digest_of_a_command_keeps_arguments_apart() {
        assert_ne!(Digest::of_command(&["a", "bc"]), Digest::of_command(&["ab", "c"]));
        assert_eq!(Digest::of_command(&["x"]).0, hex(&Sha256::digest(b"command\0x\0")));
    }
}
