//! What a script may have left behind that the session's settings do not put back: found in its text, comments and
//! strings included, so that it may be less than it seems.

/// Ends what one `EXECUTE AS` began; where none did, it ends nothing.
pub(super) const REVERT: &str = "REVERT; ";

/// Kept until what puts the session back is sent.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// It may have moved to another database.
    pub(super) moved: bool,
    /// It may be other users by now: `EXECUTE AS`, so many times.
    pub(super) posing: usize,
    /// Tables that may take values for their identity columns.
    pub(super) identities: Vec<String>,
}

impl Left {
    /// Adds what this text may leave.
    pub(super) fn note(&mut self, sql: &str) {
        self.moved |= sql.to_ascii_lowercase().contains("use");
        self.posing += impersonations(sql);
        for table in identity_inserts(sql) {
            if !self.identities.contains(&table) {
                self.identities.push(table);
            }
        }
    }
}

/// How often a text may make its session another user's.
fn impersonations(sql: &str) -> usize {
    let ends = |letter: char| letter.is_ascii_whitespace() || letter == ';';
    let words: Vec<_> = sql.split(ends).filter(|word| !word.is_empty()).collect();
    let begins = |word: &str| word.eq_ignore_ascii_case("execute") || word.eq_ignore_ascii_case("exec");
    words.windows(2).filter(|pair| begins(pair[0]) && pair[1].eq_ignore_ascii_case("as")).count()
}

const IDENTITY_INSERT: &str = "identity_insert";

/// The tables of `SET IDENTITY_INSERT dbo.t ON`, as they are written.
fn identity_inserts(sql: &str) -> Vec<String> {
    let lower = sql.to_ascii_lowercase();
    let texts = lower.match_indices(IDENTITY_INSERT).map(|(at, word)| sql[at + word.len()..].trim_start());
    texts.filter_map(|text| turned_on(text).map(str::to_owned)).collect()
}

/// A name, if `ON` follows it.
fn turned_on(text: &str) -> Option<&str> {
    let rest = after_name(text)?;
    let on = rest.trim_start();
    let follows = on.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("on"));
    let ends = on.get(2..)?.chars().next().is_none_or(|letter| !in_name(letter));
    let name = &text[..text.len() - rest.len()];
    (follows && ends).then_some(name)
}

fn in_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '#' | '@' | '$')
}

/// What follows `dbo.t`, `[my table]`, `other..t`.
fn after_name(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let end = match rest.chars().next()? {
            // the second of a doubled sign goes on with the name
            '[' | ']' => rest[1..].find(']')? + 2,
            '"' => rest[1..].find('"')? + 2,
            _ => rest.find(|letter| !in_name(letter)).filter(|end| *end > 0)?,
        };
        rest = &rest[end..];
        if rest.starts_with('.') {
            rest = rest.trim_start_matches('.');
        } else if !rest.starts_with([']', '"']) {
            return Some(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_a_text_may_pose_as_is_counted() {
        for (sql, count) in [
            ("EXECUTE AS LOGIN = 'a'", 1),
            ("SELECT 1;exec\n\tAs User = 'a'", 1),
            ("SELECT 1\n;EXEC AS USER = 'a'; EXECUTE AS OWNER", 2),
            ("EXEC p; SELECT a AS b", 0),
        ] {
            assert_eq!(impersonations(sql), count, "{sql}");
        }
    }

    #[test]
    fn tables_that_take_identities_are_found() {
        for (sql, table) in [
            ("SET IDENTITY_INSERT colour ON", "colour"),
            ("insert t values (1) set identity_insert\tdbo.colour on;", "dbo.colour"),
            ("SET IDENTITY_INSERT [my] table] ON", ""),
            ("SET IDENTITY_INSERT [a]].b].\"c d\"ON\nINSERT", "[a]].b].\"c d\""),
            ("SET IDENTITY_INSERT shop..#farbe_ä ON", "shop..#farbe_ä"),
            ("SET IDENTITY_INSERT colour OFF", ""),
            ("-- identity_insert is set; DROP TABLE t -- ON", ""),
            ("SET IDENTITY_INSERT colour once", ""),
            ("SET IDENTITY_INSERT", ""),
        ] {
            let found: Vec<String> =
                Some(table).filter(|table| !table.is_empty()).map(str::to_owned).into_iter().collect();
            assert_eq!(identity_inserts(sql), found, "{sql}");
        }
    }
}
