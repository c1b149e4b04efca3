//! Arguments as text, right under any `sql_mode`: strings as hexadecimal, so that nothing needs escaping.

use crate::database::statement::Value;
use crate::model::ids::hex;

pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(number) if *number < 0 => format!("({number})"),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => u8::from(*truth).to_string(),
        Value::Bytes(bytes) => format!("X'{}'", hex(bytes)),
        // an empty hexadecimal string is a number to some servers
        Value::Text(text) if text.is_empty() => "''".into(),
        Value::Text(text) => format!("_utf8mb4 X'{}'", hex(text.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_of_a_text_reaches_the_parser(text in ".+") {
            let literal = literal(&Value::Text(text.clone()));
            let digits = literal.strip_prefix("_utf8mb4 X'").and_then(|rest| rest.strip_suffix('\''));
            let digits = digits.expect("a hexadecimal string");
            prop_assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            prop_assert_eq!(digits.len(), 2 * text.len());
        }
    }

    #[test]
    fn other_values_are_literals_too() {
        for (value, expected) in [
            (Value::Null, "NULL"),
            (Value::Int(-7), "(-7)"),
            (Value::Bool(true), "1"),
            (Value::Bytes(vec![0, 255]), "X'00ff'"),
            (Value::Text(String::new()), "''"),
        ] {
            assert_eq!(literal(&value), expected);
        }
    }
}
