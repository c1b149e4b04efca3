//! Arguments as text, since the extended protocol would leave prepared statements on a pooler's connections.

use crate::database::statement::Value;

/// A value, right whatever `standard_conforming_strings` says. A NUL in text is refused when it is sent.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        // the smallest number is no literal: its digits alone are out of range
        Value::Int(i64::MIN) => "(-9223372036854775807-1)".into(),
        Value::Int(number) if *number < 0 => format!("({number})"),
        Value::Int(number) => number.to_string(),
        Value::Bool(true) => "TRUE".into(),
        Value::Bool(false) => "FALSE".into(),
        Value::Bytes(bytes) => format!("pg_catalog.decode('{}', 'hex')", crate::model::ids::hex(bytes)),
        Value::Text(text) => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the server reads in `E'…'`.
    fn read_back(literal: &str) -> Option<String> {
        let mut inner = literal.strip_prefix("E'")?.strip_suffix('\'')?.chars();
        let mut text = String::new();
        while let Some(next) = inner.next() {
            match next {
                '\'' => text.push(inner.next().filter(|second| *second == '\'')?),
                '\\' => text.push(inner.next().filter(|second| *second == '\\')?),
                other => text.push(other),
            }
        }
        Some(text)
    }

    proptest! {
        #[test]
        fn text_comes_back(text in "[^\0]*") {
            prop_assert_eq!(read_back(&literal(&Value::Text(text.clone()))), Some(text));
        }

        #[test]
        fn quotes_and_backslashes_come_back(text in r"['\\a]{0,12}") {
            prop_assert_eq!(read_back(&literal(&Value::Text(text.clone()))), Some(text));
        }
    }

    #[test]
    fn other_values_are_literals_too() {
        for (value, expected) in [
            (Value::Null, "NULL"),
            (Value::Int(7), "7"),
            (Value::Int(-7), "(-7)"),
            (Value::Bool(true), "TRUE"),
            (Value::Bytes(vec![0, 255]), "pg_catalog.decode('00ff', 'hex')"),
        ] {
            assert_eq!(literal(&value), expected);
        }
    }
}
