//! Where in the YAML text a key or a value stands. A seed walks the document and fails at the place we ask about; the
//! parser's error then carries its line and column, whatever the style of the YAML.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

/// Where the value at `path` stands; list items are written `0`, `1`, ….
pub(super) fn value(text: &str, path: &[&str]) -> Option<Spot> {
    fails_at(text, Walk { path, key: false })
}

/// Where the last key of `path` stands.
pub(super) fn key(text: &str, path: &[&str]) -> Option<Spot> {
    fails_at(text, Walk { path, key: true })
}

/// The first key that its mapping already has.
pub(super) fn duplicate(text: &str) -> Option<(String, Spot)> {
    let found = RefCell::new(None);
    let spot = fails_at(text, Distinct { found: &found })?;
    found.into_inner().map(|key| (key, spot))
}

fn fails_at<'de, S: DeserializeSeed<'de>>(text: &'de str, seed: S) -> Option<Spot> {
    let location = seed.deserialize(serde_yaml::Deserializer::from_str(text)).err()?.location()?;
    Some(Spot { line: location.line(), column: location.column() })
}

fn here<E: de::Error>() -> E {
    E::custom("here")
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    path: &'a [&'a str],
    key: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! for_scalars {
    ($then:expr) => {
        fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
            $then(&self)
        }
        fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
            $then(&self)
        }
        fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
            $then(&self)
        }
        fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
            $then(&self)
        }
        fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
            $then(&self)
        }
        fn visit_unit<E: de::Error>(self) -> Result<(), E> {
            $then(&self)
        }
    };
}

impl Walk<'_> {
    fn at_end<E: de::Error>(&self) -> Result<(), E> {
        if self.path.is_empty() { Err(here()) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    for_scalars!(Walk::at_end);

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Some((&wanted, path)) = self.path.split_first() else { return Err(here()) };
        let last = self.key && path.is_empty();
        while let Some(hit) = map.next_key_seed(Key(|key: &str| (key == wanted, last && key == wanted)))? {
            if hit {
                map.next_value_seed(Walk { path, key: self.key })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let Some((&wanted, path)) = self.path.split_first() else { return Err(here()) };
        for index in 0.. {
            let more = if index.to_string() == wanted {
                seq.next_element_seed(Walk { path, key: self.key })?.is_some()
            } else {
                seq.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// A key, judged by a function: what the caller wants to know of it, and whether to fail right there.
struct Key<F>(F);

impl<'de, T, F: FnOnce(&str) -> (T, bool)> DeserializeSeed<'de> for Key<F> {
    type Value = T;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> (T, bool)> Visitor<'_> for Key<F> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: de::Error>(self, key: &str) -> Result<T, E> {
        let (value, fail) = (self.0)(key);
        if fail { Err(here()) } else { Ok(value) }
    }
}

#[derive(Clone, Copy)]
struct Distinct<'a> {
    found: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Distinct<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    for_scalars!(|_: &Self| Ok(()));

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = HashSet::new();
        let mut judge = |key: &str| {
            let again = !seen.insert(key.to_owned());
            if again {
                *self.found.borrow_mut() = Some(key.to_owned());
            }
            ((), again)
        };
        while map.next_key_seed(Key(&mut judge))?.is_some() {
            map.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "\
# é comment
defaults: { timeout: 30m, lock: {wait: 1m} }
environments:
  \"pro duction\":
    database: ${A}
    lock:
      id:   12
    follow: { ready: [0, 3],
      every: 5s }
    empty:
    readers:
      - one
      - two
";

    fn at(line: usize, column: usize) -> Option<Spot> {
        Some(Spot { line, column })
    }

    #[test]
    fn values_are_found_in_every_style() {
        let env = "environments";
        let name = "pro duction";
        assert_eq!(value(YAML, &["defaults", "timeout"]), at(2, 22));
        assert_eq!(value(YAML, &["defaults", "lock", "wait"]), at(2, 40));
        assert_eq!(value(YAML, &[env, name, "database"]), at(5, 15));
        assert_eq!(value(YAML, &[env, name, "lock", "id"]), at(7, 13));
        assert_eq!(value(YAML, &[env, name, "follow", "ready", "1"]), at(8, 26));
        assert_eq!(value(YAML, &[env, name, "follow", "every"]), at(9, 14));
        assert_eq!(value(YAML, &[env, name, "readers", "1"]), at(13, 9));
        assert_eq!(value(YAML, &[env, name, "nothing"]), None);
    }

    #[test]
    fn keys_are_found_too() {
        assert_eq!(key(YAML, &["environments"]), at(3, 1));
        assert_eq!(key(YAML, &["environments", "pro duction"]), at(4, 3));
        assert_eq!(key(YAML, &["defaults", "lock", "wait"]), at(2, 34));
        assert_eq!(key(YAML, &["environments", "pro duction", "empty"]), at(10, 5));
    }

    #[test]
    fn a_duplicate_is_its_second_occurrence() {
        assert_eq!(duplicate(YAML), None);
        assert_eq!(
            duplicate("a: {b: 1}\nc: [ {x: 1, x: 2} ]\n"),
            Some(("x".to_owned(), Spot { line: 2, column: 13 }))
        );
        assert_eq!(duplicate("a: 1\nb: 2\na: 3\n").map(|(_, spot)| spot), at(3, 1));
        assert_eq!(duplicate("a: [b"), None);
    }
}
