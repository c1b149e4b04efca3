//! Arguments as text, right under any `SET` option of the session.

use std::fmt::Write as _;

use crate::database::statement::Value;
use crate::model::ids::hex;

pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        // a longer one would be a decimal
        Value::Int(number) if i32::try_from(*number).is_err() => format!("CAST({number} AS bigint)"),
        Value::Int(number) if *number < 0 => format!("({number})"),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => u8::from(*truth).to_string(),
        Value::Bytes(bytes) => format!("0x{}", hex(bytes)),
        Value::Text(text) if is_plain(text) => format!("N'{}'", text.replace('\'', "''")),
        Value::Text(text) => {
            let mut digits = String::with_capacity(4 * text.len());
            for unit in text.encode_utf16() {
                let [low, high] = unit.to_le_bytes();
                let _ = write!(digits, "{low:02x}{high:02x}");
            }
            format!("CAST(0x{digits} AS nvarchar(max))")
        }
    }
}

/// A backslash before a line's end would take both out of the text, and a NUL may end it.
fn is_plain(text: &str) -> bool {
    !text.contains(['\\', '\0', '\r'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_ends_where_it_should(text in ".*|[a'\\\\\n]*") {
            let literal = literal(&Value::Text(text.clone()));
            let read = match literal.strip_prefix("N'").and_then(|rest| rest.strip_suffix('\'')) {
                Some(inside) => {
                    prop_assert!(!inside.contains("\\\n"));
                    prop_assert_eq!(inside.replace("''", "").find('\''), None);
                    inside.replace("''", "'")
                }
                None => {
                    let digits = literal.strip_prefix("CAST(0x").and_then(|it| it.strip_suffix(" AS nvarchar(max))"));
                    let digits = digits.expect("a hexadecimal number").as_bytes();
                    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("a byte");
                    let units: Vec<u16> =
                        digits.chunks(4).map(|four| u16::from_le_bytes([byte(&four[..2]), byte(&four[2..])])).collect();
                    String::from_utf16(&units).expect("UTF-16")
                }
            };
            prop_assert_eq!(read, text);
        }
    }

    #[test]
    fn other_values_are_literals_too() {
        for (value, expected) in [
            (Value::Null, "NULL"),
            (Value::Int(-7), "(-7)"),
            (Value::Int(i64::MIN), "CAST(-9223372036854775808 AS bigint)"),
            (Value::Bool(true), "1"),
            (Value::Bytes(vec![0, 255]), "0x00ff"),
            (Value::Text("it's".into()), "N'it''s'"),
            (Value::Text("a\\".into()), "CAST(0x61005c00 AS nvarchar(max))"),
        ] {
            assert_eq!(literal(&value), expected);
        }
    }
}
