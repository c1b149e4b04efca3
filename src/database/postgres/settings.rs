//! What is set on a session, so that neither a role's defaults nor a dead leader can stop a deploy.
//!
//! Looks set theirs in each query's own transaction and leave nothing behind: they may go through a pooler, whose
//! server connections belong to the application.

use crate::database::Purpose;
use crate::database::postgres::literal::literal;
use crate::database::statement::Value;

/// After a look's settings comes its query, in the same message.
pub(super) fn before_a_look(of_url: &[(String, String)]) -> String {
    let ours = [("statement_timeout", "8s"), ("lock_timeout", "1s"), ("transaction_read_only", "on")];
    let calls: Vec<String> = pairs(of_url)
        .chain(ours)
        .map(|(name, value)| format!("pg_catalog.set_config({}, {}, true)", text(name), text(value)))
        .collect();
    format!("SELECT {}; ", calls.join(", "))
}

/// The settings of a leader's sessions. `known` = PostgreSQL's version number, which says what there is to set.
pub(super) fn of_a_leader(purpose: Purpose, of_url: &[(String, String)], known: u32) -> String {
    let statements: Vec<String> =
        names(purpose, known).into_iter().map(|(name, value)| statement(name, value)).collect();
    format!("{}{}", url_settings(of_url), statements.join("; "))
}

/// `SET` where the value is fixed: it is never planned, and all of this is said again after each script.
fn statement(name: &str, value: &str) -> String {
    if value == SYNCHRONOUS_COMMIT {
        return format!("SELECT pg_catalog.set_config({}, {}, false)", text(name), expression(value));
    }
    format!("SET {name} = {}", text(value))
}

/// What the URL says, for the one message that it stands in; or nothing.
pub(super) fn of_a_message(of_url: &[(String, String)]) -> String {
    pairs(of_url)
        .map(|(name, value)| format!("SELECT pg_catalog.set_config({}, {}, true); ", text(name), text(value)))
        .collect()
}

/// What a leader sets for one transaction, where nothing may stay on the session. `known` as above.
pub(super) fn of_a_transaction(of_url: &[(String, String)], known: u32) -> String {
    let mut names = vec![
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("synchronous_commit", SYNCHRONOUS_COMMIT),
    ];
    if known >= 14_00_00 {
        names.push(("client_connection_check_interval", "1s"));
    }
    if known >= 17_00_00 {
        names.push(("transaction_timeout", "0"));
    }
    let calls: Vec<String> = pairs(of_url)
        .chain(names)
        .map(|(name, value)| format!("pg_catalog.set_config({}, {}, true)", text(name), expression(value)))
        .collect();
    format!("SELECT {}", calls.join(", "))
}

/// The same for servers that refused them: only what they know, and nothing of the network.
pub(super) fn of_a_leader_where_known(purpose: Purpose, of_url: &[(String, String)]) -> String {
    let rows: Vec<String> = names(purpose, u32::MAX)
        .into_iter()
        .filter(|(name, _)| !name.starts_with("tcp_") && *name != "client_connection_check_interval")
        .map(|(name, value)| format!("({}, {})", text(name), expression(value)))
        .collect();
    format!(
        "{}SELECT pg_catalog.set_config(s.name, v.value, false) FROM (VALUES {}) AS v (name, value) \
         JOIN pg_catalog.pg_settings s ON s.name = v.name",
        url_settings(of_url),
        rows.join(", ")
    )
}

const SYNCHRONOUS_COMMIT: &str = "at least on";

fn names(purpose: Purpose, known: u32) -> Vec<(&'static str, &'static str)> {
    let mut names = vec![
        ("statement_timeout", if purpose == Purpose::Look { "8s" } else { "0" }),
        // who looks waits for nobody: a tool may have its history locked until it commits
        ("lock_timeout", if purpose == Purpose::Look { "1s" } else { "0" }),
        ("idle_in_transaction_session_timeout", "15s"),
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "3"),
        ("tcp_keepalives_count", "3"),
        ("synchronous_commit", SYNCHRONOUS_COMMIT),
        ("default_transaction_read_only", "off"),
        ("default_transaction_isolation", "read committed"),
    ];
    if known >= 14_00_00 {
        names.extend([("idle_session_timeout", "15s"), ("client_connection_check_interval", "1s")]);
    }
    if known >= 17_00_00 {
        names.push(("transaction_timeout", "0"));
    }
    names
}

/// remote_apply is more than on; the rest is less or the same.
fn expression(value: &str) -> String {
    if value == SYNCHRONOUS_COMMIT {
        return "CASE pg_catalog.current_setting('synchronous_commit') \
                WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END"
            .into();
    }
    text(value)
}

fn url_settings(of_url: &[(String, String)]) -> String {
    pairs(of_url)
        .map(|(name, value)| {
            format!("SELECT pg_catalog.set_config({}, {}, false); ", text(name), text(value))
        })
        .collect()
}

/// These two go with the connection itself.
fn pairs(of_url: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    of_url
        .iter()
        .filter(|(name, _)| name != "application_name" && name != "options")
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

fn text(text: &str) -> String {
    literal(&Value::Text(text.replace('\0', "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_leaves_nothing_behind() {
        let sql = before_a_look(&[("search_path".into(), "it's".into())]);
        assert!(sql.contains("set_config(E'search_path', E'it''s', true)"), "{sql}");
        assert!(!sql.contains("false"), "{sql}");
    }

    #[test]
    fn what_a_lease_sets_ends_with_its_transaction_and_commits_for_good() {
        let sql = of_a_transaction(&[("search_path".into(), "tenant".into())], 17_00_00);
        assert!(
            sql.contains("set_config(E'search_path', E'tenant', true)") && !sql.contains("false"),
            "{sql}"
        );
        assert!(sql.contains("'synchronous_commit', CASE") && !sql.contains("at least"), "{sql}");
    }

    #[test]
    fn old_servers_are_asked_for_nothing_new() {
        let old = of_a_leader(Purpose::Work, &[], 13_00_09);
        assert!(!old.contains("idle_session_timeout") && old.contains("idle_in_transaction"), "{old}");
        let new = of_a_leader(Purpose::Work, &[], 17_00_00);
        assert!(new.contains("SET idle_session_timeout") && new.contains("transaction_timeout"), "{new}");
    }
}
