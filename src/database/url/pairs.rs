//! `name=value;…` of SQL Server's connection strings, and how values with a `;` are quoted. Knows no name.

use super::UrlError;

/// What a value may stand in: its beginning and its end, which stands for itself if it is doubled. JDBC and ODBC have
/// braces, and take quotes as they are; ADO has quotes, and takes braces as they are.
pub(super) type Quotes = &'static [(char, char)];
pub(super) const BRACES: Quotes = &[('{', '}')];
pub(super) const QUOTES: Quotes = &[('"', '"'), ('\'', '\'')];

/// `name=value;…`.
pub(super) fn properties(text: &str, quotes: Quotes) -> Result<Vec<(String, String)>, UrlError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches([';', ' ']);
    while !rest.is_empty() {
        // a word alone is nobody's parameter, and may be a password's end
        let (name, after) = rest.split_once('=').ok_or(UrlError::Unclear)?;
        if name.contains(';') {
            return Err(UrlError::Unclear);
        }
        let (value, after) = value(after.trim_start(), quotes)?;
        pairs.push((name.trim().to_owned(), value));
        rest = after.trim_start_matches([';', ' ', '\n', '\r', '\t']);
    }
    if pairs.iter().any(|(_, value)| value.contains('\0')) {
        return Err(UrlError::BadEncoding { part: "parameter" });
    }
    Ok(pairs)
}

/// The value at the beginning, and what follows its semicolon.
fn value(text: &str, quotes: Quotes) -> Result<(String, &str), UrlError> {
    let Some((_, close)) = quotes.iter().copied().find(|(open, _)| text.starts_with(*open)) else {
        let (value, after) = text.split_once(';').unwrap_or((text, ""));
        return Ok((value.trim_end().to_owned(), after));
    };
    let mut value = String::new();
    let mut inside = text[1..].char_indices().peekable();
    while let Some((at, letter)) = inside.next() {
        if letter != close {
            value.push(letter);
        } else if inside.next_if(|(_, next)| *next == close).is_some() {
            value.push(close);
        } else {
            let after = text[1 + at + letter.len_utf8()..].trim_start();
            let Some(after) = after.strip_prefix(';').or(after.is_empty().then_some("")) else { break };
            return Ok((value, after));
        }
    }
    Err(UrlError::Unclear)
}
