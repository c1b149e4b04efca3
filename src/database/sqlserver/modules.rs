//! What a batch defines that has lines of its own to count: a procedure, function, trigger or view. Reads its first words.

use crate::database::quoted::quoted;

/// Whether this batch defines the procedure of that name, as the server says it: then lines count from its beginning.
pub(super) fn defines(batch: &str, procedure: &str) -> bool {
    let mut rest = batch;
    let mut word = next_word(&mut rest);
    let begins = ["create", "alter"].iter().any(|first| word.eq_ignore_ascii_case(first));
    while ["create", "or", "alter"].iter().any(|first| word.eq_ignore_ascii_case(first)) {
        word = next_word(&mut rest);
    }
    let kinds = ["proc", "procedure", "function", "trigger", "view"];
    begins
        && kinds.iter().any(|kind| word.eq_ignore_ascii_case(kind))
        && last_part(rest).is_some_and(|name| last_part(procedure).is_some_and(|of| same(&name, &of)))
}

/// In most collations.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The last line of a text, from 1, however its lines end.
pub(super) fn lines(text: &str) -> usize {
    let ends = text.as_bytes().windows(2).filter(|pair| pair[0] == b'\r' && pair[1] != b'\n').count();
    1 + ends + text.matches('\n').count() + usize::from(text.ends_with('\r'))
}

/// Behind blanks and comments.
fn behind_blanks(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
        if rest.starts_with("--") {
            rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = behind_comment(rest);
        } else {
            return rest;
        }
    }
}

/// Comments hold others.
fn behind_comment(text: &str) -> &str {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(step) = text[at..].find(['*', '/']) {
        at += step;
        match text.as_bytes()[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth.saturating_sub(1)),
            _ => at += 1,
        }
        if depth == 0 {
            return &text[at..];
        }
    }
    ""
}

/// A name or a keyword that stands in nothing; empty if there is none.
fn next_word<'a>(rest: &mut &'a str) -> &'a str {
    let text = behind_blanks(rest);
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '@' | '#' | '$');
    let end = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    *rest = &text[end..];
    &text[..end]
}

/// The last part of a name at the beginning of a text: `[dbo].[pay]` is `pay`.
fn last_part(text: &str) -> Option<String> {
    let mut rest = text;
    loop {
        rest = behind_blanks(rest);
        let part;
        (part, rest) = match rest.chars().next()? {
            '[' => quoted(rest, ']')?,
            '"' => quoted(rest, '"')?,
            _ => {
                let word = next_word(&mut rest);
                (word.to_owned(), rest)
            }
        };
        match behind_blanks(rest).strip_prefix('.') {
            Some(more) => rest = more,
            None => return Some(part).filter(|part| !part.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_batch_that_defines_a_procedure_defines_it() {
        for batch in [
            "-- x\nCREATE OR ALTER PROC [dbo].[Pay] AS SELECT 1",
            "/* bellwether 1 */ create procedure pay as select 1",
            "/* a /* b */ c */ ALTER -- it\nVIEW \"dbo\" . \"pay\" AS SELECT 1",
            "\u{feff}CREATE TRIGGER shop.dbo.pay ON t AFTER INSERT AS SELECT 1",
            "CREATE FUNCTION pay(@a int) RETURNS int AS BEGIN RETURN 1 END",
        ] {
            assert!(defines(batch, "dbo.pay") && defines(batch, "PAY"), "{batch}");
        }
        for batch in [
            "EXEC dbo.pay",
            "EXEC dbo.pay @created_at = 1",
            "CREATE TABLE u (a int)\nEXEC dbo.pay",
            "CREATE PROC pay_all AS EXEC pay",
            "CREATE PROC [pay all] AS EXEC pay",
            "ALTER TABLE pay ADD created int",
            "/* CREATE PROC pay */ EXEC pay",
            "OR PROC pay",
            "CREATE PROC",
            "CREATE PROC [pay",
            "",
        ] {
            assert!(!defines(batch, "dbo.pay"), "{batch}");
        }
        assert!(defines("CREATE PROC [a]]b.c] AS SELECT 1", "[a]]b.c]"));
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        for (text, count) in
            [("", 1), ("a", 1), ("a\nb", 2), ("a\r\nb\r\n", 3), ("a\rb\r", 3), ("a\r\r\nb", 3)]
        {
            assert_eq!(lines(text), count, "{text:?}");
        }
    }
}
