//! `name=value;…` of SQL Server's connection strings, and how values with a `;` are quoted. Knows no name.

use super::UrlError;
use crate::database::quoted::quoted;

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
    let (value, after) = quoted(text, close).ok_or(UrlError::Unclear)?;
    let after = after.trim_start();
    let after = after.strip_prefix(';').or(after.is_empty().then_some("")).ok_or(UrlError::Unclear)?;
    Ok((value, after))
}
