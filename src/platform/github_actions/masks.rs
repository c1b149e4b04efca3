//! What the runner must not show: the database's URL and password in every form in which they may turn up, and tokens.
//! Only the container action does so, whose streams belong to the runner: a `run:` step may write them into a file,
//! where a mask would be the very secret. Values of fewer than four characters would tear holes into ordinary words,
//! and a password that equals another part of its URL (`postgres`) is no secret; neither is masked.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::platform::github_actions::{commands, inputs};
use crate::platform::{Env, set};

/// The shortest value that is masked, in characters.
const SHORTEST: usize = 4;
/// Variables that hold a URL.
const URLS: [&str; 2] = ["BELLWETHER_DATABASE_URL", "DATABASE_URL"];
/// Variables that are a secret as a whole.
const SECRETS: [&str; 6] =
    ["BELLWETHER_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "PGPASSWORD", "MYSQL_PWD", "SQLCMDPASSWORD"];
/// Words of a URL's parameters that name a password.
const PARAMETERS: [&str; 4] = ["password", "pass", "pwd", "sslpassword"];
/// What a URL may write as it is: everything else is percent-encoded in the strictest form.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All that the environment knows, before anything is said.
pub(super) fn of_environment(env: Env<'_>) -> BTreeSet<String> {
    let urls = URLS.into_iter().filter_map(|name| set(env, name));
    let mut masks: BTreeSet<String> =
        urls.chain(inputs::input(env, "database-url")).flat_map(|url| of(&url)).collect();
    let tokens = SECRETS.into_iter().filter_map(|name| set(env, name));
    masks.extend(tokens.chain(inputs::input(env, "github-token")).flat_map(|secret| forms(&secret)));
    masks
}

/// Every form of a secret: of a URL, the whole and its password; of anything else, itself.
pub(super) fn of(secret: &str) -> BTreeSet<String> {
    let text = secret.trim();
    let Some((scheme, rest)) = text.split_once("://") else {
        // SQLite's URLs have no authority, and nothing to hide
        let is_file = text.starts_with("sqlite:") || text.starts_with("file:");
        // ADO's strings
        let inside = parameters(text).into_iter().flat_map(|password| forms(&password));
        return if is_file { BTreeSet::new() } else { forms(text).into_iter().chain(inside).collect() };
    };
    let passwords = passwords(rest);
    let shown = shown(scheme, rest);
    let secret = |password: &&String| {
        let decoded = decode(password);
        !shown.contains(&decoded)
    };
    let mut masks: BTreeSet<String> =
        passwords.iter().filter(secret).flat_map(|password| forms(password)).collect();
    if !masks.is_empty() {
        masks.insert(text.to_owned());
    }
    masks
}

/// Writes masks to both streams: the runner reads them apart, so that one may be ahead of the other.
pub(super) fn write(masks: &BTreeSet<String>) {
    let lines: String = masks.iter().map(|mask| commands::mask(mask)).collect();
    if !lines.is_empty() {
        let _ = io::stdout().write_all(lines.as_bytes()).and_then(|()| io::stdout().flush());
        let _ = io::stderr().write_all(lines.as_bytes());
    }
}

/// As it is, decoded, and encoded in both cases; of several lines each one, as the runner does.
fn forms(secret: &str) -> BTreeSet<String> {
    let decoded = decode(secret);
    let encoded = utf8_percent_encode(&decoded, UNRESERVED).to_string();
    let lower = lower_hex(&encoded);
    let json = serde_json::to_string(&decoded).unwrap_or_default();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    [secret.to_owned(), decoded, encoded, lower, json]
        .iter()
        .flat_map(|form| form.lines())
        .filter(|line| line.trim().chars().count() >= SHORTEST)
        .map(str::to_owned)
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn lower_hex(encoded: &str) -> String {
    // letters outside of codes keep their case
    let mut code = 0_usize;
    encoded
        .chars()
        .map(|c| {
            let in_code = code > 0;
            code = if c == '%' { 2 } else { code.saturating_sub(1) };
            if in_code { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}

/// After the user's name, and in parameters; as they are written.
fn passwords(rest: &str) -> Vec<String> {
    let mut found = Vec::new();
    // a password that is not encoded as it should be may hold any of `/?#@`: the last `@` ends it
    if let Some((userinfo, _)) = rest.rsplit_once('@')
        && let Some((_, password)) = userinfo.split_once(':')
    {
        found.push(password.to_owned());
    }
    found.extend(parameters(rest));
    found.retain(|password| !password.is_empty());
    found
}

/// `password=…` after `?`, `&` or `;`, in braces or quotes where SQL Server's drivers have them.
fn parameters(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.rsplit(['?', '&', ';']).next().unwrap_or(before).trim().to_lowercase();
        let close = match after.trim_start().chars().next() {
            Some('{') => Some('}'),
            Some(quote @ ('"' | '\'')) => Some(quote),
            _ => None,
        };
        let inside = after.trim_start();
        let end = match close {
            // a doubled one stands for itself
            Some(close) => inside[1..]
                .replace(&close.to_string().repeat(2), "\0\0")
                .find(close)
                .map_or(inside.len(), |at| at + 2),
            None => inside.find(['&', ';']).unwrap_or(inside.len()),
        };
        if PARAMETERS.contains(&name.as_str()) {
            let value = &inside[..end];
            found.push(value.to_owned());
            if let Some(close) = close {
                // to ADO braces are letters, to JDBC quotes are
                found.push(inside.split(['&', ';']).next().unwrap_or_default().trim_end().to_owned());
                let bare = value[1..].strip_suffix(close).unwrap_or(&value[1..]);
                found.push(bare.replace(&close.to_string().repeat(2), &close.to_string()));
            }
        }
        rest = &inside[end..];
    }
    found
}

/// The parts of a URL that are shown anyway.
fn shown(scheme: &str, rest: &str) -> Vec<String> {
    let (userinfo, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let user = userinfo.split(':').next().unwrap_or_default();
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    let host = authority.split(':').next().unwrap_or_default();
    let database = path.split('?').next().unwrap_or_default();
    [scheme, user, host, database].map(decode).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(secret: &str) -> Vec<String> {
        of(secret).into_iter().collect()
    }

    #[test]
    fn a_password_is_masked_in_every_form() {
        let url = "postgres://app:p%40ss%2fW%C3%B6rd%22@db/shop";
        let masks = masks(url);
        for form in [
            url,
            "p%40ss%2fW%C3%B6rd%22",
            "p@ss/Wörd\"",
            "p%40ss%2FW%C3%B6rd%22",
            "p%40ss%2fW%c3%b6rd%22",
            "p@ss/Wörd\\\"",
        ] {
            assert!(masks.iter().any(|mask| mask == form), "{form} is not in {masks:?}");
        }
    }

    #[test]
    fn what_is_short_shown_anyway_or_no_secret_is_not_masked() {
        for url in [
            "postgres://postgres:postgres@postgres:5432/postgres",
            "postgres://app:abc@db/shop",
            "postgres://app@db/shop",
            "sqlite:///data/shop.db",
            "sqlite:shop.db",
        ] {
            assert!(masks(url).is_empty(), "{url}: {:?}", masks(url));
        }
    }

    #[test]
    fn a_password_is_found_where_people_put_it() {
        for (url, password) in [
            ("postgres://app:pa@ss/wo?rd@db/shop", "pa@ss/wo?rd"),
            ("mysql://db/shop?user=app&password=hunter22", "hunter22"),
            ("sqlserver://db:1433;x?Password=hunter22", "hunter22"),
            ("jdbc:sqlserver://db:1433;user=a;password={hunter;}}22};database=x", "hunter;}22"),
            ("sqlserver://db;password=hunter22;database=x", "hunter22"),
            ("Server=db;User Id=a;PWD=hunter22;Database=x", "hunter22"),
            ("Server=db;Password=\"hunter;22\"", "hunter;22"),
            ("Server=db;Password={hunter}22;Database=x", "{hunter}22"),
            ("jdbc:sqlserver://db;password='hunter'22;user=x", "'hunter'22"),
        ] {
            assert!(masks(url).iter().any(|mask| mask == password), "{url}: {:?}", masks(url));
        }
        assert_eq!(masks("not a url at all"), ["not a url at all", "not%20a%20url%20at%20all"]);
    }

    #[test]
    fn what_the_environment_knows_is_masked_first_of_all() {
        let env = |name: &str| match name {
            "DATABASE_URL" => Some("postgres://a:first-one@h/d".to_owned()),
            "INPUT_DATABASE-URL" => Some("postgres://a:second-one@h/d".to_owned()),
            "BELLWETHER_DATABASE_URL" => Some(String::new()),
            "INPUT_GITHUB-TOKEN" => Some("ghs_123456".to_owned()),
            _ => None,
        };
        let masks = of_environment(&env);
        for secret in ["first-one", "second-one", "ghs_123456"] {
            assert!(masks.contains(secret), "{masks:?}");
        }
        assert!(!masks.contains(""));
    }
}
