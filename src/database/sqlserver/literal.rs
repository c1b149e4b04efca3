//! Arguments as text, right under any `SET` option of the session.

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
        Value::Text(text) if pieces(text).nth(1).is_none() => quoted(text),
        Value::Text(text) => {
            // nvarchar(max), or more than 4,000 characters would be cut off
            let pieces: Vec<_> = pieces(text).map(quoted).collect();
            format!("(CAST(N'' AS nvarchar(max)) + {})", pieces.join(" + "))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// A backslash before a line's end would take both out of the text: it ends a piece.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let whole = rest.take()?;
        let end = whole.match_indices('\\').find(|(at, _)| whole[at + 1..].starts_with(['\n', '\r']));
        let (piece, after) = end.map_or((whole, None), |(at, _)| {
            let (piece, after) = whole.split_at(at + 1);
            (piece, Some(after))
        });
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_ends_where_it_should(text in "[^+]*|[a'\\\\\n\r]*") {
            let literal = literal(&Value::Text(text.clone()));
            prop_assert!(!literal.contains("\\\n") && !literal.contains("\\\r"));
            let inside = literal.strip_prefix("(CAST(N'' AS nvarchar(max)) + ").and_then(|rest| rest.strip_suffix(')'));
            let pieces = inside.unwrap_or(&literal).split(" + N'").enumerate();
            let read: String = pieces
                .map(|(index, piece)| {
                    let piece = if index == 0 { piece.strip_prefix("N'").expect("a quote") } else { piece };
                    let piece = piece.strip_suffix('\'').expect("a quote");
                    assert_eq!(piece.replace("''", "").find('\''), None);
                    piece.replace("''", "'")
                })
                .collect();
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
            (Value::Text("a\\".into()), "N'a\\'"),
            (Value::Text("a\\\nb".into()), "(CAST(N'' AS nvarchar(max)) + N'a\\' + N'\nb')"),
        ] {
            assert_eq!(literal(&value), expected);
        }
    }
}
