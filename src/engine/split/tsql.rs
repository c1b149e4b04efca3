//! Questions about SQL Server's batches, which hold many statements without a sign between them: answered by words that
//! begin one.

use crate::database::EngineName;

use super::inspect::Words;
use super::lexer::Kind;

/// Words with which a statement begins.
const BEGINNINGS: &[&str] = &[
    "ALTER",
    "BACKUP",
    "BEGIN",
    "BULK",
    "COMMIT",
    "CREATE",
    "DBCC",
    "DECLARE",
    "DELETE",
    "DENY",
    "DROP",
    "EXEC",
    "EXECUTE",
    "GRANT",
    "IF",
    "INSERT",
    "KILL",
    "MERGE",
    "PRINT",
    "RAISERROR",
    "RECONFIGURE",
    "RESTORE",
    "REVOKE",
    "ROLLBACK",
    "SAVE",
    "SELECT",
    "SET",
    "THROW",
    "TRUNCATE",
    "UPDATE",
    "USE",
    "WAITFOR",
    "WHILE",
    "WITH",
];

fn words(text: &str) -> impl Iterator<Item = (Kind, String)> + Clone {
    Words::new(text, EngineName::SqlServer).map(|word| (word.kind, word.keyword()))
}

/// Whether the batch only defines a procedure, function, trigger or view, which has to be alone in it: nothing of its
/// body runs.
fn defines_module(text: &str) -> bool {
    let mut words = words(text)
        .map(|(_, word)| word)
        .skip_while(|word| matches!(word.as_str(), "CREATE" | "ALTER" | "OR"));
    let begins =
        self::words(text).next().is_some_and(|(_, word)| matches!(word.as_str(), "CREATE" | "ALTER"));
    begins
        && words.next().is_some_and(|word| {
            matches!(word.as_str(), "PROC" | "PROCEDURE" | "FUNCTION" | "TRIGGER" | "VIEW")
        })
}

/// Whether it ends the transaction that we run it in, or opens one of its own; `ROLLBACK TRAN name` goes back to a
/// `SAVE TRAN`.
pub(super) fn controls(text: &str) -> bool {
    if defines_module(text) {
        return false;
    }
    let mut words = words(text).map(|(_, word)| word).peekable();
    while let Some(word) = words.next() {
        let next = words.peek().map(String::as_str).unwrap_or_default();
        match word.as_str() {
            "BEGIN" if matches!(next, "TRAN" | "TRANSACTION" | "DISTRIBUTED") => return true,
            "COMMIT" => return true,
            "ROLLBACK" if !matches!(next, "TRAN" | "TRANSACTION") => return true,
            "ROLLBACK" => {
                words.next();
                let to = words.peek().map(String::as_str).unwrap_or_default();
                if to.is_empty() || to == "END" || to == "ELSE" || BEGINNINGS.contains(&to) {
                    return true;
                }
            }
            // the second turns on the first, too
            "SET" if matches!(next, "IMPLICIT_TRANSACTIONS" | "ANSI_DEFAULTS") => {
                words.next();
                if words.peek().is_some_and(|word| word == "ON") {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Whether a batch that fails outside a transaction may leave part of its work behind: there is more than one statement
/// in it, as far as words tell, or one that runs others.
pub(super) fn may_stay_in_part(text: &str) -> bool {
    if defines_module(text) {
        return false;
    }
    let mut words = words(text);
    let Some((_, first)) = words.next() else { return false };
    if matches!(first.as_str(), "EXEC" | "EXECUTE" | "IF" | "WHILE" | "BEGIN" | "DECLARE") {
        return true;
    }
    // a procedure's name alone calls it
    if !BEGINNINGS.contains(&first.as_str()) {
        return true;
    }
    let mut before = first.clone();
    while let Some((kind, word)) = words.next() {
        if kind == Kind::Symbol(b';') && words.clone().next().is_some() {
            return true;
        }
        // `ON DELETE CASCADE`, `ALTER TABLE … DROP COLUMN`, `UPDATE … SET`, `INSERT … SELECT`, `CREATE … WITH (…)`
        let of_the_first = before == "ON"
            || word == "WITH"
            || (first == "ALTER" && matches!(word.as_str(), "DROP" | "ALTER" | "SET"))
            || (first == "UPDATE" && word == "SET")
            || (matches!(first.as_str(), "INSERT" | "WITH" | "SELECT") && word == "SELECT");
        if BEGINNINGS.contains(&word.as_str()) && !of_the_first {
            return true;
        }
        before = word;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_of_a_batchs_own_are_found() {
        for text in [
            "BEGIN TRAN\nINSERT t VALUES (1)\nCOMMIT",
            "INSERT t VALUES (1) begin transaction",
            "IF @@TRANCOUNT > 0 ROLLBACK",
            "ROLLBACK TRAN\nTHROW",
            "SET IMPLICIT_TRANSACTIONS ON",
            "set ansi_defaults on",
            "BEGIN TRY SELECT 1 END TRY BEGIN CATCH ROLLBACK TRANSACTION; END CATCH",
        ] {
            assert!(controls(text), "{text}");
        }
        for text in [
            "BEGIN TRY SELECT 1 END TRY BEGIN CATCH THROW END CATCH",
            "SAVE TRAN here; ROLLBACK TRAN here",
            "CREATE OR ALTER PROCEDURE p AS BEGIN TRAN; COMMIT",
            "SELECT 'COMMIT', [commit] -- ROLLBACK",
            "SET IMPLICIT_TRANSACTIONS OFF",
            "SET ANSI_DEFAULTS OFF; SET ANSI_NULLS ON",
        ] {
            assert!(!controls(text), "{text}");
        }
    }

    #[test]
    fn one_statement_is_done_or_not_and_several_may_be_done_in_part() {
        for text in [
            "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON",
            "CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE ON UPDATE CASCADE);",
            "ALTER TABLE t DROP COLUMN a",
            "UPDATE t SET a = 1",
            "INSERT INTO t SELECT 1",
            "CREATE INDEX i ON t (a) WITH (ONLINE = ON)",
            "CREATE PROCEDURE p AS INSERT t VALUES (1); INSERT t VALUES (2)",
        ] {
            assert!(!may_stay_in_part(text), "{text}");
        }
        for text in [
            "INSERT t VALUES (1)\nINSERT t VALUES (2)",
            "CREATE TABLE t (a int); CREATE TABLE u (a int)",
            "EXEC p",
            "sp_rename 'a', 'b'",
            "[dbo].[p]",
            "WHILE 1 = 1 INSERT t VALUES (1)",
            "ALTER TABLE t ADD a int UPDATE t SET a = 1",
        ] {
            assert!(may_stay_in_part(text), "{text}");
        }
    }
}
