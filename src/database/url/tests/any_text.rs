//! What holds for any text: a login comes back, a password is never seen, nothing panics.

use percent_encoding::NON_ALPHANUMERIC;
use proptest::prelude::*;

use super::*;

pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// All that a user can get to see of a URL.
pub(super) fn seen(url: &str) -> String {
    match parse_on(url, NOTHING, &|_| false) {
        Ok(target) => {
            let labels = (target.host_label(), target.database_label());
            format!("{target} {target:?} {labels:?} {}", target.warnings.join(" "))
        }
        Err(error) => format!("{error} {error:?}"),
    }
}

proptest! {
    #[test]
    fn any_login_comes_back(user in "[^\0]{1,12}", secret in "[^\0]{1,12}", name in "[^\0]{1,12}", mysql: bool) {
        let scheme = if mysql { "mysql" } else { "postgres" };
        let (login, place) = (format!("{}:{}", encode(&user), encode(&secret)), encode(&name));
        let query = format!("user={}&password={}&database={place}", encode(&user), encode(&secret));
        for url in [format!("{scheme}://{login}@db/{place}"), format!("jdbc:{scheme}://db?{query}")] {
            let target = target(&url);
            prop_assert_eq!(target.user.as_deref(), Some(user.as_str()));
            prop_assert_eq!(password(&target), Some(secret.as_str()));
            prop_assert_eq!(target.database.as_deref(), Some(name.as_str()));
            prop_assert!(target.warnings.is_empty());
        }
    }

    #[test]
    fn a_raw_password_is_never_seen(
        before in "[a-z0-9@/#?:&=%,\\[ ]{0,6}",
        after in "[a-z0-9@/#?:&=%,\\[ ]{0,6}",
        scheme in "postgres|mysql2|jdbc:mysql|oracle|postgresql\\+x",
        tail in "db|db:5432|db:x|a,b|d b|",
        query in "|/app|/app\\?sslmode=no|/app\\?x=y",
    ) {
        let raw = format!("{before}MARKER{after}");
        let text = seen(&format!("{scheme}://user:{raw}@{tail}{query}"));
        prop_assert!(!text.contains("MARKER"), "{}", text);
        let text = seen(&format!("user:{raw}@{tail}{query}"));
        prop_assert!(!text.contains("MARKER"), "{}", text);
        let text = seen(&format!("{scheme}://{tail}{query}?password={}", encode(&raw)));
        prop_assert!(!text.contains("MARKER"), "{}", text);
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,60}", scheme in "(jdbc:)?(postgres|mysql|sqlite|file|sqlite\\+x):(//)?") {
        seen(&text);
        seen(&format!("{scheme}{text}"));
        let target = target("postgres://u:%25ab%25@db/app");
        redact(&text, &target);
    }

    #[test]
    fn what_looks_like_a_url_is_not_too_strange(text in "[a-z0-9@/#?:&=%,()\\[\\] .+-]{0,40}") {
        seen(&format!("postgres://{text}"));
        seen(&format!("mysql://{text}"));
    }
}
