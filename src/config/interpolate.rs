//! `${VAR}`, `${VAR:-default}` and `$$` in the config's strings. Knows nothing of files.

/// Why a string cannot be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incomplete {
    /// The variable is not set (or empty), and there is no default.
    NotSet(String),
    /// The text after a `$` is none of the three forms.
    Malformed(&'static str),
}

/// Fills in the variables. A default may hold variables itself; an empty variable counts as unset. A `$` before
/// anything but `{` and `$` stands for itself.
pub(super) fn interpolate(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Incomplete> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        if let Some(after) = tail.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inside) = tail.strip_prefix('{') {
            let end = closing(inside).ok_or(Incomplete::Malformed("a `${` has no `}`"))?;
            out.push_str(&expand(&inside[..end], env)?);
            rest = &inside[end + 1..];
        } else {
            out.push('$');
            rest = tail;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn expand(inside: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Incomplete> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Incomplete::Malformed("a variable is written ${NAME} or ${NAME:-default}"));
    }
    match (env(name).filter(|value| !value.is_empty()), default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => interpolate(default, env),
        (None, None) => Err(Incomplete::NotSet(name.to_owned())),
    }
}

/// Where the brace that is already open closes; nested `${…}` are skipped.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut before = '\0';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(text: &str) -> Result<String, Incomplete> {
        interpolate(text, &|name| match name {
            "A" => Some("alpha".to_owned()),
            "B_2" => Some("${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn variables_are_filled_in() {
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("${A}", "alpha"),
            ("x${A}y${A}", "xalphayalpha"),
            ("${NONE:-d}", "d"),
            ("${NONE:-}", ""),
            ("${EMPTY:-d}", "d"),
            ("${A:-d}", "alpha"),
            ("${NONE:-${A}/b}", "alpha/b"),
            ("${B_2}", "${A}"),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("a$b $", "a$b $"),
            ("${NONE:-a:-b}", "a:-b"),
        ] {
            assert_eq!(with(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        assert_eq!(with("${NONE}"), Err(Incomplete::NotSet("NONE".to_owned())));
        assert_eq!(with("${EMPTY}"), Err(Incomplete::NotSet("EMPTY".to_owned())));
        assert_eq!(with("${NONE:-${OTHER}}"), Err(Incomplete::NotSet("OTHER".to_owned())));
        for text in ["${A", "${}", "${A-b}", "${ A }", "${1}", "${NONE:-${A}"] {
            assert!(matches!(with(text), Err(Incomplete::Malformed(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_without_dollars_is_left_alone(text in "[^$]*") {
            prop_assert_eq!(with(&text), Ok(text));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[${}:A-Z_-]*") {
            let _ = with(&text);
        }
    }
}
