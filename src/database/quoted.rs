//! What stands in quotes, as SQL Server's names and connection strings have them: the closing one, doubled, is one of the
//! text's own.

/// The text in the quotes at the beginning, and what follows them; none if they are not closed.
pub(super) fn quoted(text: &str, close: char) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != close {
            inner.push(letter);
        } else if letters.next_if(|(_, next)| *next == close).is_some() {
            inner.push(close);
        } else {
            return Some((inner, &text[at + letter.len_utf8()..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_quote_that_is_doubled_is_one() {
        for (text, close, expected) in [
            ("[a]]b] c", ']', Some(("a]b", " c"))),
            ("{}}};x", '}', Some(("}", ";x"))),
            ("''", '\'', Some(("", ""))),
            ("\"a\"\"", '"', None),
            ("[é", ']', None),
        ] {
            assert_eq!(quoted(text, close), expected.map(|(inner, rest)| (inner.to_owned(), rest)), "{text}");
        }
    }
}
