//! A transaction of ours as one message: this server sets no limit to one that is left open, and a client that is
//! stopped between two messages would keep its rows for as long as it is. Knows nothing of what is written.

use super::DIALECT;
use crate::database::statement::Statement;

/// Begins, writes and ends it. What has to change one row and does not takes all of it back.
pub(super) fn whole(conditions: &[Statement], writes: &[Statement]) -> Statement {
    let mut message = Statement::text(DIALECT.begin).then(&Statement::text("; "));
    for condition in conditions {
        message = message.then(condition).then(&Statement::text("; IF @@ROWCOUNT = 1 BEGIN "));
    }
    for write in writes {
        message = message.then(write).then(&Statement::text("; "));
    }
    let ends = "END; ".repeat(conditions.len());
    let last =
        format!("COMMIT; {ends}IF @@TRANCOUNT = 0 SELECT 1 ELSE BEGIN ROLLBACK TRANSACTION; SELECT 0 END");
    message.then(&Statement::text(&last))
}

/// Whether a session's transaction has touched a table: a lock on one of its rows is announced on the table, and both
/// stay until the transaction ends. Babelfish shows nobody's locks.
pub(super) const KEEPS_OPEN: &str = "IF OBJECT_ID('sys.dm_tran_locks') IS NOT NULL BEGIN \
    IF HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1 SELECT TOP (1) 1 FROM sys.dm_tran_locks l \
    JOIN sys.dm_exec_sessions s ON s.session_id = l.request_session_id \
    WHERE l.resource_type = 'OBJECT' AND l.resource_database_id = DB_ID() \
    AND l.resource_associated_entity_id = OBJECT_ID(?) AND l.request_status = 'GRANT' \
    AND CONCAT(s.session_id, '@', DATEDIFF_BIG(millisecond, '1970-01-01', s.login_time)) = ? \
    ELSE SELECT CAST(NULL AS int) END";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::statement::Value;

    fn change(sql: &str, value: i64) -> Statement {
        Statement::new(&DIALECT, &[], sql, vec![value.into()])
    }

    fn said(statement: &Statement) -> String {
        statement.render(|number, _| format!("@P{number}"))
    }

    #[test]
    fn a_transaction_is_one_message_that_begins_and_ends_it() {
        let claims = [change("UPDATE a SET b = ?", 7), change("UPDATE c SET d = ?", 8)];
        let writes = [change("DELETE FROM e WHERE f = ?", 9), change("INSERT g VALUES (?)", 10)];
        let message = whole(&claims, &writes);
        let begins = format!(
            "{}; UPDATE a SET b = @P1; IF @@ROWCOUNT = 1 BEGIN UPDATE c SET d = @P2; IF @@ROWCOUNT = 1 BEGIN \
             DELETE FROM e WHERE f = @P3; INSERT g VALUES (@P4); COMMIT; END; END; ",
            DIALECT.begin
        );
        let ends = "IF @@TRANCOUNT = 0 SELECT 1 ELSE BEGIN ROLLBACK TRANSACTION; SELECT 0 END";
        assert_eq!(said(&message), format!("{begins}{ends}"));
        assert_eq!(message.arguments(), [7, 8, 9, 10].map(Value::Int));
    }

    #[test]
    fn without_a_condition_it_is_always_done() {
        let message = said(&whole(&[], &[change("UPDATE a SET b = ?", 7)]));
        assert!(message.contains("; UPDATE a SET b = @P1; COMMIT; IF @@TRANCOUNT = 0 SELECT 1"), "{message}");
        assert!(DIALECT.begin.starts_with("SET XACT_ABORT ON"), "an error would leave it open");
    }
}
