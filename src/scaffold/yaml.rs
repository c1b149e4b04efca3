//! Texts as YAML takes them.

/// What YAML would take for something else than a text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A word, in quotes where it needs them, also inside `[…]` and `{…}`.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let begins =
        text.starts_with("--") || text.starts_with(|c: char| c.is_ascii_alphabetic() || "./".contains(c));
    let number = text.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    if begins
        && !number
        && text.chars().all(plain)
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
    {
        return text.to_owned();
    }
    // JSON's texts are YAML's, too
    serde_json::Value::from(text).to_string()
}

/// A line, such as that of a shell, as a value of its own.
pub fn line(text: &str) -> String {
    match text.split(' ').all(|part| word(part) == part || part == "&&") && text.contains(' ') {
        true => text.to_owned(),
        false => word(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_mean_in_yaml_what_they_say() {
        for (text, written) in [
            ("db/migrate", "db/migrate"),
            ("--noinput", "--noinput"),
            ("./bin/x", "./bin/x"),
            ("db:migrate", "\"db:migrate\""),
            ("no", "\"no\""),
            ("-m", "\"-m\""),
            ("1", "\"1\""),
            (".5", "\".5\""),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(word(text), written);
            assert_eq!(serde_yaml::from_str::<String>(written).unwrap(), text);
            assert_eq!(serde_yaml::from_str::<Vec<String>>(&format!("[{written}]")).unwrap(), [text]);
        }
        for text in ["npm ci", "a && b", "a: b", "a #b", "- a", "a 'b'", "a 1"] {
            assert_eq!(serde_yaml::from_str::<String>(&line(text)).unwrap(), text, "{}", line(text));
        }
        assert_eq!(line("npm ci"), "npm ci");
    }
}
