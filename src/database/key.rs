//! What the lock is called on each server. Fixed on the wire: any two versions must exclude each other.

use sha2::{Digest as _, Sha256};

use crate::model::ids::hex;

/// The lock's name and number, from which each engine makes its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockKey {
    /// `lock.name`; `default` if nobody says.
    pub name: String,
    /// `lock.id`: instead of the name, where it is given.
    pub id: Option<i64>,
}

impl LockKey {
    /// PostgreSQL's advisory lock: the number, else the first 8 bytes (big-endian, signed) of
    /// SHA-256(`bellwether\0` + name).
    pub fn advisory(&self) -> i64 {
        self.id.unwrap_or_else(|| {
            let hash = Sha256::digest(format!("bellwether\0{}", self.name));
            hash.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
        })
    }

    /// MySQL's `GET_LOCK`: `bellwether:` and 40 hex digits of SHA-256(database + `\0` + (number or name)), since its
    /// names are server-wide and at most 64 characters long.
    pub fn get_lock(&self, database: &str) -> String {
        let hash = hex(&Sha256::digest(format!("{database}\0{}", self.id_or_name())));
        format!("bellwether:{}", &hash[..40])
    }

    /// SQL Server's `sp_getapplock`.
    pub fn applock(&self) -> String {
        format!("bellwether:{}", self.id_or_name())
    }

    fn id_or_name(&self) -> String {
        self.id.map_or_else(|| self.name.clone(), |id| id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fixed_on_the_wire() {
        let key = LockKey { name: "default".into(), id: None };
        // printf 'bellwether\0default' | sha256sum
        assert_eq!(key.advisory(), ADVISORY_OF_DEFAULT);
        assert_eq!(LockKey { id: Some(1000), ..key.clone() }.advisory(), 1000);
        assert!(key.get_lock("shop").starts_with("bellwether:") && key.get_lock("shop").len() == 51);
        assert_ne!(key.get_lock("shop"), key.get_lock("shop2"));
        assert_eq!(key.applock(), "bellwether:default");
    }

    const ADVISORY_OF_DEFAULT: i64 = 6_094_763_606_886_192_886;
}
